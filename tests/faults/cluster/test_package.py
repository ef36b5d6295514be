"""The package that nodes are laid out from is the product's, but for the texts that are to be others."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from scripts.archives import write
from scripts.package import ROOT
from tests.faults.cluster.package import BROKEN, Change, lease, rewrite


def packed(folder: Path, files: dict[str, bytes]) -> Path:
    return write(folder / "plugins.zip", dict(files))


@pytest.mark.parametrize("change", [lease(45), *BROKEN.values()], ids=["lease", *BROKEN])
def test_every_change_is_one_of_the_engine_as_it_is(tmp_path: Path, change: Change) -> None:
    text = (ROOT / "plugins" / change.file).read_text()
    archive = packed(tmp_path, {change.file: text.encode(), "other.py": b"untouched"})
    rewrite(archive, [change])
    with zipfile.ZipFile(archive) as made:
        found = made.read(change.file).decode()
        assert made.read("other.py") == b"untouched"
    assert found == text.replace(change.before, change.after) != text
    compile(found, change.file, "exec")


def test_a_text_that_is_not_there_is_said(tmp_path: Path) -> None:
    archive = packed(tmp_path, {"a.py": b"x = 1\n"})
    with pytest.raises(AssertionError, match="0 times"):
        rewrite(archive, [Change("a.py", "y = 1", "y = 2")])
