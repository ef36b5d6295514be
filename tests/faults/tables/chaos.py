"""Carries a plan out: the table changes, its clock runs, exports, compactions and the stream's lane work and die."""

from __future__ import annotations

import itertools
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lakelanes.catalog import athena
from lakelanes.config.loading import parse_config
from lakelanes.lake import Lake
from lakelanes.tables.export_requests import is_in_progress
from lakelanes.tables.ledger import TableLedger
from lakelanes.tables.planning import exported_until
from lakelanes.tables.windows import Window, next_window
from scripts.sample_orders import Orders
from tests.faults.batch_lane import TRIES
from tests.faults.findings import injected, listed
from tests.faults.points import QUIET
from tests.faults.roles import deploy_with_roles
from tests.faults.tables.lanes import Named
from tests.faults.tables.oracle import Findings, Watcher, check_exports, compare
from tests.faults.tables.plan import MOST_RECORDS, WINDOW_MINUTES, Plan, RunKind
from tests.faults.tables.source import Record, Source, Stream
from tests.faults.tables.workers import TABLE, Result, Task, table_pool
from tests.faults.workers import Pool, Settings
from tests.localaws.controls import control
from tests.support.lakes import config_text
from tests.support.localaws import REPOSITORY, LocalAws

_STEP = timedelta(minutes=WINDOW_MINUTES)
# Recovery is five minutes behind, and holds whole seconds.
_LAG = timedelta(minutes=5, seconds=2)
_RUNS_AT_ONCE = 4
_BACKLOG = 8 * MOST_RECORDS
_REPAIRS = 10
_DELIVERIES = 20
_PAUSE = 0.02


@dataclass
class Report:
    """What was done, and what came of it. ``tail``: what is wrong while the last changes are in the stream alone;
    ``end``: when everything was exported, too; ``meanwhile``: what was wrong before."""

    seed: str
    items: int
    writes: int = 0
    expired: int = 0
    windows: int = 0
    runs: Counter[str] = field(default_factory=Counter)
    tasks: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    exports: Counter[str] = field(default_factory=Counter)
    stream: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    killed: int = 0
    looks: int = 0
    lanes: Counter[str] = field(default_factory=Counter)
    shown: Counter[str] = field(default_factory=Counter)
    cells: int = 0
    seconds: float = 0.0
    meanwhile: Findings = field(default_factory=Findings)
    tail: Findings = field(default_factory=Findings)
    end: Findings = field(default_factory=Findings)

    @property
    def counts(self) -> Counter[str]:
        """What is wrong, by kind."""
        return sum((Counter(found.counts()) for found in (self.meanwhile, self.tail, self.end)), Counter[str]())

    @property
    def passed(self) -> bool:
        return not self.counts

    def describe(self) -> str:
        found = {"looks meanwhile": self.meanwhile, "with the stream's tail": self.tail, "all exported": self.end}
        lines = [
            f"seed {self.seed}: {self.items} items, {self.writes} writes, {self.expired} items expired, "
            f"{self.windows} windows exported, {self.seconds:.0f} s",
            f"runs: {listed(self.runs)}",
            f"tasks: {listed(self.tasks)}",
            f"exports by DynamoDB: {listed(self.exports)}",
            f"stream: {listed(self.stream)}",
            f"faults at fail points ({sum(self.points.values())}): {listed(self.points)}",
            f"faults by kind: {listed(self.faults)}; processes killed: {self.killed}",
            f"errors of tasks: {listed(self.errors)}",
            f"rows by lane: {listed(self.lanes)}; in the view, with the tail: {listed(self.shown)}",
            f"compared: {self.cells} cells twice, {self.looks} looks meanwhile",
            *(f"{name}: {listed(findings.counts())}" for name, findings in found.items()),
        ]
        lines += [f"{name}: {findings.describe()}" for name, findings in found.items() if not findings.clean]
        return "\n".join(lines)


def run(
    aws: LocalAws, plan: Plan, folder: Path, workers: int, *, hang_seconds: float = 1.0, mutation: str | None = None
) -> Report:
    """Carries out ``plan`` on a new lake of ``aws``. The process's environment must point at ``aws``."""
    started = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    name = f"tables{secrets.token_hex(4)}"
    text = _config(name)
    config = parse_config(text, {})
    table = config.tables[TABLE]
    roles = deploy_with_roles(aws, text, folder, OrdersTableName=table.dynamodb_table)
    source = Source(aws, Lake.open(config).dynamodb, table.dynamodb_table, Orders(plan.order_seed), plan.items)
    lake = Lake.open(config, clock=source.clock)
    settings = Settings(text, roles.worker, roles.function("StreamProcessor"), folder, 0.0, hang_seconds, mutation)
    with table_pool(settings, workers) as pool, ThreadPoolExecutor(64) as executor:
        report = _Run(lake, source, plan, pool, executor).carry_out()
        report.killed = pool.killed
    report.faults, report.points = injected(folder)
    report.seconds = time.monotonic() - started
    return report


