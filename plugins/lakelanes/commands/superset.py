"""``superset``: the dashboards as a bundle that Apache Superset imports."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lakelanes.commands.report import Report, UsageError, plural
from lakelanes.config.loading import load_config
from lakelanes.dashboards.superset.bundle import lake_bundle, write


def add(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "superset", help="write the dashboards as a bundle that Apache Superset imports"
    )
    parser.add_argument("file", type=Path, help="such as build/superset.zip; a bundle of an earlier run is replaced")
    return parser


def run(options: argparse.Namespace) -> Report:
    documents = lake_bundle(load_config())
    try:
        write(documents, options.file)
    except OSError as error:
        raise UsageError(f"{options.file}: cannot be written to: {error}") from error
    counts = {
        folder: sum(path.startswith(f"{folder}/") for path in documents)
        for folder in ("dashboards", "charts", "datasets")
    }
    words = ", ".join(plural(count, noun.removesuffix("s")) for noun, count in counts.items())
    return Report(f"{options.file}: {words}; import it in Superset", {"bundle": str(options.file), **counts})
