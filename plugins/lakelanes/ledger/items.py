"""DynamoDB's form of an item, written once: plain values and dataclasses on one side, typed attributes on the other.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html

boto3 has a conversion of its own. It makes a Decimal of every number and takes several times as long, and the Lake page
reads hundreds of items, so the few types that the ledger's table holds are converted here: texts, whole numbers,
booleans, None, and lists and maps of these.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Item = dict[str, dict[str, Any]]
Record = TypeVar("Record", bound="DataclassInstance")

# Version of the one item that a source or a note has, beside those of its past or its parts.
CURRENT = "current"


def key(source: str, version: str = CURRENT) -> Item:
    """The key of an item of the ledger's table."""
    return {"source": {"S": source}, "version": {"S": version}}


def to_item(values: Mapping[str, Any]) -> Item:
    """The item, or the values of an expression, with these attributes; those that are None are left out."""
    return {name: _typed(value) for name, value in values.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of an item as plain values: the inverse of ``to_item``, but that tuples come back as lists."""
    return {name: _plain(value) for name, value in item.items()}


def attributes_of(record: DataclassInstance, *, without: Collection[str] = ()) -> dict[str, Any]:
    """The fields of a dataclass by their names, but for those in ``without``: what ``to_item`` takes."""
    return {field.name: getattr(record, field.name) for field in fields(record) if field.name not in without}


def record_of(kind: type[Record], item: Mapping[str, Any], **given: Any) -> Record:
    """The dataclass that an item holds: a field whose attribute is not there has its default, and attributes that are
    no fields are passed over. Lists become tuples, for the dataclasses are frozen. ``given``: fields that the item does
    not have under their own names."""
    names = (_field_names(kind) & item.keys()) - given.keys()
    values = {name: _plain(item[name]) for name in names}
    return kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}, **given)


@cache
def _field_names(kind: type[DataclassInstance]) -> frozenset[str]:
    return frozenset(field.name for field in fields(kind))


def _typed(value: Any) -> dict[str, Any]:
    match value:
        case None:
            return {"NULL": True}
        case bool():  # before int, which it is too
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case list() | tuple():
            return {"L": [_typed(one) for one in value]}
        case Mapping():
            return {"M": {name: _typed(one) for name, one in value.items()}}
    raise TypeError(f"the ledger's table holds no {type(value).__name__}: {value!r}")


def _plain(value: Mapping[str, Any]) -> Any:
    [(kind, content)] = value.items()
    match kind:
        case "S" | "BOOL":
            return content
        case "N":
            return int(content)
        case "NULL":
            return None
        case "L":
            return [_plain(one) for one in content]
        case "M":
            return {name: _plain(one) for name, one in content.items()}
    raise TypeError(f"the ledger's table holds no attributes of type {kind}")
