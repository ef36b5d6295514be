"""What a dashboard refers to: each reference that is not there, or does not suit, with its path and in words."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.dashboards.faults import faulty_visuals, reference_faults
from lakelanes.dashboards.model import Dashboard
from lakelanes.dashboards.view_columns import Columns

COLUMNS: Columns = {
    "shop": "text",
    "visits": "whole",
    "amount": "decimal",
    "share": "double",
    "is_new": "boolean",
    "day": "date",
    "at": "timestamp",
    "items": "other",
    "guess": "unknown",
}
VIEWS = {"days": COLUMNS, "weeks": {"week": "date"}}
SUM: dict[str, Any] = {"aggregation": "sum", "column": "amount"}
PATH = "sheets[0].visuals[0]"


def board(dataset: dict[str, Any] | None = None, **visual: Any) -> Dashboard:
    one = {"id": "one", "title": "One", "kind": "line", "dataset": "own", "x": {"column": "day"}, "y": [SUM], **visual}
    return Dashboard.model_validate(
        {
            "name": "board",
            "title": "Board",
            "datasets": {"own": {"view": "days", "date_column": "day", **(dataset or {})}},
            "sheets": [{"title": "S", "visuals": [one]}],
        }
    )


def faults(found: Dashboard) -> list[str]:
    """Its faults; what has one is not asked for, and only that."""
    told = reference_faults([found], VIEWS)
    assert faulty_visuals(found, VIEWS) == ({"one"} if told else set())
    assert all(fault.startswith("board.json: ") for fault in told)
    return [fault.removeprefix("board.json: ") for fault in told]


@pytest.mark.parametrize(
    ("dataset", "fault"),
    [
        (
            {"view": "dayz"},
            "datasets.own.view: include/sql/views has no view 'dayz'; did you mean 'days'?",
        ),
        (
            {"view": "others"},
            "datasets.own.view: include/sql/views has no view 'others'",
        ),
        ({"date_column": "dai"}, "datasets.own.date_column: view days has no column 'dai'; did you mean 'day'?"),
        ({"date_column": "shop"}, "datasets.own.date_column: 'shop' is text, not a date or timestamp"),
        (
            {"date_column": "guess"},
            "datasets.own.date_column: 'guess' is of unknown type, not a date or timestamp; CAST it in the view",
        ),
    ],
)
def test_a_datasets_reference_is_faulty(dataset: dict[str, Any], fault: str) -> None:
    assert faults(board(dataset)) == [fault]


@pytest.mark.parametrize(
    ("dimension", "fault"),
    [
        ({"column": "dayy"}, "column: view days has no column 'dayy'; did you mean 'day'?"),
        ({"column": "items"}, "column: 'items' is of no type that groups rows"),
        ({"column": "guess"}, "column: 'guess' is of no type that groups rows; CAST it in the view"),
        ({"column": "shop", "unit": "day"}, "unit: 'shop' is no date or timestamp, so it has no day"),
        ({"column": "visits", "unit": "year"}, "unit: 'visits' is no date or timestamp, so it has no year"),
        ({"column": "day", "unit": "hour"}, "unit: 'day' is a date, so it has no hour"),
    ],
)
def test_a_dimension_does_not_suit_its_column(dimension: dict[str, Any], fault: str) -> None:
    other = {"column": "is_new"}
    assert faults(board(x=dimension)) == [f"{PATH}.x.{fault}"]
    assert faults(board(x=other, series=dimension)) == [f"{PATH}.series.{fault}"]
    assert faults(board(kind="table", x=None, columns=[other, dimension])) == [f"{PATH}.columns[1].{fault}"]


def test_a_figures_period_has_a_unit() -> None:
    assert faults(board(kind="figure")) == [
        f"{PATH}.x.unit: is missing; a figure compares a period with the one before"
    ]
    assert faults(board(kind="figure", x={"column": "at", "unit": "hour"})) == []


@pytest.mark.parametrize(
    ("measure", "fault"),
    [
        ({"aggregation": "sum", "column": "shop"}, "column: 'shop' is text, not a number"),
        ({"aggregation": "sum", "column": "is_new"}, "column: 'is_new' is a boolean, not a number"),
        ({"aggregation": "average", "column": "items"}, "column: 'items' is of a nested type, not a number"),
        ({"aggregation": "last", "column": "at"}, "column: 'at' is a timestamp, not a number"),
        (
            {"aggregation": "sum", "column": "guess"},
            "column: 'guess' is of unknown type, not a number; CAST it in the view",
        ),
        ({"aggregation": "maximum", "column": "day"}, "column: 'day' is a date, not a number"),
        (
            {"aggregation": "count", "column": "amuont"},
            "column: view days has no column 'amuont'; did you mean 'amount'?",
        ),
        ({"aggregation": "distinct", "column": "nothing"}, "column: view days has no column 'nothing'"),
        (
            {"aggregation": "weighted_average", "column": "share", "weight": "shop"},
            "weight: 'shop' is text, not a number",
        ),
        (
            {"aggregation": "ratio_of_sums", "numerator": "visits", "denominator": "day"},
            "denominator: 'day' is a date, not a number",
        ),
        (
            {"aggregation": "ratio_of_sums", "numerator": "visit", "denominator": "amount"},
            "numerator: view days has no column 'visit'; did you mean 'visits'?",
        ),
    ],
)
def test_a_measure_does_not_suit_its_column(measure: dict[str, Any], fault: str) -> None:
    assert faults(board(y=[SUM, {**measure, "title": "Other"}])) == [f"{PATH}.y[1].{fault}"]


def test_what_is_counted_may_be_anything_and_a_table_shows_dates() -> None:
    counted = [
        {"aggregation": kind, "column": name, "title": f"{kind} {name}"}
        for kind, name in (("count", "items"), ("distinct", "guess"), ("count", "shop"))
    ]
    assert faults(board(y=counted)) == []
    table = {"kind": "table", "x": None, "columns": [{"column": "shop"}]}
    assert faults(board(**table, y=[{"aggregation": "minimum", "column": "at"}])) == []
    assert faults(board(**table, y=[{"aggregation": "minimum", "column": "shop"}])) == [
        f"{PATH}.y[0].column: 'shop' is text, not a number or a date"
    ]


def test_the_last_value_needs_a_date() -> None:
    last = {"aggregation": "last", "column": "visits"}
    assert faults(board(y=[last])) == []
    assert faults(board({"date_column": None}, y=[last])) == [
        f"{PATH}.y[0].aggregation: last needs a date_column of the dataset"
    ]


@pytest.mark.parametrize(
    ("wanted", "fault"),
    [
        ({"column": "shops", "in": ["a"]}, "column: view days has no column 'shops'; did you mean 'shop'?"),
        ({"column": "items", "in": ["a"]}, "column: 'items' is of a nested type, not simple"),
        ({"column": "guess", "in": ["a"]}, "column: 'guess' is of unknown type, not simple; CAST it in the view"),
        ({"column": "shop", "last_days": 3}, "last_days: 'shop' is no date or timestamp"),
        ({"column": "shop", "from": 3}, "from: 'shop' is no number"),
        ({"column": "day", "to": 3}, "to: 'day' is no number"),
        ({"column": "amount", "to": "2024-03-15"}, "to: 'amount' is no date or timestamp"),
        ({"column": "visits", "in": [1, "2"]}, "in[1]: '2' is no value of 'visits', which is a whole number"),
        ({"column": "visits", "in": [True]}, "in[0]: True is no value of 'visits', which is a whole number"),
        ({"column": "shop", "not_in": ["a", 1]}, "not_in[1]: 1 is no value of 'shop', which is text"),
        ({"column": "is_new", "in": ["true"]}, "in[0]: 'true' is no value of 'is_new', which is a boolean"),
        ({"column": "is_new", "in": [1]}, "in[0]: 1 is no value of 'is_new', which is a boolean"),
        ({"column": "share", "in": ["1"]}, "in[0]: '1' is no value of 'share', which is a double"),
        ({"column": "day", "in": ["2024-02-30"]}, "in[0]: '2024-02-30' is no value of 'day', which is a date"),
        # Python reads it, Athena does not.
        ({"column": "at", "in": ["20240315"]}, "in[0]: '20240315' is no value of 'at', which is a timestamp"),
        ({"column": "day", "in": [20240315]}, "in[0]: 20240315 is no value of 'day', which is a date"),
    ],
)
def test_a_filter_does_not_suit_its_column(wanted: dict[str, Any], fault: str) -> None:
    good = {"column": "day", "last_days": 3}
    assert faults(board(filters=[good, wanted])) == [f"{PATH}.filters[1].{fault}"]


@pytest.mark.parametrize(
    "wanted",
    [
        {"column": "at", "in": ["2024-03-15"]},
        {"column": "is_new", "not_in": [True, False]},
        {"column": "amount", "in": [1, -2]},
        {"column": "amount", "from": 0, "to": "1.5"},
        {"column": "at", "from": "2024-03-15", "to": "2024-03-16"},
        {"column": "shop", "in": [""]},
    ],
)
def test_a_filter_that_suits_its_column_has_no_fault(wanted: dict[str, Any]) -> None:
    assert faults(board(filters=[wanted])) == []


def test_all_faults_of_all_boards_are_told_and_good_visuals_stay() -> None:
    made = board(x={"column": "nothing"}, y=[{"aggregation": "sum", "column": "shop"}])
    good = board().visuals[0].model_copy(update={"id": "two"})
    sheet = made.sheets[0].model_copy(update={"visuals": (good,)})
    made = made.model_copy(update={"sheets": (*made.sheets, sheet)})
    other = board({"view": "none"}).model_copy(update={"name": "other"})
    assert reference_faults([made, other], VIEWS) == [
        f"board.json: {PATH}.x.column: view days has no column 'nothing'",
        f"board.json: {PATH}.y[0].column: 'shop' is text, not a number",
        "other.json: datasets.own.view: include/sql/views has no view 'none'",
    ]
    assert faulty_visuals(made, VIEWS) == {"one"}
    assert faulty_visuals(other, VIEWS) == {"one"}, "its dataset has a fault"


def test_what_reads_a_view_that_is_not_made_here_waits_for_it() -> None:
    found = board({"view": "later"}, x={"column": "anything"})
    assert reference_faults([found], VIEWS, {"later": "why"}) == [] and faulty_visuals(found, VIEWS, {"later"}) == set()
    assert faulty_visuals(found, VIEWS, {"another"}) == {"one"}
