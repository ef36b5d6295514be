"""One real local AWS per test process; lakes with and without the deployed function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lakelanes.lake import Lake
from tests.support.function import DeployedLake, deploy_with_function
from tests.support.lakes import deploy_lake
from tests.support.localaws import LocalAws, start_localaws


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A running local AWS, stopped at the end of the session."""
    server = start_localaws(tmp_path_factory.mktemp("localaws"))
    yield server
    server.stop()


@pytest.fixture
def environment(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Points this process's clients at the local AWS."""
    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def lake(local_aws: LocalAws, environment: None) -> Lake:
    """A lake with the sales entity, without the function."""
    return deploy_lake(local_aws)


@pytest.fixture
def deployed(local_aws: LocalAws, environment: None, tmp_path: Path) -> Callable[..., DeployedLake]:
    """Deploys a lake with the function: ``deployed(entities)``."""

    def make(entities: dict[str, Any] | None = None, **parameters: str) -> DeployedLake:
        return deploy_with_function(local_aws, tmp_path, entities, **parameters)

    return make


@pytest.fixture
def context() -> Any:
    """What Lambda hands over beside the event."""

    class Context:
        aws_request_id = "request-1"

        def get_remaining_time_in_millis(self) -> int:
            return 60_000

    return Context()
