"""Statements run once and are waited for; failures have Athena's reason, and only those of its own making are tried
again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lakelanes.catalog import athena
from lakelanes.errors import QueryError
from lakelanes.lake import Lake


def started(lake: Lake) -> list[str]:
    """The statements that the lake starts from now on."""
    statements: list[str] = []
    lake.athena.meta.events.register(
        "provide-client-params.athena.StartQueryExecution", lambda params, **_: statements.append(params["QueryString"])
    )
    return statements


def failing(
    lake: Lake, times: int, error: dict[str, Any], reason: str = "it was too busy", state: str = "FAILED"
) -> Callable[..., None]:
    """Makes Athena fail the next statements, as many as ``times``."""
    left = [times]

    def fail(parsed: Any, **_: Any) -> None:
        if left[0]:
            left[0] -= 1
            status = {"State": state, "StateChangeReason": reason, "AthenaError": error}
            parsed["QueryExecution"]["Status"] = status

    lake.athena.meta.events.register("after-call.athena.GetQueryExecution", fail)
    return fail


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(athena.time, "sleep", lambda seconds: None)


def test_rows_are_text_by_column_name_and_null_is_none(lake: Lake) -> None:
    assert athena.query(lake, "SELECT 1 AS a, CAST(NULL AS varchar) AS b, 'x' AS c") == [
        {"a": "1", "b": None, "c": "x"}
    ]


def test_a_result_of_many_pages_is_read_to_its_end(lake: Lake) -> None:
    rows = athena.query(lake, "SELECT n FROM UNNEST(sequence(1, 2500)) AS t (n)")
    assert sorted(int(row["n"] or 0) for row in rows) == list(range(1, 2501))


def test_a_statement_that_is_wrong_fails_at_once_with_athenas_reason(lake: Lake) -> None:
    statements = started(lake)
    with pytest.raises(QueryError, match="no_such_table") as error:
        athena.execute(lake, "SELECT * FROM no_such_table")
    assert (error.value.state, error.value.retryable, len(statements)) == ("FAILED", False, 1)
    assert error.value.sql == "SELECT * FROM no_such_table"


BUSY = "HIVE_CURSOR_ERROR: reduce your request rate (Service: Amazon S3; Status Code: 503; Error Code: SlowDown; x)"
REFUSED = "Insufficient Lake Formation permission(s) (Service: AWSGlue; Status Code: 400; Error Code: {}; x)"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"ErrorCategory": 1}, "it was too busy"),
        ({"ErrorCategory": 2, "Retryable": True}, "it was too busy"),
        ({"ErrorCategory": 2, "Retryable": False}, BUSY),
        ({}, BUSY),
    ],
)
def test_a_failure_of_athenas_own_making_is_tried_three_times(lake: Lake, error: dict[str, Any], reason: str) -> None:
    statements = started(lake)
    failing(lake, 2, error, reason)
    assert athena.execute(lake, "SELECT 1 AS x")
    assert statements == ["SELECT 1 AS x"] * 3


@pytest.mark.parametrize(
    ("error", "reason", "state"),
    [
        ({"ErrorCategory": 1}, REFUSED.format("AccessDeniedException"), "FAILED"),
        ({"ErrorCategory": 3}, "no code", "FAILED"),
        ({}, "Bytes scanned limit was exceeded", "CANCELLED"),
    ],
)
def test_what_would_fail_again_is_not_tried_again(lake: Lake, error: dict[str, Any], reason: str, state: str) -> None:
    statements = started(lake)
    failing(lake, 9, error, reason, state)
    with pytest.raises(QueryError) as caught:
        athena.execute(lake, "SELECT 1 AS x")
    assert not caught.value.retryable
    assert caught.value.state == state and caught.value.reason.startswith(reason)
    assert len(statements) == 1


def test_the_third_failure_is_the_callers(lake: Lake) -> None:
    statements = started(lake)
    failing(lake, 9, {"ErrorCategory": 1})
    with pytest.raises(QueryError, match="it was too busy") as error:
        athena.execute(lake, "SELECT 1 AS x")
    assert error.value.retryable
    assert len(statements) == 3


def test_a_statement_that_takes_too_long_is_stopped(lake: Lake) -> None:
    stopped: list[str] = []
    lake.athena.meta.events.register(
        "provide-client-params.athena.StopQueryExecution",
        lambda params, **_: stopped.append(params["QueryExecutionId"]),
    )
    lake.athena.meta.events.register(
        "after-call.athena.GetQueryExecution",
        lambda parsed, **_: parsed["QueryExecution"]["Status"].update(State="RUNNING"),
    )
    with pytest.raises(QueryError, match="not finished after -1 s") as error:
        athena._execute_once(lake, "SELECT 1 AS x", -1)
    assert stopped == [error.value.query_id]
    assert error.value.retryable
