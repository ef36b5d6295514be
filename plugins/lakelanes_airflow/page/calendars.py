"""How a calendar's periods are laid out: as the weeks of each month, as days by hours, or as years by months.

A long time in which everything is missing is folded: one line says from when to when, and how much.
"""

from __future__ import annotations

import calendar
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import groupby

from lakelanes.config.deadlines import following, period_at
from lakelanes.config.model import Entity
from lakelanes.ledger.summaries import Summary
from lakelanes.overview.files import Cell
from lakelanes.overview.standing import CellState

# From so many periods on that are missing one after the other their months, days or years are folded.
_FOLDED = {"hour": 72, "day": 35, "month": 24, "year": 20}
_HEATS = 5
WEEKDAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")


@dataclass(frozen=True)
class Grid:
    """A table of cells; None where there is no such day. ``headings`` of its columns, ``labels`` of its rows."""

    title: str
    headings: tuple[str, ...]
    labels: tuple[str, ...]
    rows: list[list[Cell | None]]


@dataclass(frozen=True)
class Run:
    """Periods of one state that follow each other. rejects: rejected rows of periods that are otherwise in order."""

    first: str
    last: str
    count: int
    state: CellState
    rejects: int = 0


@dataclass(frozen=True)
class Fold:
    """What is left out of a calendar until somebody unfolds it: nothing of it came. run: all of what is missing there,
    of which the grids beside this one may show the ends."""

    run: Run
    grids: list[Grid]


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


def blocks(entity: Entity, span: Span, cells: Sequence[Cell]) -> list[Grid | Fold]:
    """The cells of a span as tables, in order, with folds for long times of which all is missing; a year of days leaves
    out the months that have no file and expect none."""
    grain = entity.partition_grain
    parts = _months(cells) if grain == "day" else _rows(span, str(grain), cells)
    long_run = {
        cell.period: run
        for run in runs(cells)
        if run.count >= _FOLDED[str(grain)]
        for cell in cells
        if run.first <= cell.period <= run.last
    }

    def fold_of(part: Grid) -> Run | None:
        own = [cell for row in part.rows for cell in row if cell and cell.state != "none"]
        return long_run.get(own[0].period) if own and all(cell.state == "missing" for cell in own) else None

    found: list[Grid | Fold] = []
    for run, group in groupby(parts, key=fold_of):
        own = list(group)
        together = own if grain == "day" else [_joined(own)]
        found += [Fold(run, together)] if run else together
    return found


def runs(cells: Sequence[Cell]) -> list[Run]:
    """Periods of one state that follow each other, in order; those with rejected rows stand by themselves."""

    def kind(cell: Cell) -> tuple[CellState, str]:
        return cell.state, cell.period if has_rejects(cell) else ""

    found = []
    for (state, _), group in groupby(cells, key=kind):
        own = list(group)
        rejects = own[0].counts.rows_bad if has_rejects(own[0]) else 0
        found.append(Run(own[0].period, own[-1].period, len(own), state, rejects))
    return found


def has_rejects(cell: Cell) -> bool:
    """Whether a period has rejected rows though none of its files was refused: its state does not say it."""
    return cell.counts.rows_bad > 0 and cell.state not in ("rejected", "failed")


def notable(cells: Sequence[Cell]) -> list[Run]:
    """What somebody may want to look at, newest first: what is missing, refused or failed, and rejected rows."""
    wanted = [run for run in runs(cells) if run.rejects or run.state in ("missing", "rejected", "failed")]
    return wanted[::-1]


def tally(cells: Sequence[Cell]) -> Mapping[str, int]:
    """How many periods are in each state, and in ``rejects`` how many have rejected rows beside."""
    counts: Counter[str] = Counter(cell.state for cell in cells if cell.state != "none")
    counts["rejects"] = sum(map(has_rejects, cells))
    return counts


def heats(cells: Sequence[Cell]) -> Mapping[str, int]:
    """How many rows the periods with rows have, compared with the one that has most: 1 to _HEATS."""
    most = max((cell.counts.rows for cell in cells), default=0)
    return {cell.period: -(-_HEATS * cell.counts.rows // most) for cell in cells if cell.counts.rows > 0}


def span_text(first: str, last: str) -> str:
    """From when to when, as the lake writes periods: ``2023-01-01 to 2023-11-30``, ``2024-03-20 03:00 to 04:00``."""
    if first == last:
        return _written(first)
    is_one_day = "T" in first and first[:10] == last[:10]
    return f"{_written(first)} to {_written(last)[11:] if is_one_day else _written(last)}"


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


def told(run: Run, grain: str) -> str:
    """A run in words: ``2023-01-01 to 2023-11-30: 334 days missing``, ``2024-03-12: 3 rows rejected``."""
    if run.rejects:
        what = f"{run.rejects:,} row{'' if run.rejects == 1 else 's'} rejected"
    else:
        word = "refused" if run.state == "rejected" else run.state
        what = word if run.count == 1 else f"{run.count:,} {grain}s {word}"
    return f"{span_text(run.first, run.last)}: {what}"


def _written(period: str) -> str:
    return f"{period.replace('T', ' ')}:00" if "T" in period else period


def _months(cells: Sequence[Cell]) -> list[Grid]:
    by_period = {cell.period: cell for cell in cells}
    months = sorted({cell.period[:7] for cell in cells if cell.state != "none"})
    return [_weeks(month, by_period) for month in months]


def _rows(span: Span, grain: str, cells: Sequence[Cell]) -> list[Grid]:
    """Tables of a row each: a day of hours, a year of months, or ten years."""
    by_period = {cell.period: cell for cell in cells}
    if grain == "hour":
        title, headings = _month_name(span.name), tuple(f"{hour:02}" for hour in range(24))
        days = sorted({cell.period[:10] for cell in cells if cell.state != "none"})
        own = {day: [f"{day}T{hour}" for hour in headings] for day in days}
        names = {day: f"{datetime.strptime(day, '%Y-%m-%d'):%a %-d}" for day in own}
    elif grain == "month":
        title, headings = "Months", tuple(calendar.month_abbr[month] for month in range(1, 13))
        years = sorted({cell.period[:4] for cell in cells})
        own = {year: [f"{year}-{month:02}" for month in range(1, 13)] for year in years}
        names = {year: year for year in own}
    else:
        title, headings = "Years", tuple(str(number) for number in range(10))
        decades = sorted({cell.period[:3] for cell in cells})
        own = {decade: [f"{decade}{number}" for number in range(10)] for decade in decades}
        names = {decade: f"{decade}0s" for decade in own}
    return [Grid(title, headings, (names[row],), [[by_period.get(one) for one in own[row]]]) for row in own]


def _joined(grids: Sequence[Grid]) -> Grid:
    """Tables of the same columns as one."""
    labels = tuple(label for grid in grids for label in grid.labels)
    return Grid(grids[0].title, grids[0].headings, labels, [row for grid in grids for row in grid.rows])


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
