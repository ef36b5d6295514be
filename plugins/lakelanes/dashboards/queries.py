"""The SQL of a visual: grouped and added up by Athena, so that a page never reads rows to sum them.

The answer's columns are the visual's dimensions, ``d1`` and so on in their order, then its measures, ``m1`` and so on.
A column of the view that has one of the query's own names is ``c_`` and its name within. A ratio is one of sums over
the group. Names come from the model, which has checked them, and are quoted all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal

from lakelanes.dashboards.model import Dataset, Dimension, Filter, Measure, Visual
from lakelanes.dashboards.view_columns import DATES, NUMBERS, Columns
from lakelanes.names import sql_identifier, sql_string

# Groups of an answer; what draws them says when there are more. A figure needs its last periods alone.
MAX_GROUPS = 2000
_PERIODS_OF_A_FIGURE = 2
_OWN_NAMES = re.compile(r"d\d+|m\d+|is_last|is_last_of_value|top_value|top_measure|c_.*")


def visual_sql(database: str, visual: Visual, dataset: Dataset, columns: Columns, *, limit: int = MAX_GROUPS) -> str:
    """The query of a visual. ``columns``: of the dataset's view. At most one group more than ``limit`` is asked for."""
    with_rows, from_rows = _rows(database, visual, dataset, columns)
    names = [f"d{number}" for number in range(1, len(visual.dimensions) + 1)]
    measures = [f"{measure_sql(measure)} AS m{number}" for number, measure in enumerate(visual.y, 1)]
    group_by = f"\nGROUP BY {', '.join(names)}" if names else ""
    order, most = _order(visual, columns), limit + 1
    if visual.kind == "figure":
        order, most = "\nORDER BY d1 DESC NULLS LAST" if names else "", _PERIODS_OF_A_FIGURE
    return f"{with_rows}\nSELECT {', '.join([*names, *measures])}\n{from_rows}{group_by}{order}\nLIMIT {most}"


def rows_sql(database: str, visual: Visual, dataset: Dataset, columns: Columns) -> str:
    """The rows that a visual adds up, for what adds them up by itself: those that pass its filters, of its top values.

    Their columns are the visual's dimensions, d1 and so on, and what ``measure_sql`` reads.
    """
    with_rows, from_rows = _rows(database, visual, dataset, columns)
    return f"{with_rows}\nSELECT grouped.*\n{from_rows}"


def _rows(database: str, visual: Visual, dataset: Dataset, columns: Columns) -> tuple[str, str]:
    """The clauses WITH and FROM of both."""
    dimensions = visual.dimensions
    table = f"{sql_identifier(database)}.{sql_identifier(dataset.view)}"
    tests = list(filter_tests(visual.filters, columns))
    where = f"\n  WHERE {' AND '.join(tests)}" if tests else ""
    groups = [f"{grouped_sql(one)} AS d{number}" for number, one in enumerate(dimensions, 1)]
    operands = sorted({column for measure in visual.y for _, column in measure.operands})
    listed = [*groups, *map(_listed, operands)]
    if any(measure.aggregation == "last" for measure in visual.y):
        listed.append(f"{_is_last(dataset, dimensions)} AS is_last")
        if visual.topped and visual.y[0].aggregation == "last":
            # A value's last date, by which it is ranked, may not be that of each of its groups.
            listed.append(f"{_is_last(dataset, visual.topped)} AS is_last_of_value")
    inner = f"SELECT {', '.join(listed) or '1 AS one'}\n  FROM {table}{where}"
    joined = ""
    with_top = ""
    for number, one in enumerate(dimensions, 1):
        if one.top:
            direction = "ASC" if one.sort == "smallest_first" else "DESC"
            total = measure_sql(visual.y[0], "is_last_of_value")
            with_top = (
                f",\ntop_values AS (\n  SELECT d{number} AS top_value, {total} AS top_measure\n"
                f"  FROM grouped GROUP BY d{number}\n  ORDER BY 2 {direction} NULLS LAST, 1 LIMIT {one.top}\n)"
            )
            joined = f"\nJOIN top_values ON d{number} IS NOT DISTINCT FROM top_value"
    return f"WITH grouped AS (\n  {inner}\n){with_top}", f"FROM grouped{joined}"


def view_sql(database: str, view: str, *, limit: int = MAX_GROUPS) -> str:
    """The query of a view that no dashboard draws: its first rows."""
    return f"SELECT * FROM {sql_identifier(database)}.{sql_identifier(view)} LIMIT {limit + 1}"


