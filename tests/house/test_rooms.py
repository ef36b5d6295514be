"""The house: which room may import from which, that nothing goes in circles, and that no floor is cluttered."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.imports import by_room, circle, graph, modules

REPOSITORY = Path(__file__).resolve().parents[2]
PLUGINS = REPOSITORY / "plugins"
# From the top down: a room imports from lower lines only (docs/architecture.md has the picture).
LINES = {
    "lakelanes": [
        ["__main__"],
        ["commands"],
        ["watch"],
        ["overview", "draft", "drop", "cost"],
        ["dashboards", "lineage"],
        ["files", "tables"],
        ["alerts", "catalog"],
        ["lake"],
        ["ledger"],
        ["config"],
        ["convert"],
        ["native"],
        ["aws"],
        ["types", "names", "concurrently", "runtime"],
        ["errors"],
    ],
    "lakelanes_airflow": [
        ["plugin"],
        ["page"],
        ["dag_arguments", "load_tasks"],
        ["operators", "sensors"],
        ["triggers"],
        ["notifications"],
        ["runs"],
        ["timetables"],
        ["assets", "defaults", "lineage", "process_lake", "trusted_hosts"],
    ],
}
MOST_AT_THE_ROOT = {"lakelanes": 10, "lakelanes_airflow": 8}
LONGEST_FUNCTION = 60


def upward(root: Path, package: str, lines: list[list[str]]) -> list[str]:
    """Every import of a package's room from a line that is not below its own, and every room without a line."""
    level = {f"{package}.{name}": number for number, line in enumerate(lines) for name in line}
    found = []
    for room, imported in by_room(graph(root, package)).items():
        if room == package:
            continue
        if room not in level:
            found.append(f"{room} has no line")
            continue
        found += [f"{room} imports {other}" for other in imported - {package} if level.get(other, -1) <= level[room]]
    return found


@pytest.mark.parametrize("package", LINES)
def test_every_import_points_to_a_lower_line(package: str) -> None:
    assert upward(PLUGINS, package, LINES[package]) == []


@pytest.mark.parametrize(
    ("root", "package"),
    [(PLUGINS, "lakelanes"), (PLUGINS, "lakelanes_airflow"), (REPOSITORY, "localaws"), (REPOSITORY, "scripts")],
)
def test_no_modules_import_each_other_in_a_circle(root: Path, package: str) -> None:
    found = graph(root, package)
    assert len(found) > 5
    assert circle(found) == []


@pytest.mark.parametrize("package", MOST_AT_THE_ROOT)
def test_the_root_of_a_package_is_not_cluttered(package: str) -> None:
    assert len(list((PLUGINS / package).glob("*.py"))) <= MOST_AT_THE_ROOT[package]


def too_long(path: Path) -> list[str]:
    return [
        f"{path.name}:{node.lineno} {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    ]


def test_no_function_is_longer_than_a_screen() -> None:
    folders = ("localaws", "scripts", "lambdas", "dags", "benchmarks", "tests")
    paths = [*modules(PLUGINS, *LINES).values(), *modules(REPOSITORY, *folders).values()]
    assert [line for path in paths for line in too_long(path)] == []


def test_an_upward_import_is_found(tmp_path: Path) -> None:
    for name, text in {"low/a.py": "def f():\n    from house.high import b\n", "high/b.py": "", "stray.py": ""}.items():
        (tmp_path / "house" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "house" / name).write_text(text)
    assert upward(tmp_path, "house", [["high"], ["low"]]) == ["house.low imports house.high", "house.stray has no line"]


def test_a_circle_is_found_even_where_it_is_only_for_types(tmp_path: Path) -> None:
    (tmp_path / "house").mkdir()
    typed = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.b import B\n"
    for name, text in {"a": typed, "b": "import house.c", "c": "from house import a"}.items():
        (tmp_path / "house" / f"{name}.py").write_text(text)
    assert set(circle(graph(tmp_path, "house"))) == {"house.a", "house.b", "house.c"}


def test_a_long_function_is_found(tmp_path: Path) -> None:
    path = tmp_path / "long.py"
    path.write_text("def f():\n" + "    pass\n" * LONGEST_FUNCTION + "\n\ndef g():\n    pass\n")
    assert too_long(path) == ["long.py:1 f: 61 lines"]
