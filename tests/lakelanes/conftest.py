"""One real local AWS per test process, and lakes of their own on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lakelanes.lake import Lake
from tests.support.lakes import deploy_lake
from tests.support.localaws import LocalAws, start_localaws


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A running local AWS, stopped at the end of the session."""
    server = start_localaws(tmp_path_factory.mktemp("localaws"))
    yield server
    server.stop()


@pytest.fixture
def make_lake(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Lake]:
    """Deploys a lake: ``make_lake(entities)``."""
    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)

    def make(entities: dict[str, Any] | None = None, **options: Any) -> Lake:
        return deploy_lake(local_aws, entities, **options)

    return make


@pytest.fixture
def lake(make_lake: Callable[..., Lake]) -> Lake:
    """A lake with the sales entity."""
    return make_lake()
