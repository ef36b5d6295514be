"""Where visuals are on a page: from left to right and from top to bottom, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lakelanes.dashboards.model import Kind

WIDTH = 1280
_GAP = 16
# Of each kind: how many stand side by side, and how high they are.
_SIZES: dict[Kind, tuple[int, int]] = {
    "figure": (2, 140),
    "line": (2, 320),
    "bar": (2, 320),
    "stacked_bar": (2, 320),
    "table": (1, 400),
    "heat_map": (1, 400),
}


@dataclass(frozen=True)
class Place:
    """A rectangle on a page, in pixels from its upper left corner."""

    x: int
    y: int
    width: int
    height: int


def places(kinds: Sequence[Kind]) -> tuple[list[Place], int]:
    """The place of each visual, and the height of the page. Visuals of one size share a row, and fill it."""
    found: list[Place] = []
    rows: list[list[Kind]] = []
    for kind in kinds:
        has_room = rows and _SIZES[rows[-1][0]] == _SIZES[kind] and len(rows[-1]) < _SIZES[kind][0]
        if has_room:
            rows[-1].append(kind)
        else:
            rows.append([kind])
    y = _GAP
    for row in rows:
        height = _SIZES[row[0]][1]
        width = (WIDTH - _GAP * (len(row) + 1)) // len(row)
        found += [Place(_GAP + number * (width + _GAP), y, width, height) for number in range(len(row))]
        y += height + _GAP
    return found, y
