"""The Arrow schema of a table and its record batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from lakelanes.convert.header import Layout
from lakelanes.convert.policy import EVOLVED_TYPE, RESCUED, SchemaPolicy
from lakelanes.types import HiveType, parse_type

# Name of the column that carries the number of a row's partition from the parser to the writer.
NUMBER = "partition number"


def table_schema(
    columns: Sequence[tuple[str, HiveType]],
    policy: SchemaPolicy,
    layout: Layout | None = None,
    *,
    numbered: bool = False,
) -> pa.Schema:
    """The Arrow schema of the table, with the new columns of a file of this layout after its own.

    numbered: with the column NUMBER, for rows that are divided into partitions.
    """
    text = parse_type(EVOLVED_TYPE).arrow
    added = [RESCUED] * policy.rescue + [new.name for new in (layout.new if layout else ()) if new.name]
    own = [pa.field(name, column_type.arrow) for name, column_type in columns]
    own += [pa.field(NUMBER, pa.int32())] * numbered
    return pa.schema([*own, *(pa.field(name, text) for name in added)])


def batch_of(schema: pa.Schema, arrays: Sequence[Any | None], rows: int) -> pa.RecordBatch:
    """A batch of these columns; None stands for one of nulls."""
    filled = [
        pa.nulls(rows, schema_field.type) if values is None else values
        for schema_field, values in zip(schema, arrays, strict=True)
    ]
    return pa.RecordBatch.from_arrays(filled, schema=schema)


def widened(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch in this schema, null in the columns that it lacks."""
    places = [batch.schema.get_field_index(name) for name in schema.names]
    return batch_of(schema, [batch.column(place) if place >= 0 else None for place in places], batch.num_rows)
