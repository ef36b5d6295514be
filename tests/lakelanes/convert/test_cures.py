"""A refused value says which setting would take it, and what in it people do not see."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.convert import Dialect, Tuning
from lakelanes.convert.cures import strange_character
from tests.lakelanes.convert.support import load


def reason(text: str, hive_type: str, **dialect: Any) -> str:
    """Why the text is refused, by both readers alike."""
    data = f'x;y\n"{text}";\n'.encode()
    types = {"x": hive_type, "y": "string"}
    outcomes = [
        load(data, types, Tuning(fast=fast), dialect=Dialect(delimiter=";", **dialect)) for fast in (True, False)
    ]
    assert outcomes[0].reasons() == outcomes[1].reasons()
    return outcomes[0].reasons()[0].partition(f" is not {'an' if hive_type == 'int' else 'a'} {hive_type}")[2]


@pytest.mark.parametrize(
    ("text", "hive_type", "cure"),
    [
        ("123.45-", "decimal(12,2)", ": set trailing_minus to true"),
        ("(123.45)", "decimal(12,2)", ": set parentheses to true"),
        ("$12.00", "decimal(12,2)", ': set currencies to ["$"]'),
        ("5 EUR", "decimal(12,2)", ': set currencies to ["EUR"]'),
        ("-5 EUR", "decimal(12,2)", ': set currencies to ["EUR"]'),
        ("($1,234.50)", "decimal(12,2)",
         ': set parentheses to true and currencies to ["$"] and thousands_separator to ","'),
        ("12%", "decimal(12,2)", ': set percent to "number" or set percent to "fraction"'),
        ("12,50", "decimal(12,2)", ': set decimal_separator to ","'),
        ("1,234.50", "decimal(12,2)", ': set thousands_separator to ","'),
        ("1.234,50", "decimal(12,2)", ': set decimal_separator to "," and thousands_separator to "."'),
        ("1,234", "double", ': set thousands_separator to "," or set decimal_separator to ","'),
        ("1,234", "int", ': set thousands_separator to ","'),
        ("1\u00a0234", "int", ': it has U+00A0 (NO-BREAK SPACE); set thousands_separator to "\\u00a0"'),
        ("12.345", "decimal(12,2)", ": 3 digits after the point, 2 allowed"),
        ("x", "decimal(12,2)", ""),
        ("5 apples", "int", ""),
        ("ja", "boolean", ": set true_values and false_values"),
        ("NULL", "int", ': add "NULL" to null_values'),
        ("n/a", "date", ': expected YYYY-MM-DD; add "n/a" to null_values'),
        ("-", "boolean", ': set true_values and false_values or add "-" to null_values'),
        ("0000-00-00", "date", ': there is no such day; add "0000-00-00" to null_values'),
        ("01.03.2024", "date", ': expected YYYY-MM-DD; set date_format to "%d.%m.%Y"'),
        ("01/03/2024", "date",
         ': expected YYYY-MM-DD; set date_format to "%d/%m/%Y" or set date_format to "%m/%d/%Y"'),
        ("31/03/2024", "date", ': expected YYYY-MM-DD; set date_format to "%d/%m/%Y"'),
        ("20240301", "date", ': expected YYYY-MM-DD; set date_format to "%Y%m%d"'),
        ("2024-3-5", "date", ': expected YYYY-MM-DD; set date_format to "%Y-%m-%d"'),
        ("2024-03-05 00:00:00", "date", ": expected YYYY-MM-DD; timestamp takes it"),
        ("1710487800", "timestamp", ': expected YYYY-MM-DD HH:MM:SS; set timestamp_format to "epoch_seconds"'),
        ("1710487800000", "timestamp",
         ': expected YYYY-MM-DD HH:MM:SS; set timestamp_format to "epoch_milliseconds"'),
        ("2024-03-15 07:30:00.1234567", "timestamp",
         ': 7 digits of a second, 6 allowed; set beyond_microseconds to "cut"'),
        ("2024-03-15 07:30:00,125", "timestamp",
         ': expected YYYY-MM-DD HH:MM:SS; set timestamp_format to "%Y-%m-%d %H:%M:%S,%f"'),
        ("2024-03-15 07:30:00 +0000", "timestamp",
         ': expected YYYY-MM-DD HH:MM:SS; set timestamp_format to "%Y-%m-%d %H:%M:%S %z"'),
        ("15.03.2024 7:30", "timestamp",
         ': expected YYYY-MM-DD HH:MM:SS; set timestamp_format to "%d.%m.%Y %H:%M"'),
        ("20240315T073000Z", "timestamp",
         ': expected YYYY-MM-DD HH:MM:SS; set timestamp_format to "%Y%m%dT%H%M%S%z"'),
        ("3/15/2024 07:30 PM", "timestamp",
         ': expected YYYY-MM-DD HH:MM:SS; set timestamp_format to "%m/%d/%Y %I:%M %p"'),
        ("2024-03-15-07.30.00.123456", "timestamp",
         ': expected YYYY-MM-DD HH:MM:SS; set timestamp_format to "%Y-%m-%d-%H.%M.%S.%f"'),
        ("CH   ", "varchar(3)", ": it has 5 characters; set trim to true"),
        ("CHCH ", "varchar(3)", ": it has 5 characters"),
    ],
)  # fmt: skip
def test_the_setting_that_would_take_the_text_is_named(text: str, hive_type: str, cure: str) -> None:
    assert reason(text, hive_type) == cure


@pytest.mark.parametrize(
    ("text", "hive_type", "cure"),
    [
        ("1.0", "bigint", ": decimal(18,0) takes it"),
        ("1e3", "int", ": decimal(18,0) takes it"),
        ("1" * 20 + ".0", "bigint", ": decimal(38,0) takes it"),
        ("1.5", "tinyint", ": decimal(p,s) or double takes it"),
    ],
)
def test_the_type_that_takes_a_number_is_named(text: str, hive_type: str, cure: str) -> None:
    assert reason(text, hive_type) == cure
    assert load(f"x\n{text}\n".encode(), {"x": "decimal(38,1)"}).conversion.rows_loaded == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\u22125", "it has U+2212 (MINUS SIGN)"),
        ("5\u200b", "it has U+200B (ZERO WIDTH SPACE)"),
        ("\u00a05", "it has U+00A0 (NO-BREAK SPACE)"),
        ("\uff11\uff12", "it has U+FF11 (FULLWIDTH DIGIT ONE)"),
        ("\u20135", "it has U+2013 (EN DASH)"),
        ("5\u0085", "it has U+0085 (a control character)"),
        ("5\u20ac", ""),
        ("5 kg", ""),
    ],
)
def test_what_looks_like_something_else_is_named(text: str, said: str) -> None:
    assert strange_character(text) == said
    assert reason(text, "int").startswith(f": {said}") if said else "it has" not in reason(text, "int")


def test_what_is_set_already_is_not_suggested() -> None:
    assert reason("5 EUR", "int", currencies=("$",)) == ': set currencies to ["$", "EUR"]'
    assert reason("5- EUR", "int", trailing_minus=True) == ': set currencies to ["EUR"]'
    assert reason("1.234", "double", decimal_separator=",") == ': set thousands_separator to "."'
    assert reason("7--", "tinyint", trailing_minus=True) == ""


def test_inside_json_no_setting_is_named() -> None:
    outcome = load(b'x\n"[""1-""]"\n"[""ja""]"\n', {"x": "map<int,boolean>"})
    assert [text.partition(": ")[2] for text in outcome.reasons()] == ["$: found an array, expected an object"] * 2
    (reject,) = load(b'x\n"{""1-"": true}"\n', {"x": "map<int,boolean>"}).rejects
    assert reject["reason"].endswith("is not a map<int,boolean>: $[\"1-\"]: '1-' is not an int")


def test_long_texts_are_not_looked_at() -> None:
    assert reason("1" * 70 + "-", "decimal(38,0)") == ""
