"""The operators of the export DAGs and of the maintenance. Each is one step of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.standard.operators.branch import BaseBranchOperator
from airflow.providers.standard.utils.skipmixin import SkipMixin
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from lakelanes.config.model import Table
from lakelanes.errors import GapError, RecoveryLagError
from lakelanes.lake import Lake
from lakelanes.tables.current import Published, publish
from lakelanes.tables.export_requests import poll_export, request_export
from lakelanes.tables.import_export import import_into_lake
from lakelanes.tables.ledger import Export, TableLedger
from lakelanes.tables.planning import Plan, check, plan
from lakelanes.tables.snapshot import Compaction, compact, expire
from lakelanes_airflow.assets import announce, current_asset
from lakelanes_airflow.lineage.hooks import WithLineage
from lakelanes_airflow.notifications.cure_incidents import cure_incidents
from lakelanes_airflow.process_lake import open_lake
from lakelanes_airflow.runs.early_end import end_early
from lakelanes_airflow.runs.params import check_params
from lakelanes_airflow.runs.progress import run_id_of
from lakelanes_airflow.runs.xcoms import FAILURE, PREVIEW, REMEDY, PlannedExport, explained
from lakelanes_airflow.timetables.schedules import period_of, window_key
from lakelanes_airflow.triggers.exports import ExportTrigger, RecoveryTrigger
from lakelanes_airflow.triggers.polling import PollEvent

if TYPE_CHECKING:
    from lakelanes.lineage.datasets import Lineage

# XCom: why nothing is due.
NOTE = "note"
# How long a run waits for point-in-time recovery, which is about five minutes behind.
RECOVERY_LAG = timedelta(hours=2)
# How long a run waits for an export; a full one of a very large table takes hours.
EXPORT_DEADLINE = timedelta(hours=24)
# So long after the deadline the scheduler ends a wait whose trigger was lost.
_LOST_TRIGGER = timedelta(minutes=10)


class PlanExportsOperator(BaseOperator, SkipMixin):
    """Plans the run's exports and returns them for mapped tasks.

    Waits, without holding a worker, until point-in-time recovery has reached the end of the last export. When nothing
    is due, which is no error, the run ends here: the other tasks are skipped, and the XCom NOTE says why. Fails where
    there is a gap, and says what to do. With the Param ``dry_run`` the run always ends here, and its XCom PREVIEW says
    what is due.

    :param table: name of the table in the configuration.
    """

    template_fields: Sequence[str] = ()

    def __init__(self, *, table: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table = table

    def execute(self, context: Any) -> list[PlannedExport]:
        with explained(context):
            check_params(context)
        lake = open_lake()
        if context["params"].get("dry_run"):
            with explained(context):
                self._preview(context, lake)
            end_early(self, context)
            return []
        return self._plan(context, lake, lake.clock() + RECOVERY_LAG)

    def resume(self, context: Any, event: PollEvent, deadline: str) -> list[PlannedExport]:
        """Goes on with RecoveryTrigger's event."""
        with explained(context):
            if event["status"] == "error":
                raise AirflowFailException(f"the recovery of {self.table} could not be read: {event['message']}")
        return self._plan(context, open_lake(), datetime.fromisoformat(deadline))

    def _plan(self, context: Any, lake: Lake, deadline: datetime) -> list[PlannedExport]:
        table = lake.config.tables[self.table]
        with explained(context):
            found = self._found(context, lake, table)
            if found.wait_until is not None and lake.clock() >= deadline:
                raise RecoveryLagError(table.dynamodb_table, found.note, found.wait_until)
        if found.wait_until is not None:
            self._wait(found, lake, deadline)
        if not found.exports:
            self.log.info("%s", found.note)
            context["ti"].xcom_push(key=NOTE, value=found.note)
            _cure_incidents(lake, context, complete=True)
            end_early(self, context)
        return [PlannedExport(kind=e.kind, start=e.start, label=str(e)) for e in found.exports]

    def _preview(self, context: Any, lake: Lake) -> None:
        try:
            found = self._found(context, lake, lake.config.tables[self.table], dry_run=True)
        except GapError as error:
            found = Plan(note=str(error))
        exports = [{"export": str(e), "state": e.state, "reason": e.reason} for e in found.exports]
        self.log.info("Dry run of %s, nothing was changed: %s export(s) due. %s", self.table, len(exports), found.note)
        for export in exports:
            self.log.info("%(export)s: %(state)s", export)
        context["ti"].xcom_push(key=PREVIEW, value={"exports": exports, "note": found.note})

    def _found(self, context: Any, lake: Lake, table: Table, *, dry_run: bool = False) -> Plan:
        run = context["dag_run"]
        period = None
        if run.partition_key is not None:
            period = period_of(table, run.partition_key, getattr(run, "partition_date", None))
        scheduled = run.run_type == "scheduled"
        return plan(
            lake,
            table,
            run_id=run_id_of(context),
            period=period,
            catch_up=scheduled,
            backfill=not scheduled,
            full=bool(context["params"].get("full", False)),
            dry_run=dry_run,
        )

    def _wait(self, found: Plan, lake: Lake, deadline: datetime) -> NoReturn:
        assert found.wait_until is not None
        self.log.info("%s; waiting until it has reached %s", found.note, found.wait_until)
        self.defer(
            trigger=RecoveryTrigger(self.table, found.wait_until.isoformat(), deadline.isoformat()),
            method_name="resume",
            kwargs={"deadline": deadline.isoformat()},
            timeout=deadline - lake.clock() + _LOST_TRIGGER,
        )


