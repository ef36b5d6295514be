"""``python -m lakelanes status|files|retry|plan|check|schema|tables``.

Says how the lake stands and repairs it (``lakelanes.commands``); checks configuration and views, prints the
configuration's JSON Schema, shows and repairs the exports of tables.
"""

from __future__ import annotations

import argparse
import json
import sys

from lakelanes import commands as lake_commands
from lakelanes.catalog.views import read_views
from lakelanes.config.loading import json_schema, load_config
from lakelanes.errors import LakeError


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lakelanes", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="check the configuration file and the SQL of the views")
    check.add_argument("config", nargs="?", help="the file (default: $LAKE_CONFIG, else include/lake.json)")
    lake_commands.add_verification(check)
    lake_commands.add_all(commands)
    commands.add_parser("schema", help="print the JSON Schema of the configuration file")
    tables = commands.add_parser("tables", help="the exports of DynamoDB tables")
    actions = tables.add_subparsers(dest="action", required=True)
    for action, text in (("status", "say how far they are"), ("repair", "start them anew with a full export")):
        named = actions.add_parser(action, help=text)
        named.add_argument("table", help="the table's name in the configuration")
    options = parser.parse_args(arguments)
    if options.command == "schema":
        print(json.dumps(json_schema(), indent=2))
        return 0
    if options.command == "tables":
        return _tables(options.action, options.table)
    try:
        if "run" in options:
            return int(options.run(options))
        if options.ledger or options.rebuild:
            return lake_commands.verify_ledger(options)
        config = load_config(options.config)
        views = read_views()
    except LakeError as error:
        if getattr(options, "json", False):
            print(json.dumps({"error": str(error)}, indent=2))
        print(error, file=sys.stderr)
        return 1
    counts = {"entities": len(config.entities), "tables": len(config.tables), "views": len(views)}
    if options.json:
        print(json.dumps({**counts, "faults": []}, indent=2))
    else:
        print("{entities} entities, {tables} DynamoDB tables, {views} views: no faults".format(**counts))
    return 0


def _tables(action: str, name: str) -> int:
    from lakelanes.lake import Lake
    from lakelanes.tables.planning import check, repair

    try:
        lake = Lake.open()
        table = lake.config.tables.get(name)
        if table is None:
            raise LakeError(
                f"the configuration has no table {name!r}; it has {', '.join(lake.config.tables) or 'none'}"
            )
        print(check(lake, table) if action == "status" else repair(lake, table))
    except LakeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
