"""Athena statements: start once, wait, read; a failed statement becomes a QueryError with Athena's own reason."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from lakelanes.aws.failures import PASSING, kind_of_code
from lakelanes.aws.reasons import with_advice
from lakelanes.aws.storage import place_of
from lakelanes.errors import QueryError

if TYPE_CHECKING:
    from lakelanes.lake import Lake

# Athena's own category of a failure: 1 is the system's, 2 the user's
# (https://docs.aws.amazon.com/athena/latest/ug/error-reference.html).
_SYSTEM = 1
# In a reason: the code of another service, e.g. of S3 that was read too fast.
_CODE = re.compile(r"\bError Code: ([\w.]+)")


def execute(lake: Lake, sql: str, *, timeout_seconds: float = 900, attempts: int = 3) -> str:
    """Runs one statement in the lake's workgroup and database; returns its query execution id once it has succeeded.

    Failures of Athena's own making are tried ``attempts`` times. Raises QueryError with Athena's reason otherwise.
    """
    retrying = Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, QueryError) and error.retryable),
        stop=stop_after_attempt(attempts),
        wait=wait_exponential_jitter(initial=0.5, max=10),
        reraise=True,
    )
    return retrying(_execute_once, lake, sql, timeout_seconds)


def query(lake: Lake, sql: str, *, timeout_seconds: float = 900) -> list[dict[str, str | None]]:
    """The rows of a SELECT as text by column name. For small results; Athena pages them by 1,000."""
    query_id = execute(lake, sql, timeout_seconds=timeout_seconds)
    return list(results(lake, query_id))


def results(lake: Lake, query_id: str) -> Iterator[dict[str, str | None]]:
    """Rows of a query that has succeeded, by column name."""
    header: list[str] | None = None
    for page in lake.athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_id):
        for row in page["ResultSet"]["Rows"]:
            cells = [cell.get("VarCharValue") for cell in row["Data"]]
            if header is None:  # the first row of a SELECT repeats the column names
                header = [str(cell) for cell in cells]
            else:
                yield dict(zip(header, cells, strict=True))


@dataclass(frozen=True)
class Answer:
    """What a statement answers: names and types of the columns, as Athena calls them, and the rows, as text."""

    names: list[str]
    types: list[str]
    rows: list[list[str | None]]


def ask(lake: Lake, sql: str) -> Answer:
    """The answer to one statement, of any kind. Raises QueryError; one that is interrupted is cancelled."""
    query_id = execute(lake, sql)
    execution = lake.athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
    found = Answer([], [], [])
    for page in lake.athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_id):
        columns = page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
        found = Answer([one["Name"] for one in columns], [one["Type"] for one in columns], found.rows)
        found.rows.extend([cell.get("VarCharValue") for cell in row["Data"]] for row in page["ResultSet"]["Rows"])
    # The first row of a SELECT, and of no other statement, repeats the column names.
    # https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html
    if execution.get("StatementType") == "DML" and found.rows[:1] == [found.names]:
        del found.rows[0]
    return found


def bytes_scanned(lake: Lake, query_id: str) -> int:
    """What a query that has ended read, which is what Athena bills: also of one that it cancelled, not of one that
    failed (https://aws.amazon.com/athena/pricing/)."""
    execution = lake.athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
    failed = execution["Status"]["State"] == "FAILED"
    return 0 if failed else int(execution.get("Statistics", {}).get("DataScannedInBytes", 0))


def result_bytes(lake: Lake, query_id: str) -> int:
    """Size of the object in S3 that holds a query's rows, as CSV."""
    execution = lake.athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
    bucket, key = place_of(execution["ResultConfiguration"]["OutputLocation"])
    return int(lake.s3.head_object(Bucket=bucket, Key=key)["ContentLength"])


def _execute_once(lake: Lake, sql: str, timeout_seconds: float) -> str:
    resources = lake.config.resources
    query_id: str = lake.athena.start_query_execution(
        QueryString=sql,
        ClientRequestToken=str(uuid.uuid4()),  # the client's own retries of this call start one execution
        QueryExecutionContext={"Database": resources.glue_database},
        WorkGroup=resources.workgroup_name,
    )["QueryExecutionId"]
    try:
        return _wait(lake, query_id, sql, timeout_seconds)
    except KeyboardInterrupt:
        lake.athena.stop_query_execution(QueryExecutionId=query_id)  # Athena bills what it reads until then
        raise


def _wait(lake: Lake, query_id: str, sql: str, timeout_seconds: float) -> str:
    """The id, once the query has succeeded."""
    deadline, pause = time.monotonic() + timeout_seconds, 0.05
    while True:
        status = lake.athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]
        if status["State"] == "SUCCEEDED":
            return query_id
        if status["State"] in ("FAILED", "CANCELLED"):
            raise QueryError(
                query_id,
                status["State"],
                with_advice(status.get("StateChangeReason", "no reason given")),
                sql,
                retryable=_can_pass(status),
            )
        if time.monotonic() > deadline:
            lake.athena.stop_query_execution(QueryExecutionId=query_id)
            reason = f"not finished after {timeout_seconds:g} s"
            if status["State"] == "QUEUED":
                reason += ", and not even begun: Athena's slots for queries are taken by others"
            raise QueryError(query_id, "CANCELLED", reason, sql, retryable=True)
        time.sleep(pause)
        pause = min(pause * 1.5, 2.0)


def _can_pass(status: Any) -> bool:
    """Whether the statement may succeed the next time: Athena says so, or the code of the service that failed it, or
    the category of the failure."""
    error = status.get("AthenaError", {})
    if error.get("Retryable"):
        return True
    code = _CODE.search(status.get("StateChangeReason", ""))
    kind = kind_of_code(code[1]) if code else None
    return kind in PASSING if kind else error.get("ErrorCategory") == _SYSTEM
