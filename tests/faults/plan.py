"""What happens to which file, and which faults are in its way: a pure function of the seed and the number of files."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Literal

from tests.faults.points import KINDS, STEPS, Fault, Noise

Kind = Literal["good", "mixed", "wide", "empty", "refused", "large"]

ENTITY = "orders"
ENTITIES: dict[str, Any] = {
    ENTITY: {
        "table_name": "orders_data",
        "filename_pattern": r"orders_(\d{4})_(\d{2})_(\d{2})_\d+\.csv",
        "partition_keys": ["year", "month", "day"],
        "schema": [
            {"name": "file_id", "type": "string"},
            {"name": "version", "type": "int"},
            {"name": "row_id", "type": "int"},
            {"name": "amount", "type": "decimal(10,2)"},
            {"name": "note", "type": "string"},
        ],
        "settle_seconds": 0,
        "batch_bytes": 1 << 20,
    }
}
FILES_PER_DAY = 50
_WAVES = 3
_LARGE_EVERY = 1000
# Enough for two parts of an upload, and for two reads.
_LARGE_BYTES = 13 << 20
_WIDE_BYTES = 140 << 10
_FIRST_DAY = date(2024, 1, 1)
# Share of kinds among the faults; a fault whose point the file never comes to is not injected.
_KIND_WEIGHTS = {"raise": 25, "hang": 8, "kill": 20, "lose": 30, "silence": 13}
# Steps that only files of these kinds come to.
_STEPS_OF: dict[str, tuple[Kind, ...]] = {
    "rejects": ("mixed", "wide", "refused"),
    "read": ("wide", "large"),
    "part": ("large",),
}
NOISE = Noise(throttled=4000, failed=3000, failed_afterwards=3000, partial=200_000)
assert set(_KIND_WEIGHTS) == set(KINDS)


@dataclass(frozen=True)
class Version:
    """Content of a file. Every row carries the file's id, the version's number and its own."""

    file_id: str
    number: int
    kind: Kind
    salt: str = ""

    @cached_property
    def _counts(self) -> tuple[int, int]:
        dice = random.Random(f"{self.salt}/{self.file_id}/{self.number}")
        # A row may have 4 MiB.
        good = 0 if self.kind == "empty" else dice.randint(4, 7) if self.kind == "large" else dice.randint(1, 4)
        return good, dice.randint(1, 2) if self.kind in ("mixed", "wide") else 0

    @cached_property
    def body(self) -> bytes:
        good, bad = self._counts
        dice = random.Random(f"{self.salt}/{self.file_id}/{self.number}/text")
        size = {"large": _LARGE_BYTES // max(1, good), "wide": _WIDE_BYTES}.get(self.kind, 10)
        amount = "" if self.kind == "refused" else ",amount"
        lines = [f"file_id,version,row_id{amount},note"]
        for row in range(good + bad):
            value = "" if self.kind == "refused" else f",{'bad' if row >= good else f'{row}.50'}"
            lines.append(f"{self.file_id},{self.number},{row}{value},{dice.randbytes(size // 2).hex()}")
        return ("\n".join(lines) + "\n").encode()

    @cached_property
    def etag(self) -> str:
        return hashlib.md5(self.body, usedforsecurity=False).hexdigest()

    @property
    def rows(self) -> Counter[tuple[int, int]]:
        """(version, row id) of the rows that belong into the table."""
        return Counter((self.number, row) for row in range(self._counts[0])) if self.kind != "refused" else Counter()

    @property
    def rejects(self) -> Counter[tuple[int, int]]:
        """(version, row id) of the rows that belong among the rejected."""
        good, bad = self._counts
        return Counter((self.number, row) for row in range(0 if self.kind == "refused" else good, good + bad))


@dataclass(frozen=True)
class Change:
    """A new version of a file, or its deletion (None). ``events`` are the waves in which its event is delivered: none
    when it is lost, several when it is doubled, later ones when it is delayed."""

    key: str
    version: Version | None
    wave: int
    in_flight: bool
    events: tuple[int, ...] = ()


@dataclass(frozen=True)
class Day:
    """Files of one partition: their changes in order, and the faults of each wave by file."""

    partition: str
    key: str
    changes: tuple[Change, ...]
    batch_waves: frozenset[int]
    faults: tuple[dict[str, Fault], ...]
    register_faults: tuple[Fault | None, ...]

    @property
    def files(self) -> dict[str, list[Version | None]]:
        """The versions of every file, oldest first."""
        found: dict[str, list[Version | None]] = {}
        for change in self.changes:
            found.setdefault(change.key, []).append(change.version)
        return found


@dataclass(frozen=True)
class Plan:
    seed: str
    days: tuple[Day, ...]
    noise: Noise = NOISE
    waves: int = _WAVES
    files: dict[str, list[Version | None]] = field(default_factory=dict)

    @property
    def faults(self) -> int:
        count = sum(len(wave) for day in self.days for wave in day.faults)
        return count + sum(fault is not None for day in self.days for fault in day.register_faults)


def make_plan(files: int, seed: str) -> Plan:
    days = []
    for number, start in enumerate(range(0, files, FILES_PER_DAY)):
        ids = range(start, min(start + FILES_PER_DAY, files))
        days.append(_day(number, ids, random.Random(f"{seed}/{number}"), seed))
    everything = {key: versions for day in days for key, versions in day.files.items()}
    return Plan(seed, tuple(days), files=everything)


def _day(number: int, ids: range, dice: random.Random, seed: str) -> Day:
    when = _FIRST_DAY + timedelta(days=number)
    changes: list[Change] = []
    for identity in ids:
        key = f"orders_{when:%Y_%m_%d}_{identity:06d}.csv"
        changes += _changes(key, f"{identity:06d}", identity % _LARGE_EVERY == 7, dice, seed)
    dice.shuffle(changes)
    changes.sort(key=lambda change: change.wave)  # stable: the order of a file's own changes is restored next
    changes = _in_order(changes)
    keys = [sorted({change.key for change in changes if change.wave == wave}) for wave in range(_WAVES)]
    return Day(
        f"year={when:%Y}/month={when:%m}/day={when:%d}",
        f"{when:%Y-%m-%d}",
        tuple(changes),
        frozenset(wave for wave in range(_WAVES) if dice.random() < 0.6),
        tuple({key: _fault(key, changes, dice) for key in own if dice.random() < 0.15} for own in keys),
        tuple(
            Fault(dice.choice(("before_register", "after_register")), _kind(dice)) if dice.random() < 0.4 else None
            for _ in range(_WAVES)
        ),
    )


def _changes(key: str, identity: str, large: bool, dice: random.Random, seed: str) -> list[Change]:
    count = dice.choices((1, 2, 3), (70, 20, 10))[0]
    versions: list[Version | None] = []
    for number in range(1, count + 1):
        kinds: tuple[Kind, ...] = ("good", "mixed", "wide", "empty", "refused")
        kind = "large" if large and number == 1 else dice.choices(kinds, (62, 20, 5, 3, 10))[0]
        earlier = [version for version in versions if version]
        if earlier and dice.random() < 0.15:
            versions.append(dice.choice(earlier))
        else:
            versions.append(Version(identity, number, kind, seed))
    if dice.random() < 0.03:
        versions.append(None)
        if dice.random() < 0.5:
            versions.append(Version(identity, len(versions) + 1, "good", seed))
    waves = sorted(dice.randrange(_WAVES) for _ in versions)
    return [
        Change(key, version, wave, position > 0 and dice.random() < 0.6, _events(wave, dice))
        for position, (version, wave) in enumerate(zip(versions, waves, strict=True))
    ]


def _events(wave: int, dice: random.Random) -> tuple[int, ...]:
    if dice.random() < 0.04:
        return ()
    times = [wave]
    if dice.random() < 0.1:
        times[0] = dice.randint(wave, _WAVES)
    while dice.random() < 0.15:
        times.append(dice.randint(wave, _WAVES))
    return tuple(times)


def _in_order(changes: list[Change]) -> list[Change]:
    """The same places, each file's changes in their own order: by version, in_flight ones last."""
    places: dict[str, list[int]] = {}
    for position, change in enumerate(changes):
        places.setdefault(change.key, []).append(position)
    result = list(changes)
    for positions in places.values():
        own = sorted((changes[p] for p in positions), key=lambda change: (change.wave, change.in_flight))
        for position, change in zip(positions, own, strict=True):
            result[position] = change
    return result


def _fault(key: str, changes: list[Change], dice: random.Random) -> Fault:
    kinds = {change.version.kind for change in changes if change.key == key and change.version}
    steps = [step for step in STEPS if step != "register" and kinds & set(_STEPS_OF.get(step, kinds))]
    return Fault(f"{dice.choice(('before', 'after'))}_{dice.choice(steps)}", _kind(dice), key)


def _kind(dice: random.Random) -> str:
    return dice.choices(list(_KIND_WEIGHTS), list(_KIND_WEIGHTS.values()))[0]
