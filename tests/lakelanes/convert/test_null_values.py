"""Nulls in quotes, with blanks around them, and null values of one column."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from lakelanes.convert import Dialect, LoadPolicy, SchemaPolicy, Tuning
from tests.lakelanes.convert.support import load

TYPES = {"n": "int", "t": "string"}
BOTH_PATHS = pytest.mark.parametrize("fast", [True, False], ids=["fast", "careful"])


def column(name: str, text: str, fast: bool, own: dict[str, Any] | None = None, **dialect: Any) -> list[Any]:
    outcome = load(f"n,t\n{text}\n".encode(), TYPES, Tuning(fast=fast), dialect=Dialect(**dialect), own=own)
    assert outcome.rejects == []
    return outcome.column(name)


QUOTED = '1,""\n2,"NULL"\n3,"\\N"\n4," "\n5,"null"\n6,"N/A"\n7,\n8,NULL'


@BOTH_PATHS
def test_a_null_value_in_quotes_is_text_or_null(fast: bool) -> None:
    nulls = ("", "NULL", "\\N")
    assert column("t", QUOTED, fast, null_values=nulls) == ["", "NULL", "\\N", " ", "null", "N/A", None, None]
    assert column("t", QUOTED, fast, null_values=nulls, quoted_nulls=True) == [
        None, None, None, " ", "null", "N/A", None, None,
    ]  # fmt: skip


@BOTH_PATHS
def test_a_file_that_quotes_everything(fast: bool) -> None:
    text = '"","x"\n"1",""'
    assert column("n", text, fast) == [None, 1]
    assert column("t", text, fast) == ["x", ""]
    assert column("t", text, fast, {"t": {"quoted_nulls": True}}) == ["x", None]
    assert column("t", text, fast, {"t": {"quoted_nulls": False}}, quoted_nulls=True) == ["x", ""]


@BOTH_PATHS
def test_a_quoted_null_value_that_is_a_value_of_the_type_too(fast: bool) -> None:
    text = '-1,a\n"-1",b\n -1,c\n"-1 ",d'
    assert column("n", text, fast, null_values=("-1",)) == [None, -1, -1, -1]
    assert column("n", text, fast, null_values=("-1",), quoted_nulls=True) == [None, None, -1, -1]
    assert column("n", text, fast, null_values=("-1",), quoted_nulls=True, trim=True) == [None] * 4
    assert column("n", text, fast, null_values=("-1",), trim=True) == [None, -1, None, -1]


@BOTH_PATHS
def test_blanks_around_a_null_value(fast: bool) -> None:
    text = '1,  \n2,"  "\n3, NULL\t\n4," NULL "\n5,""\n6, NULL x'
    nulls = ("", "NULL")
    assert column("t", text, fast, null_values=nulls) == ["  ", "  ", " NULL\t", " NULL ", "", " NULL x"]
    assert column("t", text, fast, {"t": {"trim": True}}, null_values=nulls) == [None, "", None, "NULL", "", "NULL x"]
    both = {"t": {"trim": True, "quoted_nulls": True}}
    assert column("t", text, fast, both, null_values=nulls) == [None, None, None, None, None, "NULL x"]


@BOTH_PATHS
def test_with_an_escape_a_null_value_is_what_stands_in_the_file(fast: bool) -> None:
    text = '1,"\\N"\n2,"\\\\N"\n3, \\N \n4,\\NULL\n5,"NULL"\n6,\\ \n7,"\\NULL"'
    said: dict[str, Any] = {"escape": "\\", "null_values": ("\\N", "NULL", "")}
    assert column("t", text, fast, **said) == ["N", "\\N", " N ", "NULL", "NULL", " ", "NULL"]
    assert column("t", text, fast, **said, quoted_nulls=True) == [None, "\\N", " N ", "NULL", None, " ", "NULL"]
    assert column("t", text, fast, **said, trim=True) == ["N", "\\N", None, "NULL", "NULL", "", "NULL"]


@BOTH_PATHS
def test_a_blank_that_is_escaped_is_no_blank_around_a_null_value(fast: bool) -> None:
    assert column("t", "1,\\ \n2, \n3,\\ x ", fast, escape="\\", trim=True) == ["", None, "x"]


@BOTH_PATHS
def test_null_values_of_one_column(fast: bool) -> None:
    types = {"a": "string", "b": "string", "d": "date", "n": "int"}
    data = b"a,b,d,n\n" + b"-,-,9999-12-31,0\nNULL,NULL,2024-01-01,1\n,x,NULL,NULL\n" * 20
    own = {"b": {"null_values": ["-"]}, "d": {"null_values": ["9999-12-31", "NULL"]}, "n": {"null_values": ["0"]}}
    outcome = load(data, types, Tuning(fast=fast), dialect=Dialect(null_values=("NULL",)), own=own)
    first = [("-", None, None, None), (None, "NULL", date(2024, 1, 1), 1)]
    assert outcome.rows == first * 20
    assert set(outcome.reasons()) == {"'NULL' is not an int: add \"NULL\" to null_values"}


@BOTH_PATHS
@pytest.mark.parametrize("block_bytes", [16, 1 << 20])
def test_a_null_in_a_required_column_makes_a_bad_row(fast: bool, block_bytes: int) -> None:
    types = {"id": "string", "n": "int", "s": "array<int>"}
    data = b'id,n,s\na,1,[1]\n,2,[1]\nb,,[1]\nTotal,,\n"",3,[1]\nc,x,\nd,NULL,[1]\n'
    own = {"id": {"required": True}, "n": {"required": True}, "s": {"required": True}}
    outcome = load(data, types, Tuning(fast=fast, block_bytes=block_bytes), own=own,
                   dialect=Dialect(null_values=("", "NULL")))  # fmt: skip
    assert outcome.rows == [("a", 1, [1]), ("", 3, [1])]
    null = "the value is null, but the column is required"
    assert [(reject["line"], reject["column"], reject["reason"]) for reject in outcome.rejects] == [
        (3, "id", null),
        (4, "n", null),
        (5, "n", null),
        (7, "n", "'x' is not an int"),
        (8, "n", null),
    ]


@pytest.mark.parametrize("reaction", ["evolve", "discard_value", "discard_row", "freeze"])
def test_what_the_policy_would_make_null_is_a_bad_row_where_the_column_is_required(reaction: Any) -> None:
    policy: dict[str, Any] = {"schema": SchemaPolicy(type_misfits=reaction)}
    own = {"n": {"required": True}}
    outcome = load(b"n,t\nx,a\n1,b\n,c\n", TYPES, own=own, **policy)
    if reaction == "freeze":
        assert outcome.conversion.refused
        assert load(b"n,t\n1,b\n,c\n", TYPES, own=own, **policy).rows == [(1, "b")]
    else:
        assert outcome.rows == [(1, "b")]
        assert outcome.reasons() == ["'x' is not an int", "the value is null, but the column is required"]


def test_a_required_column_must_not_be_missing() -> None:
    missing = LoadPolicy(missing_columns="null").missing_columns
    assert load(b"t\na\n", TYPES, missing_columns=missing).rows == [(None, "a")]
    outcome = load(b"t\na\n", TYPES, missing_columns=missing, own={"n": {"required": True}})
    assert outcome.conversion.refused == "missing column n, which must not be null: the header has t"
    assert load(b"n\n1\n", TYPES, missing_columns=missing, own={"n": {"required": True}}).rows == [(1, None)]
