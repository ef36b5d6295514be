"""Record batches gathered into the row groups of a Parquet file that is opened with the first of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakelanes.convert.arrow_pool import POOL
from lakelanes.convert.read_ahead import Workers
from lakelanes.convert.schema import widened
from lakelanes.convert.side_by_side import MOST_COLUMNS, SideBySide
from lakelanes.convert.sink import OpenSink, SinkFile

ROW_GROUP_BYTES = 16 << 20
# An array takes some hundred bytes beside its rows: so many are put together, once.
_MANY_ARRAYS = 20_000

# Makes pyarrow's writer on a file object, for a table like the first.
OpenParquet = Callable[[Any, pa.Table], Any]


class RowGroupWriter:
    """Writes batches to a Parquet file, a row group at a time, in memory of about one row group.

    open_parquet: makes the Parquet writer (pyarrow's) on the opened sink, given the first row group. With workers it
    is called for each row group, and all but the first have to be stored like the first.
    stamp: goes into the file's footer. most_bytes, most_rows: a row group is written when it has as many bytes of Arrow
    data, or as many rows. sort_by: columns of the schema, none of them nested, by which the rows of each row group are
    sorted: ascending, nulls last, rows that are equal in the order they came in. No row leaves its row group.
    workers: encode the row groups of a file that has several, in memory of a row group each, but for tables of very
    many columns; the file is the same.
    """

    def __init__(
        self,
        open_sink: OpenSink,
        schema: pa.Schema,
        open_parquet: OpenParquet,
        stamp: Mapping[str, str] | None = None,
        *,
        most_bytes: int,
        most_rows: int | None = None,
        sort_by: Sequence[str] = (),
        workers: Workers | None = None,
    ) -> None:
        self._open_sink = open_sink
        self._open_parquet = open_parquet
        self._stamp = dict(stamp or {})
        self._most_bytes, self._most_rows = most_bytes, most_rows
        self._sort_by = sort_by
        self._workers = workers
        self._pending: list[pa.RecordBatch] = []
        self._bytes = self._rows = self._joined = 0
        self._sink: SinkFile | None = None
        self._parquet: Any = None
        self.schema = schema

    def grow(self, schema: pa.Schema) -> bool:
        """Writes batches of this schema from now on, nulls in the columns that earlier ones lack; False when it is too
        late for that, because a row group is written."""
        if schema.equals(self.schema):
            return True
        if self._sink is not None:
            return False
        self.schema = schema
        self._pending = [widened(batch, schema) for batch in self._pending]
        return True

    def write(self, batch: pa.RecordBatch) -> None:
        self._pending.append(batch)
        if (len(self._pending) - self._joined) * batch.num_columns > _MANY_ARRAYS:
            self._pending[self._joined :] = [pa.concat_batches(self._pending[self._joined :], memory_pool=POOL)]
            self._joined += 1
        self._bytes += batch.nbytes
        self._rows += batch.num_rows
        if self._bytes >= self._most_bytes or (self._most_rows is not None and self._rows >= self._most_rows):
            self._flush(self._workers if len(self.schema) <= MOST_COLUMNS else None)

    def close(self, *, even_empty: bool) -> None:
        """Ends the file and commits it. Without any batch there is none; with `even_empty`, one of no rows."""
        if self._pending or (even_empty and self._sink is None):
            self._flush(None)  # a row group that is alone is not worth a second thread
        if self._sink is not None:
            self._parquet.close()
            self._sink.commit()

    def abort(self) -> None:
        self._pending.clear()
        if isinstance(self._parquet, SideBySide):
            self._parquet.abort()
        if self._sink is not None:
            self._sink.abort()

    def _flush(self, workers: Workers | None) -> None:
        table = pa.Table.from_batches(self._pending, self.schema)
        self._pending.clear()
        self._bytes = self._rows = self._joined = 0
        if self._sink is None:
            self._sink = SinkFile(self._open_sink())
            if workers is None:
                self._parquet = self._open_parquet(self._sink, table)
                self._parquet.add_key_value_metadata(self._stamp)
            else:
                self._parquet = SideBySide(self._sink, self._open_parquet, self._in_order, self._stamp, workers)
        if table.num_rows:
            if isinstance(self._parquet, SideBySide):
                self._parquet.write_table(table)
            else:
                # No reference is left here: it lets go of the pieces once it has sorted rows.
                given, rows = [table], table.num_rows
                del table
                self._parquet.write_table(self._in_order(given.pop()), row_group_size=rows)

    def _in_order(self, table: pa.Table) -> pa.Table:
        if not self._sort_by:
            return table
        # In one piece it sorts faster, and the pieces are let go before the sorted rows are made.
        table = table.combine_chunks(POOL)
        return _sorted(table, self._sort_by)


def _sorted(table: pa.Table, sort_by: Sequence[str]) -> pa.Table:
    keys: Any = [(name, "ascending", "at_end") for name in sort_by]
    order = pc.sort_indices(table, sort_keys=keys, memory_pool=POOL)
    return pc.take(table, order, memory_pool=POOL)
