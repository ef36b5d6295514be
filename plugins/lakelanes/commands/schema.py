"""``schema``: the JSON Schema of the configuration file, as include/lake.schema.json has it."""

from __future__ import annotations

import argparse
import json
from typing import Any

from lakelanes.commands.report import Report
from lakelanes.config.loading import json_schema


def add(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "schema", help="print the JSON Schema of the configuration file"
    )
    return parser


def run(options: argparse.Namespace) -> Report:
    found = json_schema()
    return Report(json.dumps(found, indent=2), found)
