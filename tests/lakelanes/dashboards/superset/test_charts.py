"""Which chart a visual becomes, and by which controls."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lakelanes.dashboards.powerbi.made import SUM
from tests.lakelanes.dashboards.superset.made import chart_of, controls_of

DAY = {"column": "day", "unit": "day"}
STORE = {"column": "store"}
RATIO = {"aggregation": "ratio_of_sums", "numerator": "revenue", "denominator": "units", "format": "percent"}


@pytest.mark.parametrize(
    ("visual", "expected"),
    [
        ({"kind": "line", "x": DAY}, "echarts_timeseries_line"),
        ({"kind": "bar", "x": STORE}, "echarts_timeseries_bar"),
        ({"kind": "stacked_bar", "x": DAY, "series": STORE}, "echarts_timeseries_bar"),
        ({"kind": "table", "columns": [STORE]}, "table"),
        ({"kind": "figure"}, "big_number_total"),
        ({"kind": "figure", "x": {"column": "day", "unit": "month"}}, "big_number"),
        ({"kind": "heat_map", "x": STORE, "series": DAY}, "heatmap_v2"),
    ],
)
def test_each_kind_has_its_chart(visual: dict[str, Any], expected: str) -> None:
    found = chart_of({**visual, "y": [SUM]})
    assert found["viz_type"] == found["params"]["viz_type"] == expected


def test_a_line_is_along_time_by_the_unit_with_a_series_each() -> None:
    found = controls_of({"kind": "line", "x": {"column": "day", "unit": "week"}, "series": STORE, "y": [SUM]})
    assert (found["x_axis"], found["time_grain_sqla"], found["groupby"]) == ("day", "P1W", ["store"])
    assert found["x_axis_time_format"] == "%Y-%m-%d" and found["show_legend"] is True
    assert "x_axis_sort" not in found


def test_a_series_of_dates_is_of_texts() -> None:
    series = {"column": "sold_at", "unit": "year"}
    (found,) = controls_of({"kind": "line", "x": DAY, "series": series, "y": [SUM]})["groupby"]
    assert found["label"] == "Sold at" and found["sqlExpression"].startswith("substr(CAST(")


@pytest.mark.parametrize(
    ("x", "by", "is_ascending"),
    [
        # The first value of a lying bar is at the bottom.
        ({"column": "store"}, "Revenue", True),
        ({"column": "store", "sort": "smallest_first"}, "Revenue", False),
        ({"column": "store", "sort": "ascending"}, "store", False),
        ({"column": "store", "sort": "descending"}, "store", True),
        ({"column": "units"}, "units", False),
    ],
)
def test_bars_of_names_lie_in_the_order_of_the_page(x: dict[str, Any], by: str, is_ascending: bool) -> None:
    found = controls_of({"kind": "bar", "x": x, "y": [SUM]})
    assert found["orientation"] == "horizontal" and found["show_value"] is True
    assert (found["x_axis_sort"], found["x_axis_sort_asc"]) == (by, is_ascending)
    assert found.get("xAxisForceCategorical", False) is (x["column"] == "units")


def test_bars_with_parts_are_sorted_by_the_whole_bar() -> None:
    visual = {"kind": "stacked_bar", "x": STORE, "series": {"column": "is_web"}, "y": [SUM]}
    found = controls_of(visual)
    assert (found["x_axis_sort"], found["x_axis_sort_series"], found["stack"]) == ("sum", "sum", "Stack")
    named = controls_of({**visual, "x": {**STORE, "sort": "ascending"}})
    assert (named["x_axis_sort"], named["x_axis_sort_asc"]) == ("name", False)


def test_bars_along_time_stand() -> None:
    found = controls_of({"kind": "bar", "x": {"column": "day", "unit": "month"}, "y": [SUM]})
    assert (found["orientation"], found["stack"], found["x_axis_title"]) == ("vertical", None, "Day")


def test_a_figure_compares_with_the_period_before() -> None:
    found = controls_of({"kind": "figure", "x": {"column": "day", "unit": "month"}, "y": [{**SUM, "unit": "CHF"}]})
    assert (found["compare_lag"], found["compare_suffix"]) == (1, "against the month before")
    assert (found["time_format"], found["subtitle"], found["aggregation"]) == ("%Y-%m", "CHF", "LAST_VALUE")
    percent = controls_of({"kind": "figure", "x": {"column": "day", "unit": "month"}, "y": [RATIO]})
    assert percent["compare_suffix"] == "relative to the month before" and percent["y_axis_format"] == ",.0%"


def test_a_table_has_its_columns_titles_and_formats() -> None:
    newest = {"aggregation": "maximum", "column": "day", "title": "Newest"}
    found = controls_of({"kind": "table", "columns": [{**STORE, "title": "Shop"}], "y": [RATIO, newest]})
    assert found["groupby"] == [{"expressionType": "SQL", "sqlExpression": '"store"', "label": "Shop"}]
    assert found["column_config"] == {
        "Revenue by units": {"d3NumberFormat": ",.0%"},
        "Newest": {"d3TimeFormat": "%Y-%m-%d"},
    }


@pytest.mark.parametrize(
    ("sort", "by", "is_descending"),
    [
        (None, 'min("shop"."store")', False),
        ("descending", 'min("shop"."store")', True),
        ("largest_first", 'sum("revenue")', True),
        ("smallest_first", 'sum("revenue")', False),
    ],
)
def test_a_table_is_sorted_by_its_first_column_or_measure(sort: str | None, by: str, is_descending: bool) -> None:
    found = controls_of({"kind": "table", "columns": [{**STORE, "sort": sort}], "y": [SUM]})
    assert (found["timeseries_limit_metric"]["sqlExpression"], found["order_desc"]) == (by, is_descending)


def test_a_heat_map_reads_from_top_to_bottom() -> None:
    found = controls_of({"kind": "heat_map", "x": STORE, "series": DAY, "y": [SUM]})
    assert (found["x_axis"], found["sort_x_axis"], found["sort_y_axis"]) == ("store", "alpha_asc", "alpha_desc")
    assert found["groupby"]["label"] == "Day"
    by_size = controls_of({"kind": "heat_map", "x": {**STORE, "sort": "largest_first"}, "series": DAY, "y": [SUM]})
    assert by_size["sort_x_axis"] == "value_desc"
