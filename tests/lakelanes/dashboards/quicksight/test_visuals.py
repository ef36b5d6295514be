"""Visuals: which of QuickSight's a visual is, what is in which well, how it is sorted and labelled."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.dashboards.quicksight.visuals import visual
from tests.lakelanes.dashboards.quicksight.support import TOTAL, fields

MONTH = {"column": "day", "unit": "month"}
CITY = {"column": "city"}
PERCENT = {"aggregation": "average", "column": "rate", "format": "percent"}
COUNT = {"aggregation": "sum", "column": "sales"}


def made(**settings: Any) -> tuple[str, dict[str, Any]]:
    """The kind of a visual, and its ChartConfiguration."""
    [(kind, properties)] = visual(fields(**settings)).items()
    return kind, properties["ChartConfiguration"]


def ids(well: list[dict[str, Any]]) -> list[str]:
    return [properties["FieldId"] for one in well for properties in one.values()]


def sorting(entries: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["FieldSort"]["FieldId"], one["FieldSort"]["Direction"]) for one in entries]


def test_a_line_has_time_along_its_axis_and_a_line_for_each_of_a_series() -> None:
    kind, chart = made(kind="line", x=MONTH, series=CITY)
    wells = chart["FieldWells"]["LineChartAggregatedFieldWells"]
    assert (kind, ids(wells["Category"]), ids(wells["Values"]), ids(wells["Colors"])) == (
        "LineChartVisual",
        ["v.d1"],
        ["v.m1"],
        ["v.d2"],
    )
    assert sorting(chart["SortConfiguration"]["CategorySort"]) == [("v.d1", "ASC")]
    assert chart["Legend"]["Title"]["CustomLabel"] == "City"
    assert [one["CustomLabel"] for one in chart["PrimaryYAxisLabelOptions"]["AxisLabelOptions"]] == ["Revenue"]


@pytest.mark.parametrize(
    ("settings", "orientation", "arrangement", "category"),
    [
        ({"x": CITY}, "HORIZONTAL", "CLUSTERED", [("v.m1", "DESC")]),
        ({"x": {**CITY, "sort": "smallest_first"}}, "HORIZONTAL", "CLUSTERED", [("v.m1", "ASC")]),
        ({"x": {**CITY, "sort": "descending"}}, "HORIZONTAL", "CLUSTERED", [("v.d1", "DESC")]),
        ({"x": MONTH}, "VERTICAL", "CLUSTERED", [("v.d1", "ASC")]),
        ({"x": MONTH, "series": CITY, "kind": "stacked_bar"}, "VERTICAL", "STACKED", [("v.d1", "ASC")]),
    ],
)
def test_bars_stand_along_time_and_lie_where_there_are_names(
    settings: dict[str, Any], orientation: str, arrangement: str, category: list[tuple[str, str]]
) -> None:
    kind, chart = made(**settings)
    assert (kind, chart["Orientation"], chart["BarsArrangement"]) == ("BarChartVisual", orientation, arrangement)
    assert sorting(chart["SortConfiguration"]["CategorySort"]) == category
    assert ("ColorSort" in chart["SortConfiguration"]) == ("series" in settings)


def test_several_measures_have_a_legend_and_one_colour_has_values_instead() -> None:
    _, one = made()
    _, several = made(y=[TOTAL, COUNT])
    assert (one["Legend"]["Visibility"], one["DataLabels"]["Visibility"]) == ("HIDDEN", "VISIBLE")
    assert (several["Legend"]["Visibility"], several["DataLabels"]["Visibility"]) == ("VISIBLE", "HIDDEN")
    assert [one["CustomLabel"] for one in several["ValueLabelOptions"]["AxisLabelOptions"]] == ["Revenue", "Sales"]


def test_a_heat_map_has_x_in_its_columns_and_the_series_in_its_rows() -> None:
    kind, chart = made(kind="heat_map", x=MONTH, series={**CITY, "sort": "largest_first"})
    wells = chart["FieldWells"]["HeatMapAggregatedFieldWells"]
    assert (kind, ids(wells["Columns"]), ids(wells["Rows"]), ids(wells["Values"])) == (
        "HeatMapVisual",
        ["v.d1"],
        ["v.d2"],
        ["v.m1"],
    )
    assert sorting(chart["SortConfiguration"]["HeatMapRowSort"]) == [("v.m1", "DESC")]
    assert sorting(chart["SortConfiguration"]["HeatMapColumnSort"]) == [("v.d1", "ASC")]


def test_a_table_has_its_columns_with_titles_and_is_sorted_from_left_to_right() -> None:
    columns = [{**MONTH, "sort": "descending"}, {**CITY, "title": "Town"}]
    kind, chart = made(kind="table", columns=columns, y=[TOTAL, COUNT])
    wells = chart["FieldWells"]["TableAggregatedFieldWells"]
    assert (kind, ids(wells["GroupBy"]), ids(wells["Values"])) == ("TableVisual", ["v.d1", "v.d2"], ["v.m1", "v.m2"])
    assert sorting(chart["SortConfiguration"]["RowSort"]) == [("v.d1", "DESC"), ("v.d2", "ASC")]
    options = chart["FieldOptions"]["SelectedFieldOptions"]
    assert [one["CustomLabel"] for one in options] == ["Day", "Town", "Revenue", "Sales"]


def test_a_table_may_be_sorted_by_its_first_measure() -> None:
    _, chart = made(kind="table", columns=[MONTH, {**CITY, "sort": "largest_first"}])
    assert sorting(chart["SortConfiguration"]["RowSort"])[0] == ("v.m1", "DESC")


@pytest.mark.parametrize(("measure", "method"), [(TOTAL, "PERCENT_DIFFERENCE"), (PERCENT, "DIFFERENCE")])
def test_a_figure_is_compared_with_the_period_before(measure: dict[str, Any], method: str) -> None:
    kind, chart = made(kind="figure", x=MONTH, y=[measure])
    assert (kind, ids(chart["FieldWells"]["Values"]), ids(chart["FieldWells"]["TrendGroups"])) == (
        "KPIVisual",
        ["v.m1"],
        ["v.d1"],
    )
    assert chart["KPIOptions"]["Comparison"] == {"ComparisonMethod": method}


def test_a_figure_without_periods_is_compared_with_nothing() -> None:
    _, chart = made(kind="figure")
    assert "TrendGroups" not in chart["FieldWells"] and "Comparison" not in chart["KPIOptions"]


def test_title_and_description_stand_above() -> None:
    [properties] = visual(fields(description="Of last year.")).values()
    assert properties["Title"]["FormatText"] == {"PlainText": "Title"}
    assert properties["Subtitle"] == {"Visibility": "VISIBLE", "FormatText": {"PlainText": "Of last year."}}
    [properties] = visual(fields()).values()
    assert properties["Subtitle"] == {"Visibility": "HIDDEN"}
