"""The whole stack on this machine: the local AWS with the infrastructure deployed to it, and Airflow's components.

    python -m scripts.stack up [--config FILE] [--state DIR] [--port PORT]
    python -m scripts.stack down [--state DIR]
    python -m scripts.stack status [--state DIR]

Everything listens on 127.0.0.1 only and is kept in the state folder (.local): ``env`` for the shell, ``logs/``,
``airflow/`` (AIRFLOW_HOME) and ``aws-state/``. Stacks with different state folders run beside each other. Each start
begins with an empty lake and an empty Airflow, for the local AWS keeps its objects in memory, and runs that speak of
objects that are gone would mislead.
"""

from __future__ import annotations

import argparse
import configparser
import contextlib
import fcntl
import json
import os
import secrets
import selectors
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
import requests
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lakelanes.config.loading import load_config, resolved_text
from lakelanes.config.model import LakeConfig
from lakelanes.errors import ConfigError
from scripts import build_kernel
from scripts.airflow_api import AirflowApi, AirflowError
from scripts.deploy import DeployError, attach_streams, deploy, stream_tables, upload_functions
from scripts.layer import PYTHON as FUNCTION_PYTHON
from scripts.layer import LayerError, local_layer, local_python, this_architecture, version_of
from scripts.package import function_bundle
from scripts.processes import ManagedProcess, ProcessTable, guard
from scripts.sample_orders import KEY
from scripts.worker_user import make_worker_user

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
UI_PORT = 8080
LOCAL_ACCOUNT = "000000000000"
# Five processes that import Airflow: on a machine with much else to do that takes minutes.
START_SECONDS = 300.0
POLL_SECONDS = 0.2
# Instances of the function for files; each is a process that needs a core.
FUNCTION_INSTANCES = 2
# Short, for somebody is watching, and objects are few.
STREAM_BATCH_SECONDS = "1"


class StackError(Exception):
    """The stack did not start or is not there; the text says which part, with the end of its log."""


# Errors that keep a stack from starting; their texts are for the user.
FAULTS = (
    AirflowError,
    BotoCoreError,
    ClientError,
    ConfigError,
    DeployError,
    LayerError,
    StackError,
    requests.RequestException,
)


