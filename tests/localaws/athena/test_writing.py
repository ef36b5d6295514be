"""CREATE TABLE AS, INSERT INTO and UNLOAD: the files, the catalogue, the limits and the refusals."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from localaws.athena.errors import QueryFailed
from localaws.athena.writing import MOST_PARTITIONS
from tests.localaws.athena.conftest import SqlLake

ROWS = "(VALUES (1, 'a', DATE '2024-03-15'), (2, 'b', DATE '2024-03-16'), (3, 'c', DATE '2024-03-16')) v(id, name, day)"
ALL_TYPES = (
    "SELECT CAST(1 AS tinyint) ti, CAST(2 AS smallint) si, 3 i, BIGINT '4' bi, CAST(1.5 AS real) re, 2.5e0 d, true b, "
    "CAST(1.25 AS decimal(10,2)) de, 'x' v, CAST('y' AS varchar) s, CAST('z' AS char(3)) ch, DATE '2024-03-15' da, "
    "TIMESTAMP '2024-03-15 10:11:12.345' ts, ARRAY[1, NULL] a, MAP(ARRAY['k'], ARRAY[1]) m, "
    "CAST(ROW(1, 'q') AS row(x integer, y varchar)) r, to_utf8('bin') bin"
)


def keys(lake: SqlLake, prefix: str) -> list[str]:
    found = lake.s3.list_objects_v2(Bucket=lake.bucket, Prefix=prefix).get("Contents") or []
    return [item["Key"] for item in found]


def make(lake: SqlLake, name: str = "made", more: str = "", query: str = f"SELECT * FROM {ROWS}") -> None:
    lake.run(f"CREATE TABLE {name} WITH (external_location = 's3://{{bucket}}/{name}/'{more}) AS {query}")


def file(lake: SqlLake, key: str) -> pq.ParquetFile:
    content = lake.s3.get_object(Bucket=lake.bucket, Key=key)["Body"].read()
    return pq.ParquetFile(pa.BufferReader(content))


class TestCreateTableAs:
    def test_makes_a_table_of_the_querys_columns_and_rows(self, lake: SqlLake) -> None:
        result = lake.run(
            f"CREATE TABLE made WITH (external_location = 's3://{{bucket}}/made/') AS SELECT * FROM {ROWS}"
        )
        assert (result.statement_type, result.substatement_type) == ("DDL", "CREATE_TABLE_AS_SELECT")
        assert (result.written, result.rows) == (3, [])
        assert lake.rows("SELECT * FROM made ORDER BY id DESC")[0] == ("3", "c", "2024-03-16")
        table = lake.glue.get_table(DatabaseName=lake.database, Name="made")["Table"]
        assert [(c["Name"], c["Type"]) for c in table["StorageDescriptor"]["Columns"]] == [
            ("id", "int"), ("name", "varchar(1)"), ("day", "date"),
        ]  # fmt: skip
        assert table["TableType"] == "EXTERNAL_TABLE"
        assert table["Parameters"]["parquet.compression"] == "GZIP"
        assert table["StorageDescriptor"]["Location"] == f"s3://{lake.bucket}/made/"

    def test_writes_the_types_as_the_hive_connector_does(self, lake: SqlLake) -> None:
        make(lake, query=ALL_TYPES)
        schema = file(lake, keys(lake, "made/")[0]).schema
        physical = {schema.column(i).path: schema.column(i).physical_type for i in range(len(schema))}
        assert physical["ts"] == "INT96"
        assert physical["de"] == "FIXED_LEN_BYTE_ARRAY"
        assert {"a.list.element", "m.key_value.key", "m.key_value.value", "r.x", "r.y"} <= physical.keys()
        assert lake.rows("SELECT ti, si, i, bi, re, d, b, de, v, s, ch, da, ts, a, m, r, bin FROM made") == [
            ("1", "2", "3", "4", "1.5", "2.5", "true", "1.25", "x", "y", "z  ", "2024-03-15", "2024-03-15 10:11:12.345",
             "[1, null]", "{k=1}", "{x=1, y=q}", "62 69 6e")
        ]  # fmt: skip

    def test_compresses_as_it_is_told(self, lake: SqlLake) -> None:
        for word, codec in (("write_compression = 'SNAPPY'", "SNAPPY"), ("parquet_compression = 'zstd'", "ZSTD")):
            make(lake, codec.lower(), f", {word}")
            group = file(lake, keys(lake, f"{codec.lower()}/")[0]).metadata.row_group(0)
            assert group.column(0).compression == codec

    def test_makes_a_partition_of_each_value_and_registers_it(self, lake: SqlLake) -> None:
        make(lake, more=", partitioned_by = ARRAY['day']", query=f"SELECT * FROM {ROWS} UNION ALL SELECT 4, 'd', NULL")
        assert [key.split("/")[1] for key in keys(lake, "made/")] == [
            "day=2024-03-15", "day=2024-03-16", "day=__HIVE_DEFAULT_PARTITION__",
        ]  # fmt: skip
        assert lake.rows('SELECT day, count(*) FROM made GROUP BY 1 ORDER BY 1 NULLS LAST') == [
            ("2024-03-15", "1"), ("2024-03-16", "2"), (None, "1"),
        ]  # fmt: skip
        assert len(lake.rows("SHOW PARTITIONS made")) == 3

    def test_without_data_makes_an_empty_table(self, lake: SqlLake) -> None:
        lake.run(
            f"CREATE TABLE made WITH (external_location = 's3://{{bucket}}/made/') AS SELECT * FROM {ROWS} WITH NO DATA"
        )
        assert (lake.rows("SELECT * FROM made"), keys(lake, "made/")) == ([], [])

    def test_of_no_rows_writes_no_file(self, lake: SqlLake) -> None:
        make(lake, query=f"SELECT * FROM {ROWS} WHERE id > 9")
        assert (lake.rows("SELECT * FROM made"), keys(lake, "made/")) == ([], [])

    @pytest.mark.parametrize(
        ("properties", "query", "message"),
        [
            ("", "SELECT 1", "MISSING_COLUMN_NAME: line 1:1: Column name not specified at position 1"),
            ("", "SELECT 1 a, 2 A", "DUPLICATE_COLUMN_NAME: line 1:1: Column name 'a' specified more than once"),
            ("", "SELECT NULL a", "COLUMN_TYPE_UNKNOWN: line 1:1: Column type is unknown: a"),
            ("", "SELECT now() a", "NOT_SUPPORTED: Unsupported Hive type: timestamp(3) with time zone"),
            ("", "SELECT ARRAY[TIMESTAMP '2024-01-01 00:00:00.123456'] a",
             "NOT_SUPPORTED: Incorrect timestamp precision for timestamp(6); the configured precision is MILLISECONDS; "
             "column name: a"),
            ("format = 'ORC'", "SELECT 1 a", "NOT_SUPPORTED: the table property format = ORC"),
            ("table_type = 'ICEBERG'", "SELECT 1 a", "NOT_SUPPORTED: the table property table_type = ICEBERG"),
            ("bucketed_by = ARRAY['a'], bucket_count = 3", "SELECT 1 a",
             "NOT_SUPPORTED: the table property bucketed_by"),
            ("colour = 'red'", "SELECT 1 a",
             "INVALID_TABLE_PROPERTY: line 1:1: Catalog 'awsdatacatalog' table property 'colour' does not exist"),
            ("write_compression = 'GZIP', parquet_compression = 'GZIP'", "SELECT 1 a",
             "INVALID_TABLE_PROPERTY: line 1:1: Only one of write_compression, parquet_compression may be given"),
            ("write_compression = 'LZO'", "SELECT 1 a", "NOT_SUPPORTED: the compression LZO"),
            ("partitioned_by = ARRAY['a']", "SELECT 1 a, 2 b",
             "HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns in the table and in the same order "
             "as the table properties: [a]"),
            ("partitioned_by = ARRAY['c']", "SELECT 1 a",
             "INVALID_TABLE_PROPERTY: Partition columns [c] not present in schema"),
            ("partitioned_by = ARRAY['a']", "SELECT 1 a",
             "INVALID_TABLE_PROPERTY: Table contains only partition columns"),
            ("partitioned_by = ARRAY['b']", "SELECT 1 a, 1e0 b", "NOT_SUPPORTED: a partition key of type double"),
            ("partitioned_by = ARRAY['b']", "SELECT 1 a, 'ä' b",
             "HIVE_INVALID_PARTITION_VALUE: Hive partition keys can only contain printable ASCII characters "
             "(0x20 - 0x7E). Invalid value: C3 A4"),
        ],
    )  # fmt: skip
    def test_says_why_not(self, properties: str, query: str, message: str, lake: SqlLake) -> None:
        text = f"CREATE TABLE made{f' WITH ({properties})' if properties else ''} AS {query}"
        assert lake.failure(text) == message
        assert keys(lake, "") == []

    def test_is_refused_where_something_is(self, lake: SqlLake) -> None:
        make(lake)
        again = f"CREATE TABLE made AS SELECT * FROM {ROWS}"
        assert (
            lake.failure(again)
            == "TABLE_ALREADY_EXISTS: line 1:1: Table 'awsdatacatalog.{database}.made' already exists"
        )
        lake.run("DROP TABLE made")
        before = keys(lake, "")
        with pytest.raises(QueryFailed) as caught:
            make(lake)
        assert caught.value.message.startswith("HIVE_PATH_ALREADY_EXISTS: Target directory for table ")
        assert (keys(lake, ""), len(before)) == (before, 1)

    def test_writes_at_most_a_hundred_partitions(self, lake: SqlLake) -> None:
        query = (
            "SELECT x, y FROM UNNEST(sequence(1, {})) t(x) CROSS JOIN (VALUES 1) u(z) CROSS JOIN UNNEST(ARRAY[x]) v(y)"
        )
        make(lake, "most", ", partitioned_by = ARRAY['y']", query.format(MOST_PARTITIONS))
        assert len(lake.rows("SHOW PARTITIONS most")) == MOST_PARTITIONS
        message = "HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of 100 open writers for partitions/buckets"
        with pytest.raises(QueryFailed, match=message):
            make(lake, "more", ", partitioned_by = ARRAY['y']", query.format(MOST_PARTITIONS + 1))


class TestInsert:
    def test_adds_a_file_and_leaves_what_is_there(self, lake: SqlLake) -> None:
        make(lake)
        before = keys(lake, "made/")
        result = lake.run("INSERT INTO made VALUES (4, 'd', DATE '2024-03-17'), (5, NULL, NULL)")
        assert (result.statement_type, result.substatement_type, result.written) == ("DML", "INSERT", 2)
        after = keys(lake, "made/")
        assert (len(after), set(before) < set(after)) == (2, True)
        assert lake.rows("SELECT id, name FROM made WHERE id > 3 ORDER BY id") == [("4", "d"), ("5", None)]

    def test_of_some_columns_leaves_the_others_null(self, lake: SqlLake) -> None:
        make(lake)
        lake.run("INSERT INTO made (name, id) SELECT 'x', 9")
        assert lake.rows("SELECT * FROM made WHERE id = 9") == [("9", "x", None)]

    def test_puts_rows_into_partitions_old_and_new(self, lake: SqlLake) -> None:
        make(lake, more=", partitioned_by = ARRAY['day']")
        lake.run("INSERT INTO made VALUES (4, 'd', DATE '2024-03-16'), (5, 'e', DATE '2024-03-17')")
        assert lake.rows("SELECT day, count(*) FROM made GROUP BY 1 ORDER BY 1") == [
            ("2024-03-15", "1"), ("2024-03-16", "3"), ("2024-03-17", "1"),
        ]  # fmt: skip

    def test_goes_where_glue_says_that_a_partition_is(self, lake: SqlLake) -> None:
        make(lake, more=", partitioned_by = ARRAY['day']")
        lake.run("ALTER TABLE made ADD PARTITION (day = '2024-05-01') LOCATION 's3://{bucket}/elsewhere/'")
        lake.run("INSERT INTO made VALUES (4, 'd', DATE '2024-05-01')")
        assert len(keys(lake, "elsewhere/")) == 1

    @pytest.mark.parametrize(
        ("statement", "message"),
        [
            ("INSERT INTO missing VALUES 1",
             "TABLE_NOT_FOUND: line 1:1: Table 'awsdatacatalog.{database}.missing' does not exist"),
            ("INSERT INTO made VALUES (1, 2, DATE '2024-01-01')",
             "TYPE_MISMATCH: line 1:1: Insert query has mismatched column types: Table: [integer, varchar(1), date], "
             "Query: [integer, integer, date]"),
            ("INSERT INTO made VALUES (1)",
             "TYPE_MISMATCH: line 1:1: Insert query has mismatched column types: Table: [integer, varchar(1), date], "
             "Query: [integer]"),
            ("INSERT INTO made (id, colour) VALUES (1, 'r')",
             "COLUMN_NOT_FOUND: line 1:1: Insert column name does not exist in target table: colour"),
            ("INSERT INTO made (id, id) VALUES (1, 2)",
             "DUPLICATE_COLUMN_NAME: line 1:1: Insert column name is specified more than once: id"),
            ("INSERT INTO made (id, name) VALUES (1, 'too long')",
             "INVALID_CAST_ARGUMENT: Cannot truncate non-space characters when casting from varchar(8) to varchar(1) "
             "on INSERT"),
            ("INSERT INTO looked VALUES (1)", "NOT_SUPPORTED: line 1:1: Inserting into views is not supported"),
            ("INSERT INTO texts VALUES (1)",
             "NOT_SUPPORTED: INSERT INTO a table of the SerDe org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"),
        ],
    )  # fmt: skip
    def test_says_why_not(self, statement: str, message: str, lake: SqlLake) -> None:
        make(lake)
        lake.run("CREATE VIEW looked AS SELECT 1 x")
        lake.run("CREATE EXTERNAL TABLE texts (x int) LOCATION 's3://{bucket}/texts/'")
        before = keys(lake, "")
        assert lake.failure(statement) == message
        assert keys(lake, "") == before

    def test_that_fails_late_leaves_its_files_and_names_them(self, lake: SqlLake, monkeypatch: Any) -> None:
        make(lake, more=", partitioned_by = ARRAY['day']")
        before = keys(lake, "made/")
        answer = {"Errors": [{"ErrorDetail": {"ErrorCode": "InternalServiceException", "ErrorMessage": "no"}}]}
        monkeypatch.setattr(lake.glue, "batch_create_partition", lambda **_: answer)
        with pytest.raises(QueryFailed):
            lake.run("INSERT INTO made VALUES (4, 'd', DATE '2024-03-18')")
        orphans = set(keys(lake, "made/")) - set(before)
        assert [f"s3://{lake.bucket}/{key}" for key in orphans] == lake.context.written
        assert lake.rows("SELECT count(*) FROM made") == [("3",)]


class TestUnload:
    def test_writes_files_without_a_table(self, lake: SqlLake) -> None:
        result = lake.run(
            f"UNLOAD (SELECT * FROM {ROWS}) TO 's3://{{bucket}}/out' WITH (format = 'PARQUET', compression = 'snappy')"
        )
        assert (result.statement_type, result.substatement_type, result.written) == ("DML", "UNLOAD", 3)
        (key,) = keys(lake, "")
        assert key.startswith("out/")
        assert file(lake, key).read().to_pylist()[0]["name"] == "a"
        assert lake.rows("SHOW TABLES") == []

    def test_may_write_partitions_where_files_are(self, lake: SqlLake) -> None:
        unload = f"UNLOAD (SELECT * FROM {ROWS}) TO 's3://{{bucket}}/out/' WITH (format = 'PARQUET'{{}})"
        lake.run(unload.format(", partitioned_by = ARRAY['day']", bucket="{bucket}"))
        lake.run(unload.format(", partitioned_by = ARRAY['day']", bucket="{bucket}"))
        assert len(keys(lake, "out/day=2024-03-16/")) == 2
        assert lake.failure(unload.format("", bucket="{bucket}")) == (
            "HIVE_PATH_ALREADY_EXISTS: Target directory for UNLOAD already exists: s3://{bucket}/out/"
        )

    @pytest.mark.parametrize(
        ("properties", "message"),
        [
            ("format = 'JSON'", "NOT_SUPPORTED: the property format = JSON"),
            ("compression = 'GZIP'", "INVALID_TABLE_PROPERTY: UNLOAD needs the property 'format'"),
            ("format = 'PARQUET', field_delimiter = ','", "NOT_SUPPORTED: the property field_delimiter"),
        ],
    )
    def test_says_why_not(self, properties: str, message: str, lake: SqlLake) -> None:
        assert lake.failure(f"UNLOAD (SELECT 1 a) TO 's3://{{bucket}}/o/' WITH ({properties})") == message


class TestExplain:
    def test_of_a_query_that_can_be_planned(self, lake: SqlLake) -> None:
        assert lake.rows("EXPLAIN (TYPE VALIDATE) SELECT 1") == [("true",)]
        result = lake.run(f"EXPLAIN SELECT count(*) FROM {ROWS}")
        assert result.substatement_type == "EXPLAIN"
        assert result.rows[0] == ("Query Plan of the local Athena, which is DuckDB's",)

    def test_says_why_not(self, lake: SqlLake) -> None:
        assert lake.failure("EXPLAIN SELECT x").startswith("COLUMN_NOT_FOUND: ")
        assert lake.failure("EXPLAIN (TYPE IO, FORMAT JSON) SELECT 1") == (
            "NOT_SUPPORTED: EXPLAIN (TYPE IO, FORMAT JSON)"
        )
        assert lake.failure("EXPLAIN ANALYZE SELECT 1") == "NOT_SUPPORTED: EXPLAIN ANALYZE"
