"""Views: stored in Glue as Athena stores them, read through it, stale when what they read has changed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from localaws.athena.engine import QueryContext, execute


@pytest.fixture
def sales(lake: Any) -> Any:
    """A table with a handful of rows."""
    lake.run("CREATE EXTERNAL TABLE sales (id string, amount decimal(10,2), day date) STORED AS PARQUET "
             "LOCATION 's3://{bucket}/sales/'")  # fmt: skip
    from datetime import date
    from decimal import Decimal

    import pyarrow as pa

    lake.put_parquet(
        "sales/x.parquet",
        {
            "id": ["a", "b", "a"],
            "amount": pa.array([Decimal("1.10"), Decimal("2.20"), Decimal("3.30")], pa.decimal128(10, 2)),
            "day": [date(2024, 3, 14), date(2024, 3, 15), date(2024, 3, 15)],
        },
    )
    return lake


def test_a_view_is_stored_as_athena_stores_it(sales: Any, glue: Any) -> None:
    query = (
        "SELECT id, sum(amount) AS Total, 'x' AS kind, count(*) n, max(day) AS last\nFROM sales -- note\nGROUP BY id"
    )
    result = sales.run(f"CREATE OR REPLACE VIEW totals AS\n{query}\n;")
    assert (result.statement_type, result.substatement_type) == ("DDL", "CREATE_VIEW")
    view = glue.get_table(DatabaseName=sales.database, Name="totals")["Table"]
    assert view["TableType"] == "VIRTUAL_VIEW"
    assert view["Parameters"].items() >= {"presto_view": "true", "comment": "Presto View"}.items()
    assert view["ViewExpandedText"] == "/* Presto View */"
    assert view["PartitionKeys"] == []
    assert view["StorageDescriptor"]["Columns"] == [
        {"Name": "id", "Type": "string"},
        {"Name": "total", "Type": "decimal(38,2)"},
        {"Name": "kind", "Type": "varchar(1)"},
        {"Name": "n", "Type": "bigint"},
        {"Name": "last", "Type": "date"},
    ]
    text = view["ViewOriginalText"]
    assert text.startswith("/* Presto View: ")
    document = json.loads(base64.b64decode(text.removeprefix("/* Presto View: ").removesuffix(" */")))
    assert document["originalSql"] == query
    assert document["catalog"] == "awsdatacatalog"
    assert document["schema"] == sales.database
    assert document["columns"] == [
        {"name": "id", "type": "varchar"},
        {"name": "total", "type": "decimal(38,2)"},
        {"name": "kind", "type": "varchar(1)"},
        {"name": "n", "type": "bigint"},
        {"name": "last", "type": "date"},
    ]
    assert sales.rows("SELECT * FROM totals ORDER BY id") == [
        ("a", "4.40", "x", "2", "2024-03-15"),
        ("b", "2.20", "x", "1", "2024-03-15"),
    ]


@dataclass
class Stored:
    """A view as some tool stores it; a test takes a part away."""

    document: dict[str, Any]
    table: dict[str, Any]
    text: str = "/* Presto View: {} */"

    def create(self, lake: Any, glue: Any) -> None:
        encoded = base64.b64encode(json.dumps(self.document).encode()).decode()
        if self.text:
            self.table["ViewOriginalText"] = self.text.replace("{}", encoded)
        glue.create_table(DatabaseName=lake.database, TableInput=self.table)


@pytest.fixture
def stored(sales: Any) -> Stored:
    """The least that Trino reads."""
    document = {
        "originalSql": "SELECT upper(id) AS name FROM sales",
        "catalog": "awsdatacatalog",
        "schema": sales.database,
        "columns": [{"name": "name", "type": "varchar"}],
        "owner": "somebody",
    }
    table = {
        "Name": "named",
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": "presto view"},
        "StorageDescriptor": {"Columns": [{"Name": "name", "Type": "string"}], "SerdeInfo": {}},
    }
    return Stored(document, table)


_INVALID_JSON = "GENERIC_INTERNAL_ERROR: Invalid JSON bytes"
_NO_DATA = "HIVE_INVALID_VIEW_DATA: View data missing"
_NO_TABLE = "TABLE_NOT_FOUND: line 1:18: Table 'awsdatacatalog.{database}.named' does not exist"
_NO_OWNER = "INVALID_VIEW: Run-as identity must be set for a run-as definer view: awsdatacatalog.{database}.named"
_HIVE_VIEW = "NOT_FOUND: Hive views are not supported: '{database}.named'"
Damage = Callable[[Stored], object]


@pytest.mark.parametrize(
    "change",
    [
        lambda view: None,
        lambda view: view.document.update(runAsInvoker=False),
        lambda view: view.document.update(owner=None, runAsInvoker=True),
        lambda view: (view.document.pop("owner"), view.table.update(Owner="hadoop")),
        lambda view: view.document.update(properties={}, whatever=1, comment="what it shows"),
        lambda view: view.table["Parameters"].update(comment="Presto View"),
        lambda view: (view.table["Parameters"].pop("comment"), view.table.update(Description="Presto View")),
        lambda view: view.table["StorageDescriptor"].update(Columns=[]),
    ],
)  # fmt: skip
def test_a_view_that_another_tool_stored_is_read(sales: Any, glue: Any, stored: Stored, change: Damage) -> None:
    change(stored)
    stored.create(sales, glue)
    assert sales.rows("SELECT DISTINCT name FROM named ORDER BY 1") == [("A",), ("B",)]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda view: view.table["Parameters"].pop("presto_view"), _HIVE_VIEW),
        (lambda view: view.table.pop("Parameters"), _HIVE_VIEW),
        (lambda view: view.table["Parameters"].update(presto_view="TRUE"), _NO_TABLE),
        (lambda view: view.table["Parameters"].pop("comment"), _NO_TABLE),
        (lambda view: view.table["Parameters"].update(comment="names of all"), _NO_TABLE),
        (lambda view: view.table.update(Description="names of all"), _NO_TABLE),
        (lambda view: view.table["StorageDescriptor"].pop("SerdeInfo"),
         "HIVE_INVALID_METADATA: StorageDescriptor SerDeInfo is null: {database}.named"),
        (lambda view: view.table["StorageDescriptor"].update(Columns=[{"Name": "name", "Type": "varchar"}]),
         "HIVE_INVALID_METADATA: Column name has invalid type: varchar"),
        (lambda view: setattr(view, "text", ""), "HIVE_VIEW_TRANSLATION_ERROR: Cannot decode view data"),
        (lambda view: setattr(view, "text", "{}"), f"{_NO_DATA} prefix"),
        (lambda view: setattr(view, "text", "/*Presto View: {} */"), f"{_NO_DATA} prefix"),
        (lambda view: setattr(view, "text", "/* Presto View: {}*/"), f"{_NO_DATA} suffix"),
        (lambda view: setattr(view, "text", "/* Presto View: a$ */"), _INVALID_JSON),
        (lambda view: setattr(view, "text", "/* Presto View: bm9uc2Vuc2U= */"), _INVALID_JSON),
        (lambda view: view.document.pop("originalSql"), _INVALID_JSON),
        (lambda view: view.document.update(originalSql=None), _INVALID_JSON),
        (lambda view: view.document.pop("catalog"), _INVALID_JSON),
        (lambda view: view.document.pop("columns"), _INVALID_JSON),
        (lambda view: view.document.update(columns=[]), _INVALID_JSON),
        (lambda view: view.document.update(columns=[{"type": "varchar"}]), _INVALID_JSON),
        (lambda view: view.document.update(columns=[{"name": "name"}]), _INVALID_JSON),
        (lambda view: view.document.update(runAsInvoker=True), _INVALID_JSON),
        (lambda view: view.document.update(runAsInvoker="no"), _INVALID_JSON),
        (lambda view: view.document.pop("owner"), _NO_OWNER),
        (lambda view: view.document.update(owner=None, runAsInvoker=False), _NO_OWNER),
        (lambda view: view.document.update(columns=[{"name": "name", "type": "string"}]),
         "TYPE_NOT_FOUND: Unknown type: string"),
        (lambda view: view.document.update(catalog="hive"),
         "INVALID_VIEW: line 1:18: Failed analyzing stored view 'awsdatacatalog.{database}.named': "
         "Catalog 'hive' not found"),
        (lambda view: view.document.pop("schema"),
         "INVALID_VIEW: line 1:18: Failed analyzing stored view 'awsdatacatalog.{database}.named': "
         "line 1:31: Schema must be specified"),
    ],
)  # fmt: skip
def test_a_view_that_trino_does_not_read_is_refused(
    sales: Any, glue: Any, stored: Stored, damage: Damage, message: str
) -> None:
    """Each case was asked of Trino 483, which named it so."""
    damage(stored)
    stored.create(sales, glue)
    assert sales.failure("SELECT name FROM named").startswith(message)


def test_what_is_no_view_to_trino_is_not_replaced(sales: Any, glue: Any, stored: Stored) -> None:
    stored.table["Description"] = "names of all"
    stored.create(sales, glue)
    assert sales.failure("CREATE OR REPLACE VIEW named AS SELECT 1 AS one").startswith("ALREADY_EXISTS: line 1:1")
    assert "does not exist" in sales.failure("SHOW CREATE VIEW named")
    sales.run("DROP VIEW named")


def test_names_in_a_view_belong_to_its_own_schema(sales: Any) -> None:
    sales.run("CREATE VIEW inner_view AS SELECT id, amount FROM sales")
    sales.run("CREATE VIEW outer_view AS SELECT count(*) AS n FROM inner_view v WHERE v.amount > 2")
    elsewhere = QueryContext("default", sales.glue, sales.s3)
    assert execute(f"SELECT n FROM {sales.database}.outer_view", elsewhere).rows == [("2",)]


def test_or_replace_is_needed_to_replace(sales: Any) -> None:
    sales.run("CREATE VIEW v AS SELECT 1 AS one")
    assert sales.failure("CREATE VIEW v AS SELECT 2 AS two") == (
        "ALREADY_EXISTS: line 1:1: View already exists: 'awsdatacatalog.{database}.v'"
    )
    sales.run("CREATE OR REPLACE VIEW v AS SELECT 2 AS two")
    assert sales.rows("SELECT two FROM v") == [("2",)]
    assert "Table already exists" in sales.failure("CREATE OR REPLACE VIEW sales AS SELECT 1 AS one")
    assert "Cannot drop a view with DROP TABLE" in sales.failure("DROP TABLE v")
    assert "Did you mean DROP TABLE" in sales.failure("DROP VIEW sales")
    sales.run("DROP VIEW v")
    assert sales.rows("SHOW VIEWS") == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT 1", "MISSING_COLUMN_NAME: line 1:1: Column name not specified at position 1"),
        ("SELECT 1 AS a, 2 AS A", "DUPLICATE_COLUMN_NAME: line 1:1: Column name 'a' specified more than once"),
        ("SELECT NULL AS a", "COLUMN_TYPE_UNKNOWN: line 1:1: Column type is unknown: a"),
        ("SELECT now() AS a", "NOT_SUPPORTED: Unsupported Hive type: timestamp(3) with time zone"),
        ("SELECT id FROM no_such", "TABLE_NOT_FOUND: line 1:16: Table 'awsdatacatalog.{database}.no_such'"),
        ("SELECT nope FROM sales", "COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved"),
    ],
)  # fmt: skip
def test_a_view_is_checked_when_it_is_created(sales: Any, query: str, message: str) -> None:
    assert sales.failure(f"CREATE VIEW v AS {query}").startswith(message)
    assert sales.rows("SHOW VIEWS") == []


def test_a_view_over_a_column_that_is_gone_is_invalid(sales: Any) -> None:
    sales.run("CREATE VIEW v AS SELECT id, amount FROM sales")
    sales.run("DROP TABLE sales")
    sales.run("CREATE EXTERNAL TABLE sales (id string) STORED AS PARQUET LOCATION 's3://{bucket}/sales/'")
    assert sales.failure("SELECT id FROM v").startswith(
        "INVALID_VIEW: line 1:16: Failed analyzing stored view 'awsdatacatalog.{database}.v': "
        "line 1:12: Column 'amount'"
    )


def test_a_view_whose_columns_changed_type_or_number_is_stale(sales: Any) -> None:
    sales.run("CREATE VIEW typed AS SELECT amount FROM sales")
    sales.run("CREATE VIEW starred AS SELECT * FROM sales")
    sales.run("DROP TABLE sales")
    sales.run("CREATE EXTERNAL TABLE sales (id string, amount string, day date, more int) STORED AS PARQUET "
              "LOCATION 's3://{bucket}/sales/'")  # fmt: skip
    assert sales.failure("SELECT * FROM typed").startswith(
        "VIEW_IS_STALE: line 1:15: View 'awsdatacatalog.{database}.typed' is stale or in invalid state: "
        "column [amount] of type varchar projected from query view at position 0 cannot be coerced to column [amount] "
        "of type decimal(10,2)"
    )
    assert sales.failure("SELECT * FROM starred").startswith("VIEW_IS_STALE: line 1:15")


def test_a_view_cannot_read_itself(sales: Any) -> None:
    sales.run("CREATE VIEW v AS SELECT id FROM sales")
    assert "VIEW_IS_RECURSIVE" in sales.failure("CREATE OR REPLACE VIEW v AS SELECT id FROM v")


def test_only_what_the_outer_query_needs_is_read(sales: Any) -> None:
    sales.run("CREATE VIEW v AS SELECT id, amount, day FROM sales")
    assert sales.run("SELECT count(*) FROM v").bytes_scanned == 0
    assert sales.run("SELECT max(day) FROM v").bytes_scanned == sales.compressed_bytes("sales/x.parquet", "day")
