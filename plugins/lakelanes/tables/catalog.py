"""The Glue tables of a DynamoDB table, one of its changes and one of its snapshots; and those of everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from lakelanes.catalog.glue_tables import GlueTable, data_table, rejects_table
from lakelanes.config.model import CsvDialect, LakeConfig, PartitionKey, Table
from lakelanes.config.partitions import Partition
from lakelanes.convert.policy import RESCUED
from lakelanes.tables.changes import change_columns

_COMMENTS = {
    "_op": "put or delete; of a delete only the keys are known",
    "_written_at": "when DynamoDB took the change; in a full export, its moment",
    "_sequence": "sequence number in the stream, padded with zeros; null for exports",
    "_source": "full, incremental or stream",
    RESCUED: "JSON object of values that do not fit their columns, as DynamoDB has them",
}

# The parameter of a view <table>_current that says which snapshot it reads.
AS_OF = "lakelanes.as_of"


@dataclass(frozen=True)
class _Owner:
    """A DynamoDB table as the owner of a table in Glue."""

    name: str
    table_name: str
    partition_keys: tuple[PartitionKey, ...]
    date_keys: Mapping[str, str]
    dialect: CsvDialect
    registration: Literal["add_partition"] = "add_partition"


def _columns(table: Table) -> tuple[tuple[str, str, str | None], ...]:
    """Name, Hive type and comment of the columns of both tables."""
    comments = {column.name: column.comment for column in table.columns} | _COMMENTS
    comments[table.undeclared] = "JSON object of the attributes that are no columns"
    return tuple((name, kind, comments[name]) for name, kind in change_columns(table))


def changes_table(table: Table) -> GlueTable:
    """The table of changes, partitioned by lane and by window of time."""
    comment = f"Changes of {table.dynamodb_table}"
    owner = _owner(table, table.changes_table, ("lane", "window"))
    return GlueTable(owner.table_name, owner.table_name, _columns(table), "parquet", owner, comment)


def snapshot_table(table: Table) -> GlueTable:
    """The table of snapshots, partitioned by their moment."""
    comment = f"Items of {table.dynamodb_table} as they were"
    owner = _owner(table, table.snapshot_table, ("as_of",))
    return GlueTable(owner.table_name, owner.table_name, _columns(table), "parquet", owner, comment)


def tables_of(config: LakeConfig) -> Iterator[GlueTable]:
    """All tables in Glue that a configuration makes; views are none."""
    for entity in config.entities.values():
        yield from (data_table(entity), rejects_table(entity))
    for table in config.tables.values():
        yield from (changes_table(table), snapshot_table(table))


def window_partition(lane: Literal["export", "stream"], window: str) -> Partition:
    """The partition of the table of changes for a window, given as ``windows.minute_text`` writes its start."""
    return Partition((("lane", lane), ("window", window)))


def snapshot_partition(as_of: str) -> Partition:
    """The partition of the table of snapshots, given as ``ledger.second_text`` writes the moment."""
    return Partition((("as_of", as_of),))


def _owner(table: Table, name: str, keys: tuple[str, ...]) -> _Owner:
    return _Owner(table.name, name, tuple(PartitionKey(name=key) for key in keys), {}, CsvDialect())
