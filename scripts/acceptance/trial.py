"""The lake of an acceptance run: names that begin with one prefix, a configuration, files whose rows are known."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import boto3

from lakelanes.config.loading import parse_config
from lakelanes.lake import Lake

PREFIX = "lakelanes-acc"
# What a row looks like in Athena's answer: text, or nothing.
Row = tuple[str | None, ...]

ENTITIES: dict[str, Any] = {
    "sales": {
        "table_name": "sales",
        "filename_pattern": r"sales_(\d{4})_(\d{2})_(\d{2})\w*\.csv(?:\.gz)?",
        "partition_keys": ["year", "month", "day"],
        "schema": [
            {"name": "sale_id", "type": "string"},
            {"name": "amount", "type": "decimal(10,2)"},
            {"name": "sold_on", "type": "date"},
            {"name": "sold_at", "type": "timestamp"},
            {"name": "weight", "type": "double"},
            {"name": "is_gift", "type": "boolean"},
            {"name": "remark", "type": "string"},
        ],
        "settle_seconds": 0,
    },
    "visits": {
        "table_name": "visits",
        "filename_pattern": r"visits_\d+\.csv",
        "partition_keys": [{"name": "dt", "column": "seen_on", "format": "%Y-%m-%d"}],
        "schema": [
            {"name": "visit_id", "type": "string"},
            {"name": "seen_on", "type": "date"},
            {"name": "minutes", "type": "int"},
        ],
        "settle_seconds": 0,
    },
    "prices": {
        "table_name": "prices",
        "filename_pattern": r"prices_(\d{4})_(\d{2})\.csv",
        "partition_keys": ["year", "month"],
        "format": "csv",
        "schema": [{"name": "article", "type": "string"}, {"name": "price", "type": "string"}],
        "settle_seconds": 0,
    },
}
COLUMNS = {name: [column["name"] for column in entity["schema"]] for name, entity in ENTITIES.items()}
_ORDERS: dict[str, Any] = {
    "table_name": "orders",
    "keys": ["order_id"],
    "schema": [
        {"name": "order_id", "type": "string"},
        {"name": "version", "type": "int"},
        {"name": "total", "type": "decimal(20,2)"},
        {"name": "city", "type": "string", "attribute": "address.city"},
    ],
    "export": {"window_minutes": 15},
}
_REMARKS = ["plain", 'with, a "comma"', "über Zürich", "two\nlines", "😀", "", "NULL", " spaces "]
VIEW = "sales_by_day"
VIEW_SQL = "SELECT sold_on, count(*) AS sales, sum(amount) AS amount FROM sales GROUP BY sold_on\n"


@dataclass(frozen=True)
class SourceData:
    """A file of the trial: its key, its bytes, and the rows that its entity's table then has of it."""

    entity: str
    key: str
    body: bytes
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Trial:
    """The names of a run, and its configuration. ``prefix`` begins the name of everything that the run makes."""

    prefix: str
    region: str
    account: str

    def __post_init__(self) -> None:
        if not re.fullmatch(rf"{PREFIX}-[a-z0-9]{{4,12}}", self.prefix):
            raise ValueError(f"{self.prefix!r} is no prefix of an acceptance run: expected {PREFIX}-<4 to 12 letters>")

    @classmethod
    def begin(cls, region: str, account: str) -> Trial:
        """A trial with a prefix that nobody else has."""
        return cls(f"{PREFIX}-{secrets.token_hex(4)}", region, account)

    @cached_property
    def config_text(self) -> str:
        """The configuration file's text."""
        name = self.prefix.replace("-", "_")
        resources = {
            "source_bucket": f"{self.prefix}-source",
            "analytics_bucket": f"{self.prefix}-analytics",
            "glue_database": name,
            "workgroup_name": self.prefix,
            "sqs_queue": f"{self.prefix}-files",
            "ledger_table": f"{self.prefix}-ledger",
            "alert_topic": f"{self.prefix}-alerts",
        }
        orders = {**_ORDERS, "dynamodb_table": self.orders_table}
        return json.dumps(
            {
                "aws": {"region": self.region, "account_id": self.account},
                "resources": resources,
                "entities": ENTITIES,
                "tables": {"orders": orders},
            },
            indent=2,
        )

    @cached_property
    def lake(self) -> Lake:
        return Lake.open(parse_config(self.config_text, {}, "the acceptance run's configuration"))

    @property
    def orders_table(self) -> str:
        return f"{self.prefix}-orders"

    @property
    def worker_role(self) -> str:
        """Name of the role that stands for that of Airflow's workers."""
        return f"{self.prefix}-worker"

    @property
    def alert_queue(self) -> str:
        """Name of the queue that listens to the topic of alerts."""
        return f"{self.prefix}-heard"

    def client(self, service: str) -> Any:
        """A boto3 client in the trial's region, made once."""
        if service not in self._clients:
            self._clients[service] = boto3.client(service, region_name=self.region)  # type: ignore[call-overload]
        return self._clients[service]

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}

    def put(self, data: SourceData) -> str:
        """Puts a file into the source bucket; returns its URI."""
        bucket = self.lake.config.resources.source_bucket
        self.lake.s3.put_object(Bucket=bucket, Key=data.key, Body=data.body)
        return f"s3://{bucket}/{data.key}"


