"""Whole files, by example: what is loaded, what is set aside, and where it stood."""

from __future__ import annotations

import os
import threading
from datetime import date
from decimal import Decimal

import pytest

from lakelanes.convert import Conversion, Dialect, Reject, Tuning, threads_for_one_file
from tests.lakelanes.convert.support import SALES, csv_text, load

HEADER = b"id,amount,day\n"
JANUARY = date(2024, 1, 1)


def test_clean_rows_are_loaded_typed() -> None:
    outcome = load(HEADER + b"a,1.50,2024-01-01\nb,-2,2024-01-02\n")
    assert outcome.rows == [("a", Decimal("1.50"), JANUARY), ("b", Decimal("-2.00"), date(2024, 1, 2))]
    assert outcome.conversion == Conversion(records=2, rows_loaded=2, rows_rejected=0)


@pytest.mark.parametrize("data", [b"", b"\n", b"\r\n\r\n", b"\xef\xbb\xbf", HEADER, HEADER.rstrip(), HEADER + b"\n\n"])
def test_a_file_without_rows_gives_an_empty_table(data: bytes) -> None:
    outcome = load(data)
    assert outcome.rows == []
    assert outcome.table is not None
    assert outcome.table.column_names == list(SALES)
    assert outcome.conversion == Conversion(records=0, rows_loaded=0, rows_rejected=0)


