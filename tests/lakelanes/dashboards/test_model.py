"""Each rule of a dashboard's description: what is taken, and what is refused in which words."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from lakelanes.dashboards.model import (
    MAX_SHEETS,
    MAX_VISUALS,
    Dashboard,
    Dataset,
    Dimension,
    Filter,
    Measure,
    Visual,
    in_words,
)

SUM: dict[str, Any] = {"aggregation": "sum", "column": "amount"}
COUNT: dict[str, Any] = {"aggregation": "count", "title": "Rows"}
X: dict[str, Any] = {"x": {"column": "day"}}
SERIES: dict[str, Any] = {"series": {"column": "shop"}}


def visual(**settings: Any) -> dict[str, Any]:
    return {"id": "one", "title": "One", "kind": "line", "dataset": "own", "y": [SUM], **settings}


def refused(model: Any, settings: dict[str, Any]) -> str:
    """The one fault of a model's settings, in words."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(settings)
    fault, *others = caught.value.errors()
    # Of a list without its faulty items pydantic says in addition that it is too short; reading the files does not.
    assert all(other["type"] == "too_short" for other in others)
    return str(fault["ctx"]["error"]) if fault["type"] == "value_error" else fault["msg"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"changes_days": 7}, "changes_days needs a date_column, by which a refresh finds what is that old"),
        (
            {"changes_days": 7, "date_column": "day", "mode": "direct"},
            "changes_days is for mode 'import': nothing is kept of a dataset in mode 'direct'",
        ),
        ({"changes_days": 0, "date_column": "day"}, "greater than or equal to 1"),
        ({"changes_days": 3651, "date_column": "day"}, "less than or equal to 3650"),
        ({"mode": "push"}, "'import' or 'direct'"),
        ({"refresh": "always"}, "'after_loads' or 'never'"),
        ({"date_unit": "minute"}, "'hour', 'day', 'week', 'month', 'quarter' or 'year'"),
        ({"date_column": "a b"}, "'a b' is not a column name Athena accepts"),
        ({"view": "1st"}, "'1st' is not a table name Athena accepts"),
    ],
)
def test_a_dataset_is_refused(settings: dict[str, Any], said: str) -> None:
    assert said in refused(Dataset, {"view": "days", **settings})


def test_a_dataset_is_imported_after_loads_and_read_whole_unless_it_says_more() -> None:
    plain = Dataset(view="Days")
    assert plain == Dataset(view="days", mode="import", date_unit="day", refresh="after_loads")
    assert plain.date_column is plain.changes_days is None
    assert Dataset(view="days", date_column="day", changes_days=3650).changes_days == 3650
    with pytest.raises(ValidationError, match="frozen"):
        plain.view = "others"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"aggregation": "sum"}, "sum needs column"),
        ({"aggregation": "distinct"}, "distinct needs column"),
        ({"aggregation": "average"}, "average needs column"),
        ({"aggregation": "minimum"}, "minimum needs column"),
        ({"aggregation": "maximum"}, "maximum needs column"),
        ({"aggregation": "last"}, "last needs column"),
        ({"aggregation": "weighted_average"}, "weighted_average needs column and weight"),
        ({"aggregation": "ratio_of_sums", "numerator": "a"}, "ratio_of_sums needs denominator"),
        ({**SUM, "weight": "a"}, "sum has no weight"),
        ({"aggregation": "count", "numerator": "a", "denominator": "b"}, "count has no denominator or numerator"),
        (
            {"aggregation": "ratio_of_sums", "numerator": "a", "denominator": "b", "column": "c"},
            "ratio_of_sums has no column",
        ),
        ({**SUM, "format": "percent", "unit": "CHF"}, "percent has its own unit, so leave unit out"),
        ({**SUM, "aggregation": "median"}, "'sum', 'count', 'distinct'"),
        ({**SUM, "format": "money"}, "'number' or 'percent'"),
        ({**SUM, "decimals": 7}, "less than or equal to 6"),
        ({**SUM, "decimals": -1}, "greater than or equal to 0"),
        ({**SUM, "unit": "x" * 13}, "at most 12"),
        ({**SUM, "unit": " "}, "at least 1"),
        ({**SUM, "title": ""}, "at least 1"),
        ({**SUM, "title": "x" * 121}, "at most 120"),
        ({**SUM, "colour": "red"}, "Extra inputs are not permitted"),
    ],
)
def test_a_measure_is_refused(settings: dict[str, Any], said: str) -> None:
    assert said in refused(Measure, settings)


