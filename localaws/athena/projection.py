"""Partition projection: partitions computed from a table's properties instead of read from Glue.

See https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html. Types enum, integer, date and injected.
A query for a value outside its column's range finds nothing, and does not fail.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Iterator

from dateutil.relativedelta import relativedelta
from sqlglot import exp

from localaws.athena.catalogue import Partition, Storage, Table
from localaws.athena.errors import QueryFailed, failure
from localaws.athena.syntax import Node
from localaws.athena.types import Type

_MOST = 1_000_000
_UNITS = ("YEARS", "MONTHS", "WEEKS", "DAYS", "HOURS", "MINUTES", "SECONDS")
_JAVA = {"yyyy": "%Y", "yy": "%y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S", "DDD": "%j", "MMM": "%b"}

_SMALLEST = {"%S": "SECONDS", "%M": "MINUTES", "%H": "HOURS", "%d": "DAYS", "%j": "DAYS", "%m": "MONTHS"}


def partitions(table: Table, keys: list[tuple[str, Type]], predicates: list[Node]) -> list[Partition]:
    """Every projected partition; for injected columns, those that the predicates name."""
    values = [list(_values(table, name, kind, predicates)) for name, kind in keys]
    count = 1
    for column in values:
        count *= len(column)
    if count > _MOST:
        raise failure("INVALID_TABLE_PROPERTY", f"Partition projection of {table.full_name} makes {count} partitions")
    return [Partition(tuple(row), _storage(table, keys, row)) for row in itertools.product(*values)]


def _storage(table: Table, keys: list[tuple[str, Type]], row: tuple[str, ...]) -> Storage:
    template = table.parameters.get("storage.location.template")
    if template:
        location = template
        for (name, _), value in zip(keys, row, strict=True):
            location = re.sub(
                r"\$\{" + re.escape(name) + r"\}", value.replace("\\", r"\\"), location, flags=re.IGNORECASE
            )
        if "${" in location:
            raise _invalid(table, f"storage.location.template '{template}' names a column that is no partition column")
    else:
        path = "/".join(f"{name}={value}" for (name, _), value in zip(keys, row, strict=True))
        location = f"{table.storage.location.rstrip('/')}/{path}/"
    own = table.storage
    return Storage(location, own.input_format, own.serde, own.serde_parameters, ())


def _values(table: Table, name: str, kind: Type, predicates: list[Node]) -> Iterator[str]:
    def need(suffix: str) -> str:
        value = table.parameters.get(f"projection.{name}.{suffix}")
        if not value:
            raise _invalid(table, f"the property projection.{name}.{suffix} is missing")
        return value

    def option(suffix: str, default: str) -> str:
        return table.parameters.get(f"projection.{name}.{suffix}") or default

    projected = need("type").lower()
    if projected == "enum":
        yield from (item.strip() for item in need("values").split(","))
    elif projected == "integer":
        low, high = _bounds(table, name, need("range"))
        step, digits = int(option("interval", "1")), int(option("digits", "0"))
        for number in range(int(low), int(high) + 1, step):
            yield str(number).zfill(digits)
    elif projected == "date":
        yield from _dates(
            table, name, need("range"), need("format"), option("interval", "1"), option("interval.unit", "")
        )
    elif projected == "injected":
        yield from _injected(table, name, predicates)
    else:
        raise _invalid(table, f"projection.{name}.type '{projected}' is none of enum, integer, date, injected")


def _bounds(table: Table, name: str, text: str) -> tuple[str, str]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2:
        raise _invalid(table, f"projection.{name}.range '{text}' is not 'from,to'")
    return parts[0], parts[1]


def _dates(table: Table, name: str, text: str, pattern: str, interval: str, unit: str) -> Iterator[str]:
    form = _strftime(table, name, pattern)
    low, high = (_moment(table, name, bound, form) for bound in _bounds(table, name, text))
    # The smallest that the format has, unless one is given.
    unit = (unit or next((word for mark, word in _SMALLEST.items() if mark in form), "YEARS")).upper()
    if unit not in _UNITS:
        raise _invalid(table, f"projection.{name}.interval.unit '{unit}' is none of {', '.join(_UNITS)}")
    step = relativedelta(**{unit.lower(): int(interval)})
    seen = None
    at, count = low, 0
    while at <= high:
        value = at.strftime(form.replace("%Y", f"{at.year:04d}"))  # the C library does not pad years
        if value != seen:
            yield value
        seen = value
        count += 1
        if count > _MOST:
            raise _invalid(table, f"projection.{name}.range '{text}' is too long")
        # Counted from the start, so that months keep their day where they can.
        at = low + step * count


def _moment(table: Table, name: str, text: str, form: str) -> dt.datetime:
    match = re.fullmatch(r"NOW\s*(?:([+-])\s*(\d+)\s*([A-Za-z]+))?", text, re.IGNORECASE)
    if match:
        now = dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0)
        if match[1] is None:
            return now
        unit = match[3].upper()
        unit = unit if unit.endswith("S") else unit + "S"
        if unit not in _UNITS:
            raise _invalid(table, f"projection.{name}.range '{text}': unknown unit")
        moment: dt.datetime = now + relativedelta(**{unit.lower(): int(match[2]) * (-1 if match[1] == "-" else 1)})
        return moment
    try:
        return dt.datetime.strptime(text, form)
    except ValueError as error:
        raise _invalid(table, f"projection.{name}.range: '{text}' does not have the column's format") from error


def _strftime(table: Table, name: str, pattern: str) -> str:
    out = []
    for match in re.finditer(r"'((?:[^']|'')*)'|(([A-Za-z])\3*)|(.)", pattern):
        if match[2]:
            if match[2] not in _JAVA:
                raise failure("NOT_SUPPORTED", f"projection.{name}.format of {table.full_name}: '{match[2]}'")
            out.append(_JAVA[match[2]])
        else:
            out.append((match[1] if match[1] is not None else match[4]).replace("''", "'").replace("%", "%%"))
    return "".join(out)


def _injected(table: Table, name: str, predicates: list[Node]) -> list[str]:
    """The values that an equality or IN over the column names."""
    for node in (predicate.unnest() for predicate in predicates):
        sides = [node.this, node.expression] if isinstance(node, exp.EQ) else [node.this, *node.expressions]
        column = next((side for side in sides if isinstance(side, exp.Column)), None)
        literals = [side.name for side in sides if isinstance(side, exp.Literal)]
        found = isinstance(node, exp.EQ | exp.In) and column is not None and column.name == name
        if found and 0 < len(literals) == len(sides) - 1:
            return literals
    raise failure(
        "CONSTRAINT_VIOLATION",
        f"For the injected projected partition column {name}, the WHERE clause must contain only static equality "
        "conditions, and at least one such condition must be present.",
    )


def _invalid(table: Table, text: str) -> QueryFailed:
    return failure("INVALID_TABLE_PROPERTY", f"{table.full_name}: {text}")