def sales(day: date, rows: int, seed: int, suffix: str = "") -> SourceData:
    """A day's sales; packed for every other seed. The last row cannot be read, and is not among the rows."""
    chance = random.Random(seed)
    lines, found = [], []
    for number in range(rows):
        amount = Decimal(chance.randrange(-10_000_000, 10_000_000)) / 100
        moment = datetime(day.year, day.month, day.day) + timedelta(milliseconds=chance.randrange(86_400_000))
        weight, gift = chance.choice([0.1, 2.5, 1e-7, 123456789.0]), chance.random() < 0.5
        remark = chance.choice(_REMARKS)
        name = f"{day:%Y%m%d}{suffix}-{number}"
        written = moment.isoformat(sep=" ", timespec="milliseconds")
        lines.append([name, f"{amount:.2f}", day.isoformat(), written, repr(weight), str(gift).lower(), remark])
        found.append(
            (name, f"{amount:.2f}", day.isoformat(), written, double_text(weight), lines[-1][5], remark or None)
        )
    lines.append(["unreadable", "12.345", day.isoformat(), "", "", "", ""])
    packed = seed % 2 == 1
    text = _csv([COLUMNS["sales"], *lines])
    key = f"sales_{day:%Y_%m_%d}{suffix}.csv{'.gz' if packed else ''}"
    return SourceData("sales", key, gzip.compress(text, mtime=0) if packed else text, tuple(found))


def visits(number: int, days: Sequence[date], rows: int, seed: int) -> SourceData:
    """Visits of several days in one file."""
    chance = random.Random(seed)
    found: list[Row] = [
        (f"{number}-{at}", chance.choice(days).isoformat(), str(chance.randrange(600))) for at in range(rows)
    ]
    return SourceData("visits", f"visits_{number}.csv", _csv([COLUMNS["visits"], *found]), tuple(found))


def prices(month: date, rows: int, seed: int) -> SourceData:
    """A month's prices, which stay CSV."""
    chance = random.Random(seed)
    found: list[Row] = [(f"article, {at}", f"{chance.randrange(10_000) / 100:.2f}") for at in range(rows)]
    return SourceData("prices", f"prices_{month:%Y_%m}.csv", _csv([COLUMNS["prices"], *found]), tuple(found))


def without_amount(day: date) -> SourceData:
    """A file that is refused: the column amount is missing."""
    columns = [name for name in COLUMNS["sales"] if name != "amount"]
    return SourceData("sales", f"sales_{day:%Y_%m_%d}_short.csv", _csv([columns, ["x", *[""] * 5]]), ())


def double_text(value: float) -> str:
    """A double as Athena's answers have it: Java's Double.toString
    (https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/lang/Double.html#toString(double))."""
    text = repr(value)
    if "e" not in text and (value == 0 or 1e-3 <= abs(value) < 1e7):
        return text
    mantissa, _, exponent = f"{Decimal(text).normalize():E}".partition("E")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{int(exponent)}"


def _csv(rows: Sequence[Sequence[str | None]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
