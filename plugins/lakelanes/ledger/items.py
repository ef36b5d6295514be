"""DynamoDB's form of an item, written once: plain values and dataclasses on one side, typed attributes on the other.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html

boto3 has a conversion of its own. It makes a Decimal of every number and takes several times as long, and the Lake page
reads hundreds of items, so the few types that the ledger's table holds are converted here: texts, whole numbers,
booleans, None, and lists and maps of these.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
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


def placeholders(attributes: Iterable[str]) -> dict[str, str]:
    """Names of attributes as an expression has them, ``#<name>``, with what they stand for: among the ledger's own are
    words that DynamoDB reserves.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ExpressionAttributeNames.html
    """
    return {f"#{name}": name for name in attributes}


def projection(read: Mapping[str, str]) -> dict[str, str]:
    """The setting of a request that is answered with these attributes alone, in the form of ``placeholders``; {} for
    all of them."""
    return {"ProjectionExpression": ", ".join(read)} if read else {}


def to_item(values: Mapping[str, Any]) -> Item:
    """The item, or the values of an expression, with these attributes; those that are None are left out."""
    return {name: _typed(value) for name, value in values.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of an item as plain values: the inverse of ``to_item``, but that tuples come back as lists."""
    return {name: _plain(value) for name, value in item.items()}


def attributes_of(record: DataclassInstance, *, without: Collection[str] = ()) -> dict[str, Any]:
    """The fields of a dataclass by their names, but for those in ``without``: what ``to_item`` takes."""
    return {name: getattr(record, name) for name in _field_names(type(record)) if name not in without}


def record_of(kind: type[Record], item: Mapping[str, Any], **given: Any) -> Record:
    """The dataclass that an item holds: a field whose attribute is not there has its default, and attributes that are
    no fields are passed over. Lists become tuples, for the dataclasses are frozen. ``given``: fields that the item does
    not have under their own names."""
    for name in _field_names(kind):
        if name in item and name not in given:
            value = _plain(item[name])
            given[name] = tuple(value) if isinstance(value, list) else value
    return kind(**given)


@cache
def _field_names(kind: type[DataclassInstance]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _typed(value: Any) -> dict[str, Any]:
    # The kinds that most attributes are of come first.
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):  # before int, which it is too
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if value is None:
        return {"NULL": True}
    if isinstance(value, list | tuple):
        return {"L": [_typed(one) for one in value]}
    if isinstance(value, Mapping):
        return {"M": {name: _typed(one) for name, one in value.items()}}
    raise TypeError(f"the ledger's table holds no {type(value).__name__}: {value!r}")


def _plain(value: Mapping[str, Any]) -> Any:
    if "S" in value:
        return value["S"]
    if "N" in value:
        return int(value["N"])
    if "BOOL" in value:
        return value["BOOL"]
    if "NULL" in value:
        return None
    if "L" in value:
        return [_plain(one) for one in value["L"]]
    if "M" in value:
        return {name: _plain(one) for name, one in value["M"].items()}
    raise TypeError(f"the ledger's table holds no attributes of type {', '.join(value)}")
