"""The DAX of each aggregation, beside the SQL that the same measure has on the Lake page.

Microsoft's parser of models reads no DAX, and no engine that runs it is to be had here: so the texts are compared.
"""

from __future__ import annotations

from typing import Any, get_args

import pytest

from lakelanes.dashboards.model import Aggregation, Measure, Unit
from lakelanes.dashboards.powerbi import dax
from lakelanes.dashboards.queries import measure_sql

# Settings, the SQL, the DAX.
CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"aggregation": "sum", "column": "revenue"}, 'sum("revenue")', "SUM('shop'[revenue])"),
    ({"aggregation": "count"}, "count(*)", "COUNTROWS('shop')"),
    ({"aggregation": "count", "column": "store"}, 'count("store")', "COUNTA('shop'[store])"),
    # Neither counts what has no value.
    ({"aggregation": "distinct", "column": "store"}, 'count(DISTINCT "store")', "DISTINCTCOUNTNOBLANK('shop'[store])"),
    ({"aggregation": "average", "column": "units"}, 'avg(CAST("units" AS double))', "AVERAGE('shop'[units])"),
    ({"aggregation": "minimum", "column": "day"}, 'min("day")', "MIN('shop'[day])"),
    ({"aggregation": "maximum", "column": "day"}, 'max("day")', "MAX('shop'[day])"),
    (
        {"aggregation": "weighted_average", "column": "revenue", "weight": "units"},
        'sum(CAST("revenue" AS double) * CAST("units" AS double))'
        ' / nullif(sum(CAST("units" AS double)) FILTER (WHERE "revenue" IS NOT NULL), 0)',
        "DIVIDE(SUMX('shop', 'shop'[revenue] * 'shop'[units]), "
        "SUMX('shop', IF(NOT ISBLANK('shop'[revenue]), 'shop'[units])))",
    ),
    (
        {"aggregation": "ratio_of_sums", "numerator": "revenue", "denominator": "units"},
        'CAST(sum("revenue") AS double) / nullif(CAST(sum("units") AS double), 0)',
        "DIVIDE(SUM('shop'[revenue]), SUM('shop'[units]))",
    ),
    (
        {"aggregation": "last", "column": "units"},
        'sum("units") FILTER (WHERE is_last)',
        "VAR _NewestDate = MAX('shop'[day])\n"
        "RETURN CALCULATE(SUM('shop'[units]), KEEPFILTERS('shop'[day] == _NewestDate))",
    ),
]


@pytest.mark.parametrize(("settings", "sql", "expected"), CASES)
def test_a_measure_in_both_languages(settings: dict[str, Any], sql: str, expected: str) -> None:
    measure = Measure.model_validate(settings)
    assert measure_sql(measure) == sql
    assert dax.measure_dax(measure, "shop", "day") == expected


def test_every_aggregation_is_compared() -> None:
    assert {settings["aggregation"] for settings, _, _ in CASES} == set(get_args(Aggregation))


@pytest.mark.parametrize(
    ("unit", "start", "before", "end"),
    [
        ("day", "DATE(YEAR(D), MONTH(D), DAY(D))", "S - 1", "S + 1"),
        # Of WEEKDAY's type 2 Monday is 1.
        ("week", "DATE(YEAR(D), MONTH(D), DAY(D)) - WEEKDAY(D, 2) + 1", "S - 7", "S + 7"),
        ("month", "DATE(YEAR(D), MONTH(D), 1)", "EDATE(S, -1)", "EDATE(S, 1)"),
        ("quarter", "DATE(YEAR(D), 3 * QUARTER(D) - 2, 1)", "EDATE(S, -3)", "EDATE(S, 3)"),
        ("year", "DATE(YEAR(D), 1, 1)", "EDATE(S, -12)", "EDATE(S, 12)"),
    ],
)
def test_a_figure_is_of_the_last_period_and_the_one_before(unit: Unit, start: str, before: str, end: str) -> None:
    found = dax.figure(Measure(aggregation="count"), "Rows", unit, "shop", "day", ("Now", "Then"))
    texts = [found.value, found.period, found.before]
    short = [text.replace("_NewestDate", "D").replace("_PeriodStart", "S") for text in texts]
    opening = f"VAR D = MAX('shop'[day])\nVAR S = {start}\nRETURN IF(NOT ISBLANK(D), "
    value = f"{opening}CALCULATE([Rows], KEEPFILTERS('shop'[day] >= S && 'shop'[day] < {end})))"
    earlier = f"{opening}CALCULATE([Rows], KEEPFILTERS('shop'[day] >= {before} && 'shop'[day] < S)))"
    assert short == [value, f"{opening}S)", earlier]
    assert found.change == (
        "VAR _Value = [Now]\nVAR _ValueBefore = [Then]\n"
        "RETURN IF(NOT ISBLANK(_Value) && NOT ISBLANK(_ValueBefore), "
        "DIVIDE(_Value - _ValueBefore, ABS(_ValueBefore)))"
    )


def test_hours_are_met_in_their_middle() -> None:
    found = dax.figure(Measure(aggregation="count"), "Rows", "hour", "visits", "seen_at by hour", ("Now", "Then"))
    at, start = "'visits'[seen_at by hour]", "_PeriodStart"
    assert f"{at} >= {start} - TIME(0, 30, 0) && {at} < {start} + TIME(0, 30, 0)" in found.value
    assert f"{at} >= {start} - TIME(1, 30, 0) && {at} < {start} - TIME(0, 30, 0)" in found.before


def test_a_change_of_percentages_is_a_difference_in_points() -> None:
    percent = Measure(aggregation="sum", column="revenue", format="percent")
    found = dax.figure(percent, "Share", "month", "shop", "day", ("Now", "Then"))
    assert found.change.endswith(", 100 * (_Value - _ValueBefore))")


def test_a_column_of_periods_is_blank_where_the_date_is() -> None:
    assert dax.period_column("year", "shop", "day") == "IF(NOT ISBLANK('shop'[day]), DATE(YEAR('shop'[day]), 1, 1))"


def test_the_calendar_has_whole_years_and_one_day_at_the_least() -> None:
    assert dax.calendar(["'a'[x]", "'b'[y]"]) == (
        "VAR _FirstDay = COALESCE(MINX({MIN('a'[x]), MIN('b'[y])}, [Value]), TODAY())\n"
        "VAR _LastDay = COALESCE(MAXX({MAX('a'[x]), MAX('b'[y])}, [Value]), TODAY())\n"
        "RETURN CALENDAR(DATE(YEAR(_FirstDay), 1, 1), DATE(YEAR(_LastDay), 12, 31))"
    )
