"""Apache Superset on the local stack, with the dashboards of include/dashboards (docs/superset.md).

    python -m scripts.bi [--state DIR] [--port PORT]

Needs a stack that runs (``make up``). Installs Superset into .local/bi, keeps what is its own in a folder of
``superset`` in the state folder, a folder per lake, imports the dashboards, and serves on 127.0.0.1 until it is
interrupted. It reads the lake as a user of the local AWS's IAM who may do nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import shlex
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lakelanes.catalog.views import read_views
from lakelanes.commands.environment import UnreachableError, check_endpoint
from lakelanes.config.loading import load_config
from lakelanes.config.model import LakeConfig
from lakelanes.dashboards.loading import datasets_of, read_dashboards
from lakelanes.dashboards.quicksight.role import role, tables_read
from lakelanes.dashboards.superset.bundle import lake_bundle, write
from lakelanes.errors import LakeError
from scripts.airflow_processes import private_file
from scripts.worker_user import make_key, make_user

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
PORT = 8088
ADMIN = "admin"
USER = "superset"
THREADS = 8


class BiError(Exception):
    """Superset cannot be started; the text says what is missing, and what to do."""


@dataclass(frozen=True)
class Superset:
    """A Superset for one lake: the Python that has it, its folder, and the variables of its processes."""

    python: Path
    home: Path
    environment: Mapping[str, str]

    @property
    def password_file(self) -> Path:
        """The administrator's password, for its owner alone to read."""
        return self.home / "admin-password"

    def prepare(self, config: LakeConfig) -> None:
        """Makes the folder, the secrets that are not there yet, the database, and imports the dashboards.

        Raises BiError, DashboardError.
        """
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _secret(self.home / "secret_key", 42)
        password = _secret(self.password_file, 12)
        made, log = self.home / "dashboards.zip", self.home / "prepare.log"
        write(lake_bundle(config), made)
        command = [self.python, ROOT / "scripts" / "superset_home.py", made]
        with log.open("w") as output:
            done = subprocess.run(
                command, env=self.environment, input=password, text=True, stdout=output, stderr=subprocess.STDOUT
            )
        if done.returncode:
            ending = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            raise BiError(f"Superset could not be prepared; {log} ends:\n{ending}")

    def command(self, listener: socket.socket) -> list[str]:
        """What serves it at a socket that is inherited."""
        options = {
            "bind": f"fd://{listener.fileno()}",
            "workers": "1",
            "worker-class": "gthread",
            "threads": str(THREADS),
            "timeout": "120",
        }
        given = [text for name, value in options.items() for text in (f"--{name}", value)]
        return [str(self.python), "-m", "gunicorn", *given, "superset.app:create_app()"]


def superset(python: Path, state: Path, config: LakeConfig, aws: Mapping[str, str]) -> Superset:
    """The Superset of a lake in a state folder. aws: the variables by which it reaches the lake's AWS."""
    # SQLite keeps Superset from having datasets of one name for two lakes.
    home = state / "superset" / config.resources.glue_database
    passing = ("HOME", "LANG", "PATH", "TMPDIR")
    direct = {name: f"{HOST},localhost" for name in ("NO_PROXY", "no_proxy")}
    environment = {
        **{name: os.environ[name] for name in passing if name in os.environ},
        **direct,
        **aws,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SUPERSET_HOME": str(home),
        "SUPERSET_CONFIG_PATH": str(ROOT / "scripts" / "superset_config.py"),
        "FLASK_APP": "superset.app:create_app()",
        # Its page would tell its makers that it is used.
        "SCARF_ANALYTICS": "false",
    }
    return Superset(python, home, environment)


def stack_environment(state: Path) -> dict[str, str]:
    """The variables of the stack that runs in a state folder. Raises BiError where none does."""
    none = f"no stack runs here ({state / 'env'}): start one with `make up`"
    try:
        lines = (state / "env").read_text().splitlines()
    except OSError:
        raise BiError(none) from None
    pairs = (line.partition("=") for line in lines if "=" in line)
    found = {name: "".join(shlex.split(value)) for name, _, value in pairs}
    try:
        check_endpoint(found.get("AWS_ENDPOINT_URL", ""))
    except UnreachableError as error:
        raise BiError(f"{none}; {error}") from None
    return found


