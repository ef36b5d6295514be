"""Quotes that are not where RFC 4180 has them: which rows they cost, and that the next one is found."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.convert import Dialect, Tuning
from lakelanes.convert.quoting import QUOTE_INSIDE, TEXT_AFTER, neutral, quote_fault
from tests.lakelanes.convert.support import load

TYPES = {"id": "int", "name": "string"}
EVERY_WAY = [Tuning(threads=1), Tuning(threads=1, fast=False), Tuning(threads=1, block_bytes=16)]


@pytest.fixture(params=EVERY_WAY, ids=["kernel", "careful", "blocks"])
def tuning(request: pytest.FixtureRequest) -> Tuning:
    return request.param  # type: ignore[no-any-return]


def found(text: str, tuning: Tuning, **options: Any) -> tuple[list[tuple[Any, ...]] | None, list[tuple[int, str, str]]]:
    """The rows that are loaded, and line, reason (as far as its colon) and raw of the others."""
    line_end = "\r" if "\r" in text and "\n" not in text else "\n"
    outcome = load(f"id,name{line_end}{text}".encode(), TYPES, tuning, dialect=Dialect(**options))
    return outcome.rows, [(row["line"], row["reason"].split(":")[0], row["raw"]) for row in outcome.rejects]


@pytest.mark.parametrize(
    "row",
    [
        '1,"3" bolt"',
        '1,"say \\"hi\\" now"',
        '"1"2,x',
        '"1" ,x',
        '1,"a"b',
        '1,""a',
        '1,"a" ""',
        '1,"a"b"c"',
        '1,"a""b"c',
        '1,"a""" "b"',
    ],
)
@pytest.mark.parametrize("quotes", ["strict", "lenient"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_text_after_a_closing_quote_costs_its_row_and_no_other(
    row: str, quotes: str, line_end: str, tuning: Tuning
) -> None:
    rows, rejects = found(line_end.join(["7,u", row, "8,v", '9,"w"', ""]), tuning, quotes=quotes)
    assert rows == [(7, "u"), (8, "v"), (9, "w")]
    assert rejects == [(3, TEXT_AFTER, row)]


@pytest.mark.parametrize("row", ['1,3" bolt', '1,a"', '1, "a"', '1,a""b', '1,4" x 4"', '1,a"b,""'])
def test_a_quote_in_a_field_that_is_not_quoted(row: str, tuning: Tuning) -> None:
    rows, rejects = found(f"7,u\n{row}\n8,v\n", tuning)
    assert (rows, rejects) == ([(7, "u"), (8, "v")], [(3, QUOTE_INSIDE, row)])
    rows, rejects = found(f"7,u\n{row}\n8,v\n", tuning, quotes="lenient")
    if row.count(",") == 1:
        assert (rows, rejects) == ([(7, "u"), (1, row[2:]), (8, "v")], [])


def test_lenient_quotes_mean_nothing_where_there_is_no_quote(tuning: Tuning) -> None:
    for quotes in ("strict", "lenient"):
        assert found('1,3" bolt\n2,"a"b\n', tuning, quote=None, quotes=quotes) == ([(1, '3" bolt'), (2, '"a"b')], [])


@pytest.mark.parametrize(
    ("swallowed", "lines"),
    [
        ('1,"a\n2,b\n3,"c"', 3),  # closed where a field begins, which is then a field
        ('1,"a\n2,b\n3,c"d', 3),
        ('1,"a\n2,"b\n3,c\nd"', 4),  # lines of a quoted field, which are no rows, also where they could be
        ('1,"a\n2,""\n3,"b"', 3),
        ('1,"a\n"b\n2,c\n",d', 4),
        ('1,"a\r"b\r2,c\r",d', 4),
        ('"1,a\n2,b\n"3",c', 3),
    ],
)
def test_a_stray_quote_costs_what_it_swallows(swallowed: str, lines: int, tuning: Tuning) -> None:
    rows, rejects = found(f"7,u\n{swallowed}\n8,v\n", tuning)
    assert rows == [(7, "u"), (8, "v")]
    assert rejects == [(3, TEXT_AFTER, swallowed)]
    outcome = load(f"id,name\n{swallowed}\n8,v\n".encode(), TYPES, tuning)
    assert outcome.reasons() == [f"{TEXT_AFTER}: the row takes {lines} lines, so a quote in it may be a stray one"]
    assert load(f"id,name\n{swallowed}\n8,v\n".encode(), TYPES, tuning, on_bad_rows="fail").rows is None


def test_a_stray_quote_without_another_one_rejects_the_rest(tuning: Tuning) -> None:
    rows, rejects = found('7,u\n1,"a,"b\n8,v\n', tuning)
    assert rows == [(7, "u")]
    assert [line for line, _, _ in rejects] == [3, 4]
    assert {reason for _, reason, _ in rejects} == {"a quote in the record that begins on line 3 is never closed"}


def test_quotes_that_are_escaped_are_none(tuning: Tuning) -> None:
    text = '1,a\\"b\n2,"a\\"b"\n3,\\"a"\n4,"a\\\\"b\n'
    rows, rejects = found(text, tuning, escape="\\")
    assert rows == [(1, 'a"b'), (2, 'a"b')]
    assert rejects == [(4, QUOTE_INSIDE, '3,\\"a"'), (5, TEXT_AFTER, '4,"a\\\\"b')]


def test_the_first_fault_of_a_row_is_its_reason() -> None:
    assert (quote_fault(b'a"b,"c"d', Dialect()) or "").startswith(QUOTE_INSIDE)
    assert quote_fault(b'"c"d,a"b', Dialect()) == TEXT_AFTER
    assert quote_fault(b'a"b,"c"d', Dialect(quotes="lenient")) == TEXT_AFTER
    assert quote_fault(b'"c","d""",,"",e', Dialect()) is None


def test_escapes_and_what_they_escape_are_neutral() -> None:
    assert neutral(b'a\\"b\\\\"c\\', Dialect(escape="\\")) == b'a\0\0b\0\0"c\\'
