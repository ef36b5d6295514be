"""The whole way on sample data: start the stack, upload, let both lanes load, ask Athena, compare, stop.

    python scripts/demo.py [--days N] [--end YYYY-MM-DD] [--seed N] [--time-limit SECONDS] [--keep]

The low-latency lane is switched off while Airflow loads all days but the last. Then it is switched on: it gets S3's
events for files that are loaded by then, and loads none of them again; those of the last day it loads as they come.

Orders in a DynamoDB table come by a full export, by the table's stream, and by an export of what has changed.

At the end the dashboards are deployed to QuickSight: its copies (SPICE) are held against the views' rows, also after a
file of an old day was replaced.

Exits 0 when every number from the ledger and from Athena is the one that the generator wrote, 1 when one differs or
something failed, 130 when interrupted. Whatever happens, everything that was started is stopped; ``--keep`` leaves it
running after a success, for ``make down`` to stop.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from types import FrameType
from typing import Any

import requests
from botocore.exceptions import BotoCoreError, ClientError

from lakelanes.catalog import athena
from lakelanes.catalog.views import read_views
from lakelanes.errors import LakeError
from lakelanes.files.matching import match
from lakelanes.lake import Lake
from scripts.airflow_api import AirflowApi, AirflowError
from scripts.console import Stages, size, table
from scripts.demo_dashboards import DashboardsDemo, DashboardsError
from scripts.demo_orders import BEHIND_SECONDS, OrdersDemo, OrdersError
from scripts.deploy import DeployError, stack_name
from scripts.sample_data import (
    DEFAULT_DAYS,
    DEFAULT_END,
    DEFAULT_SEED,
    Defect,
    Manifest,
    SampleData,
    SampleFile,
    Totals,
    upload_files,
)
from scripts.stack import Stack, StackError

ROOT = Path(__file__).resolve().parent.parent
TIME_LIMIT = 600
POLL_SECONDS = 0.5
# So many days of sales come by a backfill, each in a run with its partition key; the others in one run.
BACKFILLED_DAYS = 3
ENDED = ("success", "failed")

# What a dashboard would ask of each view. A view that is not listed here shows its first rows.
QUESTIONS = {
    "revenue_by_day_and_category": (
        "SELECT sales_date, product_category, transactions, refunds, units, revenue FROM revenue_by_day_and_category "
        "WHERE year = '{end:%Y}' AND month = '{end:%m}' AND day = '{end:%d}' ORDER BY revenue DESC"
    ),
    "revenue_against_target": (
        "SELECT month, store_id, store_name, transactions, revenue, revenue_target, attainment_percent "
        "FROM revenue_against_target WHERE year = '{end:%Y}' AND month = '{end:%m}' "
        "ORDER BY attainment_percent DESC LIMIT 5"
    ),
    "web_traffic_by_hour": (
        "SELECT traffic_date, hour, sessions, mobile_sessions, page_views, conversion_percent, orders, revenue "
        "FROM web_traffic_by_hour WHERE year = '{end:%Y}' AND month = '{end:%m}' AND day = '{end:%d}' "
        "ORDER BY sessions DESC LIMIT 5"
    ),
    "daily_scorecard": (
        "SELECT sales_date, transactions, revenue, revenue_a_week_before, revenue_7_day_average, best_category, "
        "sessions, conversion_percent FROM daily_scorecard ORDER BY sales_date DESC LIMIT 7"
    ),
    "rejected_rows": (
        "SELECT source_file, line, column_name, reason, substr(raw, 1, 40) AS raw_begins FROM rejected_rows "
        "ORDER BY reason, source_file LIMIT 8"
    ),
    "rows_by_day": (
        "SELECT entity, covered_day, rows_loaded, rows_rejected FROM rows_by_day "
        "WHERE covered_day = DATE '{end:%Y-%m-%d}' ORDER BY entity"
    ),
    "orders_revenue_by_category": (
        "SELECT order_month, currency, category, orders, units, revenue, returned_revenue "
        "FROM orders_revenue_by_category WHERE currency = 'CHF' ORDER BY order_month DESC, revenue DESC LIMIT 6"
    ),
    "orders_monthly_trends": (
        "SELECT order_month, currency, orders, cancelled_orders, customers, revenue, average_basket, units_per_order, "
        "growth_percent FROM orders_monthly_trends WHERE currency = 'EUR' ORDER BY order_month DESC LIMIT 5"
    ),
    "orders_customer_cohorts": (
        "SELECT cohort_month, months_later, cohort_customers, customers, retention_percent, orders, revenue "
        "FROM orders_customer_cohorts WHERE months_later <= 3 ORDER BY cohort_month, months_later LIMIT 8"
    ),
    "orders_fulfilment": (
        "SELECT order_month, carrier, orders, cancelled_orders, shipped_orders, delivered_orders, late_percent, "
        "hours_to_ship, hours_on_the_way FROM orders_fulfilment ORDER BY order_month DESC, orders DESC LIMIT 5"
    ),
}


class DemoError(Exception):
    """The demo cannot go on, or its result is wrong; the text says what was found and what was expected."""


class TimeLimitReached(BaseException):
    """Not an Exception, so that nothing that retries takes it for a fault that passes."""


@dataclass(frozen=True)
class Found:
    """What ledger and Athena say of one entity, to be held against the generator's Totals."""

    files: int
    ledger_loaded: int
    ledger_rejected: int
    athena_loaded: int
    athena_rejected: int
    total: Decimal
    other_files: dict[str, int]