def reading_policy(config: LakeConfig) -> dict[str, Any]:
    """What Superset needs to read the dashboards' views, and nothing else: as QuickSight's role, and to list views."""
    wanted = {dataset.view for dataset in datasets_of(read_dashboards()).values()}
    document = role(tables_read(config, read_views(), wanted))["Properties"]["Policies"][0]["PolicyDocument"]
    resources = config.resources
    values = {
        "AWS::Partition": "aws",
        "AWS::Region": config.aws.region,
        "AWS::AccountId": config.aws.account_id,
        "AnalyticsBucketName": resources.analytics_bucket,
        "DatabaseName": resources.glue_database,
        "WorkgroupName": resources.workgroup_name,
    }
    here = f"{config.aws.region}:{config.aws.account_id}"
    listing = {
        "Sid": "ListViews",
        "Effect": "Allow",
        "Action": [
            *("athena:GetDatabase", "athena:GetTableMetadata", "athena:ListDatabases", "athena:ListTableMetadata"),
            *("glue:GetDatabases", "glue:GetTables"),
        ],
        "Resource": [
            f"arn:aws:athena:{here}:datacatalog/AwsDataCatalog",
            # Who lists databases is asked for a right on all of them.
            *(f"arn:aws:glue:{here}:{name}" for name in ("catalog", "database/*")),
            f"arn:aws:glue:{here}:table/{resources.glue_database}/*",
        ],
    }
    return {**document, "Statement": [*_resolved(document["Statement"], values), listing]}


def _resolved(value: Any, values: Mapping[str, str]) -> Any:
    """With CloudFormation's Fn::Sub done."""
    if isinstance(value, list):
        return [_resolved(one, values) for one in value]
    if isinstance(value, dict) and value.keys() == {"Fn::Sub"}:
        return re.sub(r"\$\{([\w:]+)\}", lambda found: values[found[1]], value["Fn::Sub"])
    if isinstance(value, dict):
        return {name: _resolved(one, values) for name, one in value.items()}
    return value


def make_reader(iam: Any, config: LakeConfig, name: str = USER) -> dict[str, str]:
    """A user of IAM who may read the dashboards' views; returns new credentials, as variables for a process.

    Those that it had before work no more. Raises ClientError.
    """
    make_user(iam, name)
    policy = json.dumps(reading_policy(config))
    iam.put_user_policy(UserName=name, PolicyName="read-lake", PolicyDocument=policy)
    return make_key(iam, name)


def listening(port: int | None = None) -> socket.socket:
    """A socket of this machine that listens, at the port, else at PORT, or any where that is taken. Raises BiError."""
    for wanted in [port] if port is not None else [PORT, 0]:
        try:
            listener = socket.create_server((HOST, wanted))
        except OSError as error:
            fault = error
        else:
            listener.set_inheritable(True)
            return listener
    raise BiError(f"port {port} of {HOST} cannot be had ({fault}); choose another one with --port")


def _secret(path: Path, size: int) -> str:
    """The text of a file that its owner alone may read; at first a random one."""
    if not path.exists():
        with private_file(path) as file:
            file.write(secrets.token_urlsafe(size))
    return path.read_text()


def _installed() -> Path:
    """The Python that has Superset, which is installed where it is missing. Raises BiError."""
    done = subprocess.run([sys.executable, ROOT / "scripts" / "setup.py", "--with", "bi"])
    if done.returncode:
        raise BiError("Superset could not be installed")
    return ROOT / ".local" / "bi" / "bin" / "python"


def start(state: Path, port: int | None) -> None:
    """Prepares Superset and becomes its server. Raises BiError, BotoCoreError, ClientError, LakeError."""
    stack = stack_environment(state)
    config = load_config(stack["LAKE_CONFIG"], {**os.environ, **stack})
    python = _installed()
    aws = {name: stack[name] for name in ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION")}
    iam = boto3.client(
        "iam",
        endpoint_url=stack["AWS_ENDPOINT_URL"],
        region_name=stack["AWS_DEFAULT_REGION"],
        aws_access_key_id=stack["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=stack["AWS_SECRET_ACCESS_KEY"],
        config=Config(proxies={}),
    )
    made = superset(python, state, config, {**aws, **make_reader(iam, config)})
    listener = listening(port)
    print("bi: preparing Superset, which takes half a minute", flush=True)
    made.prepare(config)
    address = f"http://{HOST}:{listener.getsockname()[1]}"
    print(f"bi: Superset at {address}/dashboard/list/ in some seconds; Ctrl-C stops it", flush=True)
    print(f"bi: user {ADMIN}, password in {made.password_file}; its log is {made.home / 'superset.log'}", flush=True)
    log = os.open(made.home / "superset.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    # From here on this process is the server, so nothing is left when it is stopped.
    os.execve(python, made.command(listener), dict(made.environment))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.bi", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--state", type=Path, default=ROOT / ".local", help="the stack's state folder (.local)")
    parser.add_argument("--port", type=int, help=f"by default {PORT}, or any free one")
    arguments = parser.parse_args()
    try:
        start(arguments.state.resolve(), arguments.port)
    except (BiError, BotoCoreError, ClientError, LakeError) as error:
        print(f"bi: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
