"""The periods of one grain in one time zone: hours, days, months or years, one after the other.

A period is written as Airflow's partition keys are, so that texts sort as time does: ``2024-03-15T09``, ``2024-03-15``.
It is the time in which clocks show its name: the day on which they change has 23 or 25 hours, the hour that comes twice
is one period of two hours, and what they skip is no period.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from lakelanes.config.local_time import begins_at, is_skipped, local_time, next_tick, passed_at, previous_tick
from lakelanes.config.model import Grain
from lakelanes.convert.partition_values import spelled

_LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Periods:
    """form: strftime form of a period's name. schedule: cron expression of when the runs of periods start; None where
    each starts when its period is over."""

    grain: Grain
    form: str
    timezone: str
    schedule: str | None = None

    def holding(self, moment: datetime) -> str:
        """The period that holds ``moment`` (aware)."""
        return spelled(local_time(moment, self.timezone), self.form)

    def named(self, local: datetime) -> str:
        """The period that holds a local time (naive)."""
        return spelled(local, self.form)

    def following(self, period: str, count: int = 1) -> str:
        """The period so many after this one on the calendar, before it for a negative count; where clocks skip that
        one, the next one in the same direction."""
        start = self._stepped(_parsed(period, self.form), count)
        while count and not self._is_shown(start):
            start = self._stepped(start, 1 if count > 0 else -1)
        return spelled(start, self.form)

    def between(self, first: str, last: str) -> Iterator[str]:
        """Every period from ``first`` to ``last``, both included."""
        if not self.exists(first):
            first = self.following(first)
        while first <= last:
            yield first
            first = self.following(first)

    def names(self, first: str, count: int) -> list[str]:
        """So many periods of the calendar from ``first`` on, those that clocks skip included."""
        start = _parsed(first, self.form)
        return [spelled(self._stepped(start, step), self.form) for step in range(count)]

    def exists(self, period: str) -> bool:
        """Whether clocks show any time of the period; not so the hour, or the whole day, over which they go forward."""
        return self._is_shown(_parsed(period, self.form))

    def starts_at(self, period: str) -> datetime:
        """When clocks show a time of the period first, in UTC. ValueError for a text that is no period's name."""
        return begins_at(_parsed(period, self.form), self.timezone)

    def ends_at(self, period: str) -> datetime:
        """When the period is over for good, in UTC."""
        return passed_at(self._stepped(_parsed(period, self.form), 1), self.timezone)

    def due_at(self, period: str) -> datetime:
        """When the run of the period starts, in UTC: at the first tick of the schedule once the period is over."""
        end = self.ends_at(period)
        return end if self.schedule is None else next_tick(self.schedule, self.timezone, end)

    def first_due(self, moment: datetime) -> str:
        """The first period whose run starts at ``moment`` (aware) or later."""
        before = moment - _MOMENT
        if self.schedule is not None:
            # Whatever was over by then started with this tick at the latest.
            before = previous_tick(self.schedule, self.timezone, before)
        period = self.holding(before)
        while self.ends_at(earlier := self.following(period, -1)) > before:
            period = earlier
        return period

    def last_due(self, moment: datetime) -> str:
        """The last period whose run has started by ``moment`` (aware)."""
        return self.following(self.first_due(moment + _MOMENT), -1)

    def _stepped(self, start: datetime, count: int) -> datetime:
        if length := _LENGTHS.get(self.grain):
            return start + count * length
        months = start.year * 12 + start.month - 1 + (count if self.grain == "month" else 12 * count)
        return datetime(months // 12, months % 12 + 1, 1)

    def _is_shown(self, start: datetime) -> bool:
        """Whether clocks show a time of the period that begins at the local time ``start``."""
        if not is_skipped(start, self.timezone):
            return True
        return local_time(begins_at(start, self.timezone), self.timezone) < self._stepped(start, 1)


@lru_cache(maxsize=4096)
def _parsed(period: str, form: str) -> datetime:
    return datetime.strptime(period, form)
