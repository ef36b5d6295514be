"""Rejected rows: what is kept of each, and the Parquet file that they go to."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lakelanes.convert import REJECTS_SCHEMA
from lakelanes.convert.rejects import RejectRows, RejectsWriter, raw_texts
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
