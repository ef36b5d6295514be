"""Starts the real local AWS for tests, on a free loopback port, and makes clients for it."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

REPOSITORY = Path(__file__).resolve().parents[2]
REGION = "us-east-1"
ACCOUNT = "000000000000"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}

ENFORCED = {"AUTH": "true"}
# Exports are quick, streams are soon tried again, and nothing expires but by a sweep that is asked for.
CLOCKED = {
    "LOCALAWS_EXPORT_SECONDS": "0",
    "LOCALAWS_TTL_SECONDS": "3600",
    "LOCALAWS_STREAM_RETRY_SECONDS": "0.01",
}

# For waiters of CloudFormation: two minutes, in steps of a tenth of a second.
STACK_WAIT: dict[str, Any] = {"Delay": 0.1, "MaxAttempts": 1200}

_READY = "localaws ready "
_START_SECONDS = 120.0
_STOP_SECONDS = 10.0


class LocalAwsError(RuntimeError):
    """The local AWS did not start; the message ends with what it wrote."""


def localaws_python() -> Path:
    """The interpreter that has ministack: ``$LOCALAWS_PYTHON``, else ``.local/aws/bin/python`` of the repository."""
    named = os.environ.get("LOCALAWS_PYTHON")
    python = Path(named) if named else REPOSITORY / ".local" / "aws" / "bin" / "python"
    if not python.exists():
        raise LocalAwsError(f"no interpreter at {python}: run `make setup`, or set LOCALAWS_PYTHON to one that has it")
    return python


def make_client(service: str, endpoint_url: str, region: str = REGION, **options: Any) -> Any:
    """A boto3 client of the local AWS that fails at once instead of retrying."""
    options.setdefault("config", Config(retries={"total_max_attempts": 1}))
    options.setdefault("aws_access_key_id", CREDENTIALS["AWS_ACCESS_KEY_ID"])
    options.setdefault("aws_secret_access_key", CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
    # A session of its own: boto3's default session is not safe to build from several threads.
    return boto3.session.Session().client(service, endpoint_url=endpoint_url, region_name=region, **options)


@dataclass
class LocalAws:
    """A running local AWS. ``environment`` is what a process needs to reach it."""

    endpoint_url: str
    process: subprocess.Popen[str]
    log: Path
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False)

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return int(self.endpoint_url.rsplit(":", 1)[1])

    @property
    def environment(self) -> dict[str, str]:
        """Variables that point AWS clients at this server."""
        return {"AWS_ENDPOINT_URL": self.endpoint_url, **CREDENTIALS}

    def client(self, service: str, region: str = REGION) -> Any:
        """A boto3 client of this server, made once per service and region."""
        key = (service, region)
        if key not in self._clients:
            self._clients[key] = make_client(service, self.endpoint_url, region)
        return self._clients[key]

    def stop(self) -> int:
        """Stop the server and wait for its end; returns its exit code. May be called twice."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        return self.process.returncode


def start_localaws(
    state_dir: Path | str,
    *,
    port: int = 0,
    environment: Mapping[str, str] | None = None,
    module: str = "localaws",
    python: Path | None = None,
) -> LocalAws:
    """Start the local AWS and wait until it answers. It ends with this process at the latest.

    ``port`` 0 picks a free one. ``environment`` adds to this process's own; with ENFORCED it enforces IAM, and
    CREDENTIALS are an administrator's. ``module`` is run in its place where a test needs another engine, or another
    server that takes the same arguments, and ``python`` runs it where the local AWS's own interpreter does not have it.
    Standard error is kept in ``<state_dir>/localaws.log``. Raises LocalAwsError when it does not become ready.
    """
    state = Path(state_dir)
    state.mkdir(parents=True, exist_ok=True)
    log = state / "localaws.log"
    command = [str(python or localaws_python()), "-m", module]
    command += ["--port", str(port), "--state", str(state), "--parent-pid", str(os.getpid())]
    with log.open("w") as stderr:
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=_environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            bufsize=1,
            # A Ctrl-C in the terminal must reach the tests first; they stop the server.
            start_new_session=True,
        )
    server = LocalAws("", process, log)
    try:
        server.endpoint_url = _wait_ready(server)
    except BaseException:
        server.stop()
        raise
    return server


@contextlib.contextmanager
def running_localaws(state_dir: Path | str, **options: Any) -> Generator[LocalAws]:
    """``start_localaws`` as a context manager that stops the server at the end."""
    server = start_localaws(state_dir, **options)
    try:
        yield server
    finally:
        server.stop()


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "COV_CORE_"))}
    environment.pop("PYTHONHOME", None)
    environment["PYTHONPATH"] = str(REPOSITORY)
    environment["LOCALAWS_LAYERS"] = str(REPOSITORY / ".local" / "cache" / "layers")
    environment.update(extra or {})
    return environment


def _wait_ready(server: LocalAws) -> str:
    assert server.process.stdout is not None
    deadline = time.monotonic() + _START_SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(server.process.stdout, selectors.EVENT_READ)
        while selector.select(max(0.0, deadline - time.monotonic())):
            line = server.process.stdout.readline()
            if line.startswith(_READY):
                return line[len(_READY) :].strip()
            if not line:
                code = server.process.wait(_STOP_SECONDS)
                raise LocalAwsError(f"localaws ended with exit code {code} before it was ready:\n{_tail(server.log)}")
    raise LocalAwsError(f"localaws was not ready after {_START_SECONDS:.0f} s:\n{_tail(server.log)}")


def _tail(log: Path, characters: int = 4000) -> str:
    return log.read_text(errors="replace")[-characters:] or "(it wrote nothing)"
