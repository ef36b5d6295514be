"""Which files a query reads: those of registered partitions, pruned by the query, and what that costs."""

from __future__ import annotations

import urllib.parse
from typing import Any

import pytest

TABLE = """
CREATE EXTERNAL TABLE sales (id string, amount bigint) PARTITIONED BY (year string, month string)
STORED AS PARQUET LOCATION 's3://{bucket}/sales/'
"""
MONTHS = ("01", "02", "03")


def key_of(month: str) -> str:
    return f"sales/year=2024/month={month}/part.parquet"


@pytest.fixture
def sales(lake: Any) -> Any:
    """Three months of files, none of them registered."""
    lake.run(TABLE)
    for number, month in enumerate(MONTHS, 1):
        lake.put_parquet(key_of(month), {"id": [f"{month}-a", f"{month}-b"], "amount": [number, number * 10]})
    return lake


def add(lake: Any, *months: str) -> None:
    parts = " ".join(
        f"PARTITION (year='2024', month='{m}') LOCATION 's3://{{bucket}}/sales/year=2024/month={m}/'" for m in months
    )
    lake.run(f"ALTER TABLE sales ADD IF NOT EXISTS {parts}")


def months_of(lake: Any, where: str = "true") -> list[str | None]:
    return [row[0] for row in lake.rows(f"SELECT DISTINCT month FROM sales WHERE {where} ORDER BY 1")]


def test_only_registered_partitions_are_read(sales: Any) -> None:
    assert sales.rows("SELECT count(*) FROM sales") == [("0",)]
    add(sales, "01", "03")
    assert sales.rows("SELECT month, sum(amount) FROM sales GROUP BY 1 ORDER BY 1") == [("01", "11"), ("03", "33")]
    where = {"DatabaseName": sales.database, "TableName": "sales"}
    sales.glue.delete_partition(**where, PartitionValues=["2024", "01"])
    assert months_of(sales) == ["03"]


def test_a_partition_is_read_where_its_location_says(sales: Any) -> None:
    sales.run(
        "ALTER TABLE sales ADD PARTITION (year='1999', month='12') LOCATION 's3://{bucket}/sales/year=2024/month=02'"
    )
    assert sales.rows("SELECT year, month, id FROM sales ORDER BY id") == [
        ("1999", "12", "02-a"),
        ("1999", "12", "02-b"),
    ]


def test_a_location_that_is_a_file_holds_nothing(sales: Any) -> None:
    sales.run(f"ALTER TABLE sales ADD PARTITION (year='2024', month='01') LOCATION 's3://{{bucket}}/{key_of('01')}'")
    assert sales.rows("SELECT count(*) FROM sales") == [("0",)]


def test_adding_a_partition_twice_fails_unless_forgiven(sales: Any) -> None:
    add(sales, "01")
    add(sales, "01", "02")
    assert months_of(sales) == ["01", "02"]
    assert "AlreadyExistsException(message:Partition already exists.)" in sales.failure(
        "ALTER TABLE sales ADD PARTITION (year='2024', month='03') PARTITION (year='2024', month='01')"
    )
    assert months_of(sales) == ["01", "02"]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("ALTER TABLE sales ADD PARTITION (year='2024')", "doesn't contain all (2) partition columns"),
        ("ALTER TABLE sales ADD PARTITION (year='2024', day='1')", "doesn't contain all (2) partition columns"),
    ],
)
def test_wrong_partition_specs_fail(sales: Any, sql: str, message: str) -> None:
    assert message in sales.failure(sql)


def test_more_partitions_than_glue_takes_in_one_call_are_added(lake: Any) -> None:
    lake.run(TABLE)
    parts = " ".join(f"PARTITION (year='2024', month='{i}')" for i in range(230))
    lake.run(f"ALTER TABLE sales ADD {parts}")
    assert len(lake.rows("SHOW PARTITIONS sales")) == 230


def test_msck_adds_the_folders_that_name_all_keys_in_order(sales: Any) -> None:
    add(sales, "02")
    sales.put("sales/month=05/year=2024/x.parquet", b"x")
    sales.put("sales/year=2024/notes/x.txt", b"x")
    sales.put("sales/Year=2024/month=09/x.parquet", b"x")
    sales.put("sales/year=2024/x.parquet", b"x")
    name = "sales/year=20%3A24/month=%C3%A9/part.parquet"
    sales.put_parquet(name, {"id": ["escaped"], "amount": [7]})
    assert sales.rows("MSCK REPAIR TABLE sales") == [
        (
            "Partitions not in metastore:\tsales:year=20%3A24/month=%C3%A9\tsales:year=2024/month=01\t"
            "sales:year=2024/month=03",
        ),
        ("Repair: Added partition to metastore sales:year=20%3A24/month=%C3%A9",),
        ("Repair: Added partition to metastore sales:year=2024/month=01",),
        ("Repair: Added partition to metastore sales:year=2024/month=03",),
    ]  # fmt: skip
    assert sales.rows("MSCK REPAIR TABLE sales") == []
    assert sales.rows("SELECT year, month FROM sales WHERE id = 'escaped'") == [("20:24", "é")]
    assert sales.rows("SHOW PARTITIONS sales") == [
        ("year=20%3A24/month=é",),
        ("year=2024/month=01",),
        ("year=2024/month=02",),
        ("year=2024/month=03",),
    ]


