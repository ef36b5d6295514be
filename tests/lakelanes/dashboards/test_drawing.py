"""What is drawn of an answer: groups in order, values and dates as people read them, figures, and what a chart says."""

from __future__ import annotations

import math
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.dashboards.drawing import (
    NOTHING,
    Drawing,
    Figure,
    drawing,
    figure,
    is_date,
    key_text,
    number_of,
    value_text,
)
from lakelanes.dashboards.model import Dimension, Measure, Visual
from lakelanes.dashboards.view_columns import Columns
from tests.support.properties import examples

COLUMNS: Columns = {
    "word": "text",
    "whole": "whole",
    "price": "decimal",
    "size": "double",
    "is_new": "boolean",
    "day": "date",
    "at": "timestamp",
}
SUM: dict[str, Any] = {"aggregation": "sum", "column": "price", "title": "Sum"}


def visual(kind: str = "line", **settings: Any) -> Visual:
    return Visual.model_validate({"id": "v", "title": "V", "kind": kind, "dataset": "own", "y": [SUM], **settings})


def drawn(rows: list[tuple[str | None, ...]], kind: str = "line", **settings: Any) -> Drawing:
    """The drawing of rows that have the values of the dimensions, then those of the measures."""
    made = visual(kind, **settings)
    count = len(made.dimensions)
    names = [*(f"d{number + 1}" for number in range(count)), *(f"m{number + 1}" for number in range(len(made.y)))]
    return drawing(made, COLUMNS, [dict(zip(names, row, strict=True)) for row in rows])


@pytest.mark.parametrize(
    ("kind", "x", "expected"),
    [
        ("line", {"column": "whole"}, ["-3", "2", "10", None]),
        ("line", {"column": "whole", "sort": "descending"}, ["10", "2", "-3", None]),
        ("bar", {"column": "whole", "sort": "largest_first"}, ["2", "-3", "10", None]),
        ("bar", {"column": "whole", "sort": "smallest_first"}, ["10", "-3", "2", None]),
        # As text: the largest bar is first.
        ("bar", {"column": "word"}, ["2", "-3", "10", None]),
        ("line", {"column": "word"}, ["-3", "10", "2", None]),
    ],
)
def test_groups_are_in_the_visuals_order_and_nothing_is_last(
    kind: str, x: dict[str, Any], expected: list[str | None]
) -> None:
    found = drawn([("2", "7"), (None, "100"), ("10", None), ("-3", "1")], kind, x=x)
    assert [group.keys[0] for group in found.groups] == expected == found.order(0)


def test_the_bars_of_a_series_are_sorted_by_their_sums() -> None:
    rows: list[tuple[str | None, ...]] = [
        ("a", "s", "5"),
        ("b", "s", "4"),
        ("a", "t", "1"),
        ("b", "t", "3"),
        ("c", "s", "7"),
    ]
    found = drawn(rows, "stacked_bar", x={"column": "word"}, series={"column": "is_new"})
    assert found.order(0) == ["b", "c", "a"] and found.order(1) == ["s", "t"]
    assert [group.keys for group in found.groups] == [("b", "s"), ("b", "t"), ("c", "s"), ("a", "s"), ("a", "t")]


@pytest.mark.parametrize(
    ("key", "dimension", "expected"),
    [
        (None, {"column": "day", "unit": "day"}, NOTHING),
        ("2024-03-15", {"column": "day", "unit": "day"}, "2024-03-15"),
        ("2024-03-11", {"column": "day", "unit": "week"}, "2024-03-11"),
        ("2024-03-01", {"column": "day", "unit": "month"}, "2024-03"),
        ("2024-01-01", {"column": "day", "unit": "quarter"}, "2024 Q1"),
        ("2024-04-01", {"column": "day", "unit": "quarter"}, "2024 Q2"),
        ("2024-10-01", {"column": "day", "unit": "quarter"}, "2024 Q4"),
        ("2024-01-01", {"column": "day", "unit": "year"}, "2024"),
        ("2024-03-15 07:00:00.000", {"column": "at", "unit": "hour"}, "2024-03-15 07:00"),
        ("2024-03-15 07:08:09.000", {"column": "at"}, "2024-03-15 07:08:09"),
        ("2024-03-15 07:08:09.120", {"column": "at"}, "2024-03-15 07:08:09.120"),
        ("+12024-03-01", {"column": "day", "unit": "month"}, "+12024-03-01"),
        ("2024-03-01", {"column": "word"}, "2024-03-01"),
        ("", {"column": "word"}, ""),
        ("true", {"column": "is_new"}, "true"),
    ],
)
def test_a_key_is_written_in_its_unit(key: str | None, dimension: dict[str, Any], expected: str) -> None:
    assert key_text(key, Dimension.model_validate(dimension), COLUMNS) == expected