@pytest.mark.parametrize(("cores", "threads"), [(None, 2), (1, 2), (2, 2), (3, 3), (64, 4)])
def test_a_file_that_is_alone_has_a_thread_per_core(
    monkeypatch: pytest.MonkeyPatch, cores: int | None, threads: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert threads_for_one_file() == threads


def test_a_small_file_starts_no_thread_and_a_large_one_leaves_none(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    start = threading.Thread.start

    def noted(thread: threading.Thread) -> None:
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", noted)
    load(HEADER + b"a,1,\n" * 200 + b"b,x,\n")
    assert started == []
    for last, rows in ((b"", 2000), (b"z,x,\n", None)):
        tuning = Tuning(threads=3, block_bytes=500, row_group_bytes=3000)
        outcome = load(HEADER + b"a,1,\n" * 2000 + last, tuning=tuning, max_bad_rows=0)
        assert (outcome.table and outcome.table.num_rows) == rows
    assert len(started) > 3 and not any(thread.is_alive() for thread in started)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_any_line_end_will_do(line_end: str) -> None:
    data = csv_text(("a\r\nb", "1", "2024-01-01"), ("c", "2", ""), ("d", "x", ""), line_end=line_end)
    outcome = load(data)
    assert outcome.rows == [("a\r\nb", Decimal("1.00"), JANUARY), ("c", Decimal("2.00"), None)]
    assert [(reject["record"], reject["line"]) for reject in outcome.rejects] == [(3, 5)]
    assert load(data.rstrip(b"\r\n")).rejects == outcome.rejects


def test_mixed_line_ends_are_counted_one_by_one() -> None:
    outcome = load(b"id,amount,day\r\n\na,1,\r\rb,x,\r\n\n\r\nc,y,\rd,z,")
    assert [(reject["record"], reject["line"], reject["raw"]) for reject in outcome.rejects] == [
        (2, 5, "b,x,"),
        (3, 8, "c,y,"),
        (4, 9, "d,z,"),
    ]


BROKEN = "a carriage return (CR) alone breaks the line: quote the field that holds it"


@pytest.mark.parametrize("tuning", [Tuning(threads=1), Tuning(threads=1, fast=False), Tuning(block_bytes=16)])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize(
    "line",
    [b"a,1,2024-01-01\rZ", b"a\rZ,1,2024-01-01", b"a,1\r,2024-01-01", b"a,1,\rb,2,", b"a,\r1,\rc", b'"a",1,\r"b"'],
)
def test_no_half_of_a_row_is_loaded_that_a_carriage_return_breaks(line: bytes, line_end: bytes, tuning: Tuning) -> None:
    lines = [HEADER.rstrip(), b"x,7,", line, b"y,8,", b'"q\rr",9,']
    outcome = load(line_end.join(lines) + line_end, tuning=tuning)
    assert outcome.column("id") == ["x", "y", "q\rr"]
    assert [reject["raw"] for reject in outcome.rejects] == line.decode().split("\r")
    assert set(outcome.reasons()) == {BROKEN}
    assert [reject["line"] for reject in outcome.rejects] == list(range(3, 3 + len(outcome.rejects)))
    assert load(line_end.join(lines), tuning=tuning, on_bad_rows="fail").conversion.refused is not None


def test_a_carriage_return_ends_lines_where_it_ends_the_first() -> None:
    assert load(b"id,amount,day\ra,1,\rb,2,\nc,3,\r").column("id") == ["a", "b", "c"]
    bare = Dialect(header=False)
    assert load(b"a,1,\rb,2,\nc,3,\rd,4,", dialect=bare).column("id") == ["a", "b", "c", "d"]
    assert load(b"a,1,\nb,2,\rc,3,\nd,4,\r", dialect=bare).column("id") == ["a", "d"]
    # Not between two rows: at the end of the file, and beside a blank line.
    assert load(HEADER + b"a,1,\r\r\nb,2,\n\rc,3,\n\rd,4,\r").column("id") == ["a", "b", "c", "d"]


def test_quoted_fields_keep_delimiters_quotes_and_line_ends() -> None:
    outcome = load(HEADER + b'"a,""b"", c\nd\r\ne","1.00","2024-01-01"\n')
    assert outcome.rows == [('a,"b", c\nd\r\ne', Decimal("1.00"), JANUARY)]


def test_a_record_of_empty_fields_is_a_row_and_a_blank_line_is_not() -> None:
    outcome = load(HEADER + b"\n,,\n\n,,\n")
    assert outcome.rows == [(None, None, None), (None, None, None)]


def test_in_a_file_of_one_column_a_blank_line_is_an_empty_field() -> None:
    outcome = load(b'day\n\n2024-01-01\n""\n\n', {"day": "date"})
    assert outcome.column("day") == [None, JANUARY, None, None]


def test_each_rejected_row_says_where_it_stood_and_why() -> None:
    data = (
        b"id,amount,day\n"
        b"a,1.50,2024-01-01\n"
        b"b,12.345,2024-01-01\n"
        b'"two\nlines",abc,2024-13-01\n'
        b"\n"
        b"c,1,2024-02-30\n"
        b"d,1\n"
        b'e,1,2024-01-01,"one, too many"\n'
        b"f,2.50,2024-01-02\n"
    )
    outcome = load(data)
    assert outcome.column("id") == ["a", "f"]
    columns = ("record", "line", "column", "reason", "raw")
    assert [tuple(reject[name] for name in columns) for reject in outcome.rejects] == [
        (2, 3, "amount", "'12.345' is not a decimal(10,2): 3 digits after the point, 2 allowed", "b,12.345,2024-01-01"),
        (3, 4, "amount", "'abc' is not a decimal(10,2)", '"two\nlines",abc,2024-13-01'),
        (4, 7, "day", "'2024-02-30' is not a date: there is no such day", "c,1,2024-02-30"),
        (5, 8, None, "3 fields expected, 2 found", "d,1"),
        (6, 9, None, "3 fields expected, 4 found", 'e,1,2024-01-01,"one, too many"'),
    ]
    assert outcome.conversion.first_reject == Reject(3, 2, "amount", outcome.reasons()[0], "b,12.345,2024-01-01")


def test_a_row_that_is_not_utf8_is_rejected_alone_with_its_bytes_shown() -> None:
    outcome = load(HEADER + b"a,1,\nb\xff\xfe,2,\n\xc3\xa9t\xc3\xa9,3,\nc\xff,4\n")
    assert outcome.column("id") == ["a", "été"]
    assert [(reject["line"], reject["column"], reject["reason"], reject["raw"]) for reject in outcome.rejects] == [
        (3, "id", "byte 0xff is not valid UTF-8", "b\\xff\\xfe,2,"),
        (5, None, "3 fields expected, 2 found", "c\\xff,4"),
    ]


def test_long_texts_are_shortened_in_the_reason_and_whole_in_raw() -> None:
    outcome = load(HEADER + b"a," + b"9" * 5000 + b",\nb,1,\n")
    assert outcome.reasons() == [f"'{'9' * 60}...' is not a decimal(10,2): 5000 digits before the point, 8 allowed"]
    assert outcome.rejects[0]["raw"] == "a," + "9" * 5000 + ","


@pytest.mark.parametrize("block_bytes", [64, 1 << 20])
def test_a_quote_that_is_never_closed_rejects_the_rest_line_by_line(block_bytes: int) -> None:
    outcome = load(HEADER + b'a,1,\nb,"2,\nc,3,\n\nd,4,', tuning=Tuning(block_bytes=block_bytes))
    assert outcome.column("id") == ["a"]
    reason = "a quote in the record that begins on line 3 is never closed"
    assert [tuple(reject.values())[1:] for reject in outcome.rejects] == [
        (2, 3, None, reason, 'b,"2,'),
        (3, 4, None, reason, "c,3,"),
        (4, 6, None, reason, "d,4,"),
    ]


def test_a_long_record_is_loaded_whole() -> None:
    note = "line\n" * 400_000
    outcome = load(csv_text((note, "1", ""), ("b", "x", "")))
    assert outcome.column("id") == [note]
    assert outcome.rejects[0]["line"] == 400_003


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_a_file_of_many_blocks_keeps_its_order_and_numbers(threads: int) -> None:
    """Dirty rows far apart, quoted line ends and CRLF, over hundreds of block boundaries."""
    lines = ["id,amount,day"]
    expected_rows, expected_rejects = [], []
    line = 2
    for number in range(4000):
        text, written = f"row {number}", f"row {number}"
        if number % 7 == 0:
            text = f"row\r\n{number}"
            written = f'"{text}"'
        amount = "bad" if number % 501 == 0 else f"{number}.25"
        lines.append(f"{written},{amount},2024-01-01")
        if amount == "bad":
            expected_rejects.append((number + 1, line, lines[-1]))
        else:
            expected_rows.append((text, Decimal(amount), JANUARY))
        line += 2 if number % 7 == 0 else 1
    outcome = load("\r\n".join(lines).encode(), tuning=Tuning(threads=threads, block_bytes=300, row_group_bytes=4096))
    assert outcome.rows == expected_rows
    assert [(reject["record"], reject["line"], reject["raw"]) for reject in outcome.rejects] == expected_rejects
