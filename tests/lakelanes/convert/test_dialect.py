"""Dialects beyond delimiter and quote, by example: encodings, what surrounds rows, how values are written."""

from __future__ import annotations

import gzip
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from lakelanes.convert import Dialect, Tuning
from tests.lakelanes.convert.support import load

HEADER = b"id,amount,day\n"
TWO_PAST = datetime(2024, 1, 2, 3, 4, 5, 250_000)
SWISS = {"thousands_separator": "'"}
GERMAN = {"decimal_separator": ",", "thousands_separator": "."}


def where(outcome: Any) -> list[tuple[int, int, str | None, str, str]]:
    return [tuple(reject.values())[1:] for reject in outcome.rejects]  # type: ignore[misc]


@pytest.mark.parametrize(
    "encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "cp500", "cp850"]
)
@pytest.mark.parametrize("block_bytes", [50, 1 << 20])
def test_files_in_other_encodings(encoding: str, block_bytes: int) -> None:
    text = 'id,amount,day\r\n"Zoë\r\nMüller",1,\r\nÅsa,x,\r\nÇa,2,\r\n' * 20
    outcome = load(text.encode(encoding), dialect=Dialect(encoding=encoding), tuning=Tuning(block_bytes=block_bytes))
    assert outcome.rows == load(text.encode()).rows
    assert outcome.rejects == load(text.encode()).rejects
    assert outcome.column("id")[:2] == ["Zoë\r\nMüller", "Ça"]


def test_a_byte_order_mark_of_utf16_is_left_out() -> None:
    text = "\ufeffid,amount,day\nЖ,1,\n"
    for encoding in ("utf-16-le", "utf-16-be"):
        assert load(text.encode(encoding), dialect=Dialect(encoding=encoding)).column("id") == ["Ж"]
    assert load(gzip.compress(text.encode("utf-16")), dialect=Dialect(encoding="UTF16")).column("id") == ["Ж"]


def test_a_byte_that_the_encoding_does_not_know_rejects_its_row_alone() -> None:
    # 0x81 is nothing in cp1252; and C3 A9, which is valid UTF-8, is two characters in it.
    data = HEADER + b"\x80,1,\nb\x81\x81,2,\n\xc3\xa9,3,\n\x81,4\n"
    outcome = load(data, dialect=Dialect(encoding="cp1252"))
    assert outcome.column("id") == ["€", "Ã©"]
    assert where(outcome) == [
        (2, 3, "id", "byte 0x81 is not valid cp1252", "b\\x81\\x81,2,"),
        (4, 5, None, "3 fields expected, 2 found", "\\x81,4"),
    ]


def test_bytes_that_happen_to_be_utf8_are_no_text_in_ascii() -> None:
    outcome = load(HEADER + "é,1,\nb,2,\n".encode(), dialect=Dialect(encoding="ascii"))
    assert where(outcome) == [(1, 2, "id", "byte 0xc3 is not valid ascii", "\\xc3\\xa9,1,")]


def test_half_a_character_of_utf16() -> None:
    data = "id,amount,day\na,1,\nb,2,".encode("utf-16-le")
    outcome = load(data + b"\x00\xd8\n\x00c\x00,\x003\x00,\x00\n\x00d", dialect=Dialect(encoding="utf-16-le"))
    assert outcome.column("id") == ["a", "c"]
    assert [(line, raw) for _, line, _, _, raw in where(outcome)] == [(3, "b,2,\\x00\\xd8"), (5, "\\x64")]


def test_a_header_that_the_encoding_does_not_know() -> None:
    outcome = load(b"id,am\x81unt,day\na,1,\n", dialect=Dialect(encoding="cp1252"))
    assert outcome.conversion.refused == "the header is not valid cp1252: 'id,am\\x81unt,day'"


def test_fields_by_position_where_there_is_no_header() -> None:
    outcome = load(b"\xef\xbb\xbfa,1,\nb,x,\n\nc,3\nd,4,\n", dialect=Dialect(header=False))
    assert outcome.column("id") == ["a", "d"]
    assert where(outcome) == [
        (2, 2, "amount", "'x' is not a decimal(10,2)", "b,x,"),
        (3, 4, None, "3 fields expected, 2 found", "c,3"),
    ]
    assert outcome.conversion.missing_columns == outcome.conversion.new_columns == ()


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_no_header_and_no_row(data: bytes) -> None:
    assert load(data, dialect=Dialect(header=False)).rows == []


def test_a_refused_file_without_a_header_has_all_rows_in_the_rejects() -> None:
    outcome = load(b"a,1,\nb,x,\n", dialect=Dialect(header=False), on_bad_rows="fail")
    assert [(line, raw) for _, line, _, _, raw in where(outcome)] == [(1, "a,1,"), (2, "b,x,")]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("block_bytes", [16, 1 << 20])