@pytest.mark.parametrize(
    ("text", "settings", "expected"),
    [
        (None, {}, NOTHING),
        ("1234567", {}, "1,234,567"),
        ("-1234.5", {"decimals": 2, "unit": "CHF"}, "-1,234.50 CHF"),
        ("2.675", {"decimals": 2}, "2.68"),
        ("-0.004", {"decimals": 2}, "0.00"),
        ("0.1256", {"format": "percent", "decimals": 1}, "12.6 %"),
        ("-0.5", {"format": "percent"}, "-50 %"),
        ("-0.0004", {"format": "percent", "decimals": 1}, "0.0 %"),
        ("1.0E-3", {"decimals": 3}, "0.001"),
        ("12345678901234567890.12", {"decimals": 2}, "12,345,678,901,234,567,890.12"),
        ("NaN", {"decimals": 2}, "NaN"),
        ("-Infinity", {}, "-Infinity"),
        ("1.0E300", {}, "1.0E300"),
        ("2024-03-15", {"unit": "h"}, "2024-03-15"),
    ],
)
def test_a_value_is_written_with_its_digits_and_unit(text: str | None, settings: dict[str, Any], expected: str) -> None:
    assert value_text(text, Measure.model_validate({**SUM, **settings})) == expected


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.50", Decimal("1.50")),
        ("-7", Decimal(-7)),
        ("1E100", Decimal("1E100")),
        ("1E-300", Decimal(0)),
        (None, None),
        *((text, None) for text in ("NaN", "Infinity", "-Infinity", "1.1E100", "1E999999999", "2024-03-15", "", "x")),
    ],
)
def test_a_number_has_a_place_on_a_scale(text: str | None, number: Decimal | None) -> None:
    assert number_of(text) == number


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("2024-03-15", True),
        ("0001-01-01", True),
        ("2024-03-15 07:08:09.123", True),
        ("2024-03-15T07:08:09", True),
        ("+12024-03-15", False),
        ("-0001-01-01", False),
        ("٢٠٢٤-03-15", False),
        ("2024-03-15 noon", False),
    ],
)
def test_a_date_has_a_place_on_a_scale(text: str, is_one: bool) -> None:
    assert is_date(text) is is_one


def test_what_has_no_place_is_left_out_and_counted_and_stands_in_the_table() -> None:
    rows: list[tuple[str | None, ...]] = [
        ("2024-03-15", "1", "2"),
        ("2024-03-16", "NaN", None),
        ("+12024-03-15", "3", "1E200"),
        (None, "4", "5"),
    ]
    count = {"aggregation": "count", "title": "Rows", "unit": "h"}
    found = drawn(rows, x={"column": "day", "unit": "day"}, y=[{**SUM, "unit": "h"}, count])
    assert found.left_out == 2 + 2, "two values, and two groups without a date"
    assert found.headings == ["Day", "Sum", "Rows"]
    assert sorted(found.table) == sorted(
        [
            ["2024-03-15", "1 h", "2 h"],
            ["2024-03-16", "NaN", NOTHING],
            ["+12024-03-15", "3 h", "1E200"],
            [NOTHING, "4 h", "5 h"],
        ]
    )
    assert drawn([("a", "1"), (None, "2")], "bar", x={"column": "word"}).left_out == 0


