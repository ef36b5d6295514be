"""Headers: which field holds which column, and the headers that refuse their file."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from lakelanes.convert import Conversion, Dialect, SchemaPolicy, Tuning
from tests.lakelanes.convert.support import load

HEADER = b"id,amount,day\n"
JANUARY = date(2024, 1, 1)


def where(outcome: Any) -> list[tuple[int, int, str]]:
    return [(reject["record"], reject["line"], reject["raw"]) for reject in outcome.rejects]


@pytest.mark.parametrize("block_bytes", [32, 1 << 20])
def test_a_missing_column(block_bytes: int) -> None:
    outcome = load(b"id,day\n" + b'a,2024-01-01\n\n"b\nb",2024-01-02\n,\n', tuning=Tuning(block_bytes=block_bytes))
    assert outcome.conversion.refused == "missing column amount: the header has id, day"
    assert outcome.conversion.missing_columns == ("amount",)
    assert where(outcome) == [(1, 2, "a,2024-01-01"), (2, 4, '"b\nb",2024-01-02'), (3, 6, ",")]
    assert set(outcome.reasons()) == {f"the file was refused: {outcome.conversion.refused}"}


def test_a_missing_column_in_a_file_without_rows() -> None:
    outcome = load(b"id,day\n")
    assert outcome.conversion == Conversion(
        0, 0, 0, None, "missing column amount: the header has id, day", missing_columns=("amount",)
    )


def test_an_extra_column_where_they_are_an_error() -> None:
    outcome = load(b"id,amount,day,note,\na,1,2024-01-01,x,\n", schema=SchemaPolicy(new_columns="freeze"))
    assert outcome.conversion.refused is not None
    assert outcome.conversion.refused.startswith("unexpected columns note, an empty name: the header has id,")
    assert where(outcome) == [(1, 2, "a,1,2024-01-01,x,")]


def test_no_column_of_the_table_at_all() -> None:
    outcome = load(b"1,2,3\n4,5,6\n", missing_columns="null")
    assert outcome.conversion.refused == (
        "none of the table's columns (id, amount, day) is there: the header has 1, 2, 3"
    )
    assert where(outcome) == [(1, 2, "4,5,6")]


def test_a_column_named_twice() -> None:
    outcome = load(b"id,amount,day,ID\na,1,2024-01-01,b\n")
    assert outcome.conversion.refused == "the header names the column 'ID' twice"
    assert where(outcome) == [(1, 2, "a,1,2024-01-01,b")]


def test_a_name_that_no_column_needs_may_be_there_twice() -> None:
    data = b"id,x,amount,X,day,x\na,1,2,3,2024-01-01,4\n"
    outcome = load(data)
    assert outcome.rows == [("a", Decimal("2.00"), JANUARY)]
    assert outcome.conversion.new_columns == ("x", "X", "x")
    rescued = load(data, schema=SchemaPolicy(rescue=True))
    assert rescued.column("_rescued") == ['{"x":"1","X":"3","x#6":"4"}']
    unwanted = load(data, schema=SchemaPolicy(new_columns="discard_row"))
    assert unwanted.reasons() == ["'1' is in 'x', a column the table lacks"]
    evolved = load(data, schema=SchemaPolicy(new_columns="evolve")).conversion.refused
    assert evolved is not None and "'x' would be the name of 'x' too" in evolved


@pytest.mark.parametrize(
    ("line", "delimiter", "cure"),
    [
        (b"sep=;", ";", "set dialect.skip_rows to 1"),
        (b'"sep=;"', ",", "set dialect.skip_rows to 1, and dialect.delimiter to ';'"),
        (b"SEP=\t", "\t", "set dialect.skip_rows to 1"),
        (b"sep=||", "||", "set dialect.skip_rows to 1"),
    ],
)
@pytest.mark.parametrize("header", [True, False])
def test_excels_line_with_the_delimiter_is_named(line: bytes, delimiter: str, cure: str, header: bool) -> None:
    data = line + b"\r\n" + HEADER.replace(b",", delimiter.encode())
    refused = load(data, dialect=Dialect(delimiter=delimiter, header=header)).conversion.refused
    text = line.decode().strip('"')[4:]
    assert refused == f"line 1 is 'sep={text}', which tells Excel the delimiter: {cure}"


def test_a_column_may_be_called_sep() -> None:
    assert load(b"sep=x\n1\n", {"sep=x": "int"}).rows == [(1,)]
    refused = load(b"sep=xy\n1\n").conversion.refused
    assert refused == "none of the table's columns (id, amount, day) is there: the header has sep=xy"


def test_a_header_that_is_not_utf8() -> None:
    outcome = load(b"id,am\xf6unt,day\na,1,2024-01-01\n")
    assert outcome.conversion.refused == "the header is not valid UTF-8: b'id,am\\xf6unt,day'"


def test_a_header_that_does_not_end() -> None:
    outcome = load(b'id,"amount,day\na,1,2024-01-01\n')
    assert outcome.conversion.refused == "the header does not end: a quote in it is never closed"
    assert where(outcome) == [(1, 1, 'id,"amount,day'), (2, 2, "a,1,2024-01-01")]


def test_columns_are_matched_by_name_whatever_order_case_and_spaces() -> None:
    outcome = load(b' DAY ,"Amount", iD\n2024-01-01,1,a\n')
    assert outcome.rows == [("a", Decimal("1.00"), JANUARY)]


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    assert load(b"\xef\xbb\xbf" + HEADER + b"a,1,2024-01-01\n").rows == [("a", Decimal("1.00"), JANUARY)]
    assert load(b'\xef\xbb\xbf"id",amount,day\na,1,2024-01-01\n').rows == [("a", Decimal("1.00"), JANUARY)]


@pytest.mark.parametrize("fast", [True, False])
def test_a_byte_order_mark_in_the_first_row_is_a_part_of_its_first_field(fast: bool) -> None:
    data = HEADER + b"\xef\xbb\xbfa,1,\n" + b"b,x,\n"
    outcome = load(data, tuning=Tuning(fast=fast))
    assert outcome.column("id") == ["\ufeffa"]
    assert [(row["line"], row["raw"]) for row in outcome.rejects] == [(3, "b,x,")]
    short = load(HEADER + b"\xef\xbb\xbf\n", tuning=Tuning(fast=fast), dialect=Dialect(pad_short_rows=True))
    assert short.rows == [("\ufeff", None, None)]


def test_new_columns_are_left_out_and_named() -> None:
    outcome = load(b"id,note,amount,day,\na,\xff not even UTF-8,1,2024-01-01,\n")
    assert outcome.rows == [("a", Decimal("1.00"), JANUARY)]
    assert outcome.conversion.new_columns == ("note", "")


def test_a_missing_column_is_null_where_that_is_asked_for() -> None:
    outcome = load(b"day,id\n2024-01-01,a\n", missing_columns="null")
    assert outcome.rows == [("a", None, JANUARY)]
    assert outcome.conversion.missing_columns == ("amount",)
