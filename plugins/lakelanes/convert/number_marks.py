"""Marks around a number that say its sign, its currency or that it is a percentage: 123.45-, (5), $12.00, 5 EUR, 12%.

Each is there once at most and only where a dialect or a column names it; they stand around the number in any order.
Blanks may stand between a currency, a percent sign or a parenthesis and what it belongs to, and nowhere else.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

# A space, a tab, U+00A0 and U+202F: French and other texts have these between a number and its currency.
_BLANKS = " \t\u00a0\u202f"
_BLANKS_RE2 = "(?:" + "|".join(_BLANKS) + ")*"
_NOT_IN_CURRENCIES = frozenset("+-()%")
_DIGITS = re.compile(r"([+-]?)([0-9]*)\.?([0-9]*)")


@dataclass(frozen=True)
class NumberMarks:
    """Which marks numbers may have.

    trailing_minus: `5-`. parentheses: `(5)` for -5. currencies: signs or codes, before the number or after it.
    percent: what `12%` is: 12 (number) or 0.12 (fraction).
    """

    trailing_minus: bool = False
    parentheses: bool = False
    currencies: tuple[str, ...] = ()
    percent: Literal["number", "fraction"] | None = None

    @cached_property
    def any(self) -> bool:
        return bool(self.trailing_minus or self.parentheses or self.currencies or self.percent)

    @cached_property
    def longest_first(self) -> tuple[str, ...]:
        """The currencies, so that US$ is found before $."""
        return tuple(sorted(self.currencies, key=lambda name: (-len(name), name)))


def check_marks(marks: NumberMarks) -> None:
    """Raises ValueError for what cannot be a currency, or a percentage."""
    for name in marks.currencies:
        if not isinstance(name, str) or not name:
            raise ValueError(f"currencies holds {name!r}, expected a sign or a code such as '$' or 'EUR'")
        if any(character.isdigit() or character in _NOT_IN_CURRENCIES for character in name):
            raise ValueError(f"currencies holds {name!r}, which has a character that numbers have")
        if name.strip(_BLANKS) != name:
            raise ValueError(
                f"currencies holds {name!r}: leave out the blanks around it, they may be there in any case"
            )
        if not any(character.isalpha() or unicodedata.category(character) == "Sc" for character in name):
            raise ValueError(f"currencies holds {name!r}, which has neither a letter nor a currency sign")
    if marks.percent not in (None, "number", "fraction"):
        raise ValueError(f"percent is {marks.percent!r}, expected 'number', 'fraction' or null")


def without_marks(text: str, marks: NumberMarks) -> tuple[str, bool]:
    """What is left of the text when its marks are taken away, its sign in front, and whether it is a percentage.

    Of a text that has a mark twice, or where it cannot be, something is left that is no number.
    """
    sign, currency, percent = "", False, False
    while True:
        if not sign and (text[:1] in ("+", "-")):
            sign, text = text[0], text[1:]
        elif not sign and marks.trailing_minus and text.endswith("-"):
            sign, text = "-", text[:-1]
        elif not sign and marks.parentheses and text.startswith("(") and text.endswith(")"):
            sign, text = "-", text[1:-1].strip(_BLANKS)
        elif not percent and marks.percent and text.endswith("%"):
            percent, text = True, text[:-1].rstrip(_BLANKS)
        elif not currency and (rest := _without_currency(text, marks)) is not None:
            currency, text = True, rest
        else:
            return sign + text, percent


def _without_currency(text: str, marks: NumberMarks) -> str | None:
    for name in marks.longest_first:
        if text.startswith(name):
            return text[len(name) :].lstrip(_BLANKS)
        if text.endswith(name):
            return text[: -len(name)].rstrip(_BLANKS)
    return None


def hundredth(number: str) -> str | None:
    """A hundredth of a number that is written with digits and a decimal point alone; None of another one."""
    match = _DIGITS.fullmatch(number)
    if match is None:
        return None
    whole = match[2].zfill(3)
    return f"{match[1]}{whole[:-2]}.{whole[-2:]}{match[3]}"


def marks_pattern(marks: NumberMarks, decimal: str, thousands: str | None) -> str:
    """A regular expression (RE2's) for the usual orders of marks, with the groups that usual_order() names.

    Of the texts that match, those are numbers as without_marks() says which have one sign and one currency at most, and
    both parentheses or none.
    """
    nothing = "(?P<{}>)"
    names = "|".join(map(re.escape, marks.longest_first))
    before = f"(?P<before>(?:(?:{names}){_BLANKS_RE2})?)" if names else nothing.format("before")
    after = f"(?P<after>(?:{_BLANKS_RE2}(?:{names}))?)" if names else nothing.format("after")
    opened = rf"(?P<opened>(?:\({_BLANKS_RE2})?)" if marks.parentheses else nothing.format("opened")
    closed = rf"(?P<closed>(?:{_BLANKS_RE2}\))?)" if marks.parentheses else nothing.format("closed")
    minus = "(?P<minus>-?)" if marks.trailing_minus else nothing.format("minus")
    percent = f"(?P<percent>(?:{_BLANKS_RE2}%)?)" if marks.percent else nothing.format("percent")
    within = "|".join(re.escape(mark) for mark in (decimal, thousands) if mark)
    number = f"(?P<number>[0-9](?:[0-9]|{within})*)"
    signs = "(?P<{}>[+-]?)"
    return (
        rf"^[ \t]*{opened}{signs.format('sign')}{before}{signs.format('sign_after')}{number}{minus}"
        rf"{percent}{after}{closed}[ \t]*$"
    )
