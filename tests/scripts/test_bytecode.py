"""Bytecode of archives: it is what Python runs, the same every time, and no obstacle where a file is no Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from localaws.function_instances import Unpacked
from scripts.archives import write
from scripts.bytecode import with_bytecode
from scripts.layer import local_layer, local_python

PYTHON = Path(sys.executable)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes | Path]:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text(
        "NAMES = {'a', 'b', 'c', 'd'} if __name__ in {'x', 'y', 'z'} else 1\n"
    )
    (tmp_path / "package" / "template.py").write_text("class {{ name }}: pass\n")
    return {
        "python/package/__init__.py": tmp_path / "package" / "__init__.py",
        "python/package/template.py": tmp_path / "package" / "template.py",
        "include/lake.json": b"{}",
    }


def test_each_source_has_it_where_python_looks(files: dict[str, bytes | Path]) -> None:
    made = with_bytecode(files, PYTHON)
    tag = sys.implementation.cache_tag
    assert set(made) - set(files) == {f"python/package/__pycache__/__init__.{tag}.pyc"}
    assert {name: made[name] for name in files} == files


def test_it_is_what_runs_and_nobody_looks_at_the_source(files: dict[str, bytes | Path], tmp_path: Path) -> None:
    archive = write(tmp_path / "a.zip", with_bytecode(files, PYTHON))
    folder = Unpacked(tmp_path / "unpacked").folder_of(archive.read_bytes()) / "python"
    (folder / "package" / "__init__.py").write_text("NAMES = 'compiled again'\n")
    run = [PYTHON, "-c", "import package; print(package.NAMES, package.__file__)"]
    said = subprocess.run(run, cwd=folder, env={}, capture_output=True, text=True, check=True).stdout
    assert said == f"1 {folder / 'package' / '__init__.py'}\n"


def test_the_same_files_make_the_same_bytes(files: dict[str, bytes | Path], monkeypatch: pytest.MonkeyPatch) -> None:
    first = with_bytecode(files, PYTHON)
    for seed in ("1", "2", "random"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        assert with_bytecode(files, PYTHON) == first


def test_a_start_from_the_layer_compiles_nothing() -> None:
    layer = Unpacked(Path(".local/cache/layers").resolve()).folder_of(local_layer(local_python()).read_bytes())
    imports = "import sys; sys.path.insert(0, sys.argv[1]); import boto3, pyarrow.parquet, pydantic"
    done = subprocess.run(
        [local_python(), "-v", "-I", "-S", "-B", "-c", imports, layer / "python"],
        env={**os.environ},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.count("import 'botocore") > 50
    assert [
        line for line in done.stderr.splitlines() if line.startswith("# code object from") and ".pyc" not in line
    ] == []
