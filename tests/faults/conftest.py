"""The fault harness works in this process's environment."""

from __future__ import annotations

import pytest

from tests.support.localaws import LocalAws


@pytest.fixture(autouse=True)
def _environment(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)
