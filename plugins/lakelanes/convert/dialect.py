"""How a CSV file is written: its encoding, delimiter and quotes, what surrounds its rows, and how it writes values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from lakelanes.convert.number_date_formats import ISO, check_format, check_separators
from lakelanes.convert.number_marks import NumberMarks, check_marks
from lakelanes.convert.stand_in import StandIn
from lakelanes.convert.transcode import normalised_encoding
from lakelanes.types import HiveType

MAX_FOOTER_LINES = 1000
_LINE_ENDS = "\r\n"
_BLANKS = " \t"
_MOST_VARIANTS = 256
TRUE_TEXTS = ("true", "t", "yes", "y", "1")
FALSE_TEXTS = ("false", "f", "no", "n", "0")


@dataclass(frozen=True)
class Dialect:
    r"""The written form of an entity's CSV files. RFC 4180 in UTF-8 is the default.

    delimiter: one character or several between fields.
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
    skip_footer: how many of the last physical lines to leave out. Blank ones do not count, and go with them.
    comment: one ASCII character; a line that begins with it, outside quotes, is no row, and quotes and escapes in it
        have no meaning. None when there are no such lines.
    skip_empty_rows: whether a row of nothing but delimiters is left out; in a file of one column that is a blank line.
    skip_repeated_headers: whether a row that is the header once more, byte by byte, is left out.
    pad_short_rows: whether the fields that a row lacks at its end are null.
    trailing_delimiter: whether every row ends with a delimiter, which no field follows. The header may.
    date_format, timestamp_format: strptime formats of the values in date and timestamp columns; None: ISO 8601.
    decimal_separator, thousands_separator: "." or "," in numbers, and what may stand between groups of three digits.
    quoted_nulls: whether a null value means null inside quotes too, in every column.
    trim: whether blanks (spaces and tabs) around values do not count in text columns either, before a value is compared
        with the null values, and blanks between a quote and the delimiter or line end beside it.
    true_values, false_values: the texts of booleans, in any case; None: TRUE_TEXTS and FALSE_TEXTS. One that is a null
        value is a boolean all the same.
    trailing_minus, parentheses, currencies, percent: see lakelanes.convert.number_marks.
    beyond_microseconds: whether digits of a second beyond six are cut off or make a text no timestamp.

    A format is a strptime format, "iso" for ISO 8601, or, of timestamps, one of number_date_formats.EPOCHS.

    Raises ValueError, naming the field, when a character is missing, too long, not ASCII, a line end, or used twice,
    for an unknown encoding, or one without the delimiter's characters, for a null value whose escape has nothing to
    escape, for formats that leave open which day or hour is meant, for words that are no booleans or texts that are no
    currencies, and for settings that exclude each other.
    """

    delimiter: str = ","
    quote: str | None = '"'
    escape: str | None = None
    quotes: Literal["strict", "lenient"] = "strict"
    null_values: tuple[str, ...] = ("",)
    encoding: str = "utf-8"
    header: bool = True
    skip_rows: int = 0
    skip_footer: int = 0
    comment: str | None = None
    skip_empty_rows: bool = False
    skip_repeated_headers: bool = False
    pad_short_rows: bool = False
    trailing_delimiter: bool = False
    date_format: str | None = None
    timestamp_format: str | None = None
    decimal_separator: str = "."
    thousands_separator: str | None = None
    quoted_nulls: bool = False
    trim: bool = False
    true_values: tuple[str, ...] | None = None
    false_values: tuple[str, ...] | None = None
    trailing_minus: bool = False
    parentheses: bool = False
    currencies: tuple[str, ...] = ()
    percent: Literal["number", "fraction"] | None = None
    beyond_microseconds: Literal["refuse", "cut"] = "refuse"

    def __post_init__(self) -> None:
        self._check_characters()
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
        self._check_encoded()
        if self.skip_rows < 0:
            raise ValueError(f"skip_rows is {self.skip_rows}, expected 0 or more")
        if not 0 <= self.skip_footer <= MAX_FOOTER_LINES:
            raise ValueError(f"skip_footer is {self.skip_footer}, expected 0 to {MAX_FOOTER_LINES}")
        if self.skip_repeated_headers and not self.header:
            raise ValueError("skip_repeated_headers is true, but header is false: there is none to be repeated")
        if self.pad_short_rows and self.trailing_delimiter:
            raise ValueError("pad_short_rows and trailing_delimiter are both true: whether a row is short is then open")
        self._check_values()

    def _check_characters(self) -> None:
        used: dict[str, str] = {}
        for name in ("delimiter", "quote", "escape", "comment"):
            characters = getattr(self, name)
            if characters is None and name != "delimiter":
                continue
            if not isinstance(characters, str) or not characters:
                expected = "one character or several" if name == "delimiter" else "one ASCII character"
                raise ValueError(f"{name} is {characters!r}, expected {expected}")
            if name != "delimiter" and (len(characters) != 1 or not characters.isascii()):
                raise ValueError(f"{name} is {characters!r}, expected one ASCII character")
            if name == "comment" and characters in _BLANKS:
                raise ValueError(f"comment is {characters!r}: a blank at the beginning of a line makes no comment")
            for character in characters:
                if character in _LINE_ENDS or character == "\0":
                    raise ValueError(f"{name} is {characters!r}, which ends lines or text and cannot separate fields")
                if used.get(character, name) != name:
                    is_or_in = "is in" if used[character] == "delimiter" and len(self.delimiter) > 1 else "is"
                    raise ValueError(f"{name} is {characters!r}, which {is_or_in} the {used[character]} already")
                used[character] = name

    def _check_encoded(self) -> None:
        if not self.delimiter.isascii():
            try:
                self.delimiter.encode(self.encoding)
            except UnicodeError:
                raise ValueError(
                    f"delimiter is {self.delimiter!r}, which no text in {self.encoding} can hold; is it the encoding?"
                ) from None

    def _check_values(self) -> None:
        """The half of __post_init__() that concerns the form of values."""
        for name, of_dates in (("date_format", True), ("timestamp_format", False)):
            form = getattr(self, name)
            if form == ISO:
                object.__setattr__(self, name, None)
            elif form is not None:
                check_format(name, form, of_dates=of_dates)
        check_separators(self.decimal_separator, self.thousands_separator)
        object.__setattr__(self, "currencies", tuple(self.currencies))
        check_marks(self.marks)
        for name in ("true_values", "false_values"):
            words = getattr(self, name)
            if words is not None:
                object.__setattr__(self, name, _checked_words(name, words))
        if both := self.true_words & self.false_words:
            raise ValueError(f"true_values and false_values both hold {min(both)!r}: name the texts of both")
        if self.beyond_microseconds not in ("refuse", "cut"):
            raise ValueError(f"beyond_microseconds is {self.beyond_microseconds!r}, expected 'refuse' or 'cut'")

    @cached_property
    def stand_in(self) -> StandIn | None:
        """What stands in for a delimiter at which records cannot be split; None where there is no need."""
        if len(self.delimiter) == 1 and self.delimiter.isascii():
            return None
        return StandIn(self.delimiter, self.escape, tuple(filter(None, (self.quote, self.comment))))

    @cached_property
    def as_read(self) -> Dialect:
        """The dialect of what is read, where something stands in for the delimiter. Its null values are those of the
        file."""
        return self if self.stand_in is None else replace(self, delimiter=self.stand_in.character)

    def unescaped(self, null_values: tuple[str, ...]) -> tuple[str, ...]:
        """Those of these null values without an escape in them: those that a field without one can be."""
        return tuple(text for text in null_values if not self.escape or self.escape not in text)

    @property
    def plain_numbers(self) -> bool:
        """Whether numbers are written with a decimal point, without groups of thousands and without marks."""
        return self.decimal_separator == "." and self.thousands_separator is None and not self.marks.any

    @cached_property
    def marks(self) -> NumberMarks:
        """What may stand around numbers."""
        return NumberMarks(self.trailing_minus, self.parentheses, self.currencies, self.percent)

    @cached_property
    def true_words(self) -> frozenset[str]:
        """The texts that mean true, in lower case."""
        return frozenset(map(str.lower, TRUE_TEXTS if self.true_values is None else self.true_values))

    @cached_property
    def false_words(self) -> frozenset[str]:
        return frozenset(map(str.lower, FALSE_TEXTS if self.false_values is None else self.false_values))

    @property
    def own_words(self) -> bool:
        """Whether booleans are written in words of this dialect's own."""
        return self.true_values is not None or self.false_values is not None

    @cached_property
    def blanks(self) -> str:
        """The blanks that do not count beside quotes: those of `trim` that have no other meaning."""
        taken = (self.delimiter, self.quote, self.escape)
        return "".join(blank for blank in _BLANKS if blank not in taken) if self.trim and self.quote else ""

    def nulls_of(self, column_type: HiveType) -> tuple[str, ...]:
        """The null values that count in a column of this type: of booleans, those that are none of its words."""
        if column_type.kind != "boolean" or not self.own_words:
            return self.null_values
        words = self.true_words | self.false_words
        return tuple(text for text in self.null_values if text.lower() not in words)

    def variant(self, settings: tuple[tuple[str, Any], ...]) -> Dialect:
        """This dialect with these settings instead, made once for as long as they are few."""
        known = self._variants.get(settings)
        if known is None:
            if len(self._variants) >= _MOST_VARIANTS:
                self._variants.clear()
            known = self._variants[settings] = replace(self, **dict(settings))
        return known

    @cached_property
    def _variants(self) -> dict[tuple[tuple[str, Any], ...], Dialect]:
        return {}

    def of_column(self, settings: Mapping[str, Any]) -> Dialect:
        """This dialect with a column's own settings, see COLUMN_SETTINGS. Raises ValueError as the class does.

        As null is no setting of a column, its thousands_separator "" stands for none.
        """
        if not settings:
            return self
        own = dict(settings)
        if own.get("thousands_separator") == "":
            own["thousands_separator"] = None
        return replace(self, **own)


