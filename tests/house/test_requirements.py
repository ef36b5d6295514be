"""What is installed: pinned, the same everywhere, and without a word on where it comes from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[2]
PYTHONS = ("3.11", "3.12")


def _lines(name: str) -> list[str]:
    lines = (REPOSITORY / name).read_text().splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def _applies(requirement: Requirement, python: str) -> bool:
    marker = requirement.marker
    return marker is None or marker.evaluate({"python_version": python, "python_full_version": f"{python}.0"})


def test_constraints_are_exact_and_one_per_package_and_python() -> None:
    for python in PYTHONS:
        names = []
        for line in _lines("constraints.txt"):
            requirement = Requirement(line)
            assert re.fullmatch(r"==[0-9][^,*]*", str(requirement.specifier)), line
            assert requirement.url is None, line
            if _applies(requirement, python):
                names.append(canonicalize_name(requirement.name))
        assert len(names) == len(set(names))


def test_the_constraints_of_the_cluster_are_what_the_others_leave_open() -> None:
    pins = {canonicalize_name(Requirement(line).name) for line in _lines("constraints.txt")}
    added = [Requirement(line) for line in _lines("constraints-cluster.txt")]
    assert all(re.fullmatch(r"==[0-9][^,*]*", str(one.specifier)) for one in added)
    names = [canonicalize_name(one.name) for one in added]
    assert len(names) == len(set(names)) and not pins & set(names)
    group = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["dependency-groups"]["cluster"]
    assert {canonicalize_name(Requirement(line).name) for line in group} <= pins | set(names)


def test_every_requirement_is_constrained() -> None:
    for python in PYTHONS:
        pinned = {Requirement(line).name for line in _lines("constraints.txt") if _applies(Requirement(line), python)}
        assert {Requirement(line).name for line in _lines("requirements.txt")} <= pinned


def test_development_tools_are_pinned_or_constrained() -> None:
    constrained = {Requirement(line).name for line in _lines("constraints.txt")}
    groups = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["dependency-groups"]
    for line in groups["dev"] + groups["localaws"]:
        requirement = Requirement(line)
        exact = str(requirement.specifier).startswith("==")
        assert exact or (line in groups["dev"] and requirement.name in constrained), line


def test_both_environments_have_the_same_libraries_for_the_engine() -> None:
    # Versions may differ where ministack insists (botocore), but not in what reads and writes data.
    pins = {(pin := Requirement(line)).name: str(pin.specifier) for line in _lines("constraints.txt")}
    groups = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["dependency-groups"]
    local = {(pin := Requirement(line)).name: str(pin.specifier) for line in groups["localaws"]}
    for name in ("google-re2", "pyarrow", "pydantic", "sqlglot", "tenacity"):
        assert local[name] == pins[name]
    assert "duckdb" + local["duckdb"] in groups["dev"]


def test_no_file_of_the_set_up_names_an_index_or_a_folder_of_a_machine() -> None:
    for name in (
        "requirements.txt",
        "constraints.txt",
        "constraints-cluster.txt",
        "pyproject.toml",
        "Makefile",
        "scripts/setup.py",
    ):
        for line in (REPOSITORY / name).read_text().splitlines():
            assert not re.search(r"https?://|--(extra-)?index-url [^F]|--find-links|file:", line), f"{name}: {line}"
