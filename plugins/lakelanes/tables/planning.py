"""What a run exports: the full export first, then windows; what it waits for, and where there is a gap.

A run with a partition plans the windows that end in the time its partition covers, and a scheduled one also earlier
windows that no run has claimed (while Airflow stood still, say). A run without a partition plans whatever is due.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lakelanes.aws.storage import list_folder
from lakelanes.catalog.glue_tables import describe
from lakelanes.errors import GapError, StalledError
from lakelanes.tables.catalog import AS_OF, snapshot_partition, snapshot_table
from lakelanes.tables.ledger import Chain, Export, ExportKind, Snapshot, TableLedger, parse_second
from lakelanes.tables.recovery import (
    Recovery,
    check_incarnation,
    check_restorable,
    describe_recovery,
    repair_command,
    restorable_range,
)
from lakelanes.tables.windows import (
    Window,
    backfill_windows,
    ceil_minute,
    consecutive_windows,
    floor_minute,
    minute_text,
    next_window,
)

if TYPE_CHECKING:
    from lakelanes.config.model import Table
    from lakelanes.lake import Lake

# A run that has had an export for longer than this has died, and another run takes the export. An export takes minutes.
ABANDONED_AFTER = timedelta(hours=3)
# A table whose last window is older than this needs a person; the longest window is a day.
STALLED_AFTER = timedelta(hours=50)
# The scheduler has two mapped tasks for each; the next run takes the rest.
MAX_EXPORTS = 96


@dataclass(frozen=True)
class Plan:
    """What a run exports.

    exports: oldest first. wait_until: the moment that recovery has to reach before the rest can be planned. note: why
    nothing is due, or not yet, for people.
    """

    exports: tuple[Export, ...] = ()
    wait_until: datetime | None = None
    note: str = ""


def plan(
    lake: Lake,
    table: Table,
    *,
    run_id: str,
    period: Window | None = None,
    catch_up: bool = True,
    backfill: bool = False,
    full: bool = False,
    dry_run: bool = False,
) -> Plan:
    """Plans the exports of a run, and claims them for it in the ledger. Called again, it plans the same.

    period: the time that the run's partition covers; None: whatever is due. catch_up: with a period, also windows
    before it that no run has claimed. backfill: with a period before the base, the windows of that time that recovery
    still holds. full: start anew with a full export. dry_run: write nothing.
    Raises GapError when exports can no longer deliver some changes; the ledger's chain then says so too.
    """
    if not dry_run:
        lake.check_owner()
    ledger = TableLedger(lake, table.name)
    recovery = describe_recovery(lake, table)
    chain = ledger.chain()
    try:
        if chain is None or (full and chain.run_id != run_id):
            started = start_chain(ledger, table, chain, recovery, run_id, dry_run=dry_run)
            if isinstance(started, Plan):
                return started
            chain = started
        check_ledger(lake, table, ledger, chain)
        found = _Planner(ledger, table, chain, recovery, run_id, period, catch_up, backfill).plan()
    except GapError as error:
        if not dry_run and chain is not None and chain.gap != error.state:
            ledger.write(chain, gap=error.state, reason=str(error))
        raise
    if dry_run:
        return found
    if chain.gap is not None:
        ledger.write(chain, gap=None, reason=None)
    return replace(found, exports=tuple(_claim(ledger, export, run_id) for export in found.exports))


def start_chain(
    ledger: TableLedger, table: Table, known: Chain | None, recovery: Recovery, run_id: str, *, dry_run: bool = False
) -> Chain | Plan:
    """Starts the table's exports, or starts them anew: a full export as of the last whole minute that recovery holds.

    A Plan that waits where recovery holds no whole minute yet. Of several runs that start at the same time one
    succeeds, and the others get its chain. dry_run: write nothing.
    """
    earliest, latest = restorable_range(table, recovery)
    base = floor_minute(latest)
    if base < earliest:
        why = f"not yet: point-in-time recovery of {table.dynamodb_table} has just begun"
        return Plan(wait_until=ceil_minute(earliest), note=why)
    fresh = Chain(
        table=table.name,
        base=minute_text(base),
        table_arn=recovery.table_arn,
        table_id=recovery.table_id,
        run_id=run_id,
        revision=known.revision if known else 0,
    )
    return fresh if dry_run else ledger.write(fresh)[0]


def check(lake: Lake, table: Table) -> str:
    """Says in a line how far the table's exports are.

    Raises GapError when the next window cannot be exported any more, StalledError when none was for STALLED_AFTER.
    """
    ledger = TableLedger(lake, table.name)
    recovery = describe_recovery(lake, table)
    restorable_range(table, recovery)
    chain = ledger.chain()
    if chain is None:
        return f"{table.name}: nothing was exported yet"
    check_incarnation(table, chain, recovery)
    check_ledger(lake, table, ledger, chain)
    reached = exported_until(ledger, _search_start(ledger, chain))
    check_restorable(table, recovery, next_window(reached, table.export.window_minutes), f"what follows {reached}")
    whole = ledger.export("full", chain.base)
    done = whole is not None and whole.is_converted
    if (recovery.latest or reached) - (reached if done else chain.start) > STALLED_AFTER:
        raise StalledError(
            f"{table.name} is exported until {reached:%Y-%m-%dT%H:%MZ} only"
            + ("" if done else ", and the full export that goes before is not in the lake"),
            f"Trigger export_{table.name} without a partition key: it exports whatever is due",
        )
    return f"{table.name}: exported until {reached:%Y-%m-%dT%H:%MZ}"


def check_ledger(lake: Lake, table: Table, ledger: TableLedger, chain: Chain) -> None:
    """Raises GapError when no next snapshot can be made of what the ledger knows.

    It was restored from a backup: the view reads a newer snapshot than it knows of, and those that it does know may
    have been deleted since. Or the newest one has lost files: somebody deleted them, or gave the table another
    table_name, under which there are none.
    """
    view, newest = describe(lake, table.current_view), _newest_snapshot(ledger)
    known = _start_after(newest, chain)
    shown = parse_second(view["Parameters"][AS_OF]) if view else known
    if shown > known:
        raise GapError(
            "ledger_restored",
            f"{table.current_view} reads the snapshot of {shown:%Y-%m-%dT%H:%M:%SZ}, and the newest that the "
            f"ledger {lake.config.resources.ledger_table} knows is of {known:%Y-%m-%dT%H:%M:%SZ}: it was restored from "
            "a backup",
            f"Start anew with a full export, the view stays as it is until then: {repair_command(table)}",
        )
    if newest is None or newest.moment < chain.start or not newest.files:
        return
    folder = f"{snapshot_table(table).folder}/{snapshot_partition(newest.as_of).path}/"
    found = sum(1 for _ in list_folder(lake.s3, lake.config.resources.analytics_bucket, folder))
    if found < newest.files:
        raise GapError(
            "snapshot_missing",
            f"s3://{lake.config.resources.analytics_bucket}/{folder} has {found} of the {newest.files} file(s) of the "
            f"snapshot that {table.current_view} is made of: tables.{table.name}.table_name was changed, or they were "
            "deleted",
            f"Start anew with a full export: {repair_command(table)}",
        )


def repair(lake: Lake, table: Table) -> str:
    """Starts the table's exports anew, for any run to claim. Says what happens next.

    Raises GapError when recovery is off or the table is not there.
    """
    ledger = TableLedger(lake, table.name)
    recovery = describe_recovery(lake, table)
    started = start_chain(ledger, table, ledger.chain(), recovery, "")
    if isinstance(started, Plan):
        return f"{started.note}; repeat this after {started.wait_until:%Y-%m-%dT%H:%MZ}"
    return (
        f"{table.name} starts anew with a full export as of {started.start:%Y-%m-%dT%H:%MZ}, which the next run of "
        f"export_{table.name} makes; trigger it so as not to wait. {table.current_view} stays as it is until then"
    )


def exported_until(ledger: TableLedger, start: datetime) -> datetime:
    """How far the table's windows are converted from ``start`` on without a hole."""
    return contiguous_end(ledger.windows(start), start)


