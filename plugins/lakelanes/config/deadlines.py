"""Periods of an entity (an hour, a day, a month, a year), when each is due, and until when its files may come.

A period is the date of a partition, and what one cell of a calendar shows; partitions that differ in other keys share
it. It is written as Airflow's partition keys are, so that texts sort as time does: ``2024-03-15T09``, ``2024-03-15``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from lakelanes.config.model import Entity
from lakelanes.config.partitions import Partition, partition_key
from lakelanes.convert.partition_values import spelled
from lakelanes.errors import PartitionValueError

_LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}


def period_of(entity: Entity, path: str) -> str | None:
    """The period of a partition by its path; None for one without a date."""
    if "=" not in path:
        return None
    # A folder of a configuration that is no longer.
    with suppress(PartitionValueError, KeyError):
        return partition_key(entity, Partition.from_path(path))
    return None


def start_of(entity: Entity, period: str) -> datetime:
    """When a period begins (aware, in the entity's time zone). ValueError for a text that is no period of it."""
    return _parsed(period, str(entity.partition_key_format)).replace(tzinfo=ZoneInfo(entity.timezone))


@lru_cache(maxsize=4096)
def _parsed(period: str, form: str) -> datetime:
    return datetime.strptime(period, form)


def period_at(entity: Entity, time: datetime) -> str:
    """The period that holds ``time`` (aware)."""
    return spelled(time.astimezone(ZoneInfo(entity.timezone)), str(entity.partition_key_format))


def following(entity: Entity, period: str, count: int = 1) -> str:
    """The period so many after this one; before it for a negative count."""
    form = str(entity.partition_key_format)
    start = _parsed(period, form)
    if length := _LENGTHS.get(entity.partition_grain or ""):
        return spelled(start + count * length, form)
    months = start.year * 12 + start.month - 1 + (count if entity.partition_grain == "month" else 12 * count)
    return spelled(datetime(months // 12, months % 12 + 1, 1), form)


def periods(entity: Entity, first: str, last: str) -> Iterator[str]:
    """Every period from ``first`` to ``last``, both included."""
    while first <= last:
        yield first
        first = following(entity, first)


def due_at(entity: Entity, period: str) -> datetime:
    """When the run of a period is due, in UTC: at the first tick of the entity's schedule once the period is over."""
    over = start_of(entity, following(entity, period))
    if entity.schedule is None:
        return over.astimezone(UTC)
    return next_tick(entity.schedule, entity.timezone, over)


def deadline_at(entity: Entity, period: str) -> datetime:
    """Until when the files of a period may come, in UTC."""
    return due_at(entity, period) + timedelta(minutes=entity.deadline)


# A calendar asks for hundreds of them, and when it is shown again for the same ones.
@lru_cache(maxsize=8192)
def next_tick(schedule: str, timezone: str, time: datetime) -> datetime:
    """The first tick of a cron schedule at ``time`` (aware) or after it, in UTC."""
    # Airflow brings it; the function of the low-latency lane, which computes no deadlines, does without.
    from croniter import croniter

    start = time.astimezone(ZoneInfo(timezone)) - timedelta(seconds=1)
    tick: datetime = croniter(schedule, start).get_next(datetime)
    return tick.astimezone(UTC)
