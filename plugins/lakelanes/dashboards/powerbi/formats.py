"""Format strings of Power BI (https://learn.microsoft.com/en-us/power-bi/create-reports/desktop-custom-format-strings)."""

from __future__ import annotations

from lakelanes.dashboards.model import Measure, Unit
from lakelanes.dashboards.view_columns import ColumnKind, Columns

_DATES: dict[ColumnKind, str] = {"date": "yyyy-mm-dd", "timestamp": "yyyy-mm-dd hh:nn:ss"}
_PERIODS: dict[Unit, str] = {
    "hour": "yyyy-mm-dd hh:nn",
    "day": "yyyy-mm-dd",
    "week": "yyyy-mm-dd",
    "month": "yyyy-mm",
    "quarter": r"yyyy \Qq",
    "year": "yyyy",
}


def measure_format(measure: Measure, columns: Columns) -> str:
    """How a measure's values are shown: '1,234.50 CHF', '12.5 %', or a date, as on the Lake page."""
    kind = columns[measure.column] if measure.column else "unknown"
    if measure.aggregation in ("minimum", "maximum") and kind in _DATES:
        return _DATES[kind]
    digits = number_digits(measure.decimals)
    if measure.format == "percent":
        # The sign multiplies by 100.
        return f"{digits} %"
    return f"{digits} {quoted(measure.unit)}" if measure.unit else digits


def change_format(measure: Measure) -> str:
    """Of a figure's change: with its sign; of percentages the difference in points, of others relative."""
    digits = number_digits(measure.decimals) + ' "points"' if measure.format == "percent" else f"{number_digits(1)} %"
    return f"+{digits};-{digits};{digits}"


def column_format(kind: ColumnKind) -> str | None:
    """How a column's values are shown; None where Power BI's own way will do."""
    return _DATES.get(kind) or ("0" if kind == "whole" else None)


def period_format(unit: Unit) -> str:
    """How the start of a period is shown."""
    return _PERIODS[unit]


def number_digits(decimals: int) -> str:
    return "#,0" + (f".{'0' * decimals}" if decimals else "")


def quoted(text: str) -> str:
    """A text within a format string: in quotes; a quote itself outside of them, after a backslash."""
    parts = text.split('"')
    return r"\"".join(f'"{part}"' if part else "" for part in parts)
