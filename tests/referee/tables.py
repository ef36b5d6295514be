"""The tables that the corpus asks: all column types, partitions, projection, text, files older than their table."""

from __future__ import annotations

import datetime as dt
import gzip
import io
from decimal import Decimal as D
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

DATABASE = "refdb"
BUCKET = "referee-files"

_PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}
_OPEN = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
_LAZY = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
_JSON = "org.openx.data.jsonserde.JsonSerDe"
_I, _L, _S = pa.int32(), pa.int64(), pa.string()


def _text(serde: str, **parameters: str) -> dict[str, Any]:
    return {
        "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        "SerdeInfo": {"SerializationLibrary": serde, "Parameters": parameters},
    }


def _lazy(delimiter: str = ",", **parameters: str) -> dict[str, Any]:
    return _text(_LAZY, **{"field.delim": delimiter, "serialization.format": delimiter}, **parameters)


def _columns(text: str) -> list[dict[str, str]]:
    """``a int, b decimal(10,2)`` as Glue's columns; commas inside brackets separate nothing."""
    found, depth, current = [], 0, ""
    for character in f"{text},":
        depth += (character in "<(") - (character in ">)")
        if character == "," and depth == 0:
            name, kind = current.strip().split(" ", 1)
            found.append({"Name": name, "Type": kind})
            current = ""
        else:
            current += character
    return found


class Maker:
    """Puts files into the bucket and tables into the database."""

    def __init__(self, glue: Any, s3: Any) -> None:
        self.glue = glue
        self.s3 = s3

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=f"refdb/{key}", Body=body)

    def parquet(self, key: str, table: pa.Table, **options: Any) -> None:
        body = io.BytesIO()
        pq.write_table(table, body, **options)
        self.put(key, body.getvalue())

    def table(
        self, name: str, columns: str, form: dict[str, Any] | None = None, keys: str = "", **parameters: str
    ) -> None:
        self.glue.create_table(
            DatabaseName=DATABASE,
            TableInput={
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "Parameters": {"EXTERNAL": "TRUE", **{k.replace("__", "."): v for k, v in parameters.items()}},
                "PartitionKeys": _columns(keys) if keys else [],
                "StorageDescriptor": {
                    "Columns": _columns(columns),
                    "Location": f"s3://{BUCKET}/refdb/{name}/",
                    **(form or _PARQUET),
                },
            },
        )

    def partition(self, table: str, values: list[str], columns: str, folder: str) -> None:
        storage = {"Columns": _columns(columns), "Location": f"s3://{BUCKET}/refdb/{folder}", **_PARQUET}
        self.glue.create_partition(
            DatabaseName=DATABASE, TableName=table, PartitionInput={"Values": values, "StorageDescriptor": storage}
        )


def make_tables(glue: Any, s3: Any) -> None:
    """Makes the database and everything in it."""
    glue.create_database(DatabaseInput={"Name": DATABASE})
    s3.create_bucket(Bucket=BUCKET)
    maker = Maker(glue, s3)
    _types(maker)
    _partitioned(maker)
    _projected(maker)
    _open_csv(maker)
    _lazy_text(maker)
    _evolved(maker)
    _read_as(maker)


