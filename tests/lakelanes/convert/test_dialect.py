"""What a dialect says of delimiters, quotes, and what surrounds the rows, by example."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.convert import Dialect, Tuning
from tests.lakelanes.convert.support import load

HEADER = b"id,amount,day\n"


def where(outcome: Any) -> list[tuple[int, int, str | None, str, str]]:
    return [tuple(reject.values())[1:] for reject in outcome.rejects]  # type: ignore[misc]


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


@pytest.mark.parametrize("data", [b"one", b"one\n", b"one\ntwo", b"one\ntwo\n", b"\n", b"one\n\n\n\n"])
def test_a_file_of_no_more_than_the_rows_to_skip_is_refused_with_all_its_lines(data: bytes) -> None:
    lines = len(data.splitlines())
    outcome = load(data, dialect=Dialect(skip_rows=2))
    assert outcome.conversion.refused == (
        f"dialect.skip_rows is 2, but the file has {lines} line{'s'[: lines != 1]}: no header is left"
    )
    assert [(line, raw) for _, line, _, _, raw in where(outcome)] == [
        (number, line.decode()) for number, line in enumerate(data.splitlines(), 1) if line
    ]


def test_without_a_header_a_file_of_the_rows_to_skip_alone_has_no_row() -> None:
    dialect = Dialect(skip_rows=2, header=False)
    assert load(b"one\ntwo\n", dialect=dialect).rows == []
    refused = load(b"one\n", dialect=dialect).conversion.refused
    assert refused == "dialect.skip_rows is 2, but the file has 1 line: no row is left"


def test_an_empty_file_has_no_rows_to_skip() -> None:
    assert load(b"", dialect=Dialect(skip_rows=2, skip_footer=1)).rows == []


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


def test_other_delimiters_quotes_and_escapes() -> None:
    dialect = Dialect(delimiter=";", quote="'", escape="\\")
    outcome = load(b"id;amount;day\n'a;\\'b''c\\\\';1.00;\nd\\;e\\\nf;2;\ng;x;\n", dialect=dialect)
    assert outcome.column("id") == ["a;'b'c\\", "d;e\nf"]
    assert [(reject["line"], reject["raw"]) for reject in outcome.rejects] == [(5, "g;x;")]


def test_tabs_and_no_quotes_at_all() -> None:
    outcome = load(b'id\tamount\tday\n"a\t1\t\n5"\t2\t\n', dialect=Dialect(delimiter="\t", quote=None))
    assert outcome.column("id") == ['"a', '5"']


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delimiter": ""}, "delimiter is '', expected one character or several"),
        ({"quote": "“"}, "quote is '“', expected one ASCII character"),
        ({"delimiter": "\n"}, "delimiter is '\\n', which ends lines or text"),
        ({"escape": '"'}, "escape is '\"', which is the quote already"),
        ({"null_values": (None,)}, "null_values holds None, expected text"),
    ],
)
def test_an_impossible_dialect_is_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=r"delimiter|quote|escape|null_values") as raised:
        Dialect(**options)  # type: ignore[arg-type]
    assert message in str(raised.value)
