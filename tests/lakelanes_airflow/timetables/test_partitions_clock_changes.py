"""Each partition has one scheduled run and one deadline, whatever clocks do; asked for as Airflow's scheduler asks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import coerce_to_core_timetable, encode_timetable
from airflow.timetables.base import DagRunInfo, TimeRestriction
from pendulum import instance

from lakelanes.config.deadlines import deadline_at, window_due_at
from lakelanes.config.model import Entity
from lakelanes_airflow.timetables.schedules import (
    deadline_of,
    due_of,
    export_schedule_of,
    period_of,
    schedule_of,
    window_key,
)
from tests.lakelanes_airflow.timetables.test_schedules import HOURLY, MONTHLY, YEARLY, entity, table
from tests.support.clock_changes import LIMIT, Clocks, Expected, by_kind, clocks, cron, expected, starts_of
from tests.support.scheduler import Scheduler

pytestmark = LIMIT
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ZURICH = {"timezone": "Europe/Zurich"}
GRAINS: dict[str, dict[str, Any]] = {"hour": HOURLY, "day": {}, "month": MONTHLY, "year": YEARLY}
# By grain, how long before and after a change to live, and the schedules to try.
AROUND: dict[str, tuple[timedelta, Sequence[str | None]]] = {
    "hour": (5 * HOUR, [None, "20 * * * *", "5 */6 * * *"]),
    "day": (3 * DAY, [None, "30 2 * * *", "0 6 * * 1-5", "15 */4 * * *"]),
    "month": (40 * DAY, [None, "30 2 3 * *"]),
    "year": (366 * DAY, [None]),
}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def live(
    monkeypatch: pytest.MonkeyPatch, own: Entity, runs: list[Expected], *, down: range = range(0), catchup: bool = False
) -> list[Any]:
    """The runs that the scheduler makes after the first of ``runs``, which it has made, when it looks whenever the
    others are due. In the middle it is started anew; while those of the numbers ``down`` are due it stands still."""
    scheduler = Scheduler(schedule_of(own), runs[0].due, catchup)
    scheduler.follow(monkeypatch)
    date, due = instance(runs[0].begin), instance(runs[0].due)
    scheduler.record(DagRunInfo(due, None, date, runs[0].name))
    moments = [run.due for number, run in enumerate(runs) if number not in down]
    scheduler.live(moments[: len(moments) // 2])
    scheduler.restart()
    scheduler.live([*moments[len(moments) // 2 :], runs[-1].due + timedelta(minutes=1)])
    return scheduler.scheduled[1:]


def expected_of(own: Entity, first: datetime, last: datetime, one: Clocks | None = None) -> list[Expected]:
    """The runs of an entity's periods that are due between two moments, and the one before them."""
    one = one or clocks(own.timezone, first - 40 * DAY, last + 40 * DAY)
    grain, form = str(own.grain), str(own.partition_key_format)
    margin = {"hour": 12 * HOUR, "day": 5 * DAY, "month": 65 * DAY}.get(grain, 800 * DAY)
    starts = starts_of(grain, one.shown(first) - margin, one.shown(last))
    found = expected(one, starts, form, own.schedule, last)
    before = [run for run in found if run.due < first]
    return [before[-1], *(run for run in found if run.due >= first)]


def keys(runs: list[Any]) -> list[str]:
    return [run.partition_key for run in runs]


@pytest.mark.parametrize("grain", GRAINS)
def test_around_every_change_each_partition_has_one_run_when_it_is_due_and_one_deadline(
    monkeypatch: pytest.MonkeyPatch, grain: str
) -> None:
    plain, (reach, schedules), count = entity(**GRAINS[grain]), AROUND[grain], 0
    for one, changes in by_kind():
        for change in changes:
            for schedule in schedules:
                own = plain.model_copy(update={"timezone": one.zone, "schedule": schedule})
                wanted = expected_of(own, change - reach, change + reach, one)
                runs, where = live(monkeypatch, own, wanted), f"{one.zone} {schedule} {change}"
                assert keys(runs) == [run.name for run in wanted[1:]], where
                for run, period in zip(runs, wanted[1:], strict=True):
                    assert (run.run_after, run.partition_date) == (period.due, period.begin), where
                    due = due_of(own, run.partition_key, run.run_after)
                    assert due + timedelta(minutes=own.deadline) == deadline_at(own, run.partition_key), where
                count += len(runs)
    print(f"{count} runs of grain {grain} around {sum(len(changes) for _, changes in by_kind())} changes")
    assert count > sum(len(changes) for _, changes in by_kind()) * (0 if grain in ("month", "year") else 4)


