"""Each layout is one change to what the product writes, and the document tells of each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cases import OURS
from benchmarks.layouts import LAYOUTS
from lakelanes.convert import ParquetSettings, Tuning

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_changes_one_choice(name: str) -> None:
    layout = LAYOUTS[name]
    changed: list[Any] = [
        value
        for settings, kind in ((layout.get("tuning", {}), Tuning), (layout.get("parquet", {}), ParquetSettings))
        for key, value in settings.items()
        if getattr(kind(**settings), key) != getattr(kind(), key)
    ]
    assert len(changed) + len(layout.get("sort_by", ())) == 1


def test_the_document_has_every_layout() -> None:
    rows = re.findall(r"^\| `(\w+)` \|(?: [\d.]+ \|){6}$", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert rows == [OURS, *LAYOUTS]
