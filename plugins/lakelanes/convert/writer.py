"""Typed batches into a Parquet file that Athena reads and prunes well; docs/benchmarks.md has what each choice saves.

- zstd at level 1: level 3 costs half as much again of the writing and saves no byte on what tables hold.
- Row groups of up to 16 MB of Arrow data: large enough to compress, small enough for memory and to prune.
- Minimum, maximum and null count of every column per row group, by which Athena skips row groups, and per page (the
  page index), by which readers that use it skip pages.
- A dictionary only for columns that repeat: for others it costs time and is thrown away when it grows too large.
- Whole numbers, decimals of up to 18 digits, dates and timestamps that do not repeat are stored as differences
  (DELTA_BINARY_PACKED), which every version of Athena's engine reads: a fifth fewer bytes, and fewer to compress.
- Decimals of up to 18 digits are INT32 or INT64, which Athena (Trino) reads as it reads fixed-length bytes.
- Timestamps are INT64 microseconds without a zone. INT96, the older choice, has no statistics; milliseconds would cut
  what databases export. Athena's own timestamp has three digits of a second, and it rounds when it reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakelanes.convert.arrow_pool import POOL
from lakelanes.convert.sink import OpenSink, SinkFile

ROW_GROUP_BYTES = 16 << 20
_SAMPLE_ROWS = 10_000
_LONGEST_SHORT_DECIMAL = 18


@dataclass(frozen=True)
class ParquetSettings:
    """How columns are stored. The defaults are the product's choice; others are there to be measured against.

    statistics: minimum, maximum and null count of each column chunk. page_index: the same of each page; there is none
    without statistics. dictionary: for the columns that repeat, for all or for none. deltas: whether whole numbers
    without a dictionary are stored as differences.
    """

    statistics: bool = True
    page_index: bool = True
    dictionary: Literal["repeating", "all", "none"] = "repeating"
    deltas: bool = True


DEFAULT_SETTINGS = ParquetSettings()


class TableWriter:
    """Writes record batches of one schema to a Parquet file, a row group at a time.

    sort_by: columns of the schema, none of them nested, by which the rows of each row group are sorted: ascending,
    nulls last, rows that are equal in the order they came in. No row leaves its row group.
    stamp: goes into the file's footer.
    """

    def __init__(
        self,
        open_sink: OpenSink,
        schema: pa.Schema,
        row_group_bytes: int = ROW_GROUP_BYTES,
        stamp: Mapping[str, str] | None = None,
        *,
        sort_by: Sequence[str] = (),
        settings: ParquetSettings = DEFAULT_SETTINGS,
    ) -> None:
        self._open_sink = open_sink
        self._schema = schema
        self._stamp = dict(stamp or {})
        self._row_group_bytes = row_group_bytes
        self._sort_by = tuple(sort_by)
        self._settings = settings
        self._pending: list[pa.RecordBatch] = []
        self._bytes = 0
        self._sink: Any = None
        self._parquet: Any = None

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    def grow(self, schema: pa.Schema) -> bool:
        """Writes batches of this schema from now on, nulls in the columns that earlier ones lack; False when it is too
        late for that, because a part of the file is written."""
        if schema.equals(self._schema):
            return True
        if self._sink is not None:
            return False
        self._schema = schema
        self._pending = [widened(batch, schema) for batch in self._pending]
        return True

    def write(self, batch: pa.RecordBatch) -> None:
        self._pending.append(batch)
        self._bytes += batch.nbytes
        if self._bytes >= self._row_group_bytes:
            self._flush()

    def close(self) -> None:
        """Ends the file and commits it; without any batch it is a valid file of no rows."""
        if self._pending or self._sink is None:
            self._flush()
        self._parquet.close()
        self._sink.commit()

    def abort(self) -> None:
        self._pending.clear()
        if self._sink is not None:
            self._sink.abort()

    def _flush(self) -> None:
        table = pa.Table.from_batches(self._pending, self._schema)
        self._pending.clear()
        self._bytes = 0
        if self._sink is None:
            self._sink = SinkFile(self._open_sink())
            self._parquet = self._writer(table)
            self._parquet.add_key_value_metadata(self._stamp)
        if table.num_rows:
            if self._sort_by:
                # In one piece it sorts faster, and the pieces are let go before the sorted rows are made.
                table = table.combine_chunks(POOL)
                table = _sorted(table, self._sort_by)
            self._parquet.write_table(table, row_group_size=table.num_rows)

    def _writer(self, first: pa.Table) -> Any:
        """A Parquet writer for rows like those of the first row group, in the order they came in."""
        settings = self._settings
        if settings.dictionary == "repeating":
            repeating = _repeating(first)
        else:
            repeating = first.column_names if settings.dictionary == "all" else []
        return pq.ParquetWriter(
            self._sink,
            self._schema,
            version="2.6",
            compression="zstd",
            compression_level=1,
            use_dictionary=repeating or False,
            column_encoding={
                field.name: "DELTA_BINARY_PACKED"
                for field in self._schema
                if settings.deltas and field.name not in repeating and _is_whole(field.type)
            },
            store_decimal_as_integer=True,
            memory_pool=POOL,
            write_statistics=settings.statistics,
            write_page_index=settings.page_index,
            sorting_columns=_sorting_columns(self._schema, self._sort_by),
            store_schema=False,
        )


def _sorted(table: pa.Table, sort_by: Sequence[str]) -> pa.Table:
    """The same rows: ascending, nulls last, equal ones in the order they came in."""
    keys: Any = [(name, "ascending", "at_end") for name in sort_by]
    order = pc.sort_indices(table, sort_keys=keys, memory_pool=POOL)
    return pc.take(table, order, memory_pool=POOL)


def _sorting_columns(schema: pa.Schema, sort_by: Sequence[str]) -> list[pq.SortingColumn] | None:
    """What the footer says of the order of rows. Parquet counts columns by leaves, so nested ones count for several."""
    if not sort_by:
        return None
    places, place = {}, 0
    for field in schema:
        places[field.name] = place
        place += _leaves(field.type)
    return [pq.SortingColumn(places[name], descending=False, nulls_first=False) for name in sort_by]


def _leaves(arrow: Any) -> int:
    if not pa.types.is_nested(arrow):
        return 1
    return sum(_leaves(arrow.field(position).type) for position in range(arrow.num_fields))


def _is_whole(arrow: Any) -> bool:
    """Whether Parquet stores the type as INT32 or INT64."""
    if pa.types.is_decimal(arrow):
        return bool(arrow.precision <= _LONGEST_SHORT_DECIMAL)
    return bool(pa.types.is_integer(arrow) or pa.types.is_date(arrow) or pa.types.is_timestamp(arrow))


def widened(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch in this schema, null in the columns that it lacks."""
    places = [batch.schema.get_field_index(name) for name in schema.names]
    arrays = [
        batch.column(place) if place >= 0 else pa.nulls(batch.num_rows, wanted.type)
        for place, wanted in zip(places, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _repeating(table: pa.Table) -> list[str]:
    """The columns whose first values repeat at least once on average. Dates do better as differences."""
    sample = table.slice(0, min(_SAMPLE_ROWS, max(1000, table.num_rows // 8)))
    return [
        name
        for name, values in zip(sample.column_names, sample.columns, strict=True)
        if not pa.types.is_boolean(values.type)
        and not pa.types.is_date(values.type)
        and not pa.types.is_nested(values.type)
        and pc.count_distinct(values).as_py() * 2 <= len(values)
    ]
