r"""Null values in files with an escape: `\N` is a null that an escaped `\\N` is not."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.convert import Dialect, Tuning
from lakelanes.convert.escape_marks import escape_marks
from tests.lakelanes.convert.support import load

TYPES = {"id": "int", "name": "string", "flag": "boolean"}


def rows(text: str, *nulls: str, quote: str | None = '"') -> tuple[list[tuple[Any, ...]] | None, list[str]]:
    dialect = Dialect(escape="\\", null_values=nulls, quote=quote)
    for tuning in (Tuning(threads=1), Tuning(threads=1, block_bytes=16)):
        outcome = load(f"id,name,flag\n{text}\n".encode(), TYPES, tuning, dialect=dialect)
    return outcome.rows, outcome.reasons()


@pytest.mark.parametrize(
    ("field", "name"),
    [
        (r"\N", None),
        (r"\\N", r"\N"),
        (r"\\\N", r"\N"),
        ("N", "N"),
        (r'"\N"', "N"),
        (r" \N", " N"),
        (r"a\N", "aN"),
        (r"\Na", "Na"),
        (r"\N\N", "NN"),
        ("\x1a\\N", "\x1aN"),
        (r"\,\"\n", ',"n'),
        (r"\é", "é"),
        ("", ""),
    ],
)
def test_a_null_value_with_the_escape_is_what_stands_in_the_file(field: str, name: str | None) -> None:
    assert rows(f"1,{field},t", r"\N") == ([(1, name, True)], [])


def test_of_other_types_it_may_be_quoted_or_have_spaces_around_it() -> None:
    text = '\\N,a,\\N\n"\\N",b,"\\N"\n \\N ,c,\t\\N'
    assert rows(text, r"\N") == ([(None, "a", None), (None, "b", None), (None, "c", None)], [])
    # N means false: a null must not become one.
    assert rows("1,a,N\n2,b,\\N", r"\N") == ([(1, "a", False), (2, "b", None)], [])
    assert rows(r"\\N,a,t", r"\N")[1] == [r"'\\N' is not an int"]
    assert rows(r"1\N,a,t", r"\N")[1] == ["'1N' is not an int"]


def test_an_escaped_text_is_no_null_value_in_a_string_column() -> None:
    assert rows("1,NULL,t\n2,\\NULL,t\n3,\"NULL\",t", "NULL", "") == (
        [(1, None, True), (2, "NULL", True), (3, "NULL", True)], [],
    )  # fmt: skip
    assert rows(r"\NULL,a,NULL", "NULL") == ([(None, "a", None)], [])


def test_every_null_value_counts() -> None:
    assert rows("1,\\N,t\n2,-,t\n3,\\é,t\n4,,", r"\N", "-", r"\é", "", quote=None) == (
        [(1, None, True), (2, None, True), (3, None, True), (4, None, None)], [],
    )  # fmt: skip


def test_a_mark_is_nowhere_in_the_block() -> None:
    data = bytearray(b"\x1a\x1a,\\N")
    marks = escape_marks(data, len(data), Dialect(escape="\\"), ["\\N"])
    assert marks is not None and data.find(marks.mark) < 0
    assert marks.marked(["\\N", "x"]) == (f"{marks.mark.decode()}N", "x")
    assert marks.put_into(data, len(data)) == (bytearray(b"\x1a\x1a,%b\\N" % marks.mark), len(data) + 8)


def test_marks_are_put_only_where_something_can_be_mistaken() -> None:
    data = bytearray(b"a,\\N")
    assert escape_marks(data, len(data), Dialect(escape="\\"), ["\\N"]) is not None
    assert escape_marks(data, len(data), Dialect(escape="\\"), []) is None
    assert escape_marks(data, len(data), Dialect(), ["\\N"]) is None
    assert escape_marks(data, 2, Dialect(escape="\\"), ["\\N"]) is None


@pytest.mark.parametrize("text", ["\\", "a\\", "\\N\\", "\\\\\\"])
def test_a_null_value_whose_escape_escapes_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"null_values holds .* has nothing to escape: write it twice"):
        Dialect(escape="\\", null_values=(text,))
    assert Dialect(null_values=(text,)) and Dialect(escape="\\", null_values=("\\\\", "\\N\\\\"))


def test_a_mark_is_short_whatever_the_block_holds() -> None:
    data = bytearray(b"\x1a" * 100_000 + b"\\N")
    marks = escape_marks(data, len(data), Dialect(escape="\\"), (r"\N",))
    assert marks is not None and len(marks.mark) == 8
    assert marks.put_into(data, len(data))[1] == len(data) + 8
