"""What all DAGs of the lake have in common."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import quote, urlsplit

from airflow.sdk import RetryDecision, RetryPolicy
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout
from botocore.exceptions import ClientError

from lakelanes.aws.clients import is_retryable
from lakelanes.errors import LakeError


class Tag(StrEnum):
    """Tags the DAG list can be filtered by."""

    LAKE = "lake"
    LOAD = "load"
    EXPORT = "export"
    MAINTENANCE = "maintenance"
    VIEWS = "views"


# Faults of the program or of what it was given: the next try would be given the same.
_SAME_AGAIN = (TypeError, AttributeError, NameError, LookupError, AssertionError, NotImplementedError)
# What tasks raise when the decision is made already: a missed deadline, a run that is not complete.
_FINAL = (AirflowFailException, AirflowSensorTimeout)


class RetryWhatCanPass(RetryPolicy):
    """Spares the retries where they cannot help.

    The engine's errors say so themselves (``LakeError.retryable``), and of AWS's the code does: throttling and 5xx
    pass, a permission that was refused does not come by asking again. A lost connection passes, and so may what is
    unknown (a full disk, memory that ran out); a fault of the program comes again.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Any | None = None
    ) -> RetryDecision:
        if isinstance(exception, LakeError):
            hopeless = not exception.retryable
        elif isinstance(exception, ClientError):
            hopeless = not is_retryable(exception)
        else:
            hopeless = isinstance(exception, (*_SAME_AGAIN, *_FINAL))
        if hopeless:
            return RetryDecision.fail(f"{type(exception).__name__} does not pass by trying again")
        return RetryDecision.default()


def owner_links(path: str = "/") -> dict[str, str]:
    """Where the owner of a DAG leads in Airflow's list of DAGs: to a page of the Lake page, e.g. ``/entities/sales``.

    None where Airflow does not know its own address (``[api] base_url``): it takes whole addresses only.
    """
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    address = urlsplit(base)
    if address.scheme not in ("http", "https") or not address.netloc:
        return {}
    return {OWNER: f"{base}/lake{quote(path)}"}


OWNER = "lakelanes"
DEFAULT_ARGS: dict[str, Any] = {
    "owner": OWNER,
    "retries": 2,
    "retry_delay": timedelta(seconds=20),
    "retry_exponential_backoff": 3.0,
    "max_retry_delay": timedelta(minutes=10),
    "retry_policy": RetryWhatCanPass(),
    # By name, as it is kept in the database: the plugin registers it.
    "weight_rule": "lakelanes_airflow.timetables.priorities.DailyLoadFirst",
}
