"""
# watch_lake: looks for what no run tells of, and for what is cured

    watch

## What it does

Looks at the lake as a whole and tells, once per cause, of what no failed run would tell of:

- a partition that did not arrive by its deadline, also where no run waited for it;
- a partition of whose rows more were rejected than `alert_rejected_percent`;
- tables in Glue that are no longer what the configuration says;
- dashboard views that cannot be made or read, and those that are out of date for `stale_minutes`;
- exports of DynamoDB tables that have a gap or stand still.

It closes what is cured, DAG files that can be imported again among it, and says so with a message of its own. A message
that somebody noted and died before telling is told here. docs/alerts.md has all causes, and who looks for which.

## When it runs

Every 5 minutes, one run at a time. Triggered at any other time it does the same.

## When it fails

One alert names the checks that could not be made; the others were, and what they found is told. Its log says why.
The next run looks again by itself.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from lakelanes_airflow.dag_arguments import dag_arguments
from lakelanes_airflow.defaults import Tag
from lakelanes_airflow.operators.watch import WatchLakeOperator

with DAG(
    dag_id="watch_lake",
    description="Tells of what no run tells of: missing partitions, rejected rows, drift, stale dashboards, gaps",
    doc_md=__doc__,
    schedule="*/5 * * * *",
    max_active_runs=1,
    # A run that hangs would keep the next ones from looking.
    dagrun_timeout=timedelta(minutes=30),
    **dag_arguments(Tag.MAINTENANCE),
):
    WatchLakeOperator(task_id="watch")
