"""Rows of ``<table>_current`` as text that loses nothing, and the same of an item, without the engine's readers.

An Athena result is a CSV file, which knows neither null nor what is inside of an array. So each cell is asked for with
a mark before its text, and of nested values the same of their parts, in base64 with commas between them. Decimals have
all their digits.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from lakelanes.config.model import Table
from lakelanes.types import HiveType

Image = Mapping[str, Any]
Cell = Any

_EXACT = Context(prec=400, Emax=10_000, Emin=-10_000)
_SETS = {"SS": "S", "NS": "N", "BS": "B"}
_INTEGERS = {"tinyint": 7, "smallint": 15, "int": 31, "bigint": 63}


class Misfit(Exception):
    """A value that its column cannot take."""


@dataclass(frozen=True)
class Unordered:
    """Elements of a set: the array may have them in any order."""

    elements: tuple[str | None, ...]


def columns_sql(table: Table) -> list[str]:
    """An expression for each cell of a row: declared columns, undeclared and rescued attributes."""
    cells = [_cell_sql(f'"{column.name}"', column.type) for column in table.columns]
    return [*cells, *(f"COALESCE('=' || {name}, '~')" for name in (f'"{table.undeclared}"', '"_rescued"'))]


def _cell_sql(value: str, kind: HiveType, depth: int = 0) -> str:
    """An expression that is '~' for null, and else '=' with the value as text."""
    if kind.kind == "array":
        text = _list_sql(value, kind.children[0], depth)
    elif kind.kind == "map":
        names, values = f"map_keys({value})", f"map_values({value})"
        text = f"{_list_sql(names, kind.children[0], depth)} || ':' || {_list_sql(values, kind.children[1], depth)}"
    elif kind.kind == "struct":
        fields = zip(kind.names, kind.children, strict=True)
        parts = [_coded_sql(_cell_sql(f'{value}."{name}"', child, depth)) for name, child in fields]
        joined = " || ',' || ".join(parts)
        text = f"IF({value} IS NULL, NULL, {joined})"
    elif kind.kind == "binary":
        text = f"to_base64({value})"
    else:
        text = value if kind.kind == "string" else f"CAST({value} AS varchar)"
    return f"COALESCE('=' || {text}, '~')"


def _list_sql(value: str, kind: HiveType, depth: int) -> str:
    element = f"e{depth}"
    return f"array_join(transform({value}, {element} -> {_coded_sql(_cell_sql(element, kind, depth + 1))}), ',')"


def _coded_sql(text: str) -> str:
    return f"to_base64(to_utf8({text}))"


def expected(table: Table, image: Image) -> list[Cell]:
    """The cells of an item, given in DynamoDB JSON with its bytes in base64."""
    left = _copied(image)
    cells: list[Cell] = []
    rescued: dict[str, Any] = {}
    _without_nulls(left, [column.path for column in table.columns])
    for column in table.columns:
        value = _taken(left, column.path)
        try:
            cells.append(None if value is None else _cell(value, column.type))
        except Misfit:
            cells.append(None)
            rescued[column.name] = value
    return [*cells, canonical({"M": left}) if left else None, canonical({"M": rescued}) if rescued else None]


def found(table: Table, texts: Sequence[str], wanted: Sequence[Cell]) -> list[Cell]:
    """The cells of a row as Athena gave it; an array is a set where ``wanted`` has one."""
    cells: list[Cell] = []
    for column, text, cell in zip(table.columns, texts, wanted, strict=False):
        value = _decoded(text, column.type)
        is_set = isinstance(cell, Unordered) and value is not None
        cells.append(Unordered(tuple(sorted(value))) if is_set else value)
    return [*cells, *(None if text == "~" else canonical({"M": json.loads(text[1:])}) for text in texts[-2:])]


def _decoded(text: str, kind: HiveType) -> Cell:
    """The inverse of _cell_sql: text for a scalar, a list for an array and for a struct, a dict for a map."""
    if text == "~":
        return None
    text = text[1:]
    if kind.kind == "array":
        return [_decoded(element, kind.children[0]) for element in _parts(text)]
    if kind.kind == "map":
        names, values = map(_parts, text.split(":"))
        decoded = (_decoded(value, kind.children[1]) for value in values)
        return dict(zip((name[1:] for name in names), decoded, strict=True))
    if kind.kind == "struct":
        return [_decoded(part, child) for part, child in zip(_parts(text), kind.children, strict=True)]
    return text


def _parts(text: str) -> list[str]:
    return [base64.b64decode(part).decode() for part in text.split(",")] if text else []


def canonical(value: Any) -> Any:
    """An attribute value such that equal ones are equal, whatever the order of a set and the form of a number."""
    [(tag, content)] = value.items()
    if tag == "N":
        return tag, _EXACT.create_decimal(content)
    if tag == "NS":
        return tag, sorted(map(_EXACT.create_decimal, content))
    if tag in _SETS:
        return tag, sorted(content)
    if tag == "L":
        return tag, [canonical(element) for element in content]
    if tag == "M":
        return tag, {name: canonical(member) for name, member in content.items()}
    return tag, content


def _copied(image: Image) -> dict[str, Any]:
    """The item, with maps that can be taken apart."""
    return {name: {"M": _copied(value["M"])} if "M" in value else value for name, value in image.items()}


def _without_nulls(level: dict[str, Any], paths: Sequence[Sequence[str]]) -> None:
    """Takes NULLs of columns out of the item: they are as if absent. Maps stay, also when they are empty then."""
    for path in paths:
        at = level
        for name in path[:-1]:
            at = at.get(name, {}).get("M", {})
        if at.get(path[-1]) == {"NULL": True}:
            del at[path[-1]]


def _taken(level: dict[str, Any], path: Sequence[str]) -> Any:
    """Takes the value at the path out of the item; None where there is none. Maps that are empty then go, too: the
    column tells that they were there."""
    value = level.get(path[0])
    if value is None or (len(path) > 1 and "M" not in value):
        return None
    if len(path) == 1:
        return level.pop(path[0])
    taken = _taken(value["M"], path[1:])
    if taken is not None and not value["M"]:
        del level[path[0]]
    return taken


def _cell(value: Any, kind: HiveType) -> Cell:
    """Text for a scalar, a list for an array and for a struct, a dict for a map. Raises Misfit."""
    [(tag, content)] = value.items()
    if tag == "NULL":
        return None
    if kind.kind == "array" and tag in _SETS:
        return Unordered(tuple(sorted(_scalar(_SETS[tag], each, kind.children[0]) for each in content)))
    if kind.kind == "array" and tag == "L":
        return [_cell(element, kind.children[0]) for element in content]
    if kind.kind == "map" and tag == "M":
        return {name: _cell(member, kind.children[1]) for name, member in content.items()}
    if kind.kind == "struct" and tag == "M":
        if content.keys() - set(kind.names):
            raise NotImplementedError(f"a struct with other names than {kind}: {sorted(content)}")
        members = zip(kind.names, kind.children, strict=True)
        return [_cell(content[name], child) if name in content else None for name, child in members]
    return _scalar(tag, content, kind)


def _scalar(tag: str, content: Any, kind: HiveType) -> str:
    if (kind.kind, tag) in (("string", "S"), ("binary", "B")):
        return str(content)
    if kind.kind == "boolean" and tag == "BOOL":
        return "true" if content else "false"
    if kind.kind == "timestamp" and tag == "S":
        date, _, time = content.removesuffix("Z").partition("T")
        return f"{date} {time}"
    if kind.kind in _INTEGERS and tag == "N":
        number = _EXACT.create_decimal(content)
        if number % 1 or not -(2 ** _INTEGERS[kind.kind]) <= number < 2 ** _INTEGERS[kind.kind]:
            raise Misfit
        return str(int(number))
    if kind.kind == "decimal" and tag == "N":
        number = _EXACT.create_decimal(content)
        assert kind.precision is not None and kind.scale is not None
        units = number.scaleb(kind.scale, _EXACT)
        if units != units.to_integral_value(context=_EXACT) or abs(units) >= Decimal(10) ** kind.precision:
            raise Misfit
        return f"{number:.{kind.scale}f}"
    raise Misfit
