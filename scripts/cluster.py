"""Airflow's distributed engine on this machine, as MWAA has it, with the local AWS (docs/cluster.md).

    python -m scripts.cluster [--workers N] [--config FILE] [--state DIR] [--port PORT]

starts PostgreSQL, the local AWS with the infrastructure deployed to it, and the nodes: API server, scheduler,
triggerer, DAG processor and N workers of Celery, each with a home of its own, made of what an MWAA environment is
given. Says where they are, and runs until it is interrupted; then all of it is stopped. Everything listens on
127.0.0.1.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scripts import build_kernel, mwaa_nodes, postgres
from scripts.airflow_api import AirflowApi
from scripts.airflow_processes import API, DAG_PROCESSOR, START_SECONDS, LocalAirflow, private_file, wait_for_end
from scripts.mwaa_nodes import Node
from scripts.mwaa_settings import HOME, SUGGESTED, Environment, option_variables
from scripts.package import mwaa_files
from scripts.ports import HOST, reserved
from scripts.postgres import Postgres
from scripts.processes import ManagedProcess, ProcessTable, StackError
from scripts.stack import FAULTS, ROOT, Stack, end_by_signal
from scripts.worker_user import NAME as WORKER_USER
from scripts.worker_user import make_worker_user

WORKERS = 3
SCHEDULER = "scheduler"
ROLES = ("Admin", "Op", "User", "Viewer", "Public")
PYTHON = ROOT / ".local" / "cluster" / "bin" / "python"
# As MWAA names the one that it makes.
QUEUE = "airflow-celery-cluster"
# Options that users of MWAA may set, for a machine with few cores and somebody who waits.
OPTIONS: Mapping[str, Mapping[str, object]] = {
    "api": {"workers": 2},
    # MWAA's smallest class but one has "5,5".
    "celery": {"worker_autoscale": "2,2"},
    "core": {"dags_are_paused_at_creation": False, "dagbag_import_timeout": 120},
    "dag_processor": {"refresh_interval": 5, "dag_file_processor_timeout": 300},
    "workers": {"min_heartbeat_interval": 1, "execution_api_timeout": 60},
}


@dataclass(frozen=True)
class ClusterAirflow(LocalAirflow):
    """An Airflow of nodes: ``home`` is their folder, ``python`` the interpreter of .local/cluster, ``login`` a user for
    its REST API."""

    python: Path = PYTHON
    workers: int = WORKERS
    login: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def names(self) -> Sequence[str]:
        """What its nodes are called."""
        return (API, SCHEDULER, "triggerer", DAG_PROCESSOR, *worker_names(self.workers))

    @property
    def api(self) -> AirflowApi:
        """A client of its REST API."""
        return AirflowApi(self.url, login=self.login)

    def node(self, name: str) -> Node:
        """The node of a process."""
        return Node(name, self.home / name, [self.python.parent.parent])

    def lay_out(self, package: Path, variables: Mapping[str, str]) -> None:
        """Make all nodes' folders; as on MWAA, the migration runs no startup.sh."""
        names = ("migration", *self.names)
        mwaa_nodes.write_hosts(self.home, names)
        for name in names:
            self.node(name).lay_out(package, variables, startup=name != "migration")

    def install_requirements(self, env: Mapping[str, str]) -> None:
        """What MWAA does with requirements.txt before it starts a process: with the constraints that it names, by their
        path on MWAA. Set-up has installed the same, so nothing is left to do. Raises StackError."""
        uv = ROOT / ".local" / "boot" / "bin" / "uv"
        node = Node("migration", self.home / "migration", [self.python.parent.parent, uv.parent.parent])
        asked = ["--python", str(self.python), "-r", f"{HOME}/requirements/requirements.txt"]
        done = subprocess.run(
            node.command([str(uv), "pip", "install", "--offline", "--no-cache", *asked]),
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise StackError(f"requirements.txt of the package cannot be installed:\n{done.stdout}")

    def make_users(self, passwords: Mapping[str, str], env: Mapping[str, str]) -> None:
        """Make a user for each role; the database has to be there. Raises StackError."""
        text = (ROOT / "scripts" / "mwaa_users.py").read_text(encoding="utf-8")
        done = subprocess.run(
            self.node("migration").command([str(self.python), "-c", text]),
            env=dict(env),
            input=json.dumps(passwords),
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise StackError(f"the users cannot be made:\n{done.stdout}{done.stderr}")

    def _start(self, table: ProcessTable, name: str, command: list[str], env: Mapping[str, str]) -> ManagedProcess:
        node = self.node(name)
        run = node.command([self.python, "-m", "airflow", *command])
        return table.start(name, run, env=env, cwd=node.folder, log=self.logs / f"{name}.log")

    def _command(self, name: str) -> list[str]:
        if name.startswith("worker-"):
            # Its server of logs would listen on all interfaces; MWAA's logs are in CloudWatch.
            return ["celery", "worker", "--skip-serve-logs"]
        return ["api-server"] if name == API else super()._command(name)


class Cluster(Stack):
    """A stack whose Airflow is distributed. ``nodes`` is the folder of its nodes, ``database`` its PostgreSQL."""

    def __init__(self, *arguments: Any, workers: int = WORKERS, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.workers = workers
        self.passwords = {role: secrets.token_urlsafe(16) for role in ROLES}
        self.database: Postgres | None = None

    @property
    def nodes(self) -> Path:
        return self.state / "nodes"

    @property
    def node_names(self) -> Sequence[str]:
        """What the nodes are called."""
        return self._airflow.names

    @property
    def worker_names(self) -> Sequence[str]:
        return worker_names(self.workers)

    def node(self, name: str) -> Node:
        return self._airflow.node(name)

    @property
    def passwords_file(self) -> Path:
        """The users' passwords by role, for their owner alone to read."""
        return self.state / "passwords.json"

    def open_api(self, timeout: float = 30.0, role: str = "Admin") -> AirflowApi:
        """A client of this Airflow's REST API, in the name of the user with a role."""
        return AirflowApi(self.airflow_url, timeout, self._login(role))

    def start_again(self, name: str) -> ManagedProcess:
        """Start a node, or the database, whose process has ended. What is on its disk stays; on MWAA it is new."""
        with self._lock():
            table = self._table()
            for process in [process for process in table.processes if process.name == name]:
                assert process.exit_code() is not None, f"{name} runs"
                table.forget(process)
            if name == postgres.NAME:
                assert self.database is not None
                return self.database.start(table)
            self._airflow.start(table, self._airflow_environment(), [name])
            return next(process for process in table.processes if process.name == name)

    def stop_database(self) -> None:
        """Stop the database as an administrator does, which cuts all its clients off."""
        with self._lock():
            postgres.stop(self._table())

    def _login(self, role: str) -> tuple[str, str]:
        return role.lower(), self.passwords[role]

    def _start_all(self, table: ProcessTable, text: str, started: float, deadline: float) -> None:
        if not PYTHON.exists():
            raise StackError(f"no interpreter at {PYTHON}: run `make setup WITH=cluster`")
        mwaa_nodes.check()
        self.served_file.write_text(text, encoding="utf-8")
        with reserved() as port:
            self.database = Postgres(self.state / "database", port, self._bare(), self.state / "logs" / "database.log")
            self.database.create()
            self.database.start(table)
        self.database.make_database()
        self._start_aws(table, deadline)
        self.say(f"PostgreSQL, and the local AWS at {self.endpoint_url} ({time.monotonic() - started:.0f} s)")
        self.outputs = self._deployment.deploy(text)
        self._worker = make_worker_user(self.client("iam"), self.outputs)
        variables = self._variables(self.database, self._make_queue())
        self.say(f"infrastructure deployed ({time.monotonic() - started:.0f} s)")
        airflow = self._airflow
        airflow.lay_out(self._package(text), variables)
        airflow.install_requirements(self._airflow_environment())
        migration = airflow.migrate(table, self._airflow_environment())
        if (code := wait_for_end(migration, deadline)) != 0:
            raise StackError(f"airflow db migrate ended with code {code}; {migration.log} ends:\n{migration.tail()}")
        table.forget(migration)
        airflow.make_users(self.passwords, self._airflow_environment())
        with private_file(self.passwords_file) as file:
            json.dump({role.lower(): password for role, password in self.passwords.items()}, file, indent=1)
        self.say(f"Airflow's database and users ({time.monotonic() - started:.0f} s)")
        deadline, before_parsing = time.monotonic() + START_SECONDS, datetime.now(UTC)
        airflow.start(table, self._airflow_environment(), [name for name in airflow.names if name != SCHEDULER])
        # What it starts would ask the API server in vain, and fail by that.
        airflow.wait_answering(table, deadline)
        airflow.start(table, self._airflow_environment(), [SCHEDULER])
        airflow.wait_healthy(table, deadline)
        self.say(f"Airflow at {self.airflow_url} ({time.monotonic() - started:.0f} s)")
        airflow.wait_parsed(self.config, table, before_parsing, deadline)
        self.say(f"DAGs parsed ({time.monotonic() - started:.0f} s)")

    def _stop(self, table: ProcessTable) -> None:
        """The database last: what runs on would ask it in vain."""
        table.stop([process.name for process in table.processes if process.name != postgres.NAME])
        postgres.stop(table)
        super()._stop(table)

    def _package(self, text: str) -> Path:
        """What the nodes are laid out from."""
        return mwaa_files(self.state / "mwaa", text, build_kernel.of_this_machine())

    def _make_queue(self) -> str:
        """Celery's queue and the right to use it, which the policy of an execution role has on MWAA
        (https://docs.aws.amazon.com/mwaa/latest/userguide/mwaa-create-role.html); returns its address."""
        actions = [
            *("ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes"),
            *("GetQueueUrl", "ReceiveMessage", "SendMessage"),
        ]
        statement = {
            "Effect": "Allow",
            "Action": [f"sqs:{action}" for action in actions],
            "Resource": f"arn:aws:sqs:{self.config.aws.region}:*:airflow-celery-*",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.client("iam").put_user_policy(UserName=WORKER_USER, PolicyName="celery", PolicyDocument=document)
        return str(self.client("sqs").create_queue(QueueName=QUEUE)["QueueUrl"])

    def _variables(self, database: Postgres, queue_url: str) -> dict[str, str]:
        """What goes before the variables of startup.sh."""
        environment = Environment(
            self.airflow_url,
            database.url,
            queue_url,
            self.config.aws.region,
            fernet_key=urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            secret_key=secrets.token_urlsafe(32),
        )
        options = {
            section: {**OPTIONS.get(section, {}), **self.airflow_options.get(section, {})}
            for section in {**OPTIONS, **self.airflow_options}
        }
        here = {"AIRFLOW__API__HOST": HOST, "AIRFLOW__API__PORT": self.airflow_url.rpartition(":")[2]}
        return {**option_variables(options), **environment.insisted(), **here}

    @property
    def _airflow(self) -> ClusterAirflow:
        return ClusterAirflow(
            self.nodes,
            self.root,
            self.state / "mwaa" / "dags",
            self.state / "logs",
            self.airflow_options,
            self.airflow_url,
            f"{self.airflow_url}/execution/",
            workers=self.workers,
            login=self._login("Admin"),
        )

    def _bare(self) -> dict[str, str]:
        """Of this process's environment only what a program needs anywhere."""
        kept = ("PATH", "LANG", "LC_ALL", "NO_PROXY", "no_proxy", "SYSTEMROOT")
        return {name: value for name, value in self._clean_environment().items() if name in kept}

    def _airflow_environment(self) -> dict[str, str]:
        """What the nodes' processes begin with: startup.sh and what they have in their folder come on top."""
        aws = self._aws_environment()
        del aws["AWS_ACCOUNT_ID"]
        path = os.pathsep.join([str(PYTHON.parent), self.env.get("PATH", os.defpath)])
        direct = {"AWS_EC2_METADATA_DISABLED": "true", "HOME": HOME, "PATH": path, "PYTHONUNBUFFERED": "1"}
        return {**self._bare(), **aws, **self._worker, **direct, **SUGGESTED}


def worker_names(count: int) -> list[str]:
    """What the nodes of so many workers are called."""
    return [f"worker-{number}" for number in range(1, count + 1)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=WORKERS, help=f"default: {WORKERS}")
    parser.add_argument("--config", type=Path, help="default: $LAKE_CONFIG, else include/lake.json")
    parser.add_argument("--state", type=Path, default=ROOT / ".local" / "cluster-state", help="state folder")
    parser.add_argument("--port", type=int, help="port of Airflow's UI (default: a free one)")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, end_by_signal)
    cluster = Cluster(
        config_path=arguments.config,
        state=arguments.state,
        port=arguments.port,
        workers=arguments.workers,
        say=lambda text: print(text, flush=True),
    )
    try:
        with cluster:
            print(
                f"up, until Ctrl-C: {cluster.airflow_url}, users and passwords in {cluster.passwords_file}", flush=True
            )
            signal.pause()
    except KeyboardInterrupt:
        print("stopped")
    except FAULTS as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
