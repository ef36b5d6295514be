"""Which field of the file holds which column of the table, by the names in the header."""

from __future__ import annotations

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


@dataclass(frozen=True)
class NewColumn:
    """A field whose name the table lacks.

    position: of the field. label: its name in the header, `#3` when the third field has none. name: of the column that
    the table gains for it, None when it gains none.
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
    column.
    taken: names that no column which the table gains may have. required: those of `columns` that must not be missing.
    Raises FileRefusedError for names that are not UTF-8 or occur twice, for columns that are missing where the policy's
    missing_columns is "error" or that are all missing, and for new ones where it freezes the table, or lets it evolve
    and they cannot be columns.
    """
    names, columns = _decoded(fields, dialect), [column.strip() for column in columns]
    if dialect.trailing_delimiter and len(names) > 1 and not names[-1]:
        names.pop()
    positions: dict[str, int] = {}
    for position, name in enumerate(names):
        if name and name.lower() in positions:
            raise FileRefusedError(f"the header names the column '{shown_name(name)}' twice")
        positions[name.lower()] = position
    known = {column.lower() for column in columns}
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
    new = []
    for position, name in enumerate(found):
        if name.lower() not in known:
            label = name or f"#{position + 1}"
            while not name and label in found:
                label = f"#{label}"
            new.append(NewColumn(position, label))
    return tuple(new)


def _as_columns(new: Sequence[NewColumn], header: Sequence[str], taken: Collection[str]) -> tuple[NewColumn, ...]:
    """The same with the names of the table's columns to be. Raises ValueError for a name that cannot be one."""
    columns: dict[str, NewColumn] = {}
    for one in new:
        if not header[one.position]:
            raise ValueError(f"field {one.position + 1} cannot become a new column of the table, it has no name")
        try:
            name = column_of_header(one.label)
            if name in columns:
                raise ValueError(f"{name!r} would be the name of {columns[name].label!r} too")
            if name in taken:
                raise ValueError(f"the name {name!r} is taken")
        except ValueError as error:
            raise ValueError(
                f"{one.label!r} cannot become a new column of the table: {error}; name a column of the entity's schema "
                "for it, with this 'header'"
            ) from None
        columns[name] = NewColumn(one.position, one.label, name)
    return tuple(columns.values())
