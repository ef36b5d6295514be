"""Credentials of the product's roles on a local AWS that enforces IAM, and lakes opened with them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator, Mapping
from typing import TypeVar

from lakelanes.lake import Lake
from scripts.worker_user import make_worker_user
from tests.support.localaws import LocalAws

T = TypeVar("T")
SESSION_SECONDS = 12 * 3600
_NAMES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def worker_credentials(aws: LocalAws, outputs: Mapping[str, str]) -> dict[str, str]:
    """Those of Airflow's workers, for the lake whose stack has these outputs; a new user for each."""
    lake = outputs["AnalyticsBucket"]
    return make_worker_user(aws.client("iam"), outputs, f"workers-of-{lake}-{os.urandom(3).hex()}")


def function_credentials(aws: LocalAws, outputs: Mapping[str, str], function: str) -> dict[str, str]:
    """Those of a function's role, for twelve hours; ``function`` is the output that names it."""
    role = aws.client("lambda").get_function_configuration(FunctionName=outputs[function])["Role"]
    aws.client("iam").update_role(RoleName=role.rsplit("/", 1)[-1], MaxSessionDuration=SESSION_SECONDS)
    made = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="tests", DurationSeconds=SESSION_SECONDS)
    found = made["Credentials"]
    return dict(zip(_NAMES, (found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]), strict=True))


@contextlib.contextmanager
def acting_as(credentials: Mapping[str, str]) -> Generator[None]:
    """Clients that are made meanwhile in this process have these credentials."""
    before = {name: os.environ.pop(name, None) for name in _NAMES}
    os.environ.update(credentials)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def lake_as(credentials: Mapping[str, str], open_lake: Callable[[], Lake]) -> Lake:
    """A lake all of whose clients have these credentials."""
    with acting_as(credentials):
        lake = open_lake()
        # They are made on first use.
        for client in (lake.s3, lake.glue, lake.athena, lake.sns, lake.sqs, lake.dynamodb, lake.ledger):
            assert client is not None
    return lake
