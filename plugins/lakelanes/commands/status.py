"""``status``: per entity its freshness against its deadline, and its files and rows."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from lakelanes import overview, summaries
from lakelanes.commands.report import Report, entity_named, table
from lakelanes.lake import Lake
from lakelanes.overview import EntityStatus

_HEADINGS = ("entity", "state", "newest", "next", "deadline", "files", "failed", "rejected", "rows", "bad rows")


def add(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "status", help="say how fresh each entity is, and what was loaded and rejected"
    )
    parser.add_argument("entity", nargs="*", help="these entities alone")
    parser.add_argument("--counted", action="store_true", help="do not count what changed since the last count")
    return parser


def run(lake: Lake, options: argparse.Namespace) -> Report:
    names = [entity_named(lake, name).name for name in options.entity] or list(lake.config.entities)
    if not options.counted:
        summaries.refresh(lake, names)
    found = overview.status(lake, names)
    text = table(_HEADINGS, [_row(status) for status in found], "the configuration has no entities")
    troubled = any(status.needs_attention for status in found)
    return Report(text, [asdict(status) for status in found], status=int(troubled))


def _row(status: EntityStatus) -> tuple[object, ...]:
    fresh, counts = status.freshness, status.counts
    deadline = (fresh.deadline or "")[:16].replace("T", " ")
    expected = fresh.next if fresh.state in ("waiting", "late") else ""
    return (
        status.name,
        fresh.state,
        fresh.newest,
        expected,
        deadline if expected else "",
        counts.files,
        counts.failed,
        counts.rejected,
        counts.rows,
        counts.rows_rejected,
    )
