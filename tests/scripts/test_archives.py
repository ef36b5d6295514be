"""Archives: the same bytes for the same files, wherever they were written."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from scripts.archives import files_below, unpacked_bytes, write


def test_the_same_contents_make_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    first = write(tmp_path / "1.zip", {"x/a": tmp_path / "a", "b": b"two"}).read_bytes()
    os.utime(tmp_path / "a", (0, 0))
    (tmp_path / "a").chmod(0o755)
    assert write(tmp_path / "2.zip", {"b": b"two", "x/a": tmp_path / "a"}).read_bytes() == first
    with zipfile.ZipFile(tmp_path / "2.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"b": b"two", "x/a": b"one"}
    assert unpacked_bytes(tmp_path / "2.zip") == 6
    assert list(tmp_path.glob("*.partial")) == []


def test_what_an_interpreter_or_an_installer_left_is_not_taken(tmp_path: Path) -> None:
    for name in ("p/a.py", "p/__pycache__/a.pyc", "p.dist-info/RECORD", "p.dist-info/METADATA", "bin/tool", "p/bin/b"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [name for name, _ in files_below(tmp_path)] == ["p/a.py", "p/bin/b", "p.dist-info/METADATA"]
