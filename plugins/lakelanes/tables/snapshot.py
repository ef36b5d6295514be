"""Compaction: a snapshot and the windows that follow it become the next snapshot, in bounded memory.

The new one is written beside the old and becomes visible when the view moves to it. What is held in memory is, of one
share of the keys at a time, where the newest change of each is; shares are made so that this fits. The rows themselves
pass through in batches: first those of the changes, then those of the old snapshot whose keys did not change.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakelanes.aws.storage import ObjectFile, ObjectWriter, written_object
from lakelanes.catalog.evolution import ensure_table
from lakelanes.catalog.glue_tables import GlueTable
from lakelanes.convert.writer import TableWriter, widened
from lakelanes.errors import StorageError
from lakelanes.tables.catalog import changes_table, snapshot_partition, snapshot_table, window_partition
from lakelanes.tables.changes import change_schema
from lakelanes.tables.current import coverage, publish
from lakelanes.tables.ledger import Snapshot, TableLedger, parse_second, second_text
from lakelanes.tables.planning import exported_until

if TYPE_CHECKING:
    from lakelanes.config.model import Table
    from lakelanes.lake import Lake

# Changes whose keys are held in memory at a time; about 100 bytes each.
MEMORY_ROWS = 1 << 20
_BATCH_ROWS = 1 << 16
# Arrow bytes of a file of a snapshot: large enough for Athena to read it well, small enough to read several at a time.
_FILE_BYTES = 512 << 20
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
_DELETE_LIMIT = 1000


@dataclass(frozen=True)
class Compaction:
    """What compacting did. snapshot: the new one; None where nothing was to be done."""

    snapshot: Snapshot | None
    changes: int = 0
    note: str = ""


def compact(lake: Lake, table: Table, *, memory_rows: int = MEMORY_ROWS) -> Compaction:
    """Makes the next snapshot of the newest one and the windows that follow it, and moves the view to it."""
    ledger = TableLedger(lake, table.name)
    snapshots = ledger.snapshots()
    if not snapshots:
        return Compaction(None, note=f"not yet: {table.name} has no snapshot, which the first full export makes")
    old = snapshots[-1]
    through = exported_until(ledger, old.moment)
    if through == old.moment:
        return Compaction(None, note=f"{table.name}: nothing was exported since {through:%Y-%m-%dT%H:%MZ}")
    windows = [export for export in ledger.windows(old.moment) if export.is_converted and export.window.end <= through]
    ensure_table(lake, changes_table(table))
    ensure_table(lake, snapshot_table(table))
    as_of = second_text(through)
    newest_first = [_keys(lake, window_folder(table, export.start)) for export in reversed(windows)]
    kept = _keys(lake, snapshot_folder(table, old.as_of))
    with _Writer(lake, change_schema(table), snapshot_folder(table, as_of)) as writer:
        changes = _merge(lake, table, newest_first, kept, writer, memory_rows)
    # What an earlier try has left. One that still runs writes the same rows to the same objects, so none of those goes.
    _delete(lake, [key for key in _keys(lake, snapshot_folder(table, as_of)) if key not in writer.keys])
    snapshot, _ = ledger.write(
        Snapshot(
            table=table.name,
            as_of=as_of,
            made_by="compaction",
            table_id=old.table_id,
            rows=writer.rows,
            files=len(writer.keys),
        )
    )
    publish(lake, table)
    return Compaction(snapshot, changes)


def expire(lake: Lake, table: Table, keep: timedelta) -> list[str]:
    """Deletes the snapshots that were replaced longer than ``keep`` ago, and what compactions that died have left.

    Never the newest, nor what the view reads. Returns the ``as_of`` of those deleted.
    """
    ledger, own = TableLedger(lake, table.name), snapshot_table(table)
    shown = coverage(lake, table)
    if shown is None:
        return []
    snapshots = ledger.snapshots()
    limit = lake.clock() - keep
    known = {snapshot.as_of: snapshot for snapshot in snapshots}
    gone = [
        old.as_of
        for old, following in pairwise(snapshots)
        if old.moment < shown.as_of and datetime.fromisoformat(following.updated_at) < limit
    ]
    # A conversion that is under way is newer than the view.
    gone += [as_of for as_of in _folders(lake, own) if as_of not in known and parse_second(as_of) < shown.as_of]
    for as_of in gone:
        with suppress(lake.glue.exceptions.EntityNotFoundException):
            lake.glue.delete_partition(
                DatabaseName=lake.config.resources.glue_database, TableName=own.name, PartitionValues=[as_of]
            )
        _delete(lake, _keys(lake, snapshot_folder(table, as_of)))
        if as_of in known:
            ledger.forget(known[as_of])
    return gone


def snapshot_folder(table: Table, as_of: str) -> str:
    """Prefix of the keys of a snapshot's files."""
    return f"{snapshot_table(table).folder}/{snapshot_partition(as_of).path}/"


