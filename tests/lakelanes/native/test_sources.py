"""The one list of the library's sources, its digest, and the name of the file that is made of them."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

from lakelanes.native import sources
from scripts import setup


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in sources.sources():
        shutil.copy(path, tmp_path)
    return tmp_path


def test_every_source_and_header_of_the_folder_is_one() -> None:
    assert [path.name for path in sources.sources()] == ["digest.c", "items.c", "kernel.c", "kinds.h", "scalars.h"]


def test_any_change_of_any_source_changes_the_digest(folder: Path) -> None:
    seen = {sources.digest(folder)}
    assert seen == {sources.digest()}
    for path in sources.sources(folder):
        text = path.read_text()
        path.write_text(text + " ")
        seen.add(sources.digest(folder))
        path.rename(folder / f"renamed_{path.name}")
        seen.add(sources.digest(folder))
        (folder / f"renamed_{path.name}").unlink()
        seen.add(sources.digest(folder))
        path.write_text(text)
    assert len(seen) == 1 + 3 * len(sources.sources())


def test_the_name_tells_digest_system_and_machine() -> None:
    assert sources.library_name("linux", "aarch64") == f"kernel-{sources.digest()}-linux-aarch64.so"


def test_set_up_finds_the_library_by_the_same_name(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    shutil.copy(sources.__file__, folder)
    monkeypatch.setattr(setup, "NATIVE", folder)
    assert not setup.kernel_built()
    (folder / sources.library_name()).touch()
    assert setup.kernel_built()
    (folder / "kernel.c").write_text("")
    assert not setup.kernel_built()


def test_the_list_is_readable_for_a_python_too_old_to_build_on_and_imports_the_standard_library_alone() -> None:
    tree = ast.parse(Path(sources.__file__).read_text(), feature_version=(3, 8))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imported == {"__future__", "hashlib", "pathlib", "platform", "sys"}