_TYPES: list[tuple[str, str, pa.DataType]] = [
    ("id", "int", _I), ("b", "boolean", pa.bool_()), ("ti", "tinyint", pa.int8()), ("si", "smallint", pa.int16()),
    ("i", "int", _I), ("bi", "bigint", _L), ("r", "float", pa.float32()), ("d", "double", pa.float64()),
    ("m2", "decimal(10,2)", pa.decimal128(10, 2)), ("m18", "decimal(38,18)", pa.decimal128(38, 18)),
    ("s", "string", _S), ("vc", "varchar(10)", _S), ("ch", "char(5)", _S), ("dt", "date", pa.date32()),
    ("ts", "timestamp", pa.timestamp("ms")), ("bin", "binary", pa.binary()), ("arr", "array<int>", pa.list_(_I)),
    ("arrs", "array<string>", pa.list_(_S)), ("m", "map<string,int>", pa.map_(_S, _I)),
    ("st", "struct<a:int,b:string,c:array<int>>", pa.struct([("a", _I), ("b", _S), ("c", pa.list_(_I))])),
    ("js", "string", _S),
]  # fmt: skip
_NAN, _INF = float("nan"), float("inf")
_ROWS: list[tuple[Any, ...]] = [
    (1, True, 1, 10, 10, 100, 0.1, 1.5, D("1.10"), D("1.000000000000000001"), "hello world", "abc", "ab",
     dt.date(2024, 3, 15), dt.datetime(2024, 3, 15, 10, 11, 12, 345000), b"\x00\xff", [1, 2, 3], ["x", None, "z"],
     [("a", 1), ("b", 2)], {"a": 1, "b": "x", "c": [1, 2]}, '{"a": 1, "b": [1, 2, {"c": "x"}]}'),
    (2, False, 127, -5, 7, -3, 2.5, -2.5, D("-2.55"), D("-2.5"), "Ünïcödé é 日本", "ab", "ab",
     dt.date(1969, 12, 31), dt.datetime(1969, 12, 31, 23, 59, 59, 999000), "é".encode(), [], [], [("a", None)],
     {"a": None, "b": "", "c": None}, '{"b": []}'),
    (3, None, -128, 3, 2, 7, -0.0, 0.1, D("3.33"), D("0.333333333333333333"), "", "", "", dt.date(2024, 2, 29),
     dt.datetime(2024, 2, 29), b"", [5, None], ["a b", ""], [], {"a": 3, "b": None, "c": []}, '{"a": null}'),
    (4, *[None] * 20),
    (5, True, 5, 32767, 0, 5, _NAN, _NAN, D("0.00"), D("0"), "NaN", "x", "abcde", dt.date(1900, 1, 1),
     dt.datetime(1900, 1, 1, 0, 0, 0, 1000), b"abc", [9], ["é"], [("k", 9)], {"a": 5, "b": "é", "c": [None]},
         "not json"),
    (6, False, 6, 6, 2147483647, 9223372036854775807, _INF, _INF, D("99999999.99"),
     D("12345678901234567890.123456789012345678"), "_under%", "10 chars!!", "é", dt.date(9999, 12, 31),
     dt.datetime(2100, 1, 1, 12, 30), b"\xff", [2147483647], ["a,b", '"q"'], [("z", 1), ("a", 2)],
     {"a": 6, "b": 'q"', "c": [3]}, '"str"'),
    (7, True, 7, 7, -2147483648, -9223372036854775808, -_INF, -_INF, D("-99999999.99"), D("-1"), "line\nbreak", "a b",
     "A", dt.date(2024, 1, 31), dt.datetime(2024, 1, 31, 23, 59, 59, 500000), b"\n", [3, 1, 2], ["null"], [("", 0)],
     {"a": 7, "b": "null", "c": [1]}, "[1]"),
    (8, False, 8, 8, 10, 8, 16777216.0, 1e20, D("8.00"), D("8"), "42", "8", "8", dt.date(2024, 12, 31),
     dt.datetime(2024, 12, 31), b"8", [8], ["8"], [("8", 8)], {"a": 8, "b": "8", "c": [8]},
         '{"a": "eight", "b": 8.50}'),
]  # fmt: skip


def _types(maker: Maker) -> None:
    arrays = [pa.array(cells, kind) for cells, (_, _, kind) in zip(zip(*_ROWS, strict=True), _TYPES, strict=True)]
    names = [name for name, _, _ in _TYPES]
    # Two files, and row groups of three rows.
    whole = pa.table(arrays, names=names)
    maker.parquet("types/a.parquet", whole.slice(0, 5), row_group_size=3)
    maker.parquet("types/b.parquet", whole.slice(5))
    maker.table("types", ", ".join(f"{name} {kind}" for name, kind, _ in _TYPES))
    maker.table("nothing", "id int, name string")


