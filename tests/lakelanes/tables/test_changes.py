"""Both lanes make the same rows of the same change."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.errors import AttributeValueError
from lakelanes.tables.changes import LineReader, StreamReader, change_batch, change_columns, change_schema
from lakelanes.types import parse_type
from tests.lakelanes.tables.support import make_table, tables_and_items
from tests.support.properties import examples

ITEM = {"order_id": {"S": "o-1"}, "total": {"N": "1.50"}, "note": {"S": "x"}}
LANE_COLUMNS = {"_written_at", "_sequence", "_source"}


def record(name: str, keys: Any, image: Any = None, **data: Any) -> dict[str, Any]:
    """A record as Lambda hands it over."""
    images = {} if image is None else {"NewImage": image}
    base = {"ApproximateCreationDateTime": 1767600000, "Keys": keys, **images, "SequenceNumber": "111" * 7}
    return {"eventName": name, "eventSource": "aws:dynamodb", "dynamodb": base | data}


@pytest.mark.slow
@examples(150)
@given(pair=tables_and_items(), deleted=st.booleans())
def test_an_export_and_a_stream_make_equal_rows(pair: Any, deleted: bool) -> None:
    table, items = pair
    lines, records = LineReader(table, None), StreamReader(table)
    for item in items:
        keys = {"id": item["id"]}
        line = {"Metadata": {"WriteTimestampMicros": {"N": "1"}}, "Keys": keys, "OldImage": item}
        line |= {} if deleted else {"NewImage": item}
        name = "REMOVE" if deleted else "MODIFY"
        try:
            exported = lines.read(json.dumps(line).encode())
        except AttributeValueError:
            continue
        [row] = change_batch(table, [exported]).to_pylist()
        [other] = change_batch(table, [records.read(record(name, keys, None if deleted else item))]).to_pylist()
        assert {n: repr(v) for n, v in row.items() if n not in LANE_COLUMNS} == {
            n: repr(v) for n, v in other.items() if n not in LANE_COLUMNS
        }


def test_a_record_of_a_stream_becomes_a_row() -> None:
    table = make_table()
    changes = [
        StreamReader(table).read(record("INSERT", {"order_id": {"S": "o-1"}}, ITEM)),
        StreamReader(table).read(record("REMOVE", {"order_id": {"S": "o-2"}}, ApproximateCreationDateTime=1.5)),
    ]
    put, delete = (
        change_batch(table, changes)
        .select(["order_id", "total", "_op", "_written_at", "_sequence", "_source", "_attributes"])
        .to_pylist()
    )
    assert put["_attributes"] == '{"note":{"S":"x"}}'
    assert put["_written_at"] == datetime(2026, 1, 5, 8)
    assert (put["_op"], put["_source"], str(put["total"])) == ("put", "stream", "1.50")
    assert put["_sequence"] == "0" * 19 + "111" * 7
    assert delete == {
        "order_id": "o-2",
        "total": None,
        "_op": "delete",
        "_written_at": datetime(1970, 1, 1, 0, 0, 1, 500_000),
        "_sequence": "0" * 19 + "111" * 7,
        "_source": "stream",
        "_attributes": None,
    }


@pytest.mark.parametrize(
    ("faulty", "reason"),
    [
        (None, "None is no record of a stream"),
        ({"eventName": "INSERT"}, "is no record of a stream"),
        (record("RENAME", {}), "is no record of a stream"),
        (record("INSERT", {"order_id": {"S": "a"}}), "it has no NewImage"),
        (record("INSERT", {"id": {"S": "a"}}, ITEM), "the keys are id, the configuration has order_id"),
        (record("REMOVE", {"order_id": {"S": "a"}}, SequenceNumber=7), "SequenceNumber: found 7, expected digits"),
        (record("REMOVE", {"order_id": {"S": "a"}}, ApproximateCreationDateTime="x"), "ApproximateCreationDateTime"),
        (record("INSERT", {"order_id": {"S": "a"}}, {"order_id": {"Q": 1}}), "expected an attribute value"),
    ],
)
def test_a_record_that_is_no_change_of_the_table_is_refused(faulty: Any, reason: str) -> None:
    with pytest.raises(AttributeValueError, match=reason):
        StreamReader(make_table()).read(faulty)


def test_the_catalogue_and_the_files_have_the_same_columns() -> None:
    table = make_table(undeclared="rest")
    schema = change_schema(table)
    assert [(name, parse_type(text, binary=True).arrow) for name, text in change_columns(table)] == [
        (field.name, field.type) for field in schema
    ]
    assert "rest" in schema.names
    assert change_batch(table, []).schema == schema
    assert pa.types.is_timestamp(schema.field("_written_at").type)
