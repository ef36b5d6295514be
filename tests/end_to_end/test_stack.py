"""`make up` and `make down`, as a developer meets them: on two state folders at once, again and again.

Each test leaves its stack up, and asks nothing of what the others did.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import shlex
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from scripts.airflow_api import AirflowApi
from tests.end_to_end.world import FINAL, wait_for
from tests.support.localaws import make_client
from tests.support.queries import fetch_rows, run_query
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
            "settle_seconds": 0,
        }
    },
}
REGION = "eu-west-1"


def configuration(number: int) -> Any:
    """That of one stack, whose entity has a name of its own."""
    made = copy.deepcopy(CONFIGURATION)
    made["entities"] = {f"parcels_{number}": made["entities"]["parcels"]}  # type: ignore[index]
    return made


class Commands:
    """The stack's commands on a state folder of their own."""

    def __init__(self, folder: Path, number: int = 0) -> None:
        folder.mkdir(exist_ok=True)
        self.state = folder / "state"
        self.config = folder / "lake.json"
        self.entity = f"parcels_{number}"
        self.write(configuration(number))
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

    def write(self, settings: Any) -> None:
        """Write the configuration."""
        self.config.write_text(json.dumps(settings))

    def settings(self) -> Any:
        """The configuration as it was written last."""
        return json.loads(self.config.read_text())

    def run(self, command: str, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "scripts.stack", command, "--state", str(self.state), *options],
            cwd=REPOSITORY,
            env=self.env,
            capture_output=True,
            text=True,
        )

    def do(self, command: str) -> str:
        """Run a command that has to succeed; returns what it says."""
        done = self.run(command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

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

    def variables(self) -> dict[str, str]:
        """What a shell that loads the file has."""
        shell = f"set -eu; . {shlex.quote(str(self.state / 'env'))}; env -0"
        exported = subprocess.run(["bash", "-c", shell], env={}, capture_output=True, text=True, check=True).stdout
        return dict(line.split("=", 1) for line in exported.split("\0") if line)

    def client(self, service: str) -> Any:
        """A client of the local AWS."""
        return make_client(service, self.variables()["AWS_ENDPOINT_URL"], REGION)

    def api(self) -> AirflowApi:
        """A client of Airflow."""
        return AirflowApi(self.variables()["AIRFLOW_URL"], timeout=300)

    def dags(self) -> set[str]:
        """The DAGs that load."""
        return {dag["dag_id"] for dag in self.api().get("/dags")["dags"] if dag["dag_id"].startswith("load_")}

    def put(self, key: str, text: str) -> None:
        """Put a source file, which the low-latency lane loads."""
        self.client("s3").put_object(Bucket=self.variables()["LAKE_SOURCE_BUCKET"], Key=key, Body=text.encode())

    def rows(self, sql: str) -> list[tuple[str | None, ...]]:
        """What Athena answers; no rows while there is no table yet."""
        context = {"QueryExecutionContext": {"Database": self.variables()["LAKE_DATABASE"]}}
        done = run_query(self.client("athena"), sql, WorkGroup=self.variables()["LAKE_WORKGROUP"], **context)
        if done["Status"]["State"] == "FAILED":
            assert "TABLE_NOT_FOUND" in done["Status"]["StateChangeReason"]
            return []
        return fetch_rows(self.client("athena"), done["QueryExecutionId"])[1:]

    def loaded(self, key: str, text: str, sql: str, rows: list[tuple[str, ...]]) -> None:
        """Put a file, and wait for its rows."""
        self.put(key, text)
        wait_for(lambda: self.rows(sql), lambda found: found == rows, f"the rows of {key}")

    def is_up(self) -> bool:
        return self.run("status").returncode == 0


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Commands]:
    commands = Commands(tmp_path)
    yield commands
    commands.run("forget")


@dataclass(frozen=True)
class Seen:
    """What there was of a stack while another one ran beside it."""

    entity: str
    variables: dict[str, str]
    dags: set[str]
    addresses: set[str]


def _look(one: Commands) -> Seen:
    places = {c.laddr for process in one.processes() for c in connections_of(process)}
    return Seen(one.entity, one.variables(), one.dags(), {f"http://{place.ip}:{place.port}" for place in places})


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Commands, list[Seen]]]:
    """One of two stacks that were started at once, and what was seen of both; the other is gone."""
    folder = tmp_path_factory.mktemp("pair")
    pair = Commands(folder / "one", 1), Commands(folder / "two", 2)
    with ThreadPoolExecutor() as pool:
        try:
            list(pool.map(lambda one: one.do("up"), pair))
            seen = list(map(_look, pair))
            pair[1].do("forget")
            yield pair[0], seen
        finally:
            list(pool.map(lambda one: one.run("forget"), pair))


