"""What people ask of a DynamoDB table in the lake: how far its exports are, which window is missing, and why.

Each function costs a bounded number of requests, whatever the ledger holds:

    question                      answered by
    which base a table follows    items export#<table> chain (BatchGetItem, 100 tables a request)
    how far the exports are       what the view says that it reads (Glue GetTable), then the windows of the ledger from
                                  there on: items export#<table> window#<minute> (Query on the table's key, with Limit)
    windows of some days          the same items between two minutes
    snapshots                     items export#<table> snapshot#<second>, newest first (Query with Limit)
    one export                    the table's key (GetItem)
    the newest of the stream      S3's listing of the last day's hours and of the newest of them, the footer of one file

A deadline is when a window ought to be in the lake: DEADLINE after the run that exports it is due. Point-in-time
recovery is about five minutes behind, and a small export takes as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from lakelanes.aws.storage import ObjectFile
from lakelanes.concurrently import together
from lakelanes.config.deadlines import next_tick
from lakelanes.errors import SourceChangedError, SourceGoneError
from lakelanes.ledger.entries import timestamp
from lakelanes.tables.catalog import changes_table, window_partition
from lakelanes.tables.current import coverage
from lakelanes.tables.ledger import Chain, Export, ExportKind, ExportState, Snapshot, TableLedger, chains
from lakelanes.tables.planning import reached, repair_command
from lakelanes.tables.windows import Window, minute_text, next_window

if TYPE_CHECKING:
    from lakelanes.config.model import Table
    from lakelanes.lake import Lake

TableState = Literal["fresh", "waiting", "late", "loading", "failed", "gap", "no deadline", "empty"]
WindowState = Literal[ExportState, "waiting", "missing", "skipped"]
StreamState = Literal["arriving", "quiet", "missing"]

DEADLINE = timedelta(hours=1)
# Windows that wait behind one that keeps the view from moving on: a day of the shortest.
_BEHIND = 100
_SNAPSHOTS = 10
_STREAM_HOURS = 24
# S3's largest page.
_OBJECTS = 1000
TROUBLED: frozenset[str] = frozenset({"late", "failed", "gap"})
_QUIET_AFTER = timedelta(hours=1)


@dataclass(frozen=True)
class TableStatus:
    """How the exports of a table stand. Times are ISO 8601 in UTC.

    until: everything written before it is in the lake; None before the first full export. next_start, next_end: the
    window that is expected, with its ``deadline``. state: fresh (every window that is over is there), waiting (the next
    is over and may still come), late (it should have), loading (the full export is being made), failed and gap (with
    the ``reason``, and the ``command`` that repairs it), no deadline (the table has no lane of exports), empty (nothing
    was exported yet). failed, unfinished: windows behind ``until`` in those states, of the first hundred.
    """

    name: str
    dynamodb_table: str
    view: str
    lanes: tuple[str, ...]
    state: TableState
    until: str | None = None
    next_start: str | None = None
    next_end: str | None = None
    deadline: str | None = None
    base: str | None = None
    failed: int = 0
    unfinished: int = 0
    reason: str | None = None
    command: str | None = None

    @property
    def needs_attention(self) -> bool:
        return self.state in TROUBLED


@dataclass(frozen=True)
class WindowCell:
    """A window and what became of it. ``export`` is None while no run has planned one: it may still come (waiting), it
    should have (missing), or it cannot be exported any more (gap). skipped: time before a base that no window covers;
    the full export has what the items became."""

    window: Window
    state: WindowState
    export: Export | None = None

    @property
    def start(self) -> str:
        return minute_text(self.window.start)


@dataclass(frozen=True)
class StreamStatus:
    """What the stream's lane brought last. Times are ISO 8601 in UTC, None where it brought nothing for a day.

    arriving: its newest object came within the last hour. quiet: longer ago, and nothing is known to be missing.
    missing: the exports have changes of ``missing`` (a window), of whose hours the stream brought nothing. changed_at:
    of the newest change in the object ``uri``, which has ``rows`` of them; arrived_at: when that object was written.
    """

    state: StreamState
    changed_at: str | None = None
    arrived_at: str | None = None
    uri: str | None = None
    rows: int | None = None
    missing: str | None = None


def status(lake: Lake, names: Iterable[str] | None = None) -> list[TableStatus]:
    """The tables, or those named, in the configuration's order."""
    wanted = list(lake.config.tables if names is None else names)
    known = chains(lake, wanted)
    return together(lambda name: _status(lake, lake.config.tables[name], known.get(name)), wanted)


