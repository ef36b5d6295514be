"""
# `refresh_dashboards`: the copies of the views in QuickSight and Power BI

## What it does

Its tasks:

1. **look** finds the data sets of QuickSight that are due.
2. **refresh**, one task per data set that is due, has QuickSight read it anew, and waits without holding a worker.
3. **powerbi**, beside these two, does the same for Power BI.

It looks for what SPICE lacks, as the ledger knows it: files that were loaded, refused or deleted since the last refresh
that completed, views that were made anew, tables of DynamoDB, which may always have changed. A data set is read whole,
unless all that changed lies within its `changes_days`: then only these days are read again. Afterwards QuickSight's
rows are compared with Athena's. Data sets are those of `include/dashboards` in mode `import`; what is not deployed to
QuickSight is passed over.

Where Airflow has a connection `lakelanes_powerbi`, the task powerbi has Power BI refresh the tables of the semantic
model that are due, found in the same way; without one it is skipped.

## When it runs

Every 10 minutes, one run at a time. A look costs a few requests of the ledger and one of QuickSight. A refresh begins
once nothing was loaded for 5 minutes, or when the oldest change has waited for half an hour; a backfill is waited for
to its end, for 12 hours at most. QuickSight takes 32 refreshes of a data set in 24 hours: the DAG makes 26 at most, and
the nearer it comes to that the farther they are apart.

Trigger it with `dataset` (`sales`, or `sales, targets`) to refresh these at once, with `full` to read all of its rows.

## When it fails

One alert per data set, with QuickSight's reason in words; the next refresh that completes closes it. Dashboards go on
showing the last rows that came whole. Clearing a task goes on with the refresh that it has begun.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param

from lakelanes_airflow.dag_arguments import dag_arguments
from lakelanes_airflow.defaults import Tag
from lakelanes_airflow.operators.dashboards import PlanRefreshesOperator, RefreshDatasetOperator, RefreshPowerBIOperator

with DAG(
    dag_id="refresh_dashboards",
    description="Refreshes the copies of QuickSight and Power BI after loads",
    doc_md=__doc__,
    schedule="*/10 * * * *",
    max_active_runs=1,
    params={
        "dataset": Param(
            None,
            type=["null", "string"],
            title="Data sets",
            description="Refresh these alone, and at once, due or not: sales, or several as sales, targets.",
        ),
        "full": Param(
            False,
            type="boolean",
            title="Read all rows",
            description="Read all rows of the data sets named above, and not only the days that changed.",
        ),
    },
    **dag_arguments(Tag.VIEWS, page="/dashboards"),
):
    look = PlanRefreshesOperator(task_id="look")
    RefreshDatasetOperator.partial(task_id="refresh", map_index_template="{{ task.refresh['dataset'] }}").expand(
        refresh=look.output
    )
    RefreshPowerBIOperator(task_id="powerbi")
