"""Lakes of their own on the local AWS of the test process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lakelanes.lake import Lake
from tests.support.lakes import deploy_lake
from tests.support.localaws import LocalAws


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
