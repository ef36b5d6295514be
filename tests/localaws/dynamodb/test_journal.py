"""The journal's arithmetic, against a plain replay of every write."""

from __future__ import annotations

import random

import pytest

from localaws.clock import MICROS, ClockError, ServiceClock
from localaws.dynamodb.journal import Item, Journal, Key

Write = tuple[int, Key, Item | None]


def replay(base: dict[Key, Item], writes: list[Write], end: int) -> dict[Key, Item]:
    items = dict(base)
    for at, key, new in writes:
        if at < end and new is None:
            items.pop(key, None)
        elif at < end and new is not None:
            items[key] = new
    return items


@pytest.mark.parametrize("seed", range(20))
def test_states_and_net_changes_are_those_of_a_replay(seed: int) -> None:
    chosen = random.Random(seed)
    base = {(str(n), "0"): {"v": {"N": "0"}} for n in range(3)}
    journal, writes, items = Journal(base.items()), [], dict(base)
    for at in range(100, 160, chosen.randint(1, 4)):
        key = (str(chosen.randrange(6)), "0")
        new = None if chosen.random() < 0.4 else {"v": {"N": str(at)}}
        if new is None and key not in items:
            continue
        journal.record(at, key, items.get(key), new)
        writes.append((at, key, new))
        items = replay(base, writes, at + 1)
    assert journal.state(10_000) == items
    for _ in range(30):
        start, end = sorted(chosen.sample(range(95, 170), 2))
        before, after = replay(base, writes, start), replay(base, writes, end)
        assert journal.state(start) == before
        last = {key: at for at, key, _ in writes if start <= at < end}
        expected = {key: (before.get(key), after.get(key), at) for key, at in last.items()}
        expected = {key: change for key, change in expected.items() if change[:2] != (None, None)}
        found = {change.key: (change.old, change.new, change.written_at) for change in journal.net_changes(start, end)}
        assert found == expected


class TestServiceClock:
    def test_stamps_grow_even_when_time_stands_still(self) -> None:
        clock = ServiceClock()
        clock.freeze(True)
        start = clock.micros()
        assert [clock.stamp() for _ in range(3)] == [start, start + 1, start + 2]

    def test_a_mark_lies_between_what_was_stamped_and_what_will_be(self) -> None:
        clock = ServiceClock()
        clock.freeze(True)
        before = clock.stamp()
        mark = clock.mark_millisecond()
        assert mark % 1000 == 0
        assert before < mark <= clock.stamp()

    def test_can_start_in_the_past_but_never_goes_behind_a_stamp(self) -> None:
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

    def test_runs(self) -> None:
        clock = ServiceClock()
        first = clock.micros()
        while clock.micros() == first:
            pass
        assert clock.micros() > first
