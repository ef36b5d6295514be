"""Which data sets of QuickSight are due for a refresh, of which kind, and why; or what they wait for.

SPICE holds a copy of a view's rows. What the copy lacks is told from the ledger: everything that changed since the
moment which the last refresh that completed covers.

- An incremental refresh deletes the rows of the last ``changes_days`` by the date column and reads them again; a row
  outside of that window stays as it is
  (https://docs.aws.amazon.com/quicksight/latest/user/refreshing-imported-data.html). So it is chosen only when every
  partition that changed lies within, and else a full one: a late file of an old day, a deletion, a view that was made
  anew, a table of DynamoDB, whose changes may be of any date.
- QuickSight takes 32 refreshes of a data set by the API in 24 hours (the same page). Changes are therefore gathered:
  a refresh begins when nothing changed for some minutes, or when the oldest change waits too long. While a backfill
  loads, it is not begun before the end of it. Some of the 32 are left to people.
- A partition can be read by Athena once it is registered, which a run does after it loaded its files; a refresh waits
  for that, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from lakelanes.catalog import view_sources
from lakelanes.catalog.partitions import unregistered
from lakelanes.catalog.view_sources import Owner
from lakelanes.config.model import Entity
from lakelanes.config.partitions import Partition, partition_date
from lakelanes.dashboards.model import Dataset, Unit
from lakelanes.ledger.entries import INDEX_LAG, UNPLACED, Entry, State, timestamp

if TYPE_CHECKING:
    from lakelanes.lake import Lake

Kind = Literal["FULL_REFRESH", "INCREMENTAL_REFRESH"]

# By CreateIngestion and data set, in 24 hours (Enterprise edition); what is left of it to people.
DAILY_REFRESHES = 32
LEFT_TO_PEOPLE = 6
# As long as nothing changed, before it is refreshed; the longest that a change waits; a backfill's.
QUIET = timedelta(minutes=5)
MAX_WAIT = timedelta(minutes=30)
MAX_BACKFILL_WAIT = timedelta(hours=12)
# From one refresh to the next: while there are many left for the day, and when half of them are used.
MIN_SPACING = timedelta(minutes=10)
WIDE_SPACING = timedelta(hours=24) / (DAILY_REFRESHES - LEFT_TO_PEOPLE)
# A table of DynamoDB counts as changed this long after the last refresh: nothing says when a stream wrote last.
TABLE_SPACING = timedelta(hours=1)
# By how much QuickSight's clock, zone and days may differ from ours where the window begins.
_WINDOW_MARGIN = timedelta(days=1)
# What changes the rows of an entity's tables, its rejected rows among them.
_CHANGES: tuple[State, ...] = ("loaded", "rejected", "deleted", "superseded")
_BACKFILL = "/backfill__"
# Who keeps a copy of a view's rows: QuickSight's SPICE, or a semantic model of Power BI.
Keeper = Literal["spice", "powerbi"]


@dataclass(frozen=True)
class Change:
    """A partition of an entity that changed: when (ISO 8601, UTC), and by a run of which kind. ``day``: the first day
    that the partition is about; None for one without a date. has_rows: whether the file has rows in the table."""

    entity: str
    path: str
    day: date | None
    at: str
    by_backfill: bool
    has_rows: bool = False


@dataclass(frozen=True)
class Refresh:
    """A refresh to make. until: the moment whose state it covers. ingestion_id: made of the data set and that moment,
    so that whoever tries again finds the ingestion that it has begun."""

    dataset: str
    kind: Kind
    reason: str
    until: str
    ingestion_id: str
    fingerprint: str

    def to_dict(self) -> dict[str, str]:
        """JSON-ready form, for an XCom and for the ledger."""
        return dict(vars(self))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Refresh:
        """What ``to_dict`` made."""
        return cls(**{name: data[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Look:
    """What a data set's look found: a refresh to make, or why there is none. oldest: when the oldest change was made
    that SPICE lacks, '' for none; ``waits``: whether a refresh will be made later."""

    refresh: Refresh | None
    note: str
    oldest: str = ""

    @property
    def waits(self) -> bool:
        return self.refresh is None and bool(self.oldest)


def look(
    lake: Lake,
    name: str,
    dataset: Dataset,
    *,
    used: int,
    full: bool = False,
    asked: bool = False,
    keeper: Keeper = "spice",
) -> Look:
    """Whether a data set is due.

    used: refreshes by the API in the last 24 hours, ours and others'; Power BI has no such quota. full: a full one in
    any case. asked: somebody wants it now, so it waits for nothing but the quota.
    """
    note = read_note(lake, name, keeper)
    if note.get("requested"):
        refresh = Refresh.from_dict(note["requested"])
        return Look(refresh, f"goes on with {refresh.ingestion_id}", refresh.until)
    now, made = lake.clock(), str(lake.ledger.read_note("views").get(dataset.view, ""))
    if not made:
        return Look(None, f"the view {dataset.view} is not made yet")
    kind, reason, changes = _kind(lake, dataset, note, made, now, full=full)
    if kind is None and not asked:
        return Look(None, reason)
    oldest = min((change.at for change in changes), default=timestamp(now))
    if wait := _wait(lake, note, changes, now, used, asked=asked):
        return Look(None, wait, oldest)
    until = timestamp(now)
    ident = f"{name}-{now:%Y%m%dT%H%M%S%f}Z"
    return Look(Refresh(name, kind or "FULL_REFRESH", reason, until, ident, made), reason, oldest)


def read_note(lake: Lake, name: str, keeper: Keeper = "spice") -> dict[str, Any]:
    """What is noted of a data set: ``until`` (the moment whose state the copy has), ``fingerprint`` of its view then,
    ``requested`` (the refresh that is being made), ``refreshed_at``, ``unequal`` (so many refreshes in a row had other
    rows than Athena)."""
    return lake.ledger.read_note(f"{keeper}/{name}")


def write_note(lake: Lake, name: str, values: Mapping[str, Any], keeper: Keeper = "spice") -> None:
    lake.ledger.write_note(f"{keeper}/{name}", values)


def window_start(dataset: Dataset, now: datetime) -> date:
    """The first day that an incremental refresh surely reads again."""
    return (now - timedelta(days=dataset.changes_days or 0) + _WINDOW_MARGIN).date()


def changes_of(lake: Lake, dataset: Dataset, since: str) -> list[Change]:
    """What changed since then in the tables that a data set's view reads, or may have."""
    tables = view_sources.tables_read(view_sources.noted(lake), dataset.view)
    return list(_all_changes(lake, view_sources.owners_of(lake.config, tables), since, lake.clock()))


