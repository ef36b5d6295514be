"""Carries a plan out: files change, both lanes run at once in processes that die, and the sweep repairs."""

from __future__ import annotations

import itertools
import json
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lakelanes.dashboards.refresh_plan import DAILY_REFRESHES
from lakelanes.files.listing import list_entity
from lakelanes.files.pending import pending
from lakelanes.files.queue_lane import Message
from lakelanes.lake import Lake
from lakelanes.ledger.entries import MAX_ATTEMPTS
from lakelanes.ledger.source_file import SourceFile
from tests.faults import lanes
from tests.faults.batch_lane import Armed, BatchLane, ProcessLane
from tests.faults.dashboards import Refreshed, refreshing
from tests.faults.findings import injected, listed
from tests.faults.oracle import Findings, current_entries, examine, history, open_uploads
from tests.faults.plan import ENTITIES, ENTITY, Change, Day, Plan, Version
from tests.faults.roles import Roles, deploy_with_roles
from tests.faults.workers import RECEIVES, Pool, Settings, Task, open_lake
from tests.support.lakes import config_text
from tests.support.localaws import LocalAws
from tests.support.roles import lake_as

# Messages of an invocation, as the function's event source mapping has it.
_MESSAGES = 10
# What an invocation has left; some are short, and give back what they have not finished.
_SECONDS = 60.0
_SHORT_SECONDS = 9.0
_SWEEPS = 30


@dataclass
class Report:
    """What was done, and what came of it."""

    seed: str
    files: int
    versions: int = 0
    deletions: int = 0
    events: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    planned: int = 0
    killed: int = 0
    sweeps: int = 0
    swept: int = 0
    registered: int = 0
    triggered: int = 0
    uploads: int = 0
    rows: int = 0
    seconds: float = 0.0
    findings: Findings = field(default_factory=Findings)
    histories: dict[str, list[str]] = field(default_factory=dict)
    refreshed: Refreshed | None = None
    lane: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Nothing is wrong, only processes that were killed left uploads open (a lifecycle rule removes those), and
        QuickSight has the views' rows without more refreshes than it takes."""
        refreshed = self.refreshed
        copied = refreshed is None or (not refreshed.differs and refreshed.most <= DAILY_REFRESHES)
        return self.findings.clean and self.uploads <= self.killed and copied

    def describe(self) -> str:
        lines = [
            f"seed {self.seed}: {self.files} files, {self.versions} versions, {self.deletions} deletions, "
            f"{self.rows} rows in the end, {self.seconds:.0f} s",
            f"events: {listed(self.events)}",
            f"faults at fail points ({sum(self.points.values())} of {self.planned} planned): {listed(self.points)}",
            f"faults by kind: {listed(self.faults)}",
            f"processes killed: {self.killed}; multipart uploads left open: {self.uploads}",
            f"repaired: {self.sweeps} sweeps, {self.swept} files loaded and {self.registered} partitions "
            f"registered by them; {self.triggered} files that failed "
            f"{MAX_ATTEMPTS} times were triggered",
            *self.lane,
        ]
        if (copied := self.refreshed) is not None:
            lines.append(
                f"SPICE: refreshes {listed(copied.kinds)}; faults {listed(copied.faults)}; at most "
                f"{copied.most} of a data set; different from its view: {listed(copied.differs)}"
            )
        lines.append(listed(self.findings.counts()))
        if not self.passed:
            lines.append(self.findings.describe())
            lines += [f"{key}\n    " + "\n    ".join(entries) for key, entries in self.histories.items()]
        return "\n".join(lines)


def run(
    aws: LocalAws, plan: Plan, folder: Path, workers: int, *, lease_seconds: float, mutation: str | None = None
) -> Report:
    """Carries out ``plan`` on a new lake of ``aws``. The process's environment must point at ``aws``."""
    folder.mkdir(parents=True, exist_ok=True)
    text = config_text(ENTITIES)
    roles = deploy_with_roles(aws, text, folder)
    days_at_once = max(2, workers)
    return run_on(
        Site(text, roles, folder), plan, workers, days_at_once, lease_seconds=lease_seconds, mutation=mutation
    )


