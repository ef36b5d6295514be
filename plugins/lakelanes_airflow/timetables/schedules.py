"""When the runs of an entity or a table start, which partition each is for, and how long it waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.sdk import CronTriggerTimetable
from croniter import croniter

from lakelanes.config.model import Entity, Grain, Table
from lakelanes.tables.windows import Window
from lakelanes_airflow.timetables.partitions import PastPartitionTimetable

# A partition's run starts when the time that it covers is over. Airflow takes the bounds of a backfill as instants, so
# only ticks on the boundary make every partition between two dates part of it; a 06:00 tick on the last day is not.
DEFAULT_CRON: dict[Grain, str] = {"hour": "0 * * * *", "day": "0 0 * * *", "month": "0 0 1 * *", "year": "0 0 1 1 *"}

# So long a run waits for files of a partition that is overdue (a backfill, a run repeated later).
LATE_WAIT = timedelta(minutes=5)


def schedule_of(entity: Entity) -> PastPartitionTimetable | CronTriggerTimetable | None:
    """The schedule of load_<entity>.

    With a date grain, each tick of ``entity.schedule`` (default: DEFAULT_CRON) starts the run of the partition that
    began with the tick before: the run of 2024-03-16T00:00 has the key 2024-03-15. Without one, ``entity.schedule`` is
    an ordinary cron schedule, and None leaves the entity to sweep_sources and to manual runs; so does leaving the batch
    lane out of its lanes.
    """
    if "batch" not in entity.lanes:
        return None
    if entity.grain is not None and entity.partition_key_format is not None:
        return PastPartitionTimetable(
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

    date: the run's partition date, which distinguishes the two hours of one name when clocks are set back.
    ValueError for a key of another form.
    """
    cron, zone = _export_cron(table)
    if date is None:
        date = datetime.strptime(key, WINDOW_KEY).replace(tzinfo=ZoneInfo(zone))
    following = croniter(cron, date.astimezone(ZoneInfo(zone))).get_next(datetime)
    return Window(date.astimezone(UTC), following.astimezone(UTC))


def window_key(table: Table, window: Window) -> str:
    """A window's start as an Airflow partition key of the same form."""
    return window.start.astimezone(ZoneInfo(_export_cron(table)[1])).strftime(WINDOW_KEY)


def _export_cron(table: Table) -> tuple[str, str]:
    """Cron expression and time zone."""
    if table.export.schedule:
        return table.export.schedule, table.export.timezone
    minutes = table.export.window_minutes
    if minutes < 60:
        return f"*/{minutes} * * * *", "UTC"
    return ("0 0 * * *" if minutes == 1440 else f"0 */{minutes // 60} * * *"), "UTC"
