"""Typed batches into a Parquet file that Athena reads and prunes well; docs/benchmarks.md has what each choice saves.

- zstd at level 1: level 3 costs half as much again of the writing and saves no byte on what tables hold. Columns of
  large files that it hardly makes smaller, numbers stored as differences above all, are left as they are.
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
from dataclasses import dataclass, replace
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakelanes.convert.arrow_pool import POOL
from lakelanes.convert.read_ahead import Workers
from lakelanes.convert.row_groups import ROW_GROUP_BYTES, RowGroupWriter
from lakelanes.convert.sink import OpenSink

_SAMPLE_ROWS = 10_000
# Fewer rows are encoded sooner than a sample tells which columns need no compression.
_ROWS_WORTH_A_SAMPLE = 4 * _SAMPLE_ROWS
# A column is compressed if that saves at least one byte in so many.
_LEAST_SAVING = 50
_LONGEST_SHORT_DECIMAL = 18
# Of so many columns a row group has a page each, of which its own statistics say as much as the page index, and what is
# noted of a row group (some hundred bytes a column) stays in memory until the file ends: it has twice the rows.
_WIDE = 1000


@dataclass(frozen=True)
class ParquetSettings:
    """How columns are stored. The defaults are the product's choice; others are there to be measured against.

    statistics: minimum, maximum and null count of each column chunk. page_index: the same of each page; there is none
    without statistics. dictionary: for the columns that repeat, for all or for none. deltas: whether whole numbers
    without a dictionary are stored as differences. compression: of the columns that it makes smaller, or of all.
    """

    statistics: bool = True
    page_index: bool = True
    dictionary: Literal["repeating", "all", "none"] = "repeating"
    deltas: bool = True
    compression: Literal["saving", "all"] = "saving"


@dataclass(frozen=True)
class _Storage:
    """How a file's columns are stored, which its first row group decides.

    with_dictionary: names of columns. codecs: of every leaf, by its path in the Parquet schema; or one for all.
    """

    with_dictionary: list[str]
    codecs: str | dict[str, str] = "zstd"

    @property
    def levels(self) -> int | dict[str, int]:
        """Of the compression, as pyarrow takes them: a column that is not compressed may have none."""
        if isinstance(self.codecs, str):
            return _LEVEL
        return {path: _LEVEL for path, codec in self.codecs.items() if codec == "zstd"}


_LEVEL = 1
DEFAULT_SETTINGS = ParquetSettings()


class TableWriter:
    """Writes record batches of one schema to a Parquet file, a row group at a time.

    sort_by: columns of the schema, none of them nested, by which the rows of each row group are sorted: ascending,
    nulls last, rows that are equal in the order they came in. No row leaves its row group.
    stamp: goes into the file's footer. workers: encode row groups side by side, into the same file.
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
        workers: Workers | None = None,
    ) -> None:
        self._sort_by = tuple(sort_by)
        self._settings = settings
        self._storage: _Storage | None = None
        self._groups = RowGroupWriter(
            open_sink,
            schema,
            self._open_parquet,
            stamp,
            most_bytes=row_group_bytes * (2 if len(schema) >= _WIDE else 1),
            sort_by=self._sort_by,
            workers=workers,
        )

    @property
    def schema(self) -> pa.Schema:
        return self._groups.schema

    def grow(self, schema: pa.Schema) -> bool:
        """Writes batches of this schema from now on, nulls in the columns that earlier ones lack; False when it is too
        late for that, because a part of the file is written."""
        return self._groups.grow(schema)

    def write(self, batch: pa.RecordBatch) -> None:
        self._groups.write(batch)

    def close(self) -> None:
        """Ends the file and commits it; without any batch it is a valid file of no rows."""
        self._groups.close(even_empty=True)

    def abort(self) -> None:
        self._groups.abort()

    def _open_parquet(self, sink: Any, first: pa.Table) -> Any:
        """A Parquet writer for rows like those of the first row group, in the order they came in; for later ones if it
        is called again."""
        if self._storage is None:
            self._storage = self._decide(first)
        return self._parquet(sink, first.schema, self._storage)

    def _decide(self, first: pa.Table) -> _Storage:
        storage = _Storage(_with_dictionary(first, self._settings))
        if self._settings.compression == "all" or first.num_rows < _ROWS_WORTH_A_SAMPLE:
            return storage
        made = pa.BufferOutputStream(POOL)
        with self._parquet(made, first.schema, storage) as parquet:
            parquet.write_table(first.slice(0, _SAMPLE_ROWS))
        chunks = pq.read_metadata(pa.BufferReader(made.getvalue())).row_group(0)
        return replace(storage, codecs=dict(_codec(chunks.column(place)) for place in range(chunks.num_columns)))

    def _parquet(self, sink: Any, schema: pa.Schema, storage: _Storage) -> Any:
        settings = self._settings
        return pq.ParquetWriter(
            sink,
            schema,
            version="2.6",
            compression=storage.codecs,
            compression_level=storage.levels,
            use_dictionary=storage.with_dictionary or False,
            column_encoding={
                field.name: "DELTA_BINARY_PACKED"
                for field in schema
                if settings.deltas and field.name not in storage.with_dictionary and _is_whole(field.type)
            },
            store_decimal_as_integer=True,
            memory_pool=POOL,
            write_statistics=settings.statistics,
            write_page_index=settings.page_index and len(schema) < _WIDE,
            sorting_columns=_sorting_columns(schema, self._sort_by),
            store_schema=False,
        )


def _codec(chunk: pq.ColumnChunkMetaData) -> tuple[str, str]:
    """The path of a leaf, and the codec that its values are worth."""
    packed, unpacked = chunk.total_compressed_size, chunk.total_uncompressed_size
    return chunk.path_in_schema, "zstd" if (unpacked - packed) * _LEAST_SAVING >= unpacked else "none"


def _with_dictionary(first: pa.Table, settings: ParquetSettings) -> list[str]:
    if settings.dictionary == "repeating":
        return _repeating(first)
    return first.column_names if settings.dictionary == "all" else []


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
