"""Which field of the file holds which column of the table, by the names in the header."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from lakelanes.convert.dialect import Dialect
from lakelanes.convert.errors import FileRefusedError
from lakelanes.convert.header_hints import likeness, listed, shown_name
from lakelanes.convert.policy import LoadPolicy
from lakelanes.convert.transcode import shown
from lakelanes.names import column_of_header

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SHOWN = 200  # bytes of a header that is no text
_SEPARATOR = re.compile(r'"?sep=([^\r\n]+?)"?(?=[\r\n]|\Z)', re.IGNORECASE)


@dataclass(frozen=True)
class NewColumn:
    """A field whose name the table lacks.

    position: of the field. label: its name in the header, `#3` when the third field has none, and `x#3` when it has a
    name that a field before it has. name: of the column that the table gains for it, None when it gains none.
    """

    position: int
    label: str
    name: str | None = None


@dataclass(frozen=True)
class Layout:
    """Where the fields of a record belong.

    width: how many there are. positions: for each column of the table its field, or None when the file lacks it.
    missing: columns that the file lacks. new: what the file has beyond the table, and extra: the names of it.
    trailing: whether the last field has to be empty.
    """

    width: int
    positions: tuple[int | None, ...]
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    new: tuple[NewColumn, ...] = ()
    trailing: bool = False


def by_position(columns: int, dialect: Dialect) -> Layout:
    """The layout of a file without a header."""
    return Layout(columns + dialect.trailing_delimiter, tuple(range(columns)), trailing=dialect.trailing_delimiter)


def match_header(
    fields: Sequence[bytes],
    columns: Sequence[str],
    policy: LoadPolicy,
    dialect: Dialect,
    taken: Collection[str] = (),
    required: Collection[str] = (),
) -> Layout:
    """The layout of a file with this header, `columns` being what the table's columns are called in it.

    Names match whatever their case, and blanks of any kind around them do not count. A field without a name is a new
    column, and so are all of a name that the table does not have.
    taken: names that no column which the table gains may have. required: those of `columns` that must not be missing.
    Raises FileRefusedError for names that are not UTF-8, for columns of the table that are there twice, for those that
    are missing where the policy's missing_columns is "error" or that are all missing, and for new ones where it freezes
    the table, or lets it evolve and they cannot be columns.
    """
    names, columns = _decoded(fields, dialect), [column.strip() for column in columns]
    if dialect.trailing_delimiter and len(names) > 1 and not names[-1]:
        names.pop()
    known = {column.lower() for column in columns}
    positions: dict[str, int] = {}
    for position, name in enumerate(names):
        if name.lower() in positions and name.lower() in known:
            raise FileRefusedError(f"the header names the column '{shown_name(name)}' twice")
        positions[name.lower()] = position
    missing = tuple(column for column in columns if column.lower() not in positions)
    extra = tuple(name for name in names if name.lower() not in known)
    found = f"the header has {listed(names)}"
    if hint := likeness(missing, extra):
        found += f"; {hint}"
    if len(missing) == len(columns):
        raise FileRefusedError(f"none of the table's columns ({listed(columns)}) is there: {found}", missing, extra)
    needed = [name for name in missing if name in {column.strip() for column in required}]
    if needed and policy.missing_columns == "null":
        what = f"missing column{'s'[: len(needed) > 1]} {listed(needed)}, which must not be null"
        raise FileRefusedError(f"{what}: {found}", missing, extra)
    if missing and policy.missing_columns == "error":
        raise FileRefusedError(f"missing column{'s'[: len(missing) > 1]} {listed(missing)}: {found}", missing, extra)
    if extra and policy.schema.new_columns == "freeze":
        raise FileRefusedError(f"unexpected column{'s'[: len(extra) > 1]} {listed(extra)}: {found}", missing, extra)
    new = _labelled(names, known)
    if policy.schema.new_columns == "evolve":
        try:
            new = _as_columns(new, names, taken)
        except ValueError as error:
            raise FileRefusedError(f"{error}: {found}", missing, extra) from None
    return Layout(
        len(names) + dialect.trailing_delimiter,
        tuple(positions.get(column.lower()) for column in columns),
        missing,
        extra,
        new,
        dialect.trailing_delimiter,
    )


def separator_fault(start: bytes, line: int, dialect: Dialect) -> str | None:
    """What is wrong with a file whose line of this number begins so; None unless it is a line such as `sep=;`.

    Excel takes the delimiter from it, and shows no such row.
    """
    found = _SEPARATOR.match(start.decode(errors="replace"))
    if found is None or (len(found[1]) > 1 and found[1] != dialect.delimiter):
        return None
    # Where the delimiter is another, that is what to set as well.
    other = "" if found[1] == dialect.delimiter else f", and dialect.delimiter to {found[1]!r}"
    return f"line {line} is 'sep={found[1]}', which tells Excel the delimiter: set dialect.skip_rows to {line}{other}"


def _decoded(fields: Sequence[bytes], dialect: Dialect) -> list[str]:
    """The names as texts. Raises FileRefusedError."""
    try:
        return [field.decode().strip() for field in fields]
    except UnicodeDecodeError:
        if dialect.encoding == "utf-8":
            raise FileRefusedError(f"the header is not valid UTF-8: {b','.join(fields)[:_SHOWN]!r}") from None
        raw = shown(b",".join(fields)[:_SHOWN], dialect.encoding)
        raise FileRefusedError(f"the header is not valid {dialect.encoding}: '{raw}'") from None


def _labelled(found: Sequence[str], known: Collection[str]) -> tuple[NewColumn, ...]:
    """The names that are not known, each with a label that no other has."""
    new: dict[str, NewColumn] = {}
    for position, name in enumerate(found):
        if name.lower() not in known:
            label = name if name and name not in new else f"{name}#{position + 1}"
            while label != name and (label in found or label in new):
                label = f"#{label}"
            new[label] = NewColumn(position, label)
    return tuple(new.values())


def _as_columns(new: Sequence[NewColumn], header: Sequence[str], taken: Collection[str]) -> tuple[NewColumn, ...]:
    """The same with the names of the table's columns to be. Raises ValueError for a name that cannot be one."""
    columns: dict[str, NewColumn] = {}
    for one in new:
        found = header[one.position]
        if not found:
            raise ValueError(f"field {one.position + 1} cannot become a new column of the table, it has no name")
        try:
            name = column_of_header(found)
            if name in columns:
                raise ValueError(f"{name!r} would be the name of {header[columns[name].position]!r} too")
            if name in taken:
                raise ValueError(f"the name {name!r} is taken")
        except ValueError as error:
            raise ValueError(
                f"{found!r} cannot become a new column of the table: {error}; name a column of the entity's schema "
                "for it, with this 'header'"
            ) from None
        columns[name] = NewColumn(one.position, one.label, name)
    return tuple(columns.values())