def _partitioned(maker: Maker) -> None:
    # Registered, not registered, elsewhere, without files, with marks in a value, and of no value.
    maker.table("parts", "v int", keys="y string, m int, day date")
    folders = [
        ("2024", "1", "2024-01-15", "parts/y=2024/m=1/day=2024-01-15/", True),
        ("2024", "2", "2024-02-15", "parts/y=2024/m=2/day=2024-02-15/", True),
        ("2024", "3", "2024-03-15", "parts/y=2024/m=3/day=2024-03-15/", False),
        ("2023", "12", "2023-12-01", "elsewhere/odd place/", True),
        ("a/b c", "5", "2021-05-05", "parts/y=a%2Fb c/m=5/day=2021-05-05/", True),
        ("__HIVE_DEFAULT_PARTITION__", "6", "2021-06-06", "parts/y=__HIVE_DEFAULT_PARTITION__/m=6/day=2021-06-06/",
         True),
    ]  # fmt: skip
    for number, (y, m, day, folder, registered) in enumerate(folders, 1):
        maker.parquet(f"{folder}f.parquet", pa.table({"v": pa.array([number * 10, number * 10 + 1], _I)}))
        if registered:
            maker.partition("parts", [y, m, day], "v int", folder)
    maker.partition("parts", ["2022", "1", "2022-01-01"], "v int", "parts/gone/")
    maker.put("parts/y=2024/m=1/day=2024-01-15/_hidden.parquet", b"junk")
    maker.put("parts/y=2024/m=1/day=2024-01-15/.hidden", b"junk")
    maker.table("dates_parts", "v int", keys="d date, f boolean, n bigint")
    for number, (d, f, n) in enumerate([("2024-01-01", "true", "5"), ("2024-02-01", "false", "-7")]):
        maker.parquet(f"dates_parts/{d}/f.parquet", pa.table({"v": pa.array([number], _I)}))
        maker.partition("dates_parts", [d, f, n], "v int", f"dates_parts/{d}/")
    # A partition whose column was narrower once.
    maker.table("widened", "v bigint", keys="k string")
    for key, kind, arrow in (("old", "int", _I), ("new", "bigint", _L)):
        maker.parquet(f"widened/k={key}/f.parquet", pa.table({"v": pa.array([1, 2], arrow)}))
        maker.partition("widened", [key], f"v {kind}", f"widened/k={key}/")


def _projected(maker: Maker) -> None:
    for name, key, settings in (
        ("proj", "dt string", {"type": "date", "range": "2024-01-01,2024-01-05", "format": "yyyy-MM-dd"}),
        ("proj_int", "n int", {"type": "integer", "range": "1,10", "digits": "2"}),
        ("proj_enum", "c string", {"type": "enum", "values": "de,ch"}),
        ("proj_injected", "who string", {"type": "injected"}),
    ):
        column = key.split()[0]
        maker.table(
            name,
            "v int",
            keys=key,
            projection__enabled="true",
            storage__location__template=f"s3://{BUCKET}/refdb/{name}/${{{column}}}/",
            **{f"projection__{column}__{setting}": value for setting, value in settings.items()},
        )
    for folder, value in (
        ("proj/2024-01-01", 1), ("proj/2024-01-02", 2), ("proj/2024-01-09", 9), ("proj_int/01", 1), ("proj_int/02", 2),
        ("proj_int/99", 99), ("proj_enum/de", 1), ("proj_enum/ch", 2), ("proj_enum/fr", 3), ("proj_injected/ann", 1),
        ("proj_injected/bob", 2),
    ):  # fmt: skip
        maker.parquet(f"{folder}/f.parquet", pa.table({"v": pa.array([value], _I)}))


