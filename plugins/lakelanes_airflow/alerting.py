"""The callback that tells people of a failed run."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import quote

from airflow.sdk.configuration import conf

from lakelanes.alerts import Alert, FileFault, publish
from lakelanes.lake import Lake
from lakelanes_airflow.lakes import open_lake
from lakelanes_airflow.operators import FAULTS
from lakelanes_airflow.progress import run_id_of
from lakelanes_airflow.sensors import FAILURE, REMEDY

log = logging.getLogger(__name__)

LOAD_PREFIX = "load_"
EXPORT_PREFIX = "export_"
REPORT = "report_failures"


def alert_on_failure(context: Any) -> None:
    """``on_failure_callback`` of every DAG: one message on the alert topic for the run.

    Airflow calls it in the DAG processor, once a run has failed; so it comes also when a task was killed. A function
    rather than a notifier: a notifier renders its templates in place and repeats its first message. An alert that
    cannot be published is logged, and changes nothing else.
    """
    dag_id, run_id = context["dag"].dag_id, context["run_id"]
    if (context.get("params") or {}).get("dry_run"):
        # Whoever asked for it is looking, and nothing was to be loaded.
        log.info("%s %s was a dry run: nobody is told that it failed", dag_id, run_id)
        return
    try:
        lake = open_lake()
        message = publish(lake, build_alert(lake, context))
        log.info("Alert %s published for %s %s", message, dag_id, run_id)
    except Exception:
        log.exception("The alert for %s %s could not be published", dag_id, run_id)


def build_alert(lake: Lake, context: Any) -> Alert:
    """What is to be said of the failed run. ``context`` may hold only ``dag`` and ``run_id``."""
    dag_id, run_id = context["dag"].dag_id, context["run_id"]
    dag_run = context.get("dag_run")
    key = getattr(dag_run, "partition_key", None)
    own = [name for name in lake.config.entities if dag_id == f"{LOAD_PREFIX}{name}"]
    tables = [name for name in lake.config.tables if dag_id == f"{EXPORT_PREFIX}{name}"]
    faults, reason, remedy = _what_happened(lake, context, own or ([] if tables else list(lake.config.entities)))
    entities = sorted({fault.entity for fault in faults}) or own or tables
    return Alert(
        dag_id=dag_id,
        run_id=run_id,
        entity=", ".join(entities) or None,
        reason=reason,
        what_to_do=remedy or _what_to_do(lake, faults),
        run_url=run_url(dag_id, run_id),
        partition_key=key,
        files=faults,
    )


def run_url(dag_id: str, run_id: str) -> str:
    """Address of the run in the Airflow UI, where its tasks' logs are."""
    base = conf.get("api", "base_url", fallback="http://localhost:8080").rstrip("/")
    return f"{base}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


def _what_happened(lake: Lake, context: Any, entities: list[str]) -> tuple[list[FileFault], str, str]:
    """The files at fault, the reason, and what to do where the error said it: from the run's report, else from the
    ledger and the task that failed last."""
    ti = context.get("ti")
    faults: list[FileFault] = []
    reasons: list[str] = []
    remedies: list[str] = []
    if ti is not None:
        for task, index in {REPORT: -1, ti.task_id: ti.map_index}.items():
            faults += [FileFault(**fault) for fault in _pull(ti, task, FAULTS, index) or ()]
            reasons += filter(None, [_pull(ti, task, FAILURE, index)])
            remedies += filter(None, [_pull(ti, task, REMEDY, index)])
    if not faults:
        failures = lake.ledger.failures_of_run(run_id_of(context), entities)
        faults = [FileFault.from_entry(entry) for entry in failures]
    if faults:
        count = "1 file was" if len(faults) == 1 else f"{len(faults)} files were"
        reasons.insert(0, f"{count} not loaded; the first: {faults[0]}")
    if not reasons:
        task = f"task {ti.task_id} failed" if ti is not None else "the run failed"
        reasons.append(f"{task} ({context.get('reason') or 'no reason given'}); its log says why")
    return faults, "\n".join(reasons), remedies[0] if remedies else ""


def _pull(ti: Any, task: str, key: str, map_index: int) -> Any:
    try:
        return ti.xcom_pull(task_ids=task, key=key, map_indexes=map_index)
    except Exception as error:
        log.warning("XCom %s of task %s could not be read: %s", key, task, error)
        return None


def _what_to_do(lake: Lake, faults: list[FileFault]) -> str:
    """What cures the first kind of fault that is there: rows, names, deleted files, anything else."""
    refused = [fault for fault in faults if fault.state == "rejected"]
    for fault in refused:
        if fault.rejects:
            entity = lake.config.entities.get(fault.entity)
            table = f"{lake.config.resources.glue_database}.{entity.rejects_table}" if entity else "the rejects table"
            return (
                "Upload a corrected file under the same key: sweep_sources loads it within 15 minutes, and clearing "
                f"the failed run's tasks loads it at once. The refused rows are in {table}, column source_file."
            )
    if refused:
        name = refused[0].entity
        return (
            f"The file's name is at fault, not its rows: upload it under another name, or correct "
            f"entities.{name}.filename_pattern in the configuration and trigger {LOAD_PREFIX}{name}."
        )
    if any(fault.state == "deleted" for fault in faults):
        return (
            "Upload the deleted file again and clear the run's failed tasks, or clear its task sense to do without it."
        )
    return "Open the run, remove the cause that its log names, then clear its failed tasks; loaded files stay loaded."
