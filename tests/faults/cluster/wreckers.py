"""Does to the machines of a cluster what is planned, and puts a new one in the place of each that has ended."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from scripts.mwaa_settings import HOME
from tests.cluster.machines import Machines
from tests.faults.cluster.accidents import AT_WORKERS, Accident, Clock, Kind
from tests.faults.cluster.clocks import build, set_clock
from tests.faults.cluster.proxy import FaultyProxy
from tests.faults.findings import listed

CUT_OFF_SECONDS = 12.0
# A machine is not replaced at once.
_GONE_SECONDS = 3.0
_LOOK_SECONDS = 1.0
# Some run waits for its retry, and no worker has a task: the next one will.
_BUSY_SECONDS = 40.0


class Wreckers:
    """A thread that carries accidents out, and mends, until ``rest`` is called.

    ``done`` counts accidents by kind, ``mended`` what was started anew, ``killed`` the processes of tasks that were
    killed.
    """

    def __init__(
        self,
        machines: Machines,
        proxy: FaultyProxy,
        accidents: Sequence[Accident],
        clocks: Sequence[Clock],
        still_seconds: float,
        say: Callable[[str], None],
    ) -> None:
        self._machines, self._proxy = machines, proxy
        self._accidents, self._clocks, self._still_seconds = list(accidents), list(clocks), still_seconds
        self._say = say
        self._library = build(machines.stack.state)
        self._begun = 0
        self.done: Counter[str] = Counter()
        self.planned = len(accidents)
        self.clocks: list[str] = []
        self.mended: Counter[str] = Counter()
        self.killed = 0
        self._standing: list[tuple[float, list[psutil.Process]]] = []
        self._resting = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="wreckers")
        self._fault: BaseException | None = None

    def __enter__(self) -> Wreckers:
        for clock in self._clocks:
            self._set_clock(clock)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._resume(everything=True)

    def run_began(self) -> None:
        """To be called at each run of Airflow, by which accidents have their time."""
        self._begun += 1

    def rest(self) -> None:
        """No more accidents but those that are due; after them all machines are there, and their clocks are right."""
        self._resting.set()
        self._thread.join()
        self._resume(everything=True)
        self._proxy.calm()
        for clock in self._clocks:
            self._set_clock(Clock(clock.worker, 0))
        self._mend()

    def check(self) -> None:
        """Raises what ended the thread, if anything has."""
        if self._fault:
            raise self._fault

    def describe(self) -> str:
        """A line of the report."""
        right = "all right" if self._library else "all right, for there is no C compiler here"
        clocks = ", ".join(self.clocks) or right
        return (
            f"machines ({self.done.total()} of {self.planned} accidents): {listed(self.done)}; "
            f"started anew: {listed(self.mended)}; clocks: {clocks}"
        )

    def _work(self) -> None:
        try:
            while not self._ended.wait(_LOOK_SECONDS):
                self._resume()
                self._mend()
                if self._accidents and self._begun >= self._accidents[0].after:
                    self._happen(self._accidents.pop(0))
                elif self._resting.is_set():
                    return
        except BaseException as error:
            self._fault = error

    def _mend(self) -> None:
        self.mended.update(self._machines.mend())

    def _happen(self, accident: Accident) -> None:
        if accident.kind in AT_WORKERS:
            name = self._busy(accident.worker) or f"worker-{accident.worker}"
            tasks = self._machines.tasks_at(name)
            self._say(f"{accident.kind}: {name}, which has {len(tasks)} task processes")
            self._strike(accident.kind, name, tasks)
        else:
            self._say(accident.kind)
            self._break(accident.kind)
        self.done[accident.kind] += 1
        self._ended.wait(_GONE_SECONDS)

    def _strike(self, kind: Kind, name: str, tasks: list[int]) -> None:
        if kind == "kill_worker":
            self._machines.kill(name)
            self.killed += len(tasks)
        elif kind == "kill_task":
            with contextlib.suppress(psutil.NoSuchProcess):
                for pid in tasks[:1]:
                    psutil.Process(pid).kill()
                    self.killed += 1
        else:
            members = self._machines.process(name).members()
            for member in members:
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.suspend()
            self._standing.append((time.monotonic() + self._still_seconds, members))

    def _break(self, kind: Kind) -> None:
        if kind == "cut_off":
            self._proxy.cut_off(CUT_OFF_SECONDS)
        elif kind == "database":
            self._machines.stack.stop_database()
            self._ended.wait(_GONE_SECONDS)
            self._machines.replace("database")
        else:
            self._machines.kill(kind)

    def _busy(self, first: int) -> str | None:
        """A worker that has a task in its hands, from the first one on; None where none has for long."""
        names = list(self._machines.stack.worker_names)
        names = names[first - 1 :] + names[: first - 1]
        deadline = time.monotonic() + _BUSY_SECONDS
        while time.monotonic() < deadline and not self._ended.wait(0.1):
            self._mend()
            standing = {member.pid for _, members in self._standing for member in members}
            for name in names:
                if set(self._machines.tasks_at(name)) - standing:
                    return name
        return None

    def _resume(self, *, everything: bool = False) -> None:
        now = time.monotonic()
        due = [entry for entry in self._standing if everything or entry[0] <= now]
        self._standing = [entry for entry in self._standing if entry not in due]
        for _, members in due:
            for member in members:
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.resume()

    def _set_clock(self, clock: Clock) -> None:
        """The worker is started anew, with a clock that is so many seconds ahead; 0: with the machine's own."""
        if self._library is None:
            return
        name = f"worker-{clock.worker}"
        node = self._machines.stack.node(name)
        # Where the node sees it.
        shutil.copy(self._library, node.home)
        set_clock(node.folder / "environment", Path(HOME) / self._library.name, clock.seconds)
        if clock.seconds:
            self.clocks.append(f"{name} {clock.seconds:+} s")
        self._machines.kill(name)
        self._mend()
