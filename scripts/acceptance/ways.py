"""The ways of data through a lake: both lanes for files, and stream and exports for items; each compared with what was
written."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypeVar

from lakelanes.catalog import athena
from lakelanes.errors import QueryError
from lakelanes.ledger.entries import Entry
from scripts.acceptance.report import Report
from scripts.acceptance.trial import (
    COLUMNS,
    VIEW,
    VIEW_SQL,
    Row,
    SourceData,
    Trial,
    prices,
    sales,
    visits,
    without_amount,
)

T = TypeVar("T")

_EXACTLY_ONCE = "docs/exactly-once.md"
_FAST = "docs/fast-lane.md"
_CHANGES = "docs/change-rows.md"
_TABLES = "docs/tables.md"
_POLL_SECONDS = 0.5
_DAY = date(2024, 3, 15)
# So many files tell of the latency.
_LATENCY_FILES = 20
_ORDERS = 60

Exports = Literal["all", "full", "none"]


class WayError(Exception):
    """A way did not come to its end in time, or a step of it failed; the text says which."""


@dataclass
class Ways:
    """Runs the ways in order; each notes its checks in the report.

    workers: gives the environment variables of a process with the rights of Airflow's workers. folder: of files that
    belong to the run. seconds: how long files and changes may take to be seen. export_poll_seconds: between two looks
    whether an export is due.
    """

    trial: Trial
    report: Report
    outputs: Mapping[str, str]
    workers: Callable[[], Mapping[str, str]]
    folder: Path
    seconds: float = 300.0
    export_poll_seconds: float = 15.0
    written: dict[str, dict[str, SourceData]] = field(default_factory=dict)
    _heard: list[str] = field(default_factory=list)

    def batch_lane(self) -> None:
        """All kinds of files by the sweep, while the low-latency lane is off: loaded, overwritten, refused, a view."""
        way = "Batch lane"
        first = [sales(_DAY + timedelta(days=at), 50, at) for at in range(3)]
        first += [visits(1, [_DAY, _DAY + timedelta(days=1)], 40, 1), prices(_DAY, 10, 1)]
        refused = without_amount(_DAY)
        for data in [*first, refused]:
            self._put(data)
        done = self._work("load", str(self._views()))
        self.report.check(way, "files by state", {"loaded": 5, "rejected": 1}, done["states"], _EXACTLY_ONCE)
        self.report.check(way, "the view", {VIEW: "created"}, done["views"])
        self._compare(way)
        entry = self.trial.lake.ledger.get(self._uri(refused))
        named = entry is not None and "amount" in (entry.error or "")
        self.report.check(way, "a refused file's reason names the column that it lacks", True, named)
        # One of each day's file, and that of the refused one.
        rejected = self._ask("SELECT count(*) AS n FROM sales_rejects")
        self.report.check(way, "rejected rows that are kept", [("4",)], rejected, "docs/converter.md")
        self._put(sales(_DAY, 30, 0))
        self._work("load", str(self._views()))
        self._compare(f"{way}, a file overwritten")
        again = self._work("load", str(self._views()))
        self.report.check(way, "the same again loads", {}, again["states"], _EXACTLY_ONCE)
        shown = self._ask(f"SELECT count(*) AS n, sum(sales) AS sales FROM {VIEW}")
        rows = sum(len(data.rows) for data in self.written["sales"].values())
        self.report.check(way, "days and sales of the view", [("3", str(rows))], shown)

    def fast_lane(self) -> None:
        """The same by S3's events: nothing twice of what the batch lane has loaded, new files, overwritten ones, a file
        that is refused with its alert, and how long it takes."""
        way = "Low-latency lane"
        self._wait(self._messages, lambda count: count == 0, "the queue to be empty")
        self._compare(f"{way}, events of what the batch lane has loaded")
        days = [_DAY + timedelta(days=30 + at) for at in range(_LATENCY_FILES)]
        started = {self._put(sales(day, 20, at)): datetime.now(UTC) for at, day in enumerate(days)}
        for uri in [*started, self._put(visits(2, [_DAY, days[0]], 30, 2)), self._put(prices(days[0], 5, 2))]:
            entry = self._entry(uri, "loaded")
            if entry.lane != "fast":
                self.report.check(way, f"lane of {uri}", "fast", entry.lane, _FAST)
        self._wait(self._messages, lambda count: count == 0, "the queue to be empty")
        self._compare(f"{way}, new files")
        self._latencies(started)
        self._put(sales(days[0], 10, 0))
        self._wait(lambda: self._differences("sales"), lambda found: not found, "the overwritten file", raises=False)
        self._compare(f"{way}, a file overwritten")
        refused = self._put(without_amount(days[1]))
        self._entry(refused, "rejected")
        heard = self._wait(
            self._alerts, lambda texts: any(refused in text for text in texts), "the alert", raises=False
        )
        told = sum(refused in text for text in heard)
        self.report.check(way, "alerts of a refused file", 1, told, "docs/alerts.md")
        self._compare(f"{way}, after the refused file")

    def orders(self, exports: Exports, minutes: float) -> None:
        """Items that are put, changed and deleted: by the stream, by a full export, by the stream beside it, by an
        export of a window, and in the snapshot made of all; no export is begun after ``minutes``."""
        until = time.monotonic() + minutes * 60
        table, db = self.trial.orders_table, self.trial.lake.dynamodb
        for number in range(_ORDERS):
            db.put_item(TableName=table, Item=_order(number, 1))
        sql = "SELECT count(DISTINCT order_id) AS n FROM orders_changes WHERE lane = 'stream'"
        wanted: list[Row] = [(str(_ORDERS),)]
        found = self._wait(lambda: self._try(sql), lambda rows: rows == wanted, "the stream's rows", raises=False)
        self.report.check("Stream", "items with rows of changes", wanted, found, "docs/stream-lane.md")
        if exports == "none":
            self.report.not_tried("Exports", "a full export, and one of a window", "left out", source=_TABLES)
            return
        if not self._export("a full export", "full", until):
            return
        self._compare_orders("Exports, full")
        for number in range(0, _ORDERS, 3):
            db.put_item(TableName=table, Item=_order(number, 2))
        for number in range(0, _ORDERS, 10):
            db.delete_item(TableName=table, Key={"order_id": {"S": f"o-{number}"}})
        self._compare_orders("Stream beside a snapshot")
        if exports == "full":
            self.report.not_tried("Exports", "an export of a window", "left out", source=_TABLES)
            return
        if self._export("an export of a window", "window", until):
            self._compare_orders("Exports, window")
            made = self._work("compact")
            self.report.check(
                "Exports", "a snapshot of both", "made", "made" if made["rows"] else made["note"], _TABLES
            )
            self._compare_orders("Exports, snapshot")

    def _export(self, name: str, kind: str, until: float) -> bool:
        """Whether an export of a kind was published in time; a window is due when it is over."""
        while True:
            done = self._work("export")
            if any(each["kind"] == kind for each in done["exports"]):
                self.report.check("Exports", name, "published", "published", _TABLES)
                return True
            if time.monotonic() > until:
                self.report.not_tried("Exports", name, f"not due in time: {done.get('note')}", source=_TABLES)
                return False
            time.sleep(self.export_poll_seconds)

    def _compare(self, way: str) -> None:
        """Athena's rows of every table against what was written, and the ledger's counts."""
        for entity in self.written:
            self.report.check(way, f"rows of {entity} that differ", [], self._differences(entity), _EXACTLY_ONCE)

    def _differences(self, entity: str) -> list[str]:
        """The first rows of a table that are missing, or there once too often."""
        columns = ", ".join(COLUMNS[entity])
        try:
            found = sorted(map(_sortable, self._ask(f"SELECT {columns} FROM {entity}")))
        except QueryError as error:
            return [error.reason]
        wanted = sorted(_sortable(row) for data in self.written[entity].values() for row in data.rows)
        if found == wanted:
            return []
        missing = [f"missing: {row}" for row in wanted if row not in found]
        surplus = [f"surplus: {row}" for row in found if found.count(row) > wanted.count(row)]
        return [f"{len(found)} rows, expected {len(wanted)}", *missing[:3], *surplus[:3]]

    def _compare_orders(self, way: str) -> None:
        """The current view against the table itself."""
        wanted = self._table_orders()
        found = self._wait(self._view_orders, lambda rows: rows == wanted, "the view of the orders", raises=False)
        differing = sorted(set(found) ^ set(wanted))[:3]
        self.report.check(way, "orders that differ between the view and the table", [], differing, _CHANGES)

    def _view_orders(self) -> list[Row]:
        return sorted(
            self._try(
                "SELECT order_id, CAST(version AS varchar) AS v, CAST(total AS varchar) AS t, city FROM orders_current"
            )
        )

    def _table_orders(self) -> list[Row]:
        pages = self.trial.lake.dynamodb.get_paginator("scan").paginate(
            TableName=self.trial.orders_table, ConsistentRead=True
        )
        return sorted(
            (
                item["order_id"]["S"],
                item["version"]["N"],
                f"{Decimal(item['total']['N']):.2f}",
                item["address"]["M"]["city"]["S"],
            )
            for page in pages
            for item in page["Items"]
        )

    def _latencies(self, started: Mapping[str, datetime]) -> None:
        """From the moment that a file was put to the moment that the ledger has it as loaded, by the clocks of this
        machine and of AWS."""
        seconds = []
        for uri, moment in started.items():
            entry = self.trial.lake.ledger.get(uri)
            if entry and entry.loaded_at:
                seconds.append((datetime.fromisoformat(entry.loaded_at) - moment).total_seconds())
        if len(seconds) > 1:
            cuts = statistics.quantiles(seconds, n=20, method="inclusive")
            note = f"{len(seconds)} files, clocks of this machine and of AWS"
            self.report.measure("event to visible, p50", statistics.median(seconds), "s", note)
            self.report.measure("event to visible, p95", cuts[18], "s", note)

    def _put(self, data: SourceData) -> str:
        if data.rows:
            self.written.setdefault(data.entity, {})[data.key.removesuffix(".gz")] = data
        return self.trial.put(data)

    def _uri(self, data: SourceData) -> str:
        return f"s3://{self.trial.lake.config.resources.source_bucket}/{data.key}"

    def _views(self) -> Path:
        views = self.folder / "views"
        views.mkdir(exist_ok=True)
        (views / f"{VIEW}.sql").write_text(VIEW_SQL)
        return views

    def _work(self, *step: str) -> dict[str, Any]:
        """A step of Airflow's workers, with their rights. Raises WayError with the last line of its errors."""
        command = [sys.executable, "-m", "scripts.acceptance.worker", *step]
        done = subprocess.run(command, env=dict(self.workers()), capture_output=True, text=True)
        if done.returncode:
            reason = done.stderr.strip().rpartition("\n")[2]
            raise WayError(f"the step {step[0]} failed: {reason}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def _entry(self, uri: str, state: str) -> Entry:
        ledger = self.trial.lake.ledger
        found = self._wait(
            lambda: ledger.get(uri), lambda e: e is not None and e.state == state, f"{uri} to be {state}"
        )
        assert found is not None
        return found

    def _messages(self) -> int:
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        found = self.trial.lake.sqs.get_queue_attributes(
            QueueUrl=self.outputs["FileQueueUrl"], AttributeNames=list(names)
        )["Attributes"]
        return sum(int(found[name]) for name in names)

    def _alerts(self) -> list[str]:
        """What the topic of alerts has sent so far. Messages are left where they are, and come again."""
        sqs = self.trial.lake.sqs
        url = sqs.get_queue_url(QueueName=self.trial.alert_queue)["QueueUrl"]
        while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            for message in found:
                self._heard.append(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return self._heard

    def _ask(self, sql: str) -> list[Row]:
        return [tuple(row.values()) for row in athena.query(self.trial.lake, sql)]

    def _try(self, sql: str) -> list[Row]:
        """As ``_ask``; nothing where Athena refuses, since a table may not be there yet."""
        try:
            return self._ask(sql)
        except QueryError:
            return []

    def _wait(self, look: Callable[[], T], good: Callable[[T], bool], what: str, *, raises: bool = True) -> T:
        """Looks until it is good; at the end of the time raises WayError, or returns what was seen last."""
        until = time.monotonic() + self.seconds
        while not good(found := look()):
            if time.monotonic() > until:
                if raises:
                    raise WayError(f"waited {self.seconds:.0f} s for {what}; seen last: {found}")
                return found
            time.sleep(_POLL_SECONDS)
        return found


def _order(number: int, version: int) -> dict[str, Any]:
    return {
        "order_id": {"S": f"o-{number}"},
        "version": {"N": str(version)},
        "total": {"N": f"{number * 10 + version}.25"},
        "address": {"M": {"city": {"S": f"Zürich {number % 7}"}, "zip": {"S": "8001"}}},
    }


def _sortable(row: Iterable[str | None]) -> tuple[tuple[bool, str], ...]:
    return tuple((value is not None, value or "") for value in row)
