"""How files are put into batches: each about the same work, and few of them."""

from __future__ import annotations

from collections.abc import Iterable

from lakelanes.ledger.source_file import SourceFile

# A file costs its bytes and about this much more: requests, a thread, a Parquet footer.
_FILE_COST = 64 << 10
# A mapped task costs the scheduler about a second, so a run has tens of them, not hundreds.
MAX_BATCHES = 40


def plan_batches(
    files: Iterable[SourceFile], batch_bytes: int, max_batches: int = MAX_BATCHES
) -> list[list[SourceFile]]:
    """``files`` in batches of about ``batch_bytes`` each, at most ``max_batches``, in the order of their keys.

    Keys that sort together stay together, so a batch touches few partitions.
    """
    ordered = sorted(files, key=lambda file: file.key)
    total = sum(map(_cost, ordered))
    count = max(1, min(max_batches, -(-total // batch_bytes)))
    share = -(-total // count)
    batches: list[list[SourceFile]] = []
    room = 0
    for file in ordered:
        if not batches or (room < _cost(file) and len(batches) < count):
            batches.append([])
            room = share
        batches[-1].append(file)
        room -= _cost(file)
    return batches


def describe_batch(files: Iterable[SourceFile]) -> str:
    """What a batch holds, for people: '3 files, 1.2 MB: sales_data_2024_03_15.csv … sales_data_2024_03_17.csv'."""
    ordered = list(files)
    if not ordered:
        return "no files"
    names = ordered[0].name if len(ordered) == 1 else f"{ordered[0].name} … {ordered[-1].name}"
    count = "1 file" if len(ordered) == 1 else f"{len(ordered)} files"
    size = sum(file.size for file in ordered)
    shown = f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"
    text = f"{count}, {shown}: {names}"
    return text if len(text) <= 200 else text[:199] + "…"


def _cost(file: SourceFile) -> int:
    return file.size + _FILE_COST
