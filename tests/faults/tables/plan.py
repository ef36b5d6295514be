"""What happens to the table, and which faults are in whose way: a pure function of the seed and the number of items."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import Literal

from tests.faults.plan import NOISE
from tests.faults.points import KINDS, Fault, Noise
from tests.faults.tables.points import STEPS

WINDOW_MINUTES = 15
# scheduled: the run of the window's partition, which also heals. triggered: one without a partition. backfill: the
# partitions of several windows. anew: a run with the Param full.
RunKind = Literal["scheduled", "triggered", "backfill", "anew"]

# Share of kinds among the faults of the exports' tasks, and how often there is one.
_KIND_WEIGHTS = {"raise": 25, "hang": 10, "kill": 25, "lose": 25, "silence": 15}
_FAULTS = 0.3
_TWINS = 0.08
# Changes of a hundred by kind.
_CHANGES = {"update": 66, "put": 8, "delete": 11, "reput": 7, "exchange": 4, "expire": 4}
# Records of a batch of the stream, at most; the function's event source mapping has no more than this.
MOST_RECORDS = 1000
assert set(_KIND_WEIGHTS) == set(KINDS)


@dataclass(frozen=True)
class Window:
    """What comes when a window is over.

    failing: exports that DynamoDB fails. refused: requests that it refuses, though it took the first of them.
    compactions: how many run at the same time. back: partitions of a backfill. look: whether the view is looked at.
    """

    runs: tuple[RunKind, ...]
    failing: int = 0
    refused: int = 0
    compactions: int = 0
    back: int = 1
    look: bool = False


@dataclass(frozen=True)
class Batch:
    """A delivery by the stream.

    records: how many, beginning with the one that is ``back`` before those that were done. lost: Lambda has given them
    up. minutes: for so long nothing is delivered before.
    """

    records: int
    back: int = 0
    lost: bool = False
    minutes: int = 0


@dataclass(frozen=True)
class Plan:
    seed: str
    items: int
    changes: int
    windows: tuple[Window, ...]
    faulty: bool = True
    # Of a hundred changes, those that come when the last window was exported: only the stream has them.
    tail: int = 5
    export_seconds: float = 0.3
    # Whether the runs of a window end before time goes on.
    calm: bool = False

    @property
    def noise(self) -> Noise:
        return NOISE if self.faulty else Noise()

    @property
    def counts(self) -> dict[str, int]:
        """Changes by kind."""
        return {kind: max(1, self.changes * share // 100) for kind, share in _CHANGES.items()}

    @property
    def order_seed(self) -> int:
        """Seed of the orders."""
        return int.from_bytes(hashlib.sha256(self.seed.encode()).digest()[:4])

    def random(self, *what: object) -> random.Random:
        """A generator of its own for each thing."""
        return random.Random("/".join(map(str, (self.seed, *what))))

    def fault(self, kind: str, name: str) -> Fault | None:
        """The fault of a task, by its kind and name."""
        dice = self.random("fault", name)
        if not self.faulty or dice.random() >= _FAULTS:
            return None
        point = f"{dice.choice(('before', 'after'))}_{dice.choice(STEPS[kind])}"
        return Fault(point, dice.choices(list(_KIND_WEIGHTS), list(_KIND_WEIGHTS.values()))[0])

    def is_twin(self, name: str) -> bool:
        """Whether a task is started twice at the same time."""
        return self.faulty and self.random("twin", name).random() < _TWINS

    def batch(self, number: int) -> Batch:
        """The stream's delivery of this number."""
        dice = self.random("batch", number)
        # Some hundred invocations, whatever the size.
        records = dice.randint(1, max(10, min(MOST_RECORDS, (self.items + self.changes) // 100)))
        if not self.faulty:
            return Batch(records)
        back = dice.randint(1, 2 * records) if dice.random() < 0.15 else 0
        return Batch(records, back, dice.random() < 0.04, dice.choice((20, 40, 70)) if dice.random() < 0.05 else 0)


def make_plan(items: int, seed: str) -> Plan:
    count = max(4, min(40, items // 600))
    dice = random.Random(f"{seed}/windows")
    return Plan(seed, items, max(items, 300), tuple(_window(dice, place, count) for place in range(count)))


def _window(dice: random.Random, place: int, count: int) -> Window:
    kinds: list[tuple[RunKind, ...]] = [
        ("scheduled",),
        ("scheduled", "triggered"),
        ("triggered", "triggered"),
        ("scheduled", "backfill"),
        ("scheduled", "backfill", "triggered"),
        (),
    ]
    runs = dice.choices(kinds, (35, 15, 10, 15, 10, 15))[0]
    if count > 8 and place == count // 2:
        runs = ("anew", "scheduled")
    return Window(
        runs,
        failing=dice.choices((0, 1, 2, 5), (75, 13, 8, 4))[0],
        refused=dice.choices((0, 1, 3), (80, 12, 8))[0],
        compactions=dice.choices((0, 1, 2), (60, 25, 15))[0],
        back=dice.randint(1, 4),
        look=place % max(2, count // 6) == 1,
    )
