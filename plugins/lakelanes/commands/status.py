"""``status``: open alerts, how fresh each entity and table is against its deadline, what was loaded, dead letters."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from lakelanes.alerts.incidents import Incident, open_incidents
from lakelanes.commands.environment import open_lake
from lakelanes.commands.report import Report, UsageError, minute, plural, table
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from lakelanes.overview import files, tables
from lakelanes.overview.files import DeadLetters, EntityStatus
from lakelanes.overview.tables import TableStatus

_UNMATCHED = 10
_ENTITY = ("entity", "state", "newest", "next", "deadline", "files", "failed", "rejected", "rows", "bad rows")
_ALERT = ("alert since", "cause", "reason", "what to do")
_TABLE = ("table", "state", "until", "next", "deadline", "unfinished", "failed", "reason")


def add(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "status", help="say which alerts are open, how fresh each entity and table is, and what was loaded"
    )
    parser.add_argument("name", nargs="*", help="these entities and tables alone")
    parser.add_argument("--counted", action="store_true", help="do not count what changed since the last count")
    return parser


def run(options: argparse.Namespace) -> Report:
    lake = open_lake()
    entities, named = chosen(lake, options.name)
    if not options.counted:
        summaries.refresh(lake.ledger, [lake.config.entities[name] for name in entities])
    opened = open_incidents(lake)
    found = files.status(lake, entities, opened)
    stands = tables.status(lake, named, opened)
    # The queue is of the lake, not of one entity.
    letters = DeadLetters(None) if options.name else files.dead_letters_of(lake, found)
    alerts = [one for one in opened if not options.name or _is_of(one, options.name)]
    parts = []
    if alerts:
        parts.append(table(_ALERT, map(_of_alert, alerts), ""))
    if found or not stands:
        parts.append(table(_ENTITY, map(_of_entity, found), "the configuration has no entities"))
    if stands:
        parts.append(table(_TABLE, map(_of_table, stands), ""))
    if lines := _of_letters(letters):
        parts.append(lines)
    # Nor are files of no entity one entity's.
    unmatched = [] if options.name else files.latest_files(lake, "", ["unmatched"], limit=_UNMATCHED).entries
    if unmatched:
        parts.append("\n".join(["files of no entity, the latest first:", *(f"  {one.source}" for one in unmatched)]))
    troubled = [one.name for one in found if one.needs_attention] + [one.name for one in stands if one.needs_attention]
    data = {
        "alerts": [_alert_data(one) for one in alerts],
        "entities": [asdict(status) for status in found],
        "tables": [asdict(stand) for stand in stands],
        "dead_letters": asdict(letters),
        "unmatched": [one.source for one in unmatched],
    }
    return Report("\n\n".join(parts), data, status=int(bool(troubled or letters.waiting or alerts or unmatched)))


def chosen(lake: Lake, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The entities and the tables of these names; all without any."""
    config = lake.config
    for name in names:
        if name not in config.entities and name not in config.tables:
            known = f"the configuration has no entity {name!r}; it has {', '.join(config.entities)}"
            if config.tables:
                known = known.replace("entity", "entity or table", 1) + f", and tables {', '.join(config.tables)}"
            raise UsageError(known)
    wanted = names or [*config.entities, *config.tables]
    return [name for name in config.entities if name in wanted], [name for name in config.tables if name in wanted]


def _is_of(incident: Incident, names: Sequence[str]) -> bool:
    return bool(set((incident.entity or "").split(", ")) & set(names))


def _alert_data(incident: Incident) -> dict[str, Any]:
    muted = {"muted_by": incident.muted_by, "muted_until": incident.muted_until}
    return {"cause": incident.cause, "since": incident.since, **muted, **asdict(incident.alert)}


def _of_alert(incident: Incident) -> tuple[object, ...]:
    muted = ""
    if incident.muted_until:
        muted = f"(muted by {incident.muted_by} until {minute(incident.muted_until)}) "
    return minute(incident.since), incident.cause, muted + _line(incident.reason), _line(incident.what_to_do)


def _of_entity(status: EntityStatus) -> tuple[object, ...]:
    fresh, counts = status.freshness, status.counts
    expected = fresh.next if fresh.expected != "none" else ""
    return (
        status.name,
        fresh.state,
        fresh.newest,
        expected,
        minute(fresh.deadline) if expected else "",
        counts.files,
        counts.failed,
        counts.rejected,
        counts.rows,
        counts.rows_bad,
    )


def _of_table(stand: TableStatus) -> tuple[object, ...]:
    expected = stand.state in ("waiting", "late", "failed")
    return (
        stand.name,
        stand.state,
        minute(stand.until),
        minute(stand.next_end) if expected else "",
        minute(stand.deadline) if expected else "",
        stand.unfinished,
        stand.failed,
        _line(stand.reason),
    )


def _of_letters(letters: DeadLetters) -> str:
    lines = [letters.problem] if letters.problem else []
    if letters.waiting:
        lines.append(f"{plural(letters.waiting, 'dead letter')} in the queue; the sweep takes them out")
    lines += [f"dead letter: {entry.source}" for entry in letters.files]
    return "\n".join(lines)


def _line(text: str | None) -> str:
    return " ".join((text or "").split())
