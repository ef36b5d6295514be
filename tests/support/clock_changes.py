"""The clock changes of the tz database, and what clocks show around them, told from offsets alone.

Every kind of change that a zone had or will have from 1970 to 2099, by how far and at which time of day, has one
example in KINDS; tests try these. With LAKELANES_EXAMPLES=100 or more they try every change of every zone, which
takes many minutes.
"""

from __future__ import annotations

import zoneinfo
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise

import pytest

from tests.support.properties import EFFORT

EVERYTHING = EFFORT >= 100
# Of the modules whose tests try every change.
LIMIT = pytest.mark.timeout(24 * 3600 if EVERYTHING else 300)
FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
# By zone, the day in UTC in which the change is; from the longest way back to the longest way forward.
KINDS = (
    ("Antarctica/Vostok", "1994-01-31"),
    ("Antarctica/Casey", "2022-03-12"),
    ("Antarctica/Casey", "2010-03-04"),
    ("Antarctica/Casey", "2023-03-08"),
    ("Antarctica/Casey", "2018-03-10"),
    ("America/Argentina/Catamarca", "1991-03-03"),
    ("America/Goose_Bay", "1988-10-30"),
    ("Antarctica/Vostok", "2023-12-17"),
    ("Antarctica/Troll", "2027-10-31"),
    ("America/Godthab", "2027-10-31"),
    ("America/Goose_Bay", "2010-11-07"),
    ("America/Havana", "2027-11-07"),
    ("America/Adak", "2027-11-07"),
    ("Pacific/Guam", "1976-08-21"),
    ("Asia/Bishkek", "2004-10-30"),
    ("Africa/Ceuta", "2027-10-31"),
    ("Asia/Hong_Kong", "1979-10-20"),
    ("Pacific/Chatham", "2027-04-03"),
    ("Asia/Famagusta", "2027-10-31"),
    ("Asia/Baku", "2015-10-25"),
    ("Asia/Baku", "1996-10-27"),
    ("Pacific/Easter", "1981-03-15"),
    ("Pacific/Easter", "2027-04-04"),
    ("America/Godthab", "2022-10-30"),
    ("Asia/Pyongyang", "2015-08-14"),
    ("Asia/Colombo", "2006-04-14"),
    ("Australia/LHI", "2027-04-03"),
    ("America/Caracas", "2007-12-09"),
    ("Asia/Kathmandu", "1985-12-31"),
    ("Pacific/Pitcairn", "1998-04-27"),
    ("Australia/LHI", "2027-10-02"),
    ("America/Caracas", "2016-05-01"),
    ("Asia/Pyongyang", "2018-05-04"),
    ("Pacific/Kiritimati", "1979-10-01"),
    ("Africa/Monrovia", "1972-01-07"),
    ("America/Guyana", "1975-08-01"),
    ("America/Santiago", "2027-09-05"),
    ("Asia/Gaza", "2011-03-31"),
    ("Atlantic/Canary", "2027-03-28"),
    ("Australia/Adelaide", "2027-10-02"),
    ("Asia/Bishkek", "2005-03-26"),
    ("Pacific/Chatham", "2027-09-25"),
    ("Asia/Famagusta", "2027-03-28"),
    ("Asia/Hong_Kong", "1979-05-12"),
    ("Asia/Baku", "2015-03-29"),
    ("Asia/Baku", "1996-03-31"),
    ("Europe/Athens", "1979-04-01"),
    ("Africa/Juba", "2000-01-15"),
    ("Pacific/Easter", "1981-10-11"),
    ("Pacific/Easter", "2027-09-05"),
    ("America/Godthab", "2027-03-28"),
    ("America/Montevideo", "1974-01-13"),
    ("America/Argentina/Mendoza", "1992-10-18"),
    ("America/Goose_Bay", "1988-04-03"),
    ("Antarctica/Troll", "2027-03-28"),
    ("Europe/Simferopol", "2014-03-30"),
    ("Antarctica/Casey", "2016-10-21"),
    ("Antarctica/Casey", "2022-10-01"),
    ("Antarctica/Casey", "2011-10-27"),
    ("Antarctica/Casey", "2019-10-03"),
    ("Antarctica/Casey", "2018-10-06"),
    ("Antarctica/Vostok", "1994-11-01"),
    ("Pacific/Fakaofo", "2011-12-30"),
)


