"""DynamoDB's clock: it can be moved, and never goes back behind a stamp."""

from __future__ import annotations

import pytest

from localaws.clock import MICROS, ClockError, ServiceClock


def test_stamps_grow_even_when_time_stands_still() -> None:
    clock = ServiceClock()
    clock.freeze(True)
    start = clock.micros()
    assert [clock.stamp() for _ in range(3)] == [start, start + 1, start + 2]


def test_a_mark_lies_between_what_was_stamped_and_what_will_be() -> None:
    clock = ServiceClock()
    clock.freeze(True)
    before = clock.stamp()
    mark = clock.mark_millisecond()
    assert mark % 1000 == 0
    assert before < mark <= clock.stamp()


def test_can_start_in_the_past_but_never_goes_behind_a_stamp() -> None:
    clock = ServiceClock(-7200.0)
    clock.freeze(True)
    stamp = clock.stamp()
    with pytest.raises(ClockError, match="something was written at"):
        clock.move_to(stamp)
    clock.move_to(stamp + 1)
    clock.advance(60)
    assert clock.stamp() == stamp + 1 + 60 * MICROS
    with pytest.raises(ClockError, match="-1 seconds"):
        clock.advance(-1)


def test_it_runs() -> None:
    clock = ServiceClock()
    first = clock.micros()
    while clock.micros() == first:
        pass
    assert clock.micros() > first
