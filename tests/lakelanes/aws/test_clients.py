"""Clients of AWS: what they read, and what they do not ask for."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import pytest
from botocore.credentials import CredentialResolver
from botocore.exceptions import ClientError, UnknownRegionError, UnknownServiceError
from botocore.loaders import JSONFileLoader
from botocore.session import Session
from botocore.stub import Stubber

from lakelanes.aws import clients, failures

SERVICES = ("s3", "dynamodb", "glue")


def test_what_is_read_before_a_fork_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clients.read_descriptions(SERVICES)
    read: list[str] = []
    load = JSONFileLoader.load_file

    def noted(self: Any, path: str) -> Any:
        read.append(path)
        return load(self, path)

    monkeypatch.setattr(JSONFileLoader, "load_file", noted)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    for service in SERVICES:
        clients.client(service, "eu-central-1")
    assert read == []


def test_reading_asks_for_no_credentials_and_opens_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("on AWS that is a request")

    monkeypatch.setattr(CredentialResolver, "load_credentials", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(clients, "_LOADER", clients._Descriptions())
    clients.read_descriptions(SERVICES)


def test_a_client_takes_endpoint_and_credentials_from_the_environment_of_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clients.read_descriptions(SERVICES)
    for number in (1, 2):
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{number}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", f"key-{number}")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        found = clients.client("glue", "eu-central-1")
        assert found.meta.endpoint_url == f"http://127.0.0.1:{number}"
        assert found._request_signer._credentials.access_key == f"key-{number}"


def test_threads_that_ask_for_a_client_at_once_get_the_same_of_one_session(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions: list[Session] = []
    create, busy = Session.create_client, Lock()

    def alone(session: Session, *args: Any, **options: Any) -> Any:
        sessions.append(session)
        assert busy.acquire(blocking=False), "a session is used by two threads"
        try:
            return create(session, *args, **options)
        finally:
            busy.release()

    monkeypatch.setattr(Session, "create_client", alone)
    found = clients.Clients("eu-central-1")
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(found.get, [*SERVICES, *SERVICES]))
    assert made[:3] == made[3:]
    assert [client.meta.service_model.service_name for client in made[:3]] == list(SERVICES)
    assert len(sessions) == 3 and len(set(map(id, sessions))) == 1


def test_a_service_that_there_is_not_is_named() -> None:
    with pytest.raises(UnknownServiceError, match="dynamo_db"):
        clients.client("dynamo_db", "eu-central-1")


def test_an_error_says_of_which_service_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    for service, operation, retryable in (("dynamodb", "list_tables", True), ("quicksight", "list_namespaces", False)):
        found = clients.client(service, "eu-central-1")
        with Stubber(found) as stubber:
            stubber.add_client_error(operation, "LimitExceededException", http_status_code=409)
            with pytest.raises(ClientError) as error:
                getattr(found, operation)(**({"AwsAccountId": "0" * 12} if service == "quicksight" else {}))
        assert failures.is_retryable(error.value) is retryable, service


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-east-1", "aws-us-gov")]
)
def test_a_region_is_in_a_partition(region: str, partition: str) -> None:
    assert clients.partition_of(region) == partition


def test_a_region_that_is_none_is_in_no_partition() -> None:
    with pytest.raises(UnknownRegionError, match="xx-none-1"):
        clients.partition_of("xx-none-1")
