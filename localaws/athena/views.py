"""Views as Athena keeps them in Glue: base64 of a JSON document inside a comment.

The document (originalSql, catalog, schema, columns with Trino types, owner, runAsInvoker) is the one Presto's and
Trino's Hive connectors write, so Athena reads a view that was made here, and this engine one that was made on Athena.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

from localaws.athena import types as t
from localaws.athena.catalogue import CATALOG, Table
from localaws.athena.types import Type

_MARK = re.compile(r"/\*\s*Presto View:\s*([A-Za-z0-9+/=]+)\s*\*/")


@dataclass(frozen=True)
class ViewDefinition:
    """What a view's JSON says. Column types are Trino text."""

    sql: str
    schema: str | None
    columns: tuple[tuple[str, str], ...]


def decode(table: Table) -> ViewDefinition:
    """The definition of a view in Glue. Raises ValueError when its text is not a Presto view."""
    match = _MARK.search(table.view_text)
    if match is None:
        raise ValueError(f"the ViewOriginalText of {table.full_name} is not a Presto view")
    document = json.loads(base64.b64decode(match.group(1)))
    columns = tuple((item["name"], item["type"]) for item in document["columns"])
    return ViewDefinition(document["originalSql"], document.get("schema"), columns)


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
