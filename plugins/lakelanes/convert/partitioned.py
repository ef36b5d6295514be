"""Typed batches into one Parquet file per partition, in memory that follows neither the file nor its partitions.

Rows are gathered, sorted by partition a run at a time, and cut into a slice per partition. All runs but the last go to
a temporary file that has no name, so it is gone however the process ends. When every row is there, the partitions are
written one after the other, small ones a few at once: no file is open while its rows are still coming, and each has the
few row groups that TableWriter makes.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from lakelanes.convert.errors import ConversionError
from lakelanes.convert.partition_reader import Numbers, PartitionReader, Values
from lakelanes.convert.partition_values import PartitionValue
from lakelanes.convert.schema import NUMBER, widened
from lakelanes.convert.sink import OpenSink, Sink, WrittenFile
from lakelanes.convert.writer import TableWriter

# Arrow data of a run. It is there twice while it is sorted.
RUN_BYTES = 24 << 20
# Partitions of less are written several at once: what they wait for is mostly the sink.
_SMALL_BYTES = 4 << 20
_WRITTEN_AT_ONCE = 1 << 20
# A slice takes some hundred bytes for each of its columns: where there are more, the last run goes to the file, too.
_KEPT_COLUMNS = 100_000
# Several writers at once have so many columns in all, at most: each takes some kilobytes for every one.
_COLUMNS_AT_ONCE = 4000


@dataclass(frozen=True)
class PartitionedTarget:
    """Where the rows of a file go whose partition is decided row by row.

    values: how the keys that come from the data are made, in the table's order; partitions are named by these values.
    legal: why no partition can have them, with the position of the one at fault; None when one can.
    limit: more partitions than this in one file make it be refused.
    left_out: columns that are not written, since they are partition keys.
    begin: called with the rows of each partition once all are known, before the first sink is opened.
    open: opens a partition's sink; called by several threads.
    """

    values: Sequence[PartitionValue]
    legal: Callable[[Values], tuple[int, str] | None]
    open: Callable[[Values], Sink]
    begin: Callable[[dict[Values, int]], None] = field(default=lambda rows: None)
    left_out: frozenset[str] = frozenset()
    limit: int = 1000

    def reader(self) -> PartitionReader:
        return PartitionReader(self.values, self.legal, self.limit)


class PartitionedWriter:
    """Writes batches that have the column NUMBER to a Parquet file per partition, all of them on close().

    schema: of the batches. table_writer: makes the writer of one partition's file. writers: how many small files are
    written at once. refusal: why the file is to be refused, once that is so.
    """

    refusal: str | None = None

    def __init__(
        self,
        target: PartitionedTarget,
        reader: PartitionReader,
        schema: pa.Schema,
        table_writer: Callable[[OpenSink, pa.Schema], TableWriter] = TableWriter,
        writers: int = 1,
    ) -> None:
        self._target, self._reader, self._writers = target, reader, writers
        self._schema = schema
        self._table_writer = table_writer
        self._pending: list[pa.RecordBatch] = []
        self._bytes = self._received = 0
        self._file: Any = None
        self._end = 0
        # Of each partition: offsets and lengths of its slices in the temporary file, and the slices of the last run.
        self._spilled: dict[int, array[int]] = defaultdict(lambda: array("q"))
        self._kept: dict[int, pa.RecordBatch] = {}
        self._rows: dict[int, int] = defaultdict(int)
        self._sizes: dict[int, int] = defaultdict(int)

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    @property
    def _written(self) -> pa.Schema:
        """What the files have of the batches' schema."""
        left_out = {NUMBER, *self._target.left_out}
        return pa.schema([column for column in self._schema if column.name not in left_out])

    def grow(self, schema: pa.Schema) -> bool:
        """Writes batches of this schema from now on, nulls in the columns that earlier ones lack; False when it is too
        late for that, because rows have been spilled."""
        if schema.equals(self._schema):
            return True
        if self._file is not None:
            return False
        self._schema = schema
        self._pending = [widened(batch, schema) for batch in self._pending]
        return True

    @property
    def rows(self) -> dict[Values, int]:
        """Rows of each partition, in the partitions' order; complete after close()."""
        found = self._reader.found
        return {found[number]: self._rows[number] for number in sorted(self._rows, key=found.__getitem__)}

    def write(self, batch: pa.RecordBatch) -> None:
        if not batch.num_rows:
            return
        if self._bytes >= RUN_BYTES:
            self._spill()
        self._pending.append(batch)
        self._bytes += batch.nbytes
        self._received += batch.num_rows
        if len(self._reader.found) >= self._target.limit:
            numbers = batch.column(NUMBER).to_numpy()
            if int(numbers.max()) >= self._target.limit:
                self.refusal = (
                    f"the rows of the file belong to more than {self._target.limit} partitions, all that "
                    "max_partitions_per_file allows"
                )

    def close(self) -> None:
        """Writes the partitions. What was committed stays when one of them fails: the caller knows what to do."""
        try:
            if len(self._reader.found) * len(self._schema) > _KEPT_COLUMNS:
                self._spill()
            self._kept = dict(self._run())
            divided = sum(self._rows.values())
            if divided != self._received:
                raise ConversionError(f"{self._received} rows were loaded, {divided} of them are in a partition")
            self._target.begin(self.rows)
            written = self._write_all()
            if written != divided:
                raise ConversionError(f"{divided} rows were divided into partitions, {written} were written")
        finally:
            self.abort()

    def abort(self) -> None:
        self._pending.clear()
        self._spilled.clear()
        self._kept.clear()
        if self._file is not None:
            self._file.close()

    def _run(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        """The gathered rows as one slice per partition, in the file's order within each."""
        if not self._pending:
            return
        table = pa.Table.from_batches(self._pending, self._schema).combine_chunks()
        self._pending.clear()
        self._bytes = 0
        batch = table.to_batches()[0]
        del table
        numbers = batch.column(NUMBER).to_numpy()
        batch = batch.select(self._written.names)
        counts = np.bincount(numbers)
        if (np.diff(numbers) < 0).any():
            # Radix sort, which is what NumPy has for 16 bits, is five times as fast as the other stable one.
            narrow: Numbers | Any = numbers.astype(np.uint16) if counts.size <= 1 << 16 else numbers
            batch = batch.take(pa.array(np.argsort(narrow, kind="stable")))
        start = 0
        for number in np.flatnonzero(counts).tolist():
            count = int(counts[number])
            rows = batch.slice(start, count)
            self._rows[number] += count
            self._sizes[number] += rows.nbytes
            yield number, rows
            start += count

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="lakelanes-", buffering=0)  # noqa: SIM115
        # Made here: a pyarrow without lz4 would fail the import, and runtime.py could not say what it lacks.
        options: Any = pa.ipc.IpcWriteOptions(compression="lz4")
        with (
            pa.output_stream(_Appended(self._file), buffer_size=_WRITTEN_AT_ONCE) as run,
            pa.ipc.new_stream(run, self._written, options=options) as stream,
        ):
            # The schema goes before the first batch: not into the first slice.
            stream.write_batch(pa.RecordBatch.from_pylist([], self._written))
            for number, rows in self._run():
                start = run.tell()
                stream.write_batch(rows)
                self._spilled[number].extend((self._end + start, run.tell() - start))
        self._end = self._file.tell()

    def _write_all(self) -> int:
        """Writes every partition's file; returns the rows written."""
        found = self._reader.found
        ordered = sorted(self._rows, key=found.__getitem__)
        writers = min(self._writers, _COLUMNS_AT_ONCE // len(self._schema))
        small = [number for number in ordered if self._sizes[number] <= _SMALL_BYTES and writers > 1]
        written = 0
        if len(small) > 1:
            with ThreadPoolExecutor(writers, "convert-partition") as pool:
                futures = [pool.submit(self._write_one, number) for number in small]
                done, waiting = wait(futures, return_when=FIRST_EXCEPTION)
                if waiting:
                    pool.shutdown(wait=True, cancel_futures=True)
                    done = {future for future in futures if not future.cancelled()}
                written = sum(future.result() for future in done)
            ordered = [number for number in ordered if self._sizes[number] > _SMALL_BYTES]
        for number in ordered:
            written += self._write_one(number)
        return written

    def _write_one(self, number: int) -> int:
        """Writes a partition's file; returns its rows."""
        values, written = self._reader.found[number], 0
        writer = self._table_writer(lambda: self._target.open(values), self._written)
        try:
            for rows in self._slices(number):
                written += rows.num_rows
                writer.write(rows)
            writer.close()
        except BaseException:
            writer.abort()
            raise
        return written

    def _slices(self, number: int) -> Iterator[pa.RecordBatch]:
        """A partition's rows, in the file's order."""
        places = self._spilled.pop(number, ())
        for offset, length in zip(places[::2], places[1::2], strict=True):
            data = os.pread(self._file.fileno(), length, offset)
            yield pa.ipc.read_record_batch(pa.py_buffer(data), self._written)
        if (last := self._kept.pop(number, None)) is not None:
            yield last


class _Appended(WrittenFile):
    """The end of an unbuffered file: it is written whole."""

    def __init__(self, file: Any) -> None:
        super().__init__()
        self._file = file

    def write(self, data: Any) -> int:
        left = memoryview(data)
        self._position += len(left)
        while left:
            left = left[self._file.write(left) :]
        return len(data)
