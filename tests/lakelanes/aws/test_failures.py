"""What an error of AWS means: which kind it is, and whether time cures it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
)

from lakelanes import errors
from lakelanes.aws import failures
from lakelanes.aws.error_codes import CODES, Kind


def failure(code: str, service: str = "", status: int = 0, **more: Any) -> ClientError:
    metadata = {"HTTPStatusCode": status, **({"LakeService": service} if service else {})}
    answer = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": metadata, **more}
    return ClientError(answer, "Operation")  # type: ignore[arg-type]


def cancelled(*codes: str) -> ClientError:
    return failure("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])


@pytest.mark.parametrize(
    ("error", "can_pass"),
    [
        (failure("ThrottlingException"), True),
        (failure("InternalServerError"), True),
        (failure("ConcurrentModificationException"), True),
        (failure("OperationTimeoutException"), True),
        (failure("ConditionalRequestConflict"), True),
        (failure("AccessDenied"), False),
        (failure("403", "s3", 403), False),
        (failure("NoSuchBucket", "s3", 404), False),
        (failure("ExpiredToken", "s3", 400), False),
        (failure("ExpiredTokenException", "athena", 400), False),
        (failure("KMS.DisabledException", "s3", 400), False),
        (failure("KMS.KeyUnavailableException", "s3", 500), True),
        (failure("InvalidRequest", "s3", 400), False),
        (failure("InvalidObjectState", "s3", 403), False),
        (failure("SignatureDoesNotMatch"), False),
        (EndpointConnectionError(endpoint_url="https://x"), True),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), True),
        (NoCredentialsError(), True),
        (ParamValidationError(report="Key: it is too long"), False),
        (ConnectionError("lost"), True),
        (TimeoutError(), True),
        (ValueError("a bug"), False),
        (errors.OutOfTimeError("no time left"), True),
        (errors.CatalogError("another type"), False),
        (errors.QueryError("q", "FAILED", "", "", retryable=True), True),
        (errors.QueryError("q", "FAILED", "", "", retryable=False), False),
    ],
)
def test_what_can_pass_is_worth_a_retry(error: Exception, can_pass: bool) -> None:
    assert failures.is_retryable(error) is can_pass


@pytest.mark.parametrize(
    ("service", "status", "kind"),
    [
        ("s3", 500, "passing"),
        ("glue", 503, "passing"),
        ("athena", 429, "passing"),
        ("s3", 409, "passing"),
        ("s3", 408, "passing"),
        ("s3", 400, "invalid"),
        ("sts", 403, "invalid"),
        ("", 0, None),
    ],
)
def test_a_code_that_no_table_has_is_judged_by_its_status(service: str, status: int, kind: Kind | None) -> None:
    assert failures.kind_of(failure("NeverHeardOf", service, status)) == kind
    assert failures.is_retryable(failure("NeverHeardOf", service, status)) is (kind != "invalid")


def test_one_code_means_what_its_service_means_by_it() -> None:
    assert failures.kind_of(failure("LimitExceededException", "dynamodb")) == "passing"
    assert failures.kind_of(failure("LimitExceededException", "quicksight")) == "full"
    assert failures.kind_of(failure("LimitExceededException")) is None, "without a service nobody knows"
    assert failures.kind_of(failure("LimitExceededException"), "quicksight") == "full"
    assert failures.kind_of(failure("LimitExceededException", "dynamodb"), "quicksight") == "passing"
    assert failures.kind_of(failure("ResourceNotFoundException")) == "missing", "all services agree on it"


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        (("None", "TransactionConflict"), "passing"),
        (("ThrottlingError", "None"), "passing"),
        (("ProvisionedThroughputExceeded", "TransactionConflict"), "passing"),
        (("TransactionConflict", "ConditionalCheckFailed"), "changed"),
        (("ConditionalCheckFailed", "ValidationError"), "invalid"),
        (("None", "ItemCollectionSizeLimitExceeded"), "invalid"),
        ((), "passing"),
    ],
)
def test_a_cancelled_transaction_is_what_its_worst_reason_is(codes: tuple[str, ...], kind: Kind) -> None:
    error = cancelled(*codes)
    assert failures.kind_of(error) == failures.kind_of_cancellation(error) == kind
    assert failures.is_retryable(error) is (kind != "invalid")


def test_a_bucket_that_is_not_there_is_no_missing_object() -> None:
    assert failures.is_missing(failure("NoSuchKey", "s3")) and failures.is_missing(failure("404", "s3"))
    assert not failures.is_missing(failure("NoSuchBucket", "s3"))


def test_credentials_that_ran_out_are_no_refused_right() -> None:
    assert failures.is_refused(failure("AccessDenied", "s3")) and failures.is_refused(failure("403", "s3"))
    assert not failures.is_refused(failure("ExpiredToken", "s3")), "what is asked for may be there, and be allowed"
    assert not failures.is_refused(failure("NoSuchKey", "s3"))


def test_only_awss_errors_have_its_code() -> None:
    assert failures.error_code(failure("NoSuchKey")) == "NoSuchKey"
    assert failures.error_code(ClientError({}, "Operation")) == failures.error_code(ValueError("NoSuchKey")) == ""
    assert failures.kind_of(ValueError("NoSuchKey")) is None


def test_every_code_of_the_tables_is_retried_if_its_kind_passes() -> None:
    for service, rows in CODES.items():
        for row in rows:
            for code in row.codes:
                found = failures.is_retryable(failure(code, service))
                assert found is (row.kind in ("passing", "changed", "exists")), (service, code)