def windows(lake: Lake, table: Table, stand: TableStatus, first: datetime, last: datetime) -> list[WindowCell]:
    """The windows that start from ``first`` to before ``last``, in order, and the holes between them; none that is not
    over. One request for each 1 MB of the ledger's items, which are half a kilobyte.

    stand: what ``status`` says of the table.
    """
    if stand.base is None:
        return []
    base = datetime.fromisoformat(stand.base)
    known = TableLedger(lake, table.name).windows(first, last - timedelta(minutes=1))
    now = lake.clock()
    cells: list[WindowCell] = []
    # Before the base nothing was due, unless an older base goes before.
    place = known[0].window.start if known and known[0].window.start < base else max(first, base)
    for export in known:
        cells += _holes(table, stand, base, place, export.window.start, now)
        cells.append(WindowCell(export.window, export.state, export))
        place = max(place, export.window.end)
    cells += _holes(table, stand, base, place, min(last, now), now, is_end=True)
    return cells


def one_export(lake: Lake, table: Table, kind: ExportKind, start: str) -> Export | None:
    """An export by its start, as ``windows.minute_text`` writes it."""
    return TableLedger(lake, table.name).export(kind, start)


def snapshots(lake: Lake, table: Table) -> list[Snapshot]:
    """The last snapshots that can be read, newest first."""
    return TableLedger(lake, table.name).newest_snapshots(_SNAPSHOTS)


def stream(lake: Lake, table: Table, exports: Iterable[Export]) -> StreamStatus | None:
    """What the stream's lane brought in the last day; None for a table without that lane.

    exports: of the last day's windows, which tell what it should have brought. Of an hour with more than 1,000 objects
    the first so many are looked at.
    """
    if "stream" not in table.lanes:
        return None
    now = lake.clock()
    since = (now - timedelta(hours=_STREAM_HOURS)).replace(minute=0, second=0, microsecond=0)
    hours = _stream_hours(lake, table, since)
    missing = _unstreamed(exports, since, set(hours))
    if not hours:
        return StreamStatus("missing" if missing else "quiet", missing=missing)
    newest = max(
        _objects(lake, _stream_folder(table, hours[-1])), key=lambda found: found["LastModified"], default=None
    )
    if newest is None:  # deleted in between
        return StreamStatus("quiet", missing=missing)
    state: StreamState = "arriving" if now - newest["LastModified"] < _QUIET_AFTER else "quiet"
    count = newest["Key"].rpartition("-")[2].removesuffix(".parquet")
    return StreamStatus(
        "missing" if missing else state,
        changed_at=_newest_change(lake, newest["Key"]),
        arrived_at=timestamp(newest["LastModified"]),
        uri=f"s3://{lake.config.resources.analytics_bucket}/{newest['Key']}",
        rows=int(count) if count.isdecimal() else None,
        missing=missing,
    )


def due_at(table: Table, window: Window) -> datetime:
    """When the run that exports the window starts, in UTC: by default when it ends."""
    export = table.export
    return next_tick(export.schedule, export.timezone, window.end) if export.schedule else window.end


