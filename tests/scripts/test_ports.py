"""A port goes to one stack, and who answers there is looked at."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import ports
from scripts.ports import HOST, PortError, check_listener, reserved
from scripts.processes import ProcessTable
from tests.support.waiting import wait_for

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a port is only looked for")
# Starts a child that listens, as some servers do, and says where.
SERVER = """
import socket, subprocess, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
subprocess.run(["sleep", "600"])
"""


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as held:
        held.bind((HOST, 0))
        held.listen()
        yield held.getsockname()[1]


def test_a_port_that_is_taken_is_refused_where_it_was_asked_for(taken: int) -> None:
    with pytest.raises(PortError, match=f"port {taken} of 127.0.0.1 is taken"), reserved(taken):
        pass


def test_another_port_is_had_where_the_preferred_one_is_taken(taken: int) -> None:
    with reserved(preferred=taken) as port:
        assert port != taken


@LINUX
def test_a_chosen_port_is_held_for_its_server_and_for_nobody_else(taken: int) -> None:
    with reserved() as free, reserved() as other:
        assert len({taken, free, other}) == 3
        with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
            stranger.bind((HOST, free))
        socket.create_server((HOST, free)).close()
    with reserved(free) as again:
        assert again == free
        socket.create_server((HOST, free)).close()


@LINUX
def test_two_that_want_the_same_port_at_the_same_time_get_two() -> None:
    with reserved() as port:
        pass
    with reserved(preferred=port) as first, reserved(preferred=port) as second:
        assert first == port != second
        with pytest.raises(PortError), reserved(port):
            pass
    with reserved(port) as again:
        assert again == port


@pytest.mark.slow
def test_another_process_on_a_port_is_not_taken_for_the_one_that_was_started(tmp_path: Path, taken: int) -> None:
    table = ProcessTable(tmp_path / "records.json")
    command = [sys.executable, "-c", SERVER]
    process = table.start("server", command, env={}, cwd=tmp_path, log=tmp_path / "log", stdout=subprocess.PIPE)
    try:
        assert process.popen is not None and process.popen.stdout is not None
        port = int(process.popen.stdout.readline())
        check_listener(process, port)
        with pytest.raises(
            PortError, match=f"port {taken} of 127.0.0.1 is answered by another process than the server"
        ):
            check_listener(process, taken)
    finally:
        table.stop()
    wait_for(lambda: process.members() == [], what="the end of the server")
    with pytest.raises(PortError):
        check_listener(process, port)


def test_the_claim_is_gone_with_its_process() -> None:
    with reserved() as port:
        pass
    code = f"from scripts.ports import reserved\nimport os\nreserved({port}).__enter__()\nos._exit(0)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(ports.__file__).resolve().parents[1])
    with reserved(port) as again:
        assert again == port
