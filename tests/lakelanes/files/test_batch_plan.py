"""Batches: equal work, few of them, nothing dropped."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from lakelanes.files.batch_plan import MAX_LABEL, describe_batch, plan_batches, plan_together
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


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.lists(st.integers(0, 1 << 30), min_size=1, max_size=50)),
    st.integers(1, 40),
)
def test_files_of_many_entities_are_in_one_batch_each_and_batches_are_few(
    sizes: dict[str, list[int]], most: int
) -> None:
    found = {name: [file(size, n) for n, size in enumerate(own)] for name, own in sizes.items()}
    batches = plan_together(found, dict.fromkeys(found, 256 << 20), most)
    assert [one for batch in batches for one in batch] == [(name, one) for name, own in found.items() for one in own]
    assert len(batches) <= most and all(batches)


@given(st.lists(st.integers(0, 1 << 30), min_size=1, max_size=200), st.integers(1 << 20, 1 << 30))
def test_files_of_one_entity_are_cut_alike_alone_and_together(sizes: list[int], batch_bytes: int) -> None:
    files = [file(size, number) for number, size in enumerate(sizes)]
    together = plan_together({"a": files}, {"a": batch_bytes})
    assert [[one for _, one in batch] for batch in together] == plan_batches(files, batch_bytes)


def test_an_entitys_files_take_the_part_of_a_batch_that_its_own_size_makes() -> None:
    cost = (1 << 20) - (64 << 10)
    found = {"small": [file(cost, n) for n in range(4)], "large": [file(cost, n) for n in range(4)]}
    batches = plan_together(found, {"small": 1 << 20, "large": 8 << 20})
    assert [[name for name, _ in batch] for batch in batches] == [["small"]] * 4 + [["large"] * 4]


def test_a_batch_of_several_entities_says_how_many() -> None:
    assert describe_batch([file(1234, 7)], ["sales"]) == "sales: 1 file, 1.2 kB: f00007.csv"
    two = describe_batch([file(1234, 7), file(1234, 8)], ["sales", "orders"])
    assert two == "2 entities: 2 files, 2.5 kB: f00007.csv … f00008.csv"
    long = [SourceFile("b", "x" * 500, "e", 1, datetime(2024, 3, 15, tzinfo=UTC))]
    assert len(describe_batch(long, ["sales"])) == MAX_LABEL
