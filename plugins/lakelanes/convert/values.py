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
array, map, struct   JSON text of that shape: see lakelanes.convert.nested    a string for a number, an unknown field

A dialect, or a column of it, may write values in forms of its own:

- Dates and timestamps in a format: they are what Python's strptime reads, ASCII digits only, all of them where fields
  follow each other without anything between. Timestamps that count from 1970-01-01 UTC: d+  d+.  d+.d+  .d+ with an
  optional sign. Where digits of a second beyond six are cut off, they are so in every form.
- Numbers with a decimal comma or a separator of thousands (between groups of exactly three digits, or left out), and
  with the marks of lakelanes.convert.number_marks: they are as above once these are taken back. A percentage that is
  read as a fraction is a hundredth of its number.
- Booleans in words of its own, in any case. They count before null values do.
- string, char and varchar without the blanks around them.

None of it applies inside an array, a map or a struct, whose JSON has forms of its own.

A text that is none of these and is one of the dialect's null values once trimmed is null, quoted or not. In string,
char and varchar, and for texts that are values of the type, only an unquoted, untrimmed null value is null, unless the
dialect says that quoted ones are, or that blanks do not count: see lakelanes.convert.null_values.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakelanes.convert.cures import cure, strange_character
from lakelanes.convert.dialect import FALSE_TEXTS, RFC_4180, TRUE_TEXTS, Dialect
from lakelanes.convert.nested import NestedMisfitError, parse_nested
from lakelanes.convert.number_date_formats import EPOCHS, LongFractionError, plain_number, read_epoch, read_moment
from lakelanes.convert.number_marks import hundredth, without_marks
from lakelanes.convert.transcode import undecodable
from lakelanes.types import HiveType, parse_type

BLANKS = " \t"
INTEGER_RANGES = {
    "tinyint": (-(2**7), 2**7 - 1),
    "smallint": (-(2**15), 2**15 - 1),
    "int": (-(2**31), 2**31 - 1),
    "bigint": (-(2**63), 2**63 - 1),
}

