"""Views in Glue's own form: what Trino asks of them, and what the local Athena reads back."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from lakelanes.catalog import athena, glue_tables, stored_views
from lakelanes.lake import Lake
from lakelanes.types import parse_type

_COLUMNS = [
    ("id", "string"), ("code", "varchar(3)"), ("n", "int"), ("small", "tinyint"), ("price", "decimal(10,2)"),
    ("at", "timestamp"), ("day", "date"), ("ratio", "float"), ("raw", "binary"), ("tags", "array<string>"),
    ("by_name", "map<string,bigint>"), ("place", "struct<a:int,b:array<double>>"),
]  # fmt: skip
_SQL = (
    "SELECT CAST(NULL AS varchar) AS id, CAST('abc' AS varchar(3)) AS code, 1 AS n, CAST(1 AS tinyint) AS small, "
    "CAST(1 AS decimal(10,2)) AS price, CAST(NULL AS timestamp) AS at, CAST(NULL AS date) AS day, "
    "CAST(1 AS real) AS ratio, CAST(NULL AS varbinary) AS raw, CAST(NULL AS array(varchar)) AS tags, "
    "CAST(NULL AS map(varchar, bigint)) AS by_name, CAST(NULL AS row(a integer, b array(double))) AS place"
)


def _input(database: str, name: str) -> dict[str, Any]:
    columns = [(column, parse_type(kind, binary=True)) for column, kind in _COLUMNS]
    return stored_views.view_input(
        name, _SQL, database=database, columns=columns, owner="123456789012", parameters={"mine": "1"}
    )


def test_a_stored_view_has_every_part_that_trino_asks_for() -> None:
    view = _input("db", "v")
    assert view["TableType"] == "VIRTUAL_VIEW"
    assert view["Parameters"] == {"presto_view": "true", "comment": "Presto View", "mine": "1"}
    assert "Description" not in view, "in Trino it takes the place of the comment, which makes a view a view"
    assert view["StorageDescriptor"]["SerdeInfo"] is not None
    text = view["ViewOriginalText"]
    assert text.startswith("/* Presto View: ") and text.endswith(" */")
    document = json.loads(base64.b64decode(text.removeprefix("/* Presto View: ").removesuffix(" */"), validate=True))
    assert document["originalSql"] == _SQL
    assert (document["catalog"], document["schema"]) == ("awsdatacatalog", "db")
    assert (document["owner"], document["runAsInvoker"]) == ("123456789012", False)
    assert [column["name"] for column in document["columns"]] == [name for name, _ in _COLUMNS]
    assert [column["type"] for column in document["columns"]] == [
        "varchar", "varchar(3)", "integer", "tinyint", "decimal(10,2)", "timestamp", "date", "real", "varbinary",
        "array(varchar)", "map(varchar, bigint)", 'row("a" integer, "b" array(double))',
    ]  # fmt: skip


def test_a_stored_view_is_what_athena_itself_stores(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake()
    database = lake.config.resources.glue_database
    lake.glue.create_table(DatabaseName=database, TableInput=_input(database, "ours"))
    assert athena.query(lake, "SELECT id, code, n FROM ours") == [{"id": None, "code": "abc", "n": "1"}]
    athena.execute(lake, f"CREATE VIEW {database}.theirs AS {_SQL}")
    ours, theirs = glue_tables.describe(lake, "ours"), glue_tables.describe(lake, "theirs")
    assert ours is not None and theirs is not None
    for name in ("TableType", "PartitionKeys", "StorageDescriptor", "ViewExpandedText", "Description"):
        assert ours.get(name) == theirs.get(name), name
