"""What the lake had to do of late, by the ledger and the configuration: what a month's cost is computed from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from lakelanes.aws.failures import is_missing, is_refused
from lakelanes.config.deadlines import period_at
from lakelanes.config.local_time import next_tick
from lakelanes.config.model import Entity, Table
from lakelanes.ledger import summaries
from lakelanes.ledger.entries import timestamp
from lakelanes.ledger.items import CURRENT
from lakelanes.ledger.summaries import Counts
from lakelanes.tables.ledger import TableLedger

if TYPE_CHECKING:
    from lakelanes.dashboards.view_columns import Columns
    from lakelanes.lake import Lake

# Files of an entity without dates that are read for a figure; of more, the time that these took stands for the rest.
MOST_FILES = 5000
_RUNS_OF = {"hour": 24.0, "day": 1.0, "month": 1 / 30, "year": 1 / 365}
# So long a cron schedule is followed to see how often it ticks: a leap year may have the only tick, a month has most.
_TICKS_OVER = timedelta(days=30)
_MOST_TICKS = 2000
SPICE_TEXT = 16


@dataclass(frozen=True)
class EntityLoad:
    """An entity in ``days`` days: files that the lanes loaded, that were refused or failed, bytes of all of these
    (of the source), rows loaded, partitions with files of that time, and runs that looked for them. kept: files, their
    bytes and partitions that the lake has in all."""

    days: float
    files_batch: float = 0
    files_fast: float = 0
    files_refused: float = 0
    bytes: float = 0
    rows: float = 0
    partitions: float = 0
    runs: float = 0
    kept_files: float = 0
    kept_bytes: float = 0
    kept_partitions: float = 0
    tables: int = 2
    keeps_source: bool = False

    @property
    def files(self) -> float:
        return self.files_batch + self.files_fast + self.files_refused


@dataclass(frozen=True)
class TableLoad:
    """A DynamoDB table in ``days`` days: changes (of the windows that were exported in it), windows of exports there
    are to make, and what the table holds. item_bytes: of an item, 0 where DynamoDB was not asked or refused to tell."""

    days: float
    windows: float = 0
    changes: float = 0
    items: float = 0
    item_bytes: float = 0
    images: int = 2
    snapshot_files: float = 0
    keep_snapshots_days: int = 0
    keep_exports_days: int = 0
    batch_records: int = 0
    batch_seconds: int = 0
    measured: bool = True


@dataclass(frozen=True)
class LakeLoad:
    """What does not depend on files. questions: of dashboards, each taken to be asked once a day. datasets: that
    QuickSight keeps in SPICE where they are deployed, in_use those that were refreshed once, spice_bytes their size."""

    questions: int = 0
    datasets: int = 0
    datasets_in_use: int = 0
    spice_bytes: float = 0
    has_fast: bool = False
    has_streams: bool = False


def entity_load(entity: Entity, days: float, recent: Counts, whole: Counts, runs: float) -> EntityLoad:
    """recent: the files of these days; whole: all of the entity's."""
    return EntityLoad(
        days=days,
        files_batch=recent.files_batch,
        files_fast=recent.files_fast,
        files_refused=recent.rejected + recent.failed,
        bytes=recent.size,
        rows=recent.rows_batch + recent.rows_fast,
        partitions=recent.partitions,
        runs=runs,
        kept_files=whole.files,
        kept_bytes=whole.size,
        kept_partitions=whole.partitions,
        tables=2 if entity.format == "parquet" else 1,
        keeps_source=entity.format == "csv",
    )


def read_entity(lake: Lake, entity: Entity, days: int) -> EntityLoad:
    """An entity by the ledger's counts: one BatchGetItem and one Query.

    With dates it is about the periods of the last ``days`` days; without, about the files that were loaded or refused
    in that time, of which MOST_FILES at most are read (two Queries, and more where an answer does not hold them).
    """
    whole = summaries.total(lake.ledger, entity.name).counts
    since = lake.clock() - timedelta(days=days)
    runs = runs_a_day(entity, lake.clock()) * days
    if entity.partition_grain is None:
        recent, part = _since(lake, entity, since)
        return entity_load(entity, days * part, recent, whole, runs * part)
    periods = summaries.period_summaries(
        lake.ledger, entity.name, period_at(entity, since), period_at(entity, lake.clock())
    )
    recent = sum((one.counts for one in periods.values()), Counts())
    return entity_load(entity, days, recent, whole, runs)


