"""What all DAGs of the lake have in common."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any

from airflow.sdk import RetryDecision, RetryPolicy
from botocore.exceptions import ClientError

from lakelanes.aws import is_retryable
from lakelanes.errors import LakeError


class Tag(StrEnum):
    """Tags the DAG list can be filtered by."""

    LAKE = "lake"
    LOAD = "load"
    EXPORT = "export"
    MAINTENANCE = "maintenance"
    VIEWS = "views"


class RetryWhatCanPass(RetryPolicy):
    """Spares the retries where they cannot help: the engine's errors say so themselves (``LakeError.retryable``), and a
    permission that AWS refused does not come by asking again."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Any | None = None
    ) -> RetryDecision:
        hopeless = (
            not exception.retryable
            if isinstance(exception, LakeError)
            else (isinstance(exception, ClientError) and not is_retryable(exception))
        )
        if hopeless:
            return RetryDecision.fail(f"{type(exception).__name__} does not pass by trying again")
        return RetryDecision.default()


OWNER = "lakelanes"
DEFAULT_ARGS: dict[str, Any] = {
    "owner": OWNER,
    "retries": 2,
    "retry_delay": timedelta(seconds=20),
    "retry_exponential_backoff": 3.0,
    "max_retry_delay": timedelta(minutes=10),
    "retry_policy": RetryWhatCanPass(),
}