def _checked_words(name: str, words: tuple[str, ...]) -> tuple[str, ...]:
    if not words:
        raise ValueError(f"{name} is empty, expected the texts that booleans have")
    for word in words:
        if not isinstance(word, str):
            raise ValueError(f"{name} holds {word!r}, expected text")
        if word.strip(_BLANKS) != word:
            raise ValueError(f"{name} holds {word!r}: leave out the blanks around it, they never count")
    return tuple(words)


_NUMBERS = ("tinyint", "smallint", "int", "bigint", "decimal", "float", "double")
_TEXTS = ("string", "char", "varchar")
# What a column may have of its own, and the kinds of types that it is of; None: of all.
COLUMN_SETTINGS: dict[str, tuple[str, ...] | None] = {
    "null_values": None,
    "quoted_nulls": None,
    "trim": _TEXTS,
    "true_values": ("boolean",),
    "false_values": ("boolean",),
    "date_format": ("date",),
    "timestamp_format": ("timestamp",),
    "beyond_microseconds": ("timestamp",),
    "decimal_separator": ("decimal", "float", "double"),
    "thousands_separator": _NUMBERS,
    "trailing_minus": _NUMBERS,
    "parentheses": _NUMBERS,
    "currencies": _NUMBERS,
    "percent": _NUMBERS,
}


RFC_4180 = Dialect()
