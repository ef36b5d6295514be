"""Partitions in Glue: which of a table's are there, creating those that are missing, correcting where one points."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lakelanes.aws.failures import is_missing, kind_of_code
from lakelanes.aws.partial_answers import Left, left_for, require_all, send
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

    Raises EntityNotFoundException of the Glue client when there is no such table, and PartialAnswerError when Glue does
    not get to some of them, however often.
    """
    by_values = {tuple(partition.values): partition for partition in partitions}
    found: dict[Partition, Any] = {}
    for chunk in _chunks(list(by_values.values()), _GET_LIMIT):

        def get(wanted: Sequence[Partition]) -> Iterator[Left[Partition]]:
            answer = lake.glue.batch_get_partition(
                DatabaseName=lake.config.resources.glue_database,
                TableName=table.name,
                PartitionsToGet=[{"Values": partition.values} for partition in wanted],
            )
            found.update({by_values[tuple(one["Values"])]: one for one in answer["Partitions"]})
            for one in answer.get("UnprocessedKeys", ()):
                yield Left(by_values[tuple(one["Values"])])

        require_all(send(chunk, get), f"partitions of {_named(lake, table)} were not read", _path)
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
        if not is_missing(error):
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

    Those that Glue did not create for a reason that passes are sent again. Raises PartialAnswerError when some are
    left.
    """
    existing: list[Partition] = []
    by_values = {tuple(partition.values): partition for partition in partitions}

    def send_new(chunk: Sequence[Partition]) -> Iterator[Left[Partition]]:
        answer = lake.glue.batch_create_partition(
            DatabaseName=lake.config.resources.glue_database,
            TableName=table.name,
            PartitionInputList=[
                {"Values": p.values, "StorageDescriptor": {**storage, "Location": table.location(lake, p)}}
                for p in chunk
            ],
        )
        for error in answer.get("Errors", ()):
            partition, detail = by_values[tuple(error["PartitionValues"])], error["ErrorDetail"]
            if kind_of_code(detail["ErrorCode"], "glue") == "exists":
                existing.append(partition)
            else:
                yield left_for(partition, "glue", detail["ErrorCode"], detail.get("ErrorMessage", ""))

    for chunk in _chunks(partitions, _CREATE_LIMIT):
        require_all(send(chunk, send_new), f"partitions of {_named(lake, table)} were not created", _path)
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


def _path(partition: Partition) -> str:
    return partition.path


def _named(lake: Lake, table: GlueTable) -> str:
    return f"{lake.config.resources.glue_database}.{table.name}"


def _chunks(partitions: Sequence[Partition], size: int) -> Iterator[Sequence[Partition]]:
    for start in range(0, len(partitions), size):
        yield partitions[start : start + size]
