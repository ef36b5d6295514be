"""The journal's arithmetic, against a plain replay of every write."""

from __future__ import annotations

import random

import pytest

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
