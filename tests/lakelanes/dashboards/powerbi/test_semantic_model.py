"""Tables, columns and measures of the model: their names, what is hidden, and where the parts of visuals are."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.dashboards.model import Dimension, Measure
from lakelanes.dashboards.powerbi.semantic_model import CALENDAR, Field
from lakelanes.dashboards.view_columns import Columns
from tests.lakelanes.dashboards.powerbi.made import (
    ON_VISITS,
    SHOP,
    SUM,
    VIEWS,
    VISUALS,
    dashboard,
    everything,
    model_of,
)

BY_STORE: dict[str, Any] = {"kind": "bar", "x": {"column": "store"}, "y": [SUM]}


def test_columns_have_types_and_what_only_machines_read_is_hidden() -> None:
    table = model_of(*everything()).tables["shop"]
    types = {name: one.data_type for name, one in table.columns.items()}
    assert types == {
        **dict.fromkeys(("year", "month", "store", "tags"), "string"),
        **dict.fromkeys(("day", "sold_at", "sold_at by hour"), "dateTime"),
        **dict.fromkeys(("revenue", "weight"), "double"),
        "is_web": "boolean",
        "units": "int64",
    }
    # Partition keys of the configuration, and the date that the calendar has.
    assert {name for name, one in table.columns.items() if one.is_hidden} == {"year", "month", "day"}


def test_a_partition_key_that_a_visual_shows_is_not_hidden() -> None:
    table = model_of(dashboard({**BY_STORE, "x": {"column": "month"}})).tables["shop"]
    assert [name for name, one in table.columns.items() if one.is_hidden] == ["year", "day"]


@pytest.mark.parametrize(
    ("dataset", "column", "unit", "field"),
    [
        ("shop", "day", None, (CALENDAR, "Date")),
        ("shop", "day", "day", (CALENDAR, "Date")),
        ("shop", "day", "week", (CALENDAR, "Week")),
        ("shop", "day", "quarter", (CALENDAR, "Quarter")),
        # A date that is not the dataset's own has columns of its own.
        ("shop", "sold_at", "month", ("shop", "sold_at by month")),
        ("shop", "sold_at", None, ("shop", "sold_at")),
        ("shop", "store", None, ("shop", "store")),
        ("visits", "seen_at", "day", (CALENDAR, "Date")),
        ("visits", "seen_at", "hour", ("visits", "seen_at by hour")),
        ("visits", "seen_at", None, ("visits", "seen_at")),
    ],
)
def test_where_a_dimension_is(dataset: str, column: str, unit: str | None, field: tuple[str, str]) -> None:
    found = model_of(dashboard(BY_STORE)).dimension(dataset, Dimension.model_validate({"column": column, "unit": unit}))
    assert found == Field(*field)


def test_a_timestamp_is_related_to_the_calendar_by_its_day() -> None:
    table = model_of(dashboard(BY_STORE)).tables["visits"]
    assert table.day == "seen_at by day" and table.columns["seen_at by day"].is_hidden
    assert table.columns["seen_at by day"].expression.startswith("IF(NOT ISBLANK('visits'[seen_at]), DATE(")
    assert not table.columns["seen_at"].is_hidden


def test_without_dates_there_is_no_calendar() -> None:
    made = dashboard(BY_STORE, datasets={"shop": {"view": "shop"}})
    model = model_of(made)
    assert model.calendar == () and model.tables["shop"].day is None
    by_day = Dimension.model_validate({"column": "day", "unit": "day"})
    assert model.dimension("shop", by_day) == Field("shop", "day by day")


def test_one_measure_serves_all_visuals_whatever_they_call_it() -> None:
    other = {**SUM, "title": "Turnover", "decimals": 2, "unit": "CHF"}
    model = model_of(dashboard(BY_STORE, {**BY_STORE, "y": [other]}))
    assert list(model.tables["shop"].measures) == ["Sum of revenue (shop)"]
    assert model.measure("shop", Measure.model_validate(other)) == Field(
        "shop", "Sum of revenue (shop)", is_measure=True
    )


@pytest.mark.parametrize(
    ("measure", "name"),
    [
        ({"aggregation": "count"}, "Count of rows (shop)"),
        ({"aggregation": "count", "column": "store"}, "Count of store (shop)"),
        ({"aggregation": "distinct", "column": "store"}, "Different values of store (shop)"),
        ({"aggregation": "average", "column": "units"}, "Average of units (shop)"),
        ({"aggregation": "minimum", "column": "units"}, "Smallest units (shop)"),
        ({"aggregation": "maximum", "column": "units"}, "Largest units (shop)"),
        ({"aggregation": "last", "column": "units"}, "Last units (shop)"),
        (
            {"aggregation": "weighted_average", "column": "revenue", "weight": "units"},
            "Average of revenue by units (shop)",
        ),
        ({"aggregation": "ratio_of_sums", "numerator": "revenue", "denominator": "units"}, "Revenue by units (shop)"),
    ],
)
def test_a_measure_is_named_after_what_it_does(measure: dict[str, Any], name: str) -> None:
    assert list(model_of(dashboard({**BY_STORE, "y": [measure]})).tables["shop"].measures) == [name]


def test_measures_whose_names_would_be_one_get_numbers() -> None:
    views: dict[str, Columns] = {"shop": {"a": "whole", "a_": "whole"}}
    sums = [{"aggregation": "sum", "column": name, "title": f"Sum of {name!r}"} for name in views["shop"]]
    table = {"kind": "table", "columns": [{"column": "a"}], "y": sums}
    model = model_of(dashboard(table, datasets={"shop": {"view": "shop"}}, views=views), views=views)
    assert list(model.tables["shop"].measures) == ["Sum of a (shop)", "Sum of a (shop) 2"]


def test_a_figure_has_four_measures_over_the_one_that_all_share() -> None:
    model = model_of(dashboard(VISUALS[0]))
    found = model.figure("shop", Measure.model_validate(SUM), Dimension(column="day", unit="month"))
    names = [
        f"Sum of revenue, {text} (shop)"
        for text in ("last month", "last month's start", "month before", "month's change")
    ]
    assert [field.name for field in found] == names
    assert list(model.tables["shop"].measures) == ["Sum of revenue (shop)", *names]
    assert [model.format(field) for field in found] == ["#,0", "yyyy-mm", "#,0", "+#,0.0 %;-#,0.0 %;#,0.0 %"]


def test_a_figure_compares_its_own_measures_and_hours_by_their_column() -> None:
    made = model_of(dashboard(ON_VISITS[0]))
    measures = made.tables["visits"].measures
    assert "[Count of rows, last hour (visits)]" in measures["Count of rows, hour's change (visits)"].expression
    assert "[Count of rows, hour before (visits)]" in measures["Count of rows, hour's change (visits)"].expression
    assert "MAX('visits'[seen_at by hour])" in measures["Count of rows, last hour (visits)"].expression
    assert "seen_at by hour" in made.tables["visits"].columns


def test_figures_of_several_periods_dates_and_formats_are_kept_apart() -> None:
    of = [
        ("day", "month", "number"),
        ("day", "week", "number"),
        ("sold_at", "month", "number"),
        ("day", "month", "percent"),
    ]
    visuals = [
        {"kind": "figure", "x": {"column": column, "unit": unit}, "y": [{**SUM, "format": shown}]}
        for column, unit, shown in of
    ]
    names = [name for name in model_of(dashboard(*visuals)).tables["shop"].measures if "change" in name]
    assert names == [
        "Sum of revenue, month's change (shop)",
        "Sum of revenue, week's change (shop)",
        "Sum of revenue by sold at, month's change (shop)",
        "Sum of revenue, month's change (shop) 2",
    ]


def test_nested_columns_are_taken_where_a_measure_counts_them() -> None:
    assert {"tags", "extra"}.isdisjoint(model_of(dashboard(BY_STORE)).tables["shop"].columns)
    counted = {**BY_STORE, "y": [{"aggregation": "count", "column": "extra"}]}
    table = model_of(dashboard(counted)).tables["shop"]
    assert table.columns["extra"].data_type == "string" and '{"extra", type text}' in table.source


def test_a_dataset_of_two_dashboards_is_one_table() -> None:
    model = model_of(
        dashboard(BY_STORE, datasets={"shop": SHOP}), dashboard(BY_STORE, name="more", datasets={"shop": SHOP})
    )
    assert list(model.tables) == ["shop"] and VIEWS["shop"] is model.kinds("shop")
