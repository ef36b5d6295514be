"""Windows: on the grid, without holes, within DynamoDB's limits, whoever asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.tables.windows import (
    MAX_WINDOW,
    MIN_WINDOW,
    Window,
    backfill_windows,
    ceil_minute,
    consecutive_windows,
    floor_minute,
    minute_text,
    next_window,
    parse_minute,
)
from tests.support.properties import examples

MINUTES = st.sampled_from([15, 20, 30, 60, 120, 180, 240, 360, 480, 720, 1440])
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)).map(lambda d: floor_minute(d.replace(tzinfo=UTC)))


def at(text: str) -> datetime:
    return parse_minute(f"20260101T{text}Z")


@pytest.mark.parametrize(
    ("start", "minutes", "end"),
    [("1000", 60, "1100"), ("1017", 60, "1100"), ("1047", 60, "1200"), ("1007", 15, "1030"), ("1017", 1440, "2400")],
)
def test_a_window_ends_on_the_grid_15_minutes_away_or_more(start: str, minutes: int, end: str) -> None:
    wanted = at("0000") + timedelta(days=1) if end == "2400" else at(end)
    assert next_window(at(start), minutes) == Window(at(start), wanted)


def test_where_the_grid_is_more_than_a_day_away_the_window_ends_halfway() -> None:
    window = next_window(at("2350"), 1440)
    assert window.end - window.start == timedelta(hours=12)
    assert next_window(window.end, 1440).end == at("0000") + timedelta(days=2)


@examples(100)
@given(MOMENTS, MINUTES, MINUTES)
def test_windows_follow_each_other_within_the_limits_even_when_their_length_changes(
    base: datetime, minutes: int, later: int
) -> None:
    before = list(consecutive_windows(base, {}, minutes, base + timedelta(days=2)))
    known = {window.start: window for window in before[:3]}
    windows = list(consecutive_windows(base, known, later, base + timedelta(days=5)))
    assert windows[: len(known)] == list(known.values())
    assert windows[0].start == base
    for window, following in pairwise(windows):
        assert window.end == following.start
    for window in windows:
        assert MIN_WINDOW <= window.end - window.start <= MAX_WINDOW
    # After the windows that were known it takes two to be on the grid again.
    assert all((window.end - at("0000")) % timedelta(minutes=later) == timedelta() for window in windows[5:])


@examples(100)
@given(MOMENTS, MOMENTS, MOMENTS, MINUTES)
def test_history_is_within_what_is_held_and_before_the_base(
    earliest: datetime, base: datetime, start: datetime, minutes: int
) -> None:
    period = Window(start, start + timedelta(hours=30))
    for window in backfill_windows(earliest, base, period, minutes):
        assert earliest <= window.start < window.end <= base
        assert MIN_WINDOW <= window.end - window.start <= MAX_WINDOW


def test_periods_share_the_history_between_them() -> None:
    base = at("1030")
    hours = [Window(at(f"{hour:02}00"), at(f"{hour + 1:02}00")) for hour in range(7, 11)]
    found = [backfill_windows(at("0810"), base, hour, 60) for hour in hours]
    assert found == [[], [Window(at("0810"), at("0900"))], [Window(at("0900"), at("1000"))], [Window(at("1000"), base)]]


def test_whole_minutes() -> None:
    moment = datetime(2026, 1, 1, 10, 17, 0, 1, UTC)
    assert (minute_text(floor_minute(moment)), minute_text(ceil_minute(moment))) == (
        "20260101T1017Z",
        "20260101T1018Z",
    )
    assert ceil_minute(floor_minute(moment)) == floor_minute(moment)
