"""Converts DynamoDB's attribute values to the lake's types: the one definition of it, for exports and streams.

A value comes in DynamoDB JSON, as parsed by json: ``{"N": "12.50"}``.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html

type of the column    attribute value                    a misfit, for example
string                S                                  N: a number is no text
char(n), varchar(n)   S of at most n characters          a longer one: it is never cut
tinyint to bigint     N without a fraction, in range     1.5; 1E+2 is fine, it is 100
decimal(p,s)          N that fits exactly                12.345 for decimal(10,2): never rounded
float, double         N that the binary value stands     0.1000000000000000000001: another number would come out
                      for in its shortest decimal form
boolean               BOOL
date, timestamp       S as in lakelanes.convert.values   2024-02-30
binary                B
array<t>              L of t; SS, NS or BS of t          an element that is a misfit
map<string,t>         M of t
struct<...>           M; names match whatever the case   two names that differ in their case only
                      of a-z, absent fields are null

NULL is null everywhere. A misfit makes its whole column null, and the value goes as it is into the column _rescued. So
does a value in which a struct has names that the type lacks, but there the column keeps what it could take.

lakelanes.tables.scanner reads the same values faster, and leaves to this module whatever it cannot decide.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

import numpy as np

from lakelanes.convert.values import INTEGER_RANGES, ValueRefused, parse_value
from lakelanes.errors import AttributeValueError
from lakelanes.tables.dynamodb_json import SETS, check_members, shown
from lakelanes.types import HiveType, parse_type

_FOLDED = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_WHOLE = parse_type("decimal(19,0)")


class AttributeColumn(Protocol):
    """A column of a table, as the configuration has it."""

    @property
    def name(self) -> str: ...

    @property
    def type(self) -> HiveType: ...

    @property
    def path(self) -> tuple[str, ...]: ...


@dataclass
class Item:
    """An item, or its keys alone, as a row.

    values: by column, None for null. rescued: by column, the attribute values that the column could not take.
    undeclared: the attributes that are no column's, as attribute values. A map in which columns lie is there with what
    no column took. It is left out when nothing is left of it and a column in it has a value, which tells of the map.
    """

    values: dict[str, Any] = field(default_factory=dict)
    rescued: dict[str, Any] = field(default_factory=dict)
    undeclared: dict[str, Any] = field(default_factory=dict)


class ItemReader:
    """Reads items of a table with these columns; `keys` are the names of those that are never null."""

    def __init__(self, columns: Sequence[AttributeColumn], keys: Iterable[str]) -> None:
        self._keys = tuple(keys)
        self._key_attributes = {column.path[0] for column in columns if column.name in self._keys}
        self._tree: dict[str, Any] = {}
        for column in columns:
            at = self._tree
            for name in column.path[:-1]:
                at = at.setdefault(name, {})
            at[column.path[-1]] = column

    def read(self, image: Any) -> Item:
        """The row of an item's attributes. Raises AttributeValueError when it is none or lacks its key."""
        check_members(image, "the item")
        item = Item()
        item.undeclared, _ = self._read_level(image, self._tree, item)
        for name in self._keys:
            if item.values.get(name) is None:
                why = "is missing" if name not in item.rescued else f"cannot hold {shown(item.rescued[name])}"
                raise AttributeValueError(f"the key column {name!r} {why}: rows are told apart by it; check its type")
        return item

    def read_keys(self, keys: Any) -> Item:
        """The row of a deleted item. Raises AttributeValueError when these are not the table's keys."""
        if not isinstance(keys, Mapping) or keys.keys() != self._key_attributes:
            found = ", ".join(map(str, keys)) if isinstance(keys, Mapping) else shown(keys)
            raise AttributeValueError(
                f"the keys are {found or 'none'}, the configuration has {', '.join(sorted(self._key_attributes))}"
            )
        return self.read(keys)

    def _read_level(self, members: Mapping[str, Any], tree: dict[str, Any], item: Item) -> tuple[dict[str, Any], bool]:
        """Puts the members that are columns into the item. Returns the others, and whether a column has a value."""
        others: dict[str, Any] = {}
        has_value = False
        for name, value in members.items():
            wanted = tree.get(name)
            if wanted is None:
                others[name] = value
            elif not isinstance(wanted, dict):
                has_value |= _read_column(value, wanted, item)
            elif "M" in value:
                below, below_has_value = self._read_level(value["M"], wanted, item)
                has_value |= below_has_value
                if below or not below_has_value:
                    others[name] = {"M": below}
            else:
                others[name] = value
        return others, has_value


