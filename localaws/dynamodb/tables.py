"""ministack's tables: how requests name them, and what is read from their records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from localaws import protocol
from localaws.dynamodb.journal import Item, Key
from localaws.protocol import AwsError

Table = dict[str, Any]


def module() -> Any:
    """ministack's DynamoDB; imported late, because it reads the environment then."""
    from ministack.services import dynamodb

    return dynamodb


def named(name: object, missing: str = "TableNotFoundException") -> Table:
    """The table of the request's account and region; the name may be an ARN. Raises the error ``missing``."""
    if not isinstance(name, str) or not name:
        raise protocol.constraint_error("ValidationException", "tableName", name, "Member must not be null")
    table: Table | None = module()._tables.get(module()._normalize_table_name(name))
    if table is None:
        raise AwsError(missing, f"Table not found: {name}")
    return table


def items(table: Table) -> Iterator[tuple[Key, Item]]:
    """Every item with its key as ministack files it."""
    for partition, by_sort_key in list(table["items"].items()):
        for sort_key, item in list(by_sort_key.items()):
            yield (partition, sort_key), item


def key_names(table: Table) -> list[str]:
    """The key attributes, partition key first."""
    return [name for name in (table["pk_name"], table["sk_name"]) if name]
