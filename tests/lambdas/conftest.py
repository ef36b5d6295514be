"""Lakes with and without the deployed functions."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lakelanes.lake import Lake
from tests.support.function import DeployedLake, deploy_with_function
from tests.support.lakes import config_text, deploy_lake
from tests.support.localaws import REPOSITORY, LocalAws


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
    """Deploys a lake with the functions: ``deployed(entities, tables)``."""

    def make(
        entities: dict[str, Any] | None = None, tables: dict[str, Any] | None = None, **parameters: str
    ) -> DeployedLake:
        return deploy_with_function(local_aws, tmp_path, entities, tables, **parameters)

    return make


@pytest.fixture
def imported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., ModuleType]:
    """Imports a function's module as Lambda does, for the lake with these entities and tables."""

    def load(name: str, lake: Lake, **configured: Any) -> ModuleType:
        resources = {"resources": lake.config.resources.model_dump(), "aws": lake.config.aws.model_dump()}
        config = tmp_path / "lake.json"
        config.write_text(json.dumps({**json.loads(config_text(**configured)), **resources}))
        monkeypatch.setenv("LAKE_CONFIG", str(config))
        spec = importlib.util.spec_from_file_location(name, REPOSITORY / "lambdas" / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def context() -> Any:
    """What Lambda hands over beside the event."""

    class Context:
        aws_request_id = "request-1"

        def get_remaining_time_in_millis(self) -> int:
            return 60_000

    return Context()
