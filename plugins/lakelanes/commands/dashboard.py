"""``dashboard``: proposes a view and a dashboard for an entity's table, from the rows that it holds."""

from __future__ import annotations

import argparse
from typing import Any

from lakelanes.catalog import views
from lakelanes.catalog.views import VIEWS
from lakelanes.commands.answers import wrapped
from lakelanes.commands.environment import open_lake
from lakelanes.commands.query import refused
from lakelanes.commands.report import Report, entity_named
from lakelanes.dashboards import proposal
from lakelanes.dashboards.loading import DASHBOARDS
from lakelanes.dashboards.proposal import text_of
from lakelanes.errors import QueryError


def add(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "dashboard",
        help="propose a view and a dashboard for an entity's table",
        description="Proposes a first view and a first dashboard for the table of an entity, by what its rows hold: "
        "Athena reads them once. The files are on standard output, what they rest on is on standard error.",
    )
    parser.add_argument("entity", help="an entity that has rows")
    parser.add_argument(
        "--write", action="store_true", help="make the files, in include/sql/views and include/dashboards"
    )
    return parser


def run(options: argparse.Namespace) -> Report:
    lake = open_lake()
    entity = entity_named(lake, options.entity)
    try:
        found = proposal.propose(lake, entity)
    except QueryError as error:
        raise refused(error.reason) from None
    data = {"view": found.view, "sql": found.sql, "dashboard": found.dashboard, "description": found.description}
    data |= {"evidence": list(found.evidence), "written": []}
    evidence = () if options.json else tuple(line for text in found.evidence for line in wrapped("", text))
    if not options.write:
        parts = [f"-- include/sql/views/{found.view}.sql", found.sql, f"// include/dashboards/{found.dashboard}.json"]
        return Report("\n".join([*parts, text_of(found.description).rstrip()]), data, errors=evidence)
    paths = [str(path) for path in proposal.write(lake.config, found, VIEWS, DASHBOARDS)]
    made = {outcome.name: outcome for outcome in views.refresh(lake, VIEWS)}[found.view]
    state = f"is {made.action}" + (f": {made.reason}" if made.reason else "")
    lines = [*(f"wrote {path}" for path in paths), f"the view {found.view} {state}"]
    lines.append(f"the Lake page draws it at /lake/dashboards/{found.dashboard}")
    return Report("\n".join(lines), data | {"written": paths}, errors=evidence)
