"""The grid: in the order of reading, nothing over anything else, nothing beside the sheet."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lakelanes.dashboards.model import Visual
from lakelanes.dashboards.quicksight.layout import COLUMNS, grid
from tests.lakelanes.dashboards.quicksight.support import fields

KINDS = {
    "figure": fields(kind="figure").visual,
    "bar": fields().visual,
    "line": fields(kind="line").visual,
    "table": fields(kind="table", columns=[{"column": "city"}]).visual,
    "heat_map": fields(kind="heat_map", series={"column": "day"}).visual,
}


def places(kinds: list[str]) -> list[tuple[int, int, int, int]]:
    """Column, row, width and height of each visual."""
    visuals: list[Visual] = [KINDS[kind].model_copy(update={"id": f"v{n}"}) for n, kind in enumerate(kinds)]
    elements = grid(visuals)["Configuration"]["GridLayout"]["Elements"]
    assert [one["ElementId"] for one in elements] == [one.id for one in visuals]
    names = ("ColumnIndex", "RowIndex", "ColumnSpan", "RowSpan")
    return [(one[names[0]], one[names[1]], one[names[2]], one[names[3]]) for one in elements]


def test_figures_stand_in_threes_charts_in_twos_and_tables_alone() -> None:
    assert places(["figure", "figure", "line", "bar", "line", "table"]) == [
        (0, 0, 18, 6),
        (18, 0, 18, 6),
        (0, 6, 18, 10),
        (18, 6, 18, 10),
        (0, 16, 36, 10),
        (0, 26, 36, 12),
    ]


@given(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=75))
def test_no_visual_lies_over_another_or_beside_the_sheet(kinds: list[str]) -> None:
    cells = [
        (column, row)
        for left, top, width, height in places(kinds)
        for column in range(left, left + width)
        for row in range(top, top + height)
    ]
    assert len(set(cells)) == len(cells)
    assert max(column for column, _ in cells) < COLUMNS
