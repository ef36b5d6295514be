"""Where the visuals of a sheet stand: in the order of reading, on a grid of 36 columns, none over another.

https://docs.aws.amazon.com/quicksight/latest/APIReference/API_GridLayoutElement.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from lakelanes.dashboards.model import Visual
from lakelanes.dashboards.quicksight.resources import Properties

COLUMNS = 36
# Rows of the grid that a visual takes, and how many of its kind stand side by side.
_HEIGHTS = {"figure": 6, "table": 12, "heat_map": 12}
_SIDE_BY_SIDE = {"figure": 3, "table": 1, "heat_map": 1}


def grid(visuals: Iterable[Visual]) -> Properties:
    """The Layout of a sheet."""
    screen = {"ResizeOption": "RESPONSIVE"}
    layout = {
        "Elements": list(_elements(visuals)),
        "CanvasSizeOptions": {"ScreenCanvasSizeOptions": screen},
    }
    return {"Configuration": {"GridLayout": layout}}


def _elements(visuals: Iterable[Visual]) -> Iterator[Properties]:
    row = 0
    for together in _rows(visuals):
        span = COLUMNS // len(together)
        height = max(_HEIGHTS.get(one.kind, 10) for one in together)
        for number, one in enumerate(together):
            yield {
                "ElementId": one.id,
                "ElementType": "VISUAL",
                "ColumnIndex": number * span,
                "ColumnSpan": span,
                "RowIndex": row,
                "RowSpan": height,
            }
        row += height


def _rows(visuals: Iterable[Visual]) -> Iterator[Sequence[Visual]]:
    """Which visuals share a row: neighbours that take as much room each. The last of them share what there is."""
    for most, run in groupby(visuals, lambda one: _SIDE_BY_SIDE.get(one.kind, 2)):
        left = list(run)
        while left:
            yield left[:most]
            left = left[most:]
