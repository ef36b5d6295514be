"""
# `refresh_views`: the Athena views of `include/sql/views`

## What it does

Its one task, **refresh**, creates the views in the order in which they need each other. A view stays as it is while its
SQL and the columns of its inputs are unchanged, so a run without changes reads the catalogue and writes nothing. A view
whose tables do not exist yet is left out: its log line says "waiting" and for which table, or "not configured" when the
configuration has no such table.

## When it runs

When `load_<entity>` or `sweep_sources` created a table or changed its columns, and once a day for views that were
deployed since. New partitions need no refresh: a view sees them at once. That is why it does not listen to the tables'
assets, whose events come once per partition.

## When it fails

The log and an alert name the views that Athena refused, with its reasons. All other views are made; a refused one keeps
its last definition. Correct the SQL, then clear the task.
"""

from __future__ import annotations

from airflow.sdk import DAG

from lakelanes_airflow.dag_arguments import dag_arguments
from lakelanes_airflow.defaults import Tag
from lakelanes_airflow.operators.load import RefreshViewsOperator

with DAG(
    dag_id="refresh_views",
    description="Creates Athena views whose SQL or inputs changed",
    doc_md=__doc__,
    schedule="30 0 * * *",
    max_active_runs=1,
    **dag_arguments(Tag.VIEWS, page="/dashboards"),
):
    RefreshViewsOperator(task_id="refresh")