def test_a_tick_that_clocks_skip_starts_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """On 2026-03-29 there is no 02:30."""
    own = entity(**ZURICH, schedule="30 2 * * *")
    runs = live(monkeypatch, own, expected_of(own, utc("2026-03-27"), utc("2026-03-31T12:00")))
    assert keys(runs) == [f"2026-03-{day}" for day in (26, 27, 28, 29, 30)]
    starts = [run.run_after.astimezone(UTC).strftime("%dT%H:%M") for run in runs]
    assert starts == ["27T01:30", "28T01:30", "29T01:00", "30T00:30", "31T00:30"]


def test_a_tick_that_comes_twice_starts_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    own = entity(**ZURICH, schedule="30 2 * * *")
    runs = live(monkeypatch, own, expected_of(own, utc("2026-10-24"), utc("2026-10-27T12:00")))
    assert keys(runs) == [f"2026-10-{day}" for day in (23, 24, 25, 26)]


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("America/Santiago", "2026-09-06"),
        ("Africa/Cairo", "2026-04-24"),
        ("Asia/Beirut", "2026-03-29"),
        ("America/Havana", "2026-11-01"),
        ("Atlantic/Azores", "2026-03-29"),
        ("America/St_Johns", "2010-11-07"),
    ],
)
@pytest.mark.parametrize("schedule", [None, "0 0 * * *", "@daily"])
def test_no_day_is_lost_where_clocks_change_at_midnight(
    monkeypatch: pytest.MonkeyPatch, zone: str, day: str, schedule: str | None
) -> None:
    """The default in words of its own is the default."""
    middle = utc(day)
    wanted = expected_of(entity(timezone=zone), middle - DAY, middle + 3 * DAY)
    runs = live(monkeypatch, entity(timezone=zone, schedule=schedule), wanted)
    assert set(keys(runs)) >= {f"{middle + step * DAY:%Y-%m-%d}" for step in (-1, 0, 1)}
    assert [(run.partition_key, run.run_after) for run in runs] == [(run.name, run.due) for run in wanted[1:]]


def test_an_hour_that_is_skipped_has_no_run_and_one_that_comes_twice_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    own = entity(**HOURLY, **ZURICH)
    runs = live(monkeypatch, own, expected_of(own, utc("2026-03-28T23:30"), utc("2026-03-29T03:00")))
    assert keys(runs) == [f"2026-03-29T{hour:02}" for hour in (0, 1, 3, 4)]
    runs = live(monkeypatch, own, expected_of(own, utc("2026-10-24T22:30"), utc("2026-10-25T03:00")))
    assert keys(runs) == [f"2026-10-25T{hour:02}" for hour in (0, 1, 2, 3)]
    assert runs[2].run_after == utc("2026-10-25T02:00"), "both halves are over"
    assert deadline_at(own, "2026-10-25T02") == utc("2026-10-25T05:00")


@pytest.mark.parametrize("zone", ["Europe/Zurich", "America/Santiago", "Asia/Beirut", "Australia/Lord_Howe"])
@pytest.mark.parametrize("schedule", [None, "30 2 * * *"])
def test_a_scheduler_that_stood_still_during_the_change_makes_the_run_of_that_day_later(
    monkeypatch: pytest.MonkeyPatch, zone: str, schedule: str | None
) -> None:
    own = entity(timezone=zone, schedule=schedule)
    for change in clocks(zone, utc("2026-01-01"), utc("2027-01-01")).changes():
        wanted = expected_of(own, change - 3 * DAY, change + 4 * DAY)
        for number in range(1, len(wanted) - 1):
            runs = live(monkeypatch, own, wanted, down=range(number, number + 1))
            assert [(run.partition_key, run.run_after) for run in runs] == [(run.name, run.due) for run in wanted[1:]]


