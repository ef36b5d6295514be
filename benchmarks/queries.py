"""Dashboard queries on a tool's output through Athena, and the bytes that each of them scanned."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from benchmarks.generate import NARROW
from benchmarks.lakes import TARGETS, BenchLake

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


@dataclass(frozen=True)
class Answer:
    """A query's rows as Athena prints them, and the bytes it was billed for."""

    rows: list[list[str | None]]
    scanned: int


class QueryFailedError(Exception):
    """Athena's own reason, and the query."""


def run(lake: BenchLake, tool: str) -> dict[str, Answer]:
    """Makes a table over s3://TARGETS/<tool>/ and runs every query on it."""
    text = tool == "csv"
    columns = ", ".join(f"{name} {'string' if text else kind}" for name, kind in NARROW.items())
    form = (
        "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' STORED AS TEXTFILE"
        if text
        else "STORED AS PARQUET"
    )
    properties = " TBLPROPERTIES ('skip.header.line.count'='1')" if text else ""
    _execute(
        lake, f"CREATE EXTERNAL TABLE bench_{tool} ({columns}) {form} LOCATION 's3://{TARGETS}/{tool}/'{properties}"
    )
    names = {"table": f"bench_{tool}", "day": "transaction_date", "amount": "amount"}
    if text:
        names |= {"day": "CAST(transaction_date AS date)", "amount": "CAST(NULLIF(amount, '') AS decimal(10,2))"}
    return {name: _answer(lake, query.format(**names)) for name, query in QUERIES.items()}


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
