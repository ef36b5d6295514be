"""Athena's texts as values of SPICE."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from localaws.quicksight.values import TooLong, Unfit, converter


@pytest.mark.parametrize(
    ("kind", "subtype", "text", "value"),
    [
        ("STRING", None, "", ""),
        ("INTEGER", None, "-9223372036854775808", -(2**63)),
        ("DECIMAL", None, "1.23456", Decimal("1.2345")),
        ("DECIMAL", "FIXED", "-0.00019", Decimal("-0.0001")),
        ("DECIMAL", None, "1.0E3", Decimal("1000.0000")),
        ("DECIMAL", "FLOAT", "1.25", 1.25),
        ("DATETIME", None, "2024-02-29", datetime(2024, 2, 29)),
        ("DATETIME", None, "2024-02-29 23:59:59.250", datetime(2024, 2, 29, 23, 59, 59, 250000)),
        ("DATETIME", None, "2024-02-29 23:59:59.123456789", datetime(2024, 2, 29, 23, 59, 59, 123456)),
        ("BOOLEAN", None, "true", 1),
        ("BIT", None, "0", 0),
    ],
)
def test_a_text_is_a_value_of_its_type(kind: str, subtype: str | None, text: str, value: Any) -> None:
    made = converter(kind, subtype)(text)
    assert (made, type(made)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "subtype", "text"),
    [
        ("INTEGER", None, "1.5"),
        ("INTEGER", None, "9223372036854775808"),
        ("INTEGER", None, "seven"),
        ("DECIMAL", None, "100000000000000"),
        ("DECIMAL", None, "NaN"),
        ("DECIMAL", "FLOAT", "Infinity"),
        ("DECIMAL", "FLOAT", "many"),
        ("DATETIME", None, "2023-02-29"),
        ("DATETIME", None, "month-1"),
        ("DATETIME", None, "2024-02-29 23:59:59.000 UTC"),
        ("BOOLEAN", None, "yes"),
    ],
)
def test_what_is_no_value_of_its_type_is_unfit(kind: str, subtype: str | None, text: str) -> None:
    with pytest.raises(Unfit):
        converter(kind, subtype)(text)


def test_a_string_is_2047_characters_long_at_most() -> None:
    assert converter("STRING")("ü" * 2047) == "ü" * 2047
    with pytest.raises(TooLong):
        converter("STRING")("x" * 2048)
