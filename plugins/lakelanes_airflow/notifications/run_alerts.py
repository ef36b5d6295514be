"""The callback that sends an alert when a run has failed."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from lakelanes.alerts import incidents, page_links
from lakelanes.alerts.messages import Alert, FileFault, where_rejects_are
from lakelanes.aws.reasons import RESTORE
from lakelanes.catalog.registrar import FAILED_VIEWS
from lakelanes.lake import Lake
from lakelanes_airflow.notifications import channels
from lakelanes_airflow.process_lake import open_lake
from lakelanes_airflow.runs.plans import taken
from lakelanes_airflow.runs.progress import run_id_of
from lakelanes_airflow.runs.xcoms import ERROR, FAILURE, FAULTS, REMEDY

log = logging.getLogger(__name__)

LOAD_PREFIX = "load_"
EXPORT_PREFIX = "export_"
REPORT = "report_failures"
MAINTAIN = "maintain_lake"
VIEWS = "refresh_views"
DASHBOARDS = "refresh_dashboards"
# Tasks whose error says what kind of failure it is; the report's own error says only that there was one.
_INFORMATIVE = ("sense", "find", "plan", "publish")
_GAPS = {"GapError", "StalledError"}
_OVERDUE = "AirflowSensorTimeout"
_FAILED_VIEWS = "ViewError"
_REFRESH = "RefreshError"
_MISTYPED = "SelectionError"


@dataclass
class _Failure:
    """What is known of a failed run: files at fault, other reasons, what to do as far as the errors say it, and the
    errors' types."""

    faults: list[FileFault] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    remedies: list[str] = field(default_factory=list)
    errors: set[str] = field(default_factory=set)


def alert_on_failure(context: Any) -> None:
    """``on_failure_callback`` of every DAG: one message on every channel for what is new about the failure.

    Airflow calls it in the DAG processor once a run has failed, so it is called when a task was killed, too. It is a
    function rather than a notifier, since a notifier renders its templates in place and repeats its first message. An
    alert that cannot be sent is logged, and changes nothing else; where the ledger noted it, watch_lake sends it later.
    """
    dag_id, run_id = context["dag"].dag_id, context["run_id"]
    if (context.get("params") or {}).get("dry_run"):
        # Whoever asked for it is watching, and it loads nothing.
        log.info("%s %s was a dry run: no alert is sent", dag_id, run_id)
        return
    try:
        lake = open_lake()
        found = failures(lake, context)
        sent = incidents.report_all(lake, found, channels.send)
        log.info(
            "Failure of %s %s: alert sent for %s of %s cause(s): %s", dag_id, run_id, len(sent), len(found), list(found)
        )
    except Exception:
        log.exception("The alert for %s %s could not be sent", dag_id, run_id)


def failures(lake: Lake, context: Any) -> dict[str, Alert]:
    """The causes of the run's failure, each with its alert. ``context`` may hold only ``dag`` and ``run_id``."""
    dag_id, run_id = context["dag"].dag_id, context["run_id"]
    key = getattr(context.get("dag_run"), "partition_key", None)
    own = [name for name in lake.config.entities if dag_id == f"{LOAD_PREFIX}{name}"]
    tables = [name for name in lake.config.tables if dag_id == f"{EXPORT_PREFIX}{name}"]
    base = Alert(
        dag_id=dag_id,
        run_id=run_id,
        entity=", ".join(own or tables) or None,
        reason="",
        what_to_do="",
        run_url=run_url(dag_id, run_id),
        partition_key=key,
        page_url=_page(own, tables),
    )
    if dag_id == MAINTAIN and context.get("ti") is not None:
        return _maintenance_failures(lake, context, base)
    failure = _what_happened(lake, context, own or ([] if tables else list(lake.config.entities)))
    if _MISTYPED in failure.errors:
        # Whoever triggered the run sees why it failed; nothing is wrong with the lake.
        return {}
    if dag_id == DASHBOARDS and _REFRESH in failure.errors:
        # The task has opened an alert of its data set's own.
        return {}
    found: dict[str, Alert] = {}
    for fault in failure.faults:
        page = page_links.file(fault.file)
        remedy = what_to_do(lake, fault)
        found |= incidents.file_alerts(replace(base, files=[fault], what_to_do=remedy, page_url=page))
    if failure.faults and not failure.reasons:
        return found
    reasons = failure.reasons or [_unexplained(context)]
    alert = replace(base, reason="\n".join(dict.fromkeys(reasons)), what_to_do="\n".join(failure.remedies) or _REMEDY)
    if dag_id == VIEWS and _FAILED_VIEWS in failure.errors and (failed := lake.ledger.read_note(FAILED_VIEWS)):
        # Each with its own reason alone: who may see one view may not see another.
        for name, reason in sorted(failed.items()):
            said = f"view {name} cannot be made: {reason}"
            stale = replace(alert, reason=said, meaning=_STALE, page_url=page_links.DASHBOARDS)
            found[incidents.stale_cause(name)] = stale
        return found
    for cause, meaning in _causes(base, failure.errors):
        found[cause] = replace(alert, meaning=meaning)
    return found


def _page(entities: list[str], tables: list[str]) -> str:
    """Where the Lake page shows what a DAG fills."""
    if entities:
        return page_links.entity(entities[0])
    return page_links.table(tables[0]) if tables else page_links.OVERVIEW


def run_url(dag_id: str, run_id: str) -> str:
    """Address of the run in the Airflow UI, where its tasks' logs are; a path where Airflow does not know its own
    address (see ``lakelanes.alerts.messages.with_addresses``)."""
    return f"{channels.base_url()}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


