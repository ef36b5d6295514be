"""A run's configuration holds the Params of its DAG and nothing else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.definitions.param import process_params
from airflow.sdk.exceptions import ParamValidationError

from lakelanes.errors import SelectionError
from lakelanes.lake import Lake
from lakelanes_airflow.notifications.run_alerts import failures
from lakelanes_airflow.operators.dashboards import PlanRefreshesOperator
from lakelanes_airflow.operators.export import PlanExportsOperator
from lakelanes_airflow.operators.load import FindUnloadedOperator
from lakelanes_airflow.runs.params import check_params, run_param, set_params
from lakelanes_airflow.runs.xcoms import ERROR, FAILURE
from lakelanes_airflow.sensors.source_files import SourceFilesSensor
from tests.support.airflow import FakeTaskInstance, task_context

FIRST_TASKS = (
    (SourceFilesSensor, "load_sales", {"task_id": "sense", "entity": "sales"}),
    (PlanExportsOperator, "export_orders", {"task_id": "plan", "table": "orders"}),
    (FindUnloadedOperator, "sweep_sources", {"task_id": "find"}),
    (PlanRefreshesOperator, "refresh_dashboards", {"task_id": "look"}),
)


def context_of(task: Any, dag_id: str, conf: dict[str, Any] | None) -> dict[str, Any]:
    context = task_context(task, dag_id=dag_id)
    context["dag_run"].conf = conf
    return context


@pytest.mark.parametrize("conf", [None, {}, {"partition": "2024-03-15"}, {"reload": True, "dry_run": True}])
def test_params_are_taken(conf: dict[str, Any] | None) -> None:
    check_params(context_of(SimpleNamespace(task_id="sense"), "load_sales", conf))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("partitoin", "Param partitoin: load_sales has none of this name; did you mean 'partition'?"),
        ("Reload", "Param Reload: load_sales has none of this name; did you mean 'reload'?"),
        (
            "what",
            "Param what: load_sales has none of this name; it has dry_run, first_partition, keys, last_partition, "
            "partition, prefix, reload",
        ),
    ],
)
def test_another_name_is_refused(name: str, said: str) -> None:
    with pytest.raises(SelectionError) as refused:
        check_params(context_of(SimpleNamespace(task_id="sense"), "load_sales", {"reload": True, name: "2024-03-15"}))
    assert str(refused.value) == said


@pytest.mark.parametrize(("operator", "dag_id", "settings"), FIRST_TASKS, ids=[dag_id for _, dag_id, _ in FIRST_TASKS])
def test_the_first_task_refuses_it_and_no_alert_is_sent(
    lake: Lake, operator: Any, dag_id: str, settings: dict[str, Any]
) -> None:
    """Whoever triggered the run sees why; nothing is wrong with the lake."""
    task = operator(**settings)
    context = context_of(task, dag_id, {"partitoin": "2024-03-15"})
    xcoms: dict[Any, Any] = {}
    context["ti"] = FakeTaskInstance(task.task_id, xcoms)
    with pytest.raises(SelectionError):
        task.execute(context)
    assert (xcoms[task.task_id, ERROR], "partitoin" in xcoms[task.task_id, FAILURE]) == ("SelectionError", True)
    assert failures(lake, context) == {}


def test_a_run_has_the_params_that_its_dag_got_after_its_tasks() -> None:
    with DAG(dag_id="load_sales", schedule="@daily") as dag:
        task = SourceFilesSensor(task_id="sense", entity="sales")
    set_params(dag, {"reload": run_param(False, type="boolean"), "prefix": run_param(None, type=["null", "string"])})
    given = process_params(dag, task, {"reload": True}, suppress_exception=False)
    assert given == {"reload": True, "prefix": None}
    with pytest.raises(ParamValidationError, match="reload"):
        process_params(dag, task, {"reload": "yes"}, suppress_exception=False)
    with pytest.raises(ValueError, match="default values are not valid"):
        set_params(dag, {"reload": run_param("no", type="boolean")})
