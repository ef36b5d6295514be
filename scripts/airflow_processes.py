"""Airflow's processes on this machine: how they are configured and started, and when they are ready."""

from __future__ import annotations

import configparser
import contextlib
import os
import secrets
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from lakelanes.config.model import LakeConfig
from scripts.airflow_api import AirflowApi
from scripts.ports import HOST, check_listener
from scripts.processes import ManagedProcess, ProcessTable, StackError

# Five processes that import Airflow: on a machine with much else to do that takes minutes.
START_SECONDS = 300.0
POLL_SECONDS = 0.5
API, EXECUTION_API, DAG_PROCESSOR = "api-server", "execution-api", "dag-processor"
NAMES = (API, EXECUTION_API, "scheduler", "triggerer", DAG_PROCESSOR)


@dataclass(frozen=True)
class LocalAirflow:
    """An Airflow without login. ``home`` is AIRFLOW_HOME, ``root`` the repository, ``dags`` the folder of DAG files;
    ``options`` are of airflow.cfg, by section, and go before those here; ``url`` and ``execution_url`` are its
    addresses, for people and for tasks; ``logs`` is the folder of the processes' output."""

    home: Path
    root: Path
    dags: Path
    logs: Path
    options: Mapping[str, Mapping[str, object]]
    url: str
    execution_url: str

    @property
    def api(self) -> AirflowApi:
        """A client of its REST API."""
        return AirflowApi(self.url)

    def configure(self) -> None:
        """Write airflow.cfg, which holds the secrets and so is the owner's alone to read. What its database encrypts is
        encrypted by the key that was there before."""
        home = self.home
        before = configparser.ConfigParser(interpolation=None)
        before.read(home / "airflow.cfg")
        settings: dict[str, dict[str, object]] = {
            "core": {
                "dags_folder": self.dags,
                "plugins_folder": self.root / "plugins",
                "executor": "LocalExecutor",
                # Each slot is a forked worker; more of them than this only wait for the cores of a laptop.
                "parallelism": 4,
                "execution_api_server_url": self.execution_url,
                "load_examples": False,
                "dagbag_import_timeout": 120,
                # The lake is to fill itself as soon as files are there.
                "dags_are_paused_at_creation": False,
                "simple_auth_manager_all_admins": True,
                "hostname_callable": "socket.gethostname",
                "fernet_key": before.get("core", "fernet_key", fallback="")
                or urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            },
            "database": {"sql_alchemy_conn": f"sqlite:///{home / 'airflow.db'}"},
            "api": {
                "host": HOST,
                "port": _port(self.url),
                "base_url": self.url,
                "workers": 1,
                "secret_key": secrets.token_urlsafe(32),
            },
            # There is no login, and a web page could come by a name of its own that points here (DNS rebinding).
            "lakelanes": {"allowed_hosts": f"{HOST}, localhost"},
            "api_auth": {"jwt_secret": secrets.token_urlsafe(64)},
            # A DAG file that a busy machine takes a minute for is no broken one: killing its parser loses the failure
            # callback that it was about to run, and with it an alert.
            "dag_processor": {"refresh_interval": 5, "dag_file_processor_timeout": 300},
            # A task that ends unnoticed keeps its slot until its next heartbeat, 5 s apart by default. An answer that a
            # busy machine gives after more than 5 s is not to be asked for again: a run that was triggered twice exists
            # already, which fails its task.
            "workers": {"min_heartbeat_interval": 1, "execution_api_timeout": 60},
            "logging": {
                "base_log_folder": home / "logs",
                "dag_processor_child_process_log_directory": home / "logs" / "dag_processor",
                "colored_console_log": False,
            },
            "usage_data_collection": {"enabled": False},
        }
        parser = configparser.ConfigParser(interpolation=None)
        for given in (settings, self.options):
            parser.read_dict(
                {
                    section: {key: str(value).replace("%", "%%") for key, value in values.items()}
                    for section, values in given.items()
                }
            )
        with private_file(home / "airflow.cfg") as file:
            parser.write(file)

    def migrate(self, table: ProcessTable, env: Mapping[str, str]) -> ManagedProcess:
        """Begin to make its database, or to bring one of an earlier Airflow up to date."""
        return self._start(table, "migration", ["db", "migrate"], env)

    def start(self, table: ProcessTable, env: Mapping[str, str], names: Iterable[str] | None = None) -> None:
        """Start its processes, or some of them, with the variables ``env``."""
        for name in self.names if names is None else names:
            self._start(table, name, self._command(name), env)

    @property
    def names(self) -> Sequence[str]:
        """What its processes are called."""
        return NAMES

    def components(self, table: ProcessTable) -> list[ManagedProcess]:
        """Those of its processes that were started."""
        return [process for process in table.processes if process.name in self.names]

    def wait_answering(self, table: ProcessTable, deadline: float) -> None:
        """Return when its API answers, whatever the other processes do. Raises StackError."""
        api, components = self.api, self.components(table)
        while api.health()["metadatabase"] != "healthy":
            _check_alive(components)
            if time.monotonic() > deadline:
                raise StackError(f"Airflow's API does not answer after {START_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)

    def wait_healthy(self, table: ProcessTable, deadline: float) -> None:
        """Return when all of it is healthy, and it is this Airflow that says so. Raises StackError."""
        api, components = self.api, self.components(table)
        while True:
            health = {**api.health(), "execution_api": _health(f"{self.execution_url}health")}
            if all(status == "healthy" for status in health.values()):
                break
            _check_alive(components)
            if time.monotonic() > deadline:
                ill = ", ".join(f"{part} {status}" for part, status in health.items() if status != "healthy")
                tails = "\n".join(f"{process.log} ends:\n{process.tail(10)}" for process in components)
                raise StackError(f"Airflow is not healthy after {START_SECONDS:.0f} s: {ill}\n{tails}")
            time.sleep(POLL_SECONDS)
        addresses = {API: self.url, EXECUTION_API: self.execution_url}
        for process in components:
            if process.name in addresses:
                # Another one may have come to the port first, and be as healthy.
                check_listener(process, int(_port(addresses[process.name])))

    def wait_parsed(self, config: LakeConfig, table: ProcessTable, since: datetime, deadline: float) -> None:
        """Return when every DAG of the configuration was parsed after ``since``. Raises StackError, also when a file
        cannot be imported."""
        api, wanted, components = self.api, expected_dags(config, self.dags), self.components(table)
        while True:
            parsed = {dag["dag_id"] for dag in pages(api, "/dags", "dags") if _is_later(dag["last_parsed_time"], since)}
            missing = wanted - parsed
            if not missing:
                return
            every = pages(api, "/importErrors", "import_errors")
            if errors := [error for error in every if _is_later(error["timestamp"], since)]:
                texts = "\n".join(f"{error['filename']}:\n{error['stack_trace']}" for error in errors)
                raise StackError(f"Airflow cannot import a DAG file:\n{texts}")
            _check_alive(components)
            if time.monotonic() > deadline:
                raise StackError(f"Airflow has not parsed after {START_SECONDS:.0f} s: {', '.join(sorted(missing))}")
            time.sleep(POLL_SECONDS)

    def _start(self, table: ProcessTable, name: str, command: list[str], env: Mapping[str, str]) -> ManagedProcess:
        return table.start(
            name,
            [sys.executable, "-m", "airflow", *command],
            env=env,
            # What lies in the working directory is importable, and nothing of the repository must be by that way.
            cwd=self.home,
            log=self.logs / f"{name}.log",
        )

    def _command(self, name: str) -> list[str]:
        return {
            API: ["api-server", "--apps", "core"],
            # What tasks talk to is a process of its own. In one with the UI's API, a task's transaction that has
            # SQLite's only lock waits for the event loop to commit it, while the loop waits for that lock to log what a
            # user asked for.
            EXECUTION_API: ["api-server", "--apps", "execution", "--port", _port(self.execution_url)],
            # Their log servers would listen on all interfaces; the api-server reads the log files instead.
            "scheduler": ["scheduler", "--skip-serve-logs"],
            "triggerer": ["triggerer", "--skip-serve-logs"],
            DAG_PROCESSOR: ["dag-processor"],
        }[name]


def expected_dags(config: LakeConfig, folder: Path) -> set[str]:
    """The ids of the DAGs that ``folder`` makes: load_entities.py makes one per entity, export_tables.py one per table
    that is exported, any other file its namesake."""
    wanted: set[str] = set()
    several = {
        "load_entities": {f"load_{name}" for name in config.entities},
        "export_tables": {f"export_{table.name}" for table in config.exported_tables},
    }
    for path in folder.glob("*.py"):
        text = path.read_text().lower()
        # Airflow itself skips files without these words.
        if "dag" not in text or "airflow" not in text:
            continue
        wanted |= several.get(path.stem, {path.stem})
    return wanted


def pages(api: AirflowApi, path: str, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = api.get(path, limit=100, offset=len(found))
        found += page[key]
        if not page[key] or len(found) >= page["total_entries"]:
            return found


def wait_for_end(process: ManagedProcess, deadline: float) -> int:
    """The exit code of a process, once it has ended. Raises StackError at the deadline."""
    assert process.popen is not None
    try:
        return process.popen.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise StackError(f"{process.name} has not ended; {process.log} ends:\n{process.tail()}") from None


@contextlib.contextmanager
def private_file(path: Path) -> Iterator[Any]:
    """A new file that its owner alone may read."""
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        yield file


def _check_alive(components: list[ManagedProcess]) -> None:
    for process in components:
        if (code := process.exit_code()) is not None:
            raise StackError(
                f"airflow {process.name} ended with exit code {code}; {process.log} ends:\n{process.tail()}"
            )


def _is_later(text: str | None, since: datetime) -> bool:
    """Whether a time of the REST API is a later one."""
    return text is not None and datetime.fromisoformat(text) > since


def _port(url: str) -> str:
    return str(urlsplit(url).port)


def _health(url: str) -> str:
    """The status that a component's own address answers with; "unreachable" while it starts."""
    with requests.Session() as session:
        # It is on this machine: no proxy.
        session.trust_env = False
        try:
            return str(session.get(url, timeout=5).json()["status"])
        except (requests.RequestException, ValueError, KeyError):
            return "unreachable"