def contiguous_end(exports: Iterable[Export], start: datetime) -> datetime:
    """The end of the last converted window that follows from ``start`` without a hole; ``start`` where none does."""
    windows = {export.window.start: export for export in exports}
    while (export := windows.get(start)) and export.is_converted:
        start = export.window.end
    return start


@dataclass(frozen=True)
class _Planner:
    """Finds what a run exports; ``plan`` describes the fields."""

    ledger: TableLedger
    table: Table
    chain: Chain
    recovery: Recovery
    run_id: str
    period: Window | None
    catch_up: bool
    backfill: bool

    def plan(self) -> Plan:
        table, recovery = self.table, self.recovery
        check_incarnation(table, self.chain, recovery)
        windows, note = self._windows()
        wanted = [*self._full_export(), *windows]
        if not wanted:
            # While recovery is off, the next window cannot be exported either.
            restorable_range(table, recovery)
        for export in wanted:
            # DynamoDB finishes an export that it has begun, whatever recovery holds by now.
            if not export.export_arn:
                check_restorable(table, recovery, export.window, str(export))
        wanted += self._backfill()
        until = self._restorable_until
        late = [export.window.end for export in wanted if not export.export_arn and export.window.end > until]
        if late:
            return Plan(wait_until=max(late), note=f"not yet: recovery holds what was written until {until}")
        return Plan(tuple(wanted[:MAX_EXPORTS]), note="" if wanted else note)

    @property
    def _restorable_until(self) -> datetime:
        return self.recovery.latest or self.chain.start

    def _full_export(self) -> list[Export]:
        """The full export at the base of the chain, unless another run has it or it is published."""
        base = Window(self.chain.start, self.chain.start)
        full = self.ledger.export("full", self.chain.base) or _new_export(self.chain, "full", base)
        retried = self.period is None and full.state in ("failed", "gap")
        return [full] if retried or self._is_claimable(full) else []

    def _windows(self) -> tuple[list[Export], str]:
        """The windows after the base that are this run's, and a note that says why there are no more."""
        period, note = self.period, f"nothing is due: the base of {self.table.name} is {self.chain.base}"
        start = _search_start(self.ledger, self.chain)
        planned = {export.window.start: export for export in self.ledger.windows(start)}
        known = {export.window.start: export.window for export in planned.values()}
        until = period.end if period else self._restorable_until
        closed = max(self.ledger.lake.clock(), self._restorable_until)
        found: list[Export] = []
        for window in consecutive_windows(start, known, self.table.export.window_minutes, until):
            export = planned.get(window.start) or _new_export(self.chain, "window", window)
            own = period is None or window.end > period.start
            if export.state == "published" or not (own or (self.catch_up and self._is_claimable(export))):
                continue
            if window.end > closed:
                return found, f"not yet: the window {window} is still open"
            found.append(export)
        return found, note

    def _backfill(self) -> list[Export]:
        """The windows before the base that end in the run's period, without those that are published."""
        if not (self.period and self.backfill and self.recovery.earliest):
            return []
        minutes = self.table.export.window_minutes
        windows = backfill_windows(self.recovery.earliest, self.chain.start, self.period, minutes)
        exports = [
            self.ledger.export("window", window.value) or _new_export(self.chain, "window", window)
            for window in windows
        ]
        return [export for export in exports if export.state != "published"]

    def _is_claimable(self, export: Export) -> bool:
        """Whether this run may take an export that is not of its own partition: no run has it, or that run died."""
        if export.state == "published":
            return False
        if export.run_id in ("", self.run_id):
            return True
        # A failed export has had its alert, and waits for a person.
        abandoned = datetime.fromisoformat(export.updated_at) < self.ledger.lake.clock() - ABANDONED_AFTER
        return export.state != "failed" and abandoned


