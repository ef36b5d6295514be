r"""The texts that each type accepts, and the value each of them means.

This is the one definition of it. The fast paths (pyarrow's typed CSV reader, the kernels of lakelanes.convert.cast)
accept a part of these texts and leave every other one to parse_value().

Spaces and tabs around a value do not count, except in string, char and varchar, where they are part of it.
d is a digit 0-9.

type                 accepted                                                 not accepted, for example
string               any UTF-8 text
char(n), varchar(n)  UTF-8 text of at most n characters                       longer text: it is never cut
tinyint..bigint      d+ with an optional sign, within the type's range        1.0  1e3  0x1F  1,000
decimal(p,s)         d+  d+.  d+.d+  .d+ with an optional sign and exponent,  12.345 for decimal(10,2): never rounded
                     when the value fits exactly: zeros beyond the scale,     1234 for decimal(5,2)
                     and leading zeros, do not count
float, double        as decimal, to the nearest binary value; nan, inf and    1e400: it is never made infinite
                     infinity with an optional sign, in any case              1,5
boolean              true/false t/f yes/no y/n 1/0, in any case               on  2
date                 dddd-dd-dd, a day that exists in the years 0001-9999     2024-1-5  05/01/2024  20240105
timestamp            dddd-dd-dd, then nothing or, after a space or T,         2024-01-05 24:00:00
                     dd  dd:dd  dd:dd:dd  dd:dd:dd.d+; at most 6 digits of    a seventh digit other than 0
                     a second (more when they are zeros). A time may end in
                     Z, +dd, +dddd or +dd:dd: it is then stored as UTC.

A text that is none of these and is one of the dialect's null values once trimmed is null, quoted or not; in string,
char and varchar only an unquoted, untrimmed null value is null.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakelanes.types import HiveType

BLANKS = " \t"
TRUE_TEXTS = ("true", "t", "yes", "y", "1")
FALSE_TEXTS = ("false", "f", "no", "n", "0")
INTEGER_RANGES = {
    "tinyint": (-(2**7), 2**7 - 1),
    "smallint": (-(2**15), 2**15 - 1),
    "int": (-(2**31), 2**31 - 1),
    "bigint": (-(2**63), 2**63 - 1),
}

_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SPECIAL_FLOAT = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[ T]([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?)?(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_SHOWN = 60


class ValueRefused(ValueError):
    """The text is not a value of the column's type; the message is the reason, for people."""


def parse_value(data: bytes, column_type: HiveType, null_values: frozenset[str] = frozenset()) -> Any:
    """The Python value that the bytes of a field mean in a column of `column_type`, or None for null.

    int, Decimal, float, bool, date, datetime (without a zone) or str. Raises ValueRefused with the reason.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ValueRefused(f"byte 0x{data[error.start]:02x} is not valid UTF-8") from None
    if column_type.is_text:
        return _characters(text, column_type)
    trimmed = text.strip(BLANKS)
    try:
        return _PARSERS[column_type.kind](trimmed, column_type)
    except ValueRefused:
        if trimmed in null_values:
            return None
        raise


def _refuse(text: str, column_type: HiveType, why: str = "") -> ValueRefused:
    shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    article = "an" if column_type.kind == "int" else "a"
    return ValueRefused(f"{shown!r} is not {article} {column_type.text}" + (f": {why}" if why else ""))


def _characters(text: str, column_type: HiveType) -> str:
    if column_type.length is not None and len(text) > column_type.length:
        raise _refuse(text, column_type, f"it has {len(text)} characters")
    return text


def _integer(text: str, column_type: HiveType) -> int:
    if not _INTEGER.fullmatch(text):
        raise _refuse(text, column_type)
    lowest, highest = INTEGER_RANGES[column_type.kind]
    digits = text.lstrip("+-0")
    value = int(text) if len(digits) <= 19 else highest + 1
    if not lowest <= value <= highest:
        raise _refuse(text, column_type, f"the range is {lowest} to {highest}")
    return value


def _decimal(text: str, column_type: HiveType) -> Decimal:
    precision, scale = column_type.precision or 0, column_type.scale or 0
    if not _NUMBER.fullmatch(text):
        raise _refuse(text, column_type)
    try:
        sign, digits, exponent = Decimal(text).as_tuple()
    except InvalidOperation:
        raise _refuse(text, column_type, "its exponent is too large") from None
    significant = "".join(map(str, digits)).rstrip("0")
    if not significant:
        return Decimal(0).scaleb(-scale)
    exponent = int(exponent) + len(digits) - len(significant)
    if -exponent > scale:
        raise _refuse(text, column_type, f"{-exponent} digits after the point, {scale} allowed")
    before = len(significant.lstrip("0")) + exponent
    if before > precision - scale:
        raise _refuse(text, column_type, f"{before} digits before the point, {precision - scale} allowed")
    unscaled = int(significant) * 10 ** (exponent + scale)
    return Decimal((sign, tuple(map(int, str(unscaled))), -scale))


def _float(text: str, column_type: HiveType) -> float:
    if _SPECIAL_FLOAT.fullmatch(text):
        return float(text)
    if not _NUMBER.fullmatch(text):
        raise _refuse(text, column_type)
    # Arrow rounds a text to 4 bytes once; Python would round it to 8 and then to 4.
    value = float(text) if column_type.kind == "double" else float(pc.cast(pa.scalar(text), pa.float32()).as_py())
    if math.isinf(value):
        raise _refuse(text, column_type, f"it is beyond the range of {column_type.text}")
    return value


def _boolean(text: str, column_type: HiveType) -> bool:
    lowered = text.lower() if text.isascii() else text
    if lowered in TRUE_TEXTS:
        return True
    if lowered in FALSE_TEXTS:
        return False
    raise _refuse(text, column_type)


def _date(text: str, column_type: HiveType) -> date:
    match = _DATE.fullmatch(text)
    if not match:
        raise _refuse(text, column_type, "expected YYYY-MM-DD")
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise _refuse(text, column_type, "there is no such day") from None


def _timestamp(text: str, column_type: HiveType) -> datetime:
    match = _TIMESTAMP.fullmatch(text)
    if not match:
        raise _refuse(text, column_type, "expected YYYY-MM-DD HH:MM:SS")
    year, month, day, hour, minute, second, fraction, zone = match.groups(default="")
    if len(fraction.rstrip("0")) > 6:
        raise _refuse(text, column_type, f"{len(fraction)} digits of a second, 6 allowed")
    try:
        value = datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int(fraction.ljust(6, "0")[:6]),
        )
    except ValueError:
        raise _refuse(text, column_type, "there is no such time") from None
    if zone in ("", "Z"):
        return value
    hours, minutes = int(zone[1:3]), int(zone[3:].lstrip(":") or 0)
    if hours > 23 or minutes > 59:
        raise _refuse(text, column_type, "there is no such zone")
    offset = timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)
    try:
        return value.replace(tzinfo=timezone(offset)).astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise _refuse(text, column_type, "as UTC it is outside the years 0001-9999") from None


_PARSERS: dict[str, Callable[[str, HiveType], Any]] = {
    **dict.fromkeys(INTEGER_RANGES, _integer),
    "decimal": _decimal,
    "float": _float,
    "double": _float,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
}
