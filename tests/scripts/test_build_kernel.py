"""Building the compiled half of the readers: once, by the compiler that there is, or not at all."""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lakelanes.native.sources import library_name
from scripts import build_kernel

with_compiler = pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")


@pytest.mark.slow
@with_compiler
def test_it_is_built_once_and_replaces_older_ones(tmp_path: Path) -> None:
    suffix = "-".join(library_name().split("-")[2:])
    older, other = tmp_path / f"kernel-000000000000-{suffix}", tmp_path / "kernel-000000000000-plan9-sparc.so"
    older.touch()
    other.touch()
    built = build_kernel.build(into=tmp_path)
    assert built is not None and ctypes.CDLL(str(built))
    assert sorted(tmp_path.iterdir()) == sorted([built, other]), "another machine's stays"
    before = built.stat().st_mtime_ns
    assert build_kernel.build(into=tmp_path) == built
    assert built.stat().st_mtime_ns == before


def test_without_a_compiler_nothing_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", str(tmp_path / "nowhere"))
    monkeypatch.setattr(build_kernel, "ROOT", tmp_path)
    assert build_kernel.build(into=tmp_path / "into") is None
    assert build_kernel.compiler("linux-aarch64") is None


def test_a_compiler_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "cc"
    broken.write_text(f"#!{sys.executable}\nraise SystemExit(1)\n")
    broken.chmod(broken.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("CC", str(broken))
    with pytest.raises(subprocess.CalledProcessError):
        build_kernel.build(into=tmp_path / "into")
    assert os.listdir(tmp_path / "into") == []
