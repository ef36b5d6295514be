"""Which setting would take a text that is no value of its column's type, and what in it people do not see.

A setting is named only if the text is a value with it: every suggestion is tried. What a text cannot have is looked at
first, so that most texts cost little.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from lakelanes.convert.dialect import Dialect
from lakelanes.convert.number_date_formats import plain_number
from lakelanes.types import HiveType

IsValue = Callable[[str, HiveType, Dialect], bool]

_LONGEST = 60
_INTEGERS = frozenset({"tinyint", "smallint", "int", "bigint"})
_NUMBERS = _INTEGERS | {"decimal", "float", "double"}
# What other programs write for null.
NULL_TEXTS = frozenset(
    [
        "",
        "null",
        "none",
        "nil",
        "nan",
        "na",
        "n/a",
        "#n/a",
        r"\n",
        "-",
        "--",
        ".",
        "?",
        "0000-00-00",
        "0000-00-00 00:00:00",
    ]
)
# What may be a currency: a code of ISO 4217, a sign of Unicode's category Sc, or one of the common abbreviations.
_NAME = r"([A-Z]{3}|[A-Z]{0,3}[$\u00a2-\u00a5\u20a0-\u20c0]|Fr\.|Rs\.?|kr\.?|zł|Kč|Ft)"
CURRENCY = re.compile(rf"[+(-]*{_NAME}[ \t\u00a0\u202f]*[+(-]*[0-9.,]")
CURRENCY_AFTER = re.compile(rf"[0-9.,)%-][ \t\u00a0\u202f]*{_NAME}[)-]*\Z")
_SEPARATORS = re.compile("[.,' \u00a0\u202f\u2019_]")
_DAYS = (
    (r"\d{4}-\d{1,2}-\d{1,2}", ("%Y-%m-%d",)),
    (r"\d{4}/\d{1,2}/\d{1,2}", ("%Y/%m/%d",)),
    (r"\d{4}\.\d{1,2}\.\d{1,2}", ("%Y.%m.%d",)),
    (r"\d{8}", ("%Y%m%d", "%d%m%Y")),
    (r"\d{1,2}\.\d{1,2}\.\d{4}", ("%d.%m.%Y",)),
    (r"\d{1,2}\.\d{1,2}\.\d{2}", ("%d.%m.%y",)),
    (r"\d{1,2}/\d{1,2}/\d{4}", ("%d/%m/%Y", "%m/%d/%Y")),
    (r"\d{1,2}/\d{1,2}/\d{2}", ("%d/%m/%y", "%m/%d/%y")),
    (r"\d{1,2}-\d{1,2}-\d{4}", ("%d-%m-%Y", "%m-%d-%Y")),
    (r"\d{1,2}-[A-Za-z]{3}-\d{4}", ("%d-%b-%Y",)),
    (r"\d{1,2}-[A-Za-z]{3}-\d{2}", ("%d-%b-%y",)),
    (r"\d{1,2} [A-Za-z]{3} \d{4}", ("%d %b %Y",)),
)
_TIMES = (
    (r"", ""),
    (r"\d{1,2}:\d{1,2}", "%H:%M"),
    (r"\d{1,2}:\d{1,2}:\d{1,2}", "%H:%M:%S"),
    (r"\d{1,2}:\d{1,2}:\d{1,2}\.\d{1,9}", "%H:%M:%S.%f"),
    (r"\d{1,2}:\d{1,2}:\d{1,2},\d{1,9}", "%H:%M:%S,%f"),
    (r"\d{2}\.\d{2}\.\d{2}\.\d{1,9}", "%H.%M.%S.%f"),
    (r"\d{6}", "%H%M%S"),
)
_HALF = {"%H:%M": "%I:%M", "%H:%M:%S": "%I:%M:%S"}
_GAPS, _ZONES = r"(?P<gap> +|T|-|)", r"(?P<zone>(?P<blank> ?)(?:Z|[+-]\d{2}:?\d{2})| [AaPp][Mm]|)"
# By the number of digits: those of the years 1973 to 5138.
_EPOCH_LENGTHS = (
    (range(9, 12), "epoch_seconds"),
    (range(12, 15), "epoch_milliseconds"),
    (range(15, 18), "epoch_microseconds"),
)


def strange_character(text: str) -> str:
    """The first character that looks like another one, or like none: "it has U+2212 (MINUS SIGN)"; "" without one."""
    if text.isascii():
        return ""
    for character in text:
        if character.isascii():
            continue
        # Cf and Z: invisible. Pd and U+2212: like a minus. Nd: like digits.
        if unicodedata.category(character) in ("Cf", "Zs", "Zl", "Zp", "Cc", "Pd", "Nd") or character == "\u2212":
            return f"it has U+{ord(character):04X} ({unicodedata.name(character, 'a control character')})"
    return ""


def cure(text: str, column_type: HiveType, dialect: Dialect, is_value: IsValue) -> str:
    """The setting with which the refused text would be a value of the column, or null; "" where there is none."""
    if len(text) > _LONGEST:
        return ""
    if column_type.is_text:
        trimmed = text.strip(" \t")
        return _set(trim=True) if trimmed != text and is_value(trimmed, column_type, dialect) else ""
    if column_type.is_nested:
        return ""
    found = [
        settings
        for settings in _candidates(text, column_type.kind, dialect)
        if is_value(text, column_type, dialect.variant(tuple(settings.items())))
    ]
    if found:
        fewest = min(map(len, found))
        return " or ".join(dict.fromkeys(_set(**settings) for settings in found if len(settings) == fewest))
    cures = ["set true_values and false_values"] if column_type.kind == "boolean" else []
    if text.lower() in NULL_TEXTS and text not in dialect.null_values:
        cures.append(f"add {_json(text)} to null_values")
    return " or ".join(cures)


def _set(**settings: Any) -> str:
    return "set " + " and ".join(f"{name} to {_json(value)}" for name, value in settings.items())


def _json(value: Any) -> str:
    """As the configuration writes it, with what is invisible written out."""
    shown = json.dumps(value, ensure_ascii=False)
    return shown if shown.isprintable() else json.dumps(value)


def _candidates(text: str, kind: str, dialect: Dialect) -> Iterator[dict[str, Any]]:
    """Settings that may take the text, those that differ from the dialect's."""
    if kind in _NUMBERS:
        yield from _of_numbers(text, kind, dialect)
    elif kind == "date":
        for form in day_formats(text):
            # Whole in ISO 8601's form, and refused: there is no such day, and strptime need not be imported to say so.
            if form != "%Y-%m-%d" or len(text) != len("2024-02-30") or dialect.date_format is not None:
                yield {"date_format": form}
    elif kind == "timestamp":
        yield from timestamp_settings(text, dialect)