@dataclass(frozen=True)
class Answer:
    """Rows of a query as text, with what it read and how long it took, waiting included."""

    rows: list[dict[str, str | None]]
    bytes_scanned: int
    seconds: float


def differences(expected: Totals, found: Found) -> list[str]:
    """One line for every number that is not the generator's."""
    checks: list[tuple[str, object, object]] = [
        ("files in the ledger as loaded", found.files, expected.files),
        ("rows loaded by the ledger", found.ledger_loaded, expected.good),
        ("rows rejected by the ledger", found.ledger_rejected, expected.bad),
        (f"rows of {expected.table} by Athena", found.athena_loaded, expected.good),
        (f"rows of {expected.table}_rejects by Athena", found.athena_rejected, expected.bad),
        (f"sum of {expected.table}.{expected.summed} by Athena", found.total, expected.total),
    ]
    lines = [f"{expected.entity}: {what}: {is_}, expected {ought}" for what, is_, ought in checks if is_ != ought]
    return lines + [f"{expected.entity}: {count} files {state}" for state, count in found.other_files.items()]


def misplaced_rejects(
    defects: Sequence[Defect], bucket: str, rejected: Sequence[tuple[str | None, str | None, str | None]]
) -> list[str]:
    """Broken rows that were not rejected, and rejected ones that were not broken; rows as (file, line, column)."""
    broken: Counter[tuple[str | None, str | None, str | None]] = Counter(
        (f"s3://{bucket}/{d.key}", str(d.line), d.column) for d in defects
    )
    found = Counter(rejected)
    return [
        *(f"broken, but not rejected: {file}, line {line}, column {column}" for file, line, column in broken - found),
        *(f"rejected, but not broken: {file}, line {line}, column {column}" for file, line, column in found - broken),
    ]


