"""``powerbi``: the dashboards as a Power BI project, a folder that Power BI Desktop opens."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lakelanes.commands.report import Report, UsageError, plural
from lakelanes.config.loading import load_config
from lakelanes.dashboards.configured import configured_dashboards
from lakelanes.dashboards.powerbi.project import CATALOGUE, DSN, project, write


def add(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "powerbi", help="write the dashboards as a Power BI project into a folder"
    )
    parser.add_argument("folder", type=Path, help="such as build/powerbi: new, empty, or written by this before")
    parser.add_argument("--dsn", default=DSN, help=f"name of the ODBC data source for Athena (default: {DSN})")
    parser.add_argument("--catalogue", default=CATALOGUE, help=f"Athena's data catalogue (default: {CATALOGUE})")
    parser.add_argument("--replace", action="store_true", help="also files that were changed since they were written")
    return parser


def run(options: argparse.Namespace) -> Report:
    config = load_config()
    dashboards, found = configured_dashboards(config)
    made = project(config, dashboards, found.columns, dsn=options.dsn, catalogue=options.catalogue)
    try:
        write(made, options.folder, replace=options.replace)
    except OSError as error:
        raise UsageError(f"{options.folder}: cannot be written to: {error}") from error
    tables = made.model.tables.values()
    counts = {
        "files": len(made.files),
        "tables": len(tables),
        "measures": sum(len(table.measures) for table in tables),
        "pages": sum(len(dashboard.sheets) for dashboard in dashboards),
        "visuals": sum(len(dashboard.visuals) for dashboard in dashboards),
    }
    path = options.folder / f"{made.name}.pbip"
    words = ", ".join(plural(count, noun.removesuffix("s")) for noun, count in counts.items())
    return Report(f"{path}: {words}; open it with Power BI Desktop", {"project": str(path), **counts})
