"""Column types of the lake as pyarrow's, for the tools that use pyarrow."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.csv as pacsv

from lakelanes.types import parse_type

_SIMPLE = {
    "string": pa.string(),
    "int": pa.int32(),
    "smallint": pa.int16(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}


def arrow_type(text: str) -> pa.DataType:
    """pyarrow's type for a column type as the lake's configuration writes it."""
    if match := re.fullmatch(r"decimal\((\d+),(\d+)\)", text):
        return pa.decimal128(int(match[1]), int(match[2]))
    return _SIMPLE[text] if text in _SIMPLE else parse_type(text).arrow


def arrow_schema(columns: dict[str, str]) -> pa.Schema:
    return pa.schema([pa.field(name, arrow_type(text)) for name, text in columns.items()])


def convert_options(columns: dict[str, str]) -> pacsv.ConvertOptions:
    """Every column with its type; empty is null unless it is quoted."""
    return pacsv.ConvertOptions(
        column_types={name: arrow_type(text) for name, text in columns.items()},
        include_columns=list(columns),
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
