"""A lake of its own for each test, configured by LAKE_CONFIG as Airflow's is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.airflow import use_temporary_home

use_temporary_home()

from lakelanes.lake import Lake  # noqa: E402
from lakelanes_airflow.process_lake import open_lake  # noqa: E402
from scripts.deploy import deploy  # noqa: E402
from tests.support.lakes import SALES, config_text  # noqa: E402
from tests.support.localaws import LocalAws  # noqa: E402


@pytest.fixture
def make_lake(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Lake]:
    """Deploys the lake that Airflow finds: ``make_lake(tables, others, **settings)`` with other entities than its own
    "sales", and settings of that one."""
    return _maker(local_aws, monkeypatch, tmp_path)


@pytest.fixture(scope="module")
def make_shared_lake(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Lake]]:
    """The same, for a lake that the tests of a module only read."""
    with pytest.MonkeyPatch.context() as patch:
        yield _maker(local_aws, patch, tmp_path_factory.mktemp("shared"))


def _maker(aws: LocalAws, patch: pytest.MonkeyPatch, folder: Path) -> Callable[..., Lake]:
    for name, value in aws.environment.items():
        patch.setenv(name, value)

    def make(tables: Mapping[str, Any] | None = None, others: Mapping[str, Any] | None = None, **settings: Any) -> Lake:
        path = folder / "lake.json"
        path.write_text(config_text({"sales": {**SALES, **settings}, **(others or {})}, tables=tables))
        patch.setenv("LAKE_CONFIG", str(path))
        lake = open_lake()
        clients = (aws.client("cloudformation"), aws.client("sts"))
        deploy(lake.config, *clients, parameters={"RequireTls": "false"})
        return lake

    return make


@pytest.fixture
def lake(make_lake: Callable[..., Lake]) -> Lake:
    """A lake with the sales entity, whose files have settled at once."""
    return make_lake()


@pytest.fixture
def listed(lake: Lake) -> list[str]:
    """The prefixes of the lake's LIST requests from now on."""
    prefixes: list[str] = []
    lake.s3.meta.events.register(
        "provide-client-params.s3.ListObjectsV2", lambda params, **_: prefixes.append(params["Prefix"])
    )
    return prefixes
