"""The library is loaded when it is of these sources and shares Python's structures; else one line says why not."""

from __future__ import annotations

import ctypes
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lakelanes.convert.dialect import Dialect
from lakelanes.convert.kernel import kernel_for
from lakelanes.native import library, sources
from lakelanes.types import parse_type
from scripts.build_kernel import build

Folder = Callable[[], Path]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the sources and of their library, in the place of those that are loaded."""
    built = build()
    assert built is not None, "there is no C compiler"
    for path in (*sources.sources(), built):
        shutil.copy(path, tmp_path)
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    return tmp_path


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_the_library_of_these_sources_is_loaded_and_says_nothing(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert library.native("kernel", {}) is not None
    assert complaints(caplog) == []


@pytest.mark.parametrize("missing", ["kernel.c", "scalars.h", "kernel-*.so", "*"])
def test_a_missing_source_or_library_leads_to_python_with_one_line(
    folder: Path, missing: str, caplog: pytest.LogCaptureFixture
) -> None:
    for path in folder.glob(missing):
        path.unlink()
    for _ in range(3):
        assert library.native("kernel", {}) is None
        assert library.native("items", {}) is None
    [line] = complaints(caplog)
    assert line.startswith("there is no compiled library kernel-") and "without it" in line


def test_a_folder_that_is_not_there_leads_to_python_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(library, "FOLDER", tmp_path / "none")
    assert [library.native(source, {}) for source in ("kernel", "items")] == [None, None]
    [line] = complaints(caplog)
    assert "cannot be used" in line


def test_a_changed_source_sets_the_library_aside(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "kinds.h").write_text((folder / "kinds.h").read_text() + "\n")
    assert library.native("kernel", {}) is None
    assert len(complaints(caplog)) == 1


def test_a_library_of_other_sources_is_not_loaded_under_the_right_name(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    [built] = folder.glob("kernel-*.so")
    (folder / "kinds.h").write_text((folder / "kinds.h").read_text() + "\n")
    built.rename(folder / sources.library_name(folder=folder))
    assert library.native("kernel", {}) is None
    [line] = complaints(caplog)
    assert "was built from other sources" in line


def test_a_file_that_is_no_library_is_refused(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    [built] = folder.glob("kernel-*.so")
    built.write_bytes(b"no library")
    assert library.native("kernel", {}) is None
    [line] = complaints(caplog)
    assert "cannot be used" in line


@pytest.mark.parametrize(
    ("source", "name"),
    [
        *(("kernel", name) for name in ("Block", "Column", "Null")),
        *(("items", name) for name in ("Node", "Member", "Mark", "Odd", "Scan")),
    ],
)
def test_a_structure_of_another_size_is_refused(
    folder: Path, source: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Longer(ctypes.Structure):
        _fields_ = (("bytes", ctypes.c_int64 * 99),)

    assert library.native(source, {name: Longer}) is None
    assert library.native(source, {name: Longer}) is None
    [line] = complaints(caplog)
    assert f"structure {name} of {source}.c has" in line and "Python's 792" in line


def test_without_the_library_the_converter_has_no_kernel(folder: Path) -> None:
    wanted = [(0, parse_type("int"))]
    assert kernel_for(1, wanted, Dialect()) is not None
    (folder / "kernel.c").unlink()
    library._load.cache_clear()
    assert kernel_for(1, wanted, Dialect()) is None
