"""When the runs of an entity start, which partition each is for, and how long it waits for that partition's files."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.sdk import CronPartitionTimetable, CronTriggerTimetable

from lakelanes.config import Entity, Grain

# A partition's run starts when the time it covers is over. Only ticks on the boundary make every partition between two
# dates part of a backfill: Airflow takes the bounds of a backfill as instants, so a 06:00 tick on the last day is out.
DEFAULT_CRON: dict[Grain, str] = {"hour": "0 * * * *", "day": "0 0 * * *", "month": "0 0 1 * *", "year": "0 0 1 1 *"}

# A run for a partition that is overdue already (a backfill, a run repeated later) still gives its files this long.
LATE_WAIT = timedelta(minutes=5)


def schedule_of(entity: Entity) -> CronPartitionTimetable | CronTriggerTimetable | None:
    """The schedule of load_<entity>.

    With a date grain, each tick of ``entity.schedule`` (default: DEFAULT_CRON) starts the run of the partition that
    began with the tick before: the run of 2024-03-16T00:00 has the key 2024-03-15. Without one, ``entity.schedule`` is
    an ordinary cron schedule, and None leaves the entity to sweep_sources and to manual runs; so does leaving the batch
    lane out of its lanes.
    """
    if "batch" not in entity.lanes:
        return None
    if entity.grain is not None and entity.partition_key_format is not None:
        return CronPartitionTimetable(
            entity.schedule or DEFAULT_CRON[entity.grain],
            timezone=entity.timezone,
            run_offset=-1,
            key_format=entity.partition_key_format,
        )
    return CronTriggerTimetable(entity.schedule, timezone=entity.timezone) if entity.schedule else None


def deadline_of(entity: Entity, due: datetime, now: datetime) -> datetime:
    """Until when a run that was due at ``due`` waits for its files."""
    deadline = due + timedelta(minutes=entity.deadline)
    return deadline if deadline > now else now + LATE_WAIT


def partition_start(entity: Entity, key: str) -> datetime:
    """When the time that the Airflow partition ``key`` covers begins. ValueError for a key of another form."""
    return datetime.strptime(key, str(entity.partition_key_format)).replace(tzinfo=ZoneInfo(entity.timezone))
