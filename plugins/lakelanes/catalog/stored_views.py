"""A view as Athena keeps it in Glue, for those that are made in Glue itself and not by a statement of Athena's.

The definition is base64 of a JSON document inside a comment. Athena reads it as Trino does, whose rules are these:

- a view is one by its type and by the parameters ``presto_view`` and ``comment``; Glue's Description takes the place of
  that comment, so a view with one is no view
  (https://github.com/trinodb/trino/blob/master/plugin/trino-hive/src/main/java/io/trino/plugin/hive/ViewReaderUtil.java,
  metastore/glue/GlueConverter.java beside it)
- the document has ``originalSql`` and ``columns``, a ``catalog`` where it has a ``schema``, and an ``owner`` unless it
  has ``runAsInvoker``
  (https://github.com/trinodb/trino/blob/master/core/trino-spi/src/main/java/io/trino/spi/connector/ConnectorViewDefinition.java)
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from lakelanes.types import HiveType


def view_input(
    name: str,
    sql: str,
    *,
    database: str,
    columns: Sequence[tuple[str, HiveType]],
    owner: str,
    parameters: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Glue's TableInput of a view that is this SELECT.

    database: what tables without one in ``sql`` belong to. columns: names and types of the SELECT's columns, in its
    order. owner: the account, as Athena writes it. parameters: further parameters of the table in Glue.
    """
    document = {
        "originalSql": sql,
        "catalog": "awsdatacatalog",
        "schema": database,
        "columns": [{"name": column, "type": kind.trino} for column, kind in columns],
        "owner": owner,
        "runAsInvoker": False,
        "properties": {},
    }
    encoded = base64.b64encode(json.dumps(document).encode()).decode()
    return {
        "Name": name,
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": "Presto View", **(parameters or {})},
        "PartitionKeys": [],
        "StorageDescriptor": {
            "Columns": [{"Name": column, "Type": kind.text} for column, kind in columns],
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
