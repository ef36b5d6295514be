"""Athena's texts as values of SPICE, by the type that a data set declares for a column.

What does not fit skips its row: a number that is none (NUMBER_PARSE_FAILURE) or is beyond a bigint
(NUMBER_BITWIDTH_TOO_LARGE), a date that is none (MALFORMED_DATE), as
https://docs.aws.amazon.com/quicksight/latest/user/errors-spice-ingestion.html lists the reasons of skipped rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import Any

_INTEGER = re.compile(r"[+-]?\d+")
_LARGEST = 2**63 - 1
# A decimal of SPICE has four places, and 18 digits (the user guide's "Supported data types and values").
_PLACES = Decimal("0.0001")
_LONGEST_DECIMAL = Decimal(10) ** 14
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2}:\d{2}(\.\d{1,9})?)?")
# "2,047 Unicode characters for each field" (https://docs.aws.amazon.com/quicksight/latest/user/data-source-limits.html).
LONGEST_STRING = 2_047
_BOOLEANS = {"true": 1, "false": 0, "1": 1, "0": 0}


class Unfit(ValueError):
    """A text is no value of the type that its column has."""


class TooLong(ValueError):
    """A string is longer than SPICE takes; AWS's documents do not agree on whether it is cut, or its row skipped."""


def converter(kind: str, subtype: str | None = None) -> Callable[[str], Any]:
    """What makes a value of a text, or raises Unfit: str, int, Decimal, float or datetime (naive, UTC)."""
    if kind == "DECIMAL":
        return _float if subtype == "FLOAT" else _fixed
    converters: dict[str, Callable[[str], Any]] = {
        "STRING": _string,
        "INTEGER": _integer,
        "DATETIME": _datetime,
        "BOOLEAN": _boolean,
        "BIT": _boolean,
    }
    return converters[kind]


def _string(text: str) -> str:
    if len(text) > LONGEST_STRING:
        raise TooLong(text)
    return text


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise Unfit(text)
    value = int(text)
    if not -_LARGEST - 1 <= value <= _LARGEST:
        raise Unfit(text)
    return value


def _fixed(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise Unfit(text) from error
    if not value.is_finite() or abs(value) >= _LONGEST_DECIMAL:
        raise Unfit(text)
    return value.quantize(_PLACES, ROUND_DOWN)


def _float(text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise Unfit(text) from error
    if value != value or abs(value) == float("inf"):
        raise Unfit(text)
    return value


def _datetime(text: str) -> datetime:
    if not _DATE.fullmatch(text):
        raise Unfit(text)
    try:
        # SPICE keeps milliseconds at most; nobody counts on more.
        return datetime.fromisoformat(text[:26])
    except ValueError as error:
        raise Unfit(text) from error


def _boolean(text: str) -> int:
    if text not in _BOOLEANS:
        raise Unfit(text)
    return _BOOLEANS[text]
