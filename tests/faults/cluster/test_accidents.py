"""What happens to machines depends on the seed alone, and each kind has its turn."""

from __future__ import annotations

import pytest

from tests.faults.cluster.accidents import CLOCK_SECONDS, KINDS, make_accidents, make_clocks


def test_accidents_are_a_pure_function_of_the_seed() -> None:
    assert make_accidents("a", 30, 3) == make_accidents("a", 30, 3)
    assert make_accidents("a", 30, 3) != make_accidents("b", 30, 3)
    assert make_clocks("a", 5) == make_clocks("a", 5)


@pytest.mark.parametrize("seed", ["a", "b", "c"])
def test_every_kind_comes_before_one_comes_again(seed: str) -> None:
    made = make_accidents(seed, 20, 3)
    assert {accident.kind for accident in made[: len(KINDS)]} == set(KINDS)
    assert [accident.after for accident in made] == sorted({accident.after for accident in made})
    assert {accident.worker for accident in made} <= {1, 2, 3}


@pytest.mark.parametrize("seed", ["a", "b", "c"])
def test_few_accidents_are_those_at_workers(seed: str) -> None:
    assert {accident.kind for accident in make_accidents(seed, 3, 2)} == {"kill_worker", "kill_task", "stand_still"}


@pytest.mark.parametrize(("workers", "wrong"), [(1, 0), (2, 1), (3, 2), (6, 2)])
def test_a_worker_at_least_has_the_right_time(workers: int, wrong: int) -> None:
    clocks = make_clocks("a", workers)
    assert len({clock.worker for clock in clocks}) == len(clocks) == wrong
    assert len({clock.seconds for clock in clocks}) == wrong
    assert {clock.seconds for clock in clocks} <= set(CLOCK_SECONDS)
