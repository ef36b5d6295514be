"""Types of columns by the texts in them. What is a value is decided by the converter's own parsers alone.

A type is proposed if every text is a value of it, or a word that other programs write for null; of several types the
narrowest that loses nothing. Numbers with a point are decimals, never binary floats, unless they have no end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from lakelanes.convert.cures import CURRENCY, CURRENCY_AFTER, NULL_TEXTS, day_formats, timestamp_settings
from lakelanes.convert.dialect import FALSE_TEXTS, TRUE_TEXTS, Dialect
from lakelanes.convert.values import is_value, parse_value
from lakelanes.types import HiveType, parse_type

_BLANKS = " \t"
_STRING, _BIGINT, _DATE, _TIMESTAMP, _DOUBLE = map(parse_type, ("string", "bigint", "date", "timestamp", "double"))
_BOOLEAN = parse_type("boolean")
_WIDEST = 38
# A decimal has one of these precisions, the first that leaves two more digits before the point than were seen.
_PRECISIONS = (12, 18, 24, 30, _WIDEST)
_HEAD_ROOM = 2
_LEAST_SCALE = 2  # amounts of money have cents, even if the samples end in .5
_SCREENED = 200
_WHOLE, _LEADING = re.compile(r"[+-]?[0-9]+"), re.compile(r"[+-]?0[0-9]")
_WORDS = (
    ("ja", "nein"), ("j", "n"), ("wahr", "falsch"), ("oui", "non"), ("o", "n"), ("vrai", "faux"), ("s\u00ed", "no"),
    ("si", "no"), ("s", "n"), ("verdadero", "falso"), ("vero", "falso"), ("sim", "n\u00e3o"), ("on", "off"),
    ("an", "aus"), ("x", "-"), ("aktiv", "inaktiv"), ("active", "inactive"), ("enabled", "disabled"),
)  # fmt: skip
# Decimal separator and separator of thousands, in the order in which they are tried.
STYLES: tuple[tuple[str, str | None], ...] = (
    (".", None), (",", None), (",", "."), (".", ","), (".", "'"), (".", "\u2019"), (",", " "), (",", "\u00a0"),
    (",", "\u202f"), (".", " "), (".", "\u00a0"), (".", "\u202f"), (".", "_"),
)  # fmt: skip
_OF_DATES = re.compile(r"dat(?:e|um)|day|\btag\b|_dt\b|\bdt\b", re.IGNORECASE)


@dataclass
class Texts:
    """The texts of a column: each with how often it is there, and on which line first."""

    name: str
    counts: dict[str, int] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def add(self, text: str, line: int) -> None:
        self.counts[text] = self.counts.get(text, 0) + 1
        self.lines.setdefault(text, line)

    @property
    def values(self) -> list[str]:
        """Those that are not empty, without blanks around them."""
        return list(dict.fromkeys(text.strip(_BLANKS) for text in self.counts if text.strip(_BLANKS)))

    @property
    def filled(self) -> int:
        return sum(count for text, count in self.counts.items() if text.strip(_BLANKS))

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def line_of(self, value: str) -> int:
        return min(line for text, line in self.lines.items() if text.strip(_BLANKS) == value)


@dataclass
class Proposal:
    """A type for a column. settings: of the dialect that it needs. nulls: words in it that mean null. widest: the text
    that decides its size. doubts: what a person has to look at. styles: separators that all its numbers may have."""

    type: HiveType
    settings: dict[str, Any] = field(default_factory=dict)
    nulls: tuple[str, ...] = ()
    widest: str | None = None
    doubts: list[str] = field(default_factory=list)
    styles: tuple[tuple[str, str | None], ...] = ()


def propose(texts: Texts, style: tuple[str, str | None] | None = None, *, day_first: bool | None = None) -> Proposal:
    """A type that takes every text of the column.

    style: how other columns of the file write numbers. day_first: whether they write the day before the month. Either
    decides where the column itself leaves it open.
    """
    values = texts.values
    if not values:
        return Proposal(_STRING, doubts=["no value is there, so nothing shows its type"])
    words = [value for value in values if value.lower() in NULL_TEXTS]
    rest = [value for value in values if value.lower() not in NULL_TEXTS]
    for real, nulls in ((values, ()), (rest, tuple(words))):
        if not real or (nulls == () and real is rest):
            continue
        for kind in (_boolean, _whole, _dates, _decimals, _timestamps, _doubles):
            found = kind(texts, real, style, day_first)
            if found is not None:
                found.nulls = nulls
                return found
        if not words:
            break
    return _text(texts, values, words)


def _text(texts: Texts, values: Sequence[str], words: Sequence[str]) -> Proposal:
    found = Proposal(_STRING)
    if words:
        shown = ", ".join(map(repr, words[:3]))
        found.doubts.append(f"{shown} is text here; if it means null, add it to null_values of this column")
    if (leading := next((value for value in values if _LEADING.match(value)), None)) and all(
        _WHOLE.fullmatch(value) for value in values
    ):
        found.widest = leading
        found.doubts.append(f"has leading zeros ({leading!r}, line {texts.line_of(leading)}), so it stays text")
    elif all(re.fullmatch(r"\+?[0-9]+", value) for value in values):
        found.doubts.append("digits that no number can hold, so they stay text")
    return found


def _fits(values: Sequence[str], kind: HiveType, dialect: Dialect) -> bool:
    """Whether all are values of the type; most types are ruled out by the first few."""
    return all(is_value(value, kind, dialect) for value in values[:_SCREENED]) and all(
        is_value(value, kind, dialect) for value in values[_SCREENED:]
    )


_PLAIN = Dialect()


def _boolean(
    texts: Texts, values: Sequence[str], style: tuple[str, str | None] | None, day_first: bool | None
) -> Proposal | None:
    if len(values) > 8:
        return None
    lowered = {value.lower() for value in values}
    usual = {word for word in TRUE_TEXTS + FALSE_TEXTS if not word.isdigit()}
    if lowered <= usual and lowered & set(TRUE_TEXTS) and lowered & set(FALSE_TEXTS):
        return Proposal(_BOOLEAN)
    if lowered <= {"true", "false"}:
        return Proposal(_BOOLEAN, doubts=[f"only {values[0]!r} is there"])
    for true, false in _WORDS:
        if lowered == {true, false}:
            return Proposal(_BOOLEAN, {"true_values": [true], "false_values": [false]})
    return None


def _whole(
    texts: Texts, values: Sequence[str], style: tuple[str, str | None] | None, day_first: bool | None
) -> Proposal | None:
    if not all(_WHOLE.fullmatch(value) for value in values):
        return None
    if any(_LEADING.match(value) or value.startswith("+") for value in values):
        form = _compact_day(texts, values)
        return form if form and not any(value.startswith("+") for value in values) else None
    if compact := _compact_day(texts, values):
        return compact
    longest = max(values, key=lambda value: len(value.lstrip("-")))
    if _fits(values, _BIGINT, _PLAIN):
        found = Proposal(_BIGINT, widest=longest)
        if set(values) == {"0", "1"}:
            found.doubts.append("only 0 and 1 are there: it may be a boolean")
        if all(re.fullmatch(r"1[0-9]{9}|1[0-9]{12}", value) for value in values):
            unit = "epoch_seconds" if len(longest) == 10 else "epoch_milliseconds"
            found.doubts.append(f"may be times: as timestamp with timestamp_format {unit!r}")
        return found
    if len(longest.lstrip("-")) <= _WIDEST:
        return Proposal(parse_type(f"decimal({_WIDEST},0)"), widest=longest)
    return None


def _compact_day(texts: Texts, values: Sequence[str]) -> Proposal | None:
    """Days of eight digits, where the column's name says that they are days."""
    if not _OF_DATES.search(texts.name):
        return None
    forms = [form for form in ("%Y%m%d", "%d%m%Y") if _fits(values, _DATE, Dialect(date_format=form))]
    if not forms or not all(len(value) == 8 for value in values):
        return None
    return Proposal(_DATE, {"date_format": forms[0]}, doubts=["days without separators, taken for such by their name"])


