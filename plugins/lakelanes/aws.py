"""AWS clients, made in one place: one retry policy, one pool size, the endpoint from the environment alone."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

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


def client(service: str, region: str) -> Any:
    """A thread-safe client of ``service``; honours AWS_ENDPOINT_URL as boto3 does."""
    return boto3.session.Session().client(service, region_name=region, config=_CONFIG)  # type: ignore[call-overload]


def error_code(error: BaseException) -> str:
    """AWS's code of a ClientError ('404' and 'NoSuchKey' are S3's words for the same), '' for anything else."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def is_retryable(error: BaseException) -> bool:
    """Whether trying again later can cure ``error``: throttling, 5xx, lost connections; not a refused permission."""
    if isinstance(error, ClientError):
        return error_code(error) not in _PERMANENT
    return isinstance(error, BotoCoreError | ConnectionError | TimeoutError)
