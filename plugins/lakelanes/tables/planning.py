"""What a run exports: the full export first, then windows; what it waits for, and where there is a gap.

A run with a partition plans the windows that end in the time its partition covers, and a scheduled one also those
before that nobody took (while Airflow stood still, say). A run without a partition plans whatever is due.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lakelanes.aws.clients import error_code
from lakelanes.errors import GapError, StalledError
from lakelanes.tables.ledger import Chain, Export, ExportKind, TableLedger
from lakelanes.tables.windows import Window, ceil_minute, chain, floor_minute, history, minute_text, next_window

if TYPE_CHECKING:
    from lakelanes.config.model import Table
    from lakelanes.lake import Lake

# A window that another run has had for so long is taken over: its run has died. An export takes minutes.
ABANDONED_AFTER = timedelta(hours=3)
# A table whose last window is older than this needs a person; the longest window is a day.
STALLED_AFTER = timedelta(hours=50)
# The scheduler has two mapped tasks for each; the next run takes the rest.
MAX_EXPORTS = 96


@dataclass(frozen=True)
class Recovery:
    """What point-in-time recovery holds of a table. ``earliest`` and ``latest`` are None while it is off."""

    table_arn: str
    table_id: str
    earliest: datetime | None = None
    latest: datetime | None = None
    days: int = 35


@dataclass(frozen=True)
class Plan:
    """exports: what to export, oldest first. wait_until: what recovery has to reach before the rest can be planned.
    note: why there is nothing (yet), for people."""

    exports: tuple[Export, ...] = ()
    wait_until: datetime | None = None
    note: str = ""


def recovery(lake: Lake, table: Table) -> Recovery:
    """Asks DynamoDB what can be exported. GapError when the table is not there."""
    db, name = lake.dynamodb, table.dynamodb_table
    try:
        described = db.describe_table(TableName=name)["Table"]
        backups = db.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    except db.exceptions.ClientError as error:
        if error_code(error) not in ("ResourceNotFoundException", "TableNotFoundException"):
            raise
        raise GapError(
            "table_missing",
            f"DynamoDB has no table {name!r} in {lake.config.aws.region}",
            f"Correct tables.{table.name}.dynamodb_table in the configuration, or restore the table and then "
            f"run: {repair_command(table)}",
        ) from None
    held = Recovery(described["TableArn"], described["TableId"])
    description = backups.get("PointInTimeRecoveryDescription", {})
    if description.get("PointInTimeRecoveryStatus") != "ENABLED" or "EarliestRestorableDateTime" not in description:
        return held
    return replace(
        held,
        earliest=description["EarliestRestorableDateTime"],
        latest=description["LatestRestorableDateTime"],
        days=description.get("RecoveryPeriodInDays", held.days),
    )


def repair_command(table: Table) -> str:
    """The command that starts the table's exports anew."""
    return f"lakelanes tables repair {table.name}"


def plan(
    lake: Lake,
    table: Table,
    *,
    run_id: str,
    period: Window | None = None,
    heal: bool = True,
    past: bool = False,
    full: bool = False,
    note: bool = True,
) -> Plan:
    """Plans the exports of a run, and notes them in the ledger as the run's. Called again, it plans the same.

    period: what the run's partition covers; None: whatever is due. heal: with a period, also windows before it that
    nobody took. past: with a period before the base, its history, as far as recovery holds it. full: start anew with a
    full export. note: not by somebody who only looks; then nothing is written.
    Raises GapError when changes are lost to exports; the ledger's chain then says so too.
    """
    ledger = TableLedger(lake, table.name)
    held = recovery(lake, table)
    current = ledger.chain()
    try:
        if current is None or (full and current.run_id != run_id):
            begun = begin(ledger, table, current, held, run_id, note=note)
            if isinstance(begun, Plan):
                return begun
            current = begun
        found = _plan(ledger, table, current, held, run_id, period, heal, past)
    except GapError as error:
        if note and current is not None and current.gap != error.state:
            ledger.write(current, gap=error.state, reason=str(error))
        raise
    if not note:
        return found
    if current.gap is not None:
        ledger.write(current, gap=None, reason=None)
    return replace(found, exports=tuple(_claim(ledger, export, run_id) for export in found.exports))


