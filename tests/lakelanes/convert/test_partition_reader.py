"""Which partition a row belongs to: numbered as they are found, remembered, and with a reason where there is none."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa

from lakelanes.convert import partition_reader
from lakelanes.convert.partition_reader import PartitionReader, Values
from lakelanes.convert.partition_values import PartitionValue

KEYS = [PartitionValue("shop"), PartitionValue("day", "%Y-%m")]
DAY = date(2024, 3, 15)


def legal(values: Values) -> tuple[int, str] | None:
    return (0, "no shop's name") if values[0] == "!" else None


def batch(*rows: tuple[str | None, date | None]) -> pa.RecordBatch:
    shops, days = zip(*rows, strict=True)
    return pa.RecordBatch.from_arrays([pa.array(shops, pa.string()), pa.array(days, pa.date32())], ["shop", "day"])


def test_rows_of_equal_values_have_the_number_of_their_partition() -> None:
    reader = PartitionReader(KEYS, legal, 10)
    rows = batch(("a", DAY), ("b", DAY), ("a", date(2024, 3, 1)), ("a", date(2024, 4, 1)))
    numbers, faults = reader.read(rows, np.ones(4, bool))
    assert (numbers.tolist(), faults) == ([0, 0 + 1, 0, 2], [])
    assert reader.found == [("a", "2024-03"), ("b", "2024-03"), ("a", "2024-04")]
    again, _ = reader.read(batch(("b", DAY)), np.ones(1, bool))
    assert again.tolist() == [1]


def test_a_row_of_no_partition_has_its_column_and_reason() -> None:
    reader = PartitionReader(KEYS, legal, 10)
    numbers, faults = reader.read(batch(("!", DAY), ("a", None), ("a", DAY), ("!", DAY)), np.ones(4, bool))
    assert [faults[-1 - number] for number in numbers.tolist() if number < 0] == [
        ("shop", "no shop's name"),
        ("day", "the value is null, but decides which partition the row belongs to"),
        ("shop", "no shop's name"),
    ]
    assert reader.found == [("a", "2024-03")]


def test_bad_rows_found_no_partition() -> None:
    reader = PartitionReader(KEYS, legal, 10)
    _, faults = reader.read(batch(("a", DAY), ("!", DAY), (None, None)), np.zeros(3, bool))
    assert (reader.found, faults) == ([], [])


def test_all_partitions_beyond_the_limit_have_its_number() -> None:
    reader = PartitionReader(KEYS, legal, 2)
    numbers, _ = reader.read(batch(*[(name, DAY) for name in "abcd"]), np.ones(4, bool))
    assert sorted(numbers.tolist()) == [0, 1, 2, 2]
    assert len(reader.found) == 2


def test_numbers_stay_when_what_is_remembered_is_let_go(monkeypatch: object) -> None:
    limit, partition_reader._REMEMBERED = partition_reader._REMEMBERED, 2
    try:
        reader = PartitionReader(KEYS, legal, 100)
        for _ in range(2):
            for place, name in enumerate("abcde"):
                assert reader.read(batch((name, DAY)), np.ones(1, bool))[0].tolist() == [place]
        assert len(reader._known) <= 2
    finally:
        partition_reader._REMEMBERED = limit
