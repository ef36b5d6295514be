"""Backfills hold only partitions that are over; by Airflow's own timetable."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models.backfill import (
    Backfill,
    BackfillDagRun,
    InvalidBackfillDate,
    ReprocessBehavior,
    _create_backfill,
)
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import coerce_to_core_timetable, encode_timetable
from airflow.timetables.base import DagRunInfo, TimeRestriction
from airflow.utils import db
from airflow.utils.session import create_session
from pendulum import DateTime, instance
from sqlalchemy import delete, func, select

from lakelanes.config.model import Entity
from lakelanes_airflow.timetables.partitions import PastPartitionTimetable
from lakelanes_airflow.timetables.schedules import export_schedule_of, schedule_of
from tests.lakelanes_airflow.timetables.test_schedules import HOURLY, MONTHLY, entity, table
from tests.support.lakes import SALES, config_text


def backfilled(entity: Entity, first: str, last: str) -> list[str]:
    """The partition keys of a backfill between two instants, both included."""
    timetable: Any = coerce_to_core_timetable(schedule_of(entity))
    earliest, latest = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (first, last))
    return [info.partition_key for info in timetable.iter_partition_dagrun_infos(earliest=earliest, latest=latest)]


def test_a_backfill_holds_every_partition_between_two_dates_both_included() -> None:
    days = backfilled(entity(), "2024-03-15T00:00", "2024-03-17T00:00")
    assert days == ["2024-03-15", "2024-03-16", "2024-03-17"]
    hours = backfilled(entity(**HOURLY), "2024-03-15T22:00", "2024-03-16T01:00")
    assert hours == ["2024-03-15T22", "2024-03-15T23", "2024-03-16T00", "2024-03-16T01"]
    assert backfilled(entity(**MONTHLY), "2024-01-01T00:00", "2024-02-29T00:00") == ["2024-01", "2024-02"]


def local_day(days_from_now: int, zone: str = "UTC") -> str:
    return f"{datetime.now(ZoneInfo(zone)) + timedelta(days=days_from_now):%Y-%m-%d}"


def test_a_backfill_that_reaches_beyond_what_is_over_is_refused_and_says_where_it_may_end() -> None:
    first, yesterday, today, later = (local_day(days) for days in (-3, -1, 0, 40))
    assert backfilled(entity(), first, yesterday)[-1] == yesterday
    for last in (today, later):
        with pytest.raises(InvalidBackfillDate) as refused:
            backfilled(entity(), first, last)
        assert f"Partition {today} is not over before {local_day(1)}T00:00Z" in str(refused.value)
        assert f"end the backfill with {yesterday}" in str(refused.value)
    with pytest.raises(InvalidBackfillDate, match="its scheduled run loads it"):
        backfilled(entity(), today, today)


def test_a_day_is_over_when_it_is_in_the_entitys_time_zone() -> None:
    own = entity(timezone="Pacific/Kiritimati")  # 14 hours ahead
    yesterday, today = (local_day(days, "Pacific/Kiritimati") for days in (-1, 0))
    assert backfilled(own, yesterday, yesterday) == [yesterday]
    with pytest.raises(InvalidBackfillDate):
        backfilled(own, today, today)


def test_a_partition_of_another_schedule_is_over_when_its_run_starts() -> None:
    """A run at six loads the day that began with the tick before."""
    own = entity(schedule="0 6 * * *")
    assert backfilled(own, f"{local_day(-3)}T06:00", f"{local_day(-2)}T06:00") == [local_day(-3), local_day(-2)]
    with pytest.raises(InvalidBackfillDate):
        backfilled(own, f"{local_day(0)}T06:00", f"{local_day(1)}T06:00")


def test_an_open_window_of_a_table_is_refused_too() -> None:
    timetable: Any = coerce_to_core_timetable(export_schedule_of(table(window_minutes=60)))
    now = datetime.now(UTC)
    with pytest.raises(InvalidBackfillDate, match=f"Partition {now:%Y-%m-%dT%H}:00 is not over"):
        list(timetable.iter_partition_dagrun_infos(earliest=now - timedelta(hours=2), latest=now + timedelta(hours=5)))


def test_the_scheduler_is_not_kept_from_the_partition_that_is_just_over() -> None:
    timetable: Any = coerce_to_core_timetable(schedule_of(entity()))
    restriction = TimeRestriction(None, None, catchup=False)
    before = timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=restriction)
    later = timetable.next_dagrun_info_v2(last_dagrun_info=before, restriction=restriction)
    assert later.run_after > before.run_after and later.partition_date == before.run_after


DAGS = Path(__file__).resolve().parents[3] / "dags"


@pytest.fixture
def load_sales(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], DagModel]:
    """``load_sales()`` parses the DAG files into Airflow's database, as the DAG processor does again and again, and
    returns what the scheduler goes by then. Nothing has run before."""
    path = tmp_path / "lake.json"
    # Its ticks are twelve hours from now, so that no last one is so near that Airflow runs it on sight.
    path.write_text(config_text({"sales": {**SALES, "schedule": f"0 {(datetime.now(UTC).hour + 12) % 24} * * *"}}))
    monkeypatch.setenv("LAKE_CONFIG", str(path))
    db.initdb()
    with create_session() as session:
        session.execute(delete(BackfillDagRun))
        for model in (Backfill, DagRun):
            session.execute(delete(model).where(model.dag_id == "load_sales"))

    def parse() -> DagModel:
        bag = DagBag(str(DAGS), bundle_name="dags-folder")
        assert bag.import_errors == {}
        DagBundlesManager().sync_bundles_to_db()
        sync_bag_to_db(bag, "dags-folder", None)
        with create_session() as session:
            return session.scalars(select(DagModel).where(DagModel.dag_id == "load_sales")).one()

    return parse


def test_a_backfill_starts_no_scheduled_run(
    load_sales: Callable[[], DagModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Airflow's own timetable the run of the last tick is due at once, as soon as the DAG is parsed again."""
    before = load_sales()
    assert before.next_dagrun_create_after > datetime.now(UTC)
    first, last = (before.next_dagrun_partition_date - timedelta(days=days) for days in (14, 5))
    _create_backfill(
        dag_id="load_sales",
        from_date=first,
        to_date=last,
        max_active_runs=10,
        reverse=False,
        dag_run_conf=None,
        triggering_user_name=None,
        reprocess_behavior=ReprocessBehavior.NONE,
    )
    after = load_sales()
    assert (after.next_dagrun_create_after, after.next_dagrun_partition_key) == (
        before.next_dagrun_create_after,
        before.next_dagrun_partition_key,
    )
    with create_session() as session:
        runs = select(func.count()).select_from(DagRun).where(DagRun.dag_id == "load_sales")
        assert session.scalar(runs) == 10
    with monkeypatch.context() as patch:
        patch.setattr("lakelanes_airflow.timetables.partitions._gone_on_from", lambda last, _: last)
        assert load_sales().next_dagrun_create_after < datetime.now(UTC), "this Airflow has no such habit any more"


