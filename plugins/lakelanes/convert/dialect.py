"""How a CSV file is written: its encoding, delimiter and quotes, what surrounds its rows, and how it writes values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from lakelanes.convert.number_date_formats import check_format, check_separators
from lakelanes.convert.transcode import normalised_encoding

_LINE_ENDS = "\r\n"


@dataclass(frozen=True)
class Dialect:
    r"""The written form of an entity's CSV files. RFC 4180 in UTF-8 is the default.

    delimiter: one ASCII character between fields.
    quote: one ASCII character around fields, doubled inside them; None when quotes are plain text.
    escape: one ASCII character that makes the next one plain text; None (RFC 4180) when there is none.
    quotes: "strict" as in RFC 4180, where a field that contains a quote is quoted, or "lenient": a quote inside a field
        that is not quoted is plain text. Text after a closing quote is a fault in either.
    null_values: unquoted texts that mean null, in every column, as they stand in the file: with the escape `\`, `\N`
        is a null that an escaped `\\N` is not. In columns that do not hold text, a quoted one and one with spaces
        around it mean null too: `""` is an empty string in a string column, null elsewhere.
    encoding: a text encoding by the name Python has for it; kept as Python's own name.
    header: whether the first record has the columns' names; without it, fields are the table's columns, in its order.
    skip_rows: how many physical lines to leave out before the header, or before the first row without one.
    trailing_delimiter: whether every row ends with a delimiter, which no field follows. The header may.
    date_format, timestamp_format: strptime formats of the values in date and timestamp columns; None: ISO 8601.
    decimal_separator, thousands_separator: "." or "," in numbers, and what may stand between groups of three digits.

    Raises ValueError, naming the field, when a character is missing, too long, not ASCII, a line end, or used twice,
    for an unknown encoding, for a null value whose escape has nothing to escape, and for formats that leave open which
    day or hour is meant.
    """

    delimiter: str = ","
    quote: str | None = '"'
    escape: str | None = None
    quotes: Literal["strict", "lenient"] = "strict"
    null_values: tuple[str, ...] = ("",)
    encoding: str = "utf-8"
    header: bool = True
    skip_rows: int = 0
    trailing_delimiter: bool = False
    date_format: str | None = None
    timestamp_format: str | None = None
    decimal_separator: str = "."
    thousands_separator: str | None = None

    def __post_init__(self) -> None:
        used: dict[str, str] = {}
        for name in ("delimiter", "quote", "escape"):
            character = getattr(self, name)
            if character is None and name != "delimiter":
                continue
            if not isinstance(character, str) or len(character) != 1 or not character.isascii():
                raise ValueError(f"{name} is {character!r}, expected one ASCII character")
            if character in _LINE_ENDS or character == "\0":
                raise ValueError(f"{name} is {character!r}, which ends lines or text and cannot separate fields")
            if character in used:
                raise ValueError(f"{name} is {character!r}, which is the {used[character]} already")
            used[character] = name
        object.__setattr__(self, "null_values", tuple(self.null_values))
        for text in self.null_values:
            if not isinstance(text, str):
                raise ValueError(f"null_values holds {text!r}, expected text")
            if self.escape and re.sub(rf"{re.escape(self.escape)}.", "", text, flags=re.DOTALL).endswith(self.escape):
                raise ValueError(
                    f"null_values holds {text!r}, whose last {self.escape!r} has nothing to escape: "
                    "write it twice, or set escape to null"
                )
        if self.quotes not in ("strict", "lenient"):
            raise ValueError(f"quotes is {self.quotes!r}, expected 'strict' or 'lenient'")
        object.__setattr__(self, "encoding", normalised_encoding(self.encoding))
        if self.skip_rows < 0:
            raise ValueError(f"skip_rows is {self.skip_rows}, expected 0 or more")
        if self.date_format is not None:
            check_format("date_format", self.date_format, of_dates=True)
        if self.timestamp_format is not None:
            check_format("timestamp_format", self.timestamp_format, of_dates=False)
        check_separators(self.decimal_separator, self.thousands_separator)

    @cached_property
    def unescaped_nulls(self) -> tuple[str, ...]:
        """The null values without an escape in them: those that a field without one can be."""
        return tuple(text for text in self.null_values if not self.escape or self.escape not in text)

    @property
    def plain_numbers(self) -> bool:
        """Whether numbers are written with a decimal point and without groups of thousands."""
        return self.decimal_separator == "." and self.thousands_separator is None


RFC_4180 = Dialect()
