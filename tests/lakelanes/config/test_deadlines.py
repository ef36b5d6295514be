"""Periods follow each other in their time zone, and are due when their schedule says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakelanes.config.deadlines import (
    deadline_at,
    due_at,
    following,
    next_tick,
    period_at,
    period_of,
    periods,
    start_of,
)
from lakelanes.config.model import Entity
from tests.support.lakes import SALES, make_config


def entity(**settings: Any) -> Entity:
    return make_config({"sales": {**SALES, **settings}}).entities["sales"]


@pytest.mark.parametrize(
    ("keys", "path", "period", "after", "before"),
    [
        (["year", "month", "day"], "year=2024/month=02/day=29", "2024-02-29", "2024-03-01", "2024-02-28"),
        (
            ["year", "month", "day", "hour"],
            "year=2024/month=02/day=29/hour=23",
            "2024-02-29T23",
            "2024-03-01T00",
            "2024-02-29T22",
        ),
        (["year", "month"], "year=2023/month=12", "2023-12", "2024-01", "2023-11"),
        (["year"], "year=2023", "2023", "2024", "2022"),
    ],
)
def test_periods_follow_each_other(keys: list[str], path: str, period: str, after: str, before: str) -> None:
    groups = "_".join([r"(\d{4})", *[r"(\d{2})"] * (len(keys) - 1)])
    config = make_config({"sales": {**SALES, "partition_keys": keys, "filename_pattern": rf"s_{groups}\.csv"}})
    entity = config.entities["sales"]
    assert period_of(entity, path) == period
    assert (following(entity, period), following(entity, period, -1)) == (after, before)
    assert period_of(entity, "~ab") is None


def test_a_period_is_due_in_its_own_time_zone_and_by_its_schedule() -> None:
    plain = make_config({"sales": {**SALES, "timezone": "Europe/Zurich", "deadline_minutes": 90}}).entities["sales"]
    # The day the clocks go forward: 23 hours long.
    assert due_at(plain, "2024-03-31") == datetime(2024, 3, 31, 22, tzinfo=UTC)
    assert due_at(plain, "2024-03-30") == datetime(2024, 3, 30, 23, tzinfo=UTC)
    assert deadline_at(plain, "2024-03-30") - due_at(plain, "2024-03-30") == timedelta(minutes=90)
    assert period_at(plain, datetime(2024, 3, 30, 23, 30, tzinfo=UTC)) == "2024-03-31"
    six = make_config({"sales": {**SALES, "schedule": "0 6 * * *"}}).entities["sales"]
    assert due_at(six, "2024-03-15") == datetime(2024, 3, 16, 6, tzinfo=UTC)


def test_a_period_begins_at_midnight_of_its_own_time_zone() -> None:
    zurich = entity(timezone="Europe/Zurich")
    assert start_of(zurich, "2024-03-15").astimezone(UTC) == datetime(2024, 3, 14, 23, tzinfo=UTC)
    with pytest.raises(ValueError, match="2024-03"):
        start_of(zurich, "2024-03")


def test_the_periods_between_two_are_both_of_them_and_all_that_lie_between() -> None:
    assert list(periods(entity(), "2024-02-28", "2024-03-01")) == ["2024-02-28", "2024-02-29", "2024-03-01"]
    assert list(periods(entity(), "2024-03-01", "2024-03-01")) == ["2024-03-01"]
    assert list(periods(entity(), "2024-03-02", "2024-03-01")) == []


@pytest.mark.parametrize("path", ["~ab", "", "region=ch", "year=2024/month=02/day=30", "year=2024"])
def test_what_is_no_date_is_no_period(path: str) -> None:
    assert period_of(entity(), path) is None


@pytest.mark.parametrize(
    ("moment", "tick"),
    [
        (datetime(2024, 3, 15, 6, tzinfo=UTC), datetime(2024, 3, 15, 6, tzinfo=UTC)),
        (datetime(2024, 3, 15, 6, 0, 1, tzinfo=UTC), datetime(2024, 3, 16, 6, tzinfo=UTC)),
        (datetime(2024, 3, 15, 5, 59, 59, tzinfo=UTC), datetime(2024, 3, 15, 6, tzinfo=UTC)),
    ],
)
def test_a_tick_at_the_very_moment_counts(moment: datetime, tick: datetime) -> None:
    assert next_tick("0 6 * * *", "UTC", moment) == tick


@pytest.mark.parametrize(
    ("keys", "minutes"), [(["year", "month", "day"], 1440), (["year", "month"], 4320), (["year"], 10080)]
)
def test_a_longer_period_has_a_later_deadline_unless_the_entity_says_when(keys: list[str], minutes: int) -> None:
    pattern = "s_" + "_".join([r"(\d+)"] * len(keys))
    for given, wanted in ((None, minutes), (7, 7)):
        one = entity(partition_keys=keys, filename_pattern=pattern, deadline_minutes=given)
        period = period_at(one, datetime(2024, 3, 15, tzinfo=UTC))
        assert deadline_at(one, period) - due_at(one, period) == timedelta(minutes=wanted)
