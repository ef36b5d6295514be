"""Row groups that are encoded side by side make the file that one writer makes, in memory of a few of them."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakelanes.convert import ParquetSettings
from lakelanes.convert.compact_thrift import read_struct
from lakelanes.convert.read_ahead import Workers
from lakelanes.convert.side_by_side import MOST_COLUMNS, SideBySide
from lakelanes.convert.sink import SinkFile
from lakelanes.convert.writer import TableWriter
from tests.lakelanes.convert.support import MemorySink, Sinks

STAMP = {"claim": "7", "by": "a"}
NESTED = pa.struct([("a", pa.int32()), ("b", pa.list_(pa.string()))])


def table(rows: int, start: int = 0) -> pa.Table:
    """Rows of many kinds of column: texts that repeat and that do not, nulls, nothing but nulls, nested values."""
    numbers = range(start, start + rows)
    return pa.table(
        {
            "id": [f"T{number * 7919 % 100003:06}" for number in numbers],
            "shop": pa.array([None if number % 5 == 0 else f"shop {number % 3}" for number in numbers], pa.string()),
            "whole": pa.array([None if number % 7 == 0 else -number for number in numbers], pa.int64()),
            "small": pa.array([number % 100 for number in numbers], pa.int8()),
            "amount": pa.array([Decimal(number) / 4 for number in numbers], pa.decimal128(10, 2)),
            "huge": pa.array([Decimal(number) / 4 for number in numbers], pa.decimal128(38, 2)),
            "real": [number / 3 for number in numbers],
            "truth": [number % 3 == 0 for number in numbers],
            "day": pa.array([number // 100 for number in numbers], pa.date32()),
            "at": pa.array([number * 1_000_001 for number in numbers], pa.timestamp("us")),
            "none": pa.nulls(rows, pa.string()),
            "nested": pa.array([{"a": number, "b": ["x", str(number)]} for number in numbers], NESTED),
        }
    )


def written(tables: list[pa.Table], workers: Workers | None, **options: Any) -> bytes:
    """The file of these tables, each of them a row group."""
    sinks = Sinks()
    writer = TableWriter(sinks, tables[0].schema, 1, STAMP, workers=workers, **options)
    for each in tables:
        (batch,) = each.combine_chunks().to_batches()
        writer.write(batch)
    writer.close()
    (sink,) = sinks
    assert sink.state == "closed"
    return bytes(sink.data)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"settings": ParquetSettings(page_index=False)},
        {"settings": ParquetSettings(statistics=False)},
        {"settings": ParquetSettings(dictionary="all", deltas=False)},
        {"settings": ParquetSettings(dictionary="none")},
        {"sort_by": ("shop", "id")},
    ],
    ids=str,
)
@pytest.mark.parametrize("threads", [2, 5])
def test_the_file_is_the_one_of_a_single_writer(options: dict[str, Any], threads: int) -> None:
    # More rows than a page has, and a first row group that is unlike the others.
    tables = [table(45_000), table(1, 45_000), table(30_000, 45_001), table(20, 80_000), table(700, 90_000)]
    alone = written(tables, None, **options)
    with Workers(threads) as workers:
        assert written(tables, workers, **options) == alone
    metadata = pq.read_metadata(pa.BufferReader(alone))
    assert [metadata.row_group(number).num_rows for number in range(5)] == [45_000, 1, 30_000, 20, 700]
    assert metadata.metadata == {b"claim": b"7", b"by": b"a"}


def test_every_place_in_the_file_is_that_of_what_it_names() -> None:
    tables = [table(45_000), table(30_000, 45_000)]
    with Workers(2) as workers:
        data = written(tables, workers)
    assert pq.read_table(pa.BufferReader(data)).equals(pa.concat_tables(tables))
    footer, _ = read_struct(data, len(data) - 8 - int.from_bytes(data[-8:-4], "little"))
    pages = 0
    for group in footer[4][1].values:
        for chunk in group[1][1].values:
            (_, offset), (_, length) = chunk[4], chunk[5]
            index, end = read_struct(data, offset)
            assert end == offset + length
            for page in index[1][1].values:
                header, after = read_struct(data, page[1][1])
                # A data page of so many packed bytes, its header included: DataPageHeader is field 5.
                assert (header[1][1], 5 in header) == (0, True)
                assert after - page[1][1] + header[3][1] == page[2][1]
                pages += 1
            column_index, end = read_struct(data, chunk[6][1])
            assert end == chunk[6][1] + chunk[7][1]
            assert len(column_index[1][1].values) == len(index[1][1].values)
    assert pages == (3 + 2) * 13


class Held(Workers):
    """Workers that do nothing before they are waited for."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.waiting: list[Any] = []
        self.most = 0

    def submit(self, work: Any, /, *arguments: Any, **_: Any) -> Future[Any]:  # type: ignore[override]
        held = self

        class Later(Future[Any]):
            def result(self, timeout: float | None = None) -> Any:
                held.waiting.remove(self)
                return work(*arguments)

        future = Later()
        self.waiting.append(future)
        self.most = max(self.most, len(self.waiting))
        return future


