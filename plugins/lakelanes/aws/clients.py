"""AWS clients, made in one place: one retry policy, one pool size, the endpoint from the environment alone."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import create_loader

from lakelanes.errors import LakeError
from lakelanes.runtime import check_client

# Adaptive retries back off with full jitter and slow the client down once a service throttles.
_CONFIG = Config(
    retries={"mode": "adaptive", "total_max_attempts": 8},
    max_pool_connections=64,
    connect_timeout=10,
    read_timeout=60,
    user_agent_extra="lakelanes",
)
_PERMANENT = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
)


# The descriptions of AWS's services, megabytes of JSON: each is read once per process, however many clients there are.
_LOADER = create_loader()


def client(service: str, region: str) -> Any:
    """A thread-safe client of ``service``; honours AWS_ENDPOINT_URL and AWS's other variables as boto3 does.

    Raises LibraryError when botocore is too old for what the engine asks of the service."""
    made = _session().create_client(service, region_name=region, config=_CONFIG)
    check_client(service, made.meta.service_model)
    return made


def read_descriptions(services: Iterable[str]) -> None:
    """Reads what clients of these services need to know, so that processes which are forked from this one need not.

    Opens no connection, and searches for no credentials: on AWS that may be a request.
    """
    for service in services:
        _session().create_client(
            service, "us-east-1", aws_access_key_id="unused", aws_secret_access_key="unused", config=_CONFIG
        )


def _session() -> Any:
    session = botocore.session.get_session()
    session.register_component("data_loader", _LOADER)
    return session


@cache
def partition_of(region: str) -> str:
    """The partition of AWS that a region is in, as ARNs name it: ``aws``, ``aws-cn``, ``aws-us-gov``, ...

    Raises botocore's UnknownRegionError for a region that AWS's list neither has nor has a pattern for.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    return str(_session().get_partition_for_region(region))


def error_code(error: BaseException) -> str:
    """AWS's code of a ClientError ('404' and 'NoSuchKey' are S3's words for the same), '' for anything else."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def is_retryable(error: BaseException) -> bool:
    """Whether trying again later can cure ``error``: throttling, 5xx, lost connections; not a refused permission. The
    engine's own errors say so themselves."""
    if isinstance(error, LakeError):
        return error.retryable
    if isinstance(error, ClientError):
        return error_code(error) not in _PERMANENT
    return isinstance(error, BotoCoreError | ConnectionError | TimeoutError)
