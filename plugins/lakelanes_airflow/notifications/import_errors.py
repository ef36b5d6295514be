"""DAG files that cannot be imported: a listener sends an alert, and importing the file again shows that it is cured.

Airflow calls the listener in the process of the DAG processor, for every parse that fails. A broken configuration is
one cause, however many files fail for it. The lake cannot be opened then, so the environment says where alerts go:
LAKE_ALERT_TOPIC_ARN, and LAKE_LEDGER_TABLE for the ledger. Without the ledger's name each process of the DAG processor
sends one alert for each fault, and nobody sends a recovery message.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from airflow.listeners import hookimpl
from airflow.sdk.configuration import conf

from lakelanes.alerts import incidents
from lakelanes.alerts.incidents import CONFIGURATION, Incident
from lakelanes.alerts.messages import Alert
from lakelanes.config.model import Aws, LakeConfig, Resources
from lakelanes.errors import ConfigError
from lakelanes.lake import Lake
from lakelanes_airflow.notifications import channels

log = logging.getLogger(__name__)

SENDER = "dag_processor"
# By file and error, or by cause and error: when this process last reported it.
Reported = dict[tuple[str, str], float]
# So long the DAG processor waits for an alert to be sent, which takes AWS a fraction of a second.
_PATIENCE_SECONDS = 30.0
_TRACE_LENGTH = 3000
# Files are parsed every half a minute; the ledger is asked less often whether the alert is still open.
_ASK_AGAIN_SECONDS = 600.0


class ImportErrorListener:
    """Sends an alert for a DAG file that Airflow cannot import, one per file until it can be imported again."""

    def __init__(self) -> None:
        self._reported: dict[tuple[str, str], float] = {}

    @hookimpl
    def on_new_dag_import_error(self, filename: str, stacktrace: str) -> None:
        """A file that could be imported before, or is new, cannot be imported."""
        self._report(filename, stacktrace, new=True)

    @hookimpl
    def on_existing_dag_import_error(self, filename: str, stacktrace: str) -> None:
        """A file still cannot be imported, which matters to a process that has not reported it."""
        self._report(filename, stacktrace, new=False)

    def _report(self, filename: str, stacktrace: str, *, new: bool) -> None:
        def work() -> None:
            try:
                report_import_error(filename, stacktrace, self._reported, new=new)
            except Exception:
                log.exception("The alert on %s, which cannot be imported, could not be sent", filename)

        # In a thread of its own, which does not share the caller's open session with Airflow's database; and a service
        # that hangs holds up no DAG.
        thread = threading.Thread(target=work, name="import-error", daemon=True)
        thread.start()
        thread.join(_PATIENCE_SECONDS)


def report_import_error(filename: str, stacktrace: str, reported: Reported, *, new: bool) -> None:
    """Sends an alert for a file that cannot be imported, unless its incident is open. reported: what this process has
    reported."""
    key = (filename, _last_line(stacktrace))
    if not new and time.monotonic() - reported.get(key, -_ASK_AGAIN_SECONDS) < _ASK_AGAIN_SECONDS:
        return
    # Not the process's own lake: its callbacks are forked from this process, and must not inherit connections.
    try:
        lake: Lake | None = Lake.open()
    except ConfigError as error:
        if "ConfigError" in stacktrace:
            _report_configuration(error, reported)
            return
        lake = emergency_lake()
    if lake is None:
        log.error(
            "%s cannot be imported, and there is nowhere to send an alert: LAKE_ALERT_TOPIC_ARN is not set", filename
        )
        return
    name = relative(filename)
    alert = Alert(
        dag_id=SENDER,
        run_id="-",
        entity=None,
        event=f"cannot import {name}",
        reason=f"DAG file {name} cannot be imported: {key[1]}\n{stacktrace.strip()[-_TRACE_LENGTH:]}",
        meaning="Its DAGs do not run as long as that is so: no schedule, no backfill, no trigger.",
        what_to_do=f"Correct {name}; Airflow reads it again by itself. The Dags page of its UI shows import errors.",
        run_url=f"{channels.base_url()}/dags",
    )
    _report(lake, f"import/{name}", alert, reported, key, filename)


def emergency_lake() -> Lake | None:
    """A lake that can report a broken configuration: it has its topic and ledger by the environment, and nothing else.

    None where the environment does not name the topic.
    """
    topic, ledger = os.environ.get("LAKE_ALERT_TOPIC_ARN", ""), os.environ.get("LAKE_LEDGER_TABLE", "")
    parts = topic.split(":", 5)
    if len(parts) != 6:
        return None
    resources = Resources.model_construct(alert_topic=parts[5], ledger_table=ledger)
    aws = Aws.model_construct(region=parts[3], account_id=parts[4])
    return Lake(LakeConfig.model_construct(aws=aws, resources=resources, entities={}, tables={}))


def cures(opened: list[Incident]) -> list[tuple[Incident, str]]:
    """The open incidents whose file can be imported again, or is gone, each with what cured it.

    The caller has opened the lake, so the configuration can be read.
    """
    found = []
    for incident in opened:
        if incident.cause == CONFIGURATION:
            found.append((incident, "the configuration can be read"))
        elif incident.kind == "import" and incident.subject:
            if not Path(incident.subject).exists():
                found.append((incident, "the file was removed"))
            elif is_importable(incident.subject):
                found.append((incident, "the file can be imported"))
    return found


def is_importable(path: str) -> bool:
    """Whether Airflow can read the DAGs of a file, and store them."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    bag = DagBag(path, load_op_links=False)
    if bag.import_errors:
        return False
    try:
        for dag in bag.dags.values():
            json.dumps(DagSerialization.to_dict(dag))
    except Exception as error:
        log.info("%s: %s", path, error)
        return False
    return True


def relative(filename: str) -> str:
    """A file's path below the DAGs folder; its name where it is elsewhere."""
    folder = conf.get("core", "dags_folder", fallback="")
    with suppress(ValueError):
        return str(Path(filename).relative_to(folder))
    return Path(filename).name


def _report_configuration(error: ConfigError, reported: Reported) -> None:
    lake = emergency_lake()
    if lake is None:
        log.error(
            "The configuration cannot be read, and there is nowhere to send an alert: LAKE_ALERT_TOPIC_ARN is not set"
        )
        return
    alert = Alert(
        dag_id=SENDER,
        run_id="-",
        entity=None,
        event="cannot read the configuration",
        reason=str(error),
        meaning="No DAG of the lake runs as long as that is so; the low-latency lane has its own copy and goes on.",
        what_to_do=f"Correct {error.source}; `lakelanes check {error.source}` says what is wrong with it.",
        run_url=f"{channels.base_url()}/dags",
    )
    _report(lake, CONFIGURATION, alert, reported, (CONFIGURATION, str(error)))


def _report(lake: Lake, cause: str, alert: Alert, reported: Reported, key: tuple[str, str], subject: str = "") -> None:
    if lake.config.resources.ledger_table:
        incidents.report(lake, cause, alert, _send, subject=subject)
    elif key not in reported:
        _send(lake, alert)
    reported[key] = time.monotonic()


def _send(lake: Lake, alert: Alert) -> None:
    channels.send(lake, alert, _connection)


def _connection(name: str) -> Any:
    """A connection of the environment or of a secrets backend, else of Airflow's database: of the processes that send
    alerts, only this one may read it."""
    from airflow.secrets.metastore import MetastoreBackend

    return channels.configured(name) or MetastoreBackend().get_connection(conn_id=name)


def _last_line(stacktrace: str) -> str:
    lines = [line.strip() for line in stacktrace.strip().splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
