"""
# `maintain_lake`: keeps what the lake has grown into small and whole

## What it does

It has one task, **maintain**, for each exported DynamoDB table, which

- Compacts the changes of a table into a snapshot of it, so that the cost of `<table>_current` follows the table's size
  and not its history. The new snapshot is written beside the old one; the view moves to it in one step.
- Deletes snapshots that were replaced at least `compaction.keep_days` ago, never the one that the view reads.
- Checks for gaps: point-in-time recovery that is off, a table that was recreated, windows that recovery no longer
  holds, exports that stand still.

## When it runs

Every night at 02:30 UTC, one run at a time. Triggered at any other time it does the same.

## When it fails

One alert, open until it is cured, names the table's state and what to do about it. Compacting again is harmless: it
starts from the last snapshot that is whole.
"""

from __future__ import annotations

from airflow.sdk import DAG

from lakelanes.config.loading import load_config
from lakelanes_airflow.dag_arguments import dag_arguments
from lakelanes_airflow.defaults import Tag
from lakelanes_airflow.operators.export import MaintainTableOperator

config = load_config()

with DAG(
    dag_id="maintain_lake",
    description="Compacts changes into snapshots, deletes old ones, checks for gaps",
    doc_md=__doc__,
    schedule="30 2 * * *",
    max_active_runs=1,
    **dag_arguments(Tag.MAINTENANCE),
):
    MaintainTableOperator.partial(task_id="maintain", map_index_template="{{ task.table }}").expand(
        table=[table.name for table in config.exported_tables]
    )