def _open_csv(maker: Maker) -> None:
    maker.put(
        "csv_open/a.csv",
        b'n,name,x\n1,"a, b",1.5\n2,"say ""hi""",\n3,"back\\"slash",NULL\n'
        + "4, spaced ,\\N\n5,short\n6,é,1,extra\n".encode(),
    )
    form = _text(_OPEN, separatorChar=",", quoteChar='"', escapeChar="\\")
    maker.table("csv_open", "n string, name string, x string", form, skip__header__line__count="1")
    maker.put("csv_quoted/a.csv", b"'1';'a;b'\n'2';'it''s'\n\n'3';''\n")
    maker.table("csv_quoted", "n string, name string", _text(_OPEN, separatorChar=";", quoteChar="'", escapeChar="\\"))


# What a reader that knows no type's grammar could meet, by column type.
_LAX = {
    "doubles": ("double", ["1.5", " 1.5 ", "1e2", "1d", "1.5f", "NaN", "Infinity", "-Infinity", "nan", "inf", "0x1p3",
        ".5",
                           "5.", "", "x", "1_0", "+1.5", "1e400"]),
    "reals": ("float", ["1.5", "1e2", "1f", "NaN", " 2", "x", "1e39", "16777217"]),
    "decimals": ("decimal(10,2)", ["1.10", "2.555", "-2.555", "1e2", " 1.5", "1.5 ", "+1", "x", "", "123456789.1",
        ".5", "5."]),
    "booleans": ("boolean", ["true", "TRUE", "True", "false", "t", "f", "1", "0", "yes", "", " true", "FALSE"]),
    "dates": ("date", ["2024-03-15", "2024-3-5", "2024-02-30", " 2024-03-15", "2024-03-15 ", "2024-03-15 10:11:12",
        "20240315",
                       "", "x", "12024-03-15", "2024-13-01", "0001-01-01", "1-1-1"]),
    "timestamps": ("timestamp", ["2024-03-15 10:11:12.345", "2024-03-15 10:11:12", "2024-03-15", "2024-03-15T10:11:12",
                                 "2024-03-15 10:11", "2024-03-15 10:11:12.3456789", "2024-3-5 1:2:3",
                                     "2024-02-30 00:00:00", "",
                                 "x", "2024-03-15 10:11:12Z", "2024-03-15 24:00:00", "2024-03-15 10:11:12.9996",
                                 " 2024-03-15 10:11:12", "1969-12-31 23:59:59.9996"]),
    "texts": ("varchar(3)", ["abcdef", "ab", "äöüß", "a b", " a", "a ", ""]),
    "chars": ("char(3)", ["abcdef", "ab", "ab ", " a", "", "äöüß"]),
}  # fmt: skip


def _lazy_text(maker: Maker) -> None:
    maker.put(
        "csv_lazy/a.csv",
        "1,ann,1.10,2024-03-15,2024-03-15 10:11:12.345,true\n2,bob,x,2024-02-30,2024-03-15,TRUE\n"
        "3,cy,2.555,,,0\n6,é,1e2,2024-3-5,2024-03-15T10:11:12,false,extra\n7,short\n8,\\N,\\N,\\N,\\N,\\N\n".encode(),
    )
    maker.table("csv_lazy", "n int, name string, amount decimal(10,2), d date, ts timestamp, flag boolean", _lazy())
    numbers = ["1", " 2", "3 ", "+4", "-5", "3.7", "-3.7", "99999999999", "300", "40000", "", "x", "1e2", "0x1F",
        "1L", "-", "\\N",
               "9223372036854775808", "00012", ".5", "5.", "1 2"]  # fmt: skip
    rows = "".join(f"{place:02d},{text},{text},{text},{text}\n" for place, text in enumerate(numbers))
    maker.put("csv_lazy_numbers/a.csv", rows.encode())
    maker.table("csv_lazy_numbers", "name string, n int, small smallint, tiny tinyint, big bigint", _lazy())
    for name, (kind, texts) in _LAX.items():
        rows = "".join(f"{place:02d}|{text}\n" for place, text in enumerate([*texts, "\\N"]))
        maker.put(f"csv_lazy_{name}/a.csv", rows.encode())
        maker.table(f"csv_lazy_{name}", f"name string, x {kind}", _lazy("|"))
    maker.put("csv_lazy_complex/a.txt", b"1\x01a\x02b\x01k\x03v\x02k2\x03v2\x01x\x02y\n2\x01\x01\x01\n3\n")
    columns = "n int, arr array<string>, m map<string,string>, st struct<a:string,b:string>"
    maker.table("csv_lazy_complex", columns, _text(_LAZY, **{"serialization.format": "1"}))
    maker.put("csv_lazy_escaped/a.txt", b"n|name\n1|a\\|b\n2|\n3\n4|a\\\\b\n5|a\\nb\n")
    escaped = _lazy("|", **{"escape.delim": "\\"})
    maker.table("csv_lazy_escaped", "n int, name string", escaped, skip__header__line__count="1")
    maker.put("csv_lazy_null/a.txt", b"1,NULL\n2,\\N\n3,\n")
    maker.table("csv_lazy_null", "n int, name string", _lazy(",", **{"serialization.null.format": "NULL"}))
    maker.put("csv_gzip/a.csv.gz", gzip.compress(b"1,a\r\n2,b\r\n"))
    maker.table("csv_gzip", "n int, name string", _lazy())
    maker.put("csv_empty/a.csv", b"")
    maker.table("csv_empty", "n int, name string", _lazy())
    maker.put("json_lines/a.json", b'{"n": 1, "name": "a", "st": {"x": 1}}\n{"N": 2, "name": null}\n')
    maker.table("json_lines", "n int, name string, st struct<x:int>", _text(_JSON))