def test_a_schedule_goes_on_from_its_own_last_run_and_from_no_backfills() -> None:
    """After a time without a scheduler the run of the last tick is due at once."""
    timetable: Any = coerce_to_core_timetable(schedule_of(entity()))
    restriction = TimeRestriction(None, None, catchup=False)
    own, backfilled = (
        DagRunInfo(run_after=day(-3 + after), data_interval=None, partition_date=day(-3), partition_key="x")
        for after in (1, 0)
    )
    due = timetable.next_dagrun_info_v2(last_dagrun_info=own, restriction=restriction)
    assert due.partition_key == local_day(-1)
    waits = timetable.next_dagrun_info_v2(last_dagrun_info=backfilled, restriction=restriction)
    alone = timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=restriction)
    assert waits == alone
    caught_up = timetable.next_dagrun_info_v2(
        last_dagrun_info=backfilled, restriction=TimeRestriction(None, None, catchup=True)
    )
    assert caught_up.run_after == day(-2)


def day(days_from_now: int) -> DateTime:
    return instance(datetime.now(UTC)).start_of("day").add(days=days_from_now)


def test_the_database_has_the_timetable_whole() -> None:
    own = schedule_of(entity(schedule="0 6 * * *", timezone="Europe/Zurich"))
    assert own is not None
    restored = decode_timetable(json.loads(json.dumps(encode_timetable(own))))
    assert isinstance(restored, PastPartitionTimetable)
    assert restored.serialize() == own.serialize()  # type: ignore[union-attr]
