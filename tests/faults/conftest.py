"""A local AWS, a lake and worker processes for the tests of the fault harness."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.localaws import LocalAws, start_localaws


@pytest.fixture(scope="package")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A running local AWS, stopped at the end."""
    server = start_localaws(tmp_path_factory.mktemp("localaws"))
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _environment(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)
