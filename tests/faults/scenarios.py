"""One fault and a handful of files: what was loaded before, the fault, what becomes of each file meanwhile, repairs.

A hang lasts until a successor has taken the file over and is done: nothing here waits for a lease.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from lakelanes.catalog.registrar import Registrar
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_partition
from lakelanes.files.matching import partition_for
from lakelanes.files.sweep import find_unloaded, register_done
from lakelanes.lake import Lake
from lakelanes.ledger.source_file import SourceFile
from tests.faults.oracle import Findings, examine
from tests.faults.plan import ENTITIES, ENTITY, Kind, Version
from tests.faults.points import POINTS, Fault
from tests.faults.roles import deploy_with_roles
from tests.faults.workers import Pool, Settings, Task, open_lake
from tests.support.lakes import config_text
from tests.support.localaws import LocalAws
from tests.support.roles import lake_as
from tests.support.waiting import wait_for

LEASE_SECONDS = 900
# What was loaded before, and what becomes of the file while the fault acts.
CASES = [
    (before, meanwhile)
    for before, outcomes in (
        ("loaded", ("nothing", "reverted", "refused", "deleted")),
        ("new", ("overwritten", "refused", "deleted")),
    )
    for meanwhile in outcomes
]


@dataclass
class World:
    admin: Lake  # an administrator's, who puts files and looks at everything, one hour later
    lake: Lake  # with the rights of Airflow's workers
    later: Lake  # the same one hour later: every lease has run out
    pool: Pool
    folder: Path
    days: Iterator[date]

    def fired(self) -> list[dict[str, str]]:
        log = self.folder / "faults.jsonl"
        lines = log.read_text().splitlines(keepends=True) if log.exists() else []
        # Of the last one a worker may just have written a part.
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def put(self, key: str, version: Version | None) -> None:
        assert version is not None
        self.admin.s3.put_object(Bucket=self.lake.config.resources.source_bucket, Key=key, Body=version.body)

    def delete(self, key: str) -> None:
        self.admin.s3.delete_object(Bucket=self.lake.config.resources.source_bucket, Key=key)

    def listed(self, day: date) -> list[SourceFile]:
        return list_partition(self.lake, self.lake.config.entities[ENTITY], f"{day:%Y-%m-%d}")

    def sweep(self) -> None:
        """What sweep_sources does, until there is nothing left to do."""
        entity = self.later.config.entities[ENTITY]
        for number in range(5):
            found = find_unloaded(self.later, full=True)
            register_done(self.later, found)
            files = found.files.get(ENTITY, [])
            if not files:
                return
            load_batch(self.later, entity, files, lane="batch", run_id=f"sweep-{number}")
            Registrar(self.later, "look").register_entity(entity, {partition_for(entity, file.key) for file in files})
        raise AssertionError("the sweep does not come to an end")

    def suffer(self, task: Task, overtake: Callable[[], None] | None) -> None:
        """Runs a task until each of its faults has acted. With ``overtake`` they are hangs: while they last, that is
        called and the sweep takes the files over."""
        release, before = self.folder / "release", len(self.fired())
        release.unlink(missing_ok=True)
        with ThreadPoolExecutor(1) as executor:
            running = executor.submit(self.pool.run, task)
            try:
                if overtake:
                    wait_for(self.fired, lambda fired: len(fired) >= before + len(task.faults), "the fault to act")
                    overtake()
                    self.sweep()
            finally:
                release.touch()
            result = running.result()
        assert result.died == (task.faults[0].kind == "kill"), result
        assert len(self.fired()) == before + len(task.faults), "a fault's point was never come to"

    def forget(self, keys: Iterable[str]) -> None:
        """Takes files out of the sweep's sight."""
        ledger, bucket = self.admin.ledger, self.lake.config.resources.source_bucket
        for key in keys:
            self.delete(key)
            item = {"source": {"S": f"s3://{bucket}/{key}"}, "version": {"S": "current"}}
            ledger._db.delete_item(TableName=ledger.table, Key=item)


@contextmanager
def make_world(aws: LocalAws, folder: Path, mutation: str | None = None) -> Generator[World]:
    """A lake of its own and one worker process. The process's environment must point at ``aws``."""
    text = config_text(ENTITIES)
    roles = deploy_with_roles(aws, text, folder)
    lake = lake_as(roles.worker, lambda: open_lake(text, LEASE_SECONDS))
    later = lake_as(roles.worker, lambda: open_lake(text, LEASE_SECONDS, ahead=timedelta(hours=1)))
    days = (date(2024, 1, 1) + timedelta(days=number) for number in itertools.count())
    settings = Settings(text, roles.worker, roles.function("FileProcessor"), folder, LEASE_SECONDS, None, mutation)
    with Pool(settings, 1) as pool:
        admin = open_lake(text, LEASE_SECONDS, ahead=timedelta(hours=1))
        yield World(admin, lake, later, pool, folder, days)


def play(world: World, point: str, kind: str) -> Findings:
    """Plays CASES with a fault of ``kind`` at ``point`` for each file; returns what is wrong after the sweep."""
    # Only a file of several megabytes is uploaded in parts.
    cases = CASES[:2] if point.endswith("_part") else CASES
    if kind == "kill":  # a new process for each: every other case, in turns
        cases = cases[POINTS.index(point) % 2 :: 2]
    newest: Kind = {"part": "large", "read": "wide"}.get(point.split("_")[1], "mixed")  # type: ignore[assignment]
    day = next(world.days)
    keys = [f"orders_{day:%Y_%m_%d}_{day:%m%d}{number:02d}.csv" for number in range(len(cases))]
    meanwhile = {key: then for key, (_, then) in zip(keys, cases, strict=True)}
    files: dict[str, list[Version | None]] = {key: [] for key in keys}

    def put(key: str, number: int, kind: Kind) -> None:
        files[key].append(Version(key.rsplit("_")[-1].removesuffix(".csv"), number, kind, point))
        world.put(key, files[key][-1])

    for key, (before, _) in zip(keys, cases, strict=True):
        if before == "loaded":
            put(key, 1, "mixed")
    load_batch(world.lake, world.lake.config.entities[ENTITY], world.listed(day), lane="batch", run_id="before")
    for key in keys:
        put(key, 2, newest)
    listed = world.listed(day)
    if point.endswith("_adopt"):  # the file is another one than was listed
        for key in keys:
            put(key, 3, "mixed")

    def change() -> None:
        for key, then in meanwhile.items():
            if then == "deleted":
                files[key].append(None)
                world.delete(key)
            elif then == "reverted":
                files[key].append(files[key][0])
                world.put(key, files[key][0])
            elif then != "nothing":
                put(key, 9, "refused" if then == "refused" else "good")

    whole = point.endswith("_register")
    # A worker that is killed takes its whole task along, so each file has a task of its own.
    for group in [[file] for file in listed] if kind == "kill" and not whole else [listed]:
        task = Task("task", "run", ENTITY, files=group, faults=[Fault(point, kind, file.key) for file in group])
        if whole:
            world.pool.run(Task("load", "run", ENTITY, files=group))
            path = partition_for(world.lake.config.entities[ENTITY], group[0].key).path
            task = Task("publish", "run", ENTITY, publish=[path], faults=[Fault(point, kind)])
        world.suffer(task, change if kind == "hang" else None)
    if kind != "hang":
        change()
    world.sweep()
    findings = examine(world.admin, files)
    world.forget(files)
    return findings