class Demo:
    """The steps of the demo, on a running stack."""

    def __init__(self, stack: Stack, data: SampleData, stages: Stages) -> None:
        self._stack, self._data, self._stages = stack, data, stages
        self._api: AirflowApi = stack.api
        self._lake = Lake.open(stack.config)
        self.manifest = Manifest()
        self._last_day: list[SampleFile] = []

    def upload(self) -> None:
        """Uploads the sample files but those of the last day, with the low-latency lane switched off."""
        bucket = self._lake.config.resources.source_bucket
        done: Counter[str] = Counter()

        def count(file: SampleFile) -> None:
            done[file.entity or "of no entity"] += 1
            self._stages.update(f"{done.total():,} files to s3://{bucket}")

        with self._stages.stage("upload", f"files to s3://{bucket}"):
            self._switch(False)
            self.manifest = upload_files(self._all_but_last_day(), self._lake.s3, bucket, count)
            sizes = size(sum(totals.bytes for totals in self.manifest.entities.values()))
            self._stages.result(f"{done.total():,} files, {sizes}, to s3://{bucket}")

    def load(self) -> None:
        """Has Airflow load every entity: some days of sales by a backfill, everything else by one run per entity."""
        with self._stages.stage("load", "triggering runs"):
            # The largest first, for the others fit beside it.
            others = sorted(self.manifest.entities.values(), key=lambda totals: totals.files, reverse=True)
            runs = [self._trigger(f"load_{totals.entity}") for totals in others if totals.entity != "sales"]
            backfill = self._backfill_sales()
            self._wait(lambda: self._unfinished(backfill), self._progress)
            runs.append(self._trigger("load_sales"))
            self._wait(lambda: self._unfinished(runs), self._progress)
            self._stages.result(self._progress(()))
        with self._stages.stage("views", "waiting for refresh_views"):
            self._wait(lambda: self._active("refresh_views"))
            self._stages.result(f"{len(self._views())} views created")

    def load_last_day(self) -> None:
        """Switches the low-latency lane on, and puts the files of the last day one by one. Raises DemoError."""
        with self._stages.stage("catch up", "switching the low-latency lane on"):
            waiting = self._messages()
            self._switch(True)
            self._wait(
                lambda: ["messages"] if self._messages() else [], lambda _: f"{self._messages():,} notifications wait"
            )
            lanes = self._lanes()
            self._stages.result(f"{waiting:,} notifications of files that are loaded; it loaded {lanes['fast']} again")
            if lanes["fast"]:
                raise DemoError(f"the low-latency lane loaded {lanes['fast']} files that the batch lane had loaded")
        with self._stages.stage("low latency", "putting the last day's files one by one"):
            seconds = sorted(self._put_and_see(file) for file in self._last_day)
            times = f"{seconds[len(seconds) // 2]:.2f} s in the median, {seconds[-1]:.2f} s at most"
            self._stages.result(f"{len(seconds)} files; from an upload's end to Athena's answer {times}")

    def sweep(self) -> None:
        """Runs the sweep, which is to find nothing but the file that is no entity's. Raises DemoError."""
        with self._stages.stage("sweep", "looking for files that no run has loaded"):
            self._wait(lambda: self._active("sweep_sources"))
            run = self._trigger("sweep_sources")
            self._wait(lambda: self._unfinished([run]))
            unmatched = [entry.source for entry in self._lake.ledger.in_state("", "unmatched")]
            self._stages.result(f"nothing was left; of no entity, left alone: {', '.join(unmatched) or 'none'}")
        expected = [f"s3://{self._lake.config.resources.source_bucket}/{key}" for key in self.manifest.unmatched]
        if unmatched != expected:
            raise DemoError(f"the ledger lists as no entity's {unmatched}, expected {expected}")

    def check(self) -> None:
        """Compares ledger and Athena with the generator, and prints the comparison. Raises DemoError."""
        with self._stages.stage("check", "comparing ledger and Athena with what was written"):
            found = {name: self._find(totals) for name, totals in self.manifest.entities.items()}
            lanes, fast = self._lanes(), len(self._last_day)
            expected = {"batch": sum(totals.files for totals in self._totals()) - fast, "fast": fast}
            faults = [f"files by lane: {dict(lanes)}, expected {expected}"] if dict(lanes) != expected else []
            faults += [
                line for name, totals in self.manifest.entities.items() for line in differences(totals, found[name])
            ]
            answer = self._ask("SELECT source_file, line, column_name FROM rejected_rows")
            bucket = self._lake.config.resources.source_bucket
            rejected = [(row["source_file"], row["line"], row["column_name"]) for row in answer.rows]
            faults += misplaced_rejects(self.manifest.defects, bucket, rejected)
            self._stages.result(f"{len(faults)} differences" if faults else "all equal, to the cent and to the line")
        header = ("entity", "files", "rows loaded", "rows rejected", "total by Athena", "written", "")
        self._stages.say("\n" + table(header, [self._compared(t, found[t.entity]) for t in self._totals()]) + "\n")
        if faults:
            raise DemoError("\n  ".join(["the lake does not hold what the generator wrote:", *faults]))

    def orders(self) -> None:
        """Orders of a DynamoDB table, by both of its lanes. Raises OrdersError."""

        def run_dag(dag_id: str) -> None:
            run = self._trigger(dag_id)
            self._wait(lambda: self._unfinished([run]))

        OrdersDemo(self._lake, self._stack.endpoint_url, self._stages, run_dag).play()
        with self._stages.stage("refresh", "waiting for refresh_views"):
            self._wait(lambda: self._active("refresh_views"))
            self._stages.result(f"{len(self._views())} views")

    def dashboards(self) -> None:
        """QuickSight's copies of the views, and that they follow a file of an old day. Raises DashboardsError."""

        def run_dag(dag_id: str, params: dict[str, Any]) -> None:
            self._wait(lambda: self._active(dag_id))
            run = self._api.post(f"/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": params})
            self._wait(lambda: self._unfinished([(dag_id, run["dag_run_id"])]))

        first = f"_{self._data.dates[0]:%Y_%m_%d}."
        others = SampleData(self._data.seed + 1, len(self._data.dates), self._data.dates[-1]).files()
        other = next(file for file in others if file.entity == "sales" and first in file.key)
        lake_stack = stack_name(self._lake.config)
        demo = DashboardsDemo(
            self._lake, self._stack.endpoint_url, self._stages, self._stack.client, lake_stack, run_dag
        )
        demo.play(other)

    def show(self) -> None:
        """Prints what the views answer that are there; those whose tables have no data yet are not."""
        there = self._views()
        views = {view.name: view for view in read_views() if view.name in there}
        for name in [*(name for name in QUESTIONS if name in views), *sorted(views.keys() - QUESTIONS)]:
            view = views[name]
            sql = QUESTIONS.get(name, f"SELECT * FROM {name} LIMIT 5").format(end=self._data.dates[-1])
            answer = self._ask(sql)
            question = view.sql.splitlines()[0].removeprefix("-- ")
            self._stages.say(f"{name}: {question}  [{size(answer.bytes_scanned)}, {answer.seconds:.1f} s]")
            header = list(answer.rows[0]) if answer.rows else ["no rows"]
            self._stages.say(table(header, [list(map(_short_uri, row.values())) for row in answer.rows]) + "\n")

    def queries(self) -> tuple[int, int]:
        """How many queries Athena has run, Airflow's included, and how many bytes they scanned."""
        workgroup = self._lake.config.resources.workgroup_name
        client, count, scanned = self._lake.athena, 0, 0
        for page in client.get_paginator("list_query_executions").paginate(WorkGroup=workgroup):
            ids = page["QueryExecutionIds"]
            for start in range(0, len(ids), 50):
                answer = client.batch_get_query_execution(QueryExecutionIds=ids[start : start + 50])
                for execution in answer["QueryExecutions"]:
                    count += 1
                    scanned += execution["Statistics"].get("DataScannedInBytes", 0)
        return count, scanned

    def _all_but_last_day(self) -> Iterator[SampleFile]:
        """The sample files, without those of the last day's partitions, which are kept for later."""
        day = self._data.dates[-1]
        marks = (f"_{day:%Y_%m_%d}.", f"_{day:%Y%m%d}T")
        for file in self._data.files():
            if any(mark in file.key for mark in marks):
                self._last_day.append(file)
            else:
                yield file

    def _switch(self, on: bool) -> None:
        """Switches the low-latency lane, as the template's parameter FastLane does."""
        source = self._stack.outputs["FileProcessorSource"]
        self._stack.client("lambda").update_event_source_mapping(UUID=source, Enabled=on)

    def _messages(self) -> int:
        """Notifications that are not dealt with."""
        names: list[Any] = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = self._stack.outputs["FileQueueUrl"]
        found = self._lake.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def _lanes(self) -> Counter[str]:
        """Loaded files by the lane that loaded them."""
        ledger = self._lake.ledger
        return Counter(entry.lane for totals in self._totals() for entry in ledger.in_state(totals.entity, "loaded"))

    def _put_and_see(self, file: SampleFile) -> float:
        """Seconds from the return of the file's upload to the first of Athena's answers that has its rows."""
        found = match(self._lake.config, file.key)
        if found is None:
            raise DemoError(f"{file.key} is no entity's")
        where = " AND ".join(f"{key} = '{value}'" for key, value in found.partition.items)
        upload_files([file], self._lake.s3, self._lake.config.resources.source_bucket, self.manifest.add)
        started = time.monotonic()
        while True:
            # Its partition is its own.
            rows = self._ask(f"SELECT count(*) AS n FROM {found.entity.table_name} WHERE {where}").rows
            if int(rows[0]["n"] or 0) == file.good:
                return time.monotonic() - started

    def _totals(self) -> list[Totals]:
        return list(self.manifest.entities.values())

    def _trigger(self, dag_id: str) -> tuple[str, str]:
        run = self._api.post(f"/dags/{dag_id}/dagRuns", {"logical_date": None})
        return dag_id, run["dag_run_id"]

    def _backfill_sales(self) -> list[tuple[str, str]]:
        days = self._data.dates[:BACKFILLED_DAYS]
        body = {
            "dag_id": "load_sales",
            "from_date": f"{days[0]}T00:00:00Z",
            "to_date": f"{days[-1]}T00:00:00Z",
            "max_active_runs": BACKFILLED_DAYS,
        }
        self._api.post("/backfills", body)
        runs = self._api.get("/dags/load_sales/dagRuns", run_type="backfill", limit=100)["dag_runs"]
        keys, expected = sorted(str(run["partition_key"]) for run in runs), [day.isoformat() for day in days]
        if keys != expected:
            raise DemoError(f"the backfill made runs for the partitions {keys}, expected {expected}")
        return [("load_sales", run["dag_run_id"]) for run in runs]

    def _unfinished(self, runs: list[tuple[str, str]]) -> list[str]:
        """The DAGs of the runs that go on. Raises DemoError for a run that failed."""
        going_on = []
        for dag_id, run_id in runs:
            run = self._api.get(f"/dags/{dag_id}/dagRuns/{run_id}")
            self._check_ended_well(dag_id, run)
            if run["state"] not in ENDED:
                going_on.append(dag_id)
        return going_on

    def _active(self, dag_id: str) -> list[str]:
        """As _unfinished, for the latest runs of one DAG, whoever started them."""
        runs = self._api.get(f"/dags/{dag_id}/dagRuns", limit=20, order_by="-run_after")["dag_runs"]
        return self._unfinished([(dag_id, run["dag_run_id"]) for run in runs])

    def _check_ended_well(self, dag_id: str, run: dict[str, Any]) -> None:
        if run["state"] != "failed":
            return
        run_id = run["dag_run_id"]
        tasks = self._api.get(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", limit=100)["task_instances"]
        failed = [task["task_id"] for task in tasks if task["state"] in ("failed", "upstream_failed")]
        entries = self._lake.ledger.failures_of_run(f"{dag_id}/{run_id}", list(self.manifest.entities))
        lines = [
            f"{dag_id} failed in {', '.join(dict.fromkeys(failed)) or 'no task'}; its logs: "
            f"{self._stack.state / 'airflow' / 'logs' / f'dag_id={dag_id}' / f'run_id={run_id}'}",
            *(f"{entry.source}, line {entry.error_line}: {entry.error}" for entry in entries[:10]),
        ]
        raise DemoError("\n  ".join(lines))

    def _wait(
        self, unfinished: Callable[[], list[str]], describe: Callable[[Sequence[str]], str] | None = None
    ) -> None:
        while going_on := unfinished():
            if describe:
                self._stages.update(describe(going_on))
            time.sleep(POLL_SECONDS)

    def _progress(self, going_on: Sequence[str]) -> str:
        parts = []
        for totals in self._totals():
            pages = self._lake.s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._lake.config.resources.analytics_bucket, Prefix=f"{totals.table}/"
            )
            parts.append(f"{totals.entity} {sum(page['KeyCount'] for page in pages):,} of {totals.files:,}")
        running = f"; running: {', '.join(dict.fromkeys(going_on))}" if going_on else ""
        return f"files in the lake: {', '.join(parts)}{running}"

    def _views(self) -> set[str]:
        pages = self._lake.glue.get_paginator("get_tables").paginate(
            DatabaseName=self._lake.config.resources.glue_database
        )
        tables = [entry for page in pages for entry in page["TableList"]]
        return {entry["Name"] for entry in tables if entry.get("TableType") == "VIRTUAL_VIEW"}

    def _find(self, totals: Totals) -> Found:
        entries = list(self._lake.ledger.in_state(totals.entity, "loaded"))
        others = {
            state: len(list(self._lake.ledger.in_state(totals.entity, state)))
            for state in ("claimed", "rejected", "failed", "deleted")
        }
        sums = f"SELECT count(*) AS rows_loaded, sum({totals.summed}) AS total FROM {totals.table}"
        loaded = self._ask(sums).rows[0]
        rejected = self._ask(f"SELECT count(*) AS rows_rejected FROM {totals.table}_rejects").rows[0]
        return Found(
            files=len(entries),
            ledger_loaded=sum(entry.rows_loaded or 0 for entry in entries),
            ledger_rejected=sum(entry.rows_rejected or 0 for entry in entries),
            athena_loaded=int(loaded["rows_loaded"] or 0),
            athena_rejected=int(rejected["rows_rejected"] or 0),
            total=Decimal(loaded["total"] or 0),
            other_files={state: count for state, count in others.items() if count},
        )

    def _compared(self, totals: Totals, found: Found) -> list[str]:
        equal = not differences(totals, found)
        return [
            totals.entity,
            f"{found.files:,}",
            f"{found.athena_loaded:,}",
            f"{found.athena_rejected:,}",
            f"{found.total:,}",
            f"{totals.total:,}",
            "equal" if equal else "DIFFERENT",
        ]

    def _ask(self, sql: str) -> Answer:
        started = time.monotonic()
        query = athena.execute(self._lake, sql)
        rows = list(athena.results(self._lake, query))
        execution = self._lake.athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
        return Answer(rows, execution["Statistics"]["DataScannedInBytes"], time.monotonic() - started)


