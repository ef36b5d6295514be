"""DDL and SHOW statements, against a real Glue catalogue."""

from __future__ import annotations

from typing import Any
from unittest.mock import call, create_autospec

import pytest

from localaws.athena import statements
from localaws.athena.ddl import Ddl, Name
from localaws.athena.errors import InvalidRequest
from localaws.athena.results_model import QueryContext

PARQUET_TABLE = """
CREATE EXTERNAL TABLE IF NOT EXISTS `sales` (
  `id` string COMMENT 'the \\'key\\'',
  amount decimal(10, 2),
  tags array<struct<name:string,value:int>>
) COMMENT 'what was sold'
PARTITIONED BY (year string, `month` int COMMENT 'from 1')
STORED AS PARQUET
LOCATION 's3://{bucket}/sales/'
TBLPROPERTIES ('parquet.compression'='ZSTD', 'classification'='parquet')
"""


def test_create_external_table_is_stored_as_athena_stores_it(lake: Any, glue: Any) -> None:
    result = lake.run(PARQUET_TABLE)
    assert (result.statement_type, result.substatement_type, result.rows) == ("DDL", "CREATE_TABLE", [])
    table = glue.get_table(DatabaseName=lake.database, Name="sales")["Table"]
    assert table["TableType"] == "EXTERNAL_TABLE"
    assert table["Parameters"].items() >= {"EXTERNAL": "TRUE", "parquet.compression": "ZSTD"}.items()
    assert table["PartitionKeys"] == [
        {"Name": "year", "Type": "string"},
        {"Name": "month", "Type": "int", "Comment": "from 1"},
    ]
    stored = table["StorageDescriptor"]
    assert stored["Columns"] == [
        {"Name": "id", "Type": "string", "Comment": "the 'key'"},
        {"Name": "amount", "Type": "decimal(10,2)"},
        {"Name": "tags", "Type": "array<struct<name:string,value:int>>"},
    ]
    assert stored["Location"] == f"s3://{lake.bucket}/sales/"
    assert stored["InputFormat"] == "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    assert stored["OutputFormat"] == "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
    assert stored["SerdeInfo"] == {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    }


def test_delimited_text_table_keeps_its_delimiter(lake: Any, glue: Any) -> None:
    lake.run(
        "CREATE EXTERNAL TABLE t (a string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ';' LOCATION 's3://{bucket}/t'"
    )
    serde = glue.get_table(DatabaseName=lake.database, Name="t")["Table"]["StorageDescriptor"]["SerdeInfo"]
    assert serde["SerializationLibrary"] == "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
    assert serde["Parameters"] == {"field.delim": ";", "serialization.format": ";"}


def test_serde_and_formats_may_be_named_by_class(lake: Any, glue: Any) -> None:
    lake.run(
        "CREATE EXTERNAL TABLE t (a string) ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' "
        "WITH SERDEPROPERTIES ('separatorChar' = '|', 'escapeChar' = '\\\\') "
        "STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat' "
        "OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat' LOCATION 's3://{bucket}/t/'"
    )
    stored = glue.get_table(DatabaseName=lake.database, Name="t")["Table"]["StorageDescriptor"]
    assert stored["InputFormat"] == "org.apache.hadoop.mapred.TextInputFormat"
    assert stored["SerdeInfo"]["SerializationLibrary"] == "org.apache.hadoop.hive.serde2.OpenCSVSerde"
    assert stored["SerdeInfo"]["Parameters"]["separatorChar"] == "|"
    assert stored["SerdeInfo"]["Parameters"]["escapeChar"] == "\\"


def test_table_is_created_once(lake: Any) -> None:
    lake.run(PARQUET_TABLE)
    lake.run(PARQUET_TABLE)
    assert lake.failure(PARQUET_TABLE.replace("IF NOT EXISTS", "")) == (
        "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. "
        "AlreadyExistsException(message:Table sales already exists)"
    )


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("CREATE EXTERNAL TABLE t (a int)", "FAILED: SemanticException No location was specified for table"),
        (
            "CREATE EXTERNAL TABLE t (a int) PARTITIONED BY (a int) LOCATION 's3://b/t/'",
            "FAILED: SemanticException [Error 10035]: Column repeated in partitioning columns",
        ),
        (
            "CREATE EXTERNAL TABLE t (a int, A string) LOCATION 's3://b/t/'",
            "FAILED: SemanticException [Error 10036]: Duplicate column name: a",
        ),
        ("CREATE EXTERNAL TABLE no_such.t (a int) LOCATION 's3://b/t/'", "FAILED: SemanticException [Error 10072]"),
        ("CREATE EXTERNAL TABLE t (a int) STORED AS FANCY LOCATION 's3://b/t/'", "NOT_SUPPORTED: STORED AS FANCY"),
        ("DROP TABLE missing", "FAILED: SemanticException [Error 10001]: Table not found missing"),
        ("SHOW PARTITIONS missing", "FAILED: SemanticException [Error 10001]: Table not found {database}.missing"),
        ("MSCK REPAIR TABLE missing", "FAILED: SemanticException [Error 10001]: Table not found {database}.missing"),
        ("DROP DATABASE missing", "FAILED: SemanticException [Error 10072]: Database does not exist: missing"),
        ("DROP VIEW missing", "TABLE_NOT_FOUND: line 1:1: View 'awsdatacatalog.{database}.missing' does not exist"),
        ("DESCRIBE missing", "FAILED: SemanticException [Error 10001]: Table not found {database}.missing"),
    ],
)  # fmt: skip
def test_ddl_fails_in_hives_words(lake: Any, sql: str, message: str) -> None:
    assert lake.failure(sql).startswith(message)


