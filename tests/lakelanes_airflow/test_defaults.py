"""What is tried again, and what is not."""

from __future__ import annotations

import pytest
from airflow.sdk import RetryAction
from botocore.exceptions import ClientError, EndpointConnectionError

from lakelanes.errors import CatalogError, ConfigError, PermanentLoadError, RetryableLoadError, ValidationError
from lakelanes_airflow.defaults import RetryWhatCanPass


def aws_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "GetObject")


@pytest.mark.parametrize(
    "error",
    [
        PermanentLoadError("a bad row"),
        ConfigError("lake.json", []),
        CatalogError("other keys"),
        aws_error("AccessDenied"),
    ],
)
def test_what_cannot_pass_fails_at_once(error: Exception) -> None:
    assert RetryWhatCanPass().evaluate(error, 1, 3).action is RetryAction.FAIL


@pytest.mark.parametrize(
    "error",
    [
        RetryableLoadError("throttled"),
        ValidationError("another lane is loading"),
        aws_error("SlowDown"),
        EndpointConnectionError(endpoint_url="http://s3"),
        MemoryError(),
    ],
)
def test_what_can_pass_is_tried_again(error: BaseException) -> None:
    assert RetryWhatCanPass().evaluate(error, 1, 3).action is RetryAction.DEFAULT
