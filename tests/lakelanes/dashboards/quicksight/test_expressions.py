"""The text of every calculated field, character by character: nobody but QuickSight could say that one is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.dashboards.model import Measure, Unit
from lakelanes.dashboards.quicksight import expressions
from tests.lakelanes.dashboards.quicksight.support import COLUMNS


def measure(**settings: Any) -> Measure:
    return Measure.model_validate(settings)


@pytest.mark.parametrize(
    ("above", "below", "text"),
    [
        ("revenue", "rate", "sum({revenue}) / nullIf(sum({rate}), 0)"),
        ("revenue", "sales", "sum({revenue}) / nullIf(sum(intToDecimal({sales})), 0)"),
        ("sales", "revenue", "sum(intToDecimal({sales})) / nullIf(sum({revenue}), 0)"),
    ],
)
def test_a_ratio_is_of_sums_and_of_decimals(above: str, below: str, text: str) -> None:
    wanted = measure(aggregation="ratio_of_sums", numerator=above, denominator=below)
    assert expressions.ratio_of_sums(wanted, COLUMNS) == text


def test_a_weighted_average_leaves_out_the_weights_of_rows_without_a_value() -> None:
    wanted = measure(aggregation="weighted_average", column="rate", weight="sales")
    assert expressions.weighted_average(wanted, COLUMNS) == (
        "sum({rate} * intToDecimal({sales})) / nullIf(sumIf(intToDecimal({sales}), isNotNull({rate})), 0)"
    )


def test_rows_are_counted_with_their_nulls() -> None:
    assert expressions.count_of_rows(COLUMNS) == "sum(ifelse(isNull({day}), 1, 1))"


@pytest.mark.parametrize(
    ("partitions", "listed"),
    [([], "[]"), (["city"], "[{city}]"), (["day by month", "city"], "[{day by month}, {city}]")],
)
def test_the_last_is_of_the_latest_date_of_the_group(partitions: list[str], listed: str) -> None:
    wanted = measure(aggregation="last", column="sales")
    assert (
        expressions.last(wanted, "day", partitions)
        == f"sumIf({{sales}}, {{day}} = maxOver({{day}}, {listed}, PRE_AGG))"
    )


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("hour", "truncDate('HH', {sold_at})"),
        ("day", "truncDate('DD', {sold_at})"),
        ("week", "addDateTime(1, 'DD', truncDate('WK', addDateTime(-1, 'DD', {sold_at})))"),
        ("month", "truncDate('MM', {sold_at})"),
        ("quarter", "truncDate('Q', {sold_at})"),
        ("year", "truncDate('YYYY', {sold_at})"),
    ],
)
def test_a_period_is_its_start_and_a_week_begins_on_monday(unit: Unit, text: str) -> None:
    assert expressions.period("sold_at", unit) == text


@pytest.mark.parametrize(
    ("column", "kind", "values", "tested"),
    [
        ("sales", "whole", (1, 2), "in({sales}, [1, 2])"),
        ("online", "boolean", (True,), "in({online}, [1])"),
        ("day", "date", ("2024-02-29",), "in(formatDate({day}, 'yyyy-MM-dd HH:mm:ss'), ['2024-02-29 00:00:00'])"),
    ],
)
def test_membership_tells_null_from_what_is_not_listed(
    column: str, kind: str, values: tuple[Any, ...], tested: str
) -> None:
    assert expressions.membership(column, kind, values) == (
        f"ifelse(isNull({{{column}}}), 'null', {tested}, 'in', 'out')"
    )