def test_msck_never_removes_a_partition(sales: Any) -> None:
    sales.run("ALTER TABLE sales ADD PARTITION (year='1970', month='01')")
    lines = sales.rows("MSCK REPAIR TABLE sales")
    assert ("Partitions missing from filesystem:\tsales:year=1970/month=01",) in lines
    assert ("year=1970/month=01",) in sales.rows("SHOW PARTITIONS sales")


PRUNED = {
    "month = '02'": ["02"],
    "'02' = month AND year = '2024'": ["02"],
    "month IN ('01', '03')": ["01", "03"],
    "month <> '02'": ["01", "03"],
    "month > '01'": ["02", "03"],
    "month BETWEEN '02' AND '03'": ["02", "03"],
    "CAST(month AS integer) = 3": ["03"],
    "year || '-' || month >= '2024-03'": ["03"],
    "CAST(concat(year, '-', month, '-01') AS date) < date '2024-02-01'": ["01"],
    "month LIKE '%2'": ["02"],
    "(month = '01' OR month = '02')": ["01", "02"],
    "month = '01' AND amount > 5": ["01"],
    "substr(month, 2) = '3'": ["03"],
    "date_parse(year || month, '%Y%m') = timestamp '2024-02-01 00:00:00'": ["02"],
    "year = '1999'": [],
}


@pytest.mark.parametrize("where", PRUNED)
def test_partitions_are_pruned_before_they_are_read(sales: Any, where: str) -> None:
    add(sales, *MONTHS)
    result = sales.run(f"SELECT DISTINCT month FROM sales WHERE {where} ORDER BY 1")
    assert [row[0] for row in result.rows] == PRUNED[where]
    total = sales.run(f"SELECT sum(amount) FROM sales WHERE {where}").bytes_scanned
    assert total == sum(sales.compressed_bytes(key_of(month), "amount") for month in PRUNED[where])


def test_pruned_partitions_are_not_even_listed(sales: Any) -> None:
    add(sales, *MONTHS)
    asked: list[str] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        asked.append(urllib.parse.unquote(str(params.get("query_string", params).get("prefix", ""))))

    client = sales.s3
    client.meta.events.register("before-call.s3.ListObjectsV2", note)
    try:
        sales.run("SELECT count(*) FROM sales WHERE month = '02'")
    finally:
        client.meta.events.unregister("before-call.s3.ListObjectsV2", note)
    assert asked == ["sales/year=2024/month=02/"]


def test_partitions_are_pruned_through_views_subqueries_and_joins(sales: Any) -> None:
    add(sales, *MONTHS)
    sales.run(
        "CREATE VIEW v AS SELECT year || '-' || month AS ym, sum(amount) AS total FROM sales GROUP BY year, month"
    )
    one = sales.compressed_bytes(key_of("03"), "amount")
    through_view = sales.run("SELECT total FROM v WHERE ym = '2024-03'")
    assert (through_view.rows, through_view.bytes_scanned) == ([("33",)], one)
    through_cte = sales.run("WITH q AS (SELECT month m, amount FROM sales) SELECT sum(amount) FROM q WHERE m = '03'")
    assert (through_cte.rows, through_cte.bytes_scanned) == ([("33",)], one)
    joined = sales.run(
        "SELECT a.amount, b.amount FROM sales a LEFT JOIN sales b ON substr(a.id, 4) = substr(b.id, 4) "
        "AND b.month = '03' "
        "WHERE a.month = '01' ORDER BY 1"
    )
    assert joined.rows == [("1", "3"), ("10", "30")]
    assert joined.bytes_scanned == sum(sales.compressed_bytes(key_of(month), "id", "amount") for month in ("01", "03"))


def test_a_condition_on_the_outer_side_of_a_join_does_not_prune_the_other(sales: Any) -> None:
    add(sales, *MONTHS)
    rows = sales.rows(
        "SELECT t.m, s.month FROM (VALUES '01', '99') t(m) LEFT JOIN sales s ON s.month = t.m WHERE s.month IS NULL"
    )
    assert rows == [("99", None)]


def test_partition_columns_have_their_declared_types(lake: Any) -> None:
    lake.run(
        "CREATE EXTERNAL TABLE t (a int) PARTITIONED BY (n int, d date) STORED AS PARQUET LOCATION 's3://{bucket}/t/'"
    )
    for n, day in ((2, "2024-01-01"), (10, "2024-02-01")):
        lake.put_parquet(f"t/n={n}/d={day}/x.parquet", {"a": [n]})
    lake.run("MSCK REPAIR TABLE t")
    result = lake.run("SELECT n, d, a FROM t WHERE n > 3 AND d >= date '2024-01-15'")
    assert [c.type for c in result.columns] == ["integer", "date", "integer"]
    assert result.rows == [("10", "2024-02-01", "10")]
    assert lake.rows("SELECT max(n), min(d) FROM t") == [("10", "2024-01-01")]
    lake.run("ALTER TABLE t ADD PARTITION (n='x', d='2024-01-01')")
    assert lake.failure("SELECT count(*) FROM t").startswith(
        "HIVE_INVALID_PARTITION_VALUE: Invalid partition value 'x'"
    )


