"""Batches: equal work, few of them, nothing dropped."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from lakelanes.files.batch_plan import describe_batch, plan_batches
from lakelanes.ledger.source_file import SourceFile


def file(size: int, number: int = 0) -> SourceFile:
    return SourceFile("b", f"in/f{number:05}.csv", "e", size, datetime(2024, 3, 15, tzinfo=UTC))


@given(st.lists(st.integers(0, 1 << 30), max_size=200), st.integers(1 << 20, 1 << 30), st.integers(1, 40))
def test_every_file_is_in_one_batch_and_batches_are_few(sizes: list[int], batch_bytes: int, most: int) -> None:
    files = [file(size, number) for number, size in enumerate(sizes)]
    batches = plan_batches(files, batch_bytes, most)
    assert [f for batch in batches for f in batch] == files
    assert len(batches) <= most
    assert all(batches)


def test_batches_hold_about_the_bytes_asked_for() -> None:
    batches = plan_batches([file(10 << 20, n) for n in range(100)], 100 << 20)
    assert len(batches) == 11
    assert max(len(batch) for batch in batches) <= 11


def test_many_small_files_are_spread_although_they_have_few_bytes() -> None:
    assert len(plan_batches([file(1000, n) for n in range(8000)], 256 << 20)) == 2


def test_no_files_make_no_batches() -> None:
    assert plan_batches([], 1 << 20) == []


def test_a_batch_is_described_by_what_it_holds() -> None:
    assert describe_batch([file(1_500_000, 1)]) == "1 file, 1.5 MB: f00001.csv"
    assert describe_batch([file(1_000_000, n) for n in range(3)]) == "3 files, 3.0 MB: f00000.csv … f00002.csv"
    assert describe_batch([file(1234, 7)]) == "1 file, 1.2 kB: f00007.csv"
    assert describe_batch([]) == "no files"


def test_a_batch_is_full_to_the_byte_and_no_further() -> None:
    """A file costs its bytes and 64 KB; four files that fill two batches exactly are two and two."""
    exact = [file((1 << 20) - (64 << 10), number) for number in range(4)]
    assert [len(batch) for batch in plan_batches(exact, 2 << 20)] == [2, 2]
    assert [len(batch) for batch in plan_batches(exact, (2 << 20) - 1)] == [1, 1, 2]
