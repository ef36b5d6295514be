"""``drop``: lists what the lake has of an entity or a DynamoDB table, and with ``--yes`` deletes it.

The deployment gives no role the rights for that: they are those of whoever runs it (docs/dropping.md).
"""

from __future__ import annotations

import argparse
from typing import Any

from lakelanes import names
from lakelanes.alerts.messages import publish
from lakelanes.aws.storage import place_of
from lakelanes.commands.environment import open_lake
from lakelanes.commands.report import Report, UsageError, plural
from lakelanes.config.loading import load_config
from lakelanes.drop.belongings import Belongings, belongings
from lakelanes.drop.removal import check, drop
from lakelanes.errors import DropError
from lakelanes.files.ignored_names import is_ignored
from lakelanes.files.matching import taker_of
from lakelanes.lake import Lake

# Exit code of a list: nothing is deleted without --yes.
LISTED = 3
_SHOWN = 5


def add(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "drop", help="list what the lake has of an entity or a table, or delete it"
    )
    parser.add_argument("name", help="its name in the configuration, or what it was there")
    parser.add_argument("--config", help="the configuration (default: $LAKE_CONFIG, else include/lake.json)")
    parser.add_argument("--yes", action="store_true", help="delete what is listed otherwise")
    return parser


def run(options: argparse.Namespace) -> Report:
    try:
        name = names.entity_name(options.name)
    except ValueError as error:
        raise UsageError(str(error)) from None
    lake = open_lake(load_config(options.config))
    found = belongings(lake, name)
    if found.is_nothing:
        where = f"the configuration has {found.configured}, of which" if found.configured else "the configuration and"
        raise UsageError(f"{where} the lake {'has nothing' if found.configured else f'have nothing named {name!r}'}")
    if options.yes:
        drop(lake, found, publish)
        return Report(_listed(lake, found, "deleted"), _data(lake, found, deleted=True))
    try:
        check(found)
        advice = f"nothing was deleted; `lakelanes drop {name} --yes` deletes it"
    except DropError as error:
        advice = f"nothing was deleted, and --yes would not do it: {error}"
    return Report(_listed(lake, found, "would be deleted"), _data(lake, found), status=LISTED, errors=(advice,))


def _listed(lake: Lake, found: Belongings, verb: str) -> str:
    bucket = lake.config.resources.analytics_bucket
    lines = [f"{found.name}: {verb}"]
    lines += _line("Glue tables", found.tables)
    lines += _line("views", found.views)
    for folder in found.folders:
        lines += _line(
            "objects", [f"{plural(folder.objects, 'object')}, {folder.bytes:,} bytes in {_uri(bucket, folder.prefix)}"]
        )
    past = len(found.entries) - len(found.files)
    ledger = [plural(len(found.files), "file")] if found.files else []
    ledger += [plural(past, "past version")] if past else []
    ledger += [plural(len(found.keys), "other item")] if found.keys else []
    lines += _line("ledger", ledger)
    for incident in found.alerts:
        lines += _line("open alert", [incident.cause])
    stays = [
        *_line("source files", [f"{len(found.files):,}"] if found.files else []),
        *_line("dashboards", found.dashboards),
        *_line("SQL of views", found.view_files),
    ]
    if stays:
        lines += [f"{found.name}: stays as it is", *stays]
    if loose := _loose(lake, found):
        lines.append(
            f"{plural(loose, 'source file')} will be of no entity, and the sweep will tell of them: move them, or name "
            "them in ignored_names"
        )
    return "\n".join(lines)


def _line(label: str, texts: Any) -> list[str]:
    shown = list(texts)
    if len(shown) > _SHOWN:
        shown = [*shown[:_SHOWN], f"and {len(shown) - _SHOWN:,} more"]
    return [f"  {label:<14}{', '.join(shown)}"] if shown else []


def _uri(bucket: str, prefix: str) -> str:
    return f"s3://{bucket}/{prefix}"


def _loose(lake: Lake, found: Belongings) -> int:
    """How many of the source files no entity takes, and none is told to ignore. Also of those that are gone."""
    if found.configured:
        return 0
    keys = [place_of(entry.source)[1] for entry in found.files]
    return sum(taker_of(lake.config, key) is None and not is_ignored(lake.config, key) for key in keys)


def _data(lake: Lake, found: Belongings, *, deleted: bool = False) -> dict[str, Any]:
    bucket = lake.config.resources.analytics_bucket
    return {
        "name": found.name,
        "deleted": deleted,
        "configured": found.configured or None,
        "held": list(found.held),
        "deletes": {
            "tables": list(found.tables),
            "views": list(found.views),
            "objects": [
                {"folder": _uri(bucket, one.prefix), "objects": one.objects, "bytes": one.bytes}
                for one in found.folders
            ],
            "files": len(found.files),
            "past_versions": len(found.entries) - len(found.files),
            "other_items": len(found.keys),
            "alerts": [one.cause for one in found.alerts],
        },
        "stays": {
            "source_files": len(found.files),
            "dashboards": list(found.dashboards),
            "view_files": list(found.view_files),
        },
    }
