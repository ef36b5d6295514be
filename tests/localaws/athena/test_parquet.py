"""Parquet under a table's schema: types, missing and extra columns, row groups, and the bytes they cost."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pyarrow.fs import S3FileSystem

from localaws.athena.engine import QueryContext, QueryFailed, execute


def table(lake: Any, columns: str) -> None:
    lake.run(f"CREATE EXTERNAL TABLE t ({columns}) STORED AS PARQUET LOCATION 's3://{{bucket}}/t/'")


def test_every_type_prints_as_athena_prints_it(lake: Any) -> None:
    table(
        lake,
        "s string, v varchar(3), c char(4), b boolean, t tinyint, si smallint, i int, l bigint, f float, d double, "
        "m decimal(10,2), da date, ts timestamp, bi binary, a array<int>, mp map<string,int>, "
        "st struct<x:int,y:string>",
    )
    moment = dt.datetime(2024, 3, 15, 1, 2, 3, 456789)
    schema = pa.schema(
        [("s", pa.string()), ("v", pa.string()), ("c", pa.string()), ("b", pa.bool_()), ("t", pa.int32()),
         ("si", pa.int32()), ("i", pa.int32()), ("l", pa.int64()), ("f", pa.float32()), ("d", pa.float64()),
         ("m", pa.decimal128(10, 2)), ("da", pa.date32()), ("ts", pa.timestamp("us")), ("bi", pa.binary()),
         ("a", pa.list_(pa.int32())), ("mp", pa.map_(pa.string(), pa.int32())),
         ("st", pa.struct([("x", pa.int32()), ("y", pa.string())]))]
    )  # fmt: skip
    full = {
        "s": "é", "v": "abcdef", "c": "ab", "b": True, "t": 1, "si": 2, "i": 3, "l": 2**62, "f": 0.1, "d": 1e10,
        "m": Decimal("1.50"), "da": dt.date(2024, 3, 15), "ts": moment, "bi": b"ab", "a": [1, None],
        "mp": [("k", 1)], "st": {"x": 1, "y": None},
    }  # fmt: skip
    lake.put_parquet("t/x.parquet", pa.Table.from_pylist([full, dict.fromkeys(full)], schema))
    rows = lake.rows("SELECT * FROM t ORDER BY i")
    assert rows[0] == (
        "é", "abc", "ab  ", "true", "1", "2", "3", "4611686018427387904", "0.1", "1.0E10", "1.50", "2024-03-15",
        "2024-03-15 01:02:03.457", "61 62", "[1, null]", "{k=1}", "{x=1, y=null}",
    )  # fmt: skip
    assert rows[1] == (None,) * 17
    assert lake.rows("SELECT st.x, a[1], mp['k'] FROM t WHERE i = 3") == [("1", "1", "1")]


def test_the_last_moment_of_the_year_9999_is_rounded_into_the_next_one(lake: Any) -> None:
    table(lake, "id int, ts timestamp, many array<timestamp>, named struct<at:timestamp>, by map<string,timestamp>")
    last = dt.datetime(9999, 12, 31, 23, 59, 59, 999_999)
    schema = pa.schema(
        [("id", pa.int32()), ("ts", pa.timestamp("us")), ("many", pa.list_(pa.timestamp("us"))),
         ("named", pa.struct([("at", pa.timestamp("us"))])), ("by", pa.map_(pa.string(), pa.timestamp("us")))]
    )  # fmt: skip
    full = {"id": 1, "ts": last, "many": [last, None], "named": {"at": last}, "by": [("k", last)]}
    old = {"id": 2, "ts": dt.datetime(99, 1, 2, 3, 4, 5, 999_499), "many": None, "named": None, "by": None}
    lake.put_parquet("t/x.parquet", pa.Table.from_pylist([full, old], schema))
    beyond = "+10000-01-01 00:00:00.000"
    assert lake.rows("SELECT * FROM t ORDER BY id") == [
        ("1", beyond, f"[{beyond}, null]", f"{{at={beyond}}}", f"{{k={beyond}}}"),
        ("2", "0099-01-02 03:04:05.999", None, None, None),
    ]
    assert lake.rows("SELECT CAST(ts AS varchar), year(ts), CAST(ts AS date) FROM t WHERE id = 1") == [
        (beyond, "10000", "+10000-01-01")
    ]
    assert lake.rows("SELECT ts AT TIME ZONE 'Asia/Tokyo' FROM t WHERE id = 1") == [
        ("+10000-01-01 09:00:00.000 Asia/Tokyo",)
    ]


def test_columns_are_found_by_name_without_case_in_any_order(lake: Any) -> None:
    table(lake, "id string, amount bigint, late string")
    lake.put_parquet("t/1.parquet", {"Amount": [1], "extra": ["x"], "ID": ["a"]})
    lake.put_parquet("t/2.parquet", {"id": ["b"]})
    assert lake.rows("SELECT * FROM t ORDER BY id") == [("a", "1", None), ("b", None, None)]
    assert lake.rows("SELECT count(late), count(*) FROM t WHERE late IS NULL") == [("0", "2")]


@pytest.mark.parametrize(
    ("declared", "stored", "physical"),
    [
        ("string", pa.array([1.5]), "DOUBLE in parquet file .* is incompatible with type varchar"),
        ("bigint", pa.array(["1"]), "BYTE_ARRAY in parquet file .* is incompatible with type bigint"),
        ("date", pa.array(["2024-01-01"]), "BYTE_ARRAY in parquet file .* is incompatible with type date"),
        ("int", pa.array([1.5]), "DOUBLE in parquet file .* is incompatible with type integer"),
        ("float", pa.array([1.5]), "DOUBLE in parquet file .* is incompatible with type real"),
        ("decimal(10,2)", pa.array([1.5]), r"DOUBLE in parquet file .* is incompatible with type decimal\(10,2\)"),
        ("timestamp", pa.array([1], pa.int64()), r"INT64 in parquet file .* is incompatible with type timestamp\(3\)"),
    ],
)
def test_a_type_that_trino_cannot_read_fails(lake: Any, declared: str, stored: pa.Array, physical: str) -> None:
    table(lake, f"id string, x {declared}")
    lake.put_parquet("t/x.parquet", {"id": ["a"], "x": stored})
    with pytest.raises(QueryFailed, match=f"HIVE_BAD_DATA: Field x's type {physical} defined in table schema"):
        lake.run("SELECT x FROM t")
    assert lake.rows("SELECT id FROM t") == [("a",)]


def test_a_value_that_does_not_fit_the_declared_type_fails(lake: Any) -> None:
    table(lake, "x int")
    lake.put_parquet("t/x.parquet", {"x": pa.array([2**40], pa.int64())})
    assert lake.failure("SELECT x FROM t").startswith("HIVE_BAD_DATA: Field x in s3://{bucket}/t/x.parquet")


def test_narrower_stored_types_widen(lake: Any) -> None:
    table(lake, "i bigint, d double, m decimal(12,3), s string")
    lake.put_parquet(
        "t/x.parquet",
        {
            "i": pa.array([1], pa.int32()),
            "d": pa.array([0.5], pa.float32()),
            "m": pa.array([Decimal("1.5")], pa.decimal128(4, 1)),
            "s": pa.array(["x"]).dictionary_encode(),
        },
    )
    assert lake.rows("SELECT * FROM t") == [("1", "0.5", "1.500", "x")]


def test_what_is_no_parquet_file_fails_and_an_empty_object_is_skipped(lake: Any) -> None:
    table(lake, "id string")
    lake.put("t/empty.parquet", b"")
    lake.put_parquet("t/none.parquet", {"id": pa.array([], pa.string())})
    assert lake.rows("SELECT count(*), max(id) FROM t") == [("0", None)]
    lake.put("t/text.parquet", b"id\nno parquet here\n")
    assert lake.failure("SELECT id FROM t").startswith("HIVE_BAD_DATA: Malformed Parquet file.")


def test_only_the_columns_of_the_query_are_paid_for(lake: Any) -> None:
    table(lake, "id string, amount bigint, note string")
    lake.put_parquet("t/x.parquet", {"id": ["a", "b"], "amount": [1, 2], "note": ["x" * 500, "y" * 900]})

    def cost(*columns: str) -> int:
        return lake.compressed_bytes("t/x.parquet", *columns)

    assert lake.run("SELECT count(*) FROM t").bytes_scanned == 0
    assert lake.run("SELECT sum(amount) FROM t").bytes_scanned == cost("amount")
    assert lake.run("SELECT id FROM t WHERE amount > 1").bytes_scanned == cost("id", "amount")
    assert lake.run("SELECT * FROM t").bytes_scanned == cost("id", "amount", "note")
    assert lake.run("SELECT a FROM (SELECT amount AS a, note, upper(id) FROM t)").bytes_scanned == cost("amount")


def test_row_groups_that_statistics_rule_out_are_not_read(lake: Any) -> None:
    table(lake, "n bigint, d date, m decimal(10,2), s string")
    count = 4000
    lake.put_parquet(
        "t/x.parquet",
        {
            "n": list(range(count)),
            "d": [dt.date(2024, 1, 1) + dt.timedelta(days=i // 1000) for i in range(count)],
            "m": pa.array([Decimal(i) for i in range(count)], pa.decimal128(10, 2)),
            "s": [f"{i:06d}" for i in range(count)],
        },
        row_group_size=1000,
    )
    footer = lake.parquet("t/x.parquet")

    def first_group(column: int) -> int:
        return footer.row_group(0).column(column).total_compressed_size

    for place, condition in enumerate(("n < 10", "d = date '2024-01-01'", "m < 10.5", "s < '000010'")):
        result = lake.run(f"SELECT count({'ndms'[place]}) FROM t WHERE {condition}")
        assert result.bytes_scanned == first_group(place), condition
    every = sum(footer.row_group(i).column(0).total_compressed_size for i in range(4))
    assert lake.run("SELECT sum(n) FROM t WHERE n % 1000 = 5").bytes_scanned == every
    assert lake.rows("SELECT count(*) FROM t WHERE n BETWEEN 999 AND 1000") == [("2",)]


def test_large_files_are_read_in_ranges(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("localaws.athena.objects.READ_WHOLE", 100)
    monkeypatch.setattr("localaws.athena.tables.READ_WHOLE", 100)
    table(lake, "n bigint, s string")
    values = {"n": list(range(5000)), "s": [f"{i:040d}" for i in range(5000)]}
    lake.put_parquet("t/x.parquet", values, row_group_size=1000)
    endpoint = lake.s3.meta.endpoint_url.removeprefix("http://")
    files = S3FileSystem(access_key="test", secret_key="test", endpoint_override=endpoint, scheme="http")
    context = QueryContext(lake.database, lake.glue, lake.s3, files)
    result = execute("SELECT sum(n), count(*) FROM t WHERE n >= 1000", context)
    assert result.rows == [(str(sum(range(1000, 5000))), "4000")]
    footer = lake.parquet("t/x.parquet")
    assert result.bytes_scanned == sum(footer.row_group(i).column(0).total_compressed_size for i in range(1, 5))


def test_a_file_overwritten_between_queries_is_read_anew(lake: Any) -> None:
    table(lake, "a int")
    lake.put_parquet("t/x.parquet", {"a": pa.array([1], pa.int32())})
    assert lake.rows("SELECT a FROM t") == [("1",)]
    lake.put_parquet("t/x.parquet", {"a": pa.array([2], pa.int32())})
    assert lake.rows("SELECT a FROM t") == [("2",)]


def test_partitions_declared_with_another_type_fail(lake: Any, glue: Any) -> None:
    lake.run("CREATE EXTERNAL TABLE t (x int) PARTITIONED BY (p string) STORED AS PARQUET LOCATION 's3://{bucket}/t/'")
    lake.run("ALTER TABLE t ADD PARTITION (p='1')")
    item = glue.get_table(DatabaseName=lake.database, Name="t")["Table"]
    item["StorageDescriptor"]["Columns"] = [{"Name": "x", "Type": "date"}]
    keys = ("Name", "StorageDescriptor", "PartitionKeys", "TableType", "Parameters")
    glue.update_table(DatabaseName=lake.database, TableInput={key: item[key] for key in keys})
    assert lake.failure("SELECT x FROM t").startswith("HIVE_PARTITION_SCHEMA_MISMATCH: There is a mismatch")


# What Trino 483 reads, seen beside it.
READ_AS: dict[str, tuple[str, pa.Array, list[str | None]]] = {
    "int as double": ("double", pa.array([5, None], pa.int32()), ["5.0", None]),
    "bigint as text": ("string", pa.array([-2, 1], pa.int64()), ["-2", "1"]),
    "decimal narrowed, half up": ("decimal(10,1)", pa.array([Decimal("1.15"), Decimal("-2.25")]), ["1.2", "-2.3"]),
    "text as char, cut": ("char(3)", pa.array(["abcdef", "ab"]), ["abc", "ab "]),
}


@pytest.mark.parametrize("case", READ_AS)
def test_a_column_of_another_type_is_read_as_trino_reads_it(lake: Any, case: str) -> None:
    declared, stored, expected = READ_AS[case]
    table(lake, f"id int, x {declared}")
    lake.put_parquet("t/x.parquet", {"id": pa.array(range(len(stored)), pa.int32()), "x": stored})
    assert [x for _, x in lake.rows("SELECT id, x FROM t ORDER BY id")] == expected


def test_unsigned_integers_that_trino_misreads_are_refused(lake: Any) -> None:
    table(lake, "x bigint")
    lake.put_parquet("t/x.parquet", {"x": pa.array([2**32 - 1], pa.uint32())})
    assert lake.failure("SELECT x FROM t").startswith("NOT_SUPPORTED: a column of type uint32")
