"""How a calendar's periods are laid out: as the weeks of each month, as days by hours, or as years by months."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from lakelanes.config.deadlines import following, period_at
from lakelanes.config.model import Entity
from lakelanes.ledger.summaries import Summary
from lakelanes.overview.files import Cell

WEEKDAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")


@dataclass(frozen=True)
class Grid:
    """A table of cells; None where there is no such day. ``headings`` of its columns, ``labels`` of its rows."""

    title: str
    headings: tuple[str, ...]
    labels: tuple[str, ...]
    rows: list[list[Cell | None]]


@dataclass(frozen=True)
class Span:
    """The periods that one view of the calendar shows, and the names of the views before and after it ('' for none)."""

    name: str
    first: str
    last: str
    before: str
    after: str


def span_of(entity: Entity, wanted: str, whole: Summary, now: datetime) -> Span:
    """The span ``wanted``: a year, or a month for an hourly entity; the last one with files where it is no such name.

    Every year is one span where a partition is a month or a year.
    """
    today = period_at(entity, now)
    first, last = min(whole.first or today, today), max(whole.last or today, today)
    grain = entity.partition_grain
    if grain in ("month", "year"):
        low, high = int(first[:4]), int(last[:4])
        low = max(low, high - 59)
        ends = ("-01", "-12") if grain == "month" else ("", "")
        return Span(f"{low} to {high}" if low < high else str(high), f"{low}{ends[0]}", f"{high}{ends[1]}", "", "")
    size = 7 if grain == "hour" else 4
    name = wanted if _is_span(wanted, size) else (whole.last or today)[:size]
    name = min(max(name, first[:size]), last[:size])
    if grain == "hour":
        start = f"{name}-01T00"
        end = following(entity, f"{_month_after(name)}-01T00", -1)
        neighbours = (_month_after(name, -1), _month_after(name))
    else:
        start, end = f"{name}-01-01", f"{name}-12-31"
        neighbours = (f"{int(name) - 1:04}", f"{int(name) + 1:04}")
    before = neighbours[0] if neighbours[0] >= first[:size] else ""
    return Span(name, start, end, before, neighbours[1] if neighbours[1] <= last[:size] else "")


def grids(entity: Entity, span: Span, cells: Sequence[Cell]) -> list[Grid]:
    """The cells of a span as tables; a year of days leaves out the months that have no file and expect none."""
    grain = entity.partition_grain
    by_period = {cell.period: cell for cell in cells}
    if grain == "hour":
        days = sorted({cell.period[:10] for cell in cells})
        hours = tuple(f"{hour:02}" for hour in range(24))
        rows = [[by_period.get(f"{day}T{hour}") for hour in hours] for day in days]
        return [Grid(_month_name(span.name), hours, tuple(day[8:] for day in days), rows)]
    if grain == "day":
        months = sorted({cell.period[:7] for cell in cells if cell.state != "none"})
        return [_weeks(month, by_period) for month in months]
    years = sorted({cell.period[:4] for cell in cells})
    if grain == "month":
        headings = tuple(calendar.month_abbr[month] for month in range(1, 13))
        rows = [[by_period.get(f"{year}-{month:02}") for month in range(1, 13)] for year in years]
        return [Grid("Months", headings, tuple(years), rows)]
    return [Grid("Years", ("",), tuple(years), [[by_period.get(year)] for year in years])]


@lru_cache(maxsize=4096)
def long_name(period: str) -> str:
    """A period for people: 15 March 2024, 09:00."""
    forms = {
        4: ("%Y", "%Y"),
        7: ("%Y-%m", "%B %Y"),
        10: ("%Y-%m-%d", "%-d %B %Y"),
        13: ("%Y-%m-%dT%H", "%-d %B %Y, %H:00"),
    }
    read, write = forms[len(period)]
    return datetime.strptime(period, read).strftime(write)


def short_name(period: str) -> str:
    """A period in its cell, whose row and column say the rest: the hour, the day, the month or the year."""
    return period.rsplit("T", 1)[-1] if "T" in period else period.rsplit("-", 1)[-1].lstrip("0") or period


def _weeks(month: str, by_period: dict[str, Cell]) -> Grid:
    weeks = calendar.Calendar().monthdatescalendar(int(month[:4]), int(month[5:]))
    rows = [
        [by_period.get(day.isoformat()) if day.isoformat()[:7] == month else None for day in week] for week in weeks
    ]
    return Grid(_month_name(month), WEEKDAYS, tuple(f"W{week[0].isocalendar().week}" for week in weeks), rows)


def _month_name(month: str) -> str:
    return datetime.strptime(month, "%Y-%m").strftime("%B %Y")


def _month_after(month: str, count: int = 1) -> str:
    number = int(month[:4]) * 12 + int(month[5:]) - 1 + count
    return f"{number // 12:04}-{number % 12 + 1:02}"


def _is_span(text: str, size: int) -> bool:
    form = "%Y-%m" if size == 7 else "%Y"
    try:
        return len(text) == size and bool(datetime.strptime(text, form))
    except ValueError:
        return False