def read_value(value: Mapping[str, Any], wanted: HiveType) -> Any:
    """The Python value that pyarrow takes for an attribute value; None for NULL. Raises ValueRefused for a misfit."""
    return _read(value, wanted, [])


def _read_column(value: Any, column: AttributeColumn, item: Item) -> bool:
    """Whether the column has the value, or it was rescued; not so for NULL."""
    surplus: list[str] = []
    try:
        item.values[column.name] = _read(value, column.type, surplus)
    except ValueRefused:
        item.rescued[column.name] = value
        return True
    if surplus:
        item.rescued[column.name] = value
    return item.values[column.name] is not None


def _read(value: Any, wanted: HiveType, surplus: list[str]) -> Any:
    """The Python value that pyarrow takes; names that a struct lacks are added to `surplus`. Raises ValueRefused."""
    [(tag, content)] = value.items()
    if tag == "NULL":
        return None
    if wanted.kind == "array" and tag in ("L", *SETS):
        elements = content if tag == "L" else ({SETS[tag]: element} for element in content)
        return [_read(element, wanted.children[0], surplus) for element in elements]
    if wanted.kind == "map" and tag == "M":
        return [(_text(name), _read(element, wanted.children[1], surplus)) for name, element in content.items()]
    if wanted.kind == "struct" and tag == "M":
        return _struct(content, wanted, surplus)
    if wanted.kind == "boolean" and tag == "BOOL":
        return content
    if wanted.kind == "binary" and tag == "B":
        return base64.b64decode(content)
    if wanted.kind in _READERS and tag == _READERS[wanted.kind][0]:
        return _READERS[wanted.kind][1](content, wanted)
    raise ValueRefused(f"{shown(value)} is no {wanted}")


def _struct(content: Mapping[str, Any], wanted: HiveType, surplus: list[str]) -> dict[str, Any]:
    types = dict(zip(wanted.names, wanted.children, strict=True))
    fields: dict[str, Any] = {}
    for name, value in content.items():
        folded = name.translate(_FOLDED)
        if folded not in types:
            surplus.append(name)
        elif folded in fields:
            raise ValueRefused(f"the map has {folded!r} twice, in upper and lower case")
        else:
            fields[folded] = _read(value, types[folded], surplus)
    return {name: fields.get(name) for name in wanted.names}


def _text(text: str, wanted: HiveType | None = None) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueRefused("half of a surrogate pair is no text") from None
    if wanted is not None and wanted.length is not None and len(text) > wanted.length:
        raise ValueRefused(f"it has {len(text)} characters")
    return text


def _moment(text: str, wanted: HiveType) -> Any:
    return parse_value(_text(text).encode(), wanted)


def _whole(text: str, wanted: HiveType) -> int:
    value = int(parse_value(text.encode(), _WHOLE))
    lowest, highest = INTEGER_RANGES[wanted.kind]
    if not lowest <= value <= highest:
        raise ValueRefused(f"the range is {lowest} to {highest}")
    return value


def _decimal(text: str, wanted: HiveType) -> Decimal:
    value: Decimal = parse_value(text.encode(), wanted)
    return value


def _binary_fraction(text: str, wanted: HiveType) -> float:
    value: float = parse_value(text.encode(), wanted)
    shortest = repr(value) if wanted.kind == "double" else str(np.float32(value))
    try:
        if Decimal(shortest) == Decimal(text):
            return value
    except InvalidOperation:
        pass
    raise ValueRefused(f"the nearest {wanted} is {shortest}")


# For each type, the tag of its values and what reads their content.
_READERS: dict[str, tuple[str, Callable[[str, HiveType], Any]]] = {
    **dict.fromkeys(("string", "char", "varchar"), ("S", _text)),
    **dict.fromkeys(("date", "timestamp"), ("S", _moment)),
    **dict.fromkeys(INTEGER_RANGES, ("N", _whole)),
    **dict.fromkeys(("float", "double"), ("N", _binary_fraction)),
    "decimal": ("N", _decimal),
}