def _dates(
    texts: Texts, values: Sequence[str], style: tuple[str, str | None] | None, day_first: bool | None
) -> Proposal | None:
    if all(_WHOLE.fullmatch(value) for value in values):
        return None
    if _fits(values, _DATE, _PLAIN):
        return Proposal(_DATE)
    forms = [form for form in day_formats(values[0]) if _fits(values, _DATE, Dialect(date_format=form))]
    return _moment(_DATE, "date_format", [{"date_format": form} for form in forms], values, day_first)


def _timestamps(
    texts: Texts, values: Sequence[str], style: tuple[str, str | None] | None, day_first: bool | None
) -> Proposal | None:
    if all(_WHOLE.fullmatch(value) for value in values) or any(re.fullmatch(r"[-+.,0-9]+", value) for value in values):
        return None
    if _fits(values, _TIMESTAMP, _PLAIN):
        return Proposal(_TIMESTAMP)
    cut = Dialect(beyond_microseconds="cut")
    if _fits(values, _TIMESTAMP, cut):
        doubt = "digits of a second beyond the sixth are cut off; as string they would stay"
        return Proposal(_TIMESTAMP, {"beyond_microseconds": "cut"}, doubts=[doubt])
    longest = max(values, key=len)
    forms = [one for one in timestamp_settings(longest, _PLAIN) if "timestamp_format" in one]
    forms = [one for one in forms if _fits(values, _TIMESTAMP, Dialect(**one))]
    return _moment(_TIMESTAMP, "timestamp_format", forms, values, day_first)