def _since(lake: Lake, entity: Entity, since: datetime) -> tuple[Counts, float]:
    """The files that were loaded or refused since then, and which part of that time they took, 1 for all of it."""
    sums, part, partitions = Counts(), 1.0, set[str]()
    for state in ("loaded", "rejected"):
        entries = list(islice(lake.ledger.in_state(entity.name, state, since), MOST_FILES))
        if len(entries) == MOST_FILES:
            took = datetime.fromisoformat(entries[-1].updated_at) - since
            part = min(part, max(took / (lake.clock() - since), 1e-6))
        limit = timestamp(since + (lake.clock() - since) * part)
        for entry in entries:
            if entry.version != CURRENT or entry.updated_at > limit:
                continue
            is_loaded, is_fast, rows = state == "loaded", entry.lane == "fast", entry.rows_loaded or 0
            sums += Counts(
                loaded=int(is_loaded),
                rejected=int(not is_loaded),
                files_batch=int(is_loaded and not is_fast),
                files_fast=int(is_loaded and is_fast),
                rows_batch=0 if is_fast else rows,
                rows_fast=rows if is_fast else 0,
                size=entry.size,
            )
            partitions |= {entry.partition} if entry.partition else set()
    return sums + Counts(partitions=len(partitions)), part


def runs_a_day(entity: Entity, now: datetime) -> float:
    """How many runs of load_<entity> there are a day; 0 where the sweep alone loads its files."""
    if "batch" not in entity.lanes:
        return 0.0
    if entity.grain is not None:
        return _RUNS_OF[entity.grain]
    if entity.schedule is None:
        return 0.0
    ticks, at = 0, now
    while ticks < _MOST_TICKS and (at := next_tick(entity.schedule, entity.timezone, at)) < now + _TICKS_OVER:
        ticks, at = ticks + 1, at + timedelta(seconds=1)
    return ticks / ((at - now if ticks == _MOST_TICKS else _TICKS_OVER) / timedelta(days=1))


def read_table(lake: Lake, table: Table, days: int) -> TableLoad:
    """A table by the ledger of its exports (one or two Queries) and DynamoDB's description of it, which is free, and
    left out where there is no right to it."""
    exported, ledger = "export" in table.lanes, TableLedger(lake, table.name)
    done = [one for one in ledger.windows(lake.clock() - timedelta(days=days)) if one.rows] if exported else []
    snapshots = ledger.newest_snapshots(1) if exported else []
    items, size, measured = _described(lake, table)
    return TableLoad(
        days=days,
        windows=days * 1440 / table.export.window_minutes if exported else 0,
        changes=sum(one.rows or 0 for one in done),
        items=items or (snapshots[0].rows if snapshots else 0),
        item_bytes=size / items if items else 0,
        images=2 if table.export.view_type == "NEW_AND_OLD_IMAGES" else 1,
        snapshot_files=snapshots[0].files if snapshots else 0,
        keep_snapshots_days=table.compaction.keep_days if exported else 0,
        keep_exports_days=(lake.config.deployment.export_days or 0) if exported else 0,
        batch_records=table.stream.batch_records if "stream" in table.lanes else 0,
        batch_seconds=table.stream.batch_seconds,
        measured=measured,
    )


def _described(lake: Lake, table: Table) -> tuple[int, int, bool]:
    """Items and bytes of a table as DynamoDB counted them within the last six hours, and whether it told.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html
    """
    try:
        found = lake.dynamodb.describe_table(TableName=table.dynamodb_table)["Table"]
    except lake.dynamodb.exceptions.ClientError as error:
        if is_missing(error) or is_refused(error):
            return 0, 0, False
        raise
    return int(found.get("ItemCount", 0)), int(found.get("TableSizeBytes", 0)), True


def read_lake(lake: Lake) -> LakeLoad:
    """By the configuration, the files of the dashboards, and the ledger's notes of QuickSight's data sets; one
    BatchGetItem."""
    from lakelanes.dashboards import questions, spice
    from lakelanes.dashboards.loading import read_dashboards

    asked = sum(len(one.visuals) for one in read_dashboards())
    datasets = spice.datasets(lake)
    notes = lake.ledger.read_notes(f"spice/{name}" for name in datasets)
    rows = {name: int(note["rows"]) for name in datasets if (note := notes.get(f"spice/{name}", {})).get("rows")}
    size = 0.0
    if rows:
        # Not where there is none: the SQL parser takes a second to import.
        columns = questions.columns_of(lake.config)
        # A view whose tables are not in the configuration any more has no columns here.
        size = sum(count * _spice_row(columns.get(datasets[name].view, {})) for name, count in rows.items())
    return LakeLoad(
        questions=asked,
        datasets=len(datasets),
        datasets_in_use=len(rows),
        spice_bytes=size,
        has_fast=any("fast" in entity.lanes for entity in lake.config.entities.values()),
        has_streams=any("stream" in table.lanes for table in lake.config.tables.values()),
    )


def _spice_row(columns: Columns) -> int:
    """Bytes of a row in SPICE: 8 a number or date, and 8 beside the bytes of a text, which are taken to be SPICE_TEXT.

    https://docs.aws.amazon.com/quicksight/latest/user/spice.html#spice-capacity-formula
    """
    return sum(8 + (SPICE_TEXT if kind in ("text", "unknown", "other") else 0) for kind in columns.values())
