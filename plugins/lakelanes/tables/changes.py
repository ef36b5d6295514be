"""Change rows: what every lane makes of a change of an item, alike to the last digit.

A row has the table's columns, then

_op          'put' or 'delete'; a delete has its key and nothing else
_written_at  when DynamoDB took the change: to the microsecond in an export, to the second in a stream
_sequence    the stream's sequence number, padded so that texts sort as numbers do; null in an export
_source      'full', 'incremental' or 'stream'
_attributes  attributes that are no column's, as a JSON object in DynamoDB JSON; `undeclared` of the table names it
_rescued     values that their column could not take, likewise, by column
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import pyarrow as pa

from lakelanes.config.model import Table
from lakelanes.convert.policy import RESCUED
from lakelanes.convert.values import ValueRefused
from lakelanes.errors import AttributeValueError
from lakelanes.tables.attributes import Item, ItemReader, read_value
from lakelanes.tables.dynamodb_json import check_members, json_text, parse_json, shown
from lakelanes.types import parse_type

Op = Literal["put", "delete"]
Source = Literal["full", "incremental", "stream"]

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_StreamRecord.html: 21 to 40 digits
SEQUENCE_DIGITS = 40
_MICROS = parse_type("bigint")
_PARTS = frozenset({"Metadata", "Keys", "OldImage", "NewImage"})
_OPS: dict[Any, Op] = {"INSERT": "put", "MODIFY": "put", "REMOVE": "delete"}


@dataclass(frozen=True)
class Change:
    """A change of an item. written_at: microseconds since 1970-01-01 UTC. sequence: padded; None in an export."""

    op: Op
    item: Item
    written_at: int
    source: Source
    sequence: str | None = None


def change_schema(table: Table) -> pa.Schema:
    """The Arrow schema of the table's change rows, without the partition columns."""
    texts = [pa.field(name, pa.string()) for name in ("_sequence", "_source", table.undeclared, RESCUED)]
    return pa.schema(
        [
            *(pa.field(column.name, column.type.arrow) for column in table.columns),
            pa.field("_op", pa.string()),
            pa.field("_written_at", pa.timestamp("us")),
            *texts,
        ]
    )


def change_columns(table: Table) -> tuple[tuple[str, str], ...]:
    """Names and Hive types of the same columns, in the same order, for the catalogue."""
    fixed = (("_op", "string"), ("_written_at", "timestamp"), ("_sequence", "string"), ("_source", "string"))
    texts = ((table.undeclared, "string"), (RESCUED, "string"))
    return (*((column.name, column.type.text) for column in table.columns), *fixed, *texts)


def change_batch(table: Table, changes: Sequence[Change]) -> pa.RecordBatch:
    """The changes as rows, in their order."""
    items = [change.item for change in changes]
    arrays = [pa.array([item.values.get(each.name) for item in items], each.type.arrow) for each in table.columns]
    arrays += [
        pa.array([change.op for change in changes], pa.string()),
        pa.array([change.written_at for change in changes], pa.int64()).cast(pa.timestamp("us")),
        pa.array([change.sequence for change in changes], pa.string()),
        pa.array([change.source for change in changes], pa.string()),
        pa.array([json_text(item.undeclared) for item in items], pa.string()),
        pa.array([json_text(item.rescued) for item in items], pa.string()),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=change_schema(table))


def item_reader(table: Table) -> ItemReader:
    return ItemReader(table.columns, table.keys)


class LineReader:
    """Reads lines of an export one by one: the careful way, which explains what is wrong.

    export_time: of a full export, in microseconds since 1970-01-01 UTC; None for an incremental one.
    """

    def __init__(self, table: Table, export_time: int | None) -> None:
        self._items = item_reader(table)
        self._export_time = export_time

    def read(self, line: bytes) -> Change:
        """Raises AttributeValueError when the line is no change of the table."""
        parts = parse_json(line)
        if self._export_time is not None:
            if not isinstance(parts, dict) or parts.keys() != {"Item"}:
                raise AttributeValueError(f"found {_names(parts)}, expected a line {{'Item': ...}} of a full export")
            return Change("put", self._items.read(parts["Item"]), self._export_time, "full")
        if not isinstance(parts, dict) or not {"Metadata", "Keys"} <= parts.keys() <= _PARTS:
            raise AttributeValueError(
                f"found {_names(parts)}, expected Metadata, Keys and images: a line of an incremental export"
            )
        written_at = _write_timestamp(parts["Metadata"])
        keys = self._items.read_keys(parts["Keys"])
        if "OldImage" in parts:
            check_members(parts["OldImage"], "OldImage")
        if "NewImage" not in parts:
            return Change("delete", keys, written_at, "incremental")
        return Change("put", self._items.read(parts["NewImage"]), written_at, "incremental")


class StreamReader:
    """Reads the records of DynamoDB Streams, as Lambda hands them over.

    https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-example.html
    """

    def __init__(self, table: Table) -> None:
        self._items = item_reader(table)

    def read(self, record: Any) -> Change:
        """Raises AttributeValueError when the record is no change of the table, or has no new image of a put."""
        data = record.get("dynamodb") if isinstance(record, Mapping) else None
        if not isinstance(data, Mapping) or record.get("eventName") not in _OPS:
            raise AttributeValueError(f"{shown(record)} is no record of a stream: eventName or dynamodb is missing")
        op = _OPS[record["eventName"]]
        sequence = data.get("SequenceNumber")
        if not isinstance(sequence, str) or not (sequence.isascii() and sequence.isdigit()):
            raise AttributeValueError(f"SequenceNumber: found {shown(sequence)}, expected digits")
        written_at = _micros(data.get("ApproximateCreationDateTime"))
        keys = self._items.read_keys(data.get("Keys"))
        if op == "put" and "NewImage" not in data:
            raise AttributeValueError(
                f"it has no NewImage (StreamViewType {data.get('StreamViewType')}): the stream needs NEW_IMAGE or "
                "NEW_AND_OLD_IMAGES"
            )
        item = self._items.read(data["NewImage"]) if op == "put" else keys
        return Change(op, item, written_at, "stream", sequence.zfill(SEQUENCE_DIGITS))


def _names(parts: Any) -> str:
    return ", ".join(parts) or "an empty object" if isinstance(parts, dict) else shown(parts)


def _write_timestamp(metadata: Any) -> int:
    if isinstance(metadata, dict) and metadata.keys() == {"WriteTimestampMicros"}:
        check_members(metadata, "Metadata")
        with suppress(ValueRefused):
            micros = read_value(metadata["WriteTimestampMicros"], _MICROS)
            if micros is not None:
                return int(micros)
    raise AttributeValueError(f"Metadata: found {shown(metadata)}, expected WriteTimestampMicros, a number")


def _micros(seconds: Any) -> int:
    """Seconds since 1970-01-01, with or without a fraction, in microseconds."""
    try:
        if isinstance(seconds, (int, float)) and not isinstance(seconds, bool):
            return int(Decimal(str(seconds)) * 1_000_000)
    except (InvalidOperation, OverflowError, ValueError):
        pass
    raise AttributeValueError(f"ApproximateCreationDateTime: found {shown(seconds)}, expected seconds")
