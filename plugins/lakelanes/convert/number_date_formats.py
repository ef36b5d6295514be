"""How a dialect writes numbers, dates and timestamps, where that is not as lakelanes.convert.values says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

_OF_DATES = frozenset("YymbBdj%")
_OF_TIMESTAMPS = _OF_DATES | frozenset("HIpMSfz")
_WIDTHS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
_PLACES = {"Y": 0, "m": 5, "d": 8, "H": 11, "M": 14, "S": 17, "f": 20}
_THOUSANDS = ".,'_ \u00a0\u202f\u2019"
_ADJACENT = re.compile("%[YymdjHIMSf]%[YymdjHIMSf]")
_SAMPLE = datetime(1987, 11, 23, 17, 45, 38, 123456, UTC)

ISO_DATE, ISO_TIMESTAMP = b"0000-01-01", b"0000-01-01 00:00:00.000000"


@dataclass(frozen=True)
class FixedForm:
    """Texts of one length.

    digits: the offsets of their digits. places: where each of these belongs in ISO_TIMESTAMP.
    literals: (offset, octet) of what else they hold.
    """

    length: int
    digits: tuple[int, ...]
    places: tuple[int, ...]
    literals: tuple[tuple[int, int], ...]


def check_format(name: str, form: str, *, of_dates: bool) -> None:
    """Raises ValueError when a strptime format does not say which day, or which hour, a text means."""
    known = _OF_DATES if of_dates else _OF_TIMESTAMPS
    directives = re.findall(r"%(.?)", form, re.DOTALL)
    if unknown := [f"%{directive}" for directive in directives if directive not in known or not directive]:
        allowed = " ".join(f"%{directive}" for directive in sorted(known))
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


def read_moment(text: str, form: str) -> datetime | None:
    """What the text means in this strptime format, zones turned into UTC; None when it is of another form.

    Raises ValueError when it is of this form and there is no such time, OverflowError when there is none in UTC.
    """
    if any(character.isdigit() and not character.isascii() for character in text):
        return None
    try:
        moment = datetime.strptime(text, form)
    except ValueError as error:
        if "does not match format" in str(error) or "unconverted data" in str(error):
            return None
        raise
    if _ADJACENT.search(form) and len(text) != len(moment.replace(year=2000).strftime(form)):
        # strptime reads 2024131 as January 31st.
        return None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


@lru_cache(maxsize=64)
def fixed_forms(form: str) -> tuple[FixedForm, ...]:
    """The forms in which every field of this format has all its digits; none when it has fields of another kind."""
    tokens = re.findall(r"%.|[^%]", form, re.DOTALL)
    if any(token[0] == "%" and token[1] not in (*_WIDTHS, "f", "%") for token in tokens):
        return ()
    fractions: Sequence[int] = (0,)
    if "%f" in tokens:
        fractions = (6,) if _ADJACENT.search(form) else range(1, 7)
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
