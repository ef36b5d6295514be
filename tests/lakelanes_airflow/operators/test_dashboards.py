"""The steps of refresh_dashboards, against a real local AWS: what is due, waiting without a worker, alerts, cures."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred
from airflow.sdk.module_loading import import_string

from lakelanes.alerts.incidents import open_incidents
from lakelanes.catalog import views
from lakelanes.catalog.registrar import Registrar
from lakelanes.dashboards import loading, questions, spice
from lakelanes.errors import RefreshError
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_prefix
from lakelanes.files.matching import partition_for
from lakelanes.lake import Lake
from lakelanes_airflow.operators.dashboards import (
    NOTES,
    PlanRefreshesOperator,
    RefreshDatasetOperator,
    RefreshPowerBIOperator,
)
from lakelanes_airflow.runs.xcoms import FAILURE, REMEDY
from lakelanes_airflow.triggers import powerbi
from lakelanes_airflow.triggers.ingestions import IngestionTrigger
from tests.localaws.controls import control
from tests.support import power_bi
from tests.support.airflow import FakeTaskInstance, task_context
from tests.support.lakes import put
from tests.support.localaws import LocalAws
from tests.support.power_bi import PowerBIDouble
from tests.support.spice import Spice

VIEW = "SELECT transaction_date, count(*) AS sales FROM sales_data GROUP BY 1"


@pytest.fixture
def deployed(lake: Lake, local_aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spice]:
    """A file that was loaded, and a data set 'days' of a view of it in QuickSight."""
    monkeypatch.setattr(questions, "VIEWS", tmp_path / "views")
    monkeypatch.setattr(spice, "read_dashboards", lambda: loading.read_dashboards(tmp_path / "boards"))
    control(local_aws, "quicksight/ingestions", hold=False, delay=0)
    put(lake, "sales_data_2024_03_15.csv", "transaction_id,customer_id,amount,transaction_date\na,c,1,2024-03-15\n")
    entity = lake.config.entities["sales"]
    load_batch(lake, entity, list(list_prefix(lake, "")), lane="batch", run_id="r")
    Registrar(lake, "look").register_entity(entity, [partition_for(entity, "sales_data_2024_03_15.csv")])
    for folder in ("views", "boards"):
        (tmp_path / folder).mkdir()
    (tmp_path / "views" / "days.sql").write_text(VIEW)
    measure = {"aggregation": "sum", "column": "sales"}
    visual = {"id": "all", "title": "All", "kind": "figure", "dataset": "days", "y": [measure]}
    board = {"title": "Board", "datasets": {"days": {"view": "days"}}, "sheets": [{"title": "1", "visuals": [visual]}]}
    (tmp_path / "boards" / "board.json").write_text(json.dumps(board))
    views.refresh(lake, tmp_path / "views")
    made = Spice(local_aws, lake)
    made.create("days", spice.datasets(lake)["days"])
    yield made
    control(local_aws, "quicksight/ingestions", hold=False)


def context_of(task: Any, xcoms: dict[Any, Any], **params: Any) -> dict[str, Any]:
    context = task_context(task, dag_id="refresh_dashboards", run_id="manual__1", **params)
    return {**context, "ti": FakeTaskInstance(task.task_id, xcoms)}


def planned(xcoms: dict[Any, Any] | None = None, **params: Any) -> list[dict[str, str]]:
    task = PlanRefreshesOperator(task_id="look")
    found = task.execute(context_of(task, {} if xcoms is None else xcoms, **params))
    assert json.loads(json.dumps(found)) == found
    return found


def refresh(given: dict[str, str], xcoms: dict[Any, Any] | None = None) -> dict[str, Any]:
    """The task from its begin to its end, its trigger between."""
    task = RefreshDatasetOperator(task_id="refresh", refresh=given)
    context = context_of(task, {} if xcoms is None else xcoms)
    try:
        return task.execute(context)
    except TaskDeferred as deferred:
        path, arguments = deferred.trigger.serialize()
        trigger = import_string(path)(**{**arguments, "first_interval": 0.05, "max_interval": 0.1})

        async def first() -> Any:
            async for event in trigger.run():
                return event.payload

        return getattr(task, deferred.method_name)(context, event=asyncio.run(first()))


def test_what_is_due_is_refreshed_and_then_nothing_is(lake: Lake, deployed: Spice) -> None:
    xcoms: dict[Any, Any] = {}
    [given] = planned(xcoms)
    assert xcoms["look", NOTES] == {"days": "it was never refreshed"}
    assert refresh(given) == {"dataset": "days", "kind": "FULL_REFRESH", "rows": 1, "athena": 1}
    assert planned(xcoms) == [] and "lie between two" in xcoms["look", NOTES]["days"]
    [by_hand] = planned(dataset="days", full=True)
    assert (by_hand["kind"], by_hand["reason"]) == ("FULL_REFRESH", "a full one was asked for")


def test_it_waits_without_a_worker(lake: Lake, deployed: Spice, local_aws: LocalAws) -> None:
    [given] = planned()
    control(local_aws, "quicksight/ingestions", hold=True)
    task = RefreshDatasetOperator(task_id="refresh", refresh=given)
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context_of(task, {}))
    trigger = deferred.value.trigger
    assert isinstance(trigger, IngestionTrigger) and not trigger.is_ready(lake)
    control(local_aws, "quicksight/ingestions", hold=False)
    assert refresh(given)["rows"] == 1, "a cleared task goes on with the same"
    assert len(deployed.begun("days")) == 1
    with pytest.raises(AirflowFailException, match=f"waiting for {given['ingestion_id']} ended: it takes longer than"):
        task.resume(context_of(task, {}), {"status": "deadline"})


def test_a_failure_opens_one_alert_and_the_next_refresh_closes_it(
    lake: Lake, deployed: Spice, local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        [given] = planned(dataset="days")
        fault = {"count": 1, "type": "SQL_TABLE_NOT_FOUND", "message": "no such view"}
        control(local_aws, "quicksight/ingestions", fail=fault)
        xcoms: dict[Any, Any] = {}
        with pytest.raises(RefreshError):
            refresh(given, xcoms)
        assert xcoms["refresh", FAILURE].startswith("data set days: the view is not there: no such view")
        assert "refresh_views" in xcoms["refresh", REMEDY]
        [incident] = open_incidents(lake)
        assert (incident.cause, incident.what_to_do) == ("refresh/days", xcoms["refresh", REMEDY])
    [given] = planned(dataset="days")
    refresh(given)
    assert open_incidents(lake) == []


def test_a_used_up_day_skips_the_task(lake: Lake, deployed: Spice, monkeypatch: pytest.MonkeyPatch) -> None:
    [given] = planned()
    monkeypatch.setattr(spice, "begin", lambda lake, refresh: False)
    with pytest.raises(AirflowSkipException, match="used up"):
        refresh(given)


def test_a_data_set_that_is_none_is_refused(lake: Lake, deployed: Spice) -> None:
    with pytest.raises(RefreshError, match="no such data set"):
        planned(dataset="daze")


class Connection:
    """Airflow's, as far as it is used here."""

    def __init__(self, double: PowerBIDouble) -> None:
        self.login, self.password = power_bi.CLIENT, power_bi.SECRET
        self.extra_dejson = {
            "tenant": power_bi.TENANT,
            "workspace": power_bi.WORKSPACE,
            "semantic_model": power_bi.MODEL,
            "api": double.address,
            "authority": double.address,
        }


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[PowerBIDouble]:
    with power_bi.running_power_bi() as running:
        monkeypatch.setattr(powerbi, "configured", lambda name: Connection(running))
        yield running


