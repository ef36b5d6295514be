"""AWS clients, made in one place: one retry policy, one pool size, the endpoint from the environment alone."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.loaders import Loader

from lakelanes.aws.failures import name_service
from lakelanes.runtime import check_client

# Adaptive retries back off with full jitter and slow the client down once a service throttles.
_CONFIG = Config(
    retries={"mode": "adaptive", "total_max_attempts": 8},
    max_pool_connections=64,
    connect_timeout=10,
    read_timeout=60,
    user_agent_extra="lakelanes",
)


class _Descriptions(Loader):
    """The descriptions of AWS's services, megabytes of JSON: each is read once per process, however many clients there
    are."""

    def list_available_services(self, type_name: str) -> list[str]:
        """The services by their folders' names. botocore, which asks this before it reads a description, looks into
        each of its 400 folders for a file of the type; whether there is one shows when it is read."""
        return [name for path in self.search_paths if os.path.isdir(path) for name in os.listdir(path)]


_LOADER = _Descriptions()


class Clients:
    """The clients of a region, each made when it is asked for first, and shared by threads. They have one session,
    whose making takes as long as that of a client."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._session = _session()
        self._made: dict[str, Any] = {}
        self._making = threading.Lock()

    def get(self, service: str) -> Any:
        """The client of a service; honours AWS_ENDPOINT_URL and AWS's other variables as boto3 does.

        Raises LibraryError when botocore is too old for what the engine asks of the service."""
        # A client may be used by any number of threads, and a session by one:
        # https://docs.aws.amazon.com/boto3/latest/guide/clients.html#multithreading-or-multiprocessing-with-clients
        with self._making:
            if service not in self._made:
                made = self._session.create_client(service, region_name=self._region, config=_CONFIG)
                made.meta.events.register("after-call", name_service)
                check_client(service, made.meta.service_model)
                self._made[service] = made
            return self._made[service]


def client(service: str, region: str) -> Any:
    """The client of a service for who needs no other. Raises LibraryError as ``Clients.get`` does."""
    return Clients(region).get(service)


def read_descriptions(services: Iterable[str]) -> None:
    """Reads what clients of these services need to know, so that processes which are forked from this one need not.

    Opens no connection, and searches for no credentials: on AWS that may be a request.
    """
    session = _session()
    for service in services:
        session.create_client(
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
