"""The batch lane: what loads a day's files while the other lane is at work, and what repairs. Here in the harness's
own processes; ``tests.faults.cluster`` has Airflow do it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from lakelanes.files import dead_letters
from lakelanes.files.batch_plan import plan_batches
from lakelanes.files.listing import list_partition
from lakelanes.files.matching import partition_for
from lakelanes.files.pending import pending
from lakelanes.files.sweep import find_unloaded, register_done
from lakelanes.lake import Lake
from lakelanes.ledger.source_file import SourceFile
from tests.faults.plan import ENTITY, Day
from tests.faults.points import QUIET, Fault, Noise
from tests.faults.workers import Pool, Task

# How often Airflow starts a task.
TRIES = 2


class Armed:
    """The faults of a day that have not acted yet, by file; those of the registering have no file (""). Thread-safe."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._lock = threading.Lock()

    def add(self, faults: Mapping[str, Fault]) -> None:
        with self._lock:
            self._faults |= faults

    def take(self, keys: Iterable[str]) -> list[Fault]:
        """The faults for these files, which are nobody else's from now on."""
        with self._lock:
            return [self._faults.pop(key) for key in dict.fromkeys(keys) if key in self._faults]


@dataclass(frozen=True)
class Swept:
    """What a sweep found: how many files to load, and how many partitions it registered of files that were loaded.
    ``complete``: nothing that it was to do is left."""

    files: int
    registered: int = 0
    complete: bool = True


class BatchLane(Protocol):
    """Thread-safe. ``killed``: how many processes with files in their hands were killed."""

    @property
    def killed(self) -> int: ...

    def load(self, day: Day, armed: Armed, wave: int, at_work: threading.Event) -> None:
        """Loads what is there of a day and not loaded yet; its faults come from ``armed``. Returns when that is over,
        whatever came of it. ``at_work`` is set as soon as it knows its files, or is over: the other lane waits for
        that, so that both want the same."""

    def sweep(self, number: int) -> Swept:
        """Loads whatever no lane has loaded, without faults but for the first time (0)."""

    def load_rest(self, files: Sequence[SourceFile]) -> None:
        """What somebody triggers once the sweeps have given files up."""

    def describe(self) -> list[str]:
        """Lines of the report."""


class ProcessLane:
    """Tasks of load_<entity> and the sweep, done by the harness's own processes. ``own`` has the rights of Airflow's
    workers."""

    killed = 0

    def __init__(self, own: Lake, pool: Pool, executor: ThreadPoolExecutor, noise: Noise) -> None:
        self._own, self._pool, self._executor, self._noise = own, pool, executor, noise
        self._entity = own.config.entities[ENTITY]

    def load(self, day: Day, armed: Armed, wave: int, at_work: threading.Event) -> None:
        # Processes that are there are as quick as the other lane's.
        at_work.set()
        run_id = f"load_{ENTITY}/{day.key}/{wave}"
        found = list_partition(self._own, self._entity, day.key)
        batches = plan_batches(pending(self._own, found), self._entity.batch_bytes)
        for number, batch in enumerate(batches):
            self._load(batch, f"{run_id}/{number}", run_id, armed.take, self._noise)
        self._publish([day.partition], f"{run_id}/publish", armed.take([""]), self._noise)

    def sweep(self, number: int) -> Swept:
        dead_letters.delete(self._own, dead_letters.receive(self._own))
        sweep = find_unloaded(self._own, full=True)
        files = sweep.files.get(ENTITY, [])
        registered = register_done(self._own, sweep)
        if files:
            self._load_all(files, f"sweep_sources/{number}")
        return Swept(len(files), registered)

    def load_rest(self, files: Sequence[SourceFile]) -> None:
        self._load_all(files, "triggered")

    def describe(self) -> list[str]:
        return []

    def _load(
        self,
        files: list[SourceFile],
        name: str,
        run_id: str,
        faults: Callable[[Iterable[str]], list[Fault]],
        noise: Noise,
    ) -> None:
        for attempt in range(TRIES):
            own = faults(file.key for file in files)
            result = self._pool.run(Task(f"{name}/{attempt}", run_id, ENTITY, files=files, faults=own, noise=noise))
            if not (result.died or result.error or result.again):
                return

    def _publish(self, partitions: list[str], name: str, faults: list[Fault], noise: Noise) -> None:
        for attempt in range(TRIES):
            own = faults if attempt == 0 else []
            task = Task(f"{name}/{attempt}", name, ENTITY, publish=partitions, faults=own, noise=noise)
            result = self._pool.run(task)
            if not (result.died or result.error):
                return

    def _load_all(self, files: Sequence[SourceFile], run_id: str) -> None:
        batches = plan_batches(files, self._entity.batch_bytes)
        tasks = [
            self._executor.submit(self._load, batch, f"{run_id}/{number}", run_id, lambda _: [], QUIET)
            for number, batch in enumerate(batches)
        ]
        for task in tasks:
            task.result()
        partitions = sorted({partition_for(self._entity, file.key).path for file in files})
        if partitions:
            self._publish(partitions, f"{run_id}/publish", [], QUIET)
