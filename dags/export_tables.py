"""
# `export_<table>`: a DynamoDB table's changes, window by window, into a table in Athena

One DAG per DynamoDB table of the configuration that is exported.

## What it does

Its tasks, one after the other; the last two follow publish side by side:

1. **plan** decides what is due: the first time a full export as of a whole minute, the base, and after that windows
   without a hole between them. Point-in-time recovery is some minutes behind, and plan waits for it without holding a
   worker. Where nothing is due, the run ends here, and the other tasks are skipped.
2. **export**, one task per window, has DynamoDB write the window's changes to S3, and waits without holding a worker.
3. **convert**, after the export of its window, makes change rows of it, or a snapshot of the full export. It checks
   every file against the manifest.
4. **publish** registers the partitions, moves `<table>_current` in one step to the last window that follows the others
   without a hole, and emits one asset event per window.
5. **report_failures** is skipped when all went well. Otherwise it fails the run, and names each window and its reason.
6. **refresh_views** is skipped unless `<table>_current` is new or has other columns.

## When it runs

The run of a partition exports the windows that end in the time it covers: with windows of an hour the run of
2024-03-15T10:00 exports what was written from 10:00 to 11:00, and starts at 11:00 (`export.schedule` changes this). A
scheduled run also exports earlier windows that no run exported, for example while Airflow was down. The first one
starts as soon as the DAG is switched on, and makes the full export.

- **Backfill**: choose the partitions' times; one whose time is not over is refused, with the whole request. Windows
  that are in the lake already cost one short task. Windows before the base are exported as far back as recovery
  reaches: they are history in `<table>_changes`, and `<table>_current` does not need them.
- **Trigger without a partition key**: exports whatever is due. *full* starts anew with a full export; *dry_run* changes
  nothing and says in the log of plan what would be exported.
- A window that is not over is never exported: the run ends at once, and its task plan says so.

## When it fails

One alert, open until it is cured, names the windows, the reason and what to do. An export that fails in DynamoDB is
begun again a few times. A gap is a state in which changes can no longer be exported in full; only a new full export
helps:

- `recovery_off`: point-in-time recovery is off. Turn it on, then repair.
- `recovery_restarted`: it was turned off and on again since the last window. Repair.
- `out_of_range`: the window is older than what recovery keeps. Repair.
- `table_recreated`: another table has the name now. Repair.
- `table_missing`: there is no such table. Correct the configuration, or restore the table and repair.

To repair is `lakelanes tables repair <table>`, or a run with *full*. Until the new full export is in the
lake, `<table>_current` stays as it is; where the table has a stream, it goes on following that.

## Race conditions

Any number of runs may want the same window: DynamoDB makes one export of it, whoever asks, and converting it again
writes the same objects. After a run was killed, or Airflow was restarted, the export that is under way is found again.
"""

from __future__ import annotations

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, get_parsing_context, task_group

from lakelanes.config.loading import load_config
from lakelanes.config.model import LakeConfig, Table
from lakelanes_airflow.assets import current_asset
from lakelanes_airflow.dag_arguments import dag_arguments
from lakelanes_airflow.defaults import Tag
from lakelanes_airflow.notifications.run_alerts import EXPORT_PREFIX, REPORT
from lakelanes_airflow.operators.export import (
    ConvertExportOperator,
    ExportOperator,
    PlanExportsOperator,
    PublishTableOperator,
    ReportExportsOperator,
)
from lakelanes_airflow.runs.params import run_param, set_params
from lakelanes_airflow.runs.xcoms import PlannedExport
from lakelanes_airflow.timetables.schedules import export_schedule_of

EXPORT_PARAMS = {
    "full": run_param(
        False,
        type="boolean",
        title="Start anew",
        description="Make a new full export, and follow the table from there. It ends a gap; DynamoDB bills it by the "
        "table's size.",
    ),
    "dry_run": run_param(
        False,
        type="boolean",
        title="Dry run",
        description="Change nothing: say in the log of plan what would be exported.",
    ),
}


def export_dag(config: LakeConfig, table: Table) -> DAG:
    """The DAG that exports one table."""
    with DAG(
        dag_id=f"{EXPORT_PREFIX}{table.name}",
        description=f"{table.name}: changes of {table.dynamodb_table} into {table.changes_table}",
        doc_md=__doc__,
        schedule=export_schedule_of(table),
        max_active_runs=16,
        **dag_arguments(Tag.EXPORT, page=f"/tables/{table.name}"),
    ) as dag:
        plan = PlanExportsOperator(task_id="plan", table=table.name)

        @task_group(group_id="window")
        def window_tasks(window: PlannedExport) -> None:
            label = "{{ task.window['label'] }}"
            export = ExportOperator(task_id="export", table=table.name, window=window, map_index_template=label)
            convert = ConvertExportOperator(
                task_id="convert", table=table.name, window=window, map_index_template=label
            )
            export >> convert

        publish = PublishTableOperator(
            task_id="publish",
            table=table.name,
            plan="plan",
            on_failure=REPORT,
            on_new_view="refresh_views",
            outlets=[current_asset(config, table)],
            trigger_rule="all_done",
        )
        report = ReportExportsOperator(
            task_id=REPORT,
            table=table.name,
            plan="plan",
            windows=["window.export", "window.convert"],
            publish="publish",
            trigger_rule="all_done",
        )
        refresh_views = TriggerDagRunOperator(
            task_id="refresh_views", trigger_dag_id="refresh_views", logical_date=None
        )
        window_tasks.expand(window=plan.output) >> publish >> [report, refresh_views]
    set_params(dag, EXPORT_PARAMS)
    return dag


_config = load_config()
_wanted = get_parsing_context().dag_id
for _table in _config.exported_tables:
    # A task parses this file only for its own DAG.
    if _wanted in (None, f"{EXPORT_PREFIX}{_table.name}"):
        globals()[f"export_{_table.name}"] = export_dag(_config, _table)
