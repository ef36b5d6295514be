"""Rejected rows: what is kept of each, and the Parquet file that they go to."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakelanes.convert import REJECTS_SCHEMA
from lakelanes.convert.rejects import RAW_BYTES, RejectRows, RejectsWriter, raw_text, raw_texts
from tests.lakelanes.convert.support import Sinks


def test_rejects_have_one_schema_for_athena() -> None:
    assert [(field.name, str(field.type)) for field in REJECTS_SCHEMA] == [
        ("source_file", "string"),
        ("record", "int64"),
        ("line", "int64"),
        ("column", "string"),
        ("reason", "string"),
        ("raw", "string"),
    ]


def rows(*reasons: str, first: int = 0) -> RejectRows:
    places = np.arange(first, first + len(reasons))
    return RejectRows(places, places * 2, ["amount"] * len(reasons), list(reasons), ["raw"] * len(reasons))


def test_rows_of_a_block_are_moved_to_their_place_in_the_file() -> None:
    moved = rows("one", "two").moved(100, 300)
    assert [(row.record, row.line, row.reason) for row in moved.rows()] == [(100, 300, "one"), (101, 302, "two")]
    assert moved.at(1) == list(moved.rows())[1]


def test_many_rows_become_few_row_groups_of_one_file_with_the_stamp() -> None:
    sinks = Sinks()
    writer = RejectsWriter(sinks, "s.csv", {"claim": "7"})
    for block in range(3):
        writer.write(rows(*["a reason"] * 60_000, first=60_000 * block))
    writer.close()
    table = sinks.table()
    assert table is not None
    assert table.column("record").to_pylist() == list(range(180_000))
    metadata = pq.read_metadata(pa.BufferReader(bytes(sinks[0].data)))
    assert metadata.num_row_groups == 2
    assert metadata.metadata[b"claim"] == b"7"


@pytest.mark.parametrize("sizes", [[1, 2, 3], [4095, 1, 1], [1, 5000, 1], [4096], [3000, 3000, 9000]])
def test_rows_that_wait_for_others_come_in_order(sizes: list[int]) -> None:
    sinks, first = Sinks(), 0
    writer = RejectsWriter(sinks, "s.csv")
    for size in sizes:
        writer.write(rows(*(f"reason {place}" for place in range(first, first + size)), first=first))
        first += size
    writer.close()
    table = sinks.table()
    assert table is not None
    assert table.column("record").to_pylist() == list(range(first))
    assert table.column("line").to_pylist() == list(range(0, 2 * first, 2))
    assert table.column("reason").to_pylist() == [f"reason {place}" for place in range(first)]


def test_without_rows_no_sink_is_opened() -> None:
    sinks = Sinks()
    RejectsWriter(sinks, "s.csv").close()
    assert sinks == []


def test_raw_texts_are_the_same_of_many_rows_as_of_few() -> None:
    data = bytearray(b"one\ntwo\n" * 1000)
    starts = np.arange(0, len(data), 4)
    many = raw_texts(data, starts, starts + 3)
    assert many == ["one", "two"] * 1000
    assert raw_texts(data, starts[:2], starts[:2] + 3) == many[:2]
    data[5] = 0xFF
    assert raw_texts(data, starts, starts + 3)[:2] == ["one", "t\\xffo"]


@pytest.mark.parametrize("size", [RAW_BYTES, RAW_BYTES + 1, 10 * RAW_BYTES])
@pytest.mark.parametrize("count", [1, 2000])
def test_a_long_row_is_cut_and_says_so(size: int, count: int) -> None:
    data = bytearray(b"short\n" * count + b"x" * size)
    starts = np.array([*range(0, 6 * count, 6), 6 * count])
    texts = raw_texts(data, starts, np.append(starts[:-1] + 5, len(data)))
    assert texts[:-1] == ["short"] * count
    noted = f" [cut: the first {RAW_BYTES} of {size} bytes]"
    assert texts[-1] == ("x" * size if size == RAW_BYTES else "x" * RAW_BYTES + noted)


@pytest.mark.parametrize("character", ["é", "€", "😀"])
@pytest.mark.parametrize("offset", [0, 1, 2, 3])
def test_no_character_is_cut_in_two(character: str, offset: int) -> None:
    row = "x" * offset + character * RAW_BYTES
    text, _, note = raw_text(row.encode(), "utf-8").partition(" [")
    assert row.startswith(text)
    assert RAW_BYTES - 4 < len(text.encode()) <= RAW_BYTES
    assert note == f"cut: the first {len(text.encode())} of {len(row.encode())} bytes]"


def test_a_reason_that_is_in_every_row_is_shortened() -> None:
    sinks = Sinks()
    writer = RejectsWriter(sinks, "s.csv")
    writer.write(rows(*["the header has " + "c, " * 10_000] * 10_000))
    writer.close()
    table = sinks.table()
    assert table is not None and {len(text) for text in table.column("reason").to_pylist()} == {2000}
    assert table.column("record").to_pylist() == list(range(10_000))
