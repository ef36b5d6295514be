"""The texts each type accepts, by example, through whole conversions: on the fast path and on the careful one."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from lakelanes.convert import Dialect, Tuning
from lakelanes.convert.values import ValueRefused, parse_value
from lakelanes.types import parse_type
from tests.lakelanes.convert.support import load

BOTH_PATHS = pytest.mark.parametrize("fast", [True, False], ids=["fast", "careful"])

ACCEPTED: list[tuple[str, str, Any]] = [
    ("string", " kept as it is ", " kept as it is "),
    ("string", "naïve 日本 🙂", "naïve 日本 🙂"),
    ("string", "NULL", "NULL"),
    ("varchar(5)", "日本語日本", "日本語日本"),
    ("char(2)", "ab", "ab"),
    ("tinyint", "-128", -128),
    ("smallint", "32767", 32767),
    ("int", "+5", 5),
    ("int", " 12\t", 12),
    ("int", "007", 7),
    ("int", "-0", 0),
    ("bigint", "9223372036854775807", 2**63 - 1),
    ("bigint", "-9223372036854775808", -(2**63)),
    ("decimal(10,2)", "12.34", Decimal("12.34")),
    ("decimal(10,2)", "-12.3", Decimal("-12.30")),
    ("decimal(10,2)", " 12 ", Decimal("12.00")),
    ("decimal(10,2)", "12.3400000", Decimal("12.34")),
    ("decimal(10,2)", "00000000000000000012.34", Decimal("12.34")),
    ("decimal(10,2)", ".5", Decimal("0.50")),
    ("decimal(10,2)", "5.", Decimal("5.00")),
    ("decimal(10,2)", "1.5e3", Decimal("1500.00")),
    ("decimal(10,2)", "1500E-3", Decimal("1.50")),
    ("decimal(10,2)", "99999999.99", Decimal("99999999.99")),
    ("decimal(10,2)", "-0.00", Decimal("0.00")),
    ("decimal(38,2)", "9" * 36 + ".99", Decimal("9" * 36 + ".99")),
    ("decimal(38,38)", "0." + "0" * 37 + "1", Decimal("1e-38")),
    ("double", "0.1", 0.1),
    ("double", "+1e5", 100000.0),
    ("double", "-Infinity", float("-inf")),
    ("double", "1e-400", 0.0),
    ("float", "16777217", 16777216.0),
    ("float", "1e-50", 0.0),
    ("boolean", "TRUE", True),
    ("boolean", "nO", False),
    ("boolean", " 1 ", True),
    ("boolean", "f", False),
    ("date", "2024-02-29", date(2024, 2, 29)),
    ("date", " 0001-01-01", date(1, 1, 1)),
    ("date", "9999-12-31", date(9999, 12, 31)),
    ("timestamp", "2024-01-02", datetime(2024, 1, 2)),
    ("timestamp", "2024-01-02 03", datetime(2024, 1, 2, 3)),
    ("timestamp", "2024-01-02T03:04", datetime(2024, 1, 2, 3, 4)),
    ("timestamp", "2024-01-02 03:04:05.123456", datetime(2024, 1, 2, 3, 4, 5, 123456)),
    ("timestamp", "2024-01-02 03:04:05.1234560000", datetime(2024, 1, 2, 3, 4, 5, 123456)),
    ("timestamp", " 1969-12-31 23:59:59.999 ", datetime(1969, 12, 31, 23, 59, 59, 999000)),
    ("timestamp", "2024-01-02T03:04:05Z", datetime(2024, 1, 2, 3, 4, 5)),
    ("timestamp", "2024-01-02T03:04:05.5+02:30", datetime(2024, 1, 2, 0, 34, 5, 500000)),
    ("timestamp", "2024-01-02 23:00-0200", datetime(2024, 1, 3, 1)),
]

REFUSED = [
    ("varchar(5)", "sixsix", "'sixsix' is not a varchar(5): it has 6 characters"),
    ("char(1)", "日本", "'日本' is not a char(1): it has 2 characters"),
    ("tinyint", "128", "'128' is not a tinyint: the range is -128 to 127"),
    ("tinyint", "0xFF", "'0xFF' is not a tinyint"),
    ("smallint", "1.0", "'1.0' is not a smallint: decimal(18,0) takes it"),
    ("int", "1e3", "'1e3' is not an int"),
    ("int", "0x1F", "'0x1F' is not an int"),
    ("int", "1_000", "'1_000' is not an int"),
    ("int", "٣", "'٣' is not an int"),
    ("int", "2147483648", "'2147483648' is not an int: the range is -2147483648 to 2147483647"),
    ("bigint", "9223372036854775808", "the range is -9223372036854775808 to 9223372036854775807"),
    ("bigint", "1" * 4000, "the range is -9223372036854775808 to 9223372036854775807"),
    ("decimal(10,2)", "12.345", "'12.345' is not a decimal(10,2): 3 digits after the point, 2 allowed"),
    ("decimal(10,2)", "123456789", "'123456789' is not a decimal(10,2): 9 digits before the point, 8 allowed"),
    ("decimal(5,2)", "1234", "4 digits before the point, 3 allowed"),
    ("decimal(10,2)", "1.2.3", "'1.2.3' is not a decimal(10,2)"),
    ("decimal(10,2)", "12,50", "'12,50' is not a decimal(10,2)"),
    ("decimal(10,2)", "nan", "'nan' is not a decimal(10,2)"),
    ("decimal(10,2)", "-", "'-' is not a decimal(10,2)"),
    ("decimal(10,2)", "1e9999999999999999999999", "its exponent is too large"),
    ("decimal(18,6)", "1e-45", "45 digits after the point, 6 allowed"),
    ("decimal(38,2)", "1" * 38, "38 digits before the point, 36 allowed"),
    ("double", "1e400", "'1e400' is not a double: it is beyond the range of double"),
    ("float", "1e39", "'1e39' is not a float: it is beyond the range of float"),
    ("double", "nan(1)", "'nan(1)' is not a double"),
    ("double", "1_0", "'1_0' is not a double"),
    ("boolean", "2", "'2' is not a boolean"),
    ("boolean", "on", "'on' is not a boolean"),
    ("date", "2023-02-29", "'2023-02-29' is not a date: there is no such day"),
    ("date", "0000-01-01", "'0000-01-01' is not a date: there is no such day"),
    ("date", "2024-1-2", "'2024-1-2' is not a date: expected YYYY-MM-DD"),
    ("date", "2024-01-02 00:00:00", "expected YYYY-MM-DD"),
    ("timestamp", "2024-01-02 24:00:00", "there is no such time"),
    ("timestamp", "0000-01-01 00:00:00", "there is no such time"),
    ("timestamp", "2024-01-02 03:04:05.1234567", "7 digits of a second, 6 allowed"),
    ("timestamp", "01/02/2024", "expected YYYY-MM-DD HH:MM:SS"),
    ("timestamp", "0001-01-01 00:00+01:00", "as UTC it is outside the years 0001-9999"),
]


@BOTH_PATHS
@pytest.mark.parametrize(("hive_type", "text", "value"), ACCEPTED)
def test_accepted(hive_type: str, text: str, value: Any, fast: bool) -> None:
    outcome = load(f"x,y\n{text},\n".encode(), {"x": hive_type, "y": "string"}, Tuning(fast=fast))
    assert outcome.rows == [(value, None)]


@BOTH_PATHS
@pytest.mark.parametrize(("hive_type", "text", "reason"), REFUSED)
def test_refused_with_the_reason(hive_type: str, text: str, reason: str, fast: bool) -> None:
    quoted = f'"{text}"' if "," in text else text
    outcome = load(f"x,y\n{quoted},\n,\n".encode(), {"x": hive_type, "y": "string"}, Tuning(fast=fast))
    (reject,) = outcome.rejects
    assert reason in reject["reason"]
    assert (reject["line"], reject["column"], reject["raw"]) == (2, "x", f"{quoted},")
    assert outcome.rows == [(None, None)]


@BOTH_PATHS
def test_an_empty_field_is_null_and_a_quoted_empty_text_is_empty(fast: bool) -> None:
    outcome = load(b'x,y\n,\n"",""\n', {"x": "string", "y": "int"}, Tuning(fast=fast))
    assert outcome.rows == [(None, None), ("", None)]


@BOTH_PATHS
def test_null_values_are_null_where_the_text_is_no_value(fast: bool) -> None:
    types = {"text": "string", "number": "int", "day": "date"}
    data = b'text,number,day\nNULL,NULL,NULL\n"NULL","NULL"," NULL "\n-1,-1,2024-01-01\n"-1","-1",\n,5,2024-01-01\n'
    outcome = load(data, types, Tuning(fast=fast), dialect=Dialect(null_values=("NULL", "-1")))
    assert outcome.rows == [
        (None, None, None),
        ("NULL", None, None),
        (None, None, date(2024, 1, 1)),
        ("", 5, date(2024, 1, 1)),
    ]
    # Quoted, -1 is a number again; and the empty text is no null value here.
    assert outcome.reasons() == ["'' is not a date: expected YYYY-MM-DD; add \"\" to null_values"]


WORDS: dict[str, Any] = {"true_values": ("ja", "X", "\u2713"), "false_values": ("nein", "")}


@BOTH_PATHS
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ja", True),
        ("JA", True),
        (" Ja ", True),
        ("x", True),
        ("\u2713", True),
        ("nein", False),
        ("", False),
        ('""', False),
        ("  ", False),
        ("NULL", None),
        ('"NULL"', None),
    ],
)
def test_booleans_in_words_of_their_own(text: str, value: bool | None, fast: bool) -> None:
    dialect = Dialect(null_values=("", "NULL"), **WORDS)
    outcome = load(f"b,t\n{text},\n".encode(), {"b": "boolean", "t": "string"}, Tuning(fast=fast), dialect=dialect)
    assert outcome.rows == [(value, None)]


@BOTH_PATHS
def test_a_column_with_words_of_its_own(fast: bool) -> None:
    types = {"a": "boolean", "b": "boolean", "n": "array<boolean>"}
    data = b"a,b,n\ntrue,on,[true]\nfalse,OFF,[false]\n,,\nyes,yes,\n"
    own = {"b": {"true_values": ("on",), "false_values": ("off",)}}
    outcome = load(data, types, Tuning(fast=fast), own=own)
    assert outcome.rows == [(True, True, [True]), (False, False, [False]), (None, None, None)]
    assert outcome.reasons() == [
        "'yes' is not a boolean: true is 'on', false is 'off'; set true_values and false_values"
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"true_values": ()}, "true_values is empty, expected the texts that booleans have"),
        ({"false_values": (" no",)}, "false_values holds ' no': leave out the blanks around it"),
        ({"true_values": (1,)}, "true_values holds 1, expected text"),
        ({"true_values": ("N",)}, "true_values and false_values both hold 'n': name the texts of both"),
        ({"beyond_microseconds": "round"}, "beyond_microseconds is 'round', expected 'refuse' or 'cut'"),
    ],
)
def test_settings_of_values_that_cannot_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))) as raised:
        Dialect(**settings)
    assert message in str(raised.value)


@BOTH_PATHS
def test_nan_is_a_value(fast: bool) -> None:
    (value,) = load(b"x\n NaN\n", {"x": "double"}, Tuning(fast=fast)).column("x")
    assert value != value


@pytest.mark.parametrize("text", ["1" * 3_000_000 + "x", "0" * 3_000_000 + ".é", "1." + "0" * 3_000_000 + "x"])
@pytest.mark.parametrize("kind", ["decimal(10,2)", "double"])
def test_a_long_text_that_is_no_number_is_refused_at_once(text: str, kind: str) -> None:
    with pytest.raises(ValueRefused, match="is not a"):
        parse_value(text.encode(), parse_type(kind))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0" * 50_000 + "1.5", Decimal("1.50")),
        ("-1.5" + "0" * 50_000, Decimal("-1.50")),
        ("0" * 50_000, Decimal(0)),
        ("+" + "0" * 50_000 + ".5e1", Decimal(5)),
    ],
)
def test_zeros_around_a_number_do_not_count_however_many(text: str, value: Decimal) -> None:
    assert parse_value(text.encode(), parse_type("decimal(10,2)")) == value


def test_a_number_of_very_many_digits_is_refused_without_counting_them_apart() -> None:
    with pytest.raises(ValueRefused, match="it has 50000 digits"):
        parse_value(b"9" * 50_000, parse_type("decimal(10,2)"))