class ExportOperator(WithLineage, BaseOperator):
    """Has DynamoDB make one export, or finds the one that it is making or has made; returns the window.

    Asks once before it waits, and holds no worker while it waits. A failed export is begun again a few times.

    :param table: name of the table in the configuration.
    :param window: an element of what PlanExportsOperator returns.
    """

    template_fields: Sequence[str] = ("window",)
    _exported: Export | None = None

    def __init__(self, *, table: str, window: PlannedExport, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table = table
        self.window = window

    def execute(self, context: Any) -> PlannedExport:
        with explained(context):
            return self._export(open_lake())

    def resume(self, context: Any, event: PollEvent) -> PlannedExport:
        """Goes on with ExportTrigger's event."""
        with explained(context):
            if event["status"] != "ready":
                why = event.get("message", f"it takes longer than {EXPORT_DEADLINE}")
                raise AirflowFailException(f"waiting for the {self.window['label']} ended: {why}. Clear the task")
            return self._export(open_lake())

    def _export(self, lake: Lake) -> PlannedExport:
        table = lake.config.tables[self.table]
        self._exported = export = export_of(lake, table, self.window)
        while export.state in {"planned", "exporting"}:
            self._exported = export = poll_export(lake, table, request_export(lake, table, export))
            if export.state == "exporting":
                deadline = lake.clock() + EXPORT_DEADLINE
                self.log.info("The %s is being made: %s", export, export.export_arn)
                self.defer(
                    trigger=ExportTrigger(str(export.export_arn), deadline.isoformat()),
                    method_name="resume",
                    timeout=EXPORT_DEADLINE + _LOST_TRIGGER,
                )
            if export.state == "planned":
                self.log.warning("The %s failed: %s; attempt %s begins", export, export.reason, export.attempt)
        if export.state in {"failed", "gap"}:
            raise AirflowFailException(f"the {export} is {export.state}: {export.reason}. Trigger export_{self.table}")
        return self.window

    def lineage(self) -> Lineage:
        from lakelanes.lineage.exports import of_export

        config = open_lake().config
        return of_export(config, config.tables[self.table], self._exported)


class ConvertExportOperator(WithLineage, BaseOperator):
    """Converts one finished export into change rows, or a full one into a snapshot."""

    template_fields: Sequence[str] = ("window",)
    _export: Export | None = None

    def __init__(self, *, table: str, window: PlannedExport, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table = table
        self.window = window

    def execute(self, context: Any) -> dict[str, int | None]:
        with explained(context):
            lake = open_lake()
            table = lake.config.tables[self.table]
            self._export = planned = export_of(lake, table, self.window)
            self._export = done = import_into_lake(lake, table, planned)
        return {"rows": done.rows, "files": done.files}

    def lineage(self) -> Lineage:
        from lakelanes.lineage.exports import of_conversion

        config = open_lake().config
        return of_conversion(config, config.tables[self.table], self._export)


class PublishTableOperator(WithLineage, BaseBranchOperator):
    """Registers what is converted and moves the view to it; emits one asset event per window.

    Follows ``on_failure`` when an export of the run is not in the lake, and ``on_new_view`` when the view is new or has
    other columns. What was converted is published even when another window failed.

    :param table: name of the table in the configuration.
    :param plan: id of the planning task.
    """

    template_fields: Sequence[str] = ()
    _published: Published | None = None

    def __init__(self, *, table: str, plan: str, on_failure: str, on_new_view: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table = table
        self.plan = plan
        self.on_failure = on_failure
        self.on_new_view = on_new_view

    def choose_branch(self, context: Any) -> list[str]:
        windows = context["ti"].xcom_pull(task_ids=self.plan, map_indexes=-1)
        if not windows:
            return [] if windows is not None else [self.on_failure]
        with explained(context):
            lake = open_lake()
            table = lake.config.tables[self.table]
            exports = [export_of(lake, table, window) for window in windows]
            done = [export for export in exports if export.is_converted]
            self._published = published = publish(
                lake, table, [export.start for export in done if export.kind == "window"]
            )
            ledger = TableLedger(lake, table.name)
            for export in done:
                if export.state == "converted":
                    ledger.write(export, state="published")
        announce(context, self._events(lake, table, done))
        changed = published is not None and published.columns_changed
        failed = len(done) < len(exports)
        _cure_incidents(lake, context, complete=not failed)
        return [*([self.on_failure] if failed else []), *([self.on_new_view] if changed else [])]

    def lineage(self) -> Lineage:
        from lakelanes.lineage.exports import of_current

        config = open_lake().config
        return of_current(config, config.tables[self.table], self._published.coverage if self._published else None)

    def _events(self, lake: Lake, table: Table, done: Sequence[Export]) -> dict[Any, set[str]]:
        if not done:
            return {}
        return {current_asset(lake.config, table): {window_key(table, export.window) for export in done}}


class ReportExportsOperator(BaseOperator):
    """The gate: fails the run, once everything was published that could be, and names each window and its reason.

    :param table: name of the table in the configuration.
    :param plan: id of the planning task, whose elements the mapped tasks are for.
    :param windows: ids of the mapped tasks.
    :param publish: id of the publishing task.
    """

    template_fields: Sequence[str] = ()

    def __init__(self, *, table: str, plan: str, windows: Sequence[str], publish: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table = table
        self.plan = plan
        self.windows = windows
        self.publish = publish

    def execute(self, context: Any) -> None:
        ti = context["ti"]
        failed = [(self.plan, -1), (self.publish, -1)]
        lines = []
        lake = open_lake()
        table = lake.config.tables[self.table]
        for index, window in enumerate(ti.xcom_pull(task_ids=self.plan, map_indexes=-1) or ()):
            export = export_of(lake, table, window)
            if not export.is_converted:
                failed += [(task, index) for task in self.windows]
                lines.append(f"the {export} is {export.state}: {export.reason or 'its task ended before it was done'}")
        reasons, remedies = (
            list(dict.fromkeys(filter(None, (ti.xcom_pull(task_ids=t, key=key, map_indexes=i) for t, i in failed))))
            for key in (FAILURE, REMEDY)
        )
        lines += [reason for reason in reasons if not any(reason in line for line in lines)]
        remedy = "\n".join(remedies) or "Open the run, remove the cause that its log names, then clear its failed tasks"
        ti.xcom_push(key=FAILURE, value="\n".join(lines) or f"task {self.plan} failed; its log says why")
        ti.xcom_push(key=REMEDY, value=remedy)
        raise AirflowFailException("\n  ".join(["the run is not complete:", *lines, remedy]))


class MaintainTableOperator(WithLineage, BaseOperator):
    """Compacts a table's changes into a snapshot, deletes old snapshots, and fails where its exports have a gap.

    :param table: name of the table in the configuration.
    """

    template_fields: Sequence[str] = ()
    _done: Compaction | None = None

    def __init__(self, *, table: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table = table

    def execute(self, context: Any) -> dict[str, Any]:
        with explained(context):
            lake = open_lake()
            table = lake.config.tables[self.table]
            self._done = done = compact(lake, table)
            if done.snapshot is None:
                self.log.info("%s", done.note)
            else:
                self.log.info("Snapshot of %s rows made with %s changes", done.snapshot.rows, done.changes)
            gone = expire(lake, table, timedelta(days=table.compaction.keep_days))
            self.log.info("Old snapshots deleted: %s", ", ".join(gone) or "none")
            self.log.info("%s", check(lake, table))
        cure_incidents(lake, context, task=self.table)
        return {"as_of": done.snapshot.as_of if done.snapshot else None, "changes": done.changes, "deleted": gone}

    def lineage(self) -> Lineage:
        from lakelanes.lineage.exports import of_compaction

        config = open_lake().config
        return of_compaction(config, config.tables[self.table], self._done.snapshot if self._done else None)


def _cure_incidents(lake: Lake, context: Any, *, complete: bool) -> None:
    # A scheduled run, and one without a partition, also exports what earlier runs left.
    run = context["dag_run"]
    cure_incidents(lake, context, complete=complete, whole=run.run_type == "scheduled" or run.partition_key is None)


def export_of(lake: Lake, table: Table, window: PlannedExport) -> Export:
    """The ledger's record of a planned export. AirflowFailException when there is none."""
    found = TableLedger(lake, table.name).export("full" if window["kind"] == "full" else "window", window["start"])
    if found is None:
        raise AirflowFailException(
            f"the ledger no longer knows the {window['label']}: clear the task plan, or trigger export_{table.name}"
        )
    return found
