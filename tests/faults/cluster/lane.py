"""The batch lane, done by Airflow: runs of load_<entity> over the days that wait, and of sweep_sources."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, TypeVar

import requests

from lakelanes.files.listing import list_partition
from lakelanes.files.pending import pending
from lakelanes.files.sweep import find_unloaded
from lakelanes.lake import Lake
from lakelanes.ledger.source_file import SourceFile
from scripts.airflow_api import AirflowError
from tests.cluster.machines import Machines
from tests.end_to_end.world import FINAL
from tests.faults.batch_lane import Armed, Swept
from tests.faults.cluster.proxy import FaultyProxy
from tests.faults.cluster.wreckers import Wreckers
from tests.faults.findings import listed
from tests.faults.plan import ENTITY, Day

T = TypeVar("T")
LOAD, SWEEP = f"load_{ENTITY}", "sweep_sources"
# Runs of load_<entity> at once, and days of one run.
RUNS_AT_ONCE = 3
_MOST_DAYS = 8
# Airflow's own processes may all be gone for a while.
_API_SECONDS = 240.0
# Five tries of publish, each later than the one before: longer than anything else of a run.
_RUN_SECONDS = 2400.0
_PAUSE = 1.0


@dataclass(frozen=True)
class _Waiting:
    """A day that waits for a run: what is to be told when that has planned its batches, and when it is over."""

    at_work: threading.Event
    over: Future[None] = field(default_factory=Future)


class ClusterLane:
    """``own`` is a lake with the rights of Airflow's workers, asked what is to be done; ``name`` begins the runs'."""

    def __init__(
        self,
        machines: Machines,
        proxy: FaultyProxy,
        wreckers: Wreckers,
        own: Lake,
        name: str,
        say: Callable[[str], None],
    ) -> None:
        self._machines, self._proxy, self._wreckers = machines, proxy, wreckers
        self._own, self._name, self._say = own, name, say
        self._entity = own.config.entities[ENTITY]
        self._lock, self._slots = threading.Lock(), threading.BoundedSemaphore(RUNS_AT_ONCE)
        self._waiting: dict[date, _Waiting] = {}
        self._begun = 0
        self.states: Counter[str] = Counter()
        self.tries: Counter[str] = Counter()
        self.days = 0

    @property
    def killed(self) -> int:
        return self._wreckers.killed + self._proxy.killed

    def load(self, day: Day, armed: Armed, wave: int, at_work: threading.Event) -> None:
        """Waits for a run that loads the day; one that begins loads all days that wait and follow each other."""
        try:
            found = list_partition(self._own, self._entity, day.key)
            if not found:
                return
            left = pending(self._own, found)
            self._proxy.arm(armed.take([*(file.key for file in left), ""]))
            when, mine = date.fromisoformat(day.key), _Waiting(at_work)
            with self._lock:
                self._waiting[when] = mine
            with self._slots:
                if taken := self._take(when):
                    self._load(taken)
            mine.over.result()
        finally:
            at_work.set()

    def _load(self, taken: dict[date, _Waiting]) -> None:
        def tell(run: Any) -> None:
            if self._ask(lambda: self._machines.states(run)).get("sense") == ["success"]:
                for one in taken.values():
                    one.at_work.set()

        try:
            conf = {"first_partition": f"{min(taken)}", "last_partition": f"{max(taken)}"}
            self._run(LOAD, conf, tell)
        finally:
            for one in taken.values():
                one.over.set_result(None)

    def sweep(self, number: int) -> Swept:
        if number == 1:
            self._wreckers.rest()
        files = find_unloaded(self._own, full=True, note=False).files.get(ENTITY, [])
        state = self._run(SWEEP, {"full": True})
        # One that refuses a file has failed, and all is done.
        return Swept(len(files), complete=number > 0 and state == "success")

    def load_rest(self, files: Sequence[SourceFile]) -> None:
        if files:
            self._run(LOAD, {})

    def describe(self) -> list[str]:
        return [
            f"Airflow: {self._begun} runs, of {self.days} days in all; ended {listed(self.states)}; "
            f"tries of tasks {listed(self.tries)}",
            self._wreckers.describe(),
            f"on the way to AWS: {self._proxy.counts.total()} requests",
        ]

    def _take(self, when: date) -> dict[date, _Waiting]:
        """The day and those beside it that wait too; none where somebody has taken it."""
        with self._lock:
            if when not in self._waiting:
                return {}
            taken = {when: self._waiting.pop(when)}
            for step in (timedelta(days=-1), timedelta(days=1)):
                other = when + step
                while other in self._waiting and len(taken) < _MOST_DAYS:
                    taken[other] = self._waiting.pop(other)
                    other += step
            self.days += len(taken)
            return taken

    def _run(self, dag_id: str, conf: dict[str, Any], look: Callable[[Any], None] = lambda run: None) -> str:
        """Triggers a run and waits for its end, whatever has become of Airflow meanwhile; returns its state. ``look``
        is called now and then until that."""
        with self._lock:
            self._begun += 1
            run = {"dag_id": dag_id, "dag_run_id": f"{self._name}-{self._begun}"}
        started = time.monotonic()
        self._wreckers.run_began()
        self._ask(lambda: self._trigger(run, conf))
        while (state := self._ask(lambda: self._machines.state(run))) not in FINAL:
            if time.monotonic() - started > _RUN_SECONDS:
                raise AssertionError(f"{run} is {state}: {self._ask(lambda: self._machines.states(run))}")
            self._wreckers.check()
            look(run)
            time.sleep(_PAUSE)
        tasks = self._ask(lambda: self._machines.tasks(run))
        asked = " to ".join(map(str, conf.values()))
        self._say(f"{dag_id} ({asked}) {state} after {time.monotonic() - started:.0f} s, tasks {_told(tasks)}")
        with self._lock:
            self.states[f"{dag_id} {state}"] += 1
            for found in tasks.values():
                self.tries.update(str(task["try_number"]) for task in found if task["try_number"])
        return state

    def _trigger(self, run: dict[str, str], conf: dict[str, Any]) -> None:
        try:
            self._machines.begin(run["dag_id"], dag_run_id=run["dag_run_id"], conf=conf)
        except AirflowError as error:
            # The answer of the try before was lost.
            if ": 409 " not in str(error):
                raise

    def _ask(self, question: Callable[[], T]) -> T:
        """An answer of Airflow's, which may have to be asked again."""
        deadline = time.monotonic() + _API_SECONDS
        while True:
            try:
                return question()
            except (AirflowError, requests.RequestException) as error:
                refused = isinstance(error, AirflowError) and ": 4" in str(error)[:200]
                if refused or time.monotonic() > deadline:
                    raise
                self._wreckers.check()
                time.sleep(_PAUSE)


def _told(tasks: dict[str, list[Any]]) -> str:
    """How many instances of which task ended how, and at which try where that is not the first."""
    counts = Counter(
        f"{name} {task['state']}" + (f" at try {task['try_number']}" if task["try_number"] > 1 else "")
        for name, found in tasks.items()
        for task in found
        if task["state"] != "skipped"
    )
    return listed(counts)