@pytest.fixture
def stack(pair: tuple[Commands, list[Seen]]) -> Commands:
    """A stack that is up."""
    assert pair[0].is_up()
    return pair[0]


def answers_to_its_own_names_alone(url: str) -> None:
    """A web page may come by a name of its own that points here."""
    for path in ("/", "/api/v2/dags", "/lake/", "/_localaws/clock"):
        foreign = requests.get(f"{url}{path}", headers={"Host": "rebound.example:80"}, timeout=30)
        assert foreign.status_code in (400, 403), path
    assert requests.get(f"{url}/", headers={"Host": f"localhost:{url.rsplit(':', 1)[1]}"}, timeout=30).ok


def test_two_that_start_at_once_do_not_take_each_other_for_themselves(pair: tuple[Commands, list[Seen]]) -> None:
    """Both want the port 8080, and one gets it at most."""
    _, seen = pair
    for name in ("AIRFLOW_URL", "AWS_ENDPOINT_URL"):
        assert len({one.variables[name] for one in seen}) == 2, name
        assert all(one.variables[name] in one.addresses for one in seen), name
    assert all(f"load_{one.entity}" in one.dags for one in seen)
    assert not seen[0].dags & seen[1].dags


def test_what_is_up_is_said_to_shells_and_listens_on_this_machine_alone(stack: Commands) -> None:
    file, variables = stack.state / "env", stack.variables()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert variables.keys() >= NAMES
    assert variables["AWS_DEFAULT_REGION"] == REGION
    assert variables["LAKE_CONFIG"] == str(stack.config)
    assert variables["LAKE_FILE_QUEUE_URL"].endswith("/never_seen")
    assert variables["LAKE_FILE_DLQ_URL"].endswith("/never_seen-dlq")
    assert variables["LAKE_ALERT_TOPIC_ARN"] == "arn:aws:sns:eu-west-1:123456789012:lakelanes_alerts"
    assert set(stack.api().health().values()) == {"healthy"}

    urls = {variables["AIRFLOW_URL"], variables["AWS_ENDPOINT_URL"]}
    for url in urls:
        answers_to_its_own_names_alone(url)
    listening = {
        connection.laddr
        for process in stack.processes()
        for connection in connections_of(process)
        if connection.status == psutil.CONN_LISTEN
    }
    # And the API that tasks talk to, which nobody else needs.
    assert {f"http://{address.ip}:{address.port}" for address in listening} > urls
    assert (len(listening), {address.ip for address in listening}) == (3, {"127.0.0.1"})
    home = Path(variables["AIRFLOW_HOME"])
    for secret in (home / "airflow.cfg", home, stack.state / "running.json"):
        assert stat.S_IMODE(secret.stat().st_mode) & 0o077 == 0, secret
    said = stack.do("status")
    for name in ("aws", "api-server", "execution-api", "scheduler", "triggerer", "dag-processor"):
        assert f"{name} " in said


def test_up_again_changes_nothing_where_nothing_has_changed(stack: Commands) -> None:
    components = {process.pid for process in stack.processes()} & stack.sessions()
    assert len(components) == 6
    assert "up already" in stack.do("up")
    assert {process.pid for process in stack.processes()} >= components


def test_a_change_is_taken_over_by_functions_and_airflow_and_the_data_stay(stack: Commands) -> None:
    select = "SELECT parcel_id, weight FROM parcels WHERE day = '11'"
    stack.loaded("parcels_2024_03_11.csv", "parcel_id,weight\np1,1.50\n", select, [("p1", "1.50")])
    settings = stack.settings()
    returns = {**settings["entities"][stack.entity], "table_name": "returns"}
    returns["filename_pattern"] = returns["filename_pattern"].replace("parcels", "returns")
    stack.write({**settings, "entities": {**settings["entities"], "returns": returns}, "deployment": {"log_days": 14}})
    said = stack.do("up")
    for line in ("entities.returns: the entity is new", 'deployment: now {"log_days": 14}, before not set'):
        assert line in said
    assert {"load_returns", f"load_{stack.entity}"} <= stack.dags()
    stack.loaded("returns_2024_03_11.csv", "parcel_id,weight\nr1,2\n", "SELECT parcel_id FROM returns", [("r1",)])
    assert stack.rows(select) == [("p1", "1.50")]

    # Nothing of an entity that is gone is deleted.
    stack.write(settings)
    assert "entities.returns: the entity is gone; its data stay" in stack.do("up")
    assert stack.rows("SELECT parcel_id FROM returns") == [("r1",)]
    wait_for(stack.dags, lambda dags: "load_returns" not in dags, "the end of load_returns")