def refresh_power_bi(xcoms: dict[Any, Any] | None = None, **params: Any) -> Any:
    task = RefreshPowerBIOperator(task_id="powerbi")
    return task, context_of(task, {} if xcoms is None else xcoms, **params)


def test_power_bi_is_skipped_without_a_connection(lake: Lake, deployed: Spice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(powerbi, "configured", lambda name: None)
    task, context = refresh_power_bi()
    with pytest.raises(AirflowSkipException, match="no connection lakelanes_powerbi"):
        task.execute(context)


def test_power_bi_refreshes_what_is_due_and_waits_without_a_worker(
    lake: Lake, deployed: Spice, double: PowerBIDouble
) -> None:
    task, context = refresh_power_bi()
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context)
    path, arguments = deferred.value.trigger.serialize()
    assert power_bi.SECRET not in json.dumps(arguments), "the trigger's arguments are in Airflow's database"
    trigger = import_string(path)(**arguments)
    assert not trigger.is_ready(lake)
    double.status = "Completed"
    assert trigger.is_ready(lake)
    event = {"status": "ready"}
    assert task.resume(context, event=event, **deferred.value.kwargs) == ["days"]
    with pytest.raises(AirflowSkipException, match="nothing is due"):
        task.execute(context)


def test_a_failure_of_power_bi_opens_an_alert_of_its_own(lake: Lake, deployed: Spice, double: PowerBIDouble) -> None:
    task, context = refresh_power_bi()
    double.refuse = (403, {"error": {"code": "PowerBINotAuthorized", "message": "no"}})
    with pytest.raises(RefreshError, match="may not refresh"):
        task.execute(context)
    assert [one.cause for one in open_incidents(lake)] == ["refresh/Power BI"]
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context)
    double.status = "Completed"
    task.resume(context, event={"status": "ready"}, **deferred.value.kwargs)
    assert open_incidents(lake) == []


def test_a_refresh_of_power_bi_that_takes_too_long_is_cancelled(
    lake: Lake, deployed: Spice, double: PowerBIDouble
) -> None:
    task, context = refresh_power_bi()
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context)
    with pytest.raises(RefreshError, match="refresh-1 is Cancelled"):
        task.resume(context, event={"status": "deadline"}, **deferred.value.kwargs)
    assert double.cancelled == ["refresh-1"]