def test_the_summary_says_what_is_drawn_and_from_where_to_where() -> None:
    rows: list[tuple[str | None, ...]] = [("a", "s", "-0.25"), ("b", "s", "0.5"), ("b", "t", "NaN")]
    percent = {**SUM, "format": "percent"}
    found = drawn(rows, "heat_map", x={"column": "word"}, series={"column": "is_new", "title": "Newness"}, y=[percent])
    assert found.summary == "heat map: Sum by word and newness; 3 values, from -25 % to 50 %"
    two = drawn([("a", "1", "9"), ("b", None, "7")], x={"column": "word"}, y=[SUM, {"aggregation": "count"}])
    assert two.summary == "line: Sum, Rows, count by word; 2 values, from 1 to 1, from 7 to 9"
    assert drawn([], x={"column": "word"}).summary == "line: Sum by word; 0 values, none to draw"
    assert drawn([("3",)], "figure").summary == "figure: Sum; 1 values, from 3 to 3"


def shown(unit: str, *rows: tuple[str | None, str | None], **measure: Any) -> Figure | None:
    x = {"column": "at" if unit == "hour" else "day", "unit": unit}
    return figure(drawn(list(rows), "figure", x=x, y=[{**SUM, **measure}]))


@pytest.mark.parametrize(
    ("unit", "now", "before", "period", "period_before"),
    [
        ("hour", "2024-03-01 00:00:00.000", "2024-02-29 23:00:00.000", "2024-03-01 00:00", "2024-02-29 23:00"),
        ("day", "2024-03-01", "2024-02-29", "2024-03-01", "2024-02-29"),
        ("week", "2024-03-04", "2024-02-26", "2024-03-04", "2024-02-26"),
        ("month", "2024-01-01", "2023-12-01", "2024-01", "2023-12"),
        ("month", "2024-12-01", "2024-11-01", "2024-12", "2024-11"),
        ("quarter", "2024-01-01", "2023-10-01", "2024 Q1", "2023 Q4"),
        ("quarter", "2024-10-01", "2024-07-01", "2024 Q4", "2024 Q3"),
        ("year", "2024-01-01", "2023-01-01", "2024", "2023"),
    ],
)
def test_a_figure_is_held_against_the_period_before(
    unit: str, now: str, before: str, period: str, period_before: str
) -> None:
    expected = Figure("3", period, "2", period_before, "+50.0 %", "up")
    assert shown(unit, (now, "3"), (before, "2")) == expected == shown(unit, (before, "2"), (now, "3"))


def test_a_figure_whose_period_before_is_missing_is_held_against_none() -> None:
    assert shown("month", ("2024-03-01", "3"), ("2024-01-01", "2")) == Figure("3", "2024-03")
    assert shown("day", ("2024-03-15", "3"), (None, "9")) == Figure("3", "2024-03-15")
    assert shown("day", (None, "9")) is None and shown("day") is None
    assert figure(drawn([("5",)], "figure")) == Figure("5")
    assert figure(drawn([(None,)], "figure")) == Figure(NOTHING)
    assert figure(drawn([], "figure")) is None


@pytest.mark.parametrize("unit", ["hour", "day", "week", "month", "quarter", "year"])
def test_the_first_period_of_the_calendar_has_none_before_it(unit: str) -> None:
    # Which Athena has, and Python has not: the year 0.
    for day in ("0001-01-01", "0000-12-01"):
        first = f"{day} 00:00:00.000" if unit == "hour" else day
        found = shown(unit, (first, "3"), (None, "1"))
        assert found is not None and (found.value, found.before) == ("3", "")


