"""``tables``: how far the exports of a DynamoDB table are, and their new start after a gap."""

from __future__ import annotations

import argparse
from typing import Any

from lakelanes.commands.environment import open_lake
from lakelanes.commands.report import Report, table_named
from lakelanes.tables.planning import check, repair


def add(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "tables", help="say how far the exports of a DynamoDB table are, or start them anew"
    )
    parser.add_argument(
        "action",
        choices=("status", "repair"),
        help="status: say how far they are, or which gap there is; repair: start anew with a full export",
    )
    parser.add_argument("table", help="the table's name in the configuration")
    return parser


def run(options: argparse.Namespace) -> Report:
    lake = open_lake()
    table = table_named(lake, options.table)
    text = check(lake, table) if options.action == "status" else repair(lake, table)
    return Report(text, {"table": table.name, options.action: text})
