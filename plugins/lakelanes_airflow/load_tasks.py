"""What every DAG that loads files does once it has planned which: the tasks after the plan, wired."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Asset, BaseOperator

from lakelanes_airflow.notifications.run_alerts import REPORT
from lakelanes_airflow.operators.load import ConvertOperator, PublishOperator, ReportFailuresOperator

REFRESH = "refresh_views"


def load_planned(plan: BaseOperator, outlets: Sequence[Asset]) -> None:
    """plan -> convert, one task per batch -> publish -> report_failures, refresh_views; in the DAG of the context.

    plan: its return value is the list of batches. outlets: of the publishing task.
    """
    batches: Any = plan.output
    convert = ConvertOperator.partial(task_id="convert", map_index_template="{{ task.batch['label'] }}").expand(
        batch=batches
    )
    publish = PublishOperator(
        task_id="publish",
        plan=plan.task_id,
        on_failure=REPORT,
        on_new_table=REFRESH,
        outlets=list(outlets),
        trigger_rule="all_done",
        retries=5,  # about 20 minutes: longer than the lease of a worker that died with one of the files
    )
    report = ReportFailuresOperator(task_id=REPORT, plan=plan.task_id, publish="publish", trigger_rule="all_done")
    refresh = TriggerDagRunOperator(task_id=REFRESH, trigger_dag_id=REFRESH, logical_date=None)
    convert >> publish >> [report, refresh]
