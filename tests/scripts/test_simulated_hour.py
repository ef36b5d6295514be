"""The simulated hour meets the limit that it is given, and the same seed plays the same hour."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lakelanes.cost.estimate import function_seconds
from scripts.simulated_hour import BURST_SECONDS, FIRST_INSTANCES, MORE_A_MINUTE, SECONDS, Hour, key_units, simulate


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_same_seed_plays_the_same_hour_and_no_file_is_lost(seed: int) -> None:
    found = simulate(Hour(), seed)
    assert found == simulate(Hour(), seed)
    assert found != simulate(Hour(), seed + 10)
    assert found.loaded + found.waiting == pytest.approx(600_000, rel=0.01)


def test_instances_load_as_many_files_as_they_have_time_for() -> None:
    found = simulate(Hour(concurrency=10))
    assert found.loaded == pytest.approx(10 * SECONDS / function_seconds(100e3), rel=0.01)
    assert found.limit == "instances of the function" and found.busy > 0.99
    assert found.waiting > 400_000 and found.longest > 2000


def test_enough_instances_load_files_as_they_come() -> None:
    found = simulate(Hour(concurrency=60))
    assert (found.waiting, found.longest < 10) == (0, True)
    started = (60 - FIRST_INSTANCES) * 60 // MORE_A_MINUTE
    assert set(found.held) == {"instances of the function"} and found.held[found.limit] >= started


def test_a_key_takes_a_thousand_units_a_second_and_what_it_saved() -> None:
    assert key_units() == {"PARTITION": 2, "claimed": 2, "loaded": 1}
    busy = Hour(files=60_000, concurrency=1000, units={"claimed": 2})
    found = simulate(busy)
    assert found.limit == "the key claimed"
    # While the instances were started, nothing more could be saved.
    most = 500 * (SECONDS + BURST_SECONDS)
    assert most - 15_000 < found.loaded < most - 5_000
    # Two entities have two such keys, and twice the units a file halve what one takes.
    assert simulate(replace(busy, entities=2)).loaded > 1.8 * found.loaded
    assert simulate(replace(busy, units={"claimed": 4})).loaded < 0.6 * found.loaded


def test_files_that_come_at_once_wait_for_their_turn() -> None:
    even, bursts = simulate(Hour(concurrency=60)), simulate(Hour(concurrency=60, minute=2))
    assert bursts.longest > 10 * even.longest and bursts.waiting == 0