@dataclass(frozen=True)
class Clocks:
    """What clocks of a zone show: from each of ``starts`` on they are ahead of UTC by the offset at the same place."""

    zone: str
    starts: tuple[datetime, ...]
    offsets: tuple[timedelta, ...]

    def changes(self, first: datetime = FIRST, last: datetime = LAST) -> list[datetime]:
        """The changes from a moment to before another one."""
        return [start for start in self.starts[1:] if first <= start < last]

    def step(self, change: datetime) -> timedelta:
        """By how much clocks go forward at a change."""
        place = self.starts.index(change)
        return self.offsets[place] - self.offsets[place - 1]

    def shown(self, moment: datetime) -> datetime:
        """The local time (naive) at a moment."""
        place = max(bisect_right(self.starts, moment) - 1, 0)
        return (moment + self.offsets[place]).replace(tzinfo=None)

    def begins(self, local: datetime) -> datetime:
        """The first moment at which clocks show a local time or a later one."""
        named = local.replace(tzinfo=UTC)
        for start, end, offset in self._near(named):
            if max(start, named - offset) < end:
                return max(start, named - offset)
        raise AssertionError(local)

    def passed(self, local: datetime) -> datetime:
        """The last moment up to which clocks show something earlier than a local time."""
        named = local.replace(tzinfo=UTC)
        return max(min(end, named - offset) for start, end, offset in self._near(named) if named - offset > start)

    def _near(self, named: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
        """The stretches with one offset within two days of a time: begin, end, offset."""
        first = max(bisect_right(self.starts, named - 2 * _DAY) - 1, 0)
        for place in range(first, len(self.starts)):
            if place and self.starts[place] > named + 2 * _DAY:
                return
            end = self.starts[place + 1] if place + 1 < len(self.starts) else LAST + 900 * _DAY
            yield (self.starts[place] if place else FIRST - 900 * _DAY), end, self.offsets[place]


@lru_cache(maxsize=1)
def tried() -> list[tuple[Clocks, list[datetime]]]:
    """Clocks, each with the changes to try; zones whose clocks have agreed since 1970 are one."""
    if EVERYTHING:
        every = {(found.starts, found.offsets): found for found in map(clocks, sorted(zoneinfo.available_timezones()))}
        return [(found, found.changes()) for found in every.values()]
    chosen = []
    for zone, day in KINDS:
        begin = datetime.fromisoformat(day).replace(tzinfo=UTC)
        found = clocks(zone, begin - 1200 * _DAY, begin + 1200 * _DAY)
        chosen.append((found, found.changes(begin, begin + _DAY)))
    return chosen


@lru_cache(maxsize=1)
def by_kind() -> list[tuple[Clocks, list[datetime]]]:
    """Of the changes to try those that differ in how far and at which time of day clocks go, on which day of the week,
    and in whether a month or a year begins near by: in all that a schedule can depend on."""
    seen = set()
    found = []
    for one, changes in tried():
        new = []
        for change in changes:
            before = one.shown(change - timedelta(seconds=1)) + timedelta(seconds=1)
            kind = (
                one.step(change),
                before.time(),
                before.weekday(),
                before.day in (1, 2, 27, 28, 29, 30, 31),
                before.month in (1, 12),
            )
            if kind not in seen:
                seen.add(kind)
                new.append(change)
        found.append((one, new))
    return found


def chosen(schedules: Sequence[str | None], number: int) -> Sequence[str | None]:
    """The schedules to try at the change of this number: all where changes are one of each kind; else the first, which
    is the default, and at each tenth change one of the others."""
    if not EVERYTHING:
        return schedules
    others = schedules[1:]
    return [schedules[0], *([others[number // 10 % len(others)]] if number % 10 == 0 else [])]


def clocks(zone: str, first: datetime = FIRST - 30 * _DAY, last: datetime = LAST) -> Clocks:
    """The clocks of a zone between two moments, looked at once a day; no zone changes them twice in a day."""
    info = zoneinfo.ZoneInfo(zone)

    def offset(moment: datetime) -> timedelta:
        found = moment.astimezone(info).utcoffset()
        assert found is not None
        return found

    starts, offsets = [first], [offset(first)]
    moment = first
    while moment < last:
        before, moment = moment, moment + _DAY
        if (found := offset(moment)) != offsets[-1]:
            after = moment
            while after - before > timedelta(seconds=1):
                between = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
                if offset(between) == found:
                    after = between
                else:
                    before = between
            starts.append(after)
            offsets.append(found)
    return Clocks(zone, tuple(starts), tuple(offsets))


@dataclass(frozen=True)
class Expected:
    """A period, and when it begins, is over, and is due by a schedule; told from offsets."""

    name: str
    begin: datetime
    end: datetime
    due: datetime


def expected(
    clocks: Clocks, starts: list[datetime], forms: str, schedule: str | None, latest: datetime
) -> list[Expected]:
    """The periods that begin at these local times, the last of which is the end of the one before; those that clocks
    show, and whose runs are due by ``latest``.

    schedule: None for runs that start when their period is over.
    """
    ticks: list[datetime] = []
    if schedule is not None:
        ticks = sorted({clocks.passed(tick) for tick in cron(schedule, starts[0], clocks.shown(latest) + _DAY)})
    found = []
    for start, following in pairwise(starts):
        begin, end = clocks.begins(start), clocks.passed(following)
        place = bisect_left(ticks, end)
        if schedule is not None and place == len(ticks):
            continue  # due after all that is looked at
        due = end if schedule is None else ticks[place]
        if clocks.shown(begin) < following and due <= latest:
            found.append(Expected(start.strftime(forms), begin, end, due))
    return found


def cron(schedule: str, first: datetime, last: datetime) -> list[datetime]:
    """The local times of a cron schedule of numbers, in order, on the days from one to another, both included."""
    minutes, hours, days, months, weekdays = map(_numbers, schedule.split(), (0, 0, 1, 1, 0), (59, 23, 31, 12, 6))
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    return [
        day.replace(hour=hour, minute=minute)
        for day in (midnight + step * _DAY for step in range((last - midnight) // _DAY + 1))
        if day.day in days and day.month in months and day.isoweekday() % 7 in weekdays
        for hour in hours
        for minute in minutes
    ]


def _numbers(field: str, low: int, high: int) -> list[int]:
    span, _, step = field.partition("/")
    first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
    return list(range(int(first), int(last or first) + 1, int(step or 1)))


def starts_of(grain: str, first: datetime, last: datetime) -> list[datetime]:
    """The local times at which periods begin, from the one that holds ``first`` to beyond ``last``."""
    first = first.replace(minute=0, second=0, microsecond=0)
    if grain == "hour":
        return [first + timedelta(hours=step) for step in range((last - first) // timedelta(hours=1) + 3)]
    first = first.replace(hour=0)
    if grain == "day":
        return [first + step * _DAY for step in range((last - first) // _DAY + 3)]
    if grain == "month":
        months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month + 1)
        return [datetime(month // 12, month % 12 + 1, 1) for month in months]
    return [datetime(year, 1, 1) for year in range(first.year, last.year + 2)]
