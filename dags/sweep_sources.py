"""
# `sweep_sources`: loads whatever no lane has loaded

## What it does

Its tasks, one after the other; the last two follow publish side by side:

1. **find** looks for files that are not loaded, and puts them into batches.
2. **convert**, one task per batch, claims, converts and commits the files of the batch.
3. **publish** registers the partitions, compares Athena's row counts with the ledger's, and emits the asset events.
4. **report_failures** is skipped when all went well. Otherwise it fails the run and names each file, line and reason.
5. **refresh_views** is skipped unless a table was created or changed.

It finds, over all entities, files that are late, came at an irregular time, were lost by a lane or failed before, and
loads them as `load_<entity>` does, partitions and asset events included. Files that match no entity are not loaded; one
alert names them, once. A file that matches two entities is refused. A refused file waits for a corrected upload.

It also registers partitions whose files are loaded but that Glue does not have, and finishes the work of workers that
died or were overtaken (docs/exactly-once.md).

It takes over what the low-latency lane could not load: files too large for it, claims that ran out, and dead letters. A
dead letter's reason goes into the ledger, and one alert names it; then it is deleted, and its file is loaded if that is
still to be done. Files that the low-latency lane has loaded since the last sweep are registered, counted and announced
here, since that lane only loads.

## When it runs

Every 15 minutes, one run at a time. Listing follows new files, not history; once a day, or with the Param *full*, all
of the source bucket is listed. With *dry_run* a run changes nothing, and the log of find says what it would load, and
why.

## When it fails

An alert names the files and the reason, unless one that is still open does. A file that fails for a passing cause is
tried again by the next sweeps, five times in all. After that, remove the cause and trigger `load_<entity>`.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param

from lakelanes.config.loading import load_config
from lakelanes_airflow.assets import table_asset
from lakelanes_airflow.dag_arguments import dag_arguments
from lakelanes_airflow.defaults import Tag
from lakelanes_airflow.load_tasks import load_planned
from lakelanes_airflow.operators.load import FindUnloadedOperator

config = load_config()

with DAG(
    dag_id="sweep_sources",
    description="Loads what no lane has loaded: late, irregular, failed",
    doc_md=__doc__,
    schedule="*/15 * * * *",
    max_active_runs=1,
    params={
        "full": Param(
            False,
            type="boolean",
            title="List the whole bucket",
            description="List all of the source bucket, as happens once a day, and not only recent names.",
        ),
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Change nothing: say in the log of find what would be loaded, and why.",
        ),
    },
    **dag_arguments(Tag.LOAD, Tag.MAINTENANCE, page="/files"),
):
    find = FindUnloadedOperator(task_id="find")
    load_planned(find, [table_asset(config, entity) for entity in config.entities.values()])
