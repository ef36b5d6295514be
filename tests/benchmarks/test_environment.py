"""The peers live in an environment of their own, which only those get who ask for it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from scripts import setup

REPOSITORY = Path(__file__).resolve().parents[2]


def _group() -> dict[str, str]:
    groups = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["dependency-groups"]
    return {line: str(Requirement(line).specifier) for line in groups["bench"]}


def test_it_is_made_when_it_is_asked_for_and_not_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "LOCAL", tmp_path)
    assert "bench" not in setup.outdated(None)
    assert setup.outdated(None, ["bench"])[-1] == "bench"


def test_the_peers_are_pinned_and_share_the_engines_libraries() -> None:
    group = _group()
    assert all(specifier.startswith("==") for specifier in group.values())
    constraints = (REPOSITORY / "constraints.txt").read_text().splitlines()
    for line in group:
        if Requirement(line).name in ("pyarrow", "numpy", "boto3", "botocore"):
            assert line.replace("'", '"') in constraints
