"""Partition values that stand in the rows: what a key may be made of, and how its value is written."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

# The fields of a form, written out here: the C library's %Y does not pad, and its names follow the locale.
_FIELDS: dict[str, Callable[[datetime], str]] = {
    "%Y": lambda moment: f"{moment.year:04d}",
    "%y": lambda moment: f"{moment.year % 100:02d}",
    "%m": lambda moment: f"{moment.month:02d}",
    "%d": lambda moment: f"{moment.day:02d}",
    "%j": lambda moment: f"{moment.timetuple().tm_yday:03d}",
    "%G": lambda moment: f"{moment.isocalendar().year:04d}",
    "%V": lambda moment: f"{moment.isocalendar().week:02d}",
    "%u": lambda moment: f"{moment.isoweekday()}",
    "%H": lambda moment: f"{moment.hour:02d}",
    "%M": lambda moment: f"{moment.minute:02d}",
    "%%": lambda moment: "%",
}
# The integer types that a key may have, with their bits, the sign not counted.
INTEGER_BITS = {"tinyint": 7, "smallint": 15, "int": 31, "bigint": 63}
_TIMES = ("%H", "%M")
_FIELD = re.compile(r"%.?")
_LATEST = datetime(9999, 12, 31, 23, 59)


@dataclass(frozen=True)
class PartitionValue:
    """How a partition key's value is made of a column: written in the strftime form, or, without one, as it is.

    number: an integer key, whose value has no leading zeros.
    """

    column: str
    form: str | None = None
    number: bool = False

    def text(self, value: Any) -> str:
        """The partition value of a value of the column."""
        text = str(value) if self.form is None else spelled(value, self.form)
        return str(int(text)) if self.number else text

    @property
    def unit(self) -> str:
        """The span of time within which the form is the same."""
        fields = _FIELD.findall(self.form or "")
        return "minute" if "%M" in fields else "hour" if "%H" in fields else "day"


def spelled(value: date, form: str) -> str:
    """A date or timestamp in a strftime form, years in four digits."""
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)

    def written(field: str) -> str:
        return _FIELDS[field](moment) if field in _FIELDS else moment.strftime(field)

    return _FIELD.sub(lambda match: written(match[0]), form)


def form_fault(form: str, column: str, key: str, bits: int | None) -> str | None:
    """What keeps a strftime form from making values of the key's type of the column's; None when nothing does.

    column, key: kinds of Hive types. bits: of an integer key, the sign not counted.
    """
    fields = _FIELD.findall(form)
    if column not in ("date", "timestamp"):
        return f"{form!r} needs a date or timestamp column, not one of type {column}"
    unknown = [field for field in fields if field not in _FIELDS]
    if unknown or not any(field != "%%" for field in fields):
        what = f"has the field {unknown[0]!r}" if unknown else "has no field"
        return f"{form!r} {what}; use {' '.join(_FIELDS)}"
    if column == "date" and any(field in _TIMES for field in fields):
        return f"{form!r} has a time of day, which a date column lacks"
    if not form.isprintable():
        return f"{form!r} holds a character that cannot be printed"
    if key == "date" and form != "%Y-%m-%d":
        return f"{form!r} makes no value of a date key; leave it at '%Y-%m-%d'"
    latest = spelled(_LATEST, form)
    if bits is not None and not (latest.isdecimal() and int(latest) < 1 << bits):
        return f"{form!r} makes values such as '{latest}', which a key of type {key} cannot hold"
    return None