def test_if_exists_forgives_what_is_missing(lake: Any) -> None:
    for sql in ("DROP TABLE IF EXISTS a", "DROP VIEW IF EXISTS a", "DROP DATABASE IF EXISTS no_such_database CASCADE"):
        assert lake.run(sql).rows == []


def test_databases_are_created_listed_and_dropped(lake: Any, unique: Any) -> None:
    name = unique("made_here_")
    lake.run(f"CREATE DATABASE IF NOT EXISTS {name} COMMENT 'x' LOCATION 's3://{lake.bucket}/'")
    lake.run(f"CREATE SCHEMA IF NOT EXISTS {name}")
    assert f"Database {name} already exists" in lake.failure(f"CREATE DATABASE {name}")
    assert lake.rows(f"SHOW DATABASES LIKE '{name}'") == [(name,)]
    lake.run(f"CREATE EXTERNAL TABLE {name}.t (a int) LOCATION 's3://{lake.bucket}/t/'")
    assert "is not empty" in lake.failure(f"DROP DATABASE {name}")
    lake.run(f"DROP DATABASE {name} CASCADE")
    assert lake.rows(f"SHOW SCHEMAS '{name}'") == []


def test_show_and_describe(lake: Any) -> None:
    lake.run(PARQUET_TABLE)
    lake.run("CREATE VIEW seen AS SELECT id FROM sales")
    assert lake.rows("SHOW TABLES") == [("sales",), ("seen",)]
    assert lake.rows(f"SHOW TABLES IN {lake.database} 'sal*|other'") == [("sales",)]
    assert lake.rows("SHOW VIEWS") == [("seen",)]
    described = lake.run("DESCRIBE sales")
    assert described.statement_type == "UTILITY"
    assert described.rows[1] == ("amount              \tdecimal(10,2)       \t                    ",)
    assert ("# Partition Information\t \t ",) in described.rows
    assert lake.rows("SHOW CREATE VIEW seen") == [("CREATE VIEW seen AS SELECT id FROM sales",)]
    assert lake.failure("SHOW CREATE VIEW sales").startswith("NOT_SUPPORTED: ")


def test_columns_are_added_at_the_end(lake: Any) -> None:
    lake.run(PARQUET_TABLE)
    lake.run("ALTER TABLE sales ADD COLUMNS (note string COMMENT 'new', score double)")
    described = [(row[0] or "").split() for row in lake.rows("DESCRIBE sales")]
    assert described[3:5] == [["note", "string", "new"], ["score", "double"]]
    assert "Duplicate column name: note" in lake.failure("ALTER TABLE sales ADD COLUMNS (note string)")


def test_table_properties_change_and_the_location_does_not(lake: Any, glue: Any) -> None:
    lake.run(PARQUET_TABLE)
    lake.run("ALTER TABLE sales SET TBLPROPERTIES ('a' = 'b')")
    with pytest.raises(InvalidRequest, match="not supported"):
        lake.run("ALTER TABLE sales SET LOCATION 's3://{bucket}/elsewhere/'")
    table = glue.get_table(DatabaseName=lake.database, Name="sales")["Table"]
    assert table["Parameters"]["a"] == "b"
    assert table["Parameters"]["EXTERNAL"] == "TRUE"


@pytest.mark.parametrize(
    ("sql", "carried_out"),
    [
        (
            "ALTER TABLE d.t ADD IF NOT EXISTS PARTITION (y='2024', m=03) LOCATION 's3://b/x/' "
            "PARTITION (y='2024', m='04')",
            call.add_partitions(
                Name("d", "t"), True, [([("y", "2024"), ("m", "03")], "s3://b/x/"), ([("y", "2024"), ("m", "04")], "")]
            ),
        ),
        (
            "alter table `T` add partition (dt = date '2024-01-01') partition (dt='x\\'y')",
            call.add_partitions(Name(None, "t"), False, [([("dt", "2024-01-01")], ""), ([("dt", "x'y")], "")]),
        ),
        ("msck repair table d.`t`;", call.repair(Name("d", "t"))),
        ("SHOW TABLES IN d 'x*'", call.show_tables("d", "x*", False)),
        ("SHOW VIEWS LIKE 'x'", call.show_tables(None, "x", True)),
        ('DROP VIEW IF EXISTS "d"."v"', call.drop_view(Name("d", "v"), True)),
        ('CREATE OR REPLACE VIEW "d"."V" AS\nSELECT 1 AS x', call.create_view(Name("d", "v"), True, "SELECT 1 AS x")),
    ],
)  # fmt: skip
def test_statements_are_parsed(sql: str, carried_out: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ddl = create_autospec(Ddl)
    monkeypatch.setattr(statements, "Ddl", ddl)
    statements.parse(sql)(QueryContext(None, None, None))
    assert ddl.return_value.method_calls == [carried_out]
