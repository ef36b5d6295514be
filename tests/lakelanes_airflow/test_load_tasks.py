"""The tasks after the plan: their order, and when they run."""

from __future__ import annotations

from airflow.sdk import DAG

from lakelanes_airflow.load_tasks import load_planned
from lakelanes_airflow.operators.load import FindUnloadedOperator


def test_what_was_planned_is_converted_published_and_reported() -> None:
    with DAG(dag_id="sweep_sources", schedule=None) as dag:
        plan = FindUnloadedOperator(task_id="find")
        load_planned(plan, [])
    following = {task.task_id: task.downstream_task_ids for task in dag.tasks}
    assert following == {
        "find": {"convert"},
        "convert": {"publish"},
        "publish": {"report_failures", "refresh_views"},
        "report_failures": set(),
        "refresh_views": set(),
    }
    assert dag.get_task("publish").trigger_rule == "all_done", "what other batches loaded is published all the same"
    assert dag.get_task("publish").plan == "find"  # type: ignore[union-attr]
