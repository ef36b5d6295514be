"""How a dialect writes numbers, dates and timestamps, where that is not as lakelanes.convert.values says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_OF_DATES = frozenset("YymbBdj%")
_OF_TIMESTAMPS = _OF_DATES | frozenset("HIpMSfz")
_WIDTHS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
_PLACES = {"Y": 0, "m": 5, "d": 8, "H": 11, "M": 14, "S": 17, "f": 20}
_THOUSANDS = ".,'_ \u00a0\u202f\u2019"
_ADJACENT = re.compile("%[YymdjHIMSf]%[YymdjHIMSf]")
_DIGITS_OF = {"Y": 4, "y": 2, "m": 2, "d": 2, "j": 3, "H": 2, "I": 2, "M": 2, "S": 2}
_MICROSECOND_DIGITS = 6
# How many digits after the point a longer fraction may have for a form to know it: nanoseconds.
_LONGEST_FRACTION = 9
_EPOCH = datetime(1970, 1, 1)
_SINCE_EPOCH = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?")
# More digits than any moment before the year 10000 has, in microseconds.
_MOST_EPOCH_DIGITS = 20
_SAMPLE = datetime(1987, 11, 23, 17, 45, 38, 123456, UTC)

ISO_DATE, ISO_TIMESTAMP = b"0000-01-01", b"0000-01-01 00:00:00.000000"
ISO = "iso"
"""The name of a format: dates and timestamps as lakelanes.convert.values says."""
EPOCHS = {"epoch_seconds": 6, "epoch_milliseconds": 3, "epoch_microseconds": 0}
"""The names of formats that count from 1970-01-01 UTC, and how many digits after the point make a microsecond."""


@dataclass(frozen=True)
class FixedForm:
    """Texts of one length.

    digits: the offsets of their digits. places: where each of these belongs in ISO_TIMESTAMP, past its end for those
    that are cut off. literals: (offset, octet) of what else they hold.
    """

    length: int
    digits: tuple[int, ...]
    places: tuple[int, ...]
    literals: tuple[tuple[int, int], ...]


def check_format(name: str, form: str, *, of_dates: bool) -> None:
    """Raises ValueError when a strptime format does not say which day, or which hour, a text means."""
    if form in EPOCHS and not of_dates:
        return
    known = _OF_DATES if of_dates else _OF_TIMESTAMPS
    directives = re.findall(r"%(.?)", form, re.DOTALL)
    if unknown := [f"%{directive}" for directive in directives if directive not in known or not directive]:
        allowed = " ".join(f"%{directive}" for directive in sorted(known))
        if not of_dates:
            allowed += f"; and for what counts from 1970 there are {', '.join(map(repr, EPOCHS))}"
        raise ValueError(f"{name} is {form!r}, which has {', '.join(unknown)}; known are {allowed}")
    try:
        read = datetime.strptime(_SAMPLE.strftime(form), form)
    except (ValueError, re.error):
        raise ValueError(f"{name} is {form!r}, which cannot be read back what it writes") from None
    if read.date() != _SAMPLE.date():
        raise ValueError(f"{name} is {form!r}, which does not say year, month and day")
    if {"H", "I", "p"} & set(directives) and read.hour != _SAMPLE.hour:
        raise ValueError(f"{name} is {form!r}, which does not say the hour: use %H, or %I with %p")


def check_separators(decimal: str, thousands: str | None) -> None:
    """Raises ValueError for separators that numbers cannot have."""
    if decimal not in (".", ","):
        raise ValueError(f"decimal_separator is {decimal!r}, expected '.' or ','")
    if thousands is None:
        return
    if len(thousands) != 1 or thousands not in _THOUSANDS:
        raise ValueError(f"thousands_separator is {thousands!r}, expected one of {', '.join(map(repr, _THOUSANDS))}")
    if thousands == decimal:
        raise ValueError(f"thousands_separator is {thousands!r}, which is the decimal_separator already")


class LongFractionError(ValueError):
    """A second has more digits than a timestamp keeps; the message says how many."""


def read_moment(text: str, form: str, *, cut: bool = False) -> datetime | None:
    """What the text means in this strptime format, zones turned into UTC; None when it is of another form.

    cut: whether digits of a second beyond microseconds are left out. Zeros beyond them always are.
    Raises LongFractionError for others, ValueError when it is of this form and there is no such time, OverflowError
    when there is none in UTC.
    """
    if any(character.isdigit() and not character.isascii() for character in text):
        return None
    shortened, beyond = _without_beyond(text, form)
    moment = _read_moment(shortened, form)
    if moment is not None and beyond.strip("0") and not cut:
        raise LongFractionError(_too_many(_MICROSECOND_DIGITS + len(beyond)))
    return moment


def _read_moment(text: str, form: str) -> datetime | None:
    try:
        moment = datetime.strptime(text, form)
    except ValueError as error:
        if "does not match format" in str(error) or "unconverted data" in str(error):
            return None
        raise
    if _ADJACENT.search(form):
        # strptime reads 2024131 as January 31st. A zone may be a Z.
        shorter = len("+0000") - 1 if "%z" in form and text.endswith("Z") else 0
        if len(text) + shorter != len(moment.replace(year=2000).strftime(form)):
            return None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _too_many(digits: int) -> str:
    return f"{digits} digits of a second, {_MICROSECOND_DIGITS} allowed"


def _without_beyond(text: str, form: str) -> tuple[str, str]:
    """The text without what its fraction of a second has beyond six digits, which strptime does not read, and those."""
    place = _fraction_place(form)
    runs = list(re.finditer("[0-9]+", text)) if place is not None else []
    if place is None or len(runs) <= place[0]:
        return text, ""
    run = runs[place[0]]
    end = run.start() + place[1] + _MICROSECOND_DIGITS
    return (text[:end] + text[run.end() :], text[end : run.end()]) if end < run.end() else (text, "")


@lru_cache(maxsize=64)
def _fraction_place(form: str) -> tuple[int, int] | None:
    """How many runs of digits a text of this format has before the one with %f, and how many digits that has before %f.

    None without %f, and where the format leaves it open.
    """
    runs = width = 0
    tokens = re.findall(r"%.|[^%]", form, re.DOTALL)
    for token, after in zip(tokens, [*tokens[1:], ""], strict=True):
        if token == "%f":
            return None if after[1:] in _DIGITS_OF else (runs, width)
        if token.isdigit() or token == "%z":
            return None
        if token[1:] in _DIGITS_OF:
            width += _DIGITS_OF[token[1:]]
        elif width:
            runs, width = runs + 1, 0
    return None


def read_epoch(text: str, digits: int, *, cut: bool = False) -> datetime | None:
    """The moment so many units after 1970-01-01 UTC; None when the text is no plain number.

    digits: how many of them after the point make a microsecond. cut: whether further ones are left out.
    Raises LongFractionError for further ones, other than zeros, and OverflowError outside the years 0001 to 9999.
    """
    match = _SINCE_EPOCH.fullmatch(text)
    if match is None or not (match[2] or match[3]):
        return None
    whole, fraction = match[2].lstrip("0"), match[3] or ""
    if fraction[digits:].strip("0") and not cut:
        raise LongFractionError(_too_many(_MICROSECOND_DIGITS - digits + len(fraction)))
    if len(whole) > _MOST_EPOCH_DIGITS:
        raise OverflowError
    microseconds = int(f"{whole}{fraction[:digits].ljust(digits, '0')}" or 0)
    return _EPOCH + timedelta(microseconds=-microseconds if match[1] == "-" else microseconds)


@lru_cache(maxsize=64)
def fixed_forms(form: str, *, cut: bool = False) -> tuple[FixedForm, ...]:
    """The forms in which every field of this format has all its digits; none when it has fields of another kind.

    cut: also those with up to nine digits of a second, the last three of which have no place.
    """
    tokens = re.findall(r"%.|[^%]", form, re.DOTALL)
    if any(token[0] == "%" and token[1] not in (*_WIDTHS, "f", "%") for token in tokens):
        return ()
    fractions: range = range(1)
    if "%f" in tokens:
        fractions = range(6 if _ADJACENT.search(form) else 1, 7)
        if cut and _fraction_place(form) is not None:
            fractions = range(fractions.start, _LONGEST_FRACTION + 1)
    return tuple(_fixed_form(tokens, fraction) for fraction in fractions)


def _fixed_form(tokens: list[str], fraction: int) -> FixedForm:
    at = 0
    digits: list[int] = []
    places: list[int] = []
    literals: list[tuple[int, int]] = []
    for token in tokens:
        if token[0] == "%" and token != "%%":
            width = _WIDTHS.get(token[1], fraction)
            digits += range(at, at + width)
            places += range(_PLACES[token[1]], _PLACES[token[1]] + width)
            at += width
        else:
            for octet in (token[-1]).encode():
                literals.append((at, octet))
                at += 1
    return FixedForm(at, tuple(digits), tuple(places), tuple(literals))


@lru_cache(maxsize=64)
def number_patterns(decimal: str, thousands: str | None) -> tuple[str, str]:
    """Regular expressions for a number with these separators (Python's) and for one in groups of thousands (RE2's)."""
    point = re.escape(decimal)
    tail = rf"(?:{point}[0-9]*)?(?:[eE][+-]?[0-9]+)?"
    if thousands is None:
        return rf"[+-]?(?:[0-9]+(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?", ""
    groups = rf"[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+"
    whole = rf"(?:{groups}|[0-9]+)"
    return (
        rf"[+-]?(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?",
        rf"^[ \t]*[+-]?{groups}{tail}[ \t]*$",
    )


def plain_number(text: str, decimal: str, thousands: str | None) -> str | None:
    """The same number with a decimal point and without groups; None when it is not written with these separators."""
    if not re.fullmatch(number_patterns(decimal, thousands)[0], text):
        return None
    return (text.replace(thousands, "") if thousands else text).replace(decimal, ".")
