"""What is tried again, and what is not: every error that a task can end with."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk import RetryAction
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ParamValidationError,
    ReadTimeoutError,
)

from lakelanes import errors
from lakelanes_airflow.defaults import RetryWhatCanPass

# Of each error of the engine: one as it is raised, and whether time can cure it.
ENGINE: dict[type[errors.LakeError], tuple[errors.LakeError, bool]] = {
    type(error): (error, cured)
    for error, cured in [
        (errors.LakeError("x"), False),
        (errors.ConfigError("lake.json", ["entities.sales.schema: missing"]), False),
        (errors.PricesError("prices.json", ["s3.storage_per_gb_month: is missing"]), False),
        (errors.DashboardError(["sales.json: title: is missing"]), False),
        (errors.RefreshError("sales", "the view is not there", "trigger refresh_views"), False),
        (errors.DropError("sales is in the configuration still"), False),
        (errors.LibraryError("pyarrow 16.1 lacks zstd", "install a newer one"), False),
        (errors.SelectionError("keys", "of no entity"), False),
        (errors.PartitionValueError("February 31st"), False),
        (errors.AmbiguousFileError("a.csv", ["one", "two"]), False),
        (errors.SourceGoneError("gone"), False),
        (errors.PlanGoneError("s3://b/run-plans/k", 14), False),
        (errors.ArchivedError("s3://b/k", "GLACIER", "aws s3api restore-object"), False),
        (errors.SourceChangedError("overwritten while it was read"), True),
        (errors.TargetChangedError("somebody else wrote it"), True),
        (errors.LeaseLostError("taken over"), True),
        (errors.OwnerError("the bucket is another ledger's"), False),
        (errors.LedgerConflictError("removed meanwhile"), True),
        (errors.ClaimContendedError("s3://b/k", 12), True),
        (errors.OutOfTimeError("called off"), True),
        (errors.EventError("no S3 event"), False),
        (errors.QueryError("q1", "FAILED", "SYNTAX_ERROR", "SELECT"), False),
        (errors.CatalogError("other partition keys"), False),
        (errors.ValidationError("2 rows, Athena counts 1"), True),
        (errors.ViewError("a cycle"), False),
        (errors.AttributeValueError("no number"), False),
        (errors.StreamError("of no table"), False),
        (errors.ExportDataError("s3://b/k", "a line is missing"), False),
        (errors.LoadError("not loaded"), False),
        (errors.RetryableLoadError("throttled"), True),
        (errors.PermanentLoadError("full reject: 200 bad rows, 100 allowed"), False),
        (errors.TableError("cannot go on", "repair"), False),
        (errors.GapError("recovery_off", "off", "turn it on"), False),
        (errors.StalledError("stands still", "trigger"), False),
        (errors.RecoveryLagError("orders", "lags", datetime(2024, 3, 15, tzinfo=UTC)), False),
        (errors.ExportFailedError("failed three times", "look"), False),
        (errors.PartialAnswerError("2 partitions were not created", retryable=True), True),
    ]
}


def action(error: BaseException) -> RetryAction:
    return RetryWhatCanPass().evaluate(error, 1, 3).action


def aws_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "GetObject")


def test_every_error_of_the_engine_is_decided_on() -> None:
    """A new one is to be put into the table, with somebody's thought."""
    known = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.LakeError)}
    assert known == set(ENGINE)


@pytest.mark.parametrize("kind", ENGINE, ids=lambda kind: kind.__name__)
def test_an_error_of_the_engine_is_tried_again_if_time_can_cure_it(kind: type[errors.LakeError]) -> None:
    error, cured = ENGINE[kind]
    assert action(error) is (RetryAction.DEFAULT if cured else RetryAction.FAIL)


def test_a_query_that_athena_may_answer_later_is_asked_again() -> None:
    busy = errors.QueryError("q1", "FAILED", "INTERNAL_ERROR", "SELECT", retryable=True)
    assert action(busy) is RetryAction.DEFAULT


def passing() -> Iterator[Any]:
    for code in (
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "InternalError",
    ):
        yield pytest.param(aws_error(code), id=code)
    for error in (
        EndpointConnectionError(endpoint_url="http://s3"),
        ConnectTimeoutError(endpoint_url="http://s3"),
        ReadTimeoutError(endpoint_url="http://s3"),
        ConnectionResetError("peer"),
        TimeoutError("late"),
        MemoryError(),
        OSError(28, "No space left on device"),
    ):
        yield pytest.param(error, id=type(error).__name__)


@pytest.mark.parametrize("error", list(passing()))
def test_what_can_pass_is_tried_again(error: BaseException) -> None:
    assert action(error) is RetryAction.DEFAULT


@pytest.mark.parametrize(
    "error",
    [
        *(aws_error(code) for code in ("AccessDenied", "AccessDeniedException", "InvalidAccessKeyId")),
        *(aws_error(code) for code in ("ExpiredToken", "NoSuchBucket", "KMS.DisabledException", "InvalidObjectState")),
        ParamValidationError(report="Key: it is too long"),
        AirflowSensorTimeout("no file by its deadline"),
        AirflowFailException("the run is not complete"),
        TypeError("a fault of the program"),
        KeyError("entities"),
        AttributeError("x"),
        NotImplementedError(),
    ],
    ids=lambda error: f"{type(error).__name__}-{error}"[:40],
)
def test_what_comes_again_fails_at_once(error: BaseException) -> None:
    assert action(error) is RetryAction.FAIL