@dataclass(frozen=True)
class Site:
    """A lake that is deployed, by the configuration ``text``, and a folder for what the harness notes."""

    text: str
    roles: Roles
    folder: Path


LaneOf = Callable[[Lake, Pool, ThreadPoolExecutor, Plan], BatchLane]


def own_processes(own: Lake, pool: Pool, executor: ThreadPoolExecutor, plan: Plan) -> BatchLane:
    """The batch lane in the harness's own processes."""
    return ProcessLane(own, pool, executor, plan.noise)


def run_on(
    site: Site,
    plan: Plan,
    workers: int,
    days_at_once: int,
    *,
    lease_seconds: float,
    mutation: str | None = None,
    lane_of: LaneOf = own_processes,
    refreshes: bool = True,
) -> Report:
    """Carries out ``plan`` with so many processes of the harness, whose leases last so long. ``lane_of`` makes the
    batch lane; its lake has the rights of Airflow's workers. ``refreshes``: whether SPICE has copies meanwhile, whose
    quota of a day is for a plan of minutes. The process's environment must point at the AWS."""
    started = time.monotonic()
    folder, roles, text = site.folder, site.roles, site.text
    lake = open_lake(text, lease_seconds)
    function, hang_seconds = roles.function("FileProcessor"), lease_seconds * 1.5
    settings = Settings(text, roles.worker, function, folder, lease_seconds, hang_seconds, mutation)
    own = lake_as(roles.worker, lambda: open_lake(text, lease_seconds))
    with (
        Pool(settings, workers) as pool,
        ThreadPoolExecutor(max(workers, days_at_once) * 2) as executor,
        refreshing(roles.aws, own, plan.seed, folder) if refreshes else nullcontext() as refresher,
    ):
        lane = lane_of(own, pool, executor, plan)
        report = _Run(lake, own, plan, pool, executor, lane).carry_out(days_at_once)
        report.killed, report.lane = pool.killed + lane.killed, lane.describe()
        report.refreshed = refresher.end() if refresher else None
    report.uploads = open_uploads(lake)
    report.findings = examine(lake, plan.files)
    report.histories = {key: history(lake, key) for key in report.findings.keys()[:20]}
    report.rows = sum(entry.live_rows or 0 for entry in current_entries(lake))
    report.faults, report.points = injected(folder)
    report.seconds = time.monotonic() - started
    return report