def _moment(
    kind: HiveType, setting: str, forms: list[dict[str, Any]], values: Sequence[str], day_first: bool | None
) -> Proposal | None:
    if not forms:
        return None
    if day_first is not None:
        forms.sort(key=lambda one: is_day_first(one[setting]) is not day_first)
    found = Proposal(kind, dict(forms[0]))
    if len(forms) > 1:
        both = " and ".join(one[setting] for one in forms)
        found.doubts.append(f"{values[0]!r} and all others fit {both}: is {forms[0][setting]} right?")
    elif "%y" in forms[0][setting]:
        found.doubts.append("years of two digits: 69 to 99 are 19.., the others 20..")
    return found


def is_day_first(form: str) -> bool | None:
    """Whether a format has the day before the month; None where it begins with the year."""
    places = {letter: form.find(f"%{letter}") for letter in "dmYy"}
    if min(places["d"], places["m"]) < 0 or form.startswith(("%Y", "%y")):
        return None
    return places["d"] < places["m"]


def _decimals(
    texts: Texts, values: Sequence[str], style: tuple[str, str | None] | None, day_first: bool | None
) -> Proposal | None:
    if not all(any(one.isdigit() for one in value) for value in values[:_SCREENED]):
        return None
    if all(_WHOLE.fullmatch(value) for value in values):
        return None  # digits alone: an id with leading zeros, say
    marks = _marks(values)
    widest = parse_type(f"decimal({_WIDEST},{_WIDEST // 2})")
    fitting = tuple(one for one in STYLES if _fits(values, widest, _dialect(one, marks)))
    if not fitting or any(
        _LEADING.match(value.lstrip("+-")) and "." not in value
        for value in values
        if value[:1] == "0" and value.isdigit()
    ):
        return None
    chosen = style if style in fitting else fitting[0]
    settings = _of_style(chosen) | marks
    dialect = _dialect(chosen, marks)
    whole = all(is_value(value, _BIGINT, dialect) for value in values) and chosen[1] is not None
    if whole:
        found = Proposal(_BIGINT, {name: value for name, value in settings.items() if name != "decimal_separator"})
        found.widest = max(values, key=len)
    else:
        found = _sized(values, dialect, settings)
    if len(fitting) > 1 and (style is None or style not in fitting) and (open_ := _open(values, fitting, marks)):
        found.doubts.append(open_)
    if "percent" in marks:
        found.doubts.append("percent is 'number' (12% is 12): 'fraction' makes 0.12 of it")
    if "currencies" in marks and len(marks["currencies"]) > 1:
        found.doubts.append(f"amounts in several currencies ({', '.join(marks['currencies'])}) are in one column")
    found.styles = fitting
    return found


