"""The Glue catalogue as queries see it: databases, tables, views and partitions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

CATALOG = "awsdatacatalog"
INFORMATION_SCHEMA = "information_schema"
DEFAULT_PARTITION = "__HIVE_DEFAULT_PARTITION__"
# The characters Hive escapes in a partition's folder name (FileUtils.escapePathName).
_ESCAPED = re.compile("[\x00-\x1f\"#%'*/:=?\\\\\x7f{\\[\\]^]")


@dataclass(frozen=True)
class Column:
    """A column as Glue holds it; `type` is Hive text."""

    name: str
    type: str
    comment: str = ""


@dataclass(frozen=True)
class Storage:
    """Where and how a table or partition is stored."""

    location: str
    input_format: str = ""
    serde: str = ""
    serde_parameters: dict[str, str] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True)
class Table:
    """A Glue table or view."""

    database: str
    name: str
    kind: str
    columns: tuple[Column, ...]
    partition_keys: tuple[Column, ...]
    storage: Storage
    parameters: dict[str, str]
    view_text: str
    raw: dict[str, Any] = field(repr=False, default_factory=dict)

    @property
    def is_view(self) -> bool:
        return self.kind == "VIRTUAL_VIEW"

    @property
    def full_name(self) -> str:
        return f"{CATALOG}.{self.database}.{self.name}"


@dataclass(frozen=True)
class Partition:
    """A registered partition: its values as text, in the order of the table's partition keys."""

    values: tuple[str, ...]
    storage: Storage


class Catalogue:
    """Reads and writes Glue through a boto3 client; names are lower-cased, as Athena does."""

    def __init__(self, glue: Any) -> None:
        self.glue = glue

    def has_database(self, name: str) -> bool:
        try:
            self.glue.get_database(Name=name.lower())
        except ClientError as error:
            if code_of(error) == "EntityNotFoundException":
                return False
            raise
        return True

    def databases(self) -> list[str]:
        return sorted(item["Name"] for item in self._pages("get_databases", "DatabaseList"))

    def table(self, database: str, name: str) -> Table | None:
        """The table or view, or None when there is none."""
        try:
            answer = self.glue.get_table(DatabaseName=database.lower(), Name=name.lower())
        except ClientError as error:
            if code_of(error) == "EntityNotFoundException":
                return None
            raise
        return table_from_glue(database.lower(), answer["Table"])

    def tables(self, database: str) -> list[Table]:
        """All tables and views of a database, by name."""
        found = [
            table_from_glue(database.lower(), item)
            for item in self._pages("get_tables", "TableList", DatabaseName=database.lower())
        ]
        return sorted(found, key=lambda table: table.name)

    def partitions(self, table: Table, expression: str | None = None) -> list[Partition]:
        """The registered partitions of a table; Glue may leave out those that `expression` excludes."""
        arguments = {"DatabaseName": table.database, "TableName": table.name}
        if expression:
            arguments["Expression"] = expression
        found = []
        for item in self._pages("get_partitions", "Partitions", **arguments):
            found.append(Partition(tuple(item["Values"]), storage_from_glue(item.get("StorageDescriptor") or {})))
        return found

    def _pages(self, operation: str, key: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        for page in self.glue.get_paginator(operation).paginate(**arguments):
            yield from page[key]


def code_of(error: ClientError) -> str:
    """The error code of a boto3 error."""
    return str(error.response["Error"]["Code"])


def storage_from_glue(descriptor: dict[str, Any]) -> Storage:
    """What a StorageDescriptor describes."""
    serde = descriptor.get("SerdeInfo") or {}
    return Storage(
        location=descriptor.get("Location") or "",
        input_format=descriptor.get("InputFormat") or "",
        serde=serde.get("SerializationLibrary") or "",
        serde_parameters=dict(serde.get("Parameters") or {}),
        columns=_columns(descriptor.get("Columns")),
    )


def table_from_glue(database: str, item: dict[str, Any]) -> Table:
    """What a Table of Glue's API describes."""
    storage = storage_from_glue(item.get("StorageDescriptor") or {})
    return Table(
        database=database,
        name=item["Name"],
        kind=item.get("TableType") or "",
        columns=storage.columns,
        partition_keys=_columns(item.get("PartitionKeys")),
        storage=storage,
        parameters=dict(item.get("Parameters") or {}),
        view_text=item.get("ViewOriginalText") or "",
        raw=item,
    )


def _columns(items: list[dict[str, Any]] | None) -> tuple[Column, ...]:
    return tuple(Column(i["Name"].lower(), i.get("Type") or "string", i.get("Comment") or "") for i in items or ())


def partition_name(table: Table, values: tuple[str, ...]) -> str:
    """`year=2024/month=03`, escaped as Hive escapes it."""
    return "/".join(
        f"{key.name}={_ESCAPED.sub(_escape, v)}" for key, v in zip(table.partition_keys, values, strict=True)
    )


def _escape(match: re.Match[str]) -> str:
    return f"%{ord(match[0]):02X}"
