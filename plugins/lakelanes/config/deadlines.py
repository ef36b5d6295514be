"""Periods of an entity (an hour, a day, a month, a year), when each is due, and until when its files may come; when the
windows of a table's exports are due.

A period is the date of a partition, and what one cell of a calendar shows; partitions that differ in other keys share
it. ``lakelanes.config.periods`` says what periods there are, and when each begins and ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from lakelanes.config.local_time import next_tick
from lakelanes.config.model import Entity, Table
from lakelanes.config.partitions import Partition, partition_key
from lakelanes.config.periods import Periods
from lakelanes.errors import PartitionValueError


def period_of(entity: Entity, path: str) -> str | None:
    """The period of a partition by its path; None for one without a date."""
    if "=" not in path:
        return None
    # A folder of a configuration that is no longer.
    with suppress(PartitionValueError, KeyError):
        return partition_key(entity, Partition.from_path(path))
    return None


def periods_of(entity: Entity) -> Periods:
    """The periods of an entity whose partition keys spell a date, and when the run of each starts."""
    assert entity.partition_grain is not None and entity.partition_key_format is not None
    return Periods(entity.partition_grain, entity.partition_key_format, entity.timezone, entity.schedule)


def start_of(entity: Entity, period: str) -> datetime:
    """When a period begins (aware, in the entity's time zone). ValueError for a text that is no period of it."""
    return periods_of(entity).starts_at(period).astimezone(ZoneInfo(entity.timezone))


def period_at(entity: Entity, time: datetime) -> str:
    """The period that holds ``time`` (aware)."""
    return periods_of(entity).holding(time)


def following(entity: Entity, period: str, count: int = 1) -> str:
    """The period so many after this one; before it for a negative count. None that clocks skip."""
    return periods_of(entity).following(period, count)


def periods(entity: Entity, first: str, last: str) -> Iterator[str]:
    """Every period from ``first`` to ``last``, both included; none that clocks skip."""
    return periods_of(entity).between(first, last)


def exists(entity: Entity, period: str) -> bool:
    """Whether clocks show any time of a period. One that they skip has no run and no deadline, and is never missing;
    files named for it are loaded like any others."""
    return periods_of(entity).exists(period)


def due_at(entity: Entity, period: str) -> datetime:
    """When the run of a period is due, in UTC: at the first tick of the entity's schedule once the period is over."""
    return periods_of(entity).due_at(period)


def deadline_at(entity: Entity, period: str) -> datetime:
    """Until when the files of a period may come, in UTC."""
    return due_at(entity, period) + timedelta(minutes=entity.deadline)


def window_due_at(table: Table, end: datetime) -> datetime:
    """When the run starts that exports a window which ends at ``end``, in UTC: then, without a schedule."""
    export = table.export
    return next_tick(export.schedule, export.timezone, end) if export.schedule else end
