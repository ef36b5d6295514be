"""Row groups of one Parquet file that several threads encode at the same time.

Encoding and compressing are most of the work of a large file, and pyarrow's writer does them in one thread. So each row
group is encoded as a Parquet file of its own in memory, and what it has between its magic bytes and its indexes is
written to the one file, group after group. The footer is put together from theirs: places in the file are moved, all
else is as the encoder wrote it. The result is byte for byte what one writer would have made of the same row groups,
with any number of threads.

The metadata is Thrift's: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift. The page
index goes between the last row group and the footer:
https://github.com/apache/parquet-format/blob/master/PageIndex.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

import pyarrow as pa

from lakelanes.convert import compact_thrift as thrift
from lakelanes.convert.arrow_pool import POOL
from lakelanes.convert.compact_thrift import I32, I64, LIST, STRUCT, List, Struct
from lakelanes.convert.read_ahead import Workers
from lakelanes.convert.sink import SinkFile

# Encoding is over half of the work, so three keep up with four threads. Each holds the Arrow data of a row group and
# its encoded form, 20 MB together, and buffers for every column.
_MOST_AT_ONCE = 3
MOST_COLUMNS = 500
_MAGIC = b"PAR1"

# FileMetaData
_NUM_ROWS, _ROW_GROUPS = 3, 4
# RowGroup
_COLUMNS, _GROUP_OFFSET = 1, 5
# ColumnChunk
_META_DATA = 3
_OFFSET_INDEX, _OFFSET_INDEX_LENGTH, _COLUMN_INDEX, _COLUMN_INDEX_LENGTH = 4, 5, 6, 7
# ColumnMetaData: data_page_offset, index_page_offset, dictionary_page_offset, bloom_filter_offset
_CHUNK_OFFSETS = (9, 10, 11, 14)
# OffsetIndex and PageLocation
_PAGE_LOCATIONS, _PAGE_OFFSET = 1, 1


class SideBySide:
    """Takes tables as pyarrow's ParquetWriter does, and writes each as one row group.

    open_parquet: makes a ParquetWriter on a file object for a table; all of them alike. prepare: is done to a table
    before it is encoded. workers: encode; the file itself is written by the caller's thread.
    """

    def __init__(
        self,
        sink: SinkFile,
        open_parquet: Callable[[Any, pa.Table], Any],
        prepare: Callable[[pa.Table], pa.Table],
        stamp: Mapping[str, str],
        workers: Workers,
    ) -> None:
        self._file = _Assembly(sink)
        self._open_parquet, self._prepare = open_parquet, prepare
        self._stamp = dict(stamp)
        self._workers = workers
        self._at_once = min(workers.threads, _MOST_AT_ONCE)
        self._encoding: deque[Future[pa.Buffer]] = deque()

    def write_table(self, table: pa.Table) -> None:
        while self._encoding and (len(self._encoding) >= self._at_once or self._encoding[0].done()):
            self._take()
        made = pa.BufferOutputStream(POOL)
        # Here, so that what is decided by the first table is decided before there is a second.
        parquet = self._open_parquet(made, table)
        parquet.add_key_value_metadata(self._stamp)
        self._encoding.append(self._workers.submit(_encoded, parquet, made, [table], self._prepare))

    def close(self) -> None:
        while self._encoding:
            self._take()
        self._file.close()

    def abort(self) -> None:
        for future in self._encoding:
            future.cancel()
        self._encoding.clear()

    def _take(self) -> None:
        self._file.append(self._encoding.popleft().result())


def _encoded(parquet: Any, made: Any, tables: list[pa.Table], prepare: Callable[[pa.Table], pa.Table]) -> pa.Buffer:
    """The file of the one table, which is let go as soon as may be: the list is held until the end."""
    table = prepare(tables.pop())
    parquet.write_table(table, row_group_size=table.num_rows)
    parquet.close()
    return made.getvalue()


class _Assembly:
    """A Parquet file made of others, each of which has one row group."""

    def __init__(self, sink: SinkFile) -> None:
        self._sink = sink
        self._footer: Struct = {}
        self._groups: list[Struct] = []
        # Of each column chunk, in the file's order: the chunk, its column index and its offset index.
        self._chunks: list[tuple[Struct, bytes, bytes]] = []
        self._rows = 0

    def append(self, encoded: pa.Buffer) -> None:
        """Writes a file's row group, and keeps what the footer has to say of it."""
        data = memoryview(encoded)
        length = int.from_bytes(data[-8:-4], "little")
        footer, _ = thrift.read_struct(bytes(data[-8 - length : -8]))
        [group] = footer[_ROW_GROUPS][1].values
        chunks = group[_COLUMNS][1].values
        indexes = [chunk[place][1] for chunk in chunks for place in (_COLUMN_INDEX, _OFFSET_INDEX) if place in chunk]
        if not self._groups:
            self._footer = footer
            self._sink.write(_MAGIC)
        by = self._sink.tell() - len(_MAGIC)
        _move(group, _GROUP_OFFSET, by)
        for chunk in chunks:
            column_index = _cut(data, chunk, _COLUMN_INDEX, _COLUMN_INDEX_LENGTH)
            offset_index = _cut(data, chunk, _OFFSET_INDEX, _OFFSET_INDEX_LENGTH)
            self._chunks.append((chunk, column_index, _moved_pages(offset_index, by)))
            _, described = chunk[_META_DATA]
            for place in _CHUNK_OFFSETS:
                _move(described, place, by)
            # Written out it takes a tenth of the memory, which a file of many row groups needs.
            chunk[_META_DATA] = STRUCT, thrift.write_struct(described)
        self._groups.append(group)
        self._rows += footer[_NUM_ROWS][1]
        self._sink.write(data[len(_MAGIC) : min(indexes, default=len(data) - 8 - length)])

    def close(self) -> None:
        """Writes the indexes of all row groups and the footer."""
        for chunk, column_index, _ in self._chunks:
            self._put_index(chunk, column_index, _COLUMN_INDEX, _COLUMN_INDEX_LENGTH)
        for chunk, _, offset_index in self._chunks:
            self._put_index(chunk, offset_index, _OFFSET_INDEX, _OFFSET_INDEX_LENGTH)
        self._footer[_NUM_ROWS] = I64, self._rows
        self._footer[_ROW_GROUPS] = LIST, List(STRUCT, self._groups)
        footer = thrift.write_struct(self._footer)
        self._sink.write(footer + len(footer).to_bytes(4, "little") + _MAGIC)

    def _put_index(self, chunk: Struct, index: bytes, place: int, length: int) -> None:
        if index:
            chunk[place], chunk[length] = (I64, self._sink.tell()), (I32, len(index))
            self._sink.write(index)


def _cut(data: memoryview, chunk: Struct, place: int, length: int) -> bytes:
    """One of a chunk's indexes; b"" where it has none."""
    if place not in chunk:
        return b""
    start = chunk[place][1]
    return bytes(data[start : start + chunk[length][1]])


def _moved_pages(offset_index: bytes, by: int) -> bytes:
    if not offset_index:
        return b""
    index, _ = thrift.read_struct(offset_index)
    for page in index[_PAGE_LOCATIONS][1].values:
        _move(page, _PAGE_OFFSET, by)
    return thrift.write_struct(index)


def _move(struct: Struct, place: int, by: int) -> None:
    """Adds to a place in the file, where the struct has it."""
    if place in struct:
        kind, offset = struct[place]
        struct[place] = kind, offset + by
