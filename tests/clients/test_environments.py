"""The clients' environments are pinned whole, and apart from what the product needs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.clients import environments, rights

PYTHONS = ("3.11", "3.12")


def lines(name: str) -> list[Requirement]:
    text = (environments.REQUIREMENTS / name).read_text()
    return [Requirement(line) for line in text.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("client", environments.CLIENTS)
def test_everything_that_is_installed_is_pinned_once(client: str) -> None:
    pinned = lines(f"{client}.txt")
    assert all(re.fullmatch(r"==[0-9][^,*]*", str(one.specifier)) and not one.url for one in pinned)
    for python in PYTHONS:
        here = {"python_version": python, "python_full_version": f"{python}.9", "sys_platform": "linux"}
        names = [canonicalize_name(one.name) for one in pinned if one.marker is None or one.marker.evaluate(here)]
        assert len(names) == len(set(names))
    versions = {canonicalize_name(one.name): str(one.specifier) for one in pinned}
    asked = lines(f"{client}.in")
    assert {canonicalize_name(one.name): str(one.specifier) for one in asked}.items() <= versions.items()


def test_each_client_has_suites_and_rights() -> None:
    assert {path.stem for path in environments.REQUIREMENTS.glob("*.txt")} == set(environments.CLIENTS)
    assert rights.OF_CLIENT.keys() == set(environments.CLIENTS)
    for client in environments.CLIENTS:
        assert [*environments.SUITES.glob(f"suite_{client}*.py")]


def test_an_environment_of_other_requirements_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FOLDER", "REQUIREMENTS"):
        monkeypatch.setattr(environments, name, tmp_path)
    (tmp_path / "dbt.txt").write_text("dbt-athena==1\n")
    assert not environments.is_ready("dbt")
    environments.python_of("dbt").parent.mkdir(parents=True)
    environments.python_of("dbt").touch()
    (tmp_path / "dbt" / "stamp").write_text(environments._digest("dbt"))
    assert environments.is_ready("dbt")
    (tmp_path / "dbt.txt").write_text("dbt-athena==2\n")
    assert not environments.is_ready("dbt")


def test_a_version_is_told_as_people_write_it() -> None:
    assert re.fullmatch(r"pyathena \d+\.\d+\.\d+", environments.version_of("pyathena"))
    assert re.fullmatch(r"dbt-athena \d+\.\d+\.\d+", environments.version_of("dbt"))
