"""The state of a DynamoDB table's exports: how far they are, which windows are missing, and why.

Each function costs a bounded number of requests, whatever the ledger holds:

    question                      answered by
    which base a table follows    items export#<table> chain (BatchGetItem, 100 tables a request)
    how far the exports are       the parameters of the view (Glue GetTable), then the windows of the ledger after what
                                  the view reads: items export#<table> window#<minute> (Query with Limit)
    changes of the last days      the same items, newest first (Query with Limit)
    windows of some days          the same items between two minutes
    snapshots                     items export#<table> snapshot#<second>, newest first (Query with Limit)
    one export                    the table's key (GetItem)

A window should be in the lake by its deadline: DEADLINE after the run that exports it is due. Point-in-time recovery is
about five minutes behind, and a small export takes about as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from lakelanes.alerts.incidents import Incident, open_incidents
from lakelanes.concurrently import map_concurrently
from lakelanes.config.deadlines import window_due_at
from lakelanes.ledger.entries import timestamp
from lakelanes.overview import standing, trends
from lakelanes.overview.standing import TROUBLED_TABLES, TableState
from lakelanes.overview.trends import Point
from lakelanes.tables.current import Coverage, coverage
from lakelanes.tables.ledger import Chain, Export, ExportKind, ExportState, Snapshot, TableLedger, chains
from lakelanes.tables.planning import contiguous_end
from lakelanes.tables.recovery import repair_command
from lakelanes.tables.windows import Window, minute_text, next_window

if TYPE_CHECKING:
    from lakelanes.config.model import Table
    from lakelanes.lake import Lake

WindowState = Literal[ExportState, "waiting", "missing", "skipped"]

DEADLINE = timedelta(hours=1)
# Windows to read after the last one of the view: a day of the shortest.
_AHEAD = 100
_SNAPSHOTS = 10
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class TableStatus:
    """The state of a table's exports. Times are ISO 8601 in UTC.

    state: fresh (every window that is over is there), waiting (the next window is over and not late yet), late (the
    next window is past its deadline), loading (the full export is being made), failed and gap (with the ``reason``, and
    the ``command`` that repairs it), no deadline (the table has no export lane), empty (nothing was exported yet).
    alert: none of these, and an open alert is about it.
    until: everything written before it is in the lake; None before the first full export. next_start, next_end: the
    window that is expected, with its ``deadline``. base: the moment of the full export. failed, unfinished: number of
    windows in those states among the first hundred after ``until``. lag_minutes: how long ago ``until`` was;
    lag_limit_minutes: how long ago it will have been at the deadline. rows: of the newest snapshot, with its moment.
    trend: changes by day. alerts: causes of the open alerts that are about it.
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
    lag_minutes: int | None = None
    lag_limit_minutes: int | None = None
    rows: int | None = None
    rows_as_of: str | None = None
    trend: tuple[Point, ...] = ()
    alerts: tuple[str, ...] = ()

    @property
    def needs_attention(self) -> bool:
        return self.state in TROUBLED_TABLES


@dataclass(frozen=True)
class WindowCell:
    """A window and the state of its export.

    export: None while no run has planned it; then the window is not late yet (waiting), past its deadline (missing), or
    can no longer be exported (gap). skipped: time before a base that no window covers; the full export has the items
    as they were at the base.
    """

    window: Window
    state: WindowState
    export: Export | None = None

    @property
    def start(self) -> str:
        return minute_text(self.window.start)


def status(
    lake: Lake,
    names: Iterable[str] | None = None,
    opened: Sequence[Incident] | None = None,
    *,
    figures: bool = True,
) -> list[TableStatus]:
    """The tables, or those named, in the configuration's order. ``opened``: the open alerts, where they are known.

    figures: also the size, and the changes of the last days; two Queries a table.
    """
    wanted = list(lake.config.tables if names is None else names)
    if not wanted:
        return []
    alerts = open_incidents(lake) if opened is None else opened
    known = chains(lake, wanted)

    def one(name: str) -> TableStatus:
        table = lake.config.tables[name]
        stand = _with_alerts(lake, table, _status(lake, table, known.get(name)), alerts)
        return _with_figures(lake, table, stand) if figures and stand.base is not None else stand

    return map_concurrently(one, wanted)


def windows(lake: Lake, table: Table, current: TableStatus, first: datetime, last: datetime) -> list[WindowCell]:
    """The windows that start from ``first`` to before ``last``, in order, and the holes between them; only windows that
    are over. One request for each 1 MB of the ledger's items, which are half a kilobyte.

    current: the table's status, as ``status`` returns it.
    """
    if current.base is None:
        return []
    base = datetime.fromisoformat(current.base)
    known = TableLedger(lake, table.name).windows(first, last - timedelta(minutes=1))
    now = lake.clock()
    cells: list[WindowCell] = []
    # Nothing was due before the base, unless windows of an older base are known.
    place = known[0].window.start if known and known[0].window.start < base else max(first, base)
    for export in known:
        cells += _holes(table, current, base, place, export.window.start, now)
        cells.append(WindowCell(export.window, export.state, export))
        place = max(place, export.window.end)
    cells += _holes(table, current, base, place, min(last, now), now, is_end=True)
    return cells