def may_always_change(lake: Lake, dataset: Dataset) -> bool:
    """Whether nothing says when the view's rows changed last: it reads a table of DynamoDB, or what is not known."""
    owners = view_sources.owners_of(lake.config, view_sources.tables_read(view_sources.noted(lake), dataset.view))
    return owners is None or not all(owner.is_entity for owner in owners)


def changes_since(lake: Lake, entity: Entity, since: str) -> Iterator[Change]:
    """What changed in an entity's tables since then; one Query of an index per state and page."""
    start = datetime.fromisoformat(since) - INDEX_LAG
    for state in _CHANGES:
        for entry in lake.ledger.in_state(entity.name, state, start):
            yield from _changes_of(lake, entity, entry)


def _changes_of(lake: Lake, entity: Entity, entry: Entry) -> Iterator[Change]:
    rows = {entry.partition: entry.live_rows} if entry.partition or entry.parts is None else {}
    if entry.parts is not None:
        rows |= {part.partition: part.live_rows for part in lake.ledger.parts(entry.source).values()}
    is_current = entry.state != "superseded"
    for path, count in rows.items():
        day = _first_day(entity, path or "")
        has_rows = bool(is_current and count)
        yield Change(entity.name, path or "", day, entry.updated_at, _BACKFILL in entry.run_id, has_rows)


def _first_day(entity: Entity, path: str) -> date | None:
    if not path or path.startswith(UNPLACED) or entity.partition_grain is None:
        return None
    found = partition_date(entity, Partition.from_path(path))
    return found.date() if found else None