class _Run:
    """``lake`` is for those who put files; ``own`` has the rights of Airflow's workers."""

    def __init__(
        self, lake: Lake, own: Lake, plan: Plan, pool: Pool, executor: ThreadPoolExecutor, lane: BatchLane
    ) -> None:
        self.lake, self.own, self.plan, self.pool, self.executor, self.lane = lake, own, plan, pool, executor, lane
        self.bucket = lake.config.resources.source_bucket
        self.entity = lake.config.entities[ENTITY]
        queue = lake.config.resources.dead_letter_queue
        self.dead_letters = lake.sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        self.sequencers = itertools.count(0x5500000000)
        self.lock = threading.Lock()
        self.report = Report(plan.seed, len(plan.files), planned=plan.faults)

    def carry_out(self, days_at_once: int) -> Report:
        with ThreadPoolExecutor(days_at_once) as days:
            list(days.map(self._day, self.plan.days))
        self._repair()
        return self.report

    def _day(self, day: Day) -> None:
        events: dict[int, list[dict[str, Any]]] = {wave: [] for wave in range(self.plan.waves + 1)}
        armed = Armed()
        for wave in range(self.plan.waves):
            armed.add(day.faults[wave])
            if fault := day.register_faults[wave]:
                armed.add({"": fault})
            own = [change for change in day.changes if change.wave == wave]
            self._apply([change for change in own if not change.in_flight], events)
            running, at_work = [], threading.Event()
            if wave in day.batch_waves:
                running.append(self.executor.submit(self.lane.load, day, armed, wave, at_work))
                at_work.wait()
            running.append(self.executor.submit(self._fast, events.pop(wave), armed, f"{day.key}/{wave}"))
            # In flight: while both lanes are at work.
            late: dict[int, list[dict[str, Any]]] = {w: [] for w in range(self.plan.waves + 1)}
            for change in (change for change in own if change.in_flight):
                self._apply([change], late)
            running.append(self.executor.submit(self._fast, late.pop(wave), armed, f"{day.key}/{wave}/late"))
            for later, found in late.items():
                events.setdefault(later, []).extend(found)
            for future in running:
                future.result()
        self._fast(events.pop(self.plan.waves), armed, f"{day.key}/last")

    def _apply(self, changes: Iterable[Change], events: dict[int, list[dict[str, Any]]]) -> None:
        for change in changes:
            if change.version is None:
                self.lake.s3.delete_object(Bucket=self.bucket, Key=change.key)
                self._count("deletions")
                continue
            self._count("versions")
            event = self._put(change.key, change.version)
            if not change.events:
                self.report.events["lost"] += 1
            for number, wave in enumerate(change.events):
                events[wave].append(event)
                kind = "doubled" if number else "delayed" if wave > change.wave else "in time"
                with self.lock:
                    self.report.events[kind] += 1

    def _put(self, key: str, version: Version) -> dict[str, Any]:
        body = version.body
        self.lake.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        when = datetime.now(UTC)
        return lanes.s3_event(self.bucket, key, version.etag, len(body), when, next(self.sequencers))

    def _fast(self, events: list[dict[str, Any]], armed: Armed, name: str) -> None:
        """Delivers events in another order than they came in, each message until it is done or given up."""
        shuffled = sorted(events, key=lambda event: hash_of(name, lanes.key_of(event)))
        for number, start in enumerate(range(0, len(shuffled), _MESSAGES)):
            batch = f"{name}/{number}"
            waiting = {f"{batch}/{n}": event for n, event in enumerate(shuffled[start : start + _MESSAGES])}
            for receive in range(1, RECEIVES + 1):
                task = Task(
                    f"{batch}/{receive}",
                    batch,
                    messages=[Message(i, json.dumps(event), "", receive) for i, event in waiting.items()],
                    seconds=_SHORT_SECONDS if hash_of(batch) % 8 == 0 else _SECONDS,
                    faults=armed.take(["", *map(lanes.key_of, waiting.values())]),
                    noise=self.plan.noise,
                )
                result = self.pool.run(task)
                if not (result.died or result.error):
                    waiting = {i: event for i, event in waiting.items() if i in result.again}
                if not waiting:
                    break
            for event in waiting.values():
                self.lake.sqs.send_message(QueueUrl=self.dead_letters, MessageBody=json.dumps(event))
            with self.lock:
                self.report.events["dead letters"] += len(waiting)

    def _repair(self) -> None:
        """Sweeps until a sweep finds nothing and nobody holds a claim; then triggers what the sweeps gave up."""
        triggered = False
        for number in range(_SWEEPS):
            self.report.sweeps += 1
            swept = self.lane.sweep(number)
            self.report.registered += swept.registered
            self.report.swept += swept.files
            if swept.files or not swept.complete:
                continue
            if claims := [entry.lease_until for entry in current_entries(self.lake) if entry.state == "claimed"]:
                ends = datetime.fromisoformat(min(claims)) + timedelta(milliseconds=1)
                time.sleep(max(0.0, (ends - datetime.now(UTC)).total_seconds()))
            elif triggered:
                return
            else:
                # Somebody triggers load_<entity>; whatever else the sweeps did not find is theirs to answer for.
                triggered = True
                given_up = self._given_up()
                self.report.triggered += len(given_up)
                self.lane.load_rest(given_up)

    def _given_up(self) -> list[SourceFile]:
        left = pending(self.own, list_entity(self.own, self.entity))
        known = self.own.ledger.get_many(file.uri for file in left)
        return [
            file
            for file in left
            if (entry := known.get(file.uri))
            and entry.state in ("claimed", "failed")
            and entry.attempts >= MAX_ATTEMPTS
        ]

    def _count(self, name: str) -> None:
        with self.lock:
            setattr(self.report, name, getattr(self.report, name) + 1)


def hash_of(*parts: str) -> int:
    """A number that depends on the parts alone, in every process."""
    return zlib.crc32("/".join(parts).encode())
