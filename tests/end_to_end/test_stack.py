"""`make up` and `make down`, as a developer meets them."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from scripts.airflow_api import AirflowApi
from tests.support.sockets import connections_of

REPOSITORY = Path(__file__).resolve().parents[2]
NAMES = {
    *("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_ACCOUNT_ID"),
    *("AIRFLOW_URL", "AIRFLOW_HOME"),
    *("LAKE_CONFIG", "LAKE_SOURCE_BUCKET", "LAKE_ANALYTICS_BUCKET", "LAKE_DATABASE", "LAKE_WORKGROUP"),
    *("LAKE_LEDGER_TABLE", "LAKE_FILE_QUEUE_URL", "LAKE_FILE_DLQ_URL", "LAKE_STREAM_FAILURE_QUEUE_URL"),
    "LAKE_ALERT_TOPIC_ARN",
}
# The shape that every configuration starts from, with an account of its own.
CONFIGURATION = {
    "aws": {"region": "eu-west-1", "account_id": "123456789012"},
    "resources": {
        "source_bucket": "never-seen-landing",
        "analytics_bucket": "never-seen-lake",
        "glue_database": "never_seen",
        "workgroup_name": "never_seen",
        "sqs_queue": "never_seen",
    },
    "entities": {
        "parcels": {
            "table_name": "parcels",
            "filename_pattern": r"parcels_(\d{4})_(\d{2})_(\d{2})\.csv",
            "partition_keys": ["year", "month", "day"],
            "schema": [{"name": "parcel_id", "type": "string"}, {"name": "weight", "type": "decimal(10,2)"}],
        }
    },
}


class Commands:
    """The stack's commands on a state folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.config = folder / "lake.json"
        self.config.write_text(json.dumps(CONFIGURATION))
        # What a developer's shell may hold, and none of which must reach the stack.
        self.env = {
            **os.environ,
            "PYTHONPATH": f"{REPOSITORY / 'plugins'}{os.pathsep}{REPOSITORY}",
            "LAKE_CONFIG": str(self.config),
            "AWS_PROFILE": "production",
            "AWS_ACCESS_KEY_ID": "a-real-key",
            "AIRFLOW_HOME": str(folder / "elsewhere"),
            "AIRFLOW__CORE__EXECUTOR": "SequentialExecutor",
            "HTTP_PROXY": "http://127.0.0.1:9",
        }

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "scripts.stack", command, "--state", str(self.state)],
            cwd=REPOSITORY,
            env=self.env,
            capture_output=True,
            text=True,
        )

    def sessions(self) -> set[int]:
        """The stack's components; each has a session of its own."""
        return {record["pid"] for record in json.loads((self.state / "processes.json").read_text())}

    def processes(self) -> list[psutil.Process]:
        """Everything that runs for this stack."""
        sessions, found = self.sessions(), []
        for process in psutil.process_iter():
            # One that ends while it is looked at runs no more.
            with contextlib.suppress(ProcessLookupError):
                if os.getsid(process.pid) in sessions:
                    found.append(process)
        return found


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Commands]:
    commands = Commands(tmp_path)
    yield commands
    commands.run("down")


def answers_to_its_own_names_alone(url: str) -> None:
    """A web page may come by a name of its own that points here."""
    for path in ("/", "/api/v2/dags", "/lake/", "/_localaws/clock"):
        foreign = requests.get(f"{url}{path}", headers={"Host": "rebound.example:80"}, timeout=30)
        assert foreign.status_code in (400, 403), path
    assert requests.get(f"{url}/", headers={"Host": f"localhost:{url.rsplit(':', 1)[1]}"}, timeout=30).ok


def test_up_status_up_again_and_down(commands: Commands) -> None:
    up = commands.run("up")
    assert up.returncode == 0, up.stdout + up.stderr

    file = commands.state / "env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    shell = f"set -eu; . {shlex.quote(str(file))}; env -0"
    exported = subprocess.run(["bash", "-c", shell], env={}, capture_output=True, text=True, check=True).stdout
    variables = dict(line.split("=", 1) for line in exported.split("\0") if line)
    assert variables.keys() >= NAMES
    assert variables["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert variables["LAKE_FILE_QUEUE_URL"].endswith("/never_seen")
    assert variables["LAKE_FILE_DLQ_URL"].endswith("/never_seen-dlq")
    assert variables["LAKE_ALERT_TOPIC_ARN"] == "arn:aws:sns:eu-west-1:123456789012:lakelanes_alerts"

    api = AirflowApi(variables["AIRFLOW_URL"])
    assert set(api.health().values()) == {"healthy"}
    dags = {dag["dag_id"]: dag["is_paused"] for dag in api.get("/dags")["dags"]}
    assert dags["load_parcels"] is False
    assert [name for name in dags if name.startswith("load_")] == ["load_parcels"]

    for url in (variables["AIRFLOW_URL"], variables["AWS_ENDPOINT_URL"]):
        answers_to_its_own_names_alone(url)

    processes = commands.processes()
    listening = {
        connection.laddr
        for process in processes
        for connection in connections_of(process)
        if connection.status == psutil.CONN_LISTEN
    }
    urls = {variables["AIRFLOW_URL"], variables["AWS_ENDPOINT_URL"]}
    # And the API that tasks talk to, which nobody else needs.
    assert {f"http://{address.ip}:{address.port}" for address in listening} > urls
    assert (len(listening), {address.ip for address in listening}) == (3, {"127.0.0.1"})
    assert all(url.startswith("http://127.0.0.1:") for url in urls)
    for secret in (commands.state / "airflow" / "airflow.cfg", commands.state / "airflow"):
        assert stat.S_IMODE(secret.stat().st_mode) & 0o077 == 0

    status = commands.run("status")
    assert status.returncode == 0
    for name in ("aws", "api-server", "execution-api", "scheduler", "triggerer", "dag-processor"):
        assert f"{name} " in status.stdout

    again = commands.run("up")
    assert (again.returncode, "up already" in again.stdout) == (0, True), again.stdout + again.stderr
    # A task of Airflow's may have ended meanwhile.
    components = {process.pid for process in processes} & commands.sessions()
    assert len(components) >= 6
    assert {process.pid for process in commands.processes()} >= components

    down = commands.run("down")
    assert down.returncode == 0, down.stdout + down.stderr
    assert psutil.wait_procs(processes, timeout=10)[1] == []
    assert not file.exists()
    assert "nothing was up" in commands.run("down").stdout
    assert commands.run("status").returncode == 3


def test_a_faulty_configuration_is_told_before_anything_starts(commands: Commands) -> None:
    commands.config.write_text(json.dumps({**CONFIGURATION, "entities": {}}))
    up = commands.run("up")
    assert up.returncode == 1
    assert "entities" in up.stderr
    assert "Traceback" not in up.stderr
    assert not (commands.state / "processes.json").exists()


def test_a_start_that_fails_shows_the_log_and_leaves_nothing_behind(commands: Commands) -> None:
    commands.env["LOCALAWS_PYTHON"] = "/bin/false"
    up = commands.run("up")
    assert up.returncode == 1
    assert "the local AWS did not start" in up.stderr
    assert not (commands.state / "processes.json").exists()
    assert not (commands.state / "env").exists()