_INTEGER = re.compile(r"[+-]?[0-9]+")
# Possessive: a long text that is no number after all takes no time that grows with the square of its length.
_NUMBER = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
_NUMBER_PARTS = re.compile(r"([+-]?)([0-9]*)\.?([0-9]*)([eE].*)?")
_MANY_DIGITS = 10_000
_SPECIAL_FLOAT = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[ T]([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?)?(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_SHOWN = 60
_WHOLE_DECIMALS = (parse_type("decimal(18,0)"), parse_type("decimal(38,0)"))
_BEYOND_YEARS = "as UTC it is outside the years 0001-9999"
_FLOATS = frozenset({"float", "double"})
_NUMBERS = _FLOATS | {"decimal", *INTEGER_RANGES}


class ValueRefused(ValueError):
    """The text is not a value of the column's type; the message is the reason, for people."""


def parse_value(
    data: bytes, column_type: HiveType, null_values: Collection[str] = (), dialect: Dialect | None = None
) -> Any:
    """The Python value that the bytes of a field mean in a column of `column_type`, or None for null.

    null_values: the dialect's, or those of them that count here. dialect: with the column's own settings; None for a
    text that is of no CSV file.

    int, Decimal, float, bool, date, datetime (without a zone) or str; a list, pairs or a dict of them.
    Raises ValueRefused with the reason, and with the setting of the dialect that would take the text, if there is one.
    """
    forms = RFC_4180 if dialect is None else dialect
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ValueRefused(undecodable(data, error.start, forms.encoding)) from None
    trimmed = text if column_type.is_text and not forms.trim else text.strip(BLANKS)
    try:
        return _parse(trimmed, column_type, forms)
    except _MisfitError as misfit:
        if trimmed in null_values and not column_type.is_text:
            return None
        raise _refuse(trimmed, column_type, str(misfit), dialect) from None


def is_value(text: str, column_type: HiveType, dialect: Dialect) -> bool:
    """Whether the trimmed text is a value of the type, null values left aside."""
    try:
        _parse(text, column_type, dialect)
    except _MisfitError:
        return False
    return True


def _parse(text: str, column_type: HiveType, dialect: Dialect) -> Any:
    kind = column_type.kind
    if kind in _NUMBERS and not dialect.plain_numbers and not (kind in _FLOATS and _SPECIAL_FLOAT.fullmatch(text)):
        text = _plain(text, dialect)
    if kind == "boolean" and dialect.own_words:
        return _word(text, dialect)
    if kind == "date" and dialect.date_format is not None:
        return _moment(text, dialect.date_format, "day", dialect).date()
    if kind == "timestamp":
        if dialect.timestamp_format is not None:
            return _moment(text, dialect.timestamp_format, "time", dialect)
        return _timestamp(text, cut=dialect.beyond_microseconds == "cut")
    if column_type.is_nested:
        try:
            return parse_nested(text, column_type, lambda leaf, leaf_type: parse_value(leaf.encode(), leaf_type))
        except NestedMisfitError as misfit:
            raise _MisfitError(str(misfit)) from None
    return _PARSERS[kind](text, column_type)


def _plain(text: str, dialect: Dialect) -> str:
    """A number of the dialect as the parsers read it."""
    text, percentage = without_marks(text, dialect.marks) if dialect.marks.any else (text, False)
    plain = plain_number(text, dialect.decimal_separator, dialect.thousands_separator)
    if plain is not None and percentage and dialect.percent == "fraction":
        plain = hundredth(plain)
    if plain is None:
        raise _MisfitError
    return plain


def _word(text: str, dialect: Dialect) -> bool:
    lowered = text.lower()
    if lowered not in dialect.true_words | dialect.false_words:
        raise _MisfitError(f"true is {_listed(dialect.true_words)}, false is {_listed(dialect.false_words)}")
    return lowered in dialect.true_words


def _listed(words: Collection[str]) -> str:
    return " or ".join(map(repr, sorted(words)))


class _MisfitError(Exception):
    """The text is no value of the type; the message is why, where more can be said."""


def shortened(text: str) -> str:
    """What a reason shows of a text: its first 60 characters."""
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _refuse(text: str, column_type: HiveType, why: str, dialect: Dialect | None) -> ValueRefused:
    article = "an" if column_type.kind in ("int", "array") else "a"
    reasons = [strange_character(text)] if not column_type.is_text and not column_type.is_nested else []
    reasons.append(why)
    if dialect is not None:
        reasons.append(cure(text, column_type, dialect, is_value))
    said = "; ".join(filter(None, reasons))
    return ValueRefused(f"{shortened(text)!r} is not {article} {column_type.text}" + (f": {said}" if said else ""))


def _moment(text: str, form: str, what: str, dialect: Dialect) -> datetime:
    cut = dialect.beyond_microseconds == "cut"
    try:
        moment = read_epoch(text, EPOCHS[form], cut=cut) if form in EPOCHS else read_moment(text, form, cut=cut)
    except LongFractionError as long:
        raise _MisfitError(str(long)) from None
    except ValueError:
        raise _MisfitError(f"there is no such {what}") from None
    except OverflowError:
        raise _MisfitError(_BEYOND_YEARS) from None
    if moment is None:
        raise _MisfitError(f"expected {form}")
    return moment


def _characters(text: str, column_type: HiveType) -> str:
    if column_type.length is not None and len(text) > column_type.length:
        raise _MisfitError(f"it has {len(text)} characters")
    return text


def _integer(text: str, column_type: HiveType) -> int:
    if not _INTEGER.fullmatch(text):
        raise _MisfitError(_of_another_type(text))
    lowest, highest = INTEGER_RANGES[column_type.kind]
    digits = text.lstrip("+-0")
    value = int(text) if len(digits) <= 19 else highest + 1
    if not lowest <= value <= highest:
        raise _MisfitError(f"the range is {lowest} to {highest}")
    return value


def _of_another_type(text: str) -> str:
    """Which types take a number that is not written as an integer; "" for what is no number."""
    if not _NUMBER.fullmatch(text):
        return ""
    for wider in _WHOLE_DECIMALS:
        with suppress(_MisfitError):
            _decimal(text, wider)
            return f"{wider.text} takes it"
    return "decimal(p,s) or double takes it"


def _decimal(text: str, column_type: HiveType) -> Decimal:
    precision, scale = column_type.precision or 0, column_type.scale or 0
    if not _NUMBER.fullmatch(text):
        raise _MisfitError
    if len(text) > _MANY_DIGITS:
        text = _without_zeros(text)
    try:
        sign, digits, exponent = Decimal(text).as_tuple()
    except InvalidOperation:
        raise _MisfitError("its exponent is too large") from None
    significant = "".join(map(str, digits)).rstrip("0")
    if not significant:
        return Decimal(0).scaleb(-scale)
    exponent = int(exponent) + len(digits) - len(significant)
    if -exponent > scale:
        raise _MisfitError(f"{-exponent} digits after the point, {scale} allowed")
    before = len(significant.lstrip("0")) + exponent
    if before > precision - scale:
        raise _MisfitError(f"{before} digits before the point, {precision - scale} allowed")
    unscaled = int(significant) * 10 ** (exponent + scale)
    return Decimal((sign, tuple(map(int, str(unscaled))), -scale))


def _without_zeros(text: str) -> str:
    """A long number without the zeros around its digits; it takes Decimal a hundred times the memory of the text."""
    sign, whole, fraction, exponent = _NUMBER_PARTS.fullmatch(text).groups("")  # type: ignore[union-attr]
    whole, fraction = whole.lstrip("0"), fraction.rstrip("0")
    if len(whole) + len(fraction) + len(exponent) > _MANY_DIGITS:
        raise _MisfitError(f"it has {len(whole) + len(fraction)} digits")
    return f"{sign}{whole or 0}.{fraction}{exponent}"


def _float(text: str, column_type: HiveType) -> float:
    if _SPECIAL_FLOAT.fullmatch(text):
        return float(text)
    if not _NUMBER.fullmatch(text):
        raise _MisfitError
    # Arrow rounds a text to 4 bytes once; Python would round it to 8 and then to 4.
    value = float(text) if column_type.kind == "double" else float(pc.cast(pa.scalar(text), pa.float32()).as_py())
    if math.isinf(value):
        raise _MisfitError(f"it is beyond the range of {column_type.text}")
    return value


def _boolean(text: str, column_type: HiveType) -> bool:
    lowered = text.lower() if text.isascii() else text
    if lowered in TRUE_TEXTS:
        return True
    if lowered in FALSE_TEXTS:
        return False
    raise _MisfitError


def _date(text: str, column_type: HiveType) -> date:
    match = _DATE.fullmatch(text)
    if not match:
        raise _MisfitError("expected YYYY-MM-DD" + "; timestamp takes it" * bool(_TIMESTAMP.fullmatch(text)))
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise _MisfitError("there is no such day") from None


def _timestamp(text: str, *, cut: bool) -> datetime:
    match = _TIMESTAMP.fullmatch(text)
    if not match:
        raise _MisfitError("expected YYYY-MM-DD HH:MM:SS")
    year, month, day, hour, minute, second, fraction, zone = match.groups(default="")
    if len(fraction.rstrip("0")) > 6 and not cut:
        raise _MisfitError(f"{len(fraction)} digits of a second, 6 allowed")
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
        raise _MisfitError("there is no such time") from None
    if zone in ("", "Z"):
        return value
    hours, minutes = int(zone[1:3]), int(zone[3:].lstrip(":") or 0)
    if hours > 23 or minutes > 59:
        raise _MisfitError("there is no such zone")
    offset = timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)
    try:
        return value.replace(tzinfo=timezone(offset)).astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise _MisfitError(_BEYOND_YEARS) from None


_PARSERS: dict[str, Callable[[str, HiveType], Any]] = {
    **dict.fromkeys(("string", "char", "varchar"), _characters),
    **dict.fromkeys(INTEGER_RANGES, _integer),
    "decimal": _decimal,
    "float": _float,
    "double": _float,
    "boolean": _boolean,
    "date": _date,
}
