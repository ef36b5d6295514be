"""``schema``: the JSON Schema of the configuration file, or of a dashboard's, as include/*.schema.json have them."""

from __future__ import annotations

import argparse
import json
from typing import Any

from lakelanes.commands.report import Report
from lakelanes.config.loading import json_schema
from lakelanes.dashboards import loading as dashboards


def add(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "schema", help="print the JSON Schema of the configuration file, or of a dashboard's"
    )
    parser.add_argument("--dashboard", action="store_true", help="of the files of include/dashboards")
    return parser


def run(options: argparse.Namespace) -> Report:
    found = dashboards.json_schema() if options.dashboard else json_schema()
    return Report(json.dumps(found, indent=2), found)