@pytest.mark.parametrize(
    ("now", "before", "measure", "change", "direction"),
    [
        ("90", "120", {}, "-25.0 %", "down"),
        ("-50", "-100", {}, "+50.0 %", "up"),
        ("5", "5.00", {}, "+0.0 %", "even"),
        ("5", "0", {}, "", "up"),
        ("0.25", "0.275", {"format": "percent", "decimals": 1}, "-2.5 points", "down"),
        ("NaN", "1", {}, "", ""),
        ("1", None, {}, "", ""),
    ],
)
def test_a_figures_change(now: str, before: str | None, measure: dict[str, Any], change: str, direction: str) -> None:
    found = shown("day", ("2024-03-15", now), ("2024-03-14", before), **measure)
    assert found is not None
    assert (found.change, found.direction, found.before_period) == (change, direction, "2024-03-14")


TEXTS: dict[str, st.SearchStrategy[str]] = {
    "text": st.text(max_size=5),
    "whole": st.integers(-(10**12), 10**12).map(str),
    "decimal": st.decimals(-(10**9), 10**9, places=2).map(str),
    "double": st.floats().map(lambda value: "NaN" if math.isnan(value) else str(value).replace("inf", "Infinity")),
    "boolean": st.sampled_from(["true", "false"]),
    "date": st.dates().map(str) | st.just("+12024-01-01"),
    "timestamp": st.datetimes().map(lambda at: f"{at:%Y-%m-%d %H:%M:%S}.000".zfill(23)),
}


@st.composite
def answers(draw: st.DrawFn) -> Drawing:
    kind = draw(st.sampled_from(["line", "bar", "stacked_bar", "table", "heat_map"]))
    names = draw(st.permutations(list(COLUMNS)))[: {"table": draw(st.integers(1, 3))}.get(kind, 2)]
    dimensions = []
    for name in names:
        one: dict[str, Any] = {"column": name, "title": f"By {name}"}
        if COLUMNS[name] in ("date", "timestamp"):
            one["unit"] = draw(st.sampled_from([None, "day", "week", "month", "quarter", "year"]))
        one["sort"] = draw(st.sampled_from([None, "ascending", "descending", "largest_first", "smallest_first"]))
        dimensions.append(one)
    settings = {"columns": dimensions} if kind == "table" else dict(zip(("x", "series"), dimensions, strict=False))
    keys = st.tuples(*(st.none() | TEXTS[COLUMNS[name]] for name in names))
    values = draw(st.dictionaries(keys, st.none() | TEXTS["double"] | TEXTS["decimal"], max_size=12))
    return drawn([(*key, value) for key, value in values.items()], kind, **settings)


@pytest.mark.slow
@given(found=answers())
@examples(200)
def test_the_table_has_each_group_of_the_answer_once(found: Drawing) -> None:
    dimensions, [measure] = found.visual.dimensions, found.visual.y
    keys = [group.keys for group in found.groups]
    assert len(keys) == len(set(keys))
    assert found.table == [
        [
            *(key_text(key, one, COLUMNS) for key, one in zip(group.keys, dimensions, strict=True)),
            value_text(group.texts[0], measure),
        ]
        for group in found.groups
    ]
    for index in range(len(dimensions)):
        order = found.order(index)
        assert set(order) == {key[index] for key in keys} and len(order) == len(set(order))
        assert None not in order[:-1], "nothing is last"
    firsts = [found.order(0).index(key[0]) for key in keys]
    assert firsts == sorted(firsts)
    assert 0 <= found.left_out <= 2 * len(keys) and f"; {len(keys)} values, " in found.summary


@given(now=st.dates(date(2, 1, 1)), unit=st.sampled_from(["day", "week", "month", "quarter", "year"]))
@examples(200)
def test_the_period_before_ends_where_the_period_begins(now: date, unit: str) -> None:
    def start(day: date) -> date:
        match unit:
            case "week":
                return day - timedelta(days=day.weekday())
            case "month":
                return day.replace(day=1)
            case "quarter":
                return date(day.year, day.month - (day.month - 1) % 3, 1)
            case "year":
                return date(day.year, 1, 1)
            case _:
                return day

    period = start(now)
    before = start(period - timedelta(days=1))
    found = shown(unit, (period.isoformat(), "3"), (before.isoformat(), "2"))
    assert found is not None and (found.value, found.before) == ("3", "2")
