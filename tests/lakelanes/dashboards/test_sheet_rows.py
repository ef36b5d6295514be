"""Which visuals of a sheet stand side by side."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.dashboards.sheet_rows import sheet_rows


class Kind:
    """What of a visual counts here."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


@pytest.mark.parametrize(
    ("kinds", "rows"),
    [
        ("figure figure figure figure", "3 1"),
        ("line bar line", "2 1"),
        ("figure line line table table heat_map", "1 2 1 1 1"),
        ("line figure line", "1 1 1"),
        ("", ""),
    ],
)
def test_neighbours_that_take_as_much_room_share_a_row(kinds: str, rows: str) -> None:
    visuals: list[Any] = [Kind(kind) for kind in kinds.split()]
    found = list(sheet_rows(visuals))
    assert " ".join(str(len(row)) for row in found) == rows
    assert [one for row in found for one in row] == visuals
