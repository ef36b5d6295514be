"""Calculated fields: what QuickSight's own aggregations do not say, in its expressions.

Functions: https://docs.aws.amazon.com/quicksight/latest/user/functions-by-category.html, and the pages that are
named beside each. Nothing here has run on QuickSight itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from lakelanes.dashboards.model import Measure, Unit
from lakelanes.dashboards.view_columns import Columns

# Periods of truncDate (https://docs.aws.amazon.com/quicksight/latest/user/truncDate-function.html).
_PERIODS = {"hour": "HH", "day": "DD", "week": "WK", "month": "MM", "quarter": "Q", "year": "YYYY"}


def field(name: str) -> str:
    """A column, or another calculated field, as an expression names it."""
    return f"{{{name}}}"


def ratio_of_sums(measure: Measure, columns: Columns) -> str:
    """Sum of the numerator by sum of the denominator; null where that is 0.

    intToDecimal keeps the division of two whole numbers from being one of whole numbers in Athena
    (https://docs.aws.amazon.com/quicksight/latest/user/intToDecimal-function.html, nullIf-function.html).
    """
    above, below = (_decimal(name or "", columns) for name in (measure.numerator, measure.denominator))
    return f"sum({above}) / nullIf(sum({below}), 0)"


def weighted_average(measure: Measure, columns: Columns) -> str:
    """Sum of the column times its weight by the sum of the weights, of rows that have a value.

    https://docs.aws.amazon.com/quicksight/latest/user/sumIf-function.html, isNotNull-function.html
    """
    column, weight = (_decimal(name or "", columns) for name in (measure.column, measure.weight))
    weights = f"sumIf({weight}, isNotNull({field(measure.column or '')}))"
    return f"sum({column} * {weight}) / nullIf({weights}, 0)"


def count_of_rows(columns: Columns) -> str:
    """How many rows there are, with or without a value in any column.

    QuickSight counts a column, and leaves its nulls out; 1 alone is of no row.
    """
    return f"sum(ifelse(isNull({field(next(iter(columns)))}), 1, 1))"


def last(measure: Measure, date_column: str, partitions: Iterable[str]) -> str:
    """Sum of a column over the rows of the group's last date. partitions: fields by which the visual groups.

    The latest date of the group stands beside each row: maxOver at the level PRE_AGG is calculated after the filters
    and before the visual's aggregation
    (https://docs.aws.amazon.com/quicksight/latest/user/maxOver-function.html, order-of-evaluation-quicksight.html).
    """
    at = field(date_column)
    groups = ", ".join(map(field, partitions))
    return f"sumIf({field(measure.column or '')}, {at} = maxOver({at}, [{groups}], PRE_AGG))"


def period(column: str, unit: Unit) -> str:
    """The start of the period that a date lies in. Weeks of truncDate begin on Sunday, and here on Monday.

    https://docs.aws.amazon.com/quicksight/latest/user/addDateTime-function.html
    """
    if unit == "week":
        day_before = f"addDateTime(-1, 'DD', {field(column)})"
        return f"addDateTime(1, 'DD', truncDate('WK', {day_before}))"
    return f"truncDate('{_PERIODS[unit]}', {field(column)})"


def membership(column: str, kind: str, values: Iterable[str | int | bool]) -> str:
    """'in', 'out' or 'null': whether a column that is no text is one of the values.

    https://docs.aws.amazon.com/quicksight/latest/user/in-function.html, formatDate-function.html
    """
    tested, listed = field(column), ", ".join(str(int(value)) for value in values if not isinstance(value, str))
    if kind in ("date", "timestamp"):
        # A date is midnight: what is later on that day is another moment.
        moments = (datetime.fromisoformat(str(value)) for value in values)
        tested = f"formatDate({tested}, 'yyyy-MM-dd HH:mm:ss')"
        listed = ", ".join(f"'{moment:%Y-%m-%d %H:%M:%S}'" for moment in moments)
    return f"ifelse(isNull({field(column)}), 'null', in({tested}, [{listed}]), 'in', 'out')"


def _decimal(column: str, columns: Columns) -> str:
    return f"intToDecimal({field(column)})" if columns[column] == "whole" else field(column)
