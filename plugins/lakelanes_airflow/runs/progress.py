"""Which files of a run are loaded, according to the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from airflow.sdk.exceptions import AirflowRuntimeError

from lakelanes.alerts.messages import FileFault
from lakelanes.files.pending import is_done
from lakelanes.files.publish import Scope
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry, is_newer
from lakelanes.ledger.source_file import SourceFile

SWEEP = "sweep_sources"
# Of the runs that loaded a partition's files, Airflow is asked for the states of this many at most.
_LOADERS = 20
# What of an entry says whether its file is loaded, and by whom; and, where it is not, why. A run reads one per file.
_JUDGED = (
    *("source", "entity", "state", "lease_until", "etag", "run_id", "sequencer", "last_modified"),
    *("error", "error_line", "error_column", "rejects", "rows_rejected", "rows_withheld"),
)
_DIED = "its task ended before it was loaded: the task was killed, or never started"


@dataclass(frozen=True)
class Progress:
    """Files that failed, each with its reason, and the URIs of files that another run or lane is loading now."""

    faults: list[FileFault] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)

    @property
    def unloaded(self) -> set[str]:
        """URIs of the files that are not loaded: failed ones and busy ones."""
        return {fault.file for fault in self.faults} | set(self.busy)


def run_id_of(context: Any) -> str:
    """How the ledger names the run: ``<dag id>/<run id>``, since run ids are unique within a DAG only."""
    return f"{context['dag'].dag_id}/{context['run_id']}"


def died_before_publishing(context: Any, loaders: Iterable[str]) -> bool:
    """Whether one of the runs that loaded files (as the ledger names them) may not have published them: it failed, or
    it is this very run, which is tried again. Other lanes and other tools publish what they load themselves.

    Makes one request to Airflow for each of the latest _LOADERS runs: where files come one by one, each has a sweep
    of its own. A run that Airflow has deleted counts as published.
    """
    loaders = set(loaders)
    if run_id_of(context) in loaders:
        return True
    runs = [loader.split("/", 1) for loader in loaders if "/" in loader]
    ours = [(run_id, dag_id) for dag_id, run_id in runs if dag_id in (context["dag"].dag_id, SWEEP)]
    # After its kind, an id has the time the run was due.
    latest = sorted(ours, key=lambda run: run[0].partition("__")[2], reverse=True)[:_LOADERS]
    return any(_state_of(context, dag_id, run_id) == "failed" for run_id, dag_id in latest)


def _state_of(context: Any, dag_id: str, run_id: str) -> str | None:
    try:
        return str(context["ti"].get_dagrun_state(dag_id=dag_id, run_id=run_id))
    except AirflowRuntimeError as error:
        if (error.error.detail or {}).get("status_code") == HTTPStatus.NOT_FOUND:
            return None
        raise


def progress(
    lake: Lake, run_id: str, planned: Iterable[tuple[str, SourceFile]], scope: Scope, *, reload: bool = False
) -> Progress:
    """Checks the planned files (with their entities), and all files that a keyed run was asked for.

    With ``reload`` a planned file has to have been loaded by this very run. The ledger is asked rather than the tasks,
    so a task that was killed, or whose answer was lost, hides nothing.
    """
    files = {file.uri: (entity, file) for entity, file in planned}
    now = lake.ledger.now()
    result = Progress()
    for uri, entry in lake.ledger.each(files, fields=_JUDGED):
        entity, file = files[uri]
        if entry is not None and is_done(entry, file):
            if reload and entry.run_id != run_id:
                result.faults.append(FileFault(uri, entity, "interrupted", _DIED))
            continue
        if entry is not None and entry.etag != file.etag and entry.run_id != run_id and not is_newer(entry, file):
            entry = None  # it is of an older version; this one was never claimed
        _judge(result, FileFault(uri, entity, "interrupted", _DIED), entry, run_id, now, scope.keyed)
    for uri, entry in lake.ledger.each(scope.files.keys() - files.keys(), fields=_JUDGED):
        if entry is not None and entry.state != "loaded":
            _judge(result, FileFault(uri, entry.entity, "interrupted", _DIED), entry, run_id, now, scope.keyed)
    return result


def _judge(result: Progress, died: FileFault, entry: Entry | None, run_id: str, now: str, keyed: bool) -> None:
    if entry is None:
        result.faults.append(died)
    elif entry.state == "claimed":
        if entry.run_id != run_id and entry.is_held(now):
            result.busy.append(entry.source)
        else:
            result.faults.append(died)
    elif entry.state in ("rejected", "failed") or (entry.state == "deleted" and keyed):
        result.faults.append(FileFault.from_entry(entry))
    # Otherwise a newer version is loaded, or the file was deleted meanwhile: nothing is left to do.
