"""The filter language of GetPartitions, and SQLite as the judge of what it should select."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localaws.glue.expression import compile_filter
from localaws.protocol import AwsError

KEYS = [
    {"Name": "year", "Type": "string"},
    {"Name": "hour", "Type": "int"},
    {"Name": "day", "Type": "date"},
    {"Name": "price", "Type": "decimal(10,2)"},
    {"Name": "at", "Type": "timestamp"},
    {"Name": "ratio", "Type": "double"},
]
VALUES = ["2024", "9", "2024-02-29", "10.50", "2024-02-29 23:59:59.5", "0.5"]
NULL = "__HIVE_DEFAULT_PARTITION__"


def selects(text: str, values: Sequence[str] = VALUES) -> bool:
    return compile_filter(text, KEYS)(values)


def code_of(text: str, values: Sequence[str] = VALUES) -> str:
    with pytest.raises(AwsError) as caught:
        selects(text, values)
    return caught.value.code


@pytest.mark.parametrize(
    "text",
    [
        "year = '2024'",
        "year=2024",
        "YEAR >= '2023' and Year < '2025'",
        "\"year\" = '2024' OR `year` = '1999'",
        "year <> '2023'",
        "year IN ('2023', '2024')",
        "year NOT IN ('2023')",
        "year BETWEEN '2023' AND '2024' AND hour = 9",
        "NOT year BETWEEN '2000' AND '2010'",
        "year LIKE '20__' AND year LIKE '%24' AND year NOT LIKE '202'",
        "year IS NOT NULL",
        "hour < 10",
        "hour = '9'",
        "hour = 09",
        "hour > -1",
        "day > '2024-02-28' AND day <= '2024-02-29'",
        "price = 10.5",
        "price < 10.51 AND price > '10.49'",
        "at > '2024-02-29 23:59:59' AND at < '2024-02-29 23:59:59.51'",
        "(year = '1999' OR hour = 9) AND NOT (day = '2024-01-01')",
        "year = '1999' AND hour = 1 OR hour = 9",
        "NOT NOT hour = 9",
    ],
)
def test_selects(text: str) -> None:
    assert selects(text) is True


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"year = '{NULL}'", True),
        (f"year = '2024' OR year = '{NULL}'", True),
        (f"year IN ('1999', '{NULL}')", True),
        (f"year = '{NULL}' AND hour = 9", True),
        (f"NOT year = '{NULL}'", False),
        (f"year <> '{NULL}'", False),
        (f"year NOT IN ('{NULL}')", False),
        ("year = '2024'", False),
        ("year IN ('2024')", False),
        ("year IS NULL", True),
    ],
)
def test_hives_default_partition_is_found_by_its_name(text: str, found: bool) -> None:
    values = [NULL, *VALUES[1:]]
    assert selects(text, values) is found
    if NULL in text and "AND" not in text and "OR" not in text:
        assert selects(text) is not found, "and no other value is"


@pytest.mark.parametrize("key", ["hour", "day", "price", "at"])
def test_only_text_can_be_asked_for_hives_default_partition(key: str) -> None:
    # As Glue itself does: https://github.com/trinodb/trino/issues/13124
    assert code_of(f"{key} = '{NULL}'") == "InvalidInputException"


@pytest.mark.parametrize(
    "text",
    [
        "year = '2023'",
        "year = '02024'",
        "hour > 10",
        "hour IN (1, 2, 3)",
        "year LIKE '20'",
        "year IS NULL",
        "NOT hour = 9",
        "year = '2024' AND hour = 10",
        "hour = 9 AND (day = '2024-01-01' OR price = 1)",
        "at = '2024-02-29 23:59:59'",
    ],
)
def test_does_not_select(text: str) -> None:
    assert selects(text) is False


def test_a_quote_in_a_text_is_doubled() -> None:
    assert compile_filter("name = 'O''Brien'", [{"Name": "name", "Type": "string"}])(["O'Brien"])


def test_the_default_partition_is_null() -> None:
    values = [NULL, NULL, *VALUES[2:]]
    assert selects("year IS NULL AND hour IS NULL", values)
    for text in ("hour = 9", "NOT hour = 9", "hour IN (9)", "hour NOT IN (9)", "hour <> 9", "year LIKE '%'"):
        assert not selects(text, values)
    assert selects("hour = 9 OR price = 10.5", values)


@pytest.mark.parametrize(
    "text",
    [
        "2 > 1",
        "'2024' = year",
        "year = hour",
        "year == '2024'",
        "year != '2024'",
        "year = '2024' hour = 9",
        "year = '2024' AND",
        "AND year = '2024'",
        "(year = '2024'",
        "year = '2024')",
        "year IN ()",
        "year IN '2024'",
        "year BETWEEN '2023'",
        "year IS '2024'",
        "year = '2024",
        "year = NULL",
        "year = DATE '2024-01-01'",
        "year = lower('2024')",
        "year = '2024'; DROP TABLE sales",
        "year = '2024' -- AND hour = 9",
        "hour + 1 = 10",
        "year",
        "NOT",
        "(" * 2000 + "year = '2024'" + ")" * 2000,
        # Not a partition key.
        "month = '01'",
        # Literals that the key's type cannot be.
        "hour = 'nine'",
        "hour = 9.5",
        "hour IN (1, 'two')",
        "day = '2024-02-30'",
        "day = 20240229",
        "price = 'cheap'",
        "price = 'NaN'",
        "at = '2024-02-29'",
        # What the key's type does not offer.
        "hour LIKE '1%'",
        "day LIKE '2024%'",
        "ratio = 0.5",
    ],
)
def test_what_is_no_such_filter_is_invalid_input(text: str) -> None:
    assert code_of(text) == "InvalidInputException"


@pytest.mark.parametrize(("text", "index"), [("hour > 1", 1), ("day > '2024-01-01'", 2), ("price > 1", 3)])
def test_a_partition_that_is_not_of_its_keys_type_is_an_invalid_state(text: str, index: int) -> None:
    values = [*VALUES[:index], "null", *VALUES[index + 1 :]]
    assert code_of(text, values) == "InvalidStateException"
    assert selects("year = '2024'", values)


_TEXTS = st.sampled_from(["a", "b", "ab", "A", "", "%", "10", "9", "o'b"])
_NUMBERS = st.integers(-2, 12)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_comparisons = st.one_of(
    st.builds("s {} {}".format, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), _TEXTS.map(_quoted)),
    st.builds("n {} {}".format, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), _NUMBERS),
    st.builds("s {}IN ({}, {})".format, st.sampled_from(["", "NOT "]), _TEXTS.map(_quoted), _TEXTS.map(_quoted)),
    st.builds("n {}BETWEEN {} AND {}".format, st.sampled_from(["", "NOT "]), _NUMBERS, _NUMBERS),
    st.builds("s {}LIKE {}".format, st.sampled_from(["", "NOT "]), st.sampled_from(["'a%'", "'_'", "'%b'", "'%'"])),
    st.builds("{} IS {}NULL".format, st.sampled_from(["s", "n"]), st.sampled_from(["", "NOT "])),
)
_filters = st.recursive(
    _comparisons,
    lambda inner: st.one_of(
        st.builds("{} AND {}".format, inner, inner),
        st.builds("{} OR {}".format, inner, inner),
        st.builds("NOT {}".format, inner),
        st.builds("({})".format, inner),
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(text=_filters, word=st.none() | _TEXTS, number=st.none() | _NUMBERS)
def test_selects_what_sqlite_selects(text: str, word: str | None, number: int | None) -> None:
    keys = [{"Name": "s", "Type": "string"}, {"Name": "n", "Type": "bigint"}]
    values = [NULL if word is None else word, NULL if number is None else str(number)]
    with contextlib.closing(sqlite3.connect(":memory:")) as judge:
        judge.execute("PRAGMA case_sensitive_like = ON")
        judge.execute("CREATE TABLE t (s TEXT, n INTEGER)")
        judge.execute("INSERT INTO t VALUES (?, ?)", (word, number))
        expected = judge.execute(f"SELECT count(*) FROM t WHERE {text}").fetchone()[0] == 1
    assert compile_filter(text, keys)(values) is expected
