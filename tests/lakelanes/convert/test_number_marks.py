"""Numbers with a sign behind them, in parentheses, with a currency or a percent sign, and what is no such number."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from lakelanes.convert import Dialect, Tuning
from lakelanes.convert.cast import Judge, cast_column
from lakelanes.convert.number_marks import NumberMarks, without_marks
from lakelanes.types import parse_type
from tests.lakelanes.convert.support import load

BOTH_PATHS = pytest.mark.parametrize("fast", [True, False], ids=["fast", "careful"])
MINUS, PARENTHESES = {"trailing_minus": True}, {"parentheses": True}
MONEY = {"currencies": ["$", "US$", "EUR", "Fr."]}
PERCENT, FRACTION = {"percent": "number"}, {"percent": "fraction"}
GERMAN = {"decimal_separator": ",", "thousands_separator": "."}
ALL = {**MINUS, **PARENTHESES, **MONEY, **PERCENT}


@BOTH_PATHS
@pytest.mark.parametrize(
    ("settings", "hive_type", "text", "value"),
    [
        (MINUS, "decimal(10,2)", "123.45-", Decimal("-123.45")),
        (MINUS, "int", " 7- ", -7),
        (MINUS, "double", "1e3-", -1000.0),
        (MINUS | GERMAN, "decimal(10,2)", "1.234,50-", Decimal("-1234.50")),
        (PARENTHESES, "decimal(10,2)", "(123.45)", Decimal("-123.45")),
        (PARENTHESES, "bigint", "( 12 )", -12),
        (MONEY, "decimal(10,2)", "$12.00", Decimal("12.00")),
        (MONEY, "decimal(10,2)", "US$ 12", Decimal("12.00")),
        (MONEY, "decimal(10,2)", "5 EUR", Decimal("5.00")),
        (MONEY, "decimal(10,2)", "5EUR", Decimal("5.00")),
        (MONEY, "decimal(10,2)", "12\u00a0EUR", Decimal("12.00")),
        (MONEY, "decimal(10,2)", "-$5", Decimal("-5.00")),
        (MONEY, "decimal(10,2)", "$-5", Decimal("-5.00")),
        (MONEY, "decimal(10,2)", "Fr. 5.-", None),
        (MONEY | GERMAN, "decimal(10,2)", "1.234,50 EUR", Decimal("1234.50")),
        (MONEY | PARENTHESES, "decimal(10,2)", "($5)", Decimal("-5.00")),
        (MONEY | PARENTHESES, "decimal(10,2)", "$(5)", Decimal("-5.00")),
        (MONEY | MINUS, "decimal(10,2)", "5.00- EUR", Decimal("-5.00")),
        (MONEY | MINUS, "decimal(10,2)", "Fr. 5.-", Decimal("-5.00")),
        (PERCENT, "decimal(10,2)", "12%", Decimal("12.00")),
        (PERCENT, "decimal(10,2)", "12.5 %", Decimal("12.50")),
        (PERCENT, "int", "12%", 12),
        (PERCENT, "int", "12", 12),
        (FRACTION, "decimal(10,4)", "12.25%", Decimal("0.1225")),
        (FRACTION, "decimal(10,4)", "-.5 %", Decimal("-0.0050")),
        (FRACTION, "decimal(10,4)", "1234%", Decimal("12.3400")),
        (FRACTION, "decimal(10,4)", "0.12", Decimal("0.1200")),
        (FRACTION, "double", "0.1%", 0.001),
        (FRACTION, "float", "50%", 0.5),
        (FRACTION | GERMAN, "decimal(10,4)", "1.250,5%", Decimal("12.5050")),
        (ALL, "double", "-inf", float("-inf")),
        (ALL, "decimal(10,2)", "-5 % EUR", Decimal("-5.00")),
        (ALL, "decimal(10,2)", "1e2", Decimal("100.00")),
    ],
)  # fmt: skip
def test_marks_are_read(settings: dict[str, Any], hive_type: str, text: str, value: Any, fast: bool) -> None:
    outcome = load(f"x;y\n{text};\n".encode(), {"x": hive_type, "y": "string"}, Tuning(fast=fast),
                   dialect=Dialect(delimiter=";", **settings))  # fmt: skip
    if value is None:
        assert "is not a" in outcome.reasons()[0]
    else:
        assert outcome.rows == [(value, None)], outcome.reasons()


@BOTH_PATHS
@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (ALL, "-5-"),
        (ALL, "--5"),
        (ALL, "(-5)"),
        (ALL, "(5)-"),
        (ALL, "-(5)"),
        (ALL, "(5"),
        (ALL, "5)"),
        (ALL, "((5))"),
        (ALL, "$5 EUR"),
        (ALL, "$$5"),
        (ALL, "5%%"),
        (ALL, "%5"),
        (ALL, "- 5"),
        (ALL, "5 -"),
        (ALL, "CHF 5"),
        (ALL, "5 eur"),
        (ALL, "$"),
        (ALL, "()"),
        (ALL, "%"),
        (MINUS, "(5)"),
        (PARENTHESES, "5-"),
        (MONEY, "5%"),
        (FRACTION, "1e1%"),
    ],
)
def test_a_mark_that_is_there_twice_or_was_not_named_makes_no_number(
    settings: dict[str, Any], text: str, fast: bool
) -> None:
    outcome = load(f"x\n{text}\n1\n".encode(), {"x": "decimal(10,2)"}, Tuning(fast=fast), dialect=Dialect(**settings))
    assert outcome.rows == [(Decimal(1),)]
    assert outcome.reasons()[0].startswith(f"{text!r} is not a decimal(10,2)")


def test_a_percentage_that_is_a_fraction_is_no_integer() -> None:
    outcome = load(b"x\n12%\n100%\n7\n", {"x": "int"}, dialect=Dialect(**FRACTION))  # type: ignore[arg-type]
    assert outcome.rows == [(7,)]
    assert outcome.reasons() == [
        "'12%' is not an int: decimal(p,s) or double takes it",
        "'100%' is not an int: decimal(18,0) takes it",
    ]


def test_the_sign_comes_to_the_front() -> None:
    marks = NumberMarks(trailing_minus=True, parentheses=True, currencies=("$", "US$"), percent="number")
    assert without_marks("US$ (5 %)", marks) == ("-5", True)
    assert without_marks("+7", marks) == ("+7", False)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"currencies": [""]}, "currencies holds '', expected a sign or a code such as '$' or 'EUR'"),
        ({"currencies": ["R2"]}, "currencies holds 'R2', which has a character that numbers have"),
        ({"currencies": ["%"]}, "currencies holds '%', which has a character that numbers have"),
        ({"currencies": ["EUR "]}, "currencies holds 'EUR ': leave out the blanks around it"),
        ({"currencies": ["."]}, "currencies holds '.', which has neither a letter nor a currency sign"),
        ({"percent": "half"}, "percent is 'half', expected 'number', 'fraction' or null"),
    ],
)
def test_marks_that_cannot_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))) as raised:
        Dialect(**settings)
    assert message in str(raised.value)


BEFORE = ["", "-", "+", "(", "$", "$-", "-$", "($", "$(", "(-", "--", "$ ", "( ", "- ", "US$", "$$", " "]
AFTER = ["", "-", ")", "%", " %", "$", " $", "-$", "$-", "%)", ")%", " $)", "--", " -", "%-", "%%", "Fr.", ".-", " "]
NUMBERS = ["5", "1,234", "12.50", ".5", "7.", "1e2", "0"]
SETTINGS: list[dict[str, Any]] = [
    MINUS | PARENTHESES,
    MONEY,
    ALL,
    ALL | FRACTION,
    ALL | FRACTION | {"thousands_separator": ","},
    ALL | {"decimal_separator": ",", "thousands_separator": "."},
]


@pytest.mark.parametrize("hive_type", ["int", "decimal(10,2)", "decimal(12,8)", "double"])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_every_order_of_marks_in_columns_is_read_as_the_definition_says(
    settings: dict[str, Any], hive_type: str
) -> None:
    judge = Judge(parse_type(hive_type), Dialect(**settings))
    texts = [f"{before}{number}{after}".encode() for before in BEFORE for number in NUMBERS for after in AFTER]
    cast = cast_column(pa.array(texts, pa.binary()), judge)
    read = 0
    for row, (text, value) in enumerate(zip(texts, cast.values.to_pylist(), strict=True)):
        fits, expected = judge(text)
        assert value == (expected if fits else None), text
        assert (row in cast.bad) != fits
        read += fits
    assert 10 < read < len(texts) / 2