def _of_numbers(text: str, kind: str, dialect: Dialect) -> Iterator[dict[str, Any]]:
    if not any(character.isdigit() for character in text):
        return
    if plain_number(text, dialect.decimal_separator, dialect.thousands_separator) is not None:
        return  # as its size or its digits are what does not fit
    marks: dict[str, Any] = {}
    if text.endswith("-") or "- " in text:
        marks["trailing_minus"] = True
    if "(" in text:
        marks["parentheses"] = True
    currency = CURRENCY.match(text) or CURRENCY_AFTER.search(text)
    if currency is not None and currency[1] not in dialect.currencies:
        marks["currencies"] = (*dialect.currencies, currency[1])
    percents = ("number", "fraction") if "%" in text and dialect.percent is None else (None,)
    marks = {name: value for name, value in marks.items() if getattr(dialect, name) != value}
    for percent in percents:
        for separators in _separators(text, kind, dialect):
            settings = marks | separators | ({"percent": percent} if percent else {})
            if settings:
                yield settings


def _separators(text: str, kind: str, dialect: Dialect) -> Iterator[dict[str, Any]]:
    """Those of the dialect, then others that are in the text."""
    yield {}
    found = dict.fromkeys(_SEPARATORS.findall(text))
    for thousands in found:
        for decimal in (".", ","):
            if decimal == thousands:
                continue
            settings = {"decimal_separator": decimal, "thousands_separator": thousands}
            yield {name: value for name, value in settings.items() if getattr(dialect, name) != value}
    if kind not in _INTEGERS and "," in found and dialect.decimal_separator != ",":
        yield {"decimal_separator": ","} | ({"thousands_separator": None} if dialect.thousands_separator == "," else {})


@lru_cache(maxsize=1)
def _patterns() -> tuple[list[tuple[Any, tuple[str, ...]]], list[tuple[Any, str]]]:
    """_DAYS and what may follow a day, as far as _ZONES, compiled when first needed."""
    days: list[tuple[Any, tuple[str, ...]]] = [(re.compile(pattern, re.ASCII), formats) for pattern, formats in _DAYS]
    times: list[tuple[Any, str]] = [
        (re.compile(f"{_GAPS if pattern else '(?P<gap>)'}{pattern}{_ZONES}", re.ASCII), form)
        for pattern, form in _TIMES
    ]
    return days, times


def day_formats(text: str) -> tuple[str, ...]:
    """The strptime formats that a day of this look may be in; of several the likelier one comes first."""
    if not text[:1].isdigit():
        return ()
    return next((forms for pattern, forms in _patterns()[0] if pattern.fullmatch(text)), ())


def timestamp_settings(text: str, dialect: Dialect) -> Iterator[dict[str, Any]]:
    """Settings with which the text may be a timestamp."""
    if "." in text and dialect.beyond_microseconds == "refuse":
        yield {"beyond_microseconds": "cut"}
    number = re.fullmatch(r"-?(\d+)(?:\.\d+)?", text, re.ASCII)
    if number is not None:
        yield from ({"timestamp_format": name} for lengths, name in _EPOCH_LENGTHS if len(number[1]) in lengths)
    if not text[:1].isdigit():
        return
    days, times = _patterns()
    for day, formats in days:
        found = day.match(text)
        for time, form in times if found else ():
            if match := time.fullmatch(text, found.end()):
                yield from ({"timestamp_format": f"{one}{_tail(match, form)}"} for one in formats)
                return


def _tail(match: re.Match[str], form: str) -> str:
    """What follows the day in a format. form: that of the time."""
    gap, zone = " " if match["gap"].isspace() else match["gap"], match["zone"]
    if zone.strip().lower() in ("am", "pm"):
        return f"{gap}{_HALF.get(form, form)} %p"
    return f"{gap}{form}" + (f"{match['blank']}%z" if zone else "")