def _status(lake: Lake, table: Table, chain: Chain | None) -> TableStatus:
    def told(state: TableState, **more: Any) -> TableStatus:
        base = timestamp(chain.start) if chain else None
        return TableStatus(table.name, table.dynamodb_table, table.current_view, table.lanes, state, base=base, **more)

    if "export" not in table.lanes:
        return told("no deadline")
    if chain is None:
        return told("empty")
    view, ledger = coverage(lake, table), TableLedger(lake, table.name)
    whole = ledger.export("full", chain.base)
    gap = {"reason": chain.reason, "command": repair_command(table)} if chain.gap else None
    if whole is None or not whole.is_converted:
        seen = timestamp(view.through) if view else None
        if gap:
            return told("gap", until=seen, **gap)
        failed = whole is not None and whole.state in ("failed", "gap")
        return told(
            "failed" if failed else "loading",
            until=seen,
            reason=whole.reason if whole else None,
            command=repair_command(table) if failed else None,
        )
    start = max(chain.start, view.through) if view and view.as_of >= chain.start else chain.start
    ahead = ledger.windows(start, limit=_BEHIND)
    until = reached(ahead, start)
    open_ = [export for export in ahead if not export.is_converted]
    blocking = next((export for export in open_ if export.window.start == until), None)
    window = blocking.window if blocking else next_window(until, table.export.window_minutes)
    deadline, now = due_at(table, window) + DEADLINE, lake.clock()
    found = {
        "until": timestamp(until),
        "next_start": timestamp(window.start),
        "next_end": timestamp(window.end),
        "deadline": timestamp(deadline),
        "failed": sum(export.state in ("failed", "gap") for export in open_),
        "unfinished": sum(export.state not in ("failed", "gap") for export in open_),
    }
    if gap:
        return told("gap", **found, **gap)
    if blocking and blocking.state == "gap":
        return told("gap", **found, reason=blocking.reason, command=repair_command(table))
    if blocking and blocking.state == "failed":
        return told("failed", **found, reason=blocking.reason)
    if now < window.end:
        return told("fresh", **found)
    return told("late" if now >= deadline else "waiting", **found, reason=blocking.reason if blocking else None)


def _holes(
    table: Table,
    stand: TableStatus,
    base: datetime,
    place: datetime,
    end: datetime,
    now: datetime,
    is_end: bool = False,
) -> Iterator[WindowCell]:
    """What is between two known windows, or after the last one, as cells."""
    if place < min(base, end):
        yield WindowCell(Window(place, min(base, end)), "skipped")
    place = max(place, base)
    while place < end:
        window = next_window(place, table.export.window_minutes)
        if window.end > end:
            if is_end:
                return
            window = Window(place, end)
        state: WindowState = "gap" if stand.state == "gap" else "waiting"
        if state == "waiting" and now >= due_at(table, window) + DEADLINE:
            state = "missing"
        yield WindowCell(window, state)
        place = window.end


def _stream_hours(lake: Lake, table: Table, since: datetime) -> list[str]:
    """The hours from ``since`` on that the stream brought changes of, as the lake writes them, in order."""
    folder = f"{changes_table(table).folder}/lane=stream/window="
    answer = lake.s3.list_objects_v2(
        Bucket=lake.config.resources.analytics_bucket,
        Prefix=folder,
        StartAfter=folder + minute_text(since),
        Delimiter="/",
    )
    return sorted(found["Prefix"].removeprefix(folder).rstrip("/") for found in answer.get("CommonPrefixes", ()))


def _stream_folder(table: Table, hour: str) -> str:
    return f"{changes_table(table).folder}/{window_partition('stream', hour).path}/"


def _objects(lake: Lake, prefix: str) -> Sequence[Any]:
    bucket = lake.config.resources.analytics_bucket
    found: Sequence[Any] = lake.s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=_OBJECTS).get("Contents", ())
    return found


def _unstreamed(exports: Iterable[Export], since: datetime, hours: set[str]) -> str | None:
    """The newest window since then of which the exports have changes and the stream has none."""
    for export in sorted(exports, key=lambda one: one.start, reverse=True):
        hour, own = export.window.start.replace(minute=0), set()
        while hour < export.window.end:
            own.add(minute_text(hour))
            hour += timedelta(hours=1)
        if export.is_converted and export.rows and export.window.start >= since and not own & hours:
            return str(export.window)
    return None


def _newest_change(lake: Lake, key: str) -> str | None:
    """When the newest change of an object was made, by its footer."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with ObjectFile(lake.s3, lake.config.resources.analytics_bucket, key) as source:
            footer = pq.ParquetFile(pa.PythonFile(source, mode="r")).metadata
    except (SourceGoneError, SourceChangedError):
        return None
    place = footer.schema.names.index("_written_at")
    found = [footer.row_group(group).column(place).statistics for group in range(footer.num_row_groups)]
    newest = max((one.max for one in found if one is not None and one.has_min_max), default=None)
    return f"{newest:%Y-%m-%dT%H:%M:%S.%fZ}" if newest is not None else None
