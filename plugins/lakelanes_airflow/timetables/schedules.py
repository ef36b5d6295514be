"""When the runs of an entity or a table start, which partition each is for, and how long it waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import CronTriggerTimetable

from lakelanes.config.deadlines import due_at
from lakelanes.config.local_time import local_time, next_tick, passed_at
from lakelanes.config.model import Entity, Grain, Table
from lakelanes.tables.windows import Window
from lakelanes_airflow.timetables.partitions import PastPartitionTimetable, PeriodTimetable

# A partition's run starts when the time that it covers is over.
DEFAULT_CRON: dict[Grain, str] = {"hour": "0 * * * *", "day": "0 0 * * *", "month": "0 0 1 * *", "year": "0 0 1 1 *"}

# So long a run waits for files of a partition that is overdue (a backfill, a run repeated later).
LATE_WAIT = timedelta(minutes=5)
_SECOND = timedelta(seconds=1)


def schedule_of(entity: Entity) -> PeriodTimetable | CronTriggerTimetable | None:
    """The schedule of load_<entity>.

    With a date grain, the run of each partition starts at the first tick of ``entity.schedule`` (default: DEFAULT_CRON)
    at which it is over: the run of 2024-03-16T00:00 has the key 2024-03-15. Without one, ``entity.schedule`` is an
    ordinary cron schedule, and None leaves the entity to sweep_sources and to manual runs; so does leaving the batch
    lane out of its lanes.
    """
    if "batch" not in entity.lanes:
        return None
    if entity.grain is not None and entity.partition_key_format is not None:
        return PeriodTimetable(
            entity.schedule or DEFAULT_CRON[entity.grain],
            timezone=entity.timezone,
            grain=entity.grain,
            key_format=entity.partition_key_format,
        )
    return CronTriggerTimetable(entity.schedule, timezone=entity.timezone) if entity.schedule else None


def deadline_of(entity: Entity, due: datetime, now: datetime) -> datetime:
    """Until when a run that was due at ``due`` waits for its files."""
    deadline = due + timedelta(minutes=entity.deadline)
    return deadline if deadline > now else now + LATE_WAIT


def due_of(entity: Entity, key: str, run_after: datetime) -> datetime:
    """When the run of the Airflow partition ``key`` was due that Airflow lets start at ``run_after``.

    A backfill's may be long before the partition is over, and the files have as long as those of a scheduled run.
    """
    return max(run_after, due_at(entity, key))


# The partition key of a table's run: where the time it covers begins, in the time zone of the schedule.
WINDOW_KEY = "%Y-%m-%dT%H:%M"


def export_schedule_of(table: Table) -> PastPartitionTimetable:
    """The schedule of export_<table>; by default the end of every window, which is a time in UTC.

    As with schedule_of, the tick that starts a run ends what its partition covers. The first run starts as soon as the
    DAG is switched on, for the tick before: changes can only be exported after the full export that this run makes.
    """
    cron, zone = _export_cron(table)
    return PastPartitionTimetable(cron, timezone=zone, run_offset=-1, run_immediately=True, key_format=WINDOW_KEY)


def period_of(table: Table, key: str, date: datetime | None = None) -> Window:
    """The time that the Airflow partition ``key`` of export_<table> covers: from its tick to the next one.

    date: the run's partition date, where it has one. ValueError for a key of another form.
    """
    cron, zone = _export_cron(table)
    start = passed_at(datetime.strptime(key, WINDOW_KEY), zone) if date is None else date.astimezone(UTC)
    return Window(start, next_tick(cron, zone, start + _SECOND))


def window_key(table: Table, window: Window) -> str:
    """A window's start as an Airflow partition key of the same form."""
    return local_time(window.start, _export_cron(table)[1]).strftime(WINDOW_KEY)


def _export_cron(table: Table) -> tuple[str, str]:
    """Cron expression and time zone."""
    if table.export.schedule:
        return table.export.schedule, table.export.timezone
    minutes = table.export.window_minutes
    if minutes < 60:
        return f"*/{minutes} * * * *", "UTC"
    return ("0 0 * * *" if minutes == 1440 else f"0 */{minutes // 60} * * *"), "UTC"
