"""``check``: the configuration, the views and the dashboards; with ``--ledger`` or ``--rebuild``, the summaries."""

from __future__ import annotations

import argparse
from typing import Any

from lakelanes.catalog.views import read_views
from lakelanes.commands.environment import open_lake
from lakelanes.commands.report import Report, entity_named, plural
from lakelanes.config.loading import load_config
from lakelanes.config.model import LakeConfig
from lakelanes.dashboards.configured import checked_dashboards
from lakelanes.lake import Lake
from lakelanes.ledger import summaries


def add(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "check", help="check the configuration file, the SQL of the views and the dashboards, or the ledger's summaries"
    )
    parser.add_argument("config", nargs="?", help="the file (default: $LAKE_CONFIG, else include/lake.json)")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--ledger", action="store_true", help="compare the summaries with every file of the ledger")
    action.add_argument("--rebuild", action="store_true", help="make the summaries anew")
    parser.add_argument("--entity", action="append", help="summaries of this entity alone; repeatable")
    return parser


def run(options: argparse.Namespace) -> Report:
    config = load_config(options.config)
    if options.ledger or options.rebuild:
        lake = open_lake(config)
        names = [entity_named(lake, name).name for name in options.entity or config.entities]
        return _rebuilt(lake, names) if options.rebuild else _compared(lake, names)
    return _checked(config)


def _checked(config: LakeConfig) -> Report:
    dashboards, found = checked_dashboards(config)
    counts = {
        "entities": len(config.entities),
        "tables": len(config.tables),
        "views": len(read_views()),
        "dashboards": len(dashboards),
    }
    text = "{entities} entities, {tables} DynamoDB tables, {views} views, {dashboards} dashboards: no faults"
    lines = [f"view {name} is left out: {why}" for name, why in sorted(found.left_out.items())]
    return Report("\n".join([text.format(**counts), *lines]), {**counts, "faults": [], "left_out": found.left_out})


def _rebuilt(lake: Lake, names: list[str]) -> Report:
    changed = {name: summaries.rebuild(lake.ledger, lake.config.entities[name]) for name in names}
    text = "\n".join(f"{name}: {plural(count, 'summary item')} changed" for name, count in changed.items())
    return Report(text, {"changed": changed})


def _compared(lake: Lake, names: list[str]) -> Report:
    entities = [lake.config.entities[name] for name in names]
    summaries.refresh(lake.ledger, entities)
    found = [line for entity in entities for line in summaries.differences(lake.ledger, entity)]
    if not found:
        return Report("the summaries say what the ledger says", {"differences": []})
    advice = "lakelanes check --rebuild makes them anew"
    return Report("\n".join(found), {"differences": found}, status=1, errors=(advice,))
