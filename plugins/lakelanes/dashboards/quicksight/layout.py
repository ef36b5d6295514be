"""Where the visuals of a sheet stand: in the order of reading, on a grid of 36 columns, none over another.

https://docs.aws.amazon.com/quicksight/latest/APIReference/API_GridLayoutElement.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lakelanes.dashboards.model import Visual
from lakelanes.dashboards.quicksight.resources import Properties
from lakelanes.dashboards.sheet_rows import sheet_rows

COLUMNS = 36
# Rows of the grid that a visual takes.
_HEIGHTS = {"figure": 6, "table": 12, "heat_map": 12}


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
    for together in sheet_rows(visuals):
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