def _kind(
    lake: Lake, dataset: Dataset, note: Mapping[str, Any], made: str, now: datetime, *, full: bool
) -> tuple[Kind | None, str, list[Change]]:
    """The kind of refresh that is needed and why; None where SPICE has everything."""
    since = str(note.get("until", ""))
    if not since:
        return "FULL_REFRESH", "it was never refreshed", []
    changes = changes_of(lake, dataset, since)
    if full:
        return "FULL_REFRESH", "a full one was asked for", changes
    if note.get("fingerprint") != made:
        return "FULL_REFRESH", f"the view {dataset.view} was made anew", changes
    if note.get("unequal"):
        return "FULL_REFRESH", "the last refresh had other rows than Athena", changes
    if not changes:
        return None, f"nothing changed since {since}", []
    if dataset.changes_days is None:
        return "FULL_REFRESH", "it has no changes_days", changes
    start = window_start(dataset, now)
    for change in sorted(changes, key=lambda one: one.day or date.min):
        if change.day is None:
            return "FULL_REFRESH", f"{change.entity} changed, and no date says which of its rows", changes
        if _cut(change.day, dataset.date_unit) < start:
            said = f"{change.entity} changed at {change.day}, and an incremental refresh begins at {start}"
            return "FULL_REFRESH", said, changes
    return "INCREMENTAL_REFRESH", f"all that changed is of {start} or later", changes


def _all_changes(lake: Lake, owners: Iterable[Owner] | None, since: str, now: datetime) -> Iterator[Change]:
    entities = lake.config.entities
    names = list(entities) if owners is None else [owner.name for owner in owners if owner.is_entity]
    for name in names:
        if name in entities:
            yield from changes_since(lake, entities[name], since)
    others = [] if owners is None else [owner.name for owner in owners if not owner.is_entity]
    if (owners is None or others) and now - datetime.fromisoformat(since) >= TABLE_SPACING:
        # Since when is not known; that it has waited long enough is.
        yield Change(", ".join(sorted(others)) or "a table", "", None, timestamp(now - MAX_WAIT), False)


def _wait(lake: Lake, note: Mapping[str, Any], changes: list[Change], now: datetime, used: int, *, asked: bool) -> str:
    """What a refresh waits for; '' for nothing."""
    if used >= DAILY_REFRESHES:
        return f"{used} refreshes were made in 24 hours, and QuickSight takes {DAILY_REFRESHES}"
    if asked:
        return ""
    if used >= DAILY_REFRESHES - LEFT_TO_PEOPLE:
        return f"{used} refreshes were made in 24 hours, and the last {LEFT_TO_PEOPLE} are left to people"
    last = str(note.get("refreshed_at", ""))
    spacing = WIDE_SPACING if used > (DAILY_REFRESHES - LEFT_TO_PEOPLE) // 2 else MIN_SPACING
    if last and now - datetime.fromisoformat(last) < spacing:
        return f"the last one was made at {last}, and {spacing} lie between two"
    if not changes:
        return ""
    newest, oldest = (datetime.fromisoformat(pick(change.at for change in changes)) for pick in (max, min))
    of_backfill = all(change.by_backfill for change in changes)
    longest = MAX_BACKFILL_WAIT if of_backfill else MAX_WAIT
    if now - newest < QUIET and now - oldest < longest:
        return (
            f"{'a backfill is loading' if of_backfill else 'files are being loaded'}: the last change was at {newest}"
        )
    return _unregistered(lake, changes) if now - oldest < MAX_BACKFILL_WAIT else ""


def _unregistered(lake: Lake, changes: list[Change]) -> str:
    """Of the partitions that changed one that Glue does not have yet; '' where it has all."""
    for name in {change.entity for change in changes} & lake.config.entities.keys():
        entity = lake.config.entities[name]
        paths = {change.path for change in changes if change.entity == name and change.has_rows}
        if missing := unregistered(lake, entity, paths):
            return f"partition {missing[0].path} of {entity.table_name} is not registered yet"
    return ""


def _cut(day: date, unit: Unit) -> date:
    """The start of the period in which a day lies."""
    match unit:
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
        case "year":
            return date(day.year, 1, 1)
        case _:
            return day
