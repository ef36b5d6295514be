"""Ending a run with its first task, and what a dry run says."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.utils.skipmixin import SkipMixin
from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import DownstreamTasksSkipped

from lakelanes.files.preview import Preview, summarize
from lakelanes_airflow.runs.early_end import end_early, show_preview
from lakelanes_airflow.runs.xcoms import PREVIEW
from tests.support.airflow import task_context


class First(BaseOperator, SkipMixin):
    def execute(self, context: Any) -> None:
        end_early(self, context)


def test_all_tasks_that_follow_are_skipped_however_far() -> None:
    with DAG(dag_id="load_sales", schedule=None):
        first = First(task_id="first")
        first >> EmptyOperator(task_id="second") >> EmptyOperator(task_id="third")
    with pytest.raises(DownstreamTasksSkipped) as ended:
        first.execute(task_context(first))
    assert set(ended.value.tasks) == {"second", "third"}


def test_without_a_dag_nothing_is_skipped() -> None:
    first = First(task_id="first")
    context = task_context(first)
    first.execute(context)
    assert context["ti"].xcoms == {}


def test_a_dry_run_is_in_the_log_and_in_an_xcom(capsys: pytest.CaptureFixture[str]) -> None:
    first = First(task_id="first")
    context = task_context(first)
    report = {**summarize([Preview("s3://b/a.csv", "sales", "day=15", "load", "new")]), "unregistered": ["day=14"]}
    show_preview(first, context, "sales", report)
    logged = capsys.readouterr().out
    assert context["ti"].xcoms["first", PREVIEW] == report
    assert "nothing was changed: load 1" in logged
    assert "s3://b/a.csv" in logged and "day=14 is not in Glue" in logged
