"""The DAX of measures, beside the SQL of ``dashboards.queries``: the same numbers, of the rows that filters leave.

Where a group has no row DAX gives blank, and visuals leave blanks out, as a GROUP BY has no such group. Variables begin
with an underscore, for none may have a table's name.
"""

from __future__ import annotations

from dataclasses import dataclass

from lakelanes.dashboards.model import Measure, Unit
from lakelanes.dashboards.powerbi.quoting import dax_column, dax_measure, dax_table

_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True)
class Figure:
    """The expressions of a figure: its value, its period, what it was a period before, and the change."""

    value: str
    period: str
    before: str
    change: str


def measure_dax(measure: Measure, table: str, date_column: str | None) -> str:
    """A measure as DAX over its dataset's table."""

    def of(name: str | None) -> str:
        return dax_column(table, name or "")

    column = of(measure.column)
    match measure.aggregation:
        case "sum":
            return f"SUM({column})"
        case "count":
            return f"COUNTA({column})" if measure.column else f"COUNTROWS({dax_table(table)})"
        case "distinct":
            return f"DISTINCTCOUNTNOBLANK({column})"
        case "average":
            return f"AVERAGE({column})"
        case "minimum":
            return f"MIN({column})"
        case "maximum":
            return f"MAX({column})"
        case "last":
            at = of(date_column)
            # Strictly equal, for rows that have no date.
            return f"VAR _NewestDate = MAX({at})\nRETURN CALCULATE(SUM({column}), KEEPFILTERS({at} == _NewestDate))"
        case "weighted_average":
            weight, rows = of(measure.weight), dax_table(table)
            weights = f"SUMX({rows}, IF(NOT ISBLANK({column}), {weight}))"
            return f"DIVIDE(SUMX({rows}, {column} * {weight}), {weights})"
        case "ratio_of_sums":
            return f"DIVIDE(SUM({of(measure.numerator)}), SUM({of(measure.denominator)}))"


def start_of(unit: Unit, at: str) -> str:
    """The start of the period in which a date or timestamp lies; weeks begin on Monday."""
    day = f"DATE(YEAR({at}), MONTH({at}), DAY({at}))"
    match unit:
        case "hour":
            return f"{day} + TIME(HOUR({at}), 0, 0)"
        case "day":
            return day
        case "week":
            # Of type 2 Monday is 1 (https://learn.microsoft.com/en-us/dax/weekday-function-dax).
            return f"{day} - WEEKDAY({at}, 2) + 1"
        case "month":
            return f"DATE(YEAR({at}), MONTH({at}), 1)"
        case "quarter":
            return f"DATE(YEAR({at}), 3 * QUARTER({at}) - 2, 1)"
        case "year":
            return f"DATE(YEAR({at}), 1, 1)"


def period_column(unit: Unit, table: str, column: str) -> str:
    """A calculated column with the start of each row's period."""
    at = dax_column(table, column)
    # Of a blank YEAR would be 1899.
    return f"IF(NOT ISBLANK({at}), {start_of(unit, at)})"


def figure(measure: Measure, name: str, unit: Unit, table: str, column: str, names: tuple[str, str]) -> Figure:
    """The expressions of a figure over the measure ``name``, by the periods of ``column``.

    column: for hours, one that is cut to hours. names: of the measures for its value and the one before.
    """
    at, value = dax_column(table, column), dax_measure(name)
    last = f"VAR _NewestDate = MAX({at})\nVAR _PeriodStart = {start_of(unit, '_NewestDate')}\n"

    def between(first: str, end: str) -> str:
        wanted = f"CALCULATE({value}, KEEPFILTERS({at} >= {first} && {at} < {end}))"
        return f"{last}RETURN IF(NOT ISBLANK(_NewestDate), {wanted})"

    this, before = map(dax_measure, names)
    difference = "_Value - _ValueBefore"
    change = f"100 * ({difference})" if measure.format == "percent" else f"DIVIDE({difference}, ABS(_ValueBefore))"
    return Figure(
        value=between(_moved(unit, 0), _moved(unit, 1)),
        period=f"{last}RETURN IF(NOT ISBLANK(_NewestDate), _PeriodStart)",
        before=between(_moved(unit, -1), _moved(unit, 0)),
        change=f"VAR _Value = {this}\nVAR _ValueBefore = {before}\n"
        f"RETURN IF(NOT ISBLANK(_Value) && NOT ISBLANK(_ValueBefore), {change})",
    )


def calendar(dates: list[str]) -> str:
    """The days, of whole years, in which all of these columns' dates lie (at least one column)."""
    first, last = (", ".join(f"{pick}({date})" for date in dates) for pick in ("MIN", "MAX"))
    return (
        f"VAR _FirstDay = COALESCE(MINX({{{first}}}, [Value]), TODAY())\n"
        f"VAR _LastDay = COALESCE(MAXX({{{last}}}, [Value]), TODAY())\n"
        "RETURN CALENDAR(DATE(YEAR(_FirstDay), 1, 1), DATE(YEAR(_LastDay), 12, 31))"
    )


def _moved(unit: Unit, by: int) -> str:
    """_PeriodStart, so many periods later.

    Of hours half an hour before: their starts are fractions of a day, which sums do not hit exactly.
    """
    if unit == "hour":
        shift = {-1: "- TIME(1, 30, 0)", 0: "- TIME(0, 30, 0)", 1: "+ TIME(0, 30, 0)"}[by]
        return f"_PeriodStart {shift}"
    if by == 0:
        return "_PeriodStart"
    if unit in _DAYS:
        return f"_PeriodStart {'+' if by > 0 else '-'} {_DAYS[unit]}"
    return f"EDATE(_PeriodStart, {by * _MONTHS[unit]})"
