"""Processes that outlive the command that started them: recorded in a file, recognised again, stopped as a whole.

Each is started as the leader of a session of its own, and is recorded by its id and its start time, so that an id the
system has given to somebody else since is never signalled.

    python scripts/processes.py RECORDS

waits until its standard input closes, which it does when the process holding the other end is gone for whatever reason,
and then stops what RECORDS lists.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

# A process that has something to keep is asked and waited for before (scripts/stack.py), so a hanging one is not waited
# for long.
LEADER_SECONDS = 2.0
GRACE_SECONDS = 1.0
# Start times are derived from the system's clock, which may be corrected while a process runs.
CLOCK_TOLERANCE_SECONDS = 2.0


class StackError(Exception):
    """The stack did not start or is not there; the text says which part, with the end of its log."""


@dataclass(frozen=True)
class ManagedProcess:
    """A started process: what it is called, how to recognise it, where its output goes."""

    name: str
    pid: int
    created: float
    log: str
    popen: subprocess.Popen[bytes] | None = field(default=None, compare=False, repr=False)

    def exit_code(self) -> int | None:
        """None while it runs; its exit code, or -1 where that is unknown because another process started it."""
        if self.popen is not None:
            return self.popen.poll()
        leader = self._leader()
        return None if leader is not None and _runs(leader) else -1

    def terminate(self) -> None:
        """Ask it to end, and wait for nothing."""
        if self.exit_code() is None and (leader := self._leader()) is not None:
            _signal([leader], signal.SIGTERM)

    def members(self) -> list[psutil.Process]:
        """The process and everything it started that still runs, whatever process group that has moved to."""
        self.exit_code()
        rebooted = self.created + CLOCK_TOLERANCE_SECONDS < psutil.boot_time()
        if rebooted or (psutil.pid_exists(self.pid) and self._leader() is None):
            return []
        # Nobody else is given the id of a session as long as one process of the session is left.
        found: dict[int, psutil.Process] = {}
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if os.getsid(process.pid) == self.pid:
                    found[process.pid] = process
                    found.update((child.pid, child) for child in process.children(recursive=True))
        return [process for process in found.values() if _runs(process)]

    def cpu_seconds(self) -> float:
        """What its members have taken of a core so far, and those that have ended and that they waited for."""
        seconds = 0.0
        for member in self.members():
            with contextlib.suppress(psutil.NoSuchProcess):
                seconds += sum(member.cpu_times()[:4])
        return seconds

    def tail(self, lines: int = 30) -> str:
        """The last lines of its log."""
        try:
            text = Path(self.log).read_text(errors="replace")
        except OSError as error:
            return str(error)
        return "\n".join(text.splitlines()[-lines:]) or "(it wrote nothing)"

    def _leader(self) -> psutil.Process | None:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.created) < CLOCK_TOLERANCE_SECONDS:
                return process
        return None


class ProcessTable:
    """The processes recorded in a file, which is kept in step with every start and stop."""

    def __init__(self, records: Path) -> None:
        self.records = records
        self.processes: list[ManagedProcess] = []
        with contextlib.suppress(FileNotFoundError, ValueError, TypeError):
            self.processes = [ManagedProcess(**record) for record in json.loads(records.read_text())]

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        cwd: Path,
        log: Path,
        stdout: int | None = None,
    ) -> ManagedProcess:
        """Start a command in a session of its own, writing to ``log`` (standard output to ``stdout`` where given)."""
        with log.open("wb") as output:
            popen = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output if stdout is None else stdout,
                stderr=output,
                start_new_session=True,
            )
        created = time.time()
        with contextlib.suppress(psutil.Error):
            created = psutil.Process(popen.pid).create_time()
        process = ManagedProcess(name, popen.pid, created, str(log), popen)
        self.processes.append(process)
        self._write()
        return process

    def forget(self, process: ManagedProcess) -> None:
        """Take a process that has ended off the records."""
        self.processes.remove(process)
        self._write()

    def stop(self, names: Collection[str] | None = None) -> None:
        """Stop all of them and all they started, or only those with these names.

        The processes get SIGTERM first, and stop what they started; after LEADER_SECONDS everything that is left gets
        it, and after GRACE_SECONDS what is still left is killed.
        """
        stopped = [process for process in self.processes if names is None or process.name in names]
        leaders = {process.pid for process in stopped}
        _signal((member for member in _members(stopped) if member.pid in leaders), signal.SIGTERM)
        psutil.wait_procs(_members(stopped), timeout=LEADER_SECONDS)
        _signal(_members(stopped), signal.SIGTERM)
        psutil.wait_procs(_members(stopped), timeout=GRACE_SECONDS)
        # Again and again, since a process may have started another one just before its end.
        while members := _members(stopped):
            _signal(members, signal.SIGKILL)
            psutil.wait_procs(members, timeout=1.0)
        for process in stopped:
            if process.popen is not None:
                process.popen.wait()
                if process.popen.stdout is not None:
                    process.popen.stdout.close()
        self.processes = [process for process in self.processes if process not in stopped]
        if self.processes:
            self._write()
        else:
            self.records.unlink(missing_ok=True)

    def _write(self) -> None:
        records = [{key: value for key, value in vars(process).items() if key != "popen"} for process in self.processes]
        temporary = self.records.with_suffix(".new")
        temporary.write_text(json.dumps(records, indent=1))
        temporary.replace(self.records)


def guard(records: Path, cwd: Path) -> subprocess.Popen[bytes]:
    """Start a process that stops what ``records`` lists once this process has ended, even if it was killed."""
    return subprocess.Popen(
        [sys.executable, __file__, str(records)], cwd=cwd, stdin=subprocess.PIPE, start_new_session=True
    )


def _members(processes: Iterable[ManagedProcess]) -> list[psutil.Process]:
    return [member for process in processes for member in process.members()]


def _signal(processes: Iterable[psutil.Process], number: int) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    sys.stdin.buffer.read()
    ProcessTable(Path(sys.argv[1])).stop()
