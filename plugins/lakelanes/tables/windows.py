"""Which stretches of time a table's exports cover: one full export, then windows without a hole between them.

The base is the moment of the full export. From there on windows end on a grid that is counted from midnight UTC, so
that neither daylight saving nor the run that plans them changes them; the first is longer or shorter than the others
where the base is not on the grid. DynamoDB's rules: a window is 15 minutes to 24 hours long, its start is included and
its end is not, and all of it lies in what point-in-time recovery holds
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport_Requesting.html).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MIN_WINDOW = timedelta(minutes=15)
MAX_WINDOW = timedelta(hours=24)
_MINUTE = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The value of the partition column `window`, and of times in the ledger's keys: it sorts as the time does.
_FORM = "%Y%m%dT%H%MZ"


@dataclass(frozen=True, order=True)
class Window:
    """A stretch of time, start included, end excluded; whole minutes in UTC."""

    start: datetime
    end: datetime

    @property
    def value(self) -> str:
        """Value of the partition column ``window``."""
        return minute_text(self.start)

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%dT%H:%MZ} to {self.end:%Y-%m-%dT%H:%MZ}"


def minute_text(moment: datetime) -> str:
    """A whole minute as the lake writes it in names: ``20240315T1045Z``."""
    return moment.astimezone(UTC).strftime(_FORM)


def parse_minute(text: str) -> datetime:
    """The inverse of ``minute_text``; ValueError for text of another form."""
    return datetime.strptime(text, _FORM).replace(tzinfo=UTC)


def floor_minute(moment: datetime) -> datetime:
    """The whole minute that ``moment`` is in, in UTC."""
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def ceil_minute(moment: datetime) -> datetime:
    """The first whole minute that is not before ``moment``, in UTC."""
    floor = floor_minute(moment)
    return floor if floor == moment else floor + _MINUTE


def next_window(start: datetime, minutes: int) -> Window:
    """The window that follows what ends at ``start``, for windows of ``minutes``.

    It ends on the first point of the grid that is 15 minutes away or more; halfway where that is more than a day away.
    """
    step = timedelta(minutes=minutes)
    end = _EPOCH + -((_EPOCH - start - MIN_WINDOW) // step) * step
    if end - start > MAX_WINDOW:
        end = start + MAX_WINDOW / 2
    return Window(start, floor_minute(end))


def consecutive_windows(
    base: datetime, known: Mapping[datetime, Window], minutes: int, until: datetime
) -> Iterator[Window]:
    """Windows from ``base`` on without a hole between them, up to the last one that ends by ``until``.

    known: windows that were planned before, by their start. They stay as they are when the configured length changes.
    """
    start = base
    while True:
        window = known.get(start) or next_window(start, minutes)
        if window.end > until:
            return
        yield window
        start = window.end


def backfill_windows(earliest: datetime, base: datetime, period: Window, minutes: int) -> list[Window]:
    """Windows before ``base`` whose end on the grid is in ``period`` (its end included), from ``earliest`` on.

    earliest: what recovery holds. The first and the last window are cut to earliest and base, as no other window
    depends on them; a window of which less than 15 minutes are left is left out.
    """
    step = timedelta(minutes=minutes)
    end = _EPOCH + ((period.start - _EPOCH) // step + 1) * step
    found = []
    while end <= period.end and end - step < base:
        window = Window(max(end - step, ceil_minute(earliest)), min(end, base))
        if window.end - window.start >= MIN_WINDOW:
            found.append(window)
        end += step
    return found
