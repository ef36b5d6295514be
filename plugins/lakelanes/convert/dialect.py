"""How a CSV file is written: its delimiter, quotes, escapes and the texts that mean null."""

from __future__ import annotations

from dataclasses import dataclass

_LINE_ENDS = "\r\n"


@dataclass(frozen=True)
class Dialect:
    """The written form of an entity's CSV files. RFC 4180 is the default.

    delimiter: one ASCII character between fields.
    quote: one ASCII character around fields, doubled inside them; None when quotes are plain text.
    escape: one ASCII character that makes the next one plain text; None (RFC 4180) when there is none.
    null_values: unquoted texts that mean null, in every column. In columns that do not hold text, a quoted one
        and one with spaces around it mean null too: `""` is an empty string in a string column, null elsewhere.

    Raises ValueError, naming the field, when a character is missing, too long, not ASCII, a line end, or used twice.
    """

    delimiter: str = ","
    quote: str | None = '"'
    escape: str | None = None
    null_values: tuple[str, ...] = ("",)

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