def one_export(lake: Lake, table: Table, kind: ExportKind, start: str) -> Export | None:
    """An export by its start, as ``windows.minute_text`` writes it."""
    return TableLedger(lake, table.name).export(kind, start)


def snapshots(lake: Lake, table: Table) -> list[Snapshot]:
    """The last snapshots that can be read, newest first."""
    return TableLedger(lake, table.name).newest_snapshots(_SNAPSHOTS)


def _status(lake: Lake, table: Table, chain: Chain | None) -> TableStatus:
    if "export" not in table.lanes:
        return _of(table, chain, "no deadline")
    if chain is None:
        return _of(table, chain, "empty")
    view = coverage(lake, table)
    full = TableLedger(lake, table.name).export("full", chain.base)
    if full is None or not full.is_converted:
        return _before_the_base(table, chain, full, view)
    return _after_the_base(lake, table, chain, view)


def _with_alerts(lake: Lake, table: Table, stand: TableStatus, opened: Sequence[Incident]) -> TableStatus:
    """The status with its alerts, which may change its state, and its lag."""
    about, now = standing.alerts_about(table.name, opened), lake.clock()
    stand = replace(
        stand,
        state=standing.table_state(stand.state, about),
        alerts=tuple(alert.cause for alert in about),
    )
    if stand.base is None or stand.until is None:
        return stand
    until = datetime.fromisoformat(stand.until)
    limit = (datetime.fromisoformat(stand.deadline) - until) // _MINUTE if stand.deadline else None
    return replace(stand, lag_minutes=(now - until) // _MINUTE, lag_limit_minutes=limit)


def _with_figures(lake: Lake, table: Table, stand: TableStatus) -> TableStatus:
    """The status with its size, and the changes of the last days."""
    ledger = TableLedger(lake, table.name)
    snapshot = next(iter(ledger.newest_snapshots(1)), None)
    trend = trends.of_table(ledger.newest_windows(trends.MOST_WINDOWS), lake.clock().date())
    stand = replace(stand, trend=trend)
    return replace(stand, rows=snapshot.rows, rows_as_of=timestamp(snapshot.moment)) if snapshot else stand


def _of(table: Table, chain: Chain | None, state: TableState, **more: Any) -> TableStatus:
    base = timestamp(chain.start) if chain else None
    return TableStatus(table.name, table.dynamodb_table, table.current_view, table.lanes, state, base=base, **more)


def _before_the_base(table: Table, chain: Chain, full: Export | None, view: Coverage | None) -> TableStatus:
    """While the full export is not in the lake; the view may read an older one."""
    until = timestamp(view.through) if view else None
    if chain.gap:
        return _of(table, chain, "gap", until=until, reason=chain.reason, command=repair_command(table))
    failed = full is not None and full.state in ("failed", "gap")
    return _of(
        table,
        chain,
        "failed" if failed else "loading",
        until=until,
        reason=full.reason if full else None,
        command=repair_command(table) if failed else None,
    )


def _after_the_base(lake: Lake, table: Table, chain: Chain, view: Coverage | None) -> TableStatus:
    start = max(chain.start, view.through) if view and view.as_of >= chain.start else chain.start
    ahead = TableLedger(lake, table.name).windows(start, limit=_AHEAD)
    until = contiguous_end(ahead, start)
    open_ = [export for export in ahead if not export.is_converted]
    blocking = next((export for export in open_ if export.window.start == until), None)
    window = blocking.window if blocking else next_window(until, table.export.window_minutes)
    deadline, now = window_due_at(table, window.end) + DEADLINE, lake.clock()
    found = {
        "until": timestamp(until),
        "next_start": timestamp(window.start),
        "next_end": timestamp(window.end),
        "deadline": timestamp(deadline),
        "failed": sum(export.state in ("failed", "gap") for export in open_),
        "unfinished": sum(export.state not in ("failed", "gap") for export in open_),
    }
    reason = blocking.reason if blocking else None
    if chain.gap:
        return _of(table, chain, "gap", **found, reason=chain.reason, command=repair_command(table))
    if blocking and blocking.state == "gap":
        return _of(table, chain, "gap", **found, reason=reason, command=repair_command(table))
    if blocking and blocking.state == "failed":
        return _of(table, chain, "failed", **found, reason=reason)
    if now < window.end:
        return _of(table, chain, "fresh", **found)
    return _of(table, chain, "late" if now >= deadline else "waiting", **found, reason=reason)


def _holes(
    table: Table,
    current: TableStatus,
    base: datetime,
    place: datetime,
    end: datetime,
    now: datetime,
    is_end: bool = False,
) -> Iterator[WindowCell]:
    """The cells between two known windows, or after the last one. place, end: from when to when."""
    if place < min(base, end):
        yield WindowCell(Window(place, min(base, end)), "skipped")
    place = max(place, base)
    while place < end:
        window = next_window(place, table.export.window_minutes)
        if window.end > end:
            if is_end:
                return
            window = Window(place, end)
        state: WindowState = "gap" if current.state == "gap" else "waiting"
        if state == "waiting" and now >= window_due_at(table, window.end) + DEADLINE:
            state = "missing"
        yield WindowCell(window, state)
        place = window.end
