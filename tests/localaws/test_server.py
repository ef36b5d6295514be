"""Starting and stopping the local AWS: one loopback port, a ready line that is true, nothing left behind."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import psutil
import pytest

from localaws import server
from localaws.function_limits import this_architecture
from tests.support.localaws import (
    REPOSITORY,
    LocalAws,
    LocalAwsError,
    localaws_python,
    running_localaws,
    start_localaws,
)
from tests.support.sockets import connections_of
from tests.support.waiting import PATIENCE_SECONDS

HANDLER = """
import os, re, urllib.request
def handler(event, context):
    with urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"]) as reply:
        return {"buckets": re.findall("<Name>(.*?)</Name>", reply.read().decode()), "pid": os.getpid()}
"""


def ended(process: psutil.Process, seconds: float = PATIENCE_SECONDS) -> bool:
    try:
        process.wait(seconds)
    except psutil.TimeoutExpired:
        return False
    return True


def invoke(aws: LocalAws, name: str) -> Any:
    """Make a function of HANDLER and call it."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("app.py", HANDLER)
    functions = aws.client("lambda")
    functions.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="app.handler",
        Role="arn:aws:iam::000000000000:role/none",
        Code={"ZipFile": archive.getvalue()},
        Architectures=[this_architecture()],
        Timeout=30,
    )
    reply = functions.invoke(FunctionName=name)
    payload = reply["Payload"].read()
    assert "FunctionError" not in reply, payload
    return json.loads(payload)


def test_listens_on_the_loopback_address_only_lambdas_included(tmp_path: Path) -> None:
    with running_localaws(tmp_path) as aws:
        aws.client("s3").create_bucket(Bucket="source")
        assert invoke(aws, "lister")["buckets"] == ["source"]
        main = psutil.Process(aws.process.pid)
        listening = [
            connection.laddr
            for process in (main, *main.children(recursive=True))
            for connection in connections_of(process)
            if connection.status == psutil.CONN_LISTEN or connection.type == socket.SOCK_DGRAM
        ]
        assert {address.ip for address in listening} == {"127.0.0.1"}
        assert aws.port in {address.port for address in listening}


def test_says_nothing_on_standard_output_but_that_it_is_ready(tmp_path: Path) -> None:
    with running_localaws(tmp_path) as aws:
        assert aws.process.stdout is not None
        aws.client("s3").create_bucket(Bucket="source")
        aws.process.send_signal(signal.SIGTERM)
        assert aws.process.stdout.read() == ""


def test_a_stop_ends_it_and_its_lambdas_and_frees_the_port(tmp_path: Path) -> None:
    aws = start_localaws(tmp_path)
    try:
        worker = psutil.Process(invoke(aws, "lister")["pid"])
        # A connection that stays open must not hold the server up.
        with socket.create_connection(("127.0.0.1", aws.port)):
            assert aws.stop() == 0
    finally:
        aws.stop()
    assert ended(worker)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", aws.port))


def test_a_stop_does_not_wait_for_a_running_query(tmp_path: Path) -> None:
    with running_localaws(tmp_path, module="tests.localaws.stub_engine") as aws:
        aws.client("s3").create_bucket(Bucket="results")
        aws.client("athena").start_query_execution(
            QueryString="SELECT WAIT", ResultConfiguration={"OutputLocation": "s3://results/"}
        )
        assert aws.stop() == 0


def test_ends_with_its_parent(tmp_path: Path) -> None:
    code = "import sys; from tests.support.localaws import start_localaws; aws = start_localaws(sys.argv[1])"
    code += "; print(aws.process.pid, flush=True); sys.stdin.read()"
    environment = {**os.environ, "LOCALAWS_PYTHON": str(localaws_python())}
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=REPOSITORY,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert child.is_running()
        parent.send_signal(signal.SIGKILL)
    assert ended(child)


def test_does_not_outlive_a_parent_that_is_gone_already(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    command = [localaws_python(), "-m", "localaws", "--port", "0", "--state", tmp_path, "--parent-pid", str(gone.pid)]
    assert subprocess.run(command, cwd=REPOSITORY, timeout=60, capture_output=True, check=False).returncode == 0


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LocalAwsError, match=rf"exit code 2.*\n.*cannot listen on 127.0.0.1:{port}.*--port"):
            start_localaws(tmp_path, port=port)


def test_a_given_port_is_kept(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with running_localaws(tmp_path, port=port) as aws:
        assert aws.endpoint_url == f"http://127.0.0.1:{port}"


def test_another_ministack_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: "1.5.34")
    with pytest.raises(server.StartError, match=r"found ministack 1\.5\.34 .*expected 1\.5\.33.*test_hooks"):
        server.check_version()


def test_writes_below_its_state_folder_only(tmp_path: Path) -> None:
    state, elsewhere = tmp_path / "new" / "state", tmp_path / "elsewhere"
    elsewhere.mkdir()
    with running_localaws(state, environment={"TMPDIR": str(elsewhere)}) as aws:
        aws.client("s3").create_bucket(Bucket="source")
        invoke(aws, "lister")
        assert list((state / "tmp").iterdir()), "a Lambda's code is unpacked there"
    assert list(elsewhere.iterdir()) == []
    assert not (state / "s3").exists(), "objects are to stay in memory"
