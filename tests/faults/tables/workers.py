"""Worker processes that run the tasks of tables."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from lakelanes.config.loading import parse_config
from lakelanes.lake import Lake
from lakelanes.tables.stream import StreamLane
from tests.faults.points import QUIET, Fault, Injector, Noise
from tests.faults.tables import lanes
from tests.faults.tables.points import table_step
from tests.faults.workers import Pool, Settings, hurry, mutate
from tests.support.roles import lake_as

TABLE = "orders"


@dataclass(frozen=True)
class Task:
    """One task: ``kind`` with the arguments of the function of its name in ``lanes``. ``ahead``: how far the table's
    clock is ahead of this machine's, in seconds."""

    name: str
    kind: str
    arguments: Sequence[Any] = ()
    ahead: float = 0.0
    faults: list[Fault] = field(default_factory=list)
    noise: Noise = QUIET


@dataclass(frozen=True)
class Result:
    """``died``: the process was killed. ``error``: what the task raised. ``value``: what it returned."""

    died: bool = False
    error: str | None = None
    value: Any = None

    @property
    def well(self) -> bool:
        return not self.died and self.error is None


@dataclass
class Clock:
    """Time as it is at the table's service, which the harness moves."""

    ahead: float = 0.0

    def __call__(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead)


class TableWorker:
    """The inside of a process."""

    def __init__(self, settings: Settings) -> None:
        os.environ.update(settings.environment)
        hurry()
        self.clock = Clock()
        config = parse_config(settings.config, {})
        self.lake = Lake.open(config, clock=self.clock)
        stream = lake_as(settings.function, lambda: Lake.open(config, clock=self.clock))
        self.table = self.lake.config.tables[TABLE]
        self.injector = Injector(
            settings.folder / "faults.jsonl", table_step, settings.hang_seconds, settings.folder / "release"
        )
        for lake in (self.lake, stream):
            for client in (lake.s3, lake.glue, lake.dynamodb):
                self.injector.attach(client)
        self.lane = StreamLane(stream)
        mutate(settings.mutation)

    def run(self, task: Task) -> Result:
        self.clock.ahead = task.ahead
        self.injector.arm(task.faults, task.noise, task.name)
        try:
            if task.kind == "stream":
                return Result(value=lanes.stream_task(self.lane, *task.arguments))
            function = getattr(lanes, f"{task.kind}_task")
            return Result(value=function(self.lake, self.table, *task.arguments))
        except Exception as error:
            return Result(error=f"{type(error).__name__}: {error}")


def table_pool(settings: Settings, count: int) -> Pool:
    return Pool(settings, count, TableWorker, Result(died=True))
