"""How a table's windows are laid out: a row for each day, or for each month where windows are a day long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lakelanes.config.model import Table
from lakelanes.overview.tables import TableStatus, WindowCell
from lakelanes.tables.windows import Window

_CELLS = 200
_DAY = timedelta(days=1)
_FORM = "%Y-%m-%d"


@dataclass(frozen=True)
class Span:
    """The windows that one view shows: those that start at ``first`` or later, and before ``last``.

    before, after: the last days of the views before and after it, '' for none.
    """

    name: str
    first: datetime
    last: datetime
    before: str
    after: str


@dataclass(frozen=True)
class WindowRow:
    """Windows that begin on one day, or in one month, each with the text that its cell shows."""

    title: str
    cells: list[tuple[str, WindowCell]]


def span_of(table: Table, wanted: str, stand: TableStatus, now: datetime) -> Span:
    """The days up to ``wanted`` (2024-03-15, UTC), or up to today where it is no date: as many as have about _CELLS
    windows, two at the least."""
    today = _midnight(now)
    days = min(max(_CELLS * table.export.window_minutes // 1440, 2), 56)
    end = min(_day(wanted) or today, today)
    first = end - (days - 1) * _DAY
    begun = datetime.fromisoformat(stand.base) if stand.base else now
    before = first - _DAY
    after = min(end + days * _DAY, today)
    # There can be history before the base: as far as point-in-time recovery reaches back.
    return Span(
        f"{first:%-d %B} to {end:%-d %B %Y}",
        first,
        end + _DAY,
        f"{before:{_FORM}}" if before > begun - 36 * _DAY else "",
        f"{after:{_FORM}}" if end < today else "",
    )


def window_rows(table: Table, cells: Sequence[WindowCell]) -> list[WindowRow]:
    """The windows in order, a row for each day or month that they begin in (UTC)."""
    monthly = table.export.window_minutes == 1440
    found: dict[str, list[tuple[str, WindowCell]]] = {}
    whole_hours = all(cell.window.start.minute == 0 for cell in cells)
    for cell in cells:
        start = cell.window.start
        title = f"{start:%B %Y}" if monthly else f"{start:%a %-d %b}"
        text = f"{start:%-d}" if monthly else f"{start:%H}" if whole_hours else f"{start:%H:%M}"
        found.setdefault(title, []).append((text, cell))
    return [WindowRow(title, own) for title, own in found.items()]


def window_name(window: Window) -> str:
    """A window for people: 15 March 2024, 10:00 to 11:00."""
    start, end = window.start, window.end
    if start == end:
        return f"{start:%-d %B %Y, %H:%M}"
    if end - start <= _DAY and (end.date() == start.date() or end == _midnight(end)):
        return f"{start:%-d %B %Y, %H:%M} to {'24:00' if end == _midnight(end) else f'{end:%H:%M}'}"
    return f"{start:%-d %B %Y, %H:%M} to {end:%-d %B %Y, %H:%M}"


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _day(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _FORM).replace(tzinfo=UTC)
    except ValueError:
        return None