def begin(
    ledger: TableLedger, table: Table, known: Chain | None, held: Recovery, run_id: str, *, note: bool = True
) -> Chain | Plan:
    """Starts the table's exports, or starts them anew: a full export as of the last whole minute that recovery holds.

    A Plan when there is none yet. Of several that begin at the same time one does, and the others get its chain.
    note: as in ``plan``.
    """
    earliest, latest = _bounds(table, held)
    base = floor_minute(latest)
    if base < earliest:
        why = f"not yet: point-in-time recovery of {table.dynamodb_table} has just begun"
        return Plan(wait_until=ceil_minute(earliest), note=why)
    fresh = Chain(
        table=table.name,
        base=minute_text(base),
        table_arn=held.table_arn,
        table_id=held.table_id,
        run_id=run_id,
        revision=known.revision if known else 0,
    )
    return ledger.write(fresh)[0] if note else fresh


def check(lake: Lake, table: Table) -> str:
    """Says in a line how far the table's exports are.

    GapError when the next window cannot be exported any more, StalledError when none was for STALLED_AFTER.
    """
    ledger = TableLedger(lake, table.name)
    held = recovery(lake, table)
    _bounds(table, held)
    current = ledger.chain()
    if current is None:
        return f"{table.name}: nothing was exported yet"
    _check_incarnation(table, current, held)
    reached = exported_until(ledger, _start(ledger, current))
    _check_held(table, held, next_window(reached, table.export.window_minutes), f"what follows {reached}")
    whole = ledger.export("full", current.base)
    done = whole is not None and whole.is_converted
    if (held.latest or reached) - (reached if done else current.start) > STALLED_AFTER:
        raise StalledError(
            f"{table.name} is exported until {reached:%Y-%m-%dT%H:%MZ} only"
            + ("" if done else ", and the full export that goes before is not in the lake"),
            f"Trigger export_{table.name} without a partition key: it exports whatever is due",
        )
    return f"{table.name}: exported until {reached:%Y-%m-%dT%H:%MZ}"


def repair(lake: Lake, table: Table) -> str:
    """Starts the table's exports anew, for any run to take; says what happens next. GapError when that cannot be."""
    ledger = TableLedger(lake, table.name)
    held = recovery(lake, table)
    begun = begin(ledger, table, ledger.chain(), held, "")
    if isinstance(begun, Plan):
        return f"{begun.note}; repeat this after {begun.wait_until:%Y-%m-%dT%H:%MZ}"
    return (
        f"{table.name} starts anew with a full export as of {begun.start:%Y-%m-%dT%H:%MZ}, which the next run of "
        f"export_{table.name} makes; trigger it so as not to wait. {table.current_view} stays as it is until then"
    )


def exported_until(ledger: TableLedger, start: datetime) -> datetime:
    """The end of the windows that are converted and follow each other from ``start`` without a hole."""
    return reached(ledger.windows(start), start)


def reached(exports: Iterable[Export], start: datetime) -> datetime:
    """How far those of the windows get from ``start`` that are converted and follow each other without a hole."""
    windows = {export.window.start: export for export in exports}
    while (export := windows.get(start)) and export.is_converted:
        start = export.window.end
    return start


