"""``quicksight``: the template of the dashboards in QuickSight, as infrastructure/dashboards.yaml has it."""

from __future__ import annotations

import argparse
from typing import Any

from lakelanes.commands.report import Report
from lakelanes.config.loading import load_config
from lakelanes.dashboards.quicksight.template import dashboards_template, text


def add(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "quicksight", help="print the template of the dashboards in QuickSight"
    )
    parser.add_argument("config", nargs="?", help="the file (default: $LAKE_CONFIG, else include/lake.json)")
    return parser


def run(options: argparse.Namespace) -> Report:
    template = dashboards_template(load_config(options.config))
    return Report(text(template).removesuffix("\n"), template)
