"""One lake per process, and another one when its configuration changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lakelanes.errors import ConfigError
from lakelanes_airflow.process_lake import open_lake
from tests.support.lakes import config_text


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "lake.json"
    path.write_text(config_text(name="first"))
    monkeypatch.setenv("LAKE_CONFIG", str(path))
    return path


def test_a_process_has_one_lake(config: Path) -> None:
    assert open_lake() is open_lake()


def test_a_changed_configuration_is_noticed(config: Path) -> None:
    before = open_lake()
    config.write_text(config_text(name="second"))
    os.utime(config, ns=(0, before_and_after(config)))
    after = open_lake()
    assert before.config.resources.source_bucket == "first-source"
    assert after.config.resources.source_bucket == "second-source"


def before_and_after(path: Path) -> int:
    """A modification time that the file did not have, however fine the file system's clock is."""
    return path.stat().st_mtime_ns + 1_000_000_000


def test_another_endpoint_is_another_lake(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    first = open_lake()
    assert first.s3.meta.endpoint_url == "http://127.0.0.1:1"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:2")
    assert open_lake().s3.meta.endpoint_url == "http://127.0.0.1:2"


def test_a_configuration_that_is_not_there_is_an_error(config: Path) -> None:
    config.unlink()
    with pytest.raises(ConfigError, match=r"lake\.json"):
        open_lake()
