"""The columns that the views will have, told from their SQL and the configuration, before any of them is made.

sqlglot finds the types. Where it finds none (a function that it does not know), the column is ``unknown``: a cast in
the view tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from lakelanes.catalog.views import VIEWS, View, read_views
from lakelanes.config.model import LakeConfig
from lakelanes.errors import ViewError
from lakelanes.tables.catalog import tables_of
from lakelanes.tables.current import view_columns as current_columns
from lakelanes.types import HiveType, parse_type

ColumnKind = Literal["text", "whole", "decimal", "double", "boolean", "date", "timestamp", "other", "unknown"]
NUMBERS: tuple[ColumnKind, ...] = ("whole", "decimal", "double")
DATES: tuple[ColumnKind, ...] = ("date", "timestamp")
_KINDS: dict[str, ColumnKind] = {
    **dict.fromkeys(("VARCHAR", "CHAR", "TEXT", "NVARCHAR", "NCHAR"), "text"),
    **dict.fromkeys(("TINYINT", "SMALLINT", "INT", "BIGINT"), "whole"),
    **dict.fromkeys(("FLOAT", "DOUBLE"), "double"),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMPNTZ", "TIMESTAMPTZ", "TIMESTAMPLTZ", "DATETIME"), "timestamp"),
    "DECIMAL": "decimal",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "UNKNOWN": "unknown",
    "NULL": "unknown",
}
# Of Glue's types, for views as they are.
_HIVE_KINDS: dict[str, ColumnKind] = {
    **dict.fromkeys(("string", "char", "varchar"), "text"),
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), "whole"),
    **dict.fromkeys(("float", "double"), "double"),
    **{kind: kind for kind in ("decimal", "boolean", "date", "timestamp")},
}
Columns = Mapping[str, ColumnKind]


@dataclass(frozen=True)
class ViewColumns:
    """columns: of each view, in their order, with their kinds. left_out: the views of which none are known, and why:
    they read what the configuration does not make, or a column that is not there."""

    columns: dict[str, Columns]
    left_out: dict[str, str]


def view_columns(config: LakeConfig, directory: Path = VIEWS) -> ViewColumns:
    """The columns that the views of a directory have with a configuration. Raises ViewError for what is no view."""
    schema = MappingSchema(dialect="athena")
    found: dict[str, Columns] = {}
    left_out: dict[str, str] = {}
    known = set()
    for name, columns in _tables(config):
        known.add(name)
        schema.add_table(name, {column: kind.trino for column, kind in columns.items()}, dialect="trino")
    for view in read_views(directory):
        if missing := sorted(view.inputs - known):
            left_out[view.name] = f"nothing in the configuration makes {', '.join(missing)}"
            continue
        try:
            types = _types(view, schema)
        except ViewError as error:
            left_out[view.name] = str(error)
        else:
            schema.add_table(view.name, {name: kind.sql("trino") for name, kind in types.items()}, dialect="trino")
            found[view.name] = {name: _KINDS.get(kind.this.name, "other") for name, kind in types.items()}
            known.add(view.name)
    return ViewColumns(found, left_out)


def hive_kind(text: str) -> ColumnKind:
    """The kind of a column of which Glue knows the type."""
    try:
        return _HIVE_KINDS.get(parse_type(text, binary=True).kind, "other")
    except ValueError:
        return "other"


def _tables(config: LakeConfig) -> Iterator[tuple[str, dict[str, HiveType]]]:
    for table in config.tables.values():
        yield table.current_view, {name: parse_type(kind, binary=True) for name, kind in current_columns(table)}
    for one in tables_of(config):
        columns = {name: parse_type(kind, binary=True) for name, kind, _ in one.columns}
        yield one.name, columns | {key.name: key.type for key in one.entity.partition_keys}


def _types(view: View, schema: MappingSchema) -> dict[str, exp.DataType]:
    try:
        query = qualify(sqlglot.parse_one(view.sql, read="athena"), schema=schema, dialect="athena")
        typed = annotate_types(query, schema=schema, dialect="athena")
    except SqlglotError as error:
        raise ViewError(f"{view.path}: {error}") from None
    unknown = exp.DataType(this=exp.DataType.Type.UNKNOWN)
    return {one.alias_or_name.lower(): one.type or unknown for one in typed.selects}  # type: ignore[attr-defined]