def test_rows_before_the_header_are_left_out_and_counted(line_end: str, block_bytes: int) -> None:
    lines = ['Report "of', "", "March, " + "long " * 100, "id,amount,day", "a,1,", "b,x,", ""]
    outcome = load(line_end.join(lines).encode(), dialect=Dialect(skip_rows=3), tuning=Tuning(block_bytes=block_bytes))
    assert outcome.column("id") == ["a"]
    assert where(outcome) == [(2, 6, "amount", "'x' is not a decimal(10,2)", "b,x,")]


def test_rows_before_the_first_row_of_a_file_without_a_header() -> None:
    outcome = load(b"one\r\rthree\r\na,1,\nb,x,\n", dialect=Dialect(skip_rows=3, header=False))
    assert outcome.column("id") == ["a"]
    assert where(outcome)[0][1] == 5


@pytest.mark.parametrize("data", [b"", b"one", b"one\n", b"one\ntwo", b"one\ntwo\n"])
def test_a_file_of_no_more_than_the_rows_to_skip(data: bytes) -> None:
    assert load(data, dialect=Dialect(skip_rows=2)).rows == []


@pytest.mark.parametrize("header", [HEADER, b"id,amount,day,\n"])
def test_a_delimiter_after_the_last_field(header: bytes) -> None:
    outcome = load(
        header + b'a,1,,\nb,2,\nc,3,,x\n"d",4,2024-01-01,""\ne,x,,y\n', dialect=Dialect(trailing_delimiter=True)
    )
    assert outcome.column("id") == ["a", "d"]
    assert outcome.conversion.new_columns == ()
    assert where(outcome) == [
        (2, 3, None, "3 fields and an empty last one expected, 3 found", "b,2,"),
        (3, 4, None, "the field after the last delimiter is not empty", "c,3,,x"),
        (5, 6, "amount", "'x' is not a decimal(10,2)", "e,x,,y"),
    ]


def test_a_trailing_delimiter_without_a_header() -> None:
    dialect = Dialect(trailing_delimiter=True, header=False, delimiter="|")
    assert load(b"5|a|\n|b|\n", {"n": "int", "t": "string"}, dialect=dialect).rows == [(5, "a"), (None, "b")]


@pytest.mark.parametrize("encoding", ["utf-7", "idna", "rot13", "base64", "no-such", "unicode_escape", ""])
def test_what_is_no_encoding_of_files(encoding: str) -> None:
    with pytest.raises(ValueError, match=f"encoding is {encoding!r}"):
        Dialect(encoding=encoding)


BOTH_PATHS = pytest.mark.parametrize("fast", [True, False], ids=["fast", "careful"])


@BOTH_PATHS
@pytest.mark.parametrize(
    ("options", "hive_type", "text", "value"),
    [
        ({"date_format": "%d.%m.%Y"}, "date", "29.02.2024", date(2024, 2, 29)),
        ({"date_format": "%d.%m.%Y"}, "date", " 1.2.2024 ", date(2024, 2, 1)),
        ({"date_format": "%d.%m.%Y"}, "date", "31.12.0001", date(1, 12, 31)),
        ({"date_format": "%Y%m%d"}, "date", "20240315", date(2024, 3, 15)),
        ({"date_format": "%d-%b-%y"}, "date", "15-MAR-69", date(1969, 3, 15)),
        ({"date_format": "%Y年%m月%d日"}, "date", "2024年03月15日", date(2024, 3, 15)),
        ({"date_format": "%y%j"}, "date", "24366", date(2024, 12, 31)),
        ({"timestamp_format": "%d/%m/%Y %H:%M"}, "timestamp", "01/02/2024 23:59", datetime(2024, 2, 1, 23, 59)),
        ({"timestamp_format": "%m/%d/%Y %I:%M %p"}, "timestamp", "1/2/2024 12:05 am", datetime(2024, 1, 2, 0, 5)),
        ({"timestamp_format": "%Y%m%d%H%M%S"}, "timestamp", "20240102030405", datetime(2024, 1, 2, 3, 4, 5)),
        ({"timestamp_format": "%Y.%m.%d %H:%M:%S,%f"}, "timestamp", "2024.01.02 03:04:05,25", TWO_PAST),
        ({"timestamp_format": "%Y-%m-%d %H:%M:%S.%f %z"}, "timestamp", "2024-01-02 05:04:05.25 +0200", TWO_PAST),
        ({"date_format": "%d.%m.%Y"}, "timestamp", "2024-01-02 03:04:05.25", TWO_PAST),
        ({"decimal_separator": ","}, "decimal(10,2)", "-1234,5", Decimal("-1234.50")),
        ({"decimal_separator": ","}, "double", "1,5e3", 1500.0),
        ({"decimal_separator": ","}, "float", "-inf", float("-inf")),
        ({"decimal_separator": ","}, "int", "12", 12),
        (SWISS, "decimal(10,2)", "1'234'567.80", Decimal("1234567.80")),
        (SWISS, "decimal(10,2)", "1234567.80", Decimal("1234567.80")),
        (SWISS, "bigint", "-12'345", -12345),
        (GERMAN, "decimal(10,2)", "+1.234.567,80", Decimal("1234567.80")),
        (GERMAN, "double", "1.234,5", 1234.5),
        ({"thousands_separator": "\u00a0"}, "int", "1\u00a0234", 1234),
    ],
)
def test_forms_of_values(options: dict[str, Any], hive_type: str, text: str, value: Any, fast: bool) -> None:
    types = {"x": hive_type, "y": "string"}
    outcome = load(f"x;y\n{text};\n".encode(), types, Tuning(fast=fast), dialect=Dialect(delimiter=";", **options))
    assert outcome.rows == [(value, None)], outcome.reasons()


