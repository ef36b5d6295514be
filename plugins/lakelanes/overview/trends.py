"""How many rows came lately: what a card of the page draws as bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakelanes.tables.ledger import Export

# How many periods of an entity, the newest last, by what a period is.
PERIODS = {"hour": 48, "day": 30, "month": 24, "year": 10}
# Of a table, whose windows are added up by the day; days are UTC.
DAYS = 14
# As many windows are read: 14 days of hours, or 3 of quarters of an hour.
MOST_WINDOWS = 336


@dataclass(frozen=True)
class Point:
    """A period (or, of a table, a day: 2024-03-15), its rows, and the state of its cell in the calendar: of a table
    failed when one of the day's exports is, else loaded, or none for a day without an export."""

    period: str
    rows: int
    state: str


def of_table(exports: Sequence[Export], today: date) -> tuple[Point, ...]:
    """The changes of a table by the day on which their window began, up to today.

    exports: the newest, MOST_WINDOWS at most. The days before the first of them are left out, and its own where there
    may be more of that day.
    """
    rows: dict[date, int] = {}
    failed: set[date] = set()
    for export in exports:
        day = export.window.start.date()
        rows[day] = rows.get(day, 0) + (export.rows or 0)
        if export.state in ("failed", "gap"):
            failed.add(day)
    days = [today - timedelta(days=number) for number in range(DAYS - 1, -1, -1)]
    first = min(rows, default=today) + timedelta(days=len(exports) == MOST_WINDOWS)
    return tuple(
        Point(day.isoformat(), rows.get(day, 0), "failed" if day in failed else "loaded" if day in rows else "none")
        for day in days
        if day >= first
    )