def test_after_days_without_a_scheduler_no_partition_has_two_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without catch-up what was due before the last tick is left out, as by Airflow's own timetables."""
    own = entity(**ZURICH, schedule="30 2 * * *")
    wanted = expected_of(own, utc("2026-03-26"), utc("2026-04-02"))
    names = [run.name for run in wanted[1:]]
    runs = live(monkeypatch, own, wanted, down=range(2, 6))
    assert keys(runs) == ["2026-03-25", "2026-03-29", "2026-03-30", "2026-03-31"]
    assert keys(live(monkeypatch, own, wanted, down=range(2, 6), catchup=True)) == names


def test_a_schedule_with_fewer_ticks_than_days_starts_the_run_of_each_day(monkeypatch: pytest.MonkeyPatch) -> None:
    own = entity(**ZURICH, schedule="0 6 * * 1-5")
    runs = live(monkeypatch, own, expected_of(own, utc("2026-03-26"), utc("2026-04-01")))
    assert keys(runs) == [f"2026-03-{day}" for day in range(25, 31)]
    monday = [run.partition_key for run in runs if run.run_after == utc("2026-03-30T04:00")]
    assert monday == ["2026-03-27", "2026-03-28", "2026-03-29"]


def test_the_runs_of_one_tick_are_all_made_by_a_scheduler_that_stood_still_at_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scheduler = Scheduler(schedule_of(entity(**ZURICH, schedule="0 6 * * 1-5")), utc("2026-03-27T05:10"))
    scheduler.follow(monkeypatch)
    scheduler.live([scheduler.now, utc("2026-03-30T20:00")])
    assert keys(scheduler.runs) == ["2026-03-26", "2026-03-27", "2026-03-28", "2026-03-29"]


def test_a_backfill_lists_each_partition_once_and_keeps_none_from_its_scheduled_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = entity(**ZURICH, schedule="30 2 * * *")
    scheduler = Scheduler(schedule_of(own), utc("2026-03-29T01:10"))
    scheduler.follow(monkeypatch)
    scheduler.backfill(scheduler.now, datetime(2026, 3, 26), datetime(2026, 3, 28))
    assert keys(scheduler.runs) == ["2026-03-26", "2026-03-27", "2026-03-28"]
    backfilled = scheduler.runs[-1]
    scheduler.live([utc("2026-03-29T01:15"), utc("2026-03-30T00:30")])
    assert keys(scheduler.scheduled) == ["2026-03-28", "2026-03-29"]
    assert scheduler.scheduled[0].partition_date == backfilled.partition_date, "by which Airflow knows the partition"
    due = due_of(own, backfilled.partition_key, backfilled.run_after)
    assert deadline_of(own, due, scheduler.now) == deadline_at(own, "2026-03-28"), "as long as the scheduled run's"


def test_a_backfill_of_hours_is_without_the_one_that_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = Scheduler(schedule_of(entity(**HOURLY, **ZURICH)), utc("2026-11-01"))
    scheduler.follow(monkeypatch)
    scheduler.backfill(scheduler.now, datetime(2026, 3, 29, 1), datetime(2026, 3, 29, 4))
    scheduler.backfill(scheduler.now, datetime(2026, 10, 25, 1), datetime(2026, 10, 25, 3))
    spring, autumn = [f"2026-03-29T0{hour}" for hour in (1, 3, 4)], [f"2026-10-25T0{hour}" for hour in (1, 2, 3)]
    assert keys(scheduler.runs) == [*spring, *autumn]
    dates = [run.partition_date for run in scheduler.runs]
    timetable: Any = scheduler.dag.timetable
    assert [timetable.resolve_partition_date(run.partition_key) for run in scheduler.runs] == dates


