"""Clients for Athena, S3 and Glue on this server's own endpoint, with the credentials of a request's caller."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass
from typing import Any, Literal

_ANY_SECRET = "test"

Service = Literal["athena", "glue", "s3"]


@dataclass(frozen=True)
class Caller:
    """Who sent a request, and where to."""

    account: str
    region: str
    access_key: str
    secret_key: str
    session_token: str | None = None

    @classmethod
    def of_request(cls, headers: dict[str, str], query: dict[str, list[str]]) -> Caller:
        """The caller of the request being answered.

        ministack lets a key that it does not know through only when it checks no signatures, so any secret works then.
        """
        from ministack.core.iam_evaluator import resolve_credential
        from ministack.core.responses import get_account_id, get_region
        from ministack.core.router import extract_access_key_id

        key = extract_access_key_id(headers, query) or _ANY_SECRET
        credential = resolve_credential(key, get_account_id())
        secret = getattr(credential, "secret_access_key", None) or _ANY_SECRET
        token = getattr(credential, "session_token", None)
        return cls(get_account_id(), get_region(), key, secret, token)


class Clients:
    """boto3 clients and file systems of this server's own endpoint, made once per caller."""

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url
        # Making a boto3 client is not safe in several threads at once.
        self._lock = threading.Lock()
        self._client = functools.lru_cache(maxsize=64)(self._make_client)
        self._filesystem = functools.lru_cache(maxsize=16)(self._make_filesystem)

    def client(self, service: Service, caller: Caller) -> Any:
        """A boto3 client."""
        with self._lock:
            return self._client(service, caller)

    def filesystem(self, caller: Caller) -> Any:
        """A pyarrow S3FileSystem."""
        with self._lock:
            return self._filesystem(caller)

    def _make_client(self, service: Service, caller: Caller) -> Any:
        import boto3
        from botocore.config import Config

        return boto3.session.Session().client(
            service,
            endpoint_url=self._endpoint_url,
            region_name=caller.region,
            aws_access_key_id=caller.access_key,
            aws_secret_access_key=caller.secret_key,
            aws_session_token=caller.session_token,
            config=Config(retries={"total_max_attempts": 2}, max_pool_connections=32),
        )

    def _make_filesystem(self, caller: Caller) -> Any:
        from pyarrow.fs import S3FileSystem

        scheme, _, host = self._endpoint_url.partition("://")
        return S3FileSystem(
            access_key=caller.access_key,
            secret_key=caller.secret_key,
            session_token=caller.session_token,
            region=caller.region,
            scheme=scheme,
            endpoint_override=host,
        )
