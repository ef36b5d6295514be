"""What happens to the machines of a cluster, and when: a pure function of the seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["kill_worker", "kill_task", "stand_still", "cut_off", "scheduler", "triggerer", "database"]

# Each comes once before one comes twice. kill_worker: the machine is gone, with all that ran there. kill_task: SIGKILL
# of a task's process. stand_still: all processes of a worker stop, for longer than a lease, and go on. cut_off: no node
# reaches AWS for a while. scheduler and triggerer: killed. database: stopped, which cuts off who uses it.
KINDS: tuple[Kind, ...] = (
    "kill_worker",
    "kill_task",
    "stand_still",
    "scheduler",
    "database",
    "cut_off",
    "triggerer",
)
AT_WORKERS: tuple[Kind, ...] = ("kill_worker", "kill_task", "stand_still")
# These come more often.
_WEIGHTS = (5, 5, 3, 2, 1, 2, 1)
# Minutes that a clock may be wrong without AWS's refusing all that it signs: 5
# (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html).
CLOCK_SECONDS = (-150, 150)


@dataclass(frozen=True)
class Accident:
    """``after`` so many runs have begun, ``kind`` happens; of the workers it meets the one with this number, or the
    next one that has a task."""

    after: int
    kind: Kind
    worker: int


@dataclass(frozen=True)
class Clock:
    """A worker's clock is wrong by so many seconds, from the beginning until there are no more accidents."""

    worker: int
    seconds: int


def make_accidents(seed: str, count: int, workers: int) -> list[Accident]:
    """So many accidents, one after the other."""
    dice = random.Random(f"{seed}/accidents")
    kinds: list[Kind] = dice.sample(KINDS, len(KINDS))
    # With few files there are few accidents, and a killed worker is what most looks for.
    kinds.sort(key=lambda kind: kind not in AT_WORKERS)
    kinds += dice.choices(KINDS, _WEIGHTS, k=max(0, count - len(kinds)))
    return [Accident(number, kind, dice.randrange(workers) + 1) for number, kind in enumerate(kinds[:count], 1)]


def make_clocks(seed: str, workers: int) -> list[Clock]:
    """Of three workers or more one is ahead and one behind, of two one is; a lone one is right."""
    dice = random.Random(f"{seed}/clocks")
    wrong = dice.sample(range(1, workers + 1), min(2, workers - 1))
    return [Clock(worker, seconds) for worker, seconds in zip(wrong, dice.sample(CLOCK_SECONDS, 2), strict=False)]


def accidents_of(days: Sequence[object]) -> int:
    """How many there are in a plan of so many days."""
    return max(3, len(days) // 2)
