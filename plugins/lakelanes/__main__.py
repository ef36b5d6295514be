"""``python -m lakelanes check|schema``: checks configuration and views, or prints the configuration's JSON Schema."""

from __future__ import annotations

import argparse
import json
import sys

from lakelanes.config import json_schema, load_config
from lakelanes.errors import LakeError
from lakelanes.views import read_views


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lakelanes", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="check the configuration file and the SQL of the views")
    check.add_argument("config", nargs="?", help="the file (default: $LAKE_CONFIG, else include/lake.json)")
    commands.add_parser("schema", help="print the JSON Schema of the configuration file")
    options = parser.parse_args(arguments)
    if options.command == "schema":
        print(json.dumps(json_schema(), indent=2))
        return 0
    try:
        config = load_config(options.config)
        views = read_views()
    except LakeError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(config.entities)} entities, {len(config.tables)} DynamoDB tables, {len(views)} views: no faults")
    return 0


if __name__ == "__main__":
    sys.exit(main())
