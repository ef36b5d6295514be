"""The steps of export_<table> and maintain_lake, against a real local AWS."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, DownstreamTasksSkipped, TaskDeferred
from airflow.sdk.module_loading import import_string

from lakelanes.catalog import athena
from lakelanes.errors import ExportFailedError, GapError, RecoveryLagError
from lakelanes.lake import Lake
from lakelanes.tables.windows import Window
from lakelanes_airflow.assets import current_asset
from lakelanes_airflow.notifications.run_alerts import REPORT
from lakelanes_airflow.operators.export import (
    NOTE,
    ConvertExportOperator,
    ExportOperator,
    MaintainTableOperator,
    PlanExportsOperator,
    PublishTableOperator,
    ReportExportsOperator,
)
from lakelanes_airflow.runs.xcoms import FAILURE, PREVIEW, REMEDY
from lakelanes_airflow.timetables.schedules import window_key
from lakelanes_airflow.triggers.exports import ExportTrigger, RecoveryTrigger
from lakelanes_airflow.triggers.polling import PollingTrigger
from tests.localaws.controls import control
from tests.support.airflow import FakeTaskInstance, OutletEvents, build_alert, task_context
from tests.support.localaws import LocalAws
from tests.support.requests_made import RequestsMade
from tests.support.source_tables import ORDERS, SourceTable

_numbers = itertools.count()
WINDOWS = ("window.export", "window.convert")


@pytest.fixture
def source(local_aws: LocalAws, make_lake: Callable[..., Lake]) -> Iterator[SourceTable]:
    """A table with point-in-time recovery, in the lake that Airflow finds; exports take no time."""
    control(local_aws, "dynamodb/exports", delay=0, hold=False)
    name = f"airflow-orders-{next(_numbers)}"
    table = SourceTable(local_aws, make_lake(tables={"orders": {"dynamodb_table": name, **ORDERS}}))
    table.create()
    yield table
    control(local_aws, "dynamodb/exports", hold=False)


class Run:
    """A run of export_orders whose tasks are done one by one."""

    def __init__(self, source: SourceTable, run_id: str = "run-1", **context: Any) -> None:
        self.source, self.run_id, self.given = source, run_id, context
        self.xcoms: dict[Any, Any] = {}
        self.events = OutletEvents()
        self.told: dict[str, tuple[list[str], list[str]]] = {}

    def context(self, task: Any, map_index: int = -1) -> dict[str, Any]:
        context = task_context(task, dag_id="export_orders", run_id=self.run_id, **{"full": False, **self.given})
        return {
            **context,
            "ti": FakeTaskInstance(task.task_id, self.xcoms, map_index),
            "outlet_events": self.events,
        }

    def plan(self) -> list[dict[str, str]]:
        task = PlanExportsOperator(task_id="plan", table="orders")
        windows = finish(task, self.context(task))
        self.xcoms["plan", "return_value"] = windows
        assert json.loads(json.dumps(windows)) == windows
        return windows

    def export(self, index: int = 0) -> Any:
        window = self.xcoms["plan", "return_value"][index]
        task = ExportOperator(task_id="window.export", table="orders", window=window)
        done = finish(task, self.context(task, index))
        self.told["export"] = told(task)
        return done

    def convert(self, index: int = 0) -> Any:
        window = self.xcoms["plan", "return_value"][index]
        task = ConvertExportOperator(task_id="window.convert", table="orders", window=window)
        done = task.execute(self.context(task, index))
        self.told["convert"] = told(task)
        return done

    def publish(self) -> list[str]:
        asset = current_asset(self.source.lake.config, self.source.table)
        task = PublishTableOperator(
            task_id="publish",
            table="orders",
            plan="plan",
            on_failure=REPORT,
            on_new_view="refresh_views",
            outlets=[asset],
        )
        chosen = task.choose_branch(self.context(task))
        self.emitted = {asset.name: sorted(self.events[asset].keys) for asset in task.outlets}
        self.told["publish"] = told(task)
        return chosen

    def report(self) -> dict[str, Any]:
        """Runs the gate, which fails; returns its context."""
        task = ReportExportsOperator(task_id=REPORT, table="orders", plan="plan", windows=WINDOWS, publish="publish")
        context = self.context(task)
        with pytest.raises(AirflowFailException, match="the run is not complete"):
            task.execute(context)
        return context

    def all(self) -> list[str]:
        for index, _ in enumerate(self.plan()):
            self.export(index)
            self.convert(index)
        return self.publish()


def told(task: Any) -> tuple[list[str], list[str]]:
    """Inputs and outputs that the task tells OpenLineage of, with the rows of those it wrote where they are counted."""
    lineage = task.lineage()
    names = [[one.at.name.rsplit("/", 1)[1] for one in side] for side in (lineage.inputs, lineage.outputs)]
    rows = ["" if one.rows is None else f": {one.rows}" for one in lineage.outputs]
    return sorted(names[0]), [name + count for name, count in zip(names[1], rows, strict=True)]


def restored(trigger: Any) -> PollingTrigger:
    """The trigger as a triggerer makes it that was started anew, and that looks at once."""
    classpath, arguments = trigger.serialize()
    return import_string(classpath)(**{**json.loads(json.dumps(arguments)), "first_interval": 0.01})


def event_of(trigger: PollingTrigger) -> Any:
    async def first() -> Any:
        async for event in trigger.run():
            return event.payload
        raise AssertionError("the trigger ended without an event")

    return asyncio.run(first())


def finish(task: Any, context: Any) -> Any:
    """Executes a task with its waits: a new triggerer and a new worker after each."""
    call = lambda: task.execute(context)  # noqa: E731
    while True:
        try:
            return call()
        except TaskDeferred as deferred:
            event, method, kwargs = event_of(restored(deferred.trigger)), deferred.method_name, deferred.kwargs or {}
            call = lambda: getattr(task, method)(context, event, **kwargs)  # noqa: B023, E731


def shown(source: SourceTable) -> dict[Any, Decimal]:
    rows = athena.query(source.lake, "SELECT order_id, total FROM orders_current")
    return {row["order_id"]: Decimal(str(row["total"])) for row in rows}


def begun(source: SourceTable) -> Window:
    """A table whose full export is in the lake; returns the first window, closed."""
    source.settle()
    assert Run(source, "first").all() == ["refresh_views"]
    return source.close(source.next_window())


def test_a_full_export_then_its_windows_are_the_table(source: SourceTable) -> None:
    source.put("a", "1.50")
    source.settle()
    run = Run(source)
    assert run.all() == ["refresh_views"], "the view is new"
    folder = run.told["convert"][0][0]
    assert run.told == {
        "export": ([source.table.dynamodb_table], [f"{folder}: 1"]),
        "convert": ([folder], ["orders_snapshot: 1"]),
        "publish": (["orders_changes", "orders_snapshot"], ["orders_current"]),
    }
    [names] = run.emitted.values()
    assert len(names) == 1
    assert shown(source) == source.items()
    source.put("b", "2.50")
    source.delete("a")
    window = source.close(source.next_window())
    run = Run(source, "run-2")
    assert run.all() == []
    assert run.told["convert"][1] == ["orders_changes: 2"]
    assert list(run.emitted.values()) == [[window_key(source.table, window)]]
    assert shown(source) == source.items() == {"b": Decimal("2.50")}
    run = Run(source, "run-3")
    assert run.all() == []
    assert "nothing is due" in run.xcoms["plan", NOTE]


def test_three_windows_backfilled_are_those_scheduled(source: SourceTable, local_aws: LocalAws) -> None:
    begun(source)
    start = source.ledger.chain()
    assert start is not None
    windows, end = [], start.start
    for number in range(4):
        windows.append(window := source.next_window(end))
        source.put(f"o{number}", f"{number}.00")
        source.close(window)
        end = window.end
    keys = [window.end - timedelta(minutes=15) for window in windows[1:]]
    assert Run(source, "scheduled", partition_key=f"{keys[0]:%Y-%m-%dT%H:%M}", run_type="scheduled").all() == []
    for key in reversed(keys[1:]):
        text = f"{key:%Y-%m-%dT%H:%M}"
        run = Run(source, f"backfill-{text}", partition_key=text, run_type="backfill")
        assert run.all() == []
        assert list(run.emitted.values()) == [[text]]
    assert [export.state for export in source.ledger.windows(start.start)] == ["published"] * 4
    assert shown(source) == source.items()


def test_a_window_that_is_still_open_is_no_error(source: SourceTable) -> None:
    begun(source)
    key = f"{source.now() + timedelta(hours=3):%Y-%m-%dT%H}:00"
    run = Run(source, "early", partition_key=key)
    assert run.plan() == []
    assert "is still open" in run.xcoms["plan", NOTE] or "nothing is due" in run.xcoms["plan", NOTE]
    assert run.publish() == []


def plan_in_a_dag() -> PlanExportsOperator:
    """The planning task with others after it."""
    with DAG(dag_id="export_orders", schedule=None):
        task = PlanExportsOperator(task_id="plan", table="orders")
        task >> [EmptyOperator(task_id="window.export"), EmptyOperator(task_id="publish")]
    return task


def test_a_window_that_is_published_costs_one_task(source: SourceTable) -> None:
    window = begun(source)
    key = f"{window.end - timedelta(minutes=15):%Y-%m-%dT%H:%M}"
    assert Run(source, "scheduled", partition_key=key, run_type="scheduled").all() == []
    again = Run(source, "backfill", partition_key=key, run_type="backfill")
    task = plan_in_a_dag()
    with pytest.raises(DownstreamTasksSkipped) as ended:
        task.execute(again.context(task))
    assert set(ended.value.tasks) == {"window.export", "publish"}
    assert "nothing is due" in again.xcoms["plan", NOTE]
    assert ("plan", FAILURE) not in again.xcoms


def dry(source: SourceTable, **params: Any) -> tuple[list[str], str]:
    """The exports that a dry run names, and its note; it must not have changed anything."""
    requests, run, task = RequestsMade(source.lake), Run(source, "dry", dry_run=True, **params), plan_in_a_dag()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lakelanes_airflow.operators.export.open_lake", lambda: source.lake)
        with pytest.raises(DownstreamTasksSkipped):
            task.execute(run.context(task))
    assert requests.names and requests.writes == []
    report = run.xcoms["plan", PREVIEW]
    assert json.loads(json.dumps(report)) == report
    return [export["export"] for export in report["exports"]], report["note"]


def test_a_dry_run_says_what_is_due_and_changes_nothing(source: SourceTable) -> None:
    assert "not yet" in dry(source)[1], "recovery has just begun"
    source.settle()
    [full], _ = dry(source)
    assert full.startswith("full export of orders")
    assert source.ledger.chain() is None
    window = begun(source)
    [due], _ = dry(source)
    assert f"{window.start:%H:%M}" in due
    [anew], _ = dry(source, full=True)
    assert anew.startswith("full export of orders")
    assert Run(source, "run-2").all() == []
    assert dry(source) == ([], f"nothing is due: the base of orders is {source.ledger.chain().base}")  # type: ignore[union-attr]


def test_a_dry_run_tells_of_a_gap_and_fails_nothing(source: SourceTable) -> None:
    begun(source)
    source.recovery(False)
    exports, note = dry(source)
    assert exports == [] and note.startswith("recovery_off: ")
    chain = source.ledger.chain()
    assert chain is not None and chain.gap is None, "it is not noted either"


def test_the_plan_waits_for_recovery_without_a_worker(source: SourceTable) -> None:
    run = Run(source)
    task = PlanExportsOperator(task_id="plan", table="orders")
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(run.context(task))
    trigger = restored(deferred.value.trigger)
    assert isinstance(trigger, RecoveryTrigger)
    assert not trigger.is_ready(source.lake)
    source.settle()
    assert event_of(trigger) == {"status": "ready"}
    [window] = task.resume(run.context(task), {"status": "ready"}, **deferred.value.kwargs)
    assert window["kind"] == "full" and "full export of orders" in window["label"]


def test_recovery_that_does_not_come_is_an_error_that_says_so(source: SourceTable) -> None:
    task = PlanExportsOperator(task_id="plan", table="orders")
    context = Run(source).context(task)
    with pytest.raises(RecoveryLagError, match="describe-continuous-backups"):
        task.resume(context, {"status": "deadline"}, (datetime.now(UTC) - timedelta(seconds=1)).isoformat())
    assert "describe-continuous-backups" in context["ti"].xcom_pull("plan", REMEDY)


def test_an_export_is_waited_for_without_a_worker_and_found_after_a_restart(source: SourceTable) -> None:
    source.settle()
    run = Run(source)
    [window] = run.plan()
    control(source.aws, "dynamodb/exports", hold=True)
    arns = []
    for _ in range(2):  # the second as a retry of a task that was killed
        task = ExportOperator(task_id="window.export", table="orders", window=window)
        with pytest.raises(TaskDeferred) as deferred:
            task.execute(run.context(task, 0))
        trigger = restored(deferred.value.trigger)
        assert isinstance(trigger, ExportTrigger)
        assert not trigger.is_ready(source.lake)
        arns.append(trigger.export_arn)
    assert arns[0] == arns[1]
    control(source.aws, "dynamodb/exports", hold=False)
    assert event_of(trigger) == {"status": "ready"}
    while trigger.export_arn:
        try:
            assert task.resume(run.context(task, 0), {"status": "ready"}) == window
            break
        except TaskDeferred:
            continue
    assert run.convert()["rows"] == 0


def test_a_deadline_names_the_window(source: SourceTable) -> None:
    source.settle()
    run = Run(source)
    [window] = run.plan()
    task = ExportOperator(task_id="window.export", table="orders", window=window)
    with pytest.raises(AirflowFailException, match=r"waiting for the full export of orders as of .* longer than"):
        task.resume(run.context(task, 0), {"status": "deadline"})


def test_one_window_that_fails_leaves_the_others_published_and_is_told_of(source: SourceTable) -> None:
    first = begun(source)
    source.put("a", "1.00")
    second = source.close(source.next_window(first.end))
    run = Run(source, "run-2")
    assert len(run.plan()) == 2
    run.export(0)
    run.convert(0)
    control(source.aws, "dynamodb/exports", fail={"count": 1, "code": "S3AccessDenied", "message": "no"})
    with pytest.raises(ExportFailedError):
        run.export(1)
    assert run.publish() == [REPORT]
    assert list(run.emitted.values()) == [[window_key(source.table, first)]]
    alert = build_alert(source.lake, {**run.report(), "reason": "task_failure"})
    assert (alert.dag_id, alert.entity) == ("export_orders", "orders")
    assert str(second) in alert.reason and "S3AccessDenied: no" in alert.reason
    assert "clear the run's failed tasks" in alert.what_to_do
    # As the alert says: its tasks cleared, the run does it.
    assert run.all() == []
    assert shown(source) == source.items()


def test_a_gap_is_an_alert_with_the_command_that_repairs_it(source: SourceTable) -> None:
    begun(source)
    source.recovery(False)
    run = Run(source, "run-2")
    with pytest.raises(GapError):
        run.plan()
    assert run.publish() == [REPORT]
    alert = build_alert(source.lake, {**run.report(), "reason": "task_failure"})
    assert "recovery_off: point-in-time recovery of airflow-orders" in alert.reason
    assert "aws dynamodb update-continuous-backups" in alert.what_to_do
    assert "lakelanes tables repair orders" in alert.what_to_do


def test_a_plan_that_was_killed_fails_the_run(source: SourceTable) -> None:
    run = Run(source)
    assert run.publish() == [REPORT]
    assert run.report()["ti"].xcom_pull(REPORT, FAILURE) == "task plan failed; its log says why"


def test_the_param_full_starts_anew(source: SourceTable) -> None:
    begun(source)
    source.recovery(False)
    source.recovery(True)
    source.put("a", "1.00")
    source.settle()
    assert Run(source, "anew", full=True).all() == []
    assert shown(source) == source.items()


def test_maintenance_compacts_and_tells_of_gaps(source: SourceTable) -> None:
    source.put("a", "1.00")
    begun(source)
    source.put("b", "2.00")
    Run(source, "run-2").all()
    task = MaintainTableOperator(task_id="maintain", table="orders")
    run = Run(source, "night")
    chain = source.ledger.chain()
    assert chain is not None
    done = task.execute(run.context(task, 0))
    assert told(task) == (["orders_changes"], ["orders_snapshot: 1"])
    assert done == {"as_of": f"{source.next_window().end:%Y%m%dT%H%M00Z}", "changes": 0, "deleted": []}
    source.drop()
    with pytest.raises(GapError):
        task.execute(context := run.context(task, 0))
    alert = build_alert(source.lake, {**context, "dag": context["dag"], "reason": "task_failure"})
    assert "table_missing" in alert.reason and "repair orders" in alert.what_to_do
