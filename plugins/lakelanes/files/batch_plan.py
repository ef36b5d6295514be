"""How files are put into batches: each about the same work, and few of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from lakelanes.ledger.source_file import SourceFile

Item = TypeVar("Item")

# A file with the name of its entity.
Planned = tuple[str, SourceFile]

# A file costs its bytes and about this much more: requests, a thread, a Parquet footer.
_FILE_COST = 64 << 10
# A mapped task costs the scheduler about a second, so a run has tens of them, not hundreds.
MAX_BATCHES = 40
# Of a batch's description: so that as many as there may be, each character escaped (12 bytes), are below 100 KB.
MAX_LABEL = 160
# Parts of a batch that one is counted in, for sums without rounding errors.
_PARTS_BITS = 40


def plan_batches(
    files: Iterable[SourceFile], batch_bytes: int, max_batches: int = MAX_BATCHES
) -> list[list[SourceFile]]:
    """``files`` in batches of about ``batch_bytes`` each, at most ``max_batches``, in the order of their keys.

    Keys that sort together stay together, so a batch touches few partitions.
    """
    ordered = sorted(files, key=lambda file: file.key)
    return _cut(ordered, [_cost(file) for file in ordered], batch_bytes, max_batches)


def plan_together(
    found: Mapping[str, Iterable[SourceFile]], batch_bytes: Mapping[str, int], max_batches: int = MAX_BATCHES
) -> list[list[Planned]]:
    """Files of several entities in batches, at most ``max_batches`` in all however many entities there are.

    Each file takes the part of a batch that it is of its own entity's ``batch_bytes``; so a batch may hold files of
    several entities, an entity's beside each other and in the order of their keys.
    """
    ordered = [(name, file) for name, files in found.items() for file in sorted(files, key=lambda file: file.key)]
    parts = [(_cost(file) << _PARTS_BITS) // batch_bytes[name] for name, file in ordered]
    return _cut(ordered, parts, 1 << _PARTS_BITS, max_batches)


def _cut(ordered: list[Item], costs: list[int], full: int, max_batches: int) -> list[list[Item]]:
    """Items in batches of equal cost, as many as the cost of a ``full`` one makes of all, and ``max_batches`` at
    most."""
    total = sum(costs)
    count = max(1, min(max_batches, -(-total // full)))
    share = -(-total // count)
    batches: list[list[Item]] = []
    room = 0
    for item, cost in zip(ordered, costs, strict=True):
        if not batches or (room < cost and len(batches) < count):
            batches.append([])
            room = share
        batches[-1].append(item)
        room -= cost
    return batches


def describe_batch(files: Iterable[SourceFile], entities: Iterable[str] = ()) -> str:
    """What a batch holds, for people: '3 files, 1.2 MB: sales_data_2024_03_15.csv … sales_data_2024_03_17.csv'.

    entities: whose they are, where that has to be said. At most MAX_LABEL characters.
    """
    ordered = list(files)
    if not ordered:
        return "no files"
    names = ordered[0].name if len(ordered) == 1 else f"{ordered[0].name} … {ordered[-1].name}"
    count = "1 file" if len(ordered) == 1 else f"{len(ordered)} files"
    size = sum(file.size for file in ordered)
    shown = f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"
    owners = list(dict.fromkeys(entities))
    whose = f"{owners[0] if len(owners) == 1 else f'{len(owners)} entities'}: " if owners else ""
    text = f"{whose}{count}, {shown}: {names}"
    return text if len(text) <= MAX_LABEL else text[: MAX_LABEL - 1] + "…"


def _cost(file: SourceFile) -> int:
    return file.size + _FILE_COST
