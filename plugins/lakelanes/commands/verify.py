"""``check --ledger|--rebuild``: whether the summaries say what the ledger says, and their making anew."""

from __future__ import annotations

import argparse

from lakelanes.commands.report import Report, entity_named, plural
from lakelanes.lake import Lake
from lakelanes.ledger import summaries


def add_options(parser: argparse.ArgumentParser) -> None:
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--ledger", action="store_true", help="compare the summaries with every file of the ledger")
    action.add_argument("--rebuild", action="store_true", help="make the summaries anew")
    parser.add_argument("--entity", action="append", help="of this entity alone; repeatable")


def run(lake: Lake, options: argparse.Namespace) -> Report:
    entities = [entity_named(lake, name) for name in options.entity or lake.config.entities]
    if options.rebuild:
        changed = {entity.name: summaries.rebuild(lake.ledger, entity) for entity in entities}
        text = "\n".join(f"{name}: {plural(count, 'summary item')} changed" for name, count in changed.items())
        return Report(text, {"changed": changed})
    summaries.refresh(lake.ledger, entities)
    found = [line for entity in entities for line in summaries.differences(lake.ledger, entity)]
    if not found:
        return Report("the summaries say what the ledger says", {"differences": []})
    advice = "python -m lakelanes check --rebuild makes them anew"
    return Report("\n".join(found), {"differences": found}, status=1, errors=(advice,))
