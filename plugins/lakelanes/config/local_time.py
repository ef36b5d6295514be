"""What the clocks of a time zone show at a moment, and when they show it: the one place that knows of clock changes.

Clocks that go forward skip local times; clocks that go back show some twice. Whatever begins or ends at a local time,
the ticks of a cron schedule included, does so by one rule: a local time *has passed* at the first moment after which no
clock shows an earlier one. So a time that is skipped has passed when the clocks go forward, and one that comes twice
has passed when it comes for the second time. With that rule later local times never pass before earlier ones, and each
passes once, whatever the zone does.

Which of two moments is meant is Python's ``fold`` (https://peps.python.org/pep-0495/): it tells a time that is skipped,
for which the first moment is after the second, from one that comes twice, for which it is before.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)


def local_time(moment: datetime, timezone: str) -> datetime:
    """What clocks show at ``moment`` (aware): naive, with ``fold`` 1 where they show it for the second time."""
    return moment.astimezone(ZoneInfo(timezone)).replace(tzinfo=None)


def begins_at(local: datetime, timezone: str) -> datetime:
    """The first moment (UTC) at which clocks show ``local`` (naive) or a later time."""
    first, second = _moments(local, timezone)
    return first if first <= second else _change(local, timezone)


def passed_at(local: datetime, timezone: str) -> datetime:
    """The moment (UTC) at which ``local`` (naive) has passed: from then on clocks show it or later times only."""
    first, second = _moments(local, timezone)
    if first > second:
        return _change(local, timezone)
    # The earliest of the times that come twice has passed at once: what is shown after it is later.
    is_again = first < second and local_time(second - _SECOND, timezone) < local
    return second if is_again else first


def is_skipped(local: datetime, timezone: str) -> bool:
    """Whether clocks never show ``local`` (naive), for they went forward over it."""
    first, second = _offsets(local, timezone)
    return first < second


# A calendar asks for hundreds of them, and when it is shown again for the same ones.
@lru_cache(maxsize=8192)
def next_tick(schedule: str, timezone: str, time: datetime) -> datetime:
    """The first tick of a cron schedule at ``time`` (aware) or after it, in UTC.

    A tick is when a time that the schedule names has passed: one that is skipped ticks when the clocks go forward, one
    that comes twice ticks once, the second time.
    """
    # Airflow brings it; the function of the low-latency lane, which computes no deadlines, does without.
    from croniter import croniter

    start = time.astimezone(UTC)
    shown = local_time(start - _SECOND, timezone)
    first, second = _offsets(shown, timezone)
    if first > second and not shown.fold:
        # What is shown for the first time comes again, and with it times that are earlier than this one.
        shown -= first - second
    ticks = croniter(schedule, shown.replace(fold=0))
    while (tick := passed_at(ticks.get_next(datetime), timezone)) < start:
        pass
    return tick


@lru_cache(maxsize=1024)
def previous_tick(schedule: str, timezone: str, time: datetime) -> datetime:
    """The last tick of a cron schedule at ``time`` (aware) or before it, in UTC."""
    from croniter import croniter

    start = time.astimezone(UTC).replace(microsecond=0)
    ticks = croniter(schedule, local_time(start, timezone).replace(fold=0) + _SECOND)
    while (tick := passed_at(ticks.get_prev(datetime), timezone)) > start:
        pass
    return tick


def _offsets(local: datetime, timezone: str) -> tuple[timedelta, timedelta]:
    """By how much clocks that show ``local`` are ahead of UTC, the first time and the second."""
    zone = ZoneInfo(timezone)
    first, second = (local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    assert first is not None and second is not None
    return first, second


def _moments(local: datetime, timezone: str) -> tuple[datetime, datetime]:
    """When clocks show ``local``, the first time and the second, in UTC."""
    first, second = _offsets(local, timezone)
    named = local.replace(tzinfo=UTC, fold=0)
    return named - first, named - second


def _change(local: datetime, timezone: str) -> datetime:
    """When the clocks go forward over ``local``, which they never show."""
    after, before = _moments(local, timezone)
    while after - before > _SECOND:
        between = before + timedelta(seconds=(after - before) // _SECOND // 2)
        if local_time(between, timezone) < local:
            before = between
        else:
            after = between
    return after
