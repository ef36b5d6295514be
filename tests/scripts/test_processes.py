"""Processes are stopped with all they started, and nobody else's are touched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from scripts.processes import ManagedProcess, ProcessTable
from tests.support.waiting import PATIENCE_SECONDS, wait_for

# Ignores SIGTERM, and has started a child that does so too, in a process group of its own.
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], process_group=0)
print(child.pid, flush=True)
time.sleep(600)
"""
# Its child works, and it does not.
BUSY = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time\\nwhile time.process_time() < 0.4: pass\\ntime.sleep(600)"])
time.sleep(600)
"""
STARTER = """
import sys
from pathlib import Path
from scripts.processes import ProcessTable, guard
folder = Path(sys.argv[1])
table = ProcessTable(folder / "records.json")
watch = guard(table.records, Path.cwd())
started = table.start("sleeper", ["sleep", "600"], env={"PATH": sys.argv[2]}, cwd=folder, log=folder / "log")
print(watch.pid, started.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def table(tmp_path: Path) -> Iterator[ProcessTable]:
    table = ProcessTable(tmp_path / "records.json")
    yield table
    table.stop()


def _start(table: ProcessTable, *command: str, **options: int) -> ManagedProcess:
    folder = table.records.parent
    return table.start("test", list(command), env=os.environ, cwd=folder, log=folder / "log", **options)


@pytest.mark.slow
def test_a_process_and_what_it_started_are_stopped_even_if_they_refuse(table: ProcessTable) -> None:
    process = _start(table, sys.executable, "-c", STUBBORN, stdout=subprocess.PIPE)
    assert process.popen is not None
    assert process.popen.stdout is not None
    child = psutil.Process(int(process.popen.stdout.readline()))
    assert {member.pid for member in process.members()} == {process.pid, child.pid}
    table.stop()
    assert not psutil.pid_exists(process.pid)
    assert psutil.wait_procs([child], timeout=PATIENCE_SECONDS)[1] == []
    assert not table.records.exists()


@pytest.mark.slow
def test_what_a_process_takes_of_a_core_is_that_of_all_it_started(table: ProcessTable) -> None:
    process = _start(table, sys.executable, "-c", BUSY)
    assert wait_for(process.cpu_seconds, lambda seconds: seconds >= 0.3, "the work of parent and child") < 60


@pytest.mark.slow
def test_children_left_by_a_dead_process_are_stopped(table: ProcessTable) -> None:
    process = _start(table, "sh", "-c", "sleep 600 & echo $!; exit 3", stdout=subprocess.PIPE)
    assert process.popen is not None
    assert process.popen.stdout is not None
    orphan = psutil.Process(int(process.popen.stdout.readline()))
    assert process.popen.wait(PATIENCE_SECONDS) == 3
    assert process.exit_code() == 3
    assert [member.pid for member in process.members()] == [orphan.pid]
    table.stop()
    assert psutil.wait_procs([orphan], timeout=PATIENCE_SECONDS)[1] == []


def test_another_command_finds_and_stops_what_is_recorded(table: ProcessTable) -> None:
    process = _start(table, "sleep", "600")
    later = ProcessTable(table.records)
    assert [(one.name, one.pid, one.exit_code()) for one in later.processes] == [("test", process.pid, None)]
    # The later command is not the parent and cannot collect the exit code.
    later.processes[0].members()[0].terminate()
    assert process.popen is not None
    assert process.popen.wait(PATIENCE_SECONDS) == -signal.SIGTERM
    assert later.processes[0].exit_code() == -1
    later.stop()
    assert not table.records.exists()


def test_a_process_that_was_given_a_recorded_id_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        started = psutil.Process(stranger.pid).create_time()
        record = {"name": "gone", "pid": stranger.pid, "created": started - 3600, "log": str(tmp_path / "log")}
        (tmp_path / "records.json").write_text(json.dumps([record]))
        table = ProcessTable(tmp_path / "records.json")
        assert table.processes[0].exit_code() == -1
        assert table.processes[0].members() == []
        table.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_records_cut_short_by_a_crash_count_as_none(tmp_path: Path) -> None:
    (tmp_path / "records.json").write_text('[{"name": "te')
    assert ProcessTable(tmp_path / "records.json").processes == []


def test_the_guard_stops_everything_when_its_starter_is_killed(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", STARTER, str(tmp_path), os.environ["PATH"]]
    starter = subprocess.Popen(
        command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert starter.stdout is not None
    guard, sleeper = (psutil.Process(int(pid)) for pid in starter.stdout.readline().split())
    starter.kill()
    starter.communicate()
    assert psutil.wait_procs([guard, sleeper], timeout=PATIENCE_SECONDS)[1] == []
    assert not (tmp_path / "records.json").exists()


def test_the_tail_of_a_log_is_its_last_lines(table: ProcessTable) -> None:
    process = _start(table, "sh", "-c", "seq 1 50; echo last >&2")
    assert process.popen is not None
    process.popen.wait(PATIENCE_SECONDS)
    assert process.tail(2) == "50\nlast"
