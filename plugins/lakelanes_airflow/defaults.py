"""What all DAGs of the lake have in common."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import quote, urlsplit

from airflow.sdk import RetryDecision, RetryPolicy
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout
from botocore.exceptions import BotoCoreError, ClientError

from lakelanes.aws.failures import is_retryable
from lakelanes.errors import LakeError


class Tag(StrEnum):
    """Tags the DAG list can be filtered by."""

    LAKE = "lake"
    LOAD = "load"
    EXPORT = "export"
    MAINTENANCE = "maintenance"
    VIEWS = "views"


# Faults of the program or of its input: the next try would have the same.
_SAME_AGAIN = (TypeError, AttributeError, NameError, LookupError, AssertionError, NotImplementedError)
# What tasks raise when another try cannot help: a missed deadline, a run that is not complete.
_FINAL = (AirflowFailException, AirflowSensorTimeout)


class RetryWhatCanPass(RetryPolicy):
    """Makes no retry where that cannot help.

    The engine's errors say it themselves (``LakeError.retryable``), AWS's errors by their code
    (``lakelanes.aws.error_codes``): throttling and 5xx pass, a refused permission does not. A lost connection passes,
    and so may unknown errors (a full disk, memory that ran out); a fault of the program comes again.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Any | None = None
    ) -> RetryDecision:
        if isinstance(exception, LakeError | ClientError | BotoCoreError):
            hopeless = not is_retryable(exception)
        else:
            hopeless = isinstance(exception, (*_SAME_AGAIN, *_FINAL))
        if hopeless:
            return RetryDecision.fail(f"{type(exception).__name__} does not pass by trying again")
        return RetryDecision.default()


def owner_links(path: str = "/") -> dict[str, str]:
    """The link of a DAG's owner in Airflow's list of DAGs, to a page below the Lake page, e.g. ``/entities/sales``.

    Empty where Airflow does not know its own address (``[api] base_url``), for it accepts whole addresses only.
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
    # By the name that the database has; the plugin registers the class.
    "weight_rule": "lakelanes_airflow.timetables.priorities.DailyLoadFirst",
}