@BOTH_PATHS
@pytest.mark.parametrize(
    ("options", "hive_type", "text", "reason"),
    [
        ({"date_format": "%d.%m.%Y"}, "date", "30.02.2024", "'30.02.2024' is not a date: there is no such day"),
        ({"date_format": "%d.%m.%Y"}, "date", "01.13.2024", "'01.13.2024' is not a date: expected %d.%m.%Y"),
        ({"date_format": "%d.%m.%Y"}, "date", "2024-01-01", "'2024-01-01' is not a date: expected %d.%m.%Y"),
        ({"date_format": "%d.%m.%Y"}, "date", "0٣.01.2024", "expected %d.%m.%Y"),
        ({"date_format": "%d.%m.%Y"}, "date", "01.01.0000", "there is no such day"),
        ({"date_format": "%Y%m%d"}, "date", "2024131", "'2024131' is not a date: expected %Y%m%d"),
        ({"timestamp_format": "%d/%m/%Y %H:%M"}, "timestamp", "01/02/2024 24:00", "expected %d/%m/%Y %H:%M"),
        ({"timestamp_format": "%d/%m/%Y %H:%M:%S"}, "timestamp", "01/02/2024 23:59:60", "there is no such time"),
        ({"timestamp_format": "%d/%m/%Y %H:%M:%S.%f"}, "timestamp", "01/02/2024 23:59:10.12345Z", "expected %d/%m"),
        ({"timestamp_format": "%d/%m/%Y %H:%M"}, "timestamp", "30/02/2024 10:00", "there is no such time"),
        ({"timestamp_format": "%d%m%Y%z"}, "timestamp", "01010001+0100", "as UTC it is outside the years"),
        ({"decimal_separator": ","}, "decimal(10,2)", "12.50", "'12.50' is not a decimal(10,2)"),
        ({"decimal_separator": ","}, "decimal(10,2)", "1,234", "'1,234' is not a decimal(10,2): 3 digits after the"),
        ({"decimal_separator": ","}, "double", "1.5", "'1.5' is not a double"),
        (SWISS, "decimal(10,2)", "12'34.5", '"12\'34.5" is not a decimal(10,2)'),
        (SWISS, "int", "'123", '"\'123" is not an int'),
        (SWISS, "int", "1234'567", '"1234\'567" is not an int'),
        (GERMAN, "decimal(10,2)", "1.23", "'1.23' is not a decimal(10,2)"),
        (GERMAN, "double", "1.5", "'1.5' is not a double"),
        (GERMAN, "smallint", "99.999", "'99.999' is not a smallint: the range is"),
        ({}, "decimal(10,2)", "1,234.5", "'1,234.5' is not a decimal(10,2)"),
    ],
)
def test_other_forms_are_refused(options: dict[str, Any], hive_type: str, text: str, reason: str, fast: bool) -> None:
    types = {"x": hive_type, "y": "string"}
    data = f"x;y\n{text};\n;\n".encode()
    outcome = load(data, types, Tuning(fast=fast), dialect=Dialect(delimiter=";", **options))
    assert outcome.rows == [(None, None)]
    assert reason in outcome.reasons()[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"date_format": "%d.%m."}, "date_format is '%d.%m.', which does not say year, month and day"),
        ({"date_format": "%d.%m.%Y %H"}, "date_format is '%d.%m.%Y %H', which has %H; known are"),
        ({"date_format": "%Y-%m-%d%"}, "which has %; known are"),
        ({"date_format": "%Y-%m-%d %Y"}, "cannot be read back"),
        ({"timestamp_format": "%d.%m.%Y %I:%M"}, "which does not say the hour: use %H, or %I with %p"),
        ({"timestamp_format": "%d.%m.%Y %Z"}, "which has %Z"),
        ({"decimal_separator": ";"}, "decimal_separator is ';', expected '.' or ','"),
        ({"thousands_separator": "."}, "thousands_separator is '.', which is the decimal_separator already"),
        ({"thousands_separator": "0"}, "thousands_separator is '0', expected one of"),
        ({"skip_rows": -1}, "skip_rows is -1, expected 0 or more"),
    ],
)
def test_forms_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=next(iter(options))) as raised:
        Dialect(**options)
    assert message in str(raised.value)
