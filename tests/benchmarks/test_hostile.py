"""Files made to take memory are what they say, whatever their size, and each becomes what it should."""

from __future__ import annotations

import bz2
import gzip
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from benchmarks import measure, runner
from benchmarks.cases import OURS, all_cases
from benchmarks.generate import Input
from benchmarks.hostile import HOSTILE, write


def _text(path: Path) -> bytes:
    """What is in the file, unpacked by others than our reader."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return archive.read("rows.csv")
    if path.suffix == ".zst":
        return bytes(pa.input_stream(str(path), compression="zstd").read())
    opened: Any = {".gz": gzip.open, ".bz2": bz2.open}.get(path.suffix, open)
    with opened(path, "rb") as file:
        return bytes(file.read())


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(HOSTILE) - {"window_zstandard"}))
def test_a_file_has_about_the_bytes_that_were_asked_for(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{HOSTILE[name].suffix}"
    write(name, path, 8_000_000)
    text = _text(path)
    assert 7_000_000 < len(text) < 13_000_000
    assert text.split(b"\n", 1)[0] == b",".join(column.encode() for column in HOSTILE[name].columns)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["window_zstandard", "long_record_of_lines", "open_quote", "wide_bad"])
def test_a_case_is_measured_and_its_rows_are_counted(name: str, tmp_path: Path) -> None:
    case = all_cases()[f"memory_{name}"]
    small = type(case)(**{**vars(case), "input": Input(name, 8_000_000)})
    figures = runner.run_case(small, tmp_path, lambda text: None).figures[OURS]
    assert figures["correct"], figures
    assert 20 < figures["peak_rss_mb"] <= 300
    assert list(tmp_path.iterdir()) == []


def test_other_rows_than_it_should_have_or_no_refusal_are_not_correct(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"wall_s": 1.0, "cpu_s": 1.0, "peak_rss_mb": 1.0, "rows_ok": 3, "rows_rejected": 1}
    monkeypatch.setattr(measure, "run", lambda task: dict(found))
    case = all_cases()["memory_window_zstandard"]
    figures = runner.run_case(case, tmp_path, lambda text: None).figures[OURS]
    assert figures["correct"] is False
    assert "rows_ok is 3, expected 0" in figures["why"]

    def loaded(task: dict[str, Any]) -> dict[str, Any]:
        Path(task["files"][0][1]).write_bytes(b"")
        return {**found, "rows_ok": 0, "rows_rejected": 0}

    monkeypatch.setattr(measure, "run", loaded)
    figures = runner.run_case(case, tmp_path, lambda text: None).figures[OURS]
    assert (figures["correct"], figures["why"]) == (False, "it was not refused")