def _marks(values: Sequence[str]) -> dict[str, Any]:
    marks: dict[str, Any] = {}
    currencies: list[str] = []
    for value in values:
        if "(" in value:
            marks["parentheses"] = True
        if value.rstrip(" )").endswith("-") or re.search(r"[0-9]-[ \u00a0]*\D+\Z", value):
            marks["trailing_minus"] = True
        if "%" in value:
            marks["percent"] = "number"
        name = CURRENCY.match(value) or CURRENCY_AFTER.search(value)
        if name is not None and name[1] not in currencies:
            currencies.append(name[1])
    if 0 < len(currencies) <= 8:
        marks["currencies"] = currencies
    return marks


def _of_style(style: tuple[str, str | None]) -> dict[str, Any]:
    decimal, thousands = style
    return ({"decimal_separator": decimal} if decimal != "." else {}) | (
        {"thousands_separator": thousands} if thousands else {}
    )


def _dialect(style: tuple[str, str | None], marks: dict[str, Any]) -> Dialect:
    return Dialect(**(_of_style(style) | marks))


def _sized(values: Sequence[str], dialect: Dialect, settings: dict[str, Any]) -> Proposal:
    """A decimal with room for every value and some head room."""
    before = scale = 0
    longest = values[0]
    for value in values:
        digits_before, digits_after = _digits(value, dialect)
        if digits_before + max(scale, digits_after) > before + scale:
            longest = value
        before, scale = max(before, digits_before), max(scale, digits_after)
    scale = max(scale, _LEAST_SCALE)
    fitting = (one for one in _PRECISIONS if one - scale >= before + _HEAD_ROOM)
    precision = next(fitting, _WIDEST)
    return Proposal(parse_type(f"decimal({precision},{scale})"), settings, widest=longest)


def _digits(value: str, dialect: Dialect) -> tuple[int, int]:
    """How many digits stand before the point of a number and after it, as it is written."""
    kind = parse_type(f"decimal({_WIDEST},{_WIDEST // 2})")
    number: Decimal = parse_value(value.encode(), kind, (), dialect)
    before = max(0, number.adjusted() + 1) if number else 0
    exact = -int(number.normalize().as_tuple().exponent) if number else 0
    written = re.search(rf"{re.escape(dialect.decimal_separator)}([0-9]+)(?![0-9]*[eE])[^0-9]*\Z", value)
    return before, max(0, exact, len(written[1]) if written and len(written[1]) <= _WIDEST // 2 else 0)


def _open(values: Sequence[str], fitting: Iterable[tuple[str, str | None]], marks: dict[str, Any]) -> str | None:
    """A text that means two numbers, by one pair of separators or the other; None if there is none."""
    kind = parse_type(f"decimal({_WIDEST},{_WIDEST // 2})")
    dialects = [_dialect(style, marks) for style in fitting]
    for value in values[:_SCREENED]:
        meant = {parse_value(value.encode(), kind, (), dialect).normalize() for dialect in dialects}
        if len(meant) > 1:
            shown = " or ".join(f"{number:f}" for number in sorted(meant))
            return f"{value!r} may be {shown}, and nothing in the file decides it"
    return None


def _doubles(
    texts: Texts, values: Sequence[str], style: tuple[str, str | None] | None, day_first: bool | None
) -> Proposal | None:
    if not any(any(one.isdigit() for one in value) for value in values):
        return None
    if all(_WHOLE.fullmatch(value) for value in values):
        return None
    for one in STYLES[:2]:
        if _fits(values, _DOUBLE, _dialect(one, {})):
            doubt = "exponents or digits that no decimal holds, so binary floats: sums of them are not exact"
            return Proposal(_DOUBLE, _of_style(one), doubts=[doubt])
    return None
