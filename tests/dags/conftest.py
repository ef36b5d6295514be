"""Airflow's own parser over the dags folder."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.airflow import use_temporary_home

use_temporary_home()

from airflow.dag_processing.dagbag import DagBag  # noqa: E402

DAGS = Path(__file__).resolve().parents[2] / "dags"


@contextmanager
def conf_vars(settings: dict[tuple[str, str], str]) -> Iterator[None]:
    """Airflow's settings, by section and name, for a while."""
    with pytest.MonkeyPatch.context() as patch:
        for (section, name), value in settings.items():
            patch.setenv(f"AIRFLOW__{section.upper()}__{name.upper()}", value)
        yield


@pytest.fixture
def parse(monkeypatch: pytest.MonkeyPatch) -> Callable[..., DagBag]:
    """Parses the dags folder for a configuration file (default: include/lake.json), with every connection refused."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a DAG file opened a network connection while it was parsed")

    def run(config: Path | None = None) -> DagBag:
        monkeypatch.setenv("AWS_ACCOUNT_ID", "000000000000")
        monkeypatch.delenv("LAKE_CONFIG", raising=False)
        if config:
            monkeypatch.setenv("LAKE_CONFIG", str(config))
        with monkeypatch.context() as patch:
            patch.setattr(socket.socket, "connect", refuse)
            patch.setattr(socket, "getaddrinfo", refuse)
            return DagBag(str(DAGS), safe_mode=True)

    return run


@pytest.fixture(scope="module")
def dags() -> Iterator[dict[str, Any]]:
    """The DAGs of the sample configuration by their id."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCOUNT_ID", os.environ.get("AWS_ACCOUNT_ID", "000000000000"))
        patch.delenv("LAKE_CONFIG", raising=False)
        yield dict(DagBag(str(DAGS)).dags)
