"""``files``: the latest files of an entity, or those whose key starts with a text, with their state and reason."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from typing import Any

from lakelanes.commands.environment import open_lake
from lakelanes.commands.report import Report, entity_named, table
from lakelanes.config.deadlines import periods_of
from lakelanes.config.model import Entity
from lakelanes.config.partitions import Partition, date_values, partition_of
from lakelanes.convert.partition_values import spelled
from lakelanes.errors import PartitionValueError
from lakelanes.files.ignored_names import IGNORED
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry
from lakelanes.ledger.summaries import FILE_STATES
from lakelanes.overview import files

# The form of a partition's date, and that of the next coarser one, by the entity's grain.
_WITHIN = {"hour": ("%Y-%m-%dT%H", "%Y-%m-%d"), "day": ("%Y-%m-%d", "%Y-%m"), "month": ("%Y-%m", "%Y")}
_HEADINGS = ("changed", "state", "lane", "rows", "bad rows", "withheld", "file", "reason")


def add(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser("files", help="list files with their state and reason")
    parser.add_argument("prefix", nargs="?", help="files whose key starts with this")
    parser.add_argument("--entity", help="the latest files of this entity")
    states = (*FILE_STATES, "unmatched")
    parser.add_argument(
        "--state",
        choices=states,
        action="append",
        metavar="STATE",
        help=f"in this state: {', '.join(states)}; repeatable",
    )
    parser.add_argument(
        "--partition",
        help="files of this partition: year=2024/month=03/day=15, or 2024-03-15, which of an hourly entity is all "
        "hours of that day",
    )
    parser.add_argument("--limit", type=int, default=20, help="at most so many (default: 20)")
    return parser


def run(options: argparse.Namespace) -> Report:
    lake = open_lake()
    if options.prefix:
        return _searched(lake, options.prefix, options.limit)
    entries = _latest(lake, options)
    text = table(_HEADINGS, [_row(entry) for entry in entries], "no such files")
    return Report(text, [asdict(entry) for entry in entries])


def partition_paths_of(lake: Lake, name: str, text: str) -> list[str]:
    """The folders of a partition, named by its folder or by its date; a date that holds several of the entity's
    partitions, as a day holds its hours, means all of them. Raises PartitionValueError for what is neither."""
    entity = entity_named(lake, name)
    if "=" in text:
        return [partition_of(entity, Partition.from_path(text).values).path]
    found = []
    for date in _dates_within(entity, text):
        values = date_values(entity, date)
        found.append(partition_of(entity, [values.get(key.name, "") for key in entity.partition_keys]).path)
    return found


def _dates_within(entity: Entity, text: str) -> list[str]:
    """The dates of the entity's partitions that a coarser date holds; the date itself where it is none of those."""
    form, coarser = _WITHIN.get(entity.grain or "", ("", ""))
    try:
        start = datetime.strptime(text, coarser) if coarser else None
    except ValueError:
        start = None
    if start is None or spelled(start, coarser) != text:
        return [text]
    first = spelled(start, form)
    return [date for date in periods_of(entity).names(first, 31) if date.startswith(text)]


def _latest(lake: Lake, options: argparse.Namespace) -> list[Entry]:
    names = [entity_named(lake, options.entity).name] if options.entity else list(lake.config.entities)
    states = list(dict.fromkeys(options.state or FILE_STATES))
    if options.partition:
        return _of_partition(lake, names, options.partition, states, options.limit)
    entries: list[Entry] = []
    for name in names:
        known = [state for state in states if state != "unmatched"]
        entries += files.latest_files(lake, name, known, limit=options.limit).entries
    if "unmatched" in states:
        entries += files.latest_files(lake, "", ["unmatched"], limit=options.limit).entries
    return sorted(entries, key=lambda entry: entry.updated_at, reverse=True)[: options.limit]


def _of_partition(lake: Lake, names: list[str], text: str, states: Sequence[str], limit: int) -> list[Entry]:
    """Files of a partition of these entities. An entity that has no such partitions does not count; PartitionValueError
    where none has."""
    found: list[Entry] = []
    faults: list[PartitionValueError] = []
    for name in names:
        try:
            paths = partition_paths_of(lake, name, text)
        except PartitionValueError as fault:
            faults.append(fault)
            continue
        for path in paths:
            own = (entry for entry in lake.ledger.in_partition(name, path) if entry.state in states)
            found += list(islice(own, limit - len(found)))
    if len(faults) == len(names):
        raise faults[0]
    return found


def _searched(lake: Lake, prefix: str, limit: int) -> Report:
    found = files.search(lake, prefix, limit=limit).found
    rows = [
        _row(one.entry, one.state)
        if one.entry and not one.ignored
        else ("", one.state, "", "", "", "", one.uri, IGNORED if one.ignored else "no lane has seen it")
        for one in found
    ]
    data = [
        {"uri": one.uri, "state": one.state, "entity": one.entity, "entry": asdict(one.entry) if one.entry else None}
        for one in found
    ]
    return Report(table(_HEADINGS, rows, f"no file's key starts with {prefix!r}"), data)


def _row(entry: Entry, state: str | None = None) -> tuple[object, ...]:
    where = ""
    if entry.error_line is not None:
        where = f"line {entry.error_line}" + (f", column {entry.error_column}" if entry.error_column else "") + ": "
    return (
        entry.updated_at[:19].replace("T", " "),
        state or entry.state,
        entry.lane,
        "" if entry.rows_loaded is None else f"{entry.rows_loaded:,}",
        "" if entry.rows_bad is None else f"{entry.rows_bad:,}",
        f"{entry.rows_withheld:,}" if entry.rows_withheld else "",
        entry.source,
        f"{where}{entry.error}" if entry.error else "",
    )
