"""Parquet files: which row groups and columns a query needs, what reading them costs, and the table's types over them.

Columns are found by name without case. A file's type must be one Trino reads as the table's type; otherwise the query
fails with HIVE_BAD_DATA (https://docs.aws.amazon.com/athena/latest/ug/handling-schema-updates-chapter.html).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from localaws.athena.errors import QueryFailed, failure, not_supported
from localaws.athena.objects import DataFile, Kept, Objects
from localaws.athena.types import INTEGER_RANGE, Type, row_field, to_arrow

_BATCH_ROWS = 131_072


@dataclass(frozen=True)
class Wanted:
    """A table column to read; `label` is its name in the scan, and so in filters."""

    name: str
    type: Type
    label: str


# A wanted column with what the file has of it.
_Found = tuple[Wanted, pa.Field | None]


def read(
    objects: Objects, file: DataFile, columns: list[Wanted], filter_: pc.Expression | None, schema: pa.Schema
) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Batches of a file in the table's types, each with the compressed bytes read for it.

    `filter_` (over labels; `schema` is the scan's) only chooses row groups by their statistics: rows are not filtered
    here. With no columns the batches carry row counts alone and cost nothing.
    """
    source = objects.open(file)
    try:
        parquet = pq.ParquetFile(source, metadata=_footers.get(file), pre_buffer=True)
        footer = parquet.metadata
    except (pa.ArrowInvalid, OSError) as error:
        raise _malformed(file, error) from error
    _footers.put(file, footer)
    fields = {stored.name.lower(): stored for stored in parquet.schema_arrow}
    found = [(column, fields.get(column.name)) for column in columns]
    for column, stored in found:
        if stored is not None and not _readable(stored.type, column.type):
            raise _incompatible(file, parquet, stored.name, column)
    names = sorted({stored.name for _, stored in found if stored is not None})
    for group in _row_groups(footer, found, filter_, schema):
        metadata = footer.row_group(group)
        if metadata.num_rows == 0:
            continue
        if not names:
            yield _converted(file, found, None, metadata.num_rows), 0
            continue
        cost = _compressed_bytes(metadata, set(names))
        try:
            for batch in _batches(parquet, group, metadata.num_rows, names):
                yield _converted(file, found, batch, batch.num_rows), cost
                cost = 0
        except (pa.ArrowInvalid, OSError) as error:
            raise _malformed(file, error) from error


def _batches(parquet: pq.ParquetFile, group: int, rows: int, names: list[str]) -> Iterator[pa.RecordBatch]:
    if rows <= _BATCH_ROWS:
        yield from parquet.read_row_group(group, columns=names, use_threads=False).combine_chunks().to_batches()
    else:
        yield from parquet.iter_batches(_BATCH_ROWS, row_groups=[group], columns=names, use_threads=False)


# Parsed footers, each of a size of 1.
_footers: Kept[DataFile, pq.FileMetaData] = Kept(20_000, lambda _: 1)


def _malformed(file: DataFile, error: Exception) -> QueryFailed:
    return failure("HIVE_BAD_DATA", f"Malformed Parquet file. {error} [{file.uri}]")


def _row_groups(
    footer: pq.FileMetaData, found: list[_Found], filter_: pc.Expression | None, schema: pa.Schema
) -> list[int]:
    """The row groups whose statistics allow a row for the filter. Arrow compares them: each is a fragment known to lie
    between its minima and maxima."""
    count = footer.num_row_groups
    if filter_ is None or not count:
        return list(range(count))
    leaves = {footer.schema.column(i).path: i for i in range(len(footer.schema))}
    form = ds.ParquetFileFormat()
    fragments = []
    for group in range(count):
        known = pc.scalar(True)
        for column, stored in found:
            if stored is not None and stored.name in leaves and _comparable(stored.type, column.type):
                known = known & _bounds(footer.row_group(group).column(leaves[stored.name]), column)
        fragments.append(form.make_fragment(pa.BufferReader(b""), partition_expression=known))
    dataset = ds.FileSystemDataset(fragments, schema, form)
    kept = {str(fragment.partition_expression) for fragment in dataset.get_fragments(filter=filter_)}
    return [i for i, fragment in enumerate(fragments) if str(fragment.partition_expression) in kept]


def _comparable(stored: pa.DataType, kind: Type) -> bool:
    """Whether a file's minima and maxima bound what the table shows: not so where values are cut, padded or rounded."""
    return stored.equals(to_arrow(kind)) and (
        kind.name in (*INTEGER_RANGE, "decimal", "date", "boolean") or (kind.name == "varchar" and not kind.args)
    )


