"""CSV and other text, as OpenCSVSerde and LazySimpleSerDe read it."""

from __future__ import annotations

import gzip
from typing import Any

import pyarrow as pa
import pytest

from localaws.athena.text import _split_quoted


def open_csv(lake: Any, columns: str, properties: str = "", table: str = "") -> None:
    with_ = f"WITH SERDEPROPERTIES ({properties})" if properties else ""
    lake.run(
        f"CREATE EXTERNAL TABLE t ({columns}) ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' {with_} "
        f"LOCATION 's3://{{bucket}}/t/' {table}"
    )


def simple(lake: Any, columns: str, delimiter: str = ",", table: str = "") -> None:
    lake.run(
        f"CREATE EXTERNAL TABLE t ({columns}) ROW FORMAT DELIMITED FIELDS TERMINATED BY '{delimiter}' "
        f"LOCATION 's3://{{bucket}}/t/' {table}"
    )


HEADER = "TBLPROPERTIES ('skip.header.line.count'='1')"


def test_open_csv_unquotes_and_leaves_empty_text_empty(lake: Any) -> None:
    open_csv(lake, "a string, b string", table=HEADER)
    content = 'a,b\r\n"x, ""y""",2\r\n,"esc \\" aped"\r\nonly\r\n1,2,3\r\n'
    lake.put("t/x.csv", content.encode())
    result = lake.run("SELECT a, b FROM t")
    assert result.rows == [('x, "y"', "2"), ("", 'esc " aped'), ("only", None), ("1", "2")]
    assert result.bytes_scanned == len(content)
    assert lake.run("SELECT count(*) FROM t").bytes_scanned == len(content)


def test_open_csv_ends_a_record_at_a_line_break_inside_quotes(lake: Any) -> None:
    open_csv(lake, "a string, b string")
    lake.put("t/x.csv", b'1,"two\nlines"\n3,4\n')
    assert lake.rows("SELECT a, b FROM t") == [("1", None), (None, None), ("3", "4")]


def test_open_csv_takes_its_characters_from_its_properties(lake: Any) -> None:
    open_csv(lake, "a string, b string", "'separatorChar'='|', 'quoteChar'=\"'\", 'escapeChar'='!'")
    lake.put("t/x.csv", b"'a|b'|'it!'s'\n")
    assert lake.rows("SELECT a, b FROM t") == [("a|b", "it's")]


def test_open_csv_parses_other_types_strictly(lake: Any) -> None:
    open_csv(lake, "i int, m decimal(10,2), d date, ts timestamp, b boolean, f double")
    lake.put("t/x.csv", b"1,2.505,19797,1710496923456,TRUE,1e3\n")
    assert lake.rows("SELECT * FROM t") == [("1", "2.51", "2024-03-15", "2024-03-15 10:02:03.456", "true", "1000.0")]


@pytest.mark.parametrize(
    ("declared", "field", "reason"),
    [
        ("int", "", "For input string: \"\""),
        ("int", "abc", "For input string: \"abc\""),
        ("int", "3000000000", "For input string: \"3000000000\""),
        ("double", "", "empty String"),
        ("date", "2024-03-15", "For input string: \"2024-03-15\""),
        ("decimal(4,2)", "123.45", "Cannot convert '123.45' to decimal(4,2)"),
    ],
)  # fmt: skip
def test_open_csv_fails_the_query_for_a_field_it_cannot_parse(
    lake: Any, declared: str, field: str, reason: str
) -> None:
    open_csv(lake, f"id string, x {declared}")
    lake.put("t/x.csv", f"a,{field}\n".encode())
    assert (
        lake.failure("SELECT x FROM t") == f"HIVE_BAD_DATA: Error parsing field value '{field}' for field 1: {reason}"
    )
    assert lake.rows("SELECT id FROM t") == [("a",)]


def test_lazy_simple_knows_no_quotes_and_gives_null_for_what_it_cannot_parse(lake: Any) -> None:
    simple(lake, "a string, i int, m decimal(10,2), d date, ts timestamp, b boolean")
    lake.put(
        "t/x.csv",
        b'"x",1,2.505,2024-03-15,2024-03-15 10:02:03.4567,true\n'
        b"\\N,x,y,19797,z,yes\n"
        b",,,,,\n"
        b"short\n"
        b"a,1,1.5,2024-01-01,2024-01-01 00:00:00,false,extra\n",
    )
    assert lake.rows("SELECT * FROM t") == [
        ('"x"', "1", "2.51", "2024-03-15", "2024-03-15 10:02:03.457", "true"),
        (None, None, None, None, None, None),
        ("", None, None, None, None, None),
        ("short", None, None, None, None, None),
        ("a", "1", "1.50", "2024-01-01", "2024-01-01 00:00:00.000", "false"),
    ]


