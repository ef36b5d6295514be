"""Whose tasks the scheduler takes first: the weights that Airflow's own task instances get."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow._shared.timezones import timezone
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.executors.local_executor import LocalExecutor
from airflow.jobs.job import Job
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from airflow.serialization.serialized_objects import DagSerialization
from airflow.utils.db import initdb
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import delete

DAGS = Path(__file__).resolve().parents[3] / "dags"


@pytest.fixture(scope="module")
def load_sales() -> Iterator[Any]:
    """The DAG as the scheduler has it: read back from what the database holds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCOUNT_ID", "000000000000")
        patch.delenv("LAKE_CONFIG", raising=False)
        dag = DagBag(str(DAGS)).dags["load_sales"]
        yield DagSerialization.from_dict(DagSerialization.to_dict(dag))


def weight(dag: Any, run_id: str, task: str = "sense") -> int:
    """The weight that Airflow writes when it makes a run's task instances."""
    run = SimpleNamespace(context_carrier=None)
    mapping = TaskInstance.insert_mapping(
        run_id,
        dag.get_task(task),
        -1,
        dag_version_id=uuid.uuid4(),
        dag_run=run,  # type: ignore[arg-type]
    )
    found: int = mapping["priority_weight"]
    return found


SCHEDULED = "scheduled__2024-03-16T00:00:00+00:00__2024-03-15__x1y2"
MANUAL = "manual__2024-03-16T09:00:00+00:00__a1b2"
BACKFILL = "backfill__2024-01-01T00:00:00+00:00__2024-01-01__c3d4"


def test_a_backfill_stands_behind_everything_else(load_sales: Any) -> None:
    tasks = load_sales.task_dict
    first = {run: min(weight(load_sales, run, task) for task in tasks) for run in (SCHEDULED, MANUAL)}
    assert first[SCHEDULED] > max(weight(load_sales, MANUAL, task) for task in tasks)
    assert first[MANUAL] > max(weight(load_sales, BACKFILL, task) for task in tasks)


def test_an_id_of_ones_own_is_a_manual_runs(load_sales: Any) -> None:
    assert weight(load_sales, "again please") == weight(load_sales, MANUAL)


def test_what_follows_an_asset_is_as_urgent_as_what_is_scheduled(load_sales: Any) -> None:
    assert weight(load_sales, "asset_triggered__2024-03-16T00:00:00+00:00__e5") == weight(load_sales, SCHEDULED)


@pytest.mark.parametrize("run_id", [SCHEDULED, MANUAL, BACKFILL])
def test_what_is_begun_goes_before_what_is_not(load_sales: Any, run_id: str) -> None:
    sense, convert, publish = (weight(load_sales, run_id, task) for task in ("sense", "convert", "publish"))
    assert sense < convert < publish


def test_a_task_instance_made_again_keeps_its_place(load_sales: Any) -> None:
    """As when a mapped task is expanded, or a task is cleared."""
    instance = TaskInstance(load_sales.get_task("convert"), dag_version_id=None, run_id=BACKFILL, map_index=3)
    assert instance.priority_weight == weight(load_sales, BACKFILL, "convert")


@pytest.fixture
def database() -> Iterator[None]:
    """Airflow's own, for this process; without this test's runs afterwards."""
    initdb()
    yield
    with create_session() as session:
        session.execute(delete(DagRun).where(DagRun.dag_id == "load_sales"))


def test_the_scheduler_queues_the_daily_load_before_a_backfill_that_was_there_first(
    load_sales: Any, database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two slots, and a backfill of six days that wants them: the real query of the real scheduler decides."""
    monkeypatch.setenv("AWS_ACCOUNT_ID", "000000000000")
    monkeypatch.delenv("LAKE_CONFIG", raising=False)
    with create_session() as session:
        session.add(DagBundleModel(name="priorities"))
        session.flush()
        sync_bag_to_db(DagBag(str(DAGS / "load_entities.py"), bundle_name="priorities"), "priorities", None)
    backfill = [f"backfill__2024-01-0{day}T00:00:00+00:00__2024-01-0{day}__c3d{day}" for day in range(1, 7)]
    with create_session() as session:
        dag = SerializedDagModel.get_dag("load_sales", session=session)
        assert dag is not None
        for run_id in (*backfill, MANUAL, SCHEDULED):
            kind = DagRunType.from_run_id(run_id)
            run = dag.create_dagrun(
                run_id=run_id,
                run_type=kind,
                run_after=timezone.utcnow(),
                state=DagRunState.RUNNING,
                triggered_by=DagRunTriggeredByType.TEST,
                partition_key=f"2024-01-{len(run_id)}",
                session=session,
            )
            [sense] = [task for task in run.get_task_instances(session=session) if task.task_id == "sense"]
            sense.state = TaskInstanceState.SCHEDULED
        session.flush()
        runner = SchedulerJobRunner(Job(), executors=[LocalExecutor(parallelism=2)])
        queued = [
            [task.run_id for task in runner._executable_task_instances_to_queued(max_tis=2, session=session)]
            for _ in range(3)
        ]
    assert queued[0] == [SCHEDULED, MANUAL]
    assert set(queued[1] + queued[2]) <= set(backfill) and len(queued[1] + queued[2]) == 4