def _evolved(maker: Maker) -> None:
    def two(name: str, columns: str, old: pa.Table, new: pa.Table) -> None:
        maker.parquet(f"{name}/1.parquet", old)
        maker.parquet(f"{name}/2.parquet", new)
        maker.table(name, columns)

    old = pa.table({"id": pa.array([1], _I), "wide": pa.array([5], _I), "name": ["old"]})
    new = pa.table(
        {"name": ["new"], "added": ["x"], "wide": pa.array([2**40], _L), "id": pa.array([2], _I), "gone": [1]}
    )
    two("evo", "id int, wide bigint, name string, added string", old, new)
    old, new = pa.table({"ID": pa.array([1], _I), "Name": ["A"]}), pa.table({"id": pa.array([2], _I), "name": ["b"]})
    two("evo_case", "id int, name string", old, new)
    narrow, whole = pa.struct([("b", _S), ("a", _I)]), pa.struct([("a", _I), ("b", _S), ("c", _I)])
    old = pa.table({"id": pa.array([1], _I), "st": pa.array([{"b": "x", "a": 1}], narrow)})
    new = pa.table({"id": pa.array([2], _I), "st": pa.array([{"a": 2, "b": "y", "c": 3}], whole)})
    two("evo_struct", "id int, st struct<a:int,b:string,c:int>", old, new)
    moment = 1_710_497_472_345_678_000
    for number, (unit, step) in enumerate((("ms", 10**6), ("us", 10**3), ("ns", 1)), 1):
        value = pa.array([moment // step], pa.timestamp(unit))
        maker.parquet(f"ts_units/{unit}.parquet", pa.table({"id": pa.array([number], _I), "ts": value}), version="2.6")
    old = pa.table({"id": pa.array([4], _I), "ts": pa.array([moment], pa.timestamp("ns"))})
    maker.parquet("ts_units/int96.parquet", old, use_deprecated_int96_timestamps=True)
    new = pa.table({"id": pa.array([5], _I), "ts": pa.array([moment // 1000], pa.timestamp("us", tz="UTC"))})
    maker.parquet("ts_units/utc.parquet", new, version="2.6")
    maker.table("ts_units", "id int, ts timestamp")


def _read_as(maker: Maker) -> None:
    """Tables over a file whose column has another type."""
    day, moment = dt.date(2024, 3, 15), dt.datetime(2024, 3, 15, 10)
    cases: dict[str, tuple[str, list[Any], pa.DataType]] = {
        "int_as_smallint": ("smallint", [1, -2, 40000], _I), "int_as_tinyint": ("tinyint", [1, -2, 300], _I),
        "bigint_as_int": ("int", [1, 2**40], _L), "int_as_bigint": ("bigint", [1, -2], _I),
        "int_as_double": ("double", [5, -7], _I), "bigint_as_double": ("double", [5, 2**53 + 1], _L),
        "int_as_real": ("float", [5, 16777217], _I), "int_as_string": ("string", [1, -2], _I),
        "int_as_varchar2": ("varchar(2)", [1, 345], _I), "bigint_as_string": ("string", [1, -2], _L),
        "int_as_decimal": ("decimal(12,2)", [1, -2], _I), "int_as_narrow_decimal": ("decimal(4,2)", [1, 345], _I),
        "int_as_boolean": ("boolean", [1, 0], _I), "int_as_date": ("date", [1, 19797], _I),
        "int_as_timestamp": ("timestamp", [1, 2], _I), "float_as_double": ("double", [0.1, 2.5], pa.float32()),
        "double_as_float": ("float", [0.1, 2.5], pa.float64()), "double_as_int": ("int", [1.0, 2.5], pa.float64()),
        "double_as_string": ("string", [1.0, 2.5], pa.float64()),
        "double_as_decimal": ("decimal(10,2)", [1.0, 2.555], pa.float64()),
        "decimal_wider": ("decimal(12,4)", [D("1.10"), D("2.25")], pa.decimal128(10, 2)),
        "decimal_narrower": ("decimal(10,1)", [D("1.15"), D("-2.25")], pa.decimal128(10, 2)),
        "decimal_narrower_exact": ("decimal(10,1)", [D("1.10"), D("2.20")], pa.decimal128(10, 2)),
        "decimal_too_narrow": ("decimal(3,2)", [D("1.10"), D("12345.25")], pa.decimal128(10, 2)),
        "decimal_as_double": ("double", [D("1.10")], pa.decimal128(10, 2)),
        "decimal_as_bigint": ("bigint", [D("1.10")], pa.decimal128(10, 2)),
        "decimal_as_string": ("string", [D("1.10")], pa.decimal128(10, 2)),
        "long_decimal_narrower": ("decimal(10,1)", [D("1.15"), D("2.25")], pa.decimal128(30, 2)),
        "string_as_int": ("int", ["1", "x"], _S), "string_as_date": ("date", ["2024-03-15"], _S),
        "string_as_varchar3": ("varchar(3)", ["abcdef", "ab", "äöüß"], _S),
        "string_as_char3": ("char(3)", ["abcdef", "ab", "äöüß"], _S),
        "string_as_binary": ("binary", ["abc"], _S), "binary_as_string": ("string", [b"abc", b"\xc3\xa9"], pa.binary()),
        "boolean_as_string": ("string", [True, False], pa.bool_()), "boolean_as_int": ("int", [True, False],
            pa.bool_()),
        "date_as_string": ("string", [day], pa.date32()), "date_as_timestamp": ("timestamp", [day], pa.date32()),
        "timestamp_as_date": ("date", [moment], pa.timestamp("ms")),
        "timestamp_as_string": ("string", [moment], pa.timestamp("ms")),
        "timestamp_as_bigint": ("bigint", [moment], pa.timestamp("ms")),
        "unsigned_as_bigint": ("bigint", [1, 2**32 - 1], pa.uint32()), "unsigned_as_int": ("int", [1, 200], pa.uint8()),
        "int_array_as_bigint_array": ("array<bigint>", [[1, 2], None], pa.list_(_I)),
        "array_as_string": ("string", [[1, 2]], pa.list_(_I)),
        "dictionary_as_string": ("string", ["a", "b", "a"], pa.dictionary(pa.int32(), _S)),
    }  # fmt: skip
    for name, (kind, values, arrow) in cases.items():
        table = pa.table({"id": pa.array(range(len(values)), _I), "x": pa.array(values, arrow)})
        maker.parquet(f"read_{name}/1.parquet", table)
        maker.table(f"read_{name}", f"id int, x {kind}")