def test_what_cannot_be_taken_over_leaves_all_as_it_was(stack: Commands, tmp_path: Path) -> None:
    settings = stack.settings()
    served, before = (stack.state / "served.json").read_bytes(), stack.sessions()
    renamed = {**settings, "resources": {**settings["resources"], "ledger_table": "another_ledger"}}
    other = {**settings, "resources": {**settings["resources"], "analytics_bucket": "another-lake"}}
    added = {**settings["entities"], "more": {**settings["entities"][stack.entity], "table_name": "more"}}
    try:
        for faulty, why in (
            ({**settings, "entities": {**added, "more": {**added["more"], "table_name": "no name"}}}, "table_name"),
            (renamed, "Nothing was changed: the configuration of before is served"),
            (other, "is another lake"),
        ):
            stack.write(faulty)
            up = stack.run("up")
            assert up.returncode == 1 and why in up.stderr, up.stdout + up.stderr
            assert "Traceback" not in up.stderr
            assert (stack.state / "served.json").read_bytes() == served
            assert stack.sessions() == before, "Airflow noticed nothing"
    finally:
        stack.write(settings)
    assert "up already" in stack.do("up")
    assert set(stack.api().health().values()) == {"healthy"}
    assert stack.dags() == {f"load_{stack.entity}"}
    select = "SELECT parcel_id FROM parcels WHERE day = '12'"
    stack.loaded("parcels_2024_03_12.csv", "parcel_id,weight\np2,3\n", select, [("p2",)])


def _run(stack: Commands, day: str) -> Any:
    """A run of Airflow's, once it has ended."""
    dag = f"/dags/load_{stack.entity}/dagRuns"
    run = stack.api().post(dag, {"logical_date": None, "conf": {"partition": day}})
    path = f"{dag}/{run['dag_run_id']}"
    return wait_for(lambda: stack.api().get(path), lambda found: found["state"] in FINAL, path)


def _held(stack: Commands, run: Any) -> dict[str, Any]:
    """What there is of a lake."""
    ledger = stack.client("dynamodb").scan(TableName=stack.variables()["LAKE_LEDGER_TABLE"])["Items"]
    return {
        "rows": stack.rows("SELECT parcel_id, weight FROM parcels WHERE day IN ('13', '14') ORDER BY 1"),
        "ledger": sorted(json.dumps(item, sort_keys=True) for item in ledger if "2024_03_13" in json.dumps(item)),
        "items": stack.client("dynamodb").scan(TableName="shop")["Items"],
        "run": stack.api().get(f"/dags/load_{stack.entity}/dagRuns/{run['dag_run_id']}")["state"],
    }


def test_down_keeps_the_lake_and_up_finds_it_again_and_killed_it_is_as_it_was_kept(stack: Commands) -> None:
    select = "SELECT parcel_id FROM parcels WHERE day = '13'"
    stack.loaded("parcels_2024_03_13.csv", "parcel_id,weight\nk1,1.25\nk2,2\n", select, [("k1",), ("k2",)])
    dynamodb = stack.client("dynamodb")
    key: Any = {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"}
    dynamodb.create_table(TableName="shop", AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}], **key)
    dynamodb.put_item(TableName="shop", Item={"id": {"S": "o1"}, "price": {"N": "12345678901234567890.123456"}})
    run = _run(stack, "2024-03-13")
    assert run["state"] == "success"
    held, processes = _held(stack, run), stack.processes()

    down = stack.do("down")
    assert "kept of the lake never-seen-lake-123456789012-eu-west-1: " in down and "2 DynamoDB tables" in down
    assert psutil.wait_procs(processes, timeout=10)[1] == []
    assert not (stack.state / "env").exists()
    assert "nothing was up" in stack.do("down")
    status = stack.run("status")
    assert (status.returncode, "kept of the lake never-seen-lake" in status.stdout) == (3, True)

    assert "2 DynamoDB tables" in stack.do("up")
    assert _held(stack, run) == held
    stack.loaded("parcels_2024_03_14.csv", "parcel_id,weight\nk3,3\n", select.replace("13", "14"), [("k3",)])

    # What comes after that is lost if the local AWS is killed, and Airflow's runs do not speak of it.
    lost = _run(stack, "2024-03-14")
    [aws] = [one for one in json.loads((stack.state / "processes.json").read_text()) if one["name"] == "aws"]
    os.kill(aws["pid"], signal.SIGKILL)
    up = stack.do("up")
    assert "was not stopped in order" in up and "they are as they were on 20" in up
    assert _held(stack, run) == held
    runs = stack.api().get(f"/dags/load_{stack.entity}/dagRuns")["dag_runs"]
    assert lost["dag_run_id"] not in {each["dag_run_id"] for each in runs}


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
