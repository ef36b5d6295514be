"""An hour of the low-latency lane with many files a minute, in steps of a second: which limit is met first?

Files arrive at random (seeded) and wait in the queue. A step takes as many as the function's instances can load and as
the ledger's busiest keys admit: an index partition gives 1,000 write units a second and saves up what is not used, for
300 seconds at most (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html).
Lambda adds instances for a queue as time goes on
(https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html).
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from lakelanes.cost.estimate import function_seconds
from lakelanes.cost.units import PARTITION_WRITES, by_key, file_writes

SECONDS = 3600
BURST_SECONDS = 300
# Lambda begins with five instances for a queue, and adds at most 300 a minute.
FIRST_INSTANCES, MORE_A_MINUTE = 5, 300
SEED = 7


@dataclass(frozen=True)
class Hour:
    """files a minute, of so many bytes, of so many entities; concurrency: the function's instances at most; minute: the
    files of a minute come within so many seconds of it; units: write units a file takes of each key of the indexes."""

    files: int = 10_000
    size: float = 100e3
    entities: int = 1
    concurrency: int = 10
    minute: int = 60
    units: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Outcome:
    """loaded, waiting: files at the end of the hour. longest: seconds that the file waited that waited longest, of
    those loaded. held: in how many seconds each limit held files back. busy: the part of the instances' time that was
    used."""

    loaded: int
    waiting: int
    longest: int
    held: Mapping[str, int]
    busy: float

    @property
    def limit(self) -> str:
        """What held files back most often; '' for nothing."""
        return max(self.held, key=lambda name: self.held[name], default="")


def key_units() -> dict[str, int]:
    """Write units of a file by key of the indexes, as the ledger's items have them."""
    return {key.removeprefix("ENTITY#"): units for (index, key), units in by_key(file_writes()).items() if index}


def simulate(hour: Hour, seed: int = SEED) -> Outcome:
    """Plays the hour. The same seed gives the same outcome."""
    rolls = random.Random(seed)
    units = dict(hour.units or key_units())
    # All entities have their own keys, and as many files each. The time before the hour was quiet.
    saved = dict.fromkeys(units, float(PARTITION_WRITES * BURST_SECONDS))
    seconds = function_seconds(hour.size)
    waiting: list[list[int]] = []  # [second of arrival, how many], oldest first
    head = loaded = longest = 0
    held: dict[str, int] = {}
    used = room = owed = 0.0
    for second in range(SECONDS):
        if second % 60 < hour.minute:
            mean = hour.files / hour.minute
            waiting.append([second, max(0, round(rolls.gauss(mean, mean**0.5)))])
        instances = min(hour.concurrency, FIRST_INSTANCES + MORE_A_MINUTE * second // 60)
        # What an instance has left of a file goes on in the next second.
        owed = min(owed + instances / seconds, 2 * instances / seconds)
        limits = {"instances of the function": owed}
        for key, cost in units.items():
            saved[key] = min(saved[key] + PARTITION_WRITES, PARTITION_WRITES * BURST_SECONDS)
            limits[f"the key {key}"] = saved[key] / cost * hour.entities
        queued = sum(count for _, count in waiting[head:])
        least = min(limits, key=lambda name: limits[name])
        taken = min(queued, int(limits[least]))
        if taken < queued:
            held[least] = held.get(least, 0) + 1
        room += instances
        used += taken * seconds
        owed -= taken
        for key, cost in units.items():
            saved[key] -= taken * cost / hour.entities
        loaded += taken
        while taken:
            arrived, count = waiting[head]
            longest = max(longest, second - arrived)
            part = min(taken, count)
            waiting[head][1] -= part
            taken -= part
            head += waiting[head][1] == 0
    return Outcome(loaded, sum(count for _, count in waiting[head:]), longest, held, used / room)
