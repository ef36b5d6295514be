"""Batches become row groups of one file, which may grow by columns until the first is written."""

from __future__ import annotations

import threading
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakelanes.convert.read_ahead import Workers
from lakelanes.convert.row_groups import RowGroupWriter
from lakelanes.convert.sink import SinkFile
from tests.lakelanes.convert.support import Sinks

SCHEMA = pa.schema([pa.field("n", pa.int64())])
WIDER = SCHEMA.append(pa.field("text", pa.string()))


def batch(*numbers: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(numbers, pa.int64())], schema=SCHEMA)


def writer(sinks: Sinks, **options: Any) -> RowGroupWriter:
    def open_parquet(sink: SinkFile, first: pa.Table) -> pq.ParquetWriter:
        return pq.ParquetWriter(sink, first.schema)

    return RowGroupWriter(sinks, SCHEMA, open_parquet, **{"most_bytes": 1 << 20, **options})


def groups(sinks: Sinks) -> list[int]:
    metadata = pq.read_metadata(pa.BufferReader(bytes(sinks[0].data)))
    return [metadata.row_group(place).num_rows for place in range(metadata.num_row_groups)]


@pytest.mark.parametrize("limit", [{"most_rows": 4}, {"most_bytes": 32}])
def test_a_row_group_ends_with_the_batch_that_fills_it(limit: dict[str, int]) -> None:
    sinks = Sinks()
    made = writer(sinks, **limit)
    for numbers in ((1, 2, 3), (4, 5), (6,)):
        made.write(batch(*numbers))
    made.close(even_empty=False)
    assert groups(sinks) == [5, 1]
    table = sinks.table()
    assert table is not None and table.column("n").to_pylist() == [1, 2, 3, 4, 5, 6]


def test_a_file_without_a_batch_is_made_only_where_it_is_wanted() -> None:
    none, empty = Sinks(), Sinks()
    writer(none).close(even_empty=False)
    writer(empty).close(even_empty=True)
    assert none == []
    table = empty.table()
    assert table is not None and (table.num_rows, table.schema.names) == (0, ["n"])


def test_rows_that_wait_get_the_new_column_and_written_ones_forbid_it() -> None:
    sinks = Sinks()
    made = writer(sinks, most_rows=2)
    made.write(batch(1))
    assert made.grow(WIDER) and made.grow(WIDER)
    made.write(pa.RecordBatch.from_pylist([{"n": 2, "text": "b"}], WIDER))
    assert not made.grow(SCHEMA)
    assert made.grow(WIDER), "nothing changes"
    made.close(even_empty=True)
    table = sinks.table()
    assert table is not None and table.to_pylist() == [{"n": 1, "text": None}, {"n": 2, "text": "b"}]


def test_an_abort_leaves_nothing_and_a_second_group_is_not_written() -> None:
    sinks = Sinks()
    made = writer(sinks, most_rows=1)
    made.write(batch(1))
    written = len(sinks[0].data)
    made.abort()
    del made
    assert (sinks[0].state, len(sinks[0].data)) == ("aborted", written)


def test_what_waits_to_be_encoded_is_dropped_by_an_abort() -> None:
    sinks, encoded, go_on = Sinks(), [], threading.Event()

    class Counted(pq.ParquetWriter):
        def write_table(self, table: pa.Table, row_group_size: int | None = None) -> None:
            encoded.append(table)
            super().write_table(table, row_group_size)

    with Workers(2) as workers:
        busy = [workers.submit(go_on.wait, 10) for _ in range(workers.threads)]
        made = RowGroupWriter(
            sinks, SCHEMA, lambda sink, first: Counted(sink, first.schema), most_bytes=1, workers=workers
        )
        made.write(batch(1))
        made.write(batch(2))
        made.abort()
        go_on.set()
        assert all(future.result() for future in busy)
    assert encoded == []
    assert (sinks[0].state, sinks[0].data) == ("aborted", b"")


def test_batches_of_many_columns_are_put_together_and_nothing_of_them_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakelanes.convert.row_groups._MANY_ARRAYS", 6)
    wide = pa.schema([(f"c{number}", pa.int64()) for number in range(3)])
    sinks = Sinks()
    made = RowGroupWriter(sinks, wide, lambda sink, first: pq.ParquetWriter(sink, first.schema), most_bytes=1 << 30)
    for number in range(10):
        made.write(pa.RecordBatch.from_pylist([{"c0": number, "c1": -number, "c2": 7}], wide))
        assert len(made._pending) <= 6
    made.close(even_empty=True)
    table = sinks.table()
    assert table is not None and table.column("c0").to_pylist() == list(range(10))
