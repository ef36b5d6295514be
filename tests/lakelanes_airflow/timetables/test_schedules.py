"""Which partition a run is for, and how long it waits; by Airflow's own timetable."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk import CronTriggerTimetable
from airflow.serialization.encoders import coerce_to_core_timetable
from airflow.timetables.base import TimeRestriction
from pendulum import instance

from lakelanes.config.deadlines import start_of
from lakelanes.config.model import Entity, Table
from lakelanes_airflow.timetables.schedules import (
    LATE_WAIT,
    deadline_of,
    export_schedule_of,
    period_of,
    schedule_of,
    window_key,
)
from tests.support.lakes import SALES, make_config
from tests.support.source_tables import ORDERS

HOURLY = {
    "filename_pattern": r"hits_(\d{4})(\d{2})(\d{2})T(\d{2})\.csv",
    "partition_keys": ["year", "month", "day", "hour"],
}
MONTHLY = {"filename_pattern": r"plan_(\d{4})-(\d{2})\.csv", "partition_keys": ["year", "month"]}
YEARLY = {"filename_pattern": r"census_(\d{4})\.csv", "partition_keys": ["year"]}
DATELESS = {"filename_pattern": r"(\w+)_prices\.csv", "partition_keys": ["region"]}


def entity(**settings: Any) -> Entity:
    return make_config({"sales": {**SALES, **settings}}).entities["sales"]


def partition_of_run(entity: Entity, start: str) -> str | None:
    """The partition key of the run that starts at ``start`` or at the first tick after it."""
    timetable: Any = coerce_to_core_timetable(schedule_of(entity))
    at = instance(datetime.fromisoformat(start).replace(tzinfo=UTC))
    info = timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=TimeRestriction(at, None, catchup=True))
    return info.partition_key


@pytest.mark.parametrize(
    ("settings", "start", "key"),
    [
        ({}, "2024-03-16T00:00", "2024-03-15"),
        ({"schedule": "0 6 * * *"}, "2024-03-16T06:00", "2024-03-15"),
        ({"schedule": "@daily"}, "2024-03-01T00:00", "2024-02-29"),
        ({"schedule": "0 6 * * 1-5"}, "2024-03-18T06:00", "2024-03-15"),
        (HOURLY, "2024-03-16T00:00", "2024-03-15T23"),
        (MONTHLY, "2024-03-01T00:00", "2024-02"),
        (YEARLY, "2024-01-01T00:00", "2023"),
    ],
)
def test_a_run_starts_when_its_partition_is_over(settings: dict[str, Any], start: str, key: str) -> None:
    assert partition_of_run(entity(**settings), start) == key


def test_days_are_those_of_the_entitys_time_zone() -> None:
    assert partition_of_run(entity(timezone="Asia/Tokyo"), "2024-03-15T15:00") == "2024-03-15"


def test_without_a_date_grain_a_schedule_is_an_ordinary_one() -> None:
    assert schedule_of(entity(**DATELESS)) is None
    schedule = schedule_of(entity(**DATELESS, schedule="0 6 * * *"))
    assert isinstance(schedule, CronTriggerTimetable)


def test_a_date_in_the_rows_makes_no_run_per_partition() -> None:
    keys = [{"name": "dt", "column": "transaction_date"}]
    in_rows = {"filename_pattern": r"sales_\d+\.csv", "partition_keys": keys}
    assert schedule_of(entity(**in_rows)) is None
    assert isinstance(schedule_of(entity(**in_rows, schedule="0 6 * * *")), CronTriggerTimetable)
    beside = {"partition_keys": ["year", "month", "day", {"name": "customer", "column": "customer_id"}]}
    assert partition_of_run(entity(**beside), "2024-03-16T00:00") == "2024-03-15"


def test_a_run_waits_until_its_deadline_and_an_overdue_one_a_little() -> None:
    due = datetime(2024, 3, 16, tzinfo=UTC)
    soon = due + timedelta(minutes=1)
    late = due + timedelta(days=300)
    assert deadline_of(entity(deadline_minutes=90), due, soon) == due + timedelta(minutes=90)
    assert deadline_of(entity(deadline_minutes=90), due, late) == late + LATE_WAIT


def test_a_partition_starts_in_the_entitys_time_zone() -> None:
    start = start_of(entity(timezone="America/New_York"), "2024-03-15")
    assert start.astimezone(UTC) == datetime(2024, 3, 15, 4, tzinfo=UTC)


def table(**export: Any) -> Table:
    return make_config(tables={"orders": {"dynamodb_table": "shop-orders", **ORDERS, "export": export}}).tables[
        "orders"
    ]


@pytest.mark.parametrize(
    ("minutes", "cron"), [(15, "*/15 * * * *"), (60, "0 */1 * * *"), (360, "0 */6 * * *"), (1440, "0 0 * * *")]
)
def test_by_default_an_export_starts_at_the_end_of_every_window(minutes: int, cron: str) -> None:
    own = table(window_minutes=minutes, timezone="Europe/Zurich")
    schedule = export_schedule_of(own)
    stored = schedule.serialize()
    assert (stored["expression"], stored["timezone"]) == (cron, "UTC"), "windows are in UTC"
    assert stored["run_immediately"] is True, "the full export does not wait for the next tick"
    period = period_of(own, "2024-03-15T00:00")
    assert period.end - period.start == timedelta(minutes=minutes)


def test_a_schedule_of_its_own_covers_the_windows_between_two_ticks() -> None:
    own = table(schedule="0 6 * * *", timezone="Europe/Zurich")
    period = period_of(own, "2024-03-15T06:00")
    assert (period.start, period.end) == (datetime(2024, 3, 15, 5, tzinfo=UTC), datetime(2024, 3, 16, 5, tzinfo=UTC))
    assert window_key(own, period) == "2024-03-15T06:00"
    # The clocks go forward in the night of the 31st: that day has 23 hours.
    period = period_of(own, "2024-03-30T06:00")
    assert period.end - period.start == timedelta(hours=23)


def test_a_runs_date_tells_two_hours_of_one_name_apart() -> None:
    own = table(schedule="0 * * * *", timezone="Europe/Zurich")
    hours = [datetime(2024, 10, 27, hour, tzinfo=UTC) for hour in (0, 1)]
    assert {window_key(own, period_of(own, "x", hour)) for hour in hours} == {"2024-10-27T02:00"}
    assert [period_of(own, "2024-10-27T02:00", hour).start for hour in hours] == hours
