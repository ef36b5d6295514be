"""Partitions in Glue: which of a table's are there, creating those that are missing, correcting where one points."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lakelanes.aws.clients import error_code
from lakelanes.catalog.glue_tables import GlueTable, data_table, describe
from lakelanes.config.partitions import Partition
from lakelanes.errors import CatalogError
from lakelanes.ledger.entries import UNPLACED

if TYPE_CHECKING:
    from lakelanes.config.model import Entity
    from lakelanes.lake import Lake

# https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html
_CREATE_LIMIT = 100
# https://docs.aws.amazon.com/glue/latest/webapi/API_BatchGetPartition.html
_GET_LIMIT = 1000


def described(lake: Lake, table: GlueTable, partitions: Iterable[Partition]) -> dict[Partition, Any]:
    """Glue's descriptions of those of the partitions that are there; one BatchGetPartition per 1,000.

    Raises EntityNotFoundException of the Glue client when there is no such table.
    """
    by_values = {tuple(partition.values): partition for partition in partitions}
    found: dict[Partition, Any] = {}
    for chunk in _chunks(list(by_values.values()), _GET_LIMIT):
        keys: list[Any] = [{"Values": partition.values} for partition in chunk]
        while keys:
            answer = lake.glue.batch_get_partition(
                DatabaseName=lake.config.resources.glue_database, TableName=table.name, PartitionsToGet=keys
            )
            found |= {by_values[tuple(one["Values"])]: one for one in answer["Partitions"]}
            keys = answer.get("UnprocessedKeys", [])
    return found


def unregistered(lake: Lake, entity: Entity, paths: Iterable[str]) -> list[Partition]:
    """Those of the partitions of an entity's table, given by their folders, that Athena cannot read yet: Glue does not
    have them. None of a table with partition projection, and none of files whose partition is not known."""
    if entity.registration == "projection":
        return []
    wanted = [Partition.from_path(path) for path in sorted(set(paths)) if path and not path.startswith(UNPLACED)]
    try:
        there = described(lake, data_table(entity), wanted) if wanted else {}
    except ClientError as error:
        if error_code(error) != "EntityNotFoundException":
            raise
        there = {}
    return [one for one in wanted if one not in there]


def location_of(description: Mapping[str, Any]) -> str:
    """Where a partition lies, as Glue describes it."""
    location: str = description["StorageDescriptor"].get("Location", "")
    return location


def is_in_place(lake: Lake, table: GlueTable, partition: Partition, description: Mapping[str, Any]) -> bool:
    """Whether a partition, as Glue describes it, points to its own folder."""
    return location_of(description).rstrip("/") == table.location(lake, partition).rstrip("/")


def storage_of(lake: Lake, table: GlueTable) -> Any:
    """The StorageDescriptor of the table in Glue, which its partitions share but for the Location."""
    description = describe(lake, table.name)
    if description is None:
        database = lake.config.resources.glue_database
        raise CatalogError(f"table {database}.{table.name} does not exist; load a file of {table.entity.name} first")
    return description["StorageDescriptor"]


def create(lake: Lake, table: GlueTable, partitions: Sequence[Partition], storage: Any) -> list[Partition]:
    """Creates partitions of a table that stores rows as ``storage`` says, 100 a call; returns those that exist already.

    Raises CatalogError when Glue refuses one for another reason.
    """
    database = lake.config.resources.glue_database
    existing: list[Partition] = []
    for chunk in _chunks(partitions, _CREATE_LIMIT):
        inputs = [
            {"Values": p.values, "StorageDescriptor": {**storage, "Location": table.location(lake, p)}} for p in chunk
        ]
        answer = lake.glue.batch_create_partition(
            DatabaseName=database, TableName=table.name, PartitionInputList=inputs
        )
        by_values = {tuple(partition.values): partition for partition in chunk}
        for error in answer.get("Errors", ()):
            detail = error["ErrorDetail"]
            if detail["ErrorCode"] != "AlreadyExistsException":
                raise CatalogError(
                    f"partition {error['PartitionValues']} of {database}.{table.name} was not created: "
                    f"{detail['ErrorCode']}: {detail.get('ErrorMessage', '')}"
                )
            existing.append(by_values[tuple(error["PartitionValues"])])
    return existing


def relocate(lake: Lake, table: GlueTable, partition: Partition, description: Mapping[str, Any]) -> None:
    """Points a partition, as Glue describes it, to its own folder."""
    storage = {**description["StorageDescriptor"], "Location": table.location(lake, partition)}
    lake.glue.update_partition(
        DatabaseName=lake.config.resources.glue_database,
        TableName=table.name,
        PartitionValueList=partition.values,
        PartitionInput={
            "Values": partition.values,
            "StorageDescriptor": storage,
            "Parameters": description.get("Parameters", {}),
        },
    )


def _chunks(partitions: Sequence[Partition], size: int) -> Iterator[Sequence[Partition]]:
    for start in range(0, len(partitions), size):
        yield partitions[start : start + size]