def test_a_run_of_another_grain_or_without_a_key_is_followed_by_what_is_due_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An entity's grain can change; Airflow's calendar of planned runs asks without a key."""
    scheduler = Scheduler(schedule_of(entity(**ZURICH)), utc("2026-03-29T08:00"))
    scheduler.follow(monkeypatch)
    due, date = instance(utc("2026-03-28T23:00")), instance(utc("2026-03-27T23:00"))
    timetable, free = scheduler.dag.timetable, TimeRestriction(None, None, False)
    for key, begin in (("2026-03-28T23", None), (None, None), (None, date), ("2026-03-28", date)):
        last = DagRunInfo(due, None, begin, key)
        found = timetable.next_dagrun_info_v2(last_dagrun_info=last, restriction=free)
        assert found is not None and found.partition_key == "2026-03-29", last


def test_what_airflow_may_schedule_is_limited_by_the_dags_own_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = Scheduler(schedule_of(entity(**ZURICH)), utc("2026-03-29T08:00"))
    scheduler.follow(monkeypatch)
    timetable = scheduler.dag.timetable

    def first(earliest: str | None, latest: str | None, catchup: bool = False) -> str | None:
        begin, end = (instance(utc(text)) if text else None for text in (earliest, latest))
        found = timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=TimeRestriction(begin, end, catchup))
        return found.partition_key if found else None

    assert first("2026-03-01", None, catchup=True) == "2026-03-01"
    assert first("2026-03-01", None) == "2026-03-28"
    assert first("2026-04-10", None) == "2026-04-10"
    assert first("2026-04-10", "2026-04-09") is None
    assert first(None, None) == "2026-03-29", "the next one, for the last began hours ago"
    scheduler.now = utc("2026-03-28T23:10")
    assert first(None, None) == "2026-03-28", "the last one, for it has just begun"


def test_the_database_has_the_timetable_whole() -> None:
    own = schedule_of(entity(schedule="0 6 * * 1-5", **ZURICH))
    assert own is not None
    restored = decode_timetable(json.loads(json.dumps(encode_timetable(own))))
    assert restored.serialize() == own.serialize()
    assert restored.serialize()["grain"] == "day"


@pytest.mark.parametrize("schedule", ["30 2 * * *", "0 * * * *", "*/15 * * * *", "0 6 * * 1-5"])
def test_around_every_change_windows_of_exports_have_one_run_and_leave_no_time_out(schedule: str) -> None:
    """A scheduled export's partitions are what is between two ticks, each with a name of its own."""
    plain = table(schedule=schedule)
    reach = 5 * DAY if "6" in schedule else 30 * HOUR if "30" in schedule else 3 * HOUR
    for one, changes in by_kind():
        for change in changes:
            export = plain.export.model_copy(update={"timezone": one.zone})
            own = plain.model_copy(update={"export": export})
            timetable: Any = coerce_to_core_timetable(export_schedule_of(own))
            ticks = cron(schedule, one.shown(change - reach) - DAY, one.shown(change + reach))
            moments = [tick for tick in sorted({one.passed(local) for local in ticks}) if abs(tick - change) < reach]
            begin = instance(moments[0] - timedelta(seconds=1))
            info = timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=TimeRestriction(begin, None, True))
            runs = [info]
            while runs[-1].run_after < moments[-1]:
                runs.append(
                    timetable.next_dagrun_info_v2(
                        last_dagrun_info=runs[-1], restriction=TimeRestriction(None, None, True)
                    )
                )
            assert [run.run_after for run in runs] == moments, (one.zone, change)
            assert [run.partition_date for run in runs[1:]] == moments[:-1], (one.zone, change)
            names = keys(runs)
            assert len(set(names)) == len(names), (one.zone, names)
            for run in runs[1:]:
                window = period_of(own, run.partition_key, run.partition_date)
                assert (window.start, window.end) == (run.partition_date, run.run_after), (one.zone, window)
                assert period_of(own, run.partition_key) == window and window_key(own, window) == run.partition_key
                assert window_due_at(own, window.end) == run.run_after