@pytest.mark.parametrize(("threads", "most"), [(2, 2), (3, 3), (16, 3)])
def test_only_a_few_row_groups_are_held_at_once(threads: int, most: int) -> None:
    with Held(threads) as workers:
        data = written([table(10, number) for number in range(9)], workers)
    assert workers.most == most
    assert pq.read_table(pa.BufferReader(data)).column("whole").to_pylist()[1:3] == [-1, -2]


def test_what_is_encoded_is_written_without_waiting_for_more() -> None:
    sink = MemorySink()
    with Workers(3) as workers:
        groups = SideBySide(SinkFile(sink), pq_writer, lambda each: each, {}, workers)
        for number in range(2):
            groups.write_table(table(5, number))
            wait_for_idle(workers)
        assert bytes(sink.data[:4]) == b"PAR1" and len(sink.data) > 100
        groups.close()


def pq_writer(sink: Any, first: pa.Table) -> pq.ParquetWriter:
    return pq.ParquetWriter(sink, first.schema)


def wait_for_idle(workers: Workers) -> None:
    """Each thread meets the others, so each has ended what it did."""
    meeting = threading.Barrier(workers.threads)
    for future in [workers.submit(meeting.wait, 10) for _ in range(workers.threads)]:
        future.result()


def test_what_an_encoder_raises_is_raised_and_the_file_can_be_given_up() -> None:
    class FailingWriter:
        def __init__(self, sink: Any, first: pa.Table) -> None: ...

        def add_key_value_metadata(self, stamp: Any) -> None: ...

        def write_table(self, rows: pa.Table, row_group_size: int) -> None:
            raise MemoryError("no room")

    sink = MemorySink()
    with Workers(2) as workers:
        groups = SideBySide(SinkFile(sink), FailingWriter, lambda each: each, {}, workers)
        groups.write_table(table(5))
        with pytest.raises(MemoryError, match="no room"):
            groups.close()
        groups.write_table(table(5))
        groups.abort()
        groups.abort()
    assert sink.data == b""


def test_a_file_of_one_row_group_or_very_many_columns_is_left_to_one_thread() -> None:
    with Held(2) as workers:
        sinks = Sinks()
        writer = TableWriter(sinks, table(9).schema, 1 << 20, workers=workers)
        for number in range(4):
            writer.write(table(9, number).to_batches()[0])
        writer.close()
        wide = pa.table({f"c{number}": [number] for number in range(MOST_COLUMNS + 1)})
        assert pq.read_table(pa.BufferReader(written([wide, wide], workers))).num_rows == 2
        assert workers.most == 0
        narrower = wide.select(wide.column_names[1:])
        assert pq.read_table(pa.BufferReader(written([narrower, narrower], workers))).num_rows == 2
        assert workers.most == 2