def _short_uri(value: str | None) -> str | None:
    return value.rsplit("/", 1)[-1] if value and value.startswith("s3://") else value


@contextlib.contextmanager
def time_limit(seconds: int, stages: Stages) -> Iterator[None]:
    """Raises TimeLimitReached after ``seconds``, naming the stage that it was in."""

    def reached(number: int, frame: FrameType | None) -> None:
        raise TimeLimitReached(
            f"not finished after {seconds} s; it was in the stage {stages.name!r}. "
            "A slow machine may need more: --time-limit SECONDS"
        )

    before = signal.signal(signal.SIGALRM, reached)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def point_at(stack: Stack) -> None:
    """Makes this process's AWS clients talk to the stack, and to nothing else."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(stack.environment)
    os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)
    direct = ",".join(filter(None, [os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), "127.0.0.1"]))
    os.environ.update(NO_PROXY=direct, no_proxy=direct)


def run(stack: Stack, data: SampleData, stages: Stages) -> None:
    """The demo on a stack that is started; prints everything it finds. Raises DemoError when a number is wrong."""
    point_at(stack)
    demo = Demo(stack, data, stages)
    demo.upload()
    demo.load()
    demo.load_last_day()
    demo.sweep()
    demo.check()
    demo.orders()
    demo.dashboards()
    with stages.stage("ask", "asking the views"):
        demo.show()
        count, scanned = demo.queries()
        stages.result(f"{count} queries in all, Airflow's included; {size(scanned)} scanned")


def _stop(stack: Stack, stages: Stages) -> None:
    with stages.stage("stop", "stopping everything"):
        stack.stop()
        stages.result("everything is stopped")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=DEFAULT_DAYS, help="default: %(default)s")
    parser.add_argument("--end", type=date.fromisoformat, default=DEFAULT_END, help="last day; default: %(default)s")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="of the sample data; default: %(default)s")
    parser.add_argument("--time-limit", type=int, default=TIME_LIMIT, metavar="SECONDS", help="default: %(default)s")
    parser.add_argument("--keep", action="store_true", help="leave the stack running, as make up does")
    options = parser.parse_args(arguments)
    if options.days < BACKFILLED_DAYS or options.time_limit < 1:
        parser.error(f"--days is at least {BACKFILLED_DAYS}, --time-limit at least 1")
    if options.end >= date.today() + timedelta(days=1):
        parser.error(f"--end {options.end} lies in the future; Airflow loads partitions that are over")

    stages = Stages()
    data = SampleData(options.seed, options.days, options.end)
    # Beside a stack of `make up`, unless it is to become that stack.
    state = ROOT / ".local" if options.keep else ROOT / ".local" / "demo"
    # Exports have windows of an hour, which the demo does not wait for.
    env = {**os.environ, "LOCALAWS_CLOCK_OFFSET": str(-BEHIND_SECONDS)}
    stack = Stack(ROOT, ROOT / "include" / "lake.json", state=state, env=env, say=stages.update)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    started, owned, result = time.monotonic(), False, 1
    try:
        with time_limit(options.time_limit, stages):
            with stages.stage("start", "local AWS, infrastructure, Airflow"):
                owned = stack.start(guarded=not options.keep)
                if not owned:
                    raise DemoError(f"a stack runs in {state} already; stop it (make down) or wait for its end")
                stages.result(f"Airflow's UI is at {stack.airflow_url}")
            stages.say(f"\nsample data: seed {options.seed}, {data.dates[0]} to {data.dates[-1]}")
            run(stack, data, stages)
            result = 0
    except (KeyboardInterrupt, TimeLimitReached) as stopped:
        result = 130 if isinstance(stopped, KeyboardInterrupt) else 1
        stages.say(f"demo: {str(stopped) or 'interrupted'}")
    except (
        *(AirflowError, BotoCoreError, ClientError, DashboardsError, DemoError, DeployError, LakeError, OrdersError),
        StackError,
        requests.RequestException,
    ) as error:
        stages.say(f"demo: {error}")
    finally:
        if owned and not (options.keep and result == 0):
            _stop(stack, stages)
    if result == 0:
        _conclude(stack, stages, keep=options.keep, seconds=time.monotonic() - started)
    return result


def _conclude(stack: Stack, stages: Stages, *, keep: bool, seconds: float) -> None:
    rows = [[name, f"{took:.1f}"] for name, took in stages.seconds.items()]
    stages.say("\n" + table(("stage", "seconds"), [*rows, ["in all", f"{seconds:.1f}"]]) + "\n")
    if keep:
        stages.say(f"Airflow's UI: {stack.airflow_url}   shell: . {stack.env_file}   stop: make down")
    else:
        stages.say(f"Airflow's UI was at {stack.airflow_url}; `make up` starts it to stay.")


if __name__ == "__main__":
    sys.exit(main())