def _search_start(ledger: TableLedger, chain: Chain) -> datetime:
    """From where on windows may be missing: the newest snapshot has everything before it."""
    return _start_after(_newest_snapshot(ledger), chain)


def _start_after(newest: Snapshot | None, chain: Chain) -> datetime:
    return max(chain.start, newest.moment) if newest else chain.start


def _newest_snapshot(ledger: TableLedger) -> Snapshot | None:
    return next(iter(ledger.newest_snapshots(1)), None)


def _new_export(chain: Chain, kind: ExportKind, window: Window) -> Export:
    return Export(
        table=chain.table,
        kind=kind,
        start=minute_text(window.start),
        end=minute_text(window.end),
        table_arn=chain.table_arn,
        table_id=chain.table_id,
    )


def _claim(ledger: TableLedger, export: Export, run_id: str) -> Export:
    """Makes the run responsible for the export. One that failed, or was in a gap, is planned once more."""
    if export.revision and export.run_id == run_id and export.state not in ("failed", "gap"):
        return export
    changes: dict[str, object] = {"run_id": run_id, "planned_at": export.planned_at or ledger.lake.ledger.now()}
    if export.state in ("failed", "gap"):
        changes |= {"state": "planned", "reason": None}
    found, _ = ledger.write(export, **changes)
    return found
