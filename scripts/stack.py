"""The whole stack on this machine: the local AWS with the infrastructure deployed to it, and Airflow's components.

    python -m scripts.stack up [--config FILE] [--state DIR] [--port PORT]
    python -m scripts.stack down [--state DIR]
    python -m scripts.stack forget [--state DIR]
    python -m scripts.stack status [--state DIR]

Everything listens on 127.0.0.1 only and is kept in the state folder (.local): ``env`` for the shell, ``logs/``,
``aws-state/``, and ``lakes/`` with what is kept of each lake while it is down (scripts/kept_lake.py). ``up`` on a stack
that runs takes over a configuration that has changed, or leaves all as it is. Stacks with different state folders run
beside each other.

As a context manager, for tests and the demo, a stack begins with an empty lake and keeps nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import selectors
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import boto3
import botocore.session
import requests
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lakelanes.config.loading import load_config, parse_config, resolved_text
from lakelanes.config.model import LakeConfig
from lakelanes.errors import ConfigError
from scripts.airflow_api import AirflowApi, AirflowError
from scripts.airflow_processes import (
    DAG_PROCESSOR,
    NAMES,
    POLL_SECONDS,
    START_SECONDS,
    LocalAirflow,
    private_file,
    wait_for_end,
)
from scripts.config_changes import changes
from scripts.deploy import DeployError
from scripts.kept_lake import KeptLake, kept_lakes, lake_name
from scripts.layer import LayerError, local_python
from scripts.local_deployment import LocalDeployment
from scripts.ports import HOST, reserved
from scripts.processes import ManagedProcess, ProcessTable, guard

# Those who start a stack take this from here.
from scripts.processes import StackError as StackError
from scripts.worker_user import attach_policies, make_worker_user

ROOT = Path(__file__).resolve().parent.parent
UI_PORT = 8080
LOCAL_ACCOUNT = "000000000000"
AWS = "aws"
# As long as the file grows, the local AWS is waited for.
STALLED_SECONDS = 60.0
TOLD_SECONDS = 2.0

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


@dataclass
class Running:
    """What a stack that runs serves, for the commands after the one that started it."""

    lake: str
    keep: bool
    config: str
    endpoint_url: str = ""
    airflow_url: str = ""
    execution_url: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    # What Airflow's processes have in their environment: the key of their user (so the file is the owner's alone to
    # read), and names that the deployment gives.
    worker: dict[str, str] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)


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
        preferred_port: int | None = None,
        keep: bool = False,
        env: Mapping[str, str] | None = None,
        dags: Path | None = None,
        airflow: Mapping[str, Mapping[str, object]] | None = None,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        """``config_path`` defaults to ``$LAKE_CONFIG``, else include/lake.json; ``port`` is the UI's (the preferred one
        if it is free, else any); ``keep``: begin with what was kept of the lake, and keep it at the end; ``dags`` is
        the folder of the DAG files (the repository's); ``airflow`` has options of airflow.cfg, by section, that go
        before the stack's own."""
        self.root = root.resolve()
        self.state = (state or self.root / ".local").resolve()
        self.env = dict(os.environ if env is None else env)
        self.env.setdefault("AWS_ACCOUNT_ID", LOCAL_ACCOUNT)
        named = config_path or self.env.get("LAKE_CONFIG") or self.root / "include" / "lake.json"
        self.config_path = Path(named).resolve()
        self.port = port
        self.preferred_port = preferred_port
        self.keep = keep
        self.dags = dags or self.root / "dags"
        self.airflow_options = airflow or {}
        self.say = say
        self.endpoint_url = ""
        self.airflow_url = ""
        self._execution_url = ""
        self.outputs: Mapping[str, str] = {}
        self._worker: Mapping[str, str] = {}
        self._told: Mapping[str, str] = {}
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
        return self.open_api()

    def open_api(self, timeout: float = 30.0) -> AirflowApi:
        """A client of this Airflow's REST API, which waits so many seconds for an answer."""
        return AirflowApi(self.airflow_url, timeout)

    @property
    def env_file(self) -> Path:
        """Shell text with the variables of ``environment``."""
        return self.state / "env"

    @property
    def served_file(self) -> Path:
        """The configuration that Airflow reads. It changes with the functions', and not with the user's file."""
        return self.state / "served.json"

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
            if self._runs(table):
                return False
            self._stop(table)
            self._clear()
            if guarded:
                self._guard = guard(table.records, self.root)
            try:
                self._start(table, config)
            except BaseException:
                self._stop(table)
                self._release_guard()
                raise
            self._started = table
        return True

    def take_over(self) -> list[str] | None:
        """Let a stack that runs serve this configuration; returns what is different, by the settings' paths.

        None, having done nothing, when no stack runs in this state folder. Raises ConfigError, DeployError, LayerError
        or StackError; the configuration of before is served then as it was.
        """
        with self._lock():
            table, running = self._table(), self._read_running()
            if running is None or not self._runs(table):
                return None
            self._check_lake(running)
            self._adopt(running)
            before, after = self.served_file.read_text(encoding="utf-8"), self._served_text(self.config)
            found = changes(json.loads(before), json.loads(after))
            if found:
                self.say(f"taking over {self.config_path}: {len(found)} changes")
                self._serve_or_go_back(table, before, after)
            self._write_env()
            self._write_running()
        return found

    def stop(self) -> bool:
        """Stop everything; returns whether there was anything to stop. Raises StackError, having stopped nothing, when
        the disk has no room for what is to be kept."""
        with self._lock():
            table = self._table()
            found = bool(table.processes)
            self._check_room(table)
            self._stop(table)
            self._release_guard()
            self._started = None
        return found

    def _runs(self, table: ProcessTable) -> bool:
        return bool(table.processes) and all(process.exit_code() is None for process in table.processes)

    def _start(self, table: ProcessTable, config: LakeConfig) -> None:
        started = time.monotonic()
        deadline = started + START_SECONDS
        with reserved(self.port, preferred=self.preferred_port) as port, reserved() as execution_port:
            self.airflow_url = f"http://{HOST}:{port}"
            self._execution_url = f"http://{HOST}:{execution_port}/execution/"
            # From here on the data are open, whoever stops the stack.
            self._write_running()
            self._start_all(table, self._served_text(config), started, deadline)
        self._write_running()
        self._write_env()

    def _start_all(self, table: ProcessTable, text: str, started: float, deadline: float) -> None:
        airflow = self._airflow
        airflow.configure()
        self.served_file.write_text(text, encoding="utf-8")
        migration = airflow.migrate(table, self._airflow_environment())
        self._start_aws(table, deadline)
        self.say(f"local AWS at {self.endpoint_url} ({time.monotonic() - started:.0f} s)")
        self.outputs = self._deployment.deploy(text)
        self._worker = make_worker_user(self.client("iam"), self.outputs)
        self.say(f"infrastructure deployed ({time.monotonic() - started:.0f} s)")
        if (code := wait_for_end(migration, deadline)) != 0:
            raise StackError(f"airflow db migrate ended with code {code}; {migration.log} ends:\n{migration.tail()}")
        table.forget(migration)
        # What came before may have taken long on a busy machine.
        deadline = time.monotonic() + START_SECONDS
        before_parsing = datetime.now(UTC)
        self._told = self._names(self.config)
        airflow.start(table, self._airflow_environment())
        airflow.wait_healthy(table, deadline)
        self.say(f"Airflow at {self.airflow_url} ({time.monotonic() - started:.0f} s)")
        airflow.wait_parsed(self.config, table, before_parsing, deadline)
        self.say(f"DAGs parsed ({time.monotonic() - started:.0f} s)")

    def _start_aws(self, table: ProcessTable, deadline: float) -> None:
        python = local_python(self.env)
        if not python.exists():
            raise StackError(f"no interpreter at {python}: run `make setup`")
        config = self.config
        process = table.start(
            AWS,
            [python, "-m", "localaws", "--port", "0", "--state", self.state / "aws-state"],
            env={
                **self._clean_environment(),
                "PYTHONPATH": str(self.root),
                "MINISTACK_ACCOUNT_ID": config.aws.account_id,
                "MINISTACK_REGION": config.aws.region,
                "LOCALAWS_LAYERS": str(self.root / ".local" / "cache" / "layers"),
                "LOCALAWS_KEEP": str(self._kept.file) if self.keep else "",
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

    def _check_lake(self, running: Running) -> None:
        """Raises StackError when the running stack serves another lake than this configuration's."""
        if running.lake != lake_name(self.config):
            raise StackError(
                f"the stack that runs serves {running.config}, and {self.config_path} is another lake "
                f"({lake_name(self.config)}, not {running.lake}). Stop it first: `make down` keeps its data. Or let "
                "this one run beside it: python -m scripts.stack up --state FOLDER"
            )

    def _adopt(self, running: Running) -> None:
        """Take over what the command that started the stack knew."""
        self.keep = running.keep
        self.endpoint_url, self.outputs = running.endpoint_url, running.outputs
        self.airflow_url, self._execution_url = running.airflow_url, running.execution_url
        self._worker, self._told = running.worker, running.told

    def _serve_or_go_back(self, table: ProcessTable, before: str, after: str) -> None:
        outputs = self.outputs
        try:
            self._serve(table, before, after)
        except (*FAULTS, KeyboardInterrupt, SystemExit) as error:
            self.say("it cannot be taken over; going back to the configuration of before")
            self._config = parse_config(before, {})
            self.outputs = outputs
            try:
                self._serve(table, after, before)
            except FAULTS as second:
                raise StackError(
                    f"{error}\nand the configuration of before cannot be served either: {second}\n`make down` keeps "
                    "the data; correct the configuration, then `make up`"
                ) from error
            if isinstance(error, FAULTS):
                raise StackError(f"{error}\nNothing was changed: the configuration of before is served") from error
            raise

    def _serve(self, table: ProcessTable, before: str, after: str) -> None:
        """Let functions and Airflow serve ``after`` in the place of ``before``."""
        deadline = time.monotonic() + START_SECONDS
        config = parse_config(after, {})
        self.outputs = self._deployment.deploy(after, parse_config(before, {}))
        attach_policies(self.client("iam"), self.outputs)
        if self.served_file.read_text(encoding="utf-8") == after:
            # Going back, before Airflow knew of anything.
            return
        unfinished = self.served_file.with_suffix(".new")
        unfinished.write_text(after, encoding="utf-8")
        # All of Airflow's processes look at when it was changed, and read it anew.
        unfinished.replace(self.served_file)
        before_parsing, airflow, names = datetime.now(UTC), self._airflow, self._names(config)
        # The DAG processor parses everything when it starts; a file that did not change has its turn much later. What a
        # process has in its environment stays there, so with other names all are started anew.
        affected = [DAG_PROCESSOR] if names == self._told else list(NAMES)
        table.stop(affected)
        self._told = names
        airflow.start(table, self._airflow_environment(), affected)
        airflow.wait_healthy(table, deadline)
        airflow.wait_parsed(config, table, before_parsing, deadline)

    def _stop(self, table: ProcessTable) -> None:
        """Stop everything; what is to be kept is kept first."""
        running = self._read_running()
        if running is not None and running.keep:
            kept = KeptLake(self.state / "lakes" / running.lake)
            self._stop_in_order(table, kept)
            if kept.open_mark.exists():
                self.say(f"what came to the lake {running.lake} since its last start could not be kept")
            elif contents := kept.contents():
                self.say(f"kept of the lake {running.lake}: {contents}; `make up` finds them again")
        table.stop()
        for path in (self.env_file, self._running_file):
            path.unlink(missing_ok=True)

    def _check_room(self, table: ProcessTable) -> None:
        running, aws = self._read_running(), self._aws(table)
        if running is None or not running.keep or aws is None:
            return
        # All that it keeps is in its memory.
        needed = sum(member.memory_info().rss for member in aws.members() if member.pid == aws.pid)
        free = shutil.disk_usage(self.state).free
        if free < needed:
            raise StackError(
                f"keeping the lake's data may take {needed / 1e6:,.0f} MB, and there are {free / 1e6:,.0f} MB free in "
                f"{self.state}; nothing was stopped: make room, or let `make clean` delete the data"
            )

    def _aws(self, table: ProcessTable) -> ManagedProcess | None:
        """The local AWS, while it runs."""
        found = (process for process in table.processes if process.name == AWS and process.exit_code() is None)
        return next(found, None)

    def _stop_in_order(self, table: ProcessTable, kept: KeptLake) -> None:
        """Stop Airflow, then the local AWS, which writes its data at its end, and is waited for as long as it does."""
        aws = self._aws(table)
        if aws is None:
            return
        table.stop([process.name for process in table.processes if process.name != AWS])
        aws.terminate()
        written, told = -1, time.monotonic() + TOLD_SECONDS
        deadline = time.monotonic() + STALLED_SECONDS
        while aws.exit_code() is None:
            if (now := kept.written()) != written:
                written, deadline = now, time.monotonic() + STALLED_SECONDS
            if time.monotonic() > deadline:
                self.say(f"the local AWS has written nothing for {STALLED_SECONDS:.0f} s: stopping it all the same")
                return
            if time.monotonic() > told:
                self.say(f"keeping the lake's data: {written / 1e6:,.0f} MB so far")
                told = time.monotonic() + 5 * TOLD_SECONDS
            time.sleep(POLL_SECONDS)
        if kept.open_mark.exists():
            self.say(f"{aws.log} ends:\n{aws.tail(5)}")

    def forget(self) -> dict[str, str]:
        """Stop everything, keep nothing, and delete what was kept; returns what that was, by lake."""
        with self._lock():
            self._table().stop()
            found = {name: kept.contents() for name, kept in kept_lakes(self.state).items()}
            shutil.rmtree(self.state / "lakes", ignore_errors=True)
            for path in (self.env_file, self._running_file, self.remembered_file):
                path.unlink(missing_ok=True)
        return found

    def _write_env(self) -> None:
        environment = self.environment
        with private_file(self.env_file) as file:
            file.writelines(f"{name}={shlex.quote(value)}\n" for name, value in environment.items())
            file.write(f"export {' '.join(environment)}\n")

    def _write_running(self) -> None:
        running = Running(
            lake_name(self.config),
            self.keep,
            str(self.config_path),
            self.endpoint_url,
            self.airflow_url,
            self._execution_url,
            dict(self.outputs),
            dict(self._worker),
            dict(self._told),
        )
        with private_file(self._running_file) as file:
            json.dump(asdict(running), file, indent=1)

    def _read_running(self) -> Running | None:
        with contextlib.suppress(OSError, ValueError, TypeError):
            return Running(**json.loads(self._running_file.read_text()))
        return None

    def _served_text(self, config: LakeConfig) -> str:
        """The configuration for functions and Airflow: nothing in it is left to be replaced, and it has the address of
        this Airflow, whose port nobody knew before, for the links of alerts."""
        settings = json.loads(resolved_text(self.config_path, self.env))
        settings["airflow_url"] = config.airflow_url or self.airflow_url
        return json.dumps(settings, indent=2, ensure_ascii=False)

    @property
    def remembered_file(self) -> Path:
        """Where `make up` notes the configuration that it served last, for the next one."""
        return self.state / "configuration"

    @property
    def _running_file(self) -> Path:
        return self.state / "running.json"

    @property
    def _kept(self) -> KeptLake:
        return KeptLake(self.state / "lakes" / lake_name(self.config))

    @property
    def _airflow_home(self) -> Path:
        return self._kept.airflow_home if self.keep else self.state / "airflow"

    @property
    def _airflow(self) -> LocalAirflow:
        return LocalAirflow(
            self._airflow_home,
            self.root,
            self.dags,
            self.state / "logs",
            self.airflow_options,
            self.airflow_url,
            self._execution_url,
        )

    @property
    def _deployment(self) -> LocalDeployment:
        return LocalDeployment(self.client, local_python(self.env), self.state, self.say)

    def _airflow_environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(Path(sys.executable).parent), self.env.get("PATH", os.defpath)])
        return {
            **self._clean_environment(),
            **self._aws_environment(),
            **self._worker,
            "AIRFLOW_HOME": str(self._airflow_home),
            "LAKE_CONFIG": str(self.served_file),
            **self._names(self.config),
            "PATH": path,
        }

    def _names(self, config: LakeConfig) -> dict[str, str]:
        """With these two it can send an alert on a configuration that it cannot read."""
        return {
            "LAKE_ALERT_TOPIC_ARN": self.outputs.get("AlertTopicArn", ""),
            "LAKE_LEDGER_TABLE": config.resources.ledger_table,
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
        """Make the folders ready for a start: empty, but for what is kept of the lake."""
        for folder in ("airflow", "aws-state", "logs"):
            shutil.rmtree(self.state / folder, ignore_errors=True)
            if folder != "airflow" or not self.keep:
                (self.state / folder).mkdir(mode=0o700, parents=True)
        if self.keep:
            if lost := self._kept.begin():
                self.say(lost)
            contents = self._kept.contents()
            self.say(f"the lake {lake_name(self.config)}: {contents or 'empty'}")

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


def _up(arguments: argparse.Namespace) -> int:
    state = (arguments.state or ROOT / ".local").resolve()
    named = arguments.config or os.environ.get("LAKE_CONFIG") or _remembered(state)
    stack = Stack(config_path=named, state=state, port=arguments.port, preferred_port=UI_PORT, keep=True, say=_say)
    found = stack.take_over()
    if found:
        print("\n".join(["taken over, by Airflow and the functions alike:", *(f"  {line}" for line in found)]))
    elif found is not None or not stack.start():
        print(f"up already, and {stack.config_path} has not changed: the addresses are in {stack.env_file}")
    else:
        print(f"up: see {stack.airflow_url}, and load {stack.env_file} into a shell")
    stack.remembered_file.write_text(f"{stack.config_path}\n", encoding="utf-8")
    return 0


def _remembered(state: Path) -> str | None:
    """The configuration of the last `make up`; as scripts/setup.py has it."""
    with contextlib.suppress(OSError):
        if path := (state / "configuration").read_text(encoding="utf-8").strip():
            _say(f"the configuration is {path}, as the last time; LAKE_CONFIG names another one")
            return path
    return None


def _down(arguments: argparse.Namespace) -> int:
    print("down" if Stack(state=arguments.state, say=_say).stop() else "nothing was up")
    return 0


def _forget(arguments: argparse.Namespace) -> int:
    for name, contents in Stack(state=arguments.state, say=_say).forget().items():
        print(f"deleted what was kept of the lake {name}: {contents or 'nothing'}")
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
        for name, kept in kept_lakes(stack.state).items():
            print(f"kept of the lake {name}: {kept.contents() or 'nothing'}")
    return 0 if stack.running() else 3


def _say(text: str) -> None:
    print(text, flush=True)


def end_by_signal(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, run in (("up", _up), ("down", _down), ("forget", _forget), ("status", _status)):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        command.add_argument("--state", type=Path, help="state folder (default: .local)")
        if name == "up":
            help_text = "default: $LAKE_CONFIG, else that of the last time, else include/lake.json"
            command.add_argument("--config", type=Path, help=help_text)
            command.add_argument("--port", type=int, help="port of Airflow's UI (default: 8080, or a free one)")
    arguments = parser.parse_args()
    # A start that gets SIGTERM stops what it has started so far.
    signal.signal(signal.SIGTERM, end_by_signal)
    try:
        return int(arguments.run(arguments))
    except FAULTS as error:
        print(f"stack: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
