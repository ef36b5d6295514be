"""
# `watch_lake`: finds faults that no failed run reports, and closes alerts that are cured

## What it does

Its one task, **watch**, checks the lake as a whole, and sends one alert per cause for faults that no failed run
reports:

- a partition that did not arrive by its deadline, even if no run waited for it;
- a partition with more than `alert_rejected_percent` of its rows rejected;
- tables in Glue that differ from the configuration;
- dashboard views that cannot be made or read, and those that are out of date for `stale_minutes`;
- exports of DynamoDB tables that have a gap or stand still.

It closes alerts whose cause is cured, for example a DAG file that can be imported again, and sends a recovery message
for them. It also sends messages whose process noted them in the ledger and died before it could send them.
docs/alerts.md lists all causes, and what finds each.

## When it runs

Every 5 minutes, one run at a time. Triggered at any other time it does the same.

## When it fails

One alert names the checks that could not be made; all other checks were made, and their alerts are sent. The log says
why. The next run checks again by itself.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from lakelanes_airflow.dag_arguments import dag_arguments
from lakelanes_airflow.defaults import Tag
from lakelanes_airflow.operators.watch import WatchLakeOperator

with DAG(
    dag_id="watch_lake",
    description="Finds what no run reports: missing partitions, rejected rows, drift, stale dashboards, gaps",
    doc_md=__doc__,
    schedule="*/5 * * * *",
    max_active_runs=1,
    # A run that hangs would hold up all others.
    dagrun_timeout=timedelta(minutes=30),
    **dag_arguments(Tag.MAINTENANCE),
):
    WatchLakeOperator(task_id="watch")