@pytest.mark.parametrize(
    ("settings", "label", "additive"),
    [
        ({"aggregation": "sum", "column": "net_amount"}, "Net amount", True),
        ({"aggregation": "count"}, "Rows, count", True),
        ({"aggregation": "count", "column": "shop"}, "Shop, count", True),
        ({"aggregation": "average", "column": "amount"}, "Amount, average", False),
        ({"aggregation": "weighted_average", "column": "price", "weight": "n"}, "Price, weighted average", False),
        ({"aggregation": "ratio_of_sums", "numerator": "won", "denominator": "All"}, "Won by all", False),
        ({"aggregation": "last", "column": "stock", "title": "In stock"}, "In stock", False),
    ],
)
def test_a_measure_has_a_label_and_only_sums_and_counts_add_up(
    settings: dict[str, Any], label: str, additive: bool
) -> None:
    measure = Measure.model_validate(settings)
    assert (measure.label, measure.is_additive) == (label, additive)
    assert measure.operands == tuple(
        (name, settings[name].lower()) for name in ("column", "weight", "numerator", "denominator") if name in settings
    )


NO_TEST = "needs exactly one test: in, not_in, from and to, or last_days"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, NO_TEST),
        ({"in": ["a"], "not_in": ["b"]}, NO_TEST),
        ({"in": ["a"], "from": 1}, NO_TEST),
        ({"last_days": 3, "to": "2024-03-15"}, NO_TEST),
        ({"from": 1, "to": "2024-03-15"}, "from and to must both be dates, or both be numbers"),
        ({"from": "soon"}, "'soon' is neither a date such as '2024-03-15' nor a number"),
        ({"to": "2024-02-30"}, "'2024-02-30' is neither a date"),
        ({"to": "2024-W10-5"}, "'2024-W10-5' is neither a date"),
        ({"to": True}, "True is neither a date"),
        ({"from": "NaN"}, "'NaN' is neither a date"),
        ({"in": []}, "at least 1 item"),
        ({"not_in": []}, "at least 1 item"),
        ({"last_days": 0}, "greater than or equal to 1"),
        ({"last_days": 3661}, "less than or equal to 3660"),
    ],
)
def test_a_filter_is_refused(settings: dict[str, Any], said: str) -> None:
    assert said in refused(Filter, {"column": "a", **settings})


