"""The lake that LAKE_CONFIG names, as the commands open it, and a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakelanes.config.loading import load_config
from lakelanes.lake import Lake
from scripts.deploy import deploy
from tests.lakelanes.commands.terminal import Terminal
from tests.support.lakes import SALES, config_text
from tests.support.localaws import LocalAws


@pytest.fixture
def lake(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lake:
    """The lake that LAKE_CONFIG names."""
    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "lake.json"
    path.write_text(config_text({"sales": SALES}))
    monkeypatch.setenv("LAKE_CONFIG", str(path))
    config = load_config()
    deploy(config, local_aws.client("cloudformation"), local_aws.client("sts"), parameters={"RequireTls": "false"})
    return Lake.open(config)


@pytest.fixture
def sample_config(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands work with the configuration that comes along."""
    monkeypatch.setenv("AWS_ACCOUNT_ID", "000000000000")
    monkeypatch.delenv("LAKE_CONFIG", raising=False)


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


@pytest.fixture(autouse=True)
def no_stack_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a stack in this repository has left in .local/env is none of these tests'."""
    monkeypatch.setattr("lakelanes.__main__.read_env_file", lambda *_: None)