class Stack:
    """A local AWS and an Airflow for one configuration, in one state folder.

    As a context manager it starts and stops the stack, and a guard process stops it even if this process is killed.
    """

    def __init__(
        self,
        root: Path = ROOT,
        config_path: Path | str | None = None,
        *,
        state: Path | None = None,
        port: int | None = None,
        env: Mapping[str, str] | None = None,
        dags: Path | None = None,
        airflow: Mapping[str, Mapping[str, object]] | None = None,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        """``config_path`` defaults to ``$LAKE_CONFIG``, else include/lake.json; ``port`` is the UI's (a free one);
        ``dags`` is the folder of the DAG files (the repository's); ``airflow`` has options of airflow.cfg, by section,
        that go before the stack's own."""
        self.root = root.resolve()
        self.state = (state or self.root / ".local").resolve()
        self.env = dict(os.environ if env is None else env)
        self.env.setdefault("AWS_ACCOUNT_ID", LOCAL_ACCOUNT)
        named = config_path or self.env.get("LAKE_CONFIG") or self.root / "include" / "lake.json"
        self.config_path = Path(named).resolve()
        self.port = port
        self.dags = dags or self.root / "dags"
        self.airflow = airflow or {}
        self.say = say
        self.endpoint_url = ""
        self.airflow_url = ""
        self._execution_url = ""
        self.outputs: Mapping[str, str] = {}
        self._worker: Mapping[str, str] = {}
        self._config: LakeConfig | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._started: ProcessTable | None = None

    def __enter__(self) -> Stack:
        self.start(guarded=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def config(self) -> LakeConfig:
        """The configuration the stack serves. Raises ConfigError."""
        if self._config is None:
            self._config = load_config(self.config_path, self.env)
        return self._config

    @property
    def api(self) -> AirflowApi:
        """A client of this Airflow's REST API."""
        return AirflowApi(self.airflow_url)

    @property
    def env_file(self) -> Path:
        """Shell text with the variables of ``environment``."""
        return self.state / "env"

    @property
    def environment(self) -> dict[str, str]:
        """What a shell needs to work with the running stack. Its credentials are an administrator's: Airflow's
        processes and the functions have others, with the rights that the deployment gives them."""
        resources = self.config.resources
        return {
            **self._aws_environment(),
            "AIRFLOW_URL": self.airflow_url,
            "AIRFLOW_HOME": str(self._airflow_home),
            "LAKE_CONFIG": str(self.config_path),
            "LAKE_SOURCE_BUCKET": resources.source_bucket,
            "LAKE_ANALYTICS_BUCKET": resources.analytics_bucket,
            "LAKE_DATABASE": resources.glue_database,
            "LAKE_WORKGROUP": resources.workgroup_name,
            "LAKE_LEDGER_TABLE": resources.ledger_table,
            "LAKE_FILE_QUEUE_URL": self.outputs.get("FileQueueUrl", ""),
            "LAKE_FILE_DLQ_URL": self.outputs.get("FileDeadLetterQueueUrl", ""),
            "LAKE_STREAM_FAILURE_QUEUE_URL": self.outputs.get("StreamFailureQueueUrl", ""),
            "LAKE_ALERT_TOPIC_ARN": self.outputs.get("AlertTopicArn", ""),
        }

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client of the local AWS, whatever profile or proxy this process is set to."""
        aws = self._aws_environment()
        nowhere = (None, None, os.devnull, None)
        core = botocore.session.Session(
            {"profile": (None, None, None, None), "config_file": nowhere, "credentials_file": nowhere}
        )
        session = boto3.session.Session(
            aws["AWS_ACCESS_KEY_ID"],
            aws["AWS_SECRET_ACCESS_KEY"],
            region_name=aws["AWS_DEFAULT_REGION"],
            botocore_session=core,
        )
        return session.client(service, endpoint_url=self.endpoint_url, config=Config(proxies={}), **options)  # type: ignore[call-overload]

    def running(self) -> list[ManagedProcess]:
        """The recorded processes that run."""
        return [process for process in self._table().processes if process.exit_code() is None]

    def start(self, *, guarded: bool = False) -> bool:
        """Start everything and return when all of it is healthy and the DAGs are parsed.

        Returns False, having done nothing, when the stack of this state folder runs already. ``guarded`` ties its life
        to this process. Raises ConfigError, DeployError, LayerError or StackError; whatever had been started is stopped
        then.
        """
        with self._lock():
            table = self._table()
            config = self.config
            if table.processes and all(process.exit_code() is None for process in table.processes):
                self._check_served()
                return False
            table.stop()
            self._clear()
            if guarded:
                self._guard = guard(table.records, self.root)
            try:
                self._start(table, config)
            except BaseException:
                table.stop()
                self._release_guard()
                raise
            self._started = table
        return True

    def _check_served(self) -> None:
        """Raises StackError when the running stack serves another configuration than this one."""
        wanted = f"LAKE_CONFIG={shlex.quote(str(self.config_path))}"
        if self.env_file.exists() and wanted not in self.env_file.read_text().splitlines():
            raise StackError(f"a stack with another configuration runs already (see {self.env_file}): stop it first")

    def stop(self) -> bool:
        """Stop everything; returns whether there was anything to stop."""
        with self._lock():
            table = self._table()
            found = bool(table.processes)
            table.stop()
            self.env_file.unlink(missing_ok=True)
            self._release_guard()
            self._started = None
        return found

    def _start(self, table: ProcessTable, config: LakeConfig) -> None:
        started = time.monotonic()
        deadline = started + START_SECONDS
        with _reserved(self.port) as port, _reserved(None) as execution_port:
            self.airflow_url = f"http://{HOST}:{port}"
            self._execution_url = f"http://{HOST}:{execution_port}/execution/"
            if config.airflow_url is None:
                # So that the functions' alerts have links to this Airflow, whose port nobody knew before.
                config = config.model_copy(update={"airflow_url": self.airflow_url})
            self._start_all(table, config, started, deadline)
        self._write_env()

    def _start_all(self, table: ProcessTable, config: LakeConfig, started: float, deadline: float) -> None:
        self._configure_airflow()
        migration = self._airflow(table, "migration", ["db", "migrate"])
        self._start_aws(table, config, deadline)
        self.say(f"local AWS at {self.endpoint_url} ({time.monotonic() - started:.0f} s)")
        self._deploy(config)
        self.say(f"infrastructure deployed ({time.monotonic() - started:.0f} s)")
        if (code := _wait_for_end(migration, deadline)) != 0:
            raise StackError(f"airflow db migrate ended with code {code}; {migration.log} ends:\n{migration.tail()}")
        table.forget(migration)
        components = [self._airflow(table, name, command) for name, command in self._components().items()]
        self._wait_healthy(components, deadline)
        self.say(f"Airflow at {self.airflow_url} ({time.monotonic() - started:.0f} s)")
        self._wait_parsed(components, deadline)
        self.say(f"DAGs parsed ({time.monotonic() - started:.0f} s)")

    def _start_aws(self, table: ProcessTable, config: LakeConfig, deadline: float) -> None:
        python = local_python(self.env)
        if not python.exists():
            raise StackError(f"no interpreter at {python}: run `make setup`")
        process = table.start(
            "aws",
            [python, "-m", "localaws", "--port", "0", "--state", self.state / "aws-state"],
            env={
                **self._clean_environment(),
                "PYTHONPATH": str(self.root),
                "MINISTACK_ACCOUNT_ID": config.aws.account_id,
                "MINISTACK_REGION": config.aws.region,
                "LOCALAWS_LAYERS": str(self.root / ".local" / "cache" / "layers"),
                # Every part under its own role, as on AWS.
                "AUTH": "true",
            },
            cwd=self.root,
            log=self.state / "logs" / "aws.log",
            stdout=subprocess.PIPE,
        )
        assert process.popen is not None
        assert process.popen.stdout is not None
        line = ""
        with selectors.DefaultSelector() as selector:
            selector.register(process.popen.stdout, selectors.EVENT_READ)
            if selector.select(max(0.0, deadline - time.monotonic())):
                line = process.popen.stdout.readline().decode()
        if not line.startswith("localaws ready "):
            raise StackError(f"the local AWS did not start; {process.log} ends:\n{process.tail()}")
        self.endpoint_url = line.split()[-1]

    def _deploy(self, config: LakeConfig) -> None:
        settings = {**json.loads(resolved_text(self.config_path, self.env)), "airflow_url": config.airflow_url}
        text = json.dumps(settings, indent=2, ensure_ascii=False)
        # For this machine's processor, which runs the functions here.
        python = local_python(self.env)
        bundle = function_bundle(self.state / "functions.zip", text, build_kernel.of_this_machine(), python=python)
        if (version := version_of(python)) != FUNCTION_PYTHON:
            self.say(f"the functions run on Python {version} here, and on {FUNCTION_PYTHON} on AWS")
        layer = local_layer(python)
        parameters = {
            **upload_functions(config, self.client("s3"), bundle, layer, this_architecture()),
            # The local AWS speaks plain HTTP, which buckets that insist on TLS would refuse.
            "RequireTls": "false",
            "FastLaneConcurrency": str(FUNCTION_INSTANCES),
        }
        if orders := config.tables.get("orders"):
            keys = [(column.attribute, column.type.text) for column in orders.columns if column.name in orders.keys]
            # Where nothing is yet, the sample's table may be made; on AWS that is for its owner to say.
            if keys == [(KEY, "string")]:
                parameters["OrdersTableName"] = orders.dynamodb_table
        clients = self.client("cloudformation"), self.client("sts")
        done = deploy(config, *clients, parameters=parameters, s3=self.client("s3"))
        self.outputs = done.outputs
        self._worker = make_worker_user(self.client("iam"), done.outputs)
        self._check_athena()
        self._check_function(done.outputs["FileProcessor"], FUNCTION_INSTANCES)
        self._attach_streams(config)

    def _attach_streams(self, config: LakeConfig) -> None:
        """Lets the function read the streams of the tables that are there: those that an application has yet to make
        have none."""
        dynamodb = self.client("dynamodb")
        there = {name for page in dynamodb.get_paginator("list_tables").paginate() for name in page["TableNames"]}
        tables = [table for table in stream_tables(config) if table.dynamodb_table in there]
        if not tables:
            return
        # A shard is read by one instance, and a table has one here.
        self._check_function(self.outputs["StreamProcessor"], 1)
        cloudformation = self.client("cloudformation")
        parameters = {"StreamBatchSeconds": STREAM_BATCH_SECONDS}
        attach_streams(config, self.outputs, cloudformation, dynamodb, tables=tables, parameters=parameters)

    def _check_athena(self) -> None:
        """Raises StackError unless Athena answers; its first question is the one that takes seconds."""
        client, workgroup = self.client("athena"), self.config.resources.workgroup_name
        query = client.start_query_execution(QueryString="SELECT 1", WorkGroup=workgroup)["QueryExecutionId"]
        deadline = time.monotonic() + START_SECONDS
        while True:
            status = client.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
            if status["State"] == "SUCCEEDED":
                return
            if status["State"] in ("FAILED", "CANCELLED") or time.monotonic() > deadline:
                raise StackError(f"Athena does not answer: {status['State']} {status.get('StateChangeReason', '')}")
            time.sleep(POLL_SECONDS)

    def _check_function(self, name: str, instances: int) -> None:
        """Starts instances of the function with a batch of nothing; raises StackError when one fails."""
        client = self.client("lambda")

        def start(_: int) -> str:
            answer = client.invoke(FunctionName=name, Payload=json.dumps({"Records": []}))
            reply: str = answer["Payload"].read().decode()
            return "" if "FunctionError" not in answer and json.loads(reply) == {"batchItemFailures": []} else reply

        with ThreadPoolExecutor(instances) as pool:
            if faults := list(filter(None, pool.map(start, range(instances)))):
                raise StackError(f"the function {name} does not work: {faults[0]}")

    def _components(self) -> dict[str, list[str]]:
        """Airflow's processes, with the command of each."""
        port = str(urlsplit(self._execution_url).port)
        return {
            "api-server": ["api-server", "--apps", "core"],
            # What tasks talk to is a process of its own. In one with the UI's API, a task's transaction that has
            # SQLite's only lock waits for the event loop to commit it, while the loop waits for that lock to log what a
            # user asked for.
            "execution-api": ["api-server", "--apps", "execution", "--port", port],
            # Their log servers would listen on all interfaces; the api-server reads the log files instead.
            "scheduler": ["scheduler", "--skip-serve-logs"],
            "triggerer": ["triggerer", "--skip-serve-logs"],
            "dag-processor": ["dag-processor"],
        }

    def _wait_healthy(self, components: list[ManagedProcess], deadline: float) -> None:
        api = self.api
        while True:
            health = {**api.health(), "execution_api": _health(f"{self._execution_url}health")}
            if all(status == "healthy" for status in health.values()):
                return
            self._check_alive(components)
            if time.monotonic() > deadline:
                ill = ", ".join(f"{part} {status}" for part, status in health.items() if status != "healthy")
                tails = "\n".join(f"{process.log} ends:\n{process.tail(10)}" for process in components)
                raise StackError(f"Airflow is not healthy after {START_SECONDS:.0f} s: {ill}\n{tails}")
            time.sleep(POLL_SECONDS)

    def _wait_parsed(self, components: list[ManagedProcess], deadline: float) -> None:
        api, wanted = self.api, expected_dags(self.config, self.dags)
        while True:
            missing = wanted - {dag["dag_id"] for dag in _pages(api, "/dags", "dags")}
            if not missing:
                return
            errors = _pages(api, "/importErrors", "import_errors")
            if errors:
                texts = "\n".join(f"{error['filename']}:\n{error['stack_trace']}" for error in errors)
                raise StackError(f"Airflow cannot import a DAG file:\n{texts}")
            self._check_alive(components)
            if time.monotonic() > deadline:
                raise StackError(f"Airflow has not parsed after {START_SECONDS:.0f} s: {', '.join(sorted(missing))}")
            time.sleep(POLL_SECONDS)

    def _check_alive(self, components: list[ManagedProcess]) -> None:
        for process in components:
            if (code := process.exit_code()) is not None:
                raise StackError(
                    f"airflow {process.name} ended with exit code {code}; {process.log} ends:\n{process.tail()}"
                )

    def _airflow(self, table: ProcessTable, name: str, command: list[str]) -> ManagedProcess:
        return table.start(
            name,
            [sys.executable, "-m", "airflow", *command],
            env={**self._clean_environment(), **self._aws_environment(), **self._worker, **self._airflow_environment()},
            # What lies in the working directory is importable, and nothing of the repository must be by that way.
            cwd=self._airflow_home,
            log=self.state / "logs" / f"{name}.log",
        )

    def _configure_airflow(self) -> None:
        """Write airflow.cfg, which holds the secrets and so is the owner's alone to read."""
        home = self._airflow_home
        settings: dict[str, dict[str, object]] = {
            "core": {
                "dags_folder": self.dags,
                "plugins_folder": self.root / "plugins",
                "executor": "LocalExecutor",
                # Each slot is a forked worker; more of them than this only wait for the cores of a laptop.
                "parallelism": 4,
                "execution_api_server_url": self._execution_url,
                "load_examples": False,
                "dagbag_import_timeout": 120,
                # The lake is to fill itself as soon as files are there.
                "dags_are_paused_at_creation": False,
                "simple_auth_manager_all_admins": True,
                "hostname_callable": "socket.gethostname",
                "fernet_key": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            },
            "database": {"sql_alchemy_conn": f"sqlite:///{home / 'airflow.db'}"},
            "api": {
                "host": HOST,
                "port": self.airflow_url.rsplit(":", 1)[1],
                "base_url": self.airflow_url,
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
        for given in (settings, self.airflow):
            parser.read_dict(
                {
                    section: {key: str(value).replace("%", "%%") for key, value in values.items()}
                    for section, values in given.items()
                }
            )
        with _private_file(home / "airflow.cfg") as file:
            parser.write(file)

    def _write_env(self) -> None:
        environment = self.environment
        with _private_file(self.env_file) as file:
            file.writelines(f"{name}={shlex.quote(value)}\n" for name, value in environment.items())
            file.write(f"export {' '.join(environment)}\n")

    @property
    def _airflow_home(self) -> Path:
        return self.state / "airflow"

    def _airflow_environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(Path(sys.executable).parent), self.env.get("PATH", os.defpath)])
        return {
            "AIRFLOW_HOME": str(self._airflow_home),
            "LAKE_CONFIG": str(self.config_path),
            # With these two it can send an alert on a configuration that it cannot read.
            "LAKE_ALERT_TOPIC_ARN": self.outputs.get("AlertTopicArn", ""),
            "LAKE_LEDGER_TABLE": self.config.resources.ledger_table,
            "PATH": path,
        }

    def _aws_environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": self.config.aws.region,
            "AWS_ACCOUNT_ID": self.config.aws.account_id,
        }

    def _clean_environment(self) -> dict[str, str]:
        """The user's environment without what points Python, Airflow or AWS clients elsewhere than at this stack."""
        env = {
            name: value
            for name, value in self.env.items()
            if not name.startswith(("AIRFLOW_", "AWS_", "MINISTACK_", "PYTHON", "COV_CORE_")) and name != "VIRTUAL_ENV"
        }
        direct = ",".join(filter(None, [env.get("no_proxy") or env.get("NO_PROXY"), HOST, "localhost"]))
        return {
            **env,
            "AWS_ACCOUNT_ID": self.env["AWS_ACCOUNT_ID"],
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": direct,
            "no_proxy": direct,
        }

    def _clear(self) -> None:
        for folder in ("airflow", "aws-state", "logs"):
            shutil.rmtree(self.state / folder, ignore_errors=True)
            (self.state / folder).mkdir(mode=0o700, parents=True)

    def _table(self) -> ProcessTable:
        return self._started or ProcessTable(self.state / "processes.json")

    def _release_guard(self) -> None:
        if self._guard is not None:
            assert self._guard.stdin is not None
            self._guard.stdin.close()
            self._guard.wait()
            self._guard = None

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        self.state.mkdir(parents=True, exist_ok=True)
        with (self.state / "stack.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


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


def _pages(api: AirflowApi, path: str, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = api.get(path, limit=100, offset=len(found))
        found += page[key]
        if not page[key] or len(found) >= page["total_entries"]:
            return found


def _wait_for_end(process: ManagedProcess, deadline: float) -> int:
    assert process.popen is not None
    try:
        return process.popen.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise StackError(f"{process.name} has not ended; {process.log} ends:\n{process.tail()}") from None


@contextlib.contextmanager
def _private_file(path: Path) -> Iterator[Any]:
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        yield file


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


@contextlib.contextmanager
def _reserved(wanted: int | None) -> Iterator[int]:
    """The wanted port, which has to be free, or any free one; nobody else is given it while its server starts.

    The socket is bound and does not listen, and lets those bind who say SO_REUSEADDR, as servers do. Where that is not
    so (not on Linux), it is given up at once.
    """
    if wanted is not None and not _is_free(wanted):
        raise StackError(f"port {wanted} of {HOST} is taken; choose another one")
    with socket.socket() as holder:
        if wanted is not None:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((HOST, wanted or 0))
        port = int(holder.getsockname()[1])
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sys.platform != "linux":
            holder.close()
        yield port


def _health(url: str) -> str:
    """The status that a component's own address answers with; "unreachable" while it starts."""
    with requests.Session() as session:
        # It is on this machine: no proxy.
        session.trust_env = False
        try:
            return str(session.get(url, timeout=5).json()["status"])
        except (requests.RequestException, ValueError, KeyError):
            return "unreachable"


def _up(arguments: argparse.Namespace) -> int:
    port = arguments.port or (UI_PORT if _is_free(UI_PORT) else None)
    stack = Stack(config_path=arguments.config, state=arguments.state, port=port, say=print)
    if stack.start():
        print(f"up: see {stack.airflow_url}, and load {stack.env_file} into a shell")
    else:
        print(f"up already: its addresses are in {stack.env_file}")
    return 0


def _down(arguments: argparse.Namespace) -> int:
    print("down" if Stack(state=arguments.state).stop() else "nothing was up")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    stack = Stack(state=arguments.state)
    processes = stack._table().processes
    for process in processes:
        code = process.exit_code()
        print(f"{process.name:14} {'running' if code is None else 'gone'}, process {process.pid}, log {process.log}")
    if processes:
        print(stack.env_file.read_text() if stack.env_file.exists() else "starting")
    else:
        print("nothing is up")
    return 0 if stack.running() else 3


def _terminate(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, run in (("up", _up), ("down", _down), ("status", _status)):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        command.add_argument("--state", type=Path, help="state folder (default: .local)")
        if name == "up":
            command.add_argument("--config", type=Path, help="default: $LAKE_CONFIG, else include/lake.json")
            command.add_argument("--port", type=int, help="port of Airflow's UI (default: 8080, or a free one)")
    arguments = parser.parse_args()
    # A start that gets SIGTERM stops what it has started so far.
    signal.signal(signal.SIGTERM, _terminate)
    try:
        return int(arguments.run(arguments))
    except FAULTS as error:
        print(f"stack: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
