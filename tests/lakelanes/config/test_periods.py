"""What periods there are, and when each begins, ends and is due, told from the offsets around every clock change."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from lakelanes.config.periods import Periods
from tests.support.clock_changes import EVERYTHING, LAST, LIMIT, Clocks, chosen, clocks, expected, starts_of, tried

pytestmark = LIMIT
FORMS: dict[Any, str] = {"hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}
DAY = timedelta(days=1)
# By grain, how long before and after a change to look, and the schedules to try.
AROUND = {
    "hour": (DAY / 4, [None, "0 * * * *", "20 * * * *", "5 */6 * * *"]),
    "day": (3 * DAY, [None, "0 0 * * *", "30 2 * * *", "0 6 * * 1-5", "15 */4 * * *"]),
    "month": (35 * DAY, [None, "0 0 1 * *", "30 2 3 * *"]),
    "year": (366 * DAY, [None, "0 0 1 1 *"]),
}


def of(grain: Any, zone: str, schedule: str | None = None) -> Periods:
    return Periods(grain, FORMS[grain], zone, schedule)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.slow
@pytest.mark.parametrize("grain", FORMS)
def test_around_every_change_periods_follow_each_other_and_have_one_run(grain: str) -> None:
    """Each is the one that is due by its schedule at the moment that the offsets tell, and no other is."""
    reach, schedules = AROUND[grain]
    count = 0
    numbers = itertools.count()
    for one, changes in tried():
        for change, number in zip(changes, numbers, strict=False):
            for schedule in chosen(schedules, number):
                count += check(of(grain, one.zone, schedule), one, change - reach, change + reach)
    print(f"{count} periods of grain {grain}")
    assert count > sum(len(changes) for _, changes in tried())


def check(periods: Periods, clocks: Clocks, first: datetime, last: datetime) -> int:
    """Compares the periods between two moments with what the offsets tell. Returns their number."""
    # A tick of a schedule of working days starts what was over two days before.
    earlier = 4 * DAY if periods.grain == "day" else DAY / 2
    starts = starts_of(periods.grain, clocks.shown(first) - earlier, clocks.shown(last))
    every = expected(clocks, starts, periods.form, periods.schedule, last + DAY)
    # Of what was before the clocks were looked at nothing is known.
    found = [one for one in every if one.begin >= clocks.starts[0]]
    names = [period.name for period in found]
    where = f"{periods} {first}"
    assert list(periods.between(names[0], names[-1])) == names, where
    for before, after in pairwise(names):
        assert (periods.following(before), periods.following(after, -1)) == (after, before), where
    for one in found:
        stand = (periods.starts_at(one.name), periods.ends_at(one.name), periods.due_at(one.name))
        assert stand == (one.begin, one.end, one.due), f"{one} {where}"
        assert periods.exists(one.name) and periods.holding(one.begin) == one.name, f"{one} {where}"
    for before_it, due in pairwise(sorted({one.due for one in found})):
        assert periods.first_due(due) == next(one.name for one in found if one.due == due), f"{due} {where}"
        last_before = max(one.name for one in found if one.due == before_it)
        assert periods.last_due(due - timedelta(seconds=1)) == last_before, f"{due} {where}"
    return len(found)


@pytest.mark.slow
@pytest.mark.parametrize("grain", ["day", "month", "year"])
def test_from_1970_to_2099_no_period_is_left_out_and_none_is_there_twice(grain: str) -> None:
    some = [one for one, _ in tried()] if EVERYTHING else [clocks("Pacific/Apia")]
    first, last = (f"{day:{FORMS[grain]}}" for day in (datetime(1970, 1, 1), datetime(2099, 12, 31)))
    starts = starts_of(grain, datetime(1970, 1, 1), datetime(2099, 12, 31))
    count = 0
    for one in some:
        found = [period for period in expected(one, starts, FORMS[grain], None, LAST + DAY) if period.name <= last]
        periods = of(grain, one.zone)
        names = list(periods.between(first, last))
        assert names == [period.name for period in found], one.zone
        assert [periods.ends_at(name) for name in names] == [period.end for period in found], one.zone
        count += len(names)
    print(f"{count} periods of grain {grain} in {len(some)} zones")
    whole = {"day": 47_482, "month": 1560, "year": 130}[grain]
    # Few zones left out a day, and none more than one.
    assert whole * len(some) - 20 < count <= whole * len(some)


def test_a_skipped_hour_is_no_period_and_one_that_comes_twice_is_one() -> None:
    zurich = of("hour", "Europe/Zurich")
    assert list(zurich.between("2026-03-29T00", "2026-03-29T04")) == [f"2026-03-29T0{hour}" for hour in (0, 1, 3, 4)]
    assert not zurich.exists("2026-03-29T02")
    assert list(zurich.between("2026-03-29T02", "2026-03-29T02")) == []
    assert zurich.following("2026-03-29T02") == zurich.following("2026-03-29T01") == "2026-03-29T03"
    assert zurich.following("2026-03-29T02", -1) == zurich.following("2026-03-29T03", -1) == "2026-03-29T01"
    assert zurich.following("2026-03-29T02", 0) == "2026-03-29T02", "to look at it changes nothing"
    assert zurich.names("2026-03-29T01", 3) == ["2026-03-29T01", "2026-03-29T02", "2026-03-29T03"]
    twice = "2026-10-25T02"
    assert zurich.ends_at(twice) - zurich.starts_at(twice) == timedelta(hours=2)
    assert {zurich.holding(utc(f"2026-10-25T0{hour}:30")) for hour in (0, 1)} == {twice}
    assert zurich.due_at(twice) == utc("2026-10-25T02:00")
    assert zurich.due_at("2026-10-25T01") == utc("2026-10-25T00:00")


def test_a_day_that_a_zone_left_out_is_no_period() -> None:
    apia = of("day", "Pacific/Apia")
    assert list(apia.between("2011-12-28", "2012-01-01")) == ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"]
    assert not apia.exists("2011-12-30")
    assert apia.ends_at("2011-12-29") == apia.starts_at("2011-12-31") == utc("2011-12-30T10:00")


def test_a_schedule_with_fewer_ticks_starts_several_periods_at_one() -> None:
    weekdays = of("day", "Europe/Zurich", "0 6 * * 1-5")
    monday = utc("2026-03-30T04:00")
    assert [weekdays.due_at(f"2026-03-{day}") for day in (27, 28, 29)] == [monday] * 3
    assert (weekdays.first_due(monday), weekdays.last_due(monday)) == ("2026-03-27", "2026-03-29")


def test_a_schedule_with_more_ticks_starts_a_period_at_the_first_at_which_it_is_over() -> None:
    often = of("day", "Europe/Zurich", "5 */6 * * *")
    assert often.due_at("2026-03-28") == utc("2026-03-28T23:05")
    assert often.last_due(utc("2026-03-29T20:00")) == "2026-03-28"


def test_what_is_no_period_is_refused() -> None:
    with pytest.raises(ValueError, match="2024-03"):
        of("day", "UTC").starts_at("2024-03")