# What Trino 483 reads of such fields, seen beside it.
LAX = {
    "int": {"3.7": "3", "-3.7": "-3", ".5": "0", " 2": None, "1e2": None, "": None},
    "decimal(10,2)": {"2.555": "2.56", "1e2": "100.00", " 1.5": None, "1.5 ": None},
    "double": {"1d": "1.0", " 1.5 ": "1.5", "0x1p3": "8.0", "inf": None},
    "date": {"2024-02-30": "2024-03-01", "2024-13-01": "2025-01-01", "2024-03-15 10:11:12": "2024-03-15",
             "12024-03-15": "+12024-03-15", "1-1-1": "0001-01-01", "20240315": None},
    "timestamp": {"2024-03-15": None, "2024-03-15T10:11:12": "2024-03-15 10:11:12.000",
                  "2024-3-5 1:2:3": "2024-03-05 01:02:03.000", "2024-02-30 00:00:00": "2024-03-01 00:00:00.000",
                  "2024-03-15 24:00:00": "2024-03-16 00:00:00.000", "2024-03-15 10:11": None,
                  "2024-03-15 10:11:12.9996": "2024-03-15 10:11:13.000"},
}  # fmt: skip


@pytest.mark.parametrize("declared", LAX)
def test_lazy_simple_is_as_lax_as_hives_readers(lake: Any, declared: str) -> None:
    simple(lake, f"n int, x {declared}", "|")
    lake.put("t/x.csv", "".join(f"{i}|{field}\n" for i, field in enumerate(LAX[declared])).encode())
    assert [x for _, x in lake.rows("SELECT n, x FROM t ORDER BY n")] == [*LAX[declared].values()]


def test_lazy_simple_delimiters(lake: Any) -> None:
    simple(lake, "a string, b string", "\\t", HEADER)
    lake.put("t/x.tsv", b"h\th\nx,y\tz\n")
    assert lake.rows("SELECT a, b FROM t") == [("x,y", "z")]


def test_lazy_simple_without_a_delimiter_is_control_a(lake: Any) -> None:
    lake.run("CREATE EXTERNAL TABLE t (a string, b string) LOCATION 's3://{bucket}/t/'")
    lake.put("t/x", b"x,y\x01z\n")
    assert lake.rows("SELECT a, b FROM t") == [("x,y", "z")]


def test_lazy_simple_with_an_escape_character_is_not_read(lake: Any) -> None:
    simple(lake, "a string", ",' ESCAPED BY '|")
    lake.put("t/x", b"x|,y\n")
    assert lake.failure("SELECT a FROM t") == "NOT_SUPPORTED: LazySimpleSerDe with an escape character"


def test_gzip_is_read_by_its_name_and_paid_as_stored(lake: Any) -> None:
    simple(lake, "a string, b string", table=HEADER)
    packed = gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n")
    lake.put("t/x.csv.gz", packed)
    result = lake.run("SELECT a, b FROM t")
    assert result.rows == [("1", "2"), ("3", "4")]
    assert result.bytes_scanned == len(packed)
    lake.put("t/y.csv.gz", packed[:20])
    assert lake.failure("SELECT a FROM t").startswith(
        "HIVE_CURSOR_ERROR: Failed to read file: s3://{bucket}/t/y.csv.gz"
    )


@pytest.mark.parametrize(("ending", "codec"), [("bz2", "bz2"), ("zst", "zstd")])
def test_bzip2_and_zstandard_are_read_by_their_names(lake: Any, ending: str, codec: str) -> None:
    simple(lake, "a string, b string", table=HEADER)
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, codec) as stream:
        stream.write(b"a,b\n1,2\n")
    packed = out.getvalue().to_pybytes()
    lake.put(f"t/x.csv.{ending}", packed)
    assert lake.rows("SELECT a, b FROM t") == [("1", "2")]
    lake.put(f"t/y.csv.{ending}", b"a,b\n3,4\n")
    assert lake.failure("SELECT a FROM t").startswith(
        "HIVE_CURSOR_ERROR: Failed to read file: s3://{bucket}/t/y.csv." + ending
    )


def test_the_header_is_skipped_in_each_file(lake: Any) -> None:
    simple(lake, "a string", table=HEADER)
    for name in ("x", "y"):
        lake.put(f"t/{name}.csv", f"h\n{name}\n".encode())
    lake.put("t/only_header.csv", b"h\n")
    lake.put("t/zero.csv", b"")
    assert lake.rows("SELECT a FROM t ORDER BY 1") == [("x",), ("y",)]


def test_other_serdes_are_not_read(lake: Any) -> None:
    serde = "org.apache.hadoop.hive.ql.io.orc.OrcSerde"
    lake.run(f"CREATE EXTERNAL TABLE t (a string) ROW FORMAT SERDE '{serde}' LOCATION 's3://{{bucket}}/t/'")
    assert lake.rows("SELECT * FROM t") == []
    lake.put("t/x.orc", b"ORC")
    assert lake.failure("SELECT * FROM t").startswith("NOT_SUPPORTED: Deserializer org.apache.hadoop.hive.ql.io.orc")


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ('a,"b,c",d', ["a", "b,c", "d"]),
        ('"a""b"', ['a"b']),
        ('a,bc"d"ef,g', ["a", 'bc"d"ef', "g"]),
        ('a, "b",c', ["a", 'b', "c"]),
        ('"a\\\\b"', ["a\\b"]),
        ("a\\b", ["ab"]),
        ('a,"open', ["a", None]),
        ('"",""', ["", ""]),
    ],
)  # fmt: skip
def test_opencsvs_rules_for_one_line(line: str, fields: list[str | None]) -> None:
    assert _split_quoted(line, ",", '"', "\\") == fields
