"""Blanks around quotes, where the dialect says that they do not count."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.convert import Dialect, Tuning
from lakelanes.convert.quoting import beside_quotes, without_beside_quotes
from tests.lakelanes.convert.support import load

TYPES = {"id": "string", "name": "string"}
BOTH_PATHS = pytest.mark.parametrize("fast", [True, False], ids=["fast", "careful"])


def rows(text: str, fast: bool, **dialect: Any) -> tuple[Any, list[str]]:
    found = []
    for block_bytes in (16, 1 << 20):
        tuning = Tuning(fast=fast, threads=1, block_bytes=block_bytes)
        outcome = load(f"id, name\n{text}\n".encode(), TYPES, tuning, dialect=Dialect(**({"trim": True} | dialect)))
        found.append((outcome.rows, outcome.reasons()))
    assert found[0] == found[1]
    return found[0]


@BOTH_PATHS
@pytest.mark.parametrize(
    ("field", "value"),
    [
        (' "x"', "x"),
        ('"x" ', "x"),
        (' \t"a,b"\t ', "a,b"),
        (' "two\nlines" ', "two\nlines"),
        (' "say ""hi"" , ""you""" ', 'say "hi" , "you"'),
        (' "" ', ""),
        (" x y ", "x y"),
        ('"  x  "', "x"),
        ('"a, ""b"" ,c"', 'a, "b" ,c'),
        ("   ", None),
    ],
)
def test_blanks_around_a_field_do_not_count(field: str, value: Any, fast: bool) -> None:
    assert rows(f"1 ,{field}\n2,z", fast) == ([("1", value), ("2", "z")], [])
    assert rows(f"{field},1\n2,z", fast) == ([(value, "1"), ("2", "z")], [])


@BOTH_PATHS
def test_other_texts_beside_a_quote_are_faults_as_ever(fast: bool) -> None:
    found, reasons = rows('1, "x"y\n2, "x" y\n3,x "y"\n4, "z" ', fast)
    assert found == [("4", "z")]
    assert [reason[:28] for reason in reasons] == ["text after the closing quote"] * 2 + [
        "a quote in a field that is n"
    ]
    assert rows('1, "x"\n2,x "y" ', fast, quotes="lenient") == ([("1", "x"), ("2", 'x "y"')], [])


@BOTH_PATHS
def test_a_stray_quote_swallows_no_field_that_opens_after_blanks(fast: bool) -> None:
    found, reasons = rows('2,"r2\n3,r3\n4, "r4, in\ntwo lines"\n5,r5', fast)
    assert found == [("5", "r5")]
    assert reasons == ["text after the closing quote: the row takes 4 lines, so a quote in it may be a stray one"]


@BOTH_PATHS
def test_without_the_setting_blanks_are_text(fast: bool) -> None:
    found, reasons = rows('1, x \n2, "x"\n3,"x" ', fast, trim=False)
    assert found == [("1", " x ")]
    hint = "set dialect.trim to true, and blanks around quotes do not count"
    assert reasons == [f"a quote in a field that is not quoted: {hint}", f"text after the closing quote: {hint}"]
    assert hint not in rows('1, "x" y', fast, trim=False)[1][0]


@BOTH_PATHS
def test_a_delimiter_is_no_blank(fast: bool) -> None:
    outcome = load(b'id\tname\n\t "x" \n "y"\t\n', TYPES, Tuning(fast=fast), dialect=Dialect(delimiter="\t", trim=True))
    assert outcome.rows == [(None, "x"), ("y", None)]


@BOTH_PATHS
def test_an_escape_before_a_blank_or_a_quote(fast: bool) -> None:
    text = '1, "a\\" b" \n2, \\"x\\" \n3, "a\\\\" '
    assert rows(text, fast, escape="\\") == ([("1", 'a" b'), ("2", '"x"'), ("3", "a\\")], [])


@BOTH_PATHS
def test_one_column_alone_keeps_or_loses_its_blanks(fast: bool) -> None:
    types = {"a": "varchar(3)", "b": "string"}
    data = b'a,b\nCH   , x \n   DE,"y "\n'
    outcome = load(data, types, Tuning(fast=fast), own={"a": {"trim": True}})
    assert outcome.rows == [("CH", " x "), ("DE", "y ")]
    assert load(data, types, Tuning(fast=fast), dialect=Dialect(trim=True), own={"b": {"trim": False}}).rows == [
        ("CH", " x "), ("DE", "y "),
    ]  # fmt: skip


@BOTH_PATHS
def test_a_blank_after_the_last_delimiter_is_nothing(fast: bool) -> None:
    dialect = Dialect(trim=True, trailing_delimiter=True)
    outcome = load(b"id,name,\na,b, \nc,d,x \n", TYPES, Tuning(fast=fast), dialect=dialect)
    assert outcome.rows == [("a", "b")]
    assert outcome.reasons() == ["the field after the last delimiter is not empty"]


def test_only_blanks_between_a_quote_and_the_end_of_its_field_are_looked_for() -> None:
    dialect = Dialect(trim=True)
    for text, found in (('a,"b "', False), ('" ",x', False), ('a, "b"', True), ('"b" ,a', True), (' "b"', True)):
        data = bytearray(text.encode())
        assert beside_quotes(data, len(data), dialect) is found, text
        assert not beside_quotes(data, len(data), Dialect())
    assert without_beside_quotes(b' "a, ""b" , c \n"d" ', dialect) == b'"a, ""b", c \n"d"'
