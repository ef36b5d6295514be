"""Imports point one way: dags -> lakelanes_airflow -> lakelanes; lambdas -> lakelanes; nothing of it -> localaws."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
OWN = {"dags", "lakelanes_airflow", "lambdas", "localaws", "scripts", "tests"}
DEPLOYING = ("change_sets", "deploy", "lifecycle", "templates")
FORBIDDEN = {
    "plugins/lakelanes": OWN | {"airflow"},
    "plugins/lakelanes_airflow": OWN - {"lakelanes_airflow"},
    "dags": OWN - {"lakelanes_airflow"},
    "lambdas": OWN | {"airflow"},
    # These deploy to AWS as well, so they are held to the same rule.
    **{f"scripts/{name}.py": (OWN | {"airflow"}) - {"scripts"} for name in DEPLOYING},
    # It plays the part of AWS, which knows nothing of Airflow.
    "localaws": (OWN | {"airflow"}) - {"localaws"},
}


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and top-level name of every absolute import, wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module.split(".")[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module") and node.args:
            argument = node.args[0]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield node.lineno, argument.value.split(".")[0]


def violations(root: Path, place: str) -> list[str]:
    """Every import below ``place`` that goes where it must not."""
    start = root / place
    paths = [start] if start.is_file() else sorted(start.rglob("*.py"))
    return [
        f"{path.relative_to(root)}:{line} imports {name}"
        for path in paths
        for line, name in imported(path)
        if name in FORBIDDEN[place]
    ]


@pytest.mark.parametrize("place", FORBIDDEN)
def test_imports_point_one_way(place: str) -> None:
    assert violations(REPOSITORY, place) == []


@pytest.mark.parametrize(
    "code",
    [
        "import airflow",
        "from airflow.sdk import dag",
        "def f():\n    import localaws.server",
        "import importlib\nimportlib.import_module('lakelanes_airflow.sensors.source_files')",
    ],
)
def test_a_wrong_import_is_found(tmp_path: Path, code: str) -> None:
    (tmp_path / "plugins" / "lakelanes").mkdir(parents=True)
    (tmp_path / "plugins" / "lakelanes" / "module.py").write_text(code)
    assert len(violations(tmp_path, "plugins/lakelanes")) == 1


@pytest.mark.parametrize("place", ["plugins", "dags", "lambdas", *(f"scripts/{name}.py" for name in DEPLOYING)])
def test_the_product_does_not_know_that_it_runs_locally(place: str) -> None:
    start = REPOSITORY / place
    for path in [start] if start.is_file() else start.rglob("*.py"):
        text = path.read_text()
        assert "ministack" not in text, path
        assert "localaws" not in text, path
