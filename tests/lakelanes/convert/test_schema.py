"""The Arrow schema of a table, what a file adds to it, and batches that lack columns."""

from __future__ import annotations

import pyarrow as pa

from lakelanes.convert import SchemaPolicy
from lakelanes.convert.header import Layout, NewColumn
from lakelanes.convert.schema import NUMBER, table_schema, widened
from lakelanes.types import parse_type

COLUMNS = [("id", parse_type("string")), ("n", parse_type("int"))]


def test_new_columns_come_after_the_tables_own_and_the_rescued() -> None:
    layout = Layout(4, (0, 1), new=(NewColumn(2, "Note", "note"), NewColumn(3, "left out")))
    schema = table_schema(COLUMNS, SchemaPolicy(rescue=True), layout, numbered=True)
    assert schema.names == ["id", "n", NUMBER, "_rescued", "note"]
    assert [schema.field(name).type for name in ("n", "note")] == [pa.int32(), pa.string()]
    assert table_schema(COLUMNS, SchemaPolicy()).names == ["id", "n"]


def test_a_batch_is_widened_by_nulls_in_the_schemas_order() -> None:
    batch = pa.RecordBatch.from_pydict({"n": pa.array([1, 2], pa.int32())})
    wide = widened(batch, table_schema(COLUMNS, SchemaPolicy()))
    assert wide.to_pydict() == {"id": [None, None], "n": [1, 2]}