def test_the_default_partition_is_null(lake: Any) -> None:
    lake.run(TABLE)
    lake.put_parquet("sales/year=2024/month=__HIVE_DEFAULT_PARTITION__/x.parquet", {"id": ["a"], "amount": [1]})
    lake.run("MSCK REPAIR TABLE sales")
    assert lake.rows("SELECT year, month FROM sales WHERE month IS NULL") == [("2024", None)]


def test_hidden_columns_name_the_file(sales: Any) -> None:
    add(sales, "01")
    size = sales.s3.head_object(Bucket=sales.bucket, Key=key_of("01"))["ContentLength"]
    rows = sales.rows('SELECT DISTINCT "$path", "$file_size" FROM sales')
    assert rows == [(f"s3://{sales.bucket}/{key_of('01')}", str(size))]
    assert [c.name for c in sales.run("SELECT * FROM sales").columns] == ["id", "amount", "year", "month"]


def test_a_hidden_column_names_the_partition_as_hive_does(sales: Any) -> None:
    add(sales, "01")
    assert sales.rows('SELECT DISTINCT "$partition" FROM sales') == [("year=2024/month=01",)]
    sales.run(f"ALTER TABLE sales ADD PARTITION (year = 'a/b c', month = '1') LOCATION 's3://{sales.bucket}/odd/'")
    sales.put_parquet("odd/x.parquet", {"id": ["o"], "amount": [1]})
    assert sales.rows("SELECT \"$partition\" FROM sales WHERE id = 'o'") == [("year=a%2Fb c/month=1",)]


def test_keys_with_spaces_plus_signs_and_unicode_are_read(sales: Any) -> None:
    add(sales, "01")
    sales.put_parquet("sales/year=2024/month=01/a b+c é?#%41.parquet", {"id": ["odd"], "amount": [5]})
    assert sales.rows("SELECT amount FROM sales WHERE id = 'odd'") == [("5",)]


def test_files_below_folders_are_read_and_hidden_or_empty_ones_are_not(sales: Any) -> None:
    add(sales, "01")
    folder = "sales/year=2024/month=01"
    sales.put_parquet(f"{folder}/deeper/x.parquet", {"id": ["deep"], "amount": [100]})
    for name in ("_SUCCESS", ".hidden.parquet", "_temporary/x.parquet", ".staging/x.parquet"):
        sales.put(f"{folder}/{name}", b"not parquet")
    sales.put(f"{folder}/", b"")
    sales.put(f"{folder}/zero.parquet", b"")
    assert sales.rows("SELECT sum(amount) FROM sales") == [("111",)]


def test_a_table_without_partition_keys_reads_its_location(lake: Any) -> None:
    lake.run("CREATE EXTERNAL TABLE flat (a int) STORED AS PARQUET LOCATION 's3://{bucket}/flat'")
    lake.put_parquet("flat/x.parquet", {"a": [1]})
    lake.put_parquet("flat/sub/y.parquet", {"a": [2]})
    lake.put_parquet("flatter/z.parquet", {"a": [100]})
    assert lake.rows("SELECT sum(a) FROM flat") == [("3",)]


def test_information_schema_describes_the_catalogue(sales: Any) -> None:
    sales.run("CREATE VIEW v AS SELECT count(*) AS n FROM sales")
    mine = f"WHERE table_schema = '{sales.database}'"
    assert sales.rows(f"SELECT table_name, table_type FROM information_schema.tables {mine} ORDER BY 1") == [
        ("sales", "BASE TABLE"),
        ("v", "VIEW"),
    ]
    assert sales.rows(
        f"SELECT column_name, data_type, extra_info FROM information_schema.columns {mine} "
        "ORDER BY table_name, ordinal_position"
    ) == [
        ("id", "varchar", None), ("amount", "bigint", None), ("year", "varchar", "partition key"),
        ("month", "varchar", "partition key"), ("n", "bigint", None),
    ]  # fmt: skip


def test_missing_tables_and_schemas_are_named(lake: Any) -> None:
    assert lake.failure("SELECT * FROM nope") == (
        "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.{database}.nope' does not exist"
    )
    assert lake.failure("SELECT *\nFROM no_schema.t") == "SCHEMA_NOT_FOUND: line 2:6: Schema 'no_schema' does not exist"
    assert lake.failure("SELECT * FROM other.a.b").startswith("CATALOG_NOT_FOUND: line 1:15: Catalog 'other'")


def test_names_are_compared_without_case(sales: Any) -> None:
    add(sales, "01")
    assert sales.rows(
        f'SELECT S.ID FROM "{sales.database.upper()}".SALES AS s WHERE "Month" = \'01\' ORDER BY Id LIMIT 1'
    ) == [("01-a",)]