_REMEDY = "Open the run, remove the cause that its log names, then clear its failed tasks; loaded files stay loaded."
_LATE = "The partition is not in its table, and what is computed from it is incomplete."
_GAP = "Changes of the table are no longer exported; its view stays as it was, or follows the stream alone."
_STALE = "The view keeps its last definition, or is not there; dashboards that read it are out of date or fail."
_MISSING = "What the run was to load may be missing; what was in the lake before stays."
_UNDONE = {
    "sweep_sources": "Files that no lane has loaded wait, and so do dead letters.",
    VIEWS: "New and changed views are not made; the others are as they were.",
    "watch_lake": "What no failed run reports may go unnoticed: missing partitions, rejected rows, stale dashboards.",
}


def _causes(base: Alert, errors: Iterable[str]) -> list[tuple[str, str]]:
    """The causes of a failure that is no file's fault, each with what it means."""
    dag_id, key = base.dag_id, base.partition_key
    if dag_id.startswith(LOAD_PREFIX) and key and _OVERDUE in errors and base.entity:
        return [(incidents.deadline_cause(base.entity, key), _LATE)]
    if dag_id.startswith(EXPORT_PREFIX) and base.entity and _GAPS & set(errors):
        return [(incidents.gap_cause(base.entity), _GAP)]
    return [(incidents.run_cause(dag_id, key), _UNDONE.get(dag_id, _MISSING))]


def _maintenance_failures(lake: Lake, context: Any, base: Alert) -> dict[str, Alert]:
    """The causes of a failed maintenance, one for each table: its tasks are mapped over them."""
    ti, found = context["ti"], dict[str, Alert]()
    for index, name in enumerate(table.name for table in lake.config.exported_tables):
        reason, killed = _pull(ti, ti.task_id, FAILURE, index), index == ti.map_index
        if not reason and not killed:
            continue
        remedy = _pull(ti, ti.task_id, REMEDY, index)
        gap = _pull(ti, ti.task_id, ERROR, index) in _GAPS
        cause = incidents.gap_cause(name) if gap else incidents.run_cause(base.dag_id, name)
        found[cause] = replace(
            base,
            entity=name,
            reason=reason or _unexplained(context),
            what_to_do=remedy or _REMEDY,
            meaning=_GAP
            if gap
            else "No newer snapshot is made, so queries of the table's view cost more with each day.",
        )
    return found or {incidents.run_cause(base.dag_id, None): replace(base, reason=_unexplained(context))}


def _what_happened(lake: Lake, context: Any, entities: list[str]) -> _Failure:
    """As the run's report says it, else the ledger and the task that failed last."""
    ti, failure = context.get("ti"), _Failure()
    if ti is not None:
        for task, index in {REPORT: -1, ti.task_id: ti.map_index}.items():
            failure.faults += _faults(lake, _pull(ti, task, FAULTS, index))
            failure.reasons += filter(None, [_pull(ti, task, FAILURE, index)])
            failure.remedies += filter(None, [_pull(ti, task, REMEDY, index)])
        for task in {*_INFORMATIVE, ti.task_id}:
            failure.errors |= set(filter(None, [_pull(ti, task, ERROR, ti.map_index if task == ti.task_id else -1)]))
    if not failure.faults:
        known = lake.ledger.failures_of_run(run_id_of(context), entities)
        failure.faults = [FileFault.from_entry(entry) for entry in known]
    return failure


def _unexplained(context: Any) -> str:
    ti = context.get("ti")
    task = f"task {ti.task_id} failed" if ti is not None else "the run failed"
    return (
        f"{task} ({context.get('reason') or 'no reason given'}); its log says why. A log that ends without an error is "
        "of a task that was killed, most likely for lack of memory"
    )


def _faults(lake: Lake, kept: Any) -> list[FileFault]:
    try:
        return [FileFault(**fault) for fault in taken(lake, kept or ())]
    except Exception as error:
        # The ledger knows of those that failed.
        log.warning("The list of files that were not loaded could not be read: %s", error)
        return []


def _pull(ti: Any, task: str, key: str, map_index: int) -> Any:
    try:
        return ti.xcom_pull(task_ids=task, key=key, map_indexes=map_index)
    except Exception as error:
        log.warning("XCom %s of task %s could not be read: %s", key, task, error)
        return None


def what_to_do(lake: Lake, fault: FileFault) -> str:
    """What cures a file's fault, by its kind: bad rows, a bad name, a deleted file, a killed task, an archived file,
    anything else."""
    entity = lake.config.entities.get(fault.entity)
    if fault.state == "rejected" and fault.rejects:
        table = f"{lake.config.resources.glue_database}.{entity.rejects_table}" if entity else "the rejects table"
        return (
            "Upload a corrected file under the same key: sweep_sources loads it within 15 minutes, and clearing "
            f"the failed run's tasks loads it at once. {where_rejects_are(table)}"
        )
    if fault.state == "rejected":
        return (
            f"The file's name is at fault, not its rows: upload it under another name, or correct "
            f"entities.{fault.entity}.filename_pattern in the configuration and trigger {LOAD_PREFIX}{fault.entity}."
        )
    if fault.state == "deleted":
        return (
            "Upload the deleted file again and clear the run's failed tasks, or clear its task sense to do without it."
        )
    if fault.state == "interrupted":
        return (
            "Clear the run's failed tasks, or wait: sweep_sources loads the file once its lease is over, within half "
            f"an hour. If its task was killed for lack of memory, give workers more, or lower "
            f"entities.{fault.entity}.batch_bytes."
        )
    if RESTORE in fault.reason:
        return (
            "Restore the file by the command that the reason names; the sweep after that loads it by itself, and there "
            "is nothing to clear."
        )
    return _REMEDY
