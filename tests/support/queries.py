"""Runs Athena queries in tests."""

from __future__ import annotations

from typing import Any

from tests.support.waiting import PATIENCE_SECONDS, wait_for

_FINAL = ("SUCCEEDED", "FAILED", "CANCELLED")


def wait_for_query(
    athena: Any, identifier: str, states: tuple[str, ...] = _FINAL, *, seconds: float = PATIENCE_SECONDS
) -> Any:
    """The query's QueryExecution once it is in one of ``states``; AssertionError after so many seconds."""
    return wait_for(
        lambda: athena.get_query_execution(QueryExecutionId=identifier)["QueryExecution"],
        lambda execution: execution["Status"]["State"] in states,
        f"query {identifier} to be {' or '.join(states)}",
        seconds=seconds,
    )


def run_query(athena: Any, sql: str, *, seconds: float = PATIENCE_SECONDS, **arguments: Any) -> Any:
    """Start the query, wait for its end, and return its QueryExecution whatever its state."""
    started = athena.start_query_execution(QueryString=sql, **arguments)
    return wait_for_query(athena, started["QueryExecutionId"], seconds=seconds)


def fetch_rows(athena: Any, identifier: str) -> list[tuple[str | None, ...]]:
    """All rows that GetQueryResults gives, a SELECT's header row among them."""
    pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=identifier)
    return [
        tuple(datum.get("VarCharValue") for datum in row["Data"]) for page in pages for row in page["ResultSet"]["Rows"]
    ]