def _bounds(chunk: Any, column: Wanted) -> pc.Expression:
    statistics = chunk.statistics
    if statistics is None or not statistics.has_min_max:
        return pc.scalar(True)
    kind, label = to_arrow(column.type), pc.field(column.label)
    try:
        low, high = pa.scalar(statistics.min, kind), pa.scalar(statistics.max, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pc.scalar(True)
    if statistics.has_null_count and statistics.null_count == 0:
        return (label >= low) & (label <= high)
    return ((label >= low) | label.is_null()) & ((label <= high) | label.is_null())


def _compressed_bytes(group: Any, names: set[str]) -> int:
    """Compressed bytes of the column chunks below the named top-level columns."""
    total = 0
    for i in range(group.num_columns):
        chunk = group.column(i)
        if chunk.path_in_schema.split(".", 1)[0] in names or chunk.path_in_schema in names:
            total += chunk.total_compressed_size
    return total


def _converted(file: DataFile, found: list[_Found], batch: pa.RecordBatch | None, rows: int) -> pa.RecordBatch:
    """A batch of the wanted columns in the table's types; NULL for those that the file has not."""
    arrays = []
    for column, stored in found:
        if batch is None or stored is None:
            arrays.append(pa.nulls(rows, to_arrow(column.type)))
            continue
        try:
            arrays.append(convert(batch.column(stored.name), column.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise failure(
                "HIVE_BAD_DATA", f"Field {column.name} in {file.uri} cannot be read as {column.type}: {error}"
            ) from error
    if not found:
        return pa.RecordBatch.from_arrays([pa.nulls(rows, pa.bool_())], names=["rows"])
    return pa.RecordBatch.from_arrays(arrays, names=[column.label for column, _ in found])


def convert(values: pa.Array, kind: Type) -> pa.Array:
    """A file's column in the table's type. Raises ArrowInvalid when a value does not fit."""
    target = to_arrow(kind)
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if kind.name == "timestamp":
        return _timestamps(values)
    if kind.name == "char":
        return pc.utf8_rtrim(pc.utf8_slice_codeunits(pc.cast(values, pa.string()), 0, kind.args[0]), " ")
    if kind.name == "decimal" and pa.types.is_decimal(values.type) and values.type.scale > kind.scale:
        values = pc.round(values, kind.scale, "half_towards_infinity")
    if kind.name == "varchar" and kind.args:
        return pc.utf8_slice_codeunits(pc.cast(values, pa.string()), 0, kind.args[0])
    if kind.name == "array" and not values.type.equals(target):
        items = convert(values.flatten(), kind.element)
        return pa.ListArray.from_arrays(_offsets(values), items, mask=_mask(values))
    if kind.name == "map":
        keys, items = convert(values.keys, kind.args[0]), convert(values.items, kind.args[1])
        return pa.MapArray.from_arrays(values.offsets, keys, items, mask=_mask(values))
    if kind.name == "row":
        return _rows(values, kind, target)
    return values if values.type.equals(target) else pc.cast(values, target, safe=True)


def _mask(values: pa.Array) -> pa.Array | None:
    return values.is_null() if values.null_count else None


def _offsets(values: pa.ListArray) -> pa.Array:
    lengths = pc.fill_null(pc.list_value_length(values), 0)
    ends = pc.cumulative_sum(pc.cast(lengths, pa.int32()))
    return pa.concat_arrays([pa.array([0], pa.int32()), ends])


def _rows(values: pa.StructArray, kind: Type, target: pa.DataType) -> pa.Array:
    names = {values.type.field(i).name.lower(): i for i in range(values.type.num_fields)}
    fields = []
    for name, inner in kind.args:
        place = names.get((name or "").lower())
        fields.append(pa.nulls(len(values), to_arrow(inner)) if place is None else convert(values.field(place), inner))
    labels = [row_field(kind, i) for i in range(len(kind.args))]
    return pa.StructArray.from_arrays(fields, names=labels, mask=values.is_null())


def _timestamps(values: pa.Array) -> pa.Array:
    """Athena's timestamp has milliseconds: finer ones are rounded half up."""
    plain = values
    if plain.type.tz is not None:
        plain = plain.cast(pa.timestamp(plain.type.unit))
    if plain.type.unit in ("s", "ms"):
        return plain.cast(pa.timestamp("us"))
    # In the file's own unit: nanoseconds end in the year 2262.
    unit = plain.type.unit
    half = pa.scalar(500 if unit == "us" else 500_000, pa.duration(unit))
    return pc.floor_temporal(pc.add(plain, half), unit="millisecond").cast(pa.timestamp("us"))


def _incompatible(file: DataFile, parquet: pq.ParquetFile, name: str, column: Wanted) -> QueryFailed:
    return failure(
        "HIVE_BAD_DATA",
        f"Field {column.name}'s type {_physical_type(parquet, name)} in parquet file {file.uri} is incompatible with "
        f"type {column.type} defined in table schema",
    )


def _physical_type(parquet: pq.ParquetFile, name: str) -> str:
    leaves = map(parquet.schema.column, range(len(parquet.schema)))
    return next((str(leaf.physical_type) for leaf in leaves if leaf.path == name), "group")


_STORED: dict[str, tuple[Callable[[pa.DataType], bool], ...]] = {
    **dict.fromkeys(INTEGER_RANGE, (pa.types.is_integer,)),
    "decimal": (pa.types.is_decimal, pa.types.is_integer),
    "double": (pa.types.is_float64, pa.types.is_float32, pa.types.is_int32),
    "real": (pa.types.is_float32,),
    "varchar": (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_signed_integer),
    "char": (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary),
    "varbinary": (pa.types.is_binary, pa.types.is_string, pa.types.is_fixed_size_binary),
    "date": (pa.types.is_date32, pa.types.is_int32),
    "timestamp": (pa.types.is_timestamp,),
    "boolean": (pa.types.is_boolean,),
}


def _readable(stored: pa.DataType, kind: Type) -> bool:
    """Whether Trino's Parquet reader reads a stored type as a table's type."""
    if pa.types.is_dictionary(stored):
        stored = stored.value_type
    name = kind.name
    if stored in (pa.uint32(), pa.uint64()) or (pa.types.is_integer(stored) and name == "varchar" and kind.args):
        raise not_supported(f"a column of type {stored} in a Parquet file, read as {kind}")
    if name in _STORED:
        return any(holds(stored) for holds in _STORED[name])
    if name == "array" and pa.types.is_list(stored):
        return _readable(stored.value_type, kind.element)
    if name == "map" and pa.types.is_map(stored):
        return _readable(stored.key_type, kind.args[0]) and _readable(stored.item_type, kind.args[1])
    if name == "row" and pa.types.is_struct(stored):
        fields = {stored.field(i).name.lower(): stored.field(i).type for i in range(stored.num_fields)}
        return all(_readable(fields[n.lower()], inner) for n, inner in kind.args if n and n.lower() in fields)
    return False