@pytest.mark.parametrize("value", [1.5, None, ["a"]])
def test_a_filters_value_is_a_text_a_whole_number_or_a_truth(value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        Filter.model_validate({"column": "a", "in": ["b", value]})
    [fault] = caught.value.errors()
    assert fault["loc"] == ("in", 1)
    assert fault["msg"].endswith(f"{value!r} is neither a text, nor a whole number, nor true or false")


def test_a_filters_values_stay_what_they_are() -> None:
    values = Filter.model_validate({"column": "a", "in": [" x ", "", "1", 1, 2.0, True]}).in_
    assert values is not None
    assert [(type(one), one) for one in values] == [
        *((str, one) for one in (" x ", "", "1")),
        *((int, 1), (int, 2), (bool, True)),
    ]


@pytest.mark.parametrize(
    ("given", "bound"),
    [
        (0, Decimal(0)),
        # Which pydantic would take for a second of 2 January 1970.
        (86400, Decimal(86400)),
        (-1.25, Decimal("-1.25")),
        ("12.50", Decimal("12.50")),
        ("20240315", Decimal(20240315)),
        ("2024-03-15", date(2024, 3, 15)),
    ],
)
def test_a_filters_bound_is_a_number_or_a_date(given: Any, bound: Any) -> None:
    found = Filter.model_validate({"column": "a", "from": given, "to": given})
    assert found.from_ == found.to == bound and type(found.from_) is type(bound)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"kind": "table", **X, "columns": [{"column": "shop"}]}, "a table has columns, and neither x nor series"),
        ({"kind": "table"}, "a table needs columns"),
        ({"kind": "table", **SERIES}, "a table has columns, and neither x nor series; needs columns"),
        ({**X, "columns": [{"column": "shop"}]}, "a line has x and series; columns are a table's"),
        ({"kind": "line"}, "a line needs x"),
        ({"kind": "bar"}, "a bar needs x"),
        ({"kind": "heat_map", **SERIES}, "a heat map needs x"),
        ({"kind": "figure", **X, **SERIES}, "a figure has one y and no series"),
        ({"kind": "figure", "y": [SUM, COUNT]}, "a figure has one y and no series"),
        ({"kind": "heat_map", **X}, "a heat map needs series, and has one y"),
        ({"kind": "heat_map", **X, **SERIES, "y": [SUM, COUNT]}, "a heat map needs series, and has one y"),
        *(
            ({"kind": kind, **X, **SERIES, "y": [SUM, COUNT]}, f"{name} has several y or a series, not both")
            for kind, name in (("line", "a line"), ("bar", "a bar"), ("stacked_bar", "a stacked bar"))
        ),
        ({"kind": "stacked_bar", **X}, "a stacked bar needs a series, or several y"),
        (
            {"kind": "stacked_bar", **X, **SERIES, "y": [{"aggregation": "average", "column": "a"}]},
            "a stacked bar stacks sums and counts alone: other measures do not add up",
        ),
        (
            {**X, "y": [SUM, {**COUNT, "format": "percent"}]},
            "a line has one axis, so all y need the same format and unit",
        ),
        ({**X, "y": [SUM, {**COUNT, "unit": "h"}]}, "a line has one axis, so all y need the same format and unit"),
        (
            {"kind": "table", "columns": [{"column": "a", "top": 1}, {"column": "b", "top": 2}]},
            "top can be set for one dimension of a visual alone",
        ),
        ({**X, "series": {"column": "day", "title": "D"}}, "a column can group the rows of a visual once"),
        ({**X, "y": [SUM, SUM]}, "'Amount' is the label of two of its columns: give one a title"),
        ({"x": {"column": "amount"}}, "'Amount' is the label of two of its columns: give one a title"),
        ({**X, "y": []}, "at least 1 item"),
        ({**X, "y": [{**SUM, "title": f"M{number}"} for number in range(13)]}, "at most 12 items"),
        ({**X, "kind": "pie"}, "'line', 'bar', 'stacked_bar', 'table', 'figure' or 'heat_map'"),
        ({**X, "id": "Two words"}, "'Two words' is not a name of a dashboard, dataset or visual"),
        ({**X, "dataset": "Own"}, "'Own' is not a name of a dashboard, dataset or visual"),
        ({**X, "description": "x" * 1001}, "at most 1000"),
    ],
)
def test_a_visual_is_refused(settings: dict[str, Any], said: str) -> None:
    assert said in refused(Visual, visual(**settings))


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "line", **X, **SERIES},
        {"kind": "bar", **X, "y": [SUM, COUNT]},
        {"kind": "stacked_bar", **X, "y": [SUM, COUNT]},
        {"kind": "stacked_bar", **X, **SERIES, "y": [COUNT]},
        {"kind": "heat_map", **X, **SERIES},
        {"kind": "figure"},
        {"kind": "figure", **X},
        # Each measure of a table has a column of its own, so they may have different units.
        {"kind": "table", "columns": [{"column": "shop"}], "y": [SUM, {**COUNT, "unit": "h"}]},
    ],
)
def test_what_suits_its_kind_is_taken(settings: dict[str, Any]) -> None:
    found = Visual.model_validate(visual(**settings))
    named = [settings[name]["column"] for name in ("x", "series") if name in settings]
    named += [one["column"] for one in settings.get("columns", [])]
    assert [one.column for one in found.dimensions] == named


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"top": 0}, "greater than or equal to 1"),
        ({"top": 1001}, "less than or equal to 1000"),
        ({"unit": "decade"}, "'hour', 'day', 'week', 'month', 'quarter' or 'year'"),
        ({"sort": "random"}, "'ascending', 'descending', 'largest_first' or 'smallest_first'"),
    ],
)
def test_a_dimension_is_refused(settings: dict[str, Any], said: str) -> None:
    assert said in refused(Dimension, {"column": "a", **settings})


def board(**settings: Any) -> dict[str, Any]:
    sheets = [{"title": "S", "visuals": [visual(**X)]}]
    return {"title": "B", "datasets": {"own": {"view": "days"}}, "sheets": sheets, **settings}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"datasets": {}}, "at least 1 item"),
        ({"datasets": {"Own": {"view": "days"}}}, "'Own' is not a name of a dashboard, dataset or visual"),
        ({"sheets": []}, "at least 1 item"),
        ({"sheets": [{"title": "S", "visuals": []}]}, "at least 1 item"),
        ({"sheets": [{"title": "S", "visuals": [visual(**X)] * (MAX_VISUALS + 1)}]}, f"at most {MAX_VISUALS} items"),
        ({"sheets": board()["sheets"] * (MAX_SHEETS + 1)}, f"at most {MAX_SHEETS} items"),
        ({"title": " "}, "at least 1"),
    ],
)
def test_a_dashboard_is_refused(settings: dict[str, Any], said: str) -> None:
    assert said in refused(Dashboard, board(**settings))


def test_a_dashboard_lists_the_visuals_of_all_sheets() -> None:
    sheets = [{"title": "S", "visuals": [visual(**X, id=name) for name in ids]} for ids in ("ab", "c")]
    assert [one.id for one in Dashboard.model_validate(board(sheets=sheets)).visuals] == ["a", "b", "c"]


@pytest.mark.parametrize(("name", "words"), [("revenue_target", "Revenue target"), ("_a", "A"), ("id", "Id"), ("", "")])
def test_a_columns_name_in_words(name: str, words: str) -> None:
    assert in_words(name) == words
