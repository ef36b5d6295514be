"""When local times have passed and schedules tick, told from the offsets of every kind of clock change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lakelanes.config.local_time import begins_at, is_skipped, local_time, next_tick, passed_at, previous_tick
from tests.support.clock_changes import EVERYTHING, KINDS, LIMIT, cron, tried

pytestmark = LIMIT
ZURICH = "Europe/Zurich"
QUARTER = timedelta(minutes=15)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_every_kind_of_change_is_tried() -> None:
    """The counts of the tz database; an edition with fewer would try less than the tests say."""
    zones, changes = len(tried()), sum(len(changes) for _, changes in tried())
    print(f"{zones} clocks, {changes} changes")
    assert changes >= (30_000 if EVERYTHING else len(KINDS))
    assert zones >= (300 if EVERYTHING else 63)


def test_local_times_around_every_change_begin_and_pass_when_the_offsets_say_so() -> None:
    tried_times = 0
    for clocks, changes in tried():
        for change in changes:
            before = clocks.shown(change - timedelta(seconds=1)) + timedelta(seconds=1)
            edges = {before, clocks.shown(change)}
            around = min(edges).replace(minute=0, second=0) - 3 * 4 * QUARTER
            span = (max(edges) - around) // QUARTER + 3 * 4
            for local in sorted({*edges, *(around + step * QUARTER for step in range(span))}):
                assert begins_at(local, clocks.zone) == clocks.begins(local), (clocks.zone, local)
                assert passed_at(local, clocks.zone) == clocks.passed(local), (clocks.zone, local)
                is_shown = clocks.shown(clocks.begins(local)) == local
                assert is_skipped(local, clocks.zone) is not is_shown, (clocks.zone, local)
                tried_times += 1
    print(f"{tried_times} local times")
    assert tried_times > 25 * sum(len(changes) for _, changes in tried())


def test_a_time_that_is_skipped_has_passed_when_the_clocks_go_forward() -> None:
    forward = utc("2026-03-29T01:00")
    for minute in (0, 30, 59):
        assert passed_at(datetime(2026, 3, 29, 2, minute), ZURICH) == forward
    assert passed_at(datetime(2026, 3, 29, 3), ZURICH) == forward
    assert passed_at(datetime(2026, 3, 29, 1, 59), ZURICH) == utc("2026-03-29T00:59")
    assert is_skipped(datetime(2026, 3, 29, 2), ZURICH) and not is_skipped(datetime(2026, 3, 29, 3), ZURICH)


def test_a_time_that_comes_twice_begins_the_first_time_and_has_passed_the_second() -> None:
    local = datetime(2026, 10, 25, 2, 30)
    assert begins_at(local, ZURICH) == utc("2026-10-25T00:30")
    assert passed_at(local, ZURICH) == utc("2026-10-25T01:30")
    assert [local_time(moment, ZURICH).fold for moment in (utc("2026-10-25T00:30"), utc("2026-10-25T01:30"))] == [0, 1]
    # Nothing that is earlier than the first of them is shown again.
    assert passed_at(datetime(2026, 10, 25, 2), ZURICH) == utc("2026-10-25T00:00")
    assert passed_at(datetime(2026, 10, 25, 3), ZURICH) == utc("2026-10-25T02:00")


@pytest.mark.parametrize(
    ("moment", "tick"),
    [
        ("2024-03-15T06:00:00", "2024-03-15T06:00"),
        ("2024-03-15T06:00:01", "2024-03-16T06:00"),
        ("2024-03-15T06:00:00.000001", "2024-03-16T06:00"),
        ("2024-03-15T05:59:59", "2024-03-15T06:00"),
    ],
)
def test_a_tick_at_the_very_moment_counts(moment: str, tick: str) -> None:
    assert next_tick("0 6 * * *", "UTC", utc(moment)) == utc(tick)


@pytest.mark.parametrize(
    ("moment", "tick"),
    [
        ("2024-03-15T06:00:00", "2024-03-15T06:00"),
        ("2024-03-15T05:59:59.999999", "2024-03-14T06:00"),
        ("2024-03-15T06:00:00.000001", "2024-03-15T06:00"),
    ],
)
def test_the_tick_before_may_be_at_the_very_moment(moment: str, tick: str) -> None:
    assert previous_tick("0 6 * * *", "UTC", utc(moment)) == utc(tick)


def test_a_tick_that_is_skipped_is_when_the_clocks_go_forward() -> None:
    ticks = ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"]
    assert chain("30 2 * * *", ZURICH, ticks[0], 2) == ticks


def test_a_tick_that_comes_twice_is_once() -> None:
    ticks = ["2026-10-24T00:30", "2026-10-25T01:30", "2026-10-26T01:30"]
    assert chain("30 2 * * *", ZURICH, ticks[0], 2) == ticks
    hours = ["2026-10-25T00:00", "2026-10-25T02:00", "2026-10-25T03:00"]
    assert chain("0 * * * *", ZURICH, hours[0], 2) == hours, "02:00, 03:00 and 04:00"


def chain(schedule: str, zone: str, first: str, count: int) -> list[str]:
    """A tick and those after it, each the one before the next."""
    ticks = [next_tick(schedule, zone, utc(first))]
    for _ in range(count):
        ticks.append(next_tick(schedule, zone, ticks[-1] + timedelta(seconds=1)))
        assert previous_tick(schedule, zone, ticks[-1] - timedelta(seconds=1)) == ticks[-2]
    return [f"{tick:%Y-%m-%dT%H:%M}" for tick in ticks]


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["*/15 * * * *", "0 * * * *", "30 2 * * *", "0 0 * * *", "10 1-3 * * *"])
def test_ticks_around_every_change_follow_each_other(schedule: str) -> None:
    """From any moment the next tick and the previous one are neighbours among those that the offsets tell."""
    for clocks, changes in tried() if not EVERYTHING else tried()[::9]:
        for change in changes:
            first, last = change - timedelta(days=2), change + timedelta(days=2)
            ticks = cron(schedule, clocks.shown(first), clocks.shown(last))
            moments = sorted({clocks.passed(local) for local in ticks})
            near = [place for place, tick in enumerate(moments[1:], 1) if abs(tick - change) < timedelta(hours=30)]
            for place in near[:: max(1, len(near) // 12)]:
                before, tick = moments[place - 1 : place + 1]
                for moment in (before + timedelta(seconds=1), (before + (tick - before) / 2), tick):
                    assert next_tick(schedule, clocks.zone, moment) == tick, (clocks.zone, moment)
                for moment in (before, before + (tick - before) / 2, tick - timedelta(seconds=1)):
                    assert previous_tick(schedule, clocks.zone, moment) == before, (clocks.zone, moment)
