"""Views as Athena keeps them in Glue: base64 of a JSON document inside a comment.

The document (originalSql, catalog, schema, columns with Trino types, owner, runAsInvoker) is the one Presto's and
Trino's Hive connectors write, so Athena reads a view that was made here, and this engine one that was made on Athena.
What Trino does not read is no view here either. Which part is asked for, and how its absence is named, was seen with
Trino 483, asked for views that each lacked one (ViewReaderUtil, GlueConverter and ConnectorViewDefinition of
https://github.com/trinodb/trino).
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from localaws.athena import types as t
from localaws.athena.catalogue import CATALOG, Table
from localaws.athena.errors import failure
from localaws.athena.types import Type

_PREFIX, _SUFFIX = "/* Presto View: ", " */"
_COMMENT = "presto view"


@dataclass(frozen=True)
class ViewDefinition:
    """What a view's JSON says."""

    sql: str
    schema: str | None
    columns: tuple[tuple[str, Type], ...]


def is_readable(table: Table) -> bool:
    """Whether a table of the type VIRTUAL_VIEW is marked as a view of Trino's. Glue's Description takes the place of
    the parameter ``comment``."""
    comment = table.raw.get("Description") or table.parameters.get("comment", "")
    return table.parameters.get("presto_view") == "true" and comment.lower() == _COMMENT


def decode(table: Table, line: int | None = None, column: int | None = None) -> ViewDefinition:
    """The definition of a view in Glue. Raises QueryFailed, as Trino does, when there is none that it reads.

    line, column: where the query names the view.
    """
    _check_table(table, line, column)
    text = table.view_text
    for part, is_there in (("prefix", text.startswith(_PREFIX)), ("suffix", text.endswith(_SUFFIX))):
        if not is_there:
            raise failure("HIVE_INVALID_VIEW_DATA", f"View data missing {part}: {text}")
    try:
        document = json.loads(base64.b64decode(text[len(_PREFIX) : -len(_SUFFIX)], validate=True))
        sql, schema, columns = _members(document)
    except ValueError as error:
        raise failure(
            "GENERIC_INTERNAL_ERROR",
            "Invalid JSON bytes for [simple type, class io.trino.spi.connector.ConnectorViewDefinition] "
            f"of {table.full_name}: {error}",
        ) from error
    if document.get("catalog") not in (None, CATALOG):
        fault = f"Catalog '{document['catalog']}' not found"
        raise failure("INVALID_VIEW", f"Failed analyzing stored view '{table.full_name}': {fault}", line, column)
    owner = table.raw.get("Owner") or document.get("owner")
    if owner is None and not document.get("runAsInvoker"):
        raise failure("INVALID_VIEW", f"Run-as identity must be set for a run-as definer view: {table.full_name}")
    try:
        return ViewDefinition(sql, schema, tuple((name, t.parse_trino(kind)) for name, kind in columns))
    except ValueError as error:
        raise failure("TYPE_NOT_FOUND", str(error)) from error


def _check_table(table: Table, line: int | None, column: int | None) -> None:
    """What Trino asks of the table in Glue before it looks at the view's text."""
    if "presto_view" not in table.parameters:
        raise failure("NOT_FOUND", f"Hive views are not supported: '{table.database}.{table.name}'")
    if not is_readable(table):
        raise failure("TABLE_NOT_FOUND", f"Table '{table.full_name}' does not exist", line, column)
    # Trino bears a view without any StorageDescriptor, which neither it nor Athena stores.
    storage = table.raw.get("StorageDescriptor") or {}
    if storage.get("SerdeInfo") is None:
        raise failure("HIVE_INVALID_METADATA", f"StorageDescriptor SerDeInfo is null: {table.database}.{table.name}")
    for given in table.columns:
        try:
            t.parse_hive(given.type)
        except ValueError as error:
            raise failure("HIVE_INVALID_METADATA", f"Column {given.name} has invalid type: {given.type}") from error
    if not table.view_text:
        raise failure("HIVE_VIEW_TRANSLATION_ERROR", "Cannot decode view data, view original sql is empty")


def _members(document: Any) -> tuple[str, str | None, list[tuple[str, str]]]:
    """originalSql, schema and columns, by the rules of ConnectorViewDefinition. Raises ValueError."""
    if not isinstance(document, dict):
        raise ValueError("not an object")
    for name in ("catalog", "schema", "comment", "owner"):
        if not isinstance(document.get(name), str | None):
            raise ValueError(f"{name} is not text")
    if not isinstance(document.get("originalSql"), str):
        raise ValueError("originalSql is null")
    if not isinstance(document.get("runAsInvoker"), bool | None):
        raise ValueError("runAsInvoker is not a boolean")
    if document.get("schema") is not None and document.get("catalog") is None:
        raise ValueError("catalog must be present if schema is present")
    if document.get("runAsInvoker") and document.get("owner") is not None:
        raise ValueError("owner cannot be present with runAsInvoker")
    columns = document.get("columns")
    if not isinstance(columns, list) or not columns:
        raise ValueError("columns list is empty")
    found = []
    for column in columns:
        title, kind = (column.get("name"), column.get("type")) if isinstance(column, dict) else (None, None)
        if not isinstance(title, str) or not isinstance(kind, str):
            raise ValueError("a column's name or type is null")
        found.append((title, kind))
    return document["originalSql"], document.get("schema"), found


def view_input(name: str, sql: str, schema: str | None, columns: list[tuple[str, Type]]) -> dict[str, Any]:
    """The TableInput that stores a view. Raises ValueError for a column whose type Hive lacks."""
    document: dict[str, Any] = {
        "originalSql": sql,
        "catalog": CATALOG,
        "schema": schema,
        "columns": [{"name": column, "type": str(kind)} for column, kind in columns],
        "owner": "000000000000",
        "runAsInvoker": False,
        "properties": {},
    }
    encoded = base64.b64encode(json.dumps(document, separators=(",", ":")).encode()).decode()
    return {
        "Name": name,
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "PartitionKeys": [],
        "StorageDescriptor": {
            "Columns": [{"Name": column, "Type": t.to_hive(kind)} for column, kind in columns],
            "Location": "",
            "Compressed": False,
            "NumberOfBuckets": 0,
            "SerdeInfo": {},
            "BucketColumns": [],
            "SortColumns": [],
            "Parameters": {},
            "StoredAsSubDirectories": False,
        },
        "ViewOriginalText": f"/* Presto View: {encoded} */",
        "ViewExpandedText": "/* Presto View */",
    }