def window_folder(table: Table, start: str) -> str:
    """Prefix of the keys of an exported window's files."""
    return f"{changes_table(table).folder}/{window_partition('export', start).path}/"


def delete_others(lake: Lake, folder: str, export_id: str) -> None:
    """Deletes what is in the folder and not of this export."""
    _delete(lake, [key for key in _keys(lake, folder) if not key.startswith(f"{folder}{export_id}-")])


def _merge(
    lake: Lake,
    table: Table,
    windows: Sequence[Sequence[str]],
    kept: Sequence[str],
    writer: _Writer,
    memory_rows: int,
) -> int:
    """Writes the newest row of every key that is not a delete. windows: keys of the files of each, newest window first;
    kept: those of the old snapshot. Returns the number of changes.
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
    """Where the newest change of each key of the share is, delete or not: columns key, file (its number) and row.

    files: the age of each one's window, 0 being the newest. A window has a key once, unless it was exported twice.
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


def _copy_rows(file: pq.ParquetFile, rows: np.ndarray, writer: _Writer) -> None:
    """Writes these rows of the file (their numbers, in order), except for deletes."""
    start = 0
    for batch in file.iter_batches(_BATCH_ROWS):
        own = rows[np.searchsorted(rows, start) : np.searchsorted(rows, start + len(batch))] - start
        start += len(batch)
        if len(own):
            taken = batch.take(pa.array(own))
            writer.write(taken.filter(pc.equal(taken.column("_op"), "put")))


def _key_bytes(table: Table, batch: pa.RecordBatch) -> pa.Array:
    """The keys as one binary value each, the same for equal keys only."""
    parts = [_as_binary(batch.column(name)) for name in table.keys]
    if len(parts) == 1:
        return parts[0]
    length = pc.binary_length(parts[0]).cast(pa.string()).cast(pa.binary())
    return pc.binary_join_element_wise(length, *parts, b":")


def _as_binary(column: pa.Array) -> pa.Array:
    return column if pa.types.is_binary(column.type) else column.cast(pa.string()).cast(pa.binary())


def _in_share(keys: pa.Array, share: int, shares: int) -> pa.Array:
    """Which of the keys are of this one of ``shares`` shares."""
    if shares == 1:
        return pa.array(np.ones(len(keys), bool))
    return pa.array([zlib.crc32(key) % shares == share for key in keys.to_pylist()])


class _Writer:
    """Writes batches to the files of a snapshot, one after the other: the same batches to the same files."""

    def __init__(self, lake: Lake, schema: pa.Schema, folder: str) -> None:
        self._lake, self._schema, self._folder = lake, schema, folder
        self._writer: TableWriter | None = None
        self._bytes = 0
        self.rows = 0
        self.keys: list[str] = []

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, exc_type: object, *rest: object) -> None:
        if exc_type is None:
            if not self.keys:
                self._writer = self._begin()  # an empty table is a snapshot, too
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


def _keys(lake: Lake, prefix: str) -> list[str]:
    """Keys of the analytics bucket below the prefix, in order."""
    pages = lake.s3.get_paginator("list_objects_v2").paginate(
        Bucket=lake.config.resources.analytics_bucket, Prefix=prefix
    )
    return [item["Key"] for page in pages for item in page.get("Contents", ())]


def _folders(lake: Lake, own: GlueTable) -> list[str]:
    """The ``as_of`` that there are folders of."""
    prefix = f"{own.folder}/as_of="
    pages = lake.s3.get_paginator("list_objects_v2").paginate(
        Bucket=lake.config.resources.analytics_bucket, Prefix=prefix, Delimiter="/"
    )
    found = [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", ())]
    return [folder.removeprefix(prefix).rstrip("/") for folder in found]


def _delete(lake: Lake, keys: Sequence[str]) -> None:
    for start in range(0, len(keys), _DELETE_LIMIT):
        objects = [{"Key": key} for key in keys[start : start + _DELETE_LIMIT]]
        answer = lake.s3.delete_objects(
            Bucket=lake.config.resources.analytics_bucket, Delete={"Objects": objects, "Quiet": True}
        )
        for error in answer.get("Errors", ()):
            raise StorageError(f"{error['Key']} was not deleted: {error['Code']}: {error.get('Message', '')}")
