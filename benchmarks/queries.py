"""Dashboard queries on a tool's output through Athena, and the bytes that each of them scanned."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.generate import SHAPES
from benchmarks.lakes import TARGETS, BenchLake
from benchmarks.pages import Bounds, Reads, reads

_POLL_SECONDS = 0.1
# {day} and {amount} are the columns, or casts of them where a table has nothing but text.
QUERIES = {
    "revenue_by_month": "SELECT month({day}), sum({amount}) FROM {table} GROUP BY 1 ORDER BY 1",
    "week_top_customers": (
        "SELECT customer_id, sum({amount}) FROM {table} WHERE {day} BETWEEN DATE '2024-03-11' AND DATE '2024-03-17' "
        "AND customer_id IS NOT NULL AND customer_id <> '' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10"
    ),
    "one_day": "SELECT count(*), sum({amount}) FROM {table} WHERE {day} = DATE '2024-07-04'",
    "one_customer": "SELECT count(*), sum({amount}) FROM {table} WHERE customer_id = 'C000071'",
}
# Of the wide shape alone: a column with a dictionary.
_WIDE_QUERIES = {"revenue_by_category": "SELECT product_category, sum({amount}) FROM {table} GROUP BY 1 ORDER BY 1"}
_DAYS = {"narrow": "transaction_date", "wide": "order_date"}
_EPOCH = date(1970, 1, 1)


def queries_of(shape: str) -> dict[str, str]:
    return QUERIES | (_WIDE_QUERIES if shape == "wide" else {})


def _reads(shape: str) -> dict[str, tuple[list[str], Bounds]]:
    """The columns that each query reads, and what a file's minima and maxima can exclude for it."""
    day = _DAYS[shape]
    week, fourth = ((date(2024, month, first) - _EPOCH).days for month, first in ((3, 11), (7, 4)))
    found: dict[str, tuple[list[str], Bounds]] = {
        "revenue_by_month": ([day, "amount"], {}),
        "week_top_customers": ([day, "amount", "customer_id"], {day: (week, week + 6)}),
        "one_day": ([day, "amount"], {day: (fourth, fourth)}),
        "one_customer": (["customer_id", "amount"], {"customer_id": (b"C000071", b"C000071")}),
        "revenue_by_category": (["product_category", "amount"], {}),
    }
    return {name: found[name] for name in queries_of(shape)}


@dataclass(frozen=True)
class Answer:
    """A query's rows as Athena prints them, and the bytes it was billed for."""

    rows: list[list[str | None]]
    scanned: int


class QueryFailedError(Exception):
    """Athena's own reason, and the query."""


def run(lake: BenchLake, tool: str, shape: str = "narrow") -> dict[str, Answer]:
    """Makes a table over s3://TARGETS/<tool>/ and runs every query on it."""
    text = tool == "csv"
    columns = ", ".join(f"{name} {'string' if text else kind}" for name, kind in SHAPES[shape].items())
    form = (
        "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' STORED AS TEXTFILE"
        if text
        else "STORED AS PARQUET"
    )
    properties = " TBLPROPERTIES ('skip.header.line.count'='1')" if text else ""
    _execute(
        lake, f"CREATE EXTERNAL TABLE bench_{tool} ({columns}) {form} LOCATION 's3://{TARGETS}/{tool}/'{properties}"
    )
    names = {"table": f"bench_{tool}", "day": _DAYS[shape], "amount": "amount"}
    if text:
        names |= {"day": f"CAST({_DAYS[shape]} AS date)", "amount": "CAST(NULLIF(amount, '') AS decimal(10,2))"}
    return {name: _answer(lake, query.format(**names)) for name, query in queries_of(shape).items()}


def computed(path: Path, shape: str = "narrow") -> dict[str, Reads]:
    """What each query has to read of a Parquet file, by its statistics and by its page index."""
    return {name: reads(path, columns, bounds) for name, (columns, bounds) in _reads(shape).items()}


def _answer(lake: BenchLake, sql: str) -> Answer:
    execution = _execute(lake, sql)
    athena = lake.aws.client("athena")
    pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=execution["QueryExecutionId"])
    rows = [[cell.get("VarCharValue") for cell in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]]
    # The first row has the names of the columns, which depend on how they are written.
    return Answer(rows[1:], execution["Statistics"]["DataScannedInBytes"])


def _execute(lake: BenchLake, sql: str) -> Any:
    athena, resources = lake.aws.client("athena"), lake.config.resources
    started = athena.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": resources.glue_database},
        WorkGroup=resources.workgroup_name,
    )
    while True:
        execution = athena.get_query_execution(QueryExecutionId=started["QueryExecutionId"])["QueryExecution"]
        state = execution["Status"]["State"]
        if state == "SUCCEEDED":
            return execution
        if state in ("FAILED", "CANCELLED"):
            raise QueryFailedError(f"{execution['Status'].get('StateChangeReason')}: {sql}")
        time.sleep(_POLL_SECONDS)