def measure_sql(measure: Measure, is_last: str = "is_last", *, of_view: bool = False) -> str:
    """A measure of a group's rows, as an expression over their columns; is_last: the one that marks the last rows.

    of_view: over the columns of the view itself, which has none that marks the last rows.
    """
    named = sql_identifier if of_view else _operand
    column = named(measure.column) if measure.column else ""
    match measure.aggregation:
        case "sum":
            return f"sum({column})"
        case "count":
            return f"count({column or '*'})"
        case "distinct":
            return f"count(DISTINCT {column})"
        case "average":
            # Of decimals Athena would round the average to their digits.
            return f"avg(CAST({column} AS double))"
        case "minimum":
            return f"min({column})"
        case "maximum":
            return f"max({column})"
        case "last":
            return f"sum({column}) FILTER (WHERE {is_last})"
        case "weighted_average":
            weight = named(measure.weight or "")
            product = f"CAST({column} AS double) * CAST({weight} AS double)"
            weights = f"sum(CAST({weight} AS double)) FILTER (WHERE {column} IS NOT NULL)"
            return f"sum({product}) / nullif({weights}, 0)"
        case "ratio_of_sums":
            above, below = (named(name or "") for name in (measure.numerator, measure.denominator))
            return f"CAST(sum({above}) AS double) / nullif(CAST(sum({below}) AS double), 0)"


def operand_name(column: str) -> str:
    """What a column of the view is called among the rows of ``rows_sql``."""
    return f"c_{column}" if _OWN_NAMES.fullmatch(column) else column


def _operand(column: str) -> str:
    return sql_identifier(operand_name(column))


def _listed(column: str) -> str:
    own, name = sql_identifier(column), _operand(column)
    return own if name == own else f"{own} AS {name}"


def _is_last(dataset: Dataset, dimensions: Iterable[Dimension]) -> str:
    """Whether a row is of the last date of its group; where a group has no date, each of its rows is."""
    at, grouped = sql_identifier(dataset.date_column or ""), ", ".join(map(grouped_sql, dimensions))
    return f"{at} IS NOT DISTINCT FROM max({at}) OVER ({f'PARTITION BY {grouped}' if grouped else ''})"


def grouped_sql(dimension: Dimension, table: str = "") -> str:
    """The value by which rows are grouped: the column, or the start of the period that it lies in.

    table: the name that stands before the column's, where that alone could be another's.
    """
    column = f"{sql_identifier(table)}." * bool(table) + sql_identifier(dimension.column)
    if dimension.unit is None:
        return column
    cut = f"date_trunc('{dimension.unit}', {column})"
    return cut if dimension.unit == "hour" else f"CAST({cut} AS date)"


def filter_tests(filters: tuple[Filter, ...], columns: Columns) -> Iterator[str]:
    """The conditions of a visual's filters, over the columns of its view."""
    for one in filters:
        column = sql_identifier(one.column)
        kind = columns[one.column]
        for values, negated in ((one.in_, False), (one.not_in, True)):
            if values is not None:
                listed = ", ".join(_literal(value, kind) for value in values)
                yield f"({column} IS NULL OR {column} NOT IN ({listed}))" if negated else f"{column} IN ({listed})"
        if one.from_ is not None:
            yield f"{column} >= {_literal(one.from_, kind)}"
        if isinstance(one.to, date):
            # Of a timestamp, the whole day.
            yield f"CAST({column} AS date) <= {_literal(one.to, 'date')}"
        elif one.to is not None:
            yield f"{column} <= {_literal(one.to, kind)}"
        if one.last_days:
            yield f"{column} >= date_add('day', {1 - one.last_days}, current_date)"


def _literal(value: str | int | bool | date | Decimal, kind: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date) or kind in ("date", "timestamp"):
        return f"DATE {sql_string(str(value))}"
    if kind in NUMBERS:
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    return sql_string(str(value))


def _order(visual: Visual, columns: Columns) -> str:
    """In which order groups are asked for: that of the visual, but that of a chart over time the newest come first, for
    more than MAX_GROUPS are cut off. What draws them sorts them anew."""
    terms = []
    by_measure = []
    for number, one in enumerate(visual.dimensions, 1):
        match sort_of(visual, one, columns):
            case "ascending" if one is visual.x and columns[one.column] in DATES:
                terms.append(f"d{number} DESC NULLS LAST")
            case "ascending":
                terms.append(f"d{number} NULLS LAST")
            case "descending":
                terms.append(f"d{number} DESC NULLS LAST")
            case "largest_first":
                by_measure.append("m1 DESC NULLS LAST")
                terms.append(f"d{number} NULLS LAST")
            case "smallest_first":
                by_measure.append("m1 NULLS LAST")
                terms.append(f"d{number} NULLS LAST")
    # With a series the measure of a single group says nothing of the bar: what draws it sorts the bars by their sums.
    if by_measure and visual.series is None:
        terms = [*by_measure, *terms]
    return f"\nORDER BY {', '.join(terms)}" if terms else ""


def sort_of(visual: Visual, dimension: Dimension, columns: Columns) -> str:
    """How a dimension's values are sorted: as its ``sort`` says, else the texts of a bar by size, all else by value."""
    if dimension.sort:
        return dimension.sort
    is_bar_text = visual.kind in ("bar", "stacked_bar") and columns[dimension.column] in ("text", "boolean")
    return "largest_first" if is_bar_text and (dimension is visual.x or dimension.top) else "ascending"