def _plan(
    ledger: TableLedger,
    table: Table,
    current: Chain,
    held: Recovery,
    run_id: str,
    period: Window | None,
    heal: bool,
    past: bool,
) -> Plan:
    _check_incarnation(table, current, held)
    minutes = table.export.window_minutes
    held_until = held.latest or current.start
    wanted: list[Export] = []
    note = f"nothing is due: the base of {table.name} is {current.base}"
    whole = ledger.export("full", current.base) or _export(current, "full", Window(current.start, current.start))
    clock = ledger.lake.clock()
    if _is_free(whole, run_id, clock) or (period is None and whole.state in ("failed", "gap")):
        wanted.append(whole)
    start = _start(ledger, current)
    planned = {export.window.start: export for export in ledger.windows(start)}
    known = {export.window.start: export.window for export in planned.values()}
    until = period.end if period else held_until
    for window in chain(start, known, minutes, until):
        export = planned.get(window.start) or _export(current, "window", window)
        own = period is None or window.end > period.start
        if export.state == "published" or not (own or (heal and _is_free(export, run_id, clock))):
            continue
        if window.end > max(clock, held_until):
            note = f"not yet: the window {window} is still open"
            break
        wanted.append(export)
    if not wanted:
        # What is off now cannot export the next window either.
        _bounds(table, held)
    for export in wanted:
        # One that was submitted is DynamoDB's to finish, whatever recovery holds by now.
        if not export.export_arn:
            _check_held(table, held, export.window, str(export))
    if period and past and held.earliest:
        stored = [
            ledger.export("window", window.value) or _export(current, "window", window)
            for window in history(held.earliest, current.start, period, minutes)
        ]
        wanted += [export for export in stored if export.state != "published"]
    late = [export.window.end for export in wanted if not export.export_arn and export.window.end > held_until]
    if late:
        return Plan(wait_until=max(late), note=f"not yet: recovery holds what was written until {held_until}")
    return Plan(tuple(wanted[:MAX_EXPORTS]), note="" if wanted else note)


def _start(ledger: TableLedger, current: Chain) -> datetime:
    """From where on windows may be missing: the newest snapshot has all that were before it, so they need no look."""
    return max([current.start, *(snapshot.moment for snapshot in ledger.snapshots())])


def _export(current: Chain, kind: ExportKind, window: Window) -> Export:
    return Export(
        table=current.table,
        kind=kind,
        start=minute_text(window.start),
        end=minute_text(window.end),
        table_arn=current.table_arn,
        table_id=current.table_id,
    )


def _claim(ledger: TableLedger, export: Export, run_id: str) -> Export:
    """Notes that the run answers for the export. One that failed, or was in a gap, is to be tried once more."""
    if export.revision and export.run_id == run_id and export.state not in ("failed", "gap"):
        return export
    changes: dict[str, object] = {"run_id": run_id, "planned_at": export.planned_at or ledger.lake.ledger.now()}
    if export.state in ("failed", "gap"):
        changes |= {"state": "planned", "reason": None}
    found, _ = ledger.write(export, **changes)
    return found


def _is_free(export: Export, run_id: str, now: datetime) -> bool:
    """Whether a run takes an export that is not of its own partition: nobody has it, or who had it is gone."""
    if export.state == "published":
        return False
    if export.run_id in ("", run_id):
        return True
    # One that failed has had its alert, and waits for a person.
    return export.state != "failed" and datetime.fromisoformat(export.updated_at) < now - ABANDONED_AFTER


def _bounds(table: Table, held: Recovery) -> tuple[datetime, datetime]:
    """First and last moment that recovery holds. GapError while it is off."""
    name = table.dynamodb_table
    if held.earliest is None or held.latest is None:
        raise GapError(
            "recovery_off",
            f"point-in-time recovery of {name} is off, and DynamoDB exports nothing without it",
            f"Turn it on: aws dynamodb update-continuous-backups --table-name {name} "
            f"--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true\n"
            f"Then start anew with a full export: {repair_command(table)}",
        )
    return held.earliest, held.latest


def _check_held(table: Table, held: Recovery, window: Window, what: str) -> None:
    earliest, latest = _bounds(table, held)
    if earliest <= window.start:
        return
    forgotten = latest - window.start > timedelta(days=held.days)
    raise GapError(
        "out_of_range" if forgotten else "recovery_restarted",
        f"{what} is not exported, and point-in-time recovery of {table.dynamodb_table} begins at "
        f"{earliest:%Y-%m-%dT%H:%M:%SZ} only" + ("" if forgotten else ": it was turned off and on again"),
        f"Start anew with a full export: {repair_command(table)}",
    )


def _check_incarnation(table: Table, current: Chain, held: Recovery) -> None:
    if current.table_id != held.table_id:
        raise GapError(
            "table_recreated",
            f"{table.dynamodb_table} is another table (id {held.table_id}) than the one that was exported so far "
            f"(id {current.table_id})",
            f"Start anew with a full export: {repair_command(table)}",
        )
