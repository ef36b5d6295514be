"""Merges a snapshot with the windows that follow it, in bounded memory.

The keys are divided into shares, and one share at a time is in memory: the place of the newest change of each key. The
rows themselves pass through in batches: first the changes, then the rows of the old snapshot whose keys did not change.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakelanes.aws.storage import ObjectFile, ObjectWriter, written_object
from lakelanes.convert.schema import widened
from lakelanes.convert.writer import TableWriter

if TYPE_CHECKING:
    from lakelanes.config.model import Table
    from lakelanes.lake import Lake

# Changes whose keys are held in memory at a time; about 100 bytes each.
MEMORY_ROWS = 1 << 20
_BATCH_ROWS = 1 << 16
# Arrow bytes of a file of a snapshot: large enough for Athena to read it well, small enough to read several at a time.
_FILE_BYTES = 512 << 20


def merge(
    lake: Lake,
    table: Table,
    windows: Sequence[Sequence[str]],
    kept: Sequence[str],
    writer: SnapshotWriter,
    memory_rows: int,
) -> int:
    """Writes the newest row of every key, unless that is a delete. Returns the number of changes.

    windows: the keys of each window's files in S3, newest window first. kept: those of the old snapshot's files.
    memory_rows: changes whose keys are held in memory at a time.
    """
    files = [(age, _open(lake, key)) for age, keys in enumerate(windows) for key in keys]
    total: int = sum(file.metadata.num_rows for _, file in files)
    shares = max(1, -(-total // memory_rows))
    for share in range(shares):
        newest = _newest(table, files, share, shares)
        for number, (_, file) in enumerate(files):
            rows = newest.filter(pc.equal(newest["file"], number))["row"]
            _copy_rows(file, np.sort(rows.to_numpy()), writer)
        changed = newest["key"].combine_chunks()
        for key in kept:
            for batch in _open(lake, key).iter_batches(_BATCH_ROWS):
                keys = _key_bytes(table, batch)
                writer.write(batch.filter(pc.and_(pc.invert(pc.is_in(keys, changed)), _in_share(keys, share, shares))))
    return total


def _newest(table: Table, files: Sequence[tuple[int, pq.ParquetFile]], share: int, shares: int) -> pa.Table:
    """The place of the newest change of each key in the share, puts and deletes: columns key, file (its number), row.

    files: each with the age of its window, 0 for the newest. A window has a key once, unless it was exported twice.
    """
    schema = pa.schema(
        {"key": pa.binary(), "age": pa.int64(), "written_at": pa.timestamp("us"), "file": pa.int64(), "row": pa.int64()}
    )
    found = [schema.empty_table()]
    for number, (age, file) in enumerate(files):
        start = 0
        for batch in file.iter_batches(_BATCH_ROWS, columns=[*table.keys, "_written_at"]):
            keys, count = _key_bytes(table, batch), len(batch)
            columns = [
                keys,
                np.full(count, age),
                batch.column("_written_at"),
                np.full(count, number),
                np.arange(start, start + count),
            ]
            part = pa.table([pa.array(column) for column in columns], schema=schema)
            found.append(part.filter(_in_share(keys, share, shares)))
            start += count
    changes = pa.concat_tables(found).sort_by(
        [("key", "ascending"), ("age", "ascending"), ("written_at", "descending")]
    )
    keys = changes["key"].combine_chunks()
    first = np.ones(len(keys), bool)
    first[1:] = pc.not_equal(keys[1:], keys[:-1]).to_numpy(zero_copy_only=False)
    return changes.filter(pa.array(first)).select(["key", "file", "row"])


def _copy_rows(file: pq.ParquetFile, rows: np.ndarray, writer: SnapshotWriter) -> None:
    """Writes the rows of the file with these numbers, which are sorted; leaves out deletes."""
    start = 0
    for batch in file.iter_batches(_BATCH_ROWS):
        own = rows[np.searchsorted(rows, start) : np.searchsorted(rows, start + len(batch))] - start
        start += len(batch)
        if len(own):
            taken = batch.take(pa.array(own))
            writer.write(taken.filter(pc.equal(taken.column("_op"), "put")))


def _key_bytes(table: Table, batch: pa.RecordBatch) -> pa.Array:
    """One binary value for each row's key: equal if and only if the keys are."""
    parts = [_as_binary(batch.column(name)) for name in table.keys]
    if len(parts) == 1:
        return parts[0]
    length = pc.binary_length(parts[0]).cast(pa.string()).cast(pa.binary())
    return pc.binary_join_element_wise(length, *parts, b":")


def _as_binary(column: pa.Array) -> pa.Array:
    return column if pa.types.is_binary(column.type) else column.cast(pa.string()).cast(pa.binary())


def _in_share(keys: pa.Array, share: int, shares: int) -> pa.Array:
    """A mask of the keys that are in this share, one of ``shares``."""
    if shares == 1:
        return pa.array(np.ones(len(keys), bool))
    return pa.array([zlib.crc32(key) % shares == share for key in keys.to_pylist()])


class SnapshotWriter:
    """Writes batches to the files of a snapshot, one file after the other. The same batches make the same files."""

    def __init__(self, lake: Lake, schema: pa.Schema, folder: str) -> None:
        self._lake, self._schema, self._folder = lake, schema, folder
        self._writer: TableWriter | None = None
        self._bytes = 0
        self.rows = 0
        self.keys: list[str] = []

    def __enter__(self) -> SnapshotWriter:
        return self

    def __exit__(self, exc_type: object, *rest: object) -> None:
        if exc_type is None:
            if not self.keys:
                self._writer = self._begin()  # an empty table has a snapshot, too
            self._end()
        elif self._writer is not None:
            self._writer.abort()

    def write(self, batch: pa.RecordBatch) -> None:
        if not len(batch):
            return
        if self._writer is None:
            self._writer = self._begin()
        self._writer.write(widened(batch, self._schema))
        self.rows += len(batch)
        self._bytes += batch.nbytes
        if self._bytes >= _FILE_BYTES:
            self._end()

    def _begin(self) -> TableWriter:
        key = f"{self._folder}part-{len(self.keys):05}.parquet"
        self.keys.append(key)
        s3, bucket = self._lake.s3, self._lake.config.resources.analytics_bucket

        def open_object() -> ObjectWriter:
            there = written_object(s3, bucket, key)
            return ObjectWriter(s3, bucket, key, expected_etag=there.etag if there else None)

        return TableWriter(open_object, self._schema)

    def _end(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer, self._bytes = None, 0


def _open(lake: Lake, key: str) -> pq.ParquetFile:
    """A Parquet file of the analytics bucket; each of its row groups is one read."""
    source = ObjectFile(lake.s3, lake.config.resources.analytics_bucket, key)
    return pq.ParquetFile(pa.PythonFile(source, mode="r"), pre_buffer=True)
