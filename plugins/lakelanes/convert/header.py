"""Which field of the file holds which column of the table, by the names in the header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lakelanes.convert.dialect import Dialect
from lakelanes.convert.errors import FileRefusedError
from lakelanes.convert.transcode import shown

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Layout:
    """Where the fields of a record belong.

    width: how many there are. positions: for each column of the table its field, or None when the file lacks it.
    trailing: whether the last field has to be empty.
    """

    width: int
    positions: tuple[int | None, ...]
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    trailing: bool = False


def by_position(columns: int, dialect: Dialect) -> Layout:
    """The layout of a file without a header."""
    return Layout(columns + dialect.trailing_delimiter, tuple(range(columns)), trailing=dialect.trailing_delimiter)


def match_header(
    fields: Sequence[bytes], columns: Sequence[str], missing_columns: str, extra_columns: str, dialect: Dialect
) -> Layout:
    """The layout of a file with this header.

    Names match whatever their case, and spaces around them do not count. A field without a name is an extra column.
    Raises FileRefusedError for names that are not UTF-8 or occur twice, for columns that are missing where
    missing_columns is "error" or that are all missing, and for extra ones where extra_columns is "error".
    """
    try:
        names = [field.decode().strip() for field in fields]
    except UnicodeDecodeError:
        if dialect.encoding == "utf-8":
            raise FileRefusedError(f"the header is not valid UTF-8: {b','.join(fields)!r}") from None
        raw = shown(b",".join(fields), dialect.encoding)
        raise FileRefusedError(f"the header is not valid {dialect.encoding}: '{raw}'") from None
    if dialect.trailing_delimiter and len(names) > 1 and not names[-1]:
        names.pop()
    positions: dict[str, int] = {}
    for position, name in enumerate(names):
        if name and name.lower() in positions:
            raise FileRefusedError(f"the header names the column {name!r} twice")
        positions[name.lower()] = position
    known = {column.lower() for column in columns}
    missing = tuple(column for column in columns if column.lower() not in positions)
    extra = tuple(name for name in names if name.lower() not in known)
    found = "the header has " + ", ".join(name or "an empty name" for name in names)
    if len(missing) == len(columns):
        raise FileRefusedError(f"none of the table's columns ({', '.join(columns)}) is there: {found}", missing, extra)
    if missing and missing_columns == "error":
        raise FileRefusedError(f"missing column{'s'[: len(missing) > 1]} {', '.join(missing)}: {found}", missing, extra)
    if extra and extra_columns == "error":
        listed = ", ".join(name or "an empty name" for name in extra)
        raise FileRefusedError(f"unexpected column{'s'[: len(extra) > 1]} {listed}: {found}", missing, extra)
    width, trailing = len(names) + dialect.trailing_delimiter, dialect.trailing_delimiter
    return Layout(width, tuple(positions.get(column.lower()) for column in columns), missing, extra, trailing)