def _config(name: str) -> str:
    """The configuration's own orders table, in short windows and under a name that nobody else has."""
    raw = json.loads((REPOSITORY / "include" / "lake.json").read_text())["tables"][TABLE]
    table = {**raw, "dynamodb_table": f"{name}_orders", "export": {"window_minutes": WINDOW_MINUTES}}
    return config_text(name=name, tables={TABLE: table})


class _Run:
    def __init__(self, lake: Lake, source: Source, plan: Plan, pool: Pool, executor: ThreadPoolExecutor) -> None:
        self.lake, self.source, self.plan, self.pool, self.executor = lake, source, plan, pool, executor
        self.table = lake.config.tables[TABLE]
        self.ledger = TableLedger(lake, TABLE)
        self.report = Report(plan.seed, plan.items)
        self.lock, self.looking = threading.Lock(), threading.Lock()
        self.quiet = False
        self.writing, self.losing, self.failed = True, True, False
        self.active = 0
        self.waiting: list[datetime] = []
        self.futures: list[Future[None]] = []
        self.broken: list[tuple[RunKind, str, Window | None]] = []
        self.delivered, self.lost_until = 0, 0

    def carry_out(self) -> Report:
        control(self.source.aws, "dynamodb/exports", delay=self.plan.export_seconds)
        self.source.load()
        self.source.advance(_LAG + timedelta(minutes=2))
        self.stream = Stream(self.source)
        self.watcher = Watcher(self.lake, self.table, self.stream)
        delivery = self._start(self._deliver)
        try:
            self._changes()
            self._settle()
            with self.lock:
                self.losing = False
            self.quiet = True
            self._export_until(datetime.fromtimestamp(self.lost_until, UTC))
            self.quiet = False
            self._tail()
        except BaseException:
            self.failed = True
            raise
        finally:
            self.writing = False
        delivery.result()
        self.quiet = True
        self._compare_tail()
        self._compare_end()
        return self.report

    def _changes(self) -> None:
        """All changes but the tail's, while time passes and every window's runs come when it is over."""
        self._launch("triggered", "base/0", None)
        self._launch("triggered", "base/1", None)
        if self.plan.calm:
            # On a slow machine the base would take in the first windows, which the plan is about.
            self._settle()
        end = next_window(self.source.clock(), WINDOW_MINUTES).end
        over = [(end + _STEP * place, window) for place, window in enumerate(self.plan.windows)]
        span = over[-1][0] + _LAG + timedelta(minutes=3) - self.source.clock()
        self.series = self.source.changes(self.plan.counts)
        count = sum(self.plan.counts.values()) * (100 - self.plan.tail) // 100
        steps = min(count, 16 * len(over))
        dice = self.plan.random("time")
        for number in range(steps):
            self._write(count * (number + 1) // steps - count * number // steps)
            self.source.advance(span / steps * dice.uniform(0.5, 1.5))
            if dice.random() < 0.1:
                self.report.expired += self.source.expire()
            while over and over[0][0] + _LAG <= self.source.clock():
                self._over(len(self.plan.windows) - len(over), *over.pop(0))
            self._keep_together()

    def _write(self, count: int | None = None) -> None:
        """The next ``count`` changes, None for all that are left."""
        for _ in itertools.islice(self.series, count):
            pass
        self.report.writes = self.source.written

    def _keep_together(self) -> None:
        """Lets the lanes come along: what happens long after the last change shows nothing."""
        while not self.failed and (self.active > _RUNS_AT_ONCE or len(self.stream.records) - self.delivered > _BACKLOG):
            time.sleep(_PAUSE)

    def _over(self, number: int, end: datetime, window: Any) -> None:
        """A window is over, and recovery holds it."""
        for member, count, more in (
            ("fail", window.failing, {}),
            ("refuse", min(1, window.refused), {"after_accepting": True}),
            ("refuse", window.refused - 1, {}),
        ):
            if count > 0:
                control(self.source.aws, "dynamodb/exports", **{member: {"count": count, **more}})
        for place, kind in enumerate(window.runs):
            period = None
            if kind in ("scheduled", "backfill"):
                period = Window(end - (window.back if kind == "backfill" else 1) * _STEP, end)
            self._launch(kind, f"{number}/{place}", period)
        if self.plan.calm:
            self._settle()
        for place in range(window.compactions):
            self._start(self._task, "maintain", f"maintain/{number}/{place}")
        if self.plan.calm:
            self._settle()
        if window.look:
            self._start(self._look)

    def _look(self) -> None:
        if self.looking.acquire(blocking=False):
            try:
                self.watcher.look()
            finally:
                self.looking.release()

    # Exports

    def _launch(self, kind: RunKind, name: str, period: Window | None) -> None:
        self.report.runs[kind] += 1
        self._start_run(kind, f"{kind}/{name}", period)

    def _start_run(self, kind: RunKind, name: str, period: Window | None) -> None:
        with self.lock:
            self.active += 1
        self._start(self._export_run, kind, name, period)

    def _export_run(self, kind: RunKind, name: str, period: Window | None) -> None:
        """A run of export_<table>."""
        try:
            if not self._run_tasks(kind, name, period):
                with self.lock:
                    self.broken.append((kind, name, period))
        finally:
            with self.lock:
                self.active -= 1

    def _run_tasks(self, kind: RunKind, name: str, period: Window | None) -> bool:
        """Whether all went well."""
        while (found := self._task("plan", name, name, period, kind)).well and isinstance(found.value, datetime):
            self._wait_until(found.value)
        if not found.well or not found.value:
            return found.well
        windows = list(found.value)
        self.plan.random(name).shuffle(windows)
        with ThreadPoolExecutor(min(4, len(windows))) as pairs:
            well = all(list(pairs.map(lambda named: self._export(name, named), windows)))
        return self._task("publish", name, windows).well and well

    def _export(self, run: str, named: Named) -> bool:
        """The mapped tasks of a window: export, which waits without a worker, and convert. Whether they went well."""
        name = f"{run}/{'-'.join(named)}"
        for look in itertools.count():
            result = self._task("export", f"{name}/{look}", named)
            if not result.well or result.value[0] in ("failed", "gap"):
                return False
            state, arn = result.value
            if state != "exporting":
                break
            while is_in_progress(self.lake, arn):
                time.sleep(_PAUSE)
        return self._task("convert", name, named).well

    def _wait_until(self, moment: datetime) -> None:
        with self.lock:
            self.waiting.append(moment)
            self.active -= 1
        while self.source.clock() < moment and not self.failed:
            time.sleep(_PAUSE)
        with self.lock:
            self.waiting.remove(moment)
            self.active += 1

    def _settle(self) -> None:
        """Until all runs have ended."""
        while waiting := [future for future in self.futures if not future.done()]:
            wait(waiting, 0.1)
            with self.lock:
                ahead = max(self.waiting, default=None)
            if ahead:
                self.source.reach(ahead)
        for future in self.futures:
            future.result()

    def _export_until(self, moment: datetime) -> datetime:
        """Has all windows exported until ``moment`` at least: clears the failed runs, then triggers others."""
        chain = self.ledger.chain()
        moment = max(moment, self.source.clock() - _LAG - _STEP)
        for attempt in range(_REPAIRS):
            if chain is not None:
                end = chain.start
                while end < moment:
                    end = next_window(end, WINDOW_MINUTES).end
                self.source.reach(end + _LAG)
            broken, self.broken = self.broken, []
            for kind, name, period in broken:
                self._start_run(kind, name, period)
            self._settle()
            self.report.runs["cleared"] += len(broken)
            self._launch("triggered", f"repair/{moment:%d%H%M}/{attempt}", None)
            self._settle()
            chain = self.ledger.chain()
            if chain is not None and exported_until(self.ledger, chain.start) >= moment:
                return exported_until(self.ledger, chain.start)
        return moment

    def _task(self, kind: str, name: str, *arguments: Any) -> Result:
        """A task with its retries, some of them started twice at the same time."""
        result = Result(error="not started")
        for attempt in range(TRIES):
            own = f"{name}/{kind}/{attempt}"
            fault = None if self.quiet else self.plan.fault(kind, own)
            twin = not self.quiet and (self.plan.is_twin(own) or (fault is not None and fault.kind == "hang"))
            task = Task(
                own,
                kind,
                arguments,
                self.source.clock.ahead,
                [fault] if fault else [],
                QUIET if self.quiet else self.plan.noise,
            )
            results = [self._call(task)] if not twin else self._twice(task)
            result = next((found for found in results if found.well), results[0])
            with self.lock:
                self.report.tasks[kind] += 1
                self.report.tasks["retries"] += attempt > 0
                self.report.tasks["twins"] += twin
            if result.well:
                break
        return result

    def _twice(self, task: Task) -> list[Result]:
        """The task, and what was started while it was taken for dead."""
        other = Task(f"{task.name}/twin", task.kind, task.arguments, task.ahead, [], task.noise)
        return list(self.executor.map(self._call, (task, other)))

    def _call(self, task: Task) -> Result:
        result: Result = self.pool.run(task)
        if result.error:
            with self.lock:
                self.report.errors[f"{task.kind} {result.error.partition(':')[0]}"] += 1
        return result

    # The stream

    def _deliver(self) -> None:
        """What Lambda does with the stream: batches in order, again when they failed, some of them twice."""
        for number in itertools.count():
            writing = self.writing
            if self.stream.read() <= self.delivered:
                if not writing:
                    return
                time.sleep(_PAUSE)
                continue
            batch = self.plan.batch(number)
            until = self.source.clock() + timedelta(minutes=batch.minutes)
            while self.writing and not self.quiet and self.source.clock() < until and self._is_near():
                time.sleep(_PAUSE)
            start = max(0, self.delivered - min(batch.back, 2 * MOST_RECORDS))
            records = self.stream.records[start : start + batch.records]
            self._count("records delivered before", min(len(records), self.delivered - start))
            if not (batch.lost and self._lose(records)):
                self._invoke(f"stream/{number}", records)
            self.delivered = max(self.delivered, start + len(records))
            self.stream.forget(self.delivered - 2 * MOST_RECORDS)

    def _lose(self, records: Sequence[Record]) -> bool:
        """Gives the records up, unless the exports are not to make good for it before the view is compared."""
        with self.lock:
            if not self.losing:
                return False
            self.lost_until = max(self.lost_until, records[-1].second + 1)
        self._count("records lost", len(records))
        return True

    def _is_near(self) -> bool:
        return len(self.stream.records) - self.delivered < _BACKLOG // 2

    def _invoke(self, name: str, records: Sequence[Record]) -> None:
        """An invocation with the records, and those that follow from its answer."""
        waiting = [list(records)]
        for attempt in range(_DELIVERIES):
            own = f"{name}/{attempt}"
            batch = waiting[0]
            fault = self.plan.fault("stream", own) if attempt < _DELIVERIES // 2 else None
            noise = self.plan.noise if attempt < _DELIVERIES // 2 else QUIET
            texts = [record.text for record in batch]
            task = Task(own, "stream", (texts,), self.source.clock.ahead, [fault] if fault else [], noise)
            twin = fault is not None and fault.kind == "hang"
            results = self._twice(task) if twin else [self._call(task)]
            result = next((found for found in results if found.well), results[0])
            self._count("invocations")
            if result.well and result.value is None:
                self._count("records", len(batch))
                waiting.pop(0)
            elif result.well:
                places = [record.sequence for record in batch]
                waiting[0] = batch[places.index(result.value) :]
                self._count("partial failures")
            elif len(batch) > 1:
                self._count("batches divided")
                waiting[:1] = [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
            if not waiting:
                return
        raise AssertionError(f"{name} was delivered {_DELIVERIES} times, and {waiting[0][0].sequence} is not done")

    def _tail(self) -> None:
        """Changes that no export has when the view is compared first."""
        self._write()
        self.report.expired += self.source.expire()

    # The end

    def _compare_tail(self) -> None:
        items, view = self.source.scan(), self.watcher.look()
        self.report.tail = compare(self.table, items, view, self.stream)
        self.report.shown = view.sources if view else Counter()
        self.report.cells = len(items) * (len(self.table.columns) + 2)

    def _compare_end(self) -> None:
        through = self._export_until(self.source.clock())
        self._task("maintain", "maintain/last")
        report = self.report
        report.end = compare(self.table, self.source.scan(), self.watcher.look(), self.stream)
        report.exports = check_exports(self.lake, self.table, through, report.end)
        report.meanwhile, report.looks = self.watcher.findings, self.watcher.looks
        windows = self.ledger.windows(datetime.fromtimestamp(0, UTC))
        report.windows = sum(export.state == "published" for export in windows)
        changes, snapshots = self.table.changes_table, self.table.snapshot_table
        sql = (
            f"SELECT lane, count(*) AS n FROM {changes} GROUP BY lane "
            f"UNION ALL SELECT 'snapshot', count(*) FROM {snapshots}"
        )
        report.lanes.update({str(row["lane"]): int(row["n"] or 0) for row in athena.query(self.lake, sql)})

    def _start(self, function: Callable[..., Any], *arguments: Any) -> Future[None]:
        def guarded() -> None:
            try:
                function(*arguments)
            except BaseException:
                self.failed = True
                raise

        future = self.executor.submit(guarded)
        if function != self._deliver:
            self.futures.append(future)
        return future

    def _count(self, name: str, count: int = 1) -> None:
        with self.lock:
            self.report.stream[name] += count
