"""Worker processes: each runs one task at a time, and may be killed by a fault of its task."""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import random
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.retries import standard

from lakelanes.aws import clients, storage
from lakelanes.config.loading import parse_config
from lakelanes.files.queue_lane import FastLane, Message
from lakelanes.lake import Lake
from lakelanes.ledger.files import Ledger
from lakelanes.ledger.source_file import SourceFile
from tests.faults import lanes
from tests.faults.points import QUIET, Fault, Injector, Noise, file_step
from tests.support.roles import lake_as

# S3's smallest part, and reads small enough that a file takes several.
PART_BYTES = 5 << 20
READ_BYTES = 64 << 10
# How often a queue delivers a message before it is a dead letter.
RECEIVES = 3


@dataclass(frozen=True)
class Settings:
    """What a worker is told at its start. ``environment`` has the credentials of Airflow's workers, ``function`` those
    of the other lane's function. ``mutation``: 'module:function' that breaks the engine."""

    config: str
    environment: dict[str, str]
    function: dict[str, str]
    folder: Path
    lease_seconds: float
    hang_seconds: float | None
    mutation: str | None = None


@dataclass(frozen=True)
class Task:
    """One task of the batch lane, one publishing of partitions, or one invocation of the other lane's function, which
    has so many seconds."""

    name: str
    run_id: str
    entity: str = ""
    files: list[SourceFile] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    seconds: float = 60.0
    publish: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    noise: Noise = QUIET


@dataclass(frozen=True)
class Result:
    """``died``: the process was killed. ``error``: what the task raised. ``again``: keys of the batch lane, or ids of
    messages, that are to come again. ``states``: the outcomes' states by key."""

    died: bool = False
    error: str | None = None
    again: list[str] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)


def open_lake(config: str, lease_seconds: float, ahead: timedelta = timedelta(0)) -> Lake:
    """A lake with short leases, whose clock is ``ahead`` of the time."""
    lake = Lake.open(parse_config(config, {}), clock=lambda: datetime.now(UTC) + ahead)
    lake.__dict__["ledger"] = Ledger(lake.dynamodb, lake.config.resources.ledger_table, lake.clock, lease_seconds)
    return lake


def hurry() -> None:
    """Makes this process's clients try three times, and wait milliseconds between tries: time runs faster here."""
    clients._CONFIG = Config(
        retries={"mode": "standard", "total_max_attempts": 3}, max_pool_connections=16, read_timeout=60
    )
    standard.ExponentialBackoff.delay_amount = lambda self, context: random.random() * 0.02  # type: ignore[method-assign]
    kinds: Any = storage.ObjectWriter.__init__.__kwdefaults__
    kinds["part_bytes"] = PART_BYTES
    storage.ObjectReader.__init__.__defaults__ = (None, READ_BYTES, None)


def mutate(mutation: str | None) -> None:
    """Breaks the engine of this process: ``module:function``, None for no mutation."""
    if mutation:
        module, _, name = mutation.partition(":")
        getattr(import_module(module), name)()


class Worker:
    """The inside of a process."""

    def __init__(self, settings: Settings) -> None:
        os.environ.update(settings.environment)
        hurry()
        self.lake = open_lake(settings.config, settings.lease_seconds)
        self.injector = Injector(
            settings.folder / "faults.jsonl",
            partial(file_step, self.lake.config.resources.source_bucket),
            settings.hang_seconds,
            settings.folder / "release",
        )
        fast = lake_as(settings.function, lambda: open_lake(settings.config, settings.lease_seconds))
        for lake in (self.lake, fast):
            for client in (lake.s3, lake.glue, lake.ledger._db):
                self.injector.attach(client)
        self.lane = FastLane(fast, max_receives=RECEIVES)
        mutate(settings.mutation)

    def run(self, task: Task) -> Result:
        self.injector.arm(task.faults, task.noise, task.name)
        try:
            if task.messages:
                return Result(again=lanes.fast_lane(self.lane, task.messages, task.seconds))
            if task.publish:
                lanes.publish(self.lake, task.entity, task.publish)
                return Result()
            outcomes = lanes.batch_lane(self.lake, task.entity, task.files, task.run_id)
            states = {o.source.removeprefix("s3://").partition("/")[2]: o.state for o in outcomes}
            return Result(states=states, again=[key for key, state in states.items() if state == "failed"])
        except Exception as error:
            return Result(error=f"{type(error).__name__}: {error}")


def serve(connection: Connection, kind: Callable[[Settings], Any], settings: Settings) -> None:
    """The process: runs what comes until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.disable(logging.CRITICAL)
    worker = kind(settings)
    with suppress(EOFError):
        while True:
            connection.send(worker.run(connection.recv()))


class Pool:
    """``count`` worker processes; one that was killed is replaced. Thread-safe.

    ``kind`` makes the inside of a process; its ``run`` returns what the pool's ``run`` does, which
    returns ``died`` when the process was killed.
    """

    def __init__(
        self, settings: Settings, count: int, kind: Callable[[Settings], Any] = Worker, died: Any = Result(died=True)
    ) -> None:
        self._settings, self._kind, self._died = settings, kind, died
        self._context = multiprocessing.get_context("forkserver")
        # Forked from a process that has everything imported and nothing started.
        self._context.set_forkserver_preload(
            [kind.__module__, "pyarrow.parquet", "pyarrow.csv", "lakelanes.convert.pipeline"]
        )
        self._idle: queue.SimpleQueue[tuple[Any, Connection]] = queue.SimpleQueue()
        self.killed = 0
        for _ in range(count):
            self._idle.put(self._start())
        self._count = count

    def run(self, task: Any, started: Callable[[], None] | None = None) -> Any:
        """Runs the task in the next idle process and waits for its end: its result, or one that says that it died."""
        process, connection = self._idle.get()
        try:
            connection.send(task)
            if started:
                started()
            result = connection.recv()
        except (EOFError, ConnectionError):
            process.join()
            connection.close()
            self.killed += 1
            process, connection = self._start()
            result = self._died
        finally:
            self._idle.put((process, connection))
        return result

    def close(self) -> None:
        for _ in range(self._count):
            process, connection = self._idle.get()
            connection.close()
            process.join()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> tuple[Any, Connection]:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=serve, args=(theirs, self._kind, self._settings), daemon=True)
        process.start()
        theirs.close()
        return process, ours
