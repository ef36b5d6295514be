"""Operations on partitions. See https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-catalog-partitions.html."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from localaws import protocol
from localaws.glue import expression
from localaws.glue.paging import page
from localaws.glue.store import Catalog, Record
from localaws.glue.tables import error_detail
from localaws.protocol import AwsError, Request

_LARGEST_PAGE = 1000
_LARGEST_CREATE = 100
_LARGEST_UPDATE = 100
_LARGEST_DELETE = 25
_LARGEST_GET = 1000
_LONGEST_VALUE = 1024
_LONGEST_EXPRESSION = 2048
_MOST_SEGMENTS = 10

# PartitionInput's members, as they appear in a Partition.
_MEMBERS = ("Values", "LastAccessTime", "StorageDescriptor", "Parameters", "LastAnalyzedTime")

Values = tuple[str, ...]


def create_partition(catalog: Catalog, request: Request) -> dict[str, Any]:
    """CreatePartition; AlreadyExistsException when the values are taken."""
    table = _table(catalog, request)
    wanted = _input(request.get("PartitionInput"))
    values = _values(table, wanted.get("Values"))
    if _find(catalog.partitions(table), values) is not None:
        raise AwsError("AlreadyExistsException", "Partition already exists.")
    catalog.partitions(table).append(_partition(catalog, table, wanted))
    return {}


def batch_create_partition(catalog: Catalog, request: Request) -> dict[str, Any]:
    """BatchCreatePartition: at most 100; partitions that exist are entries of Errors, the others are created.

    One entry with the wrong number of values refuses the whole call.
    """
    wanted = request.get("PartitionInputList") or []
    protocol.check_length("ValidationException", "partitionInputList", wanted, _LARGEST_CREATE)
    table = _table(catalog, request)
    inputs = [(_values(table, _input(one).get("Values")), one) for one in wanted]
    partitions = catalog.partitions(table)
    taken = {_of(partition) for partition in partitions}
    errors = []
    for values, one in inputs:
        if values in taken:
            error = AwsError("AlreadyExistsException", "Partition already exists.")
            errors.append({"PartitionValues": list(values), "ErrorDetail": error_detail(error)})
            continue
        taken.add(values)
        partitions.append(_partition(catalog, table, one))
    return {"Errors": errors}


def get_partition(catalog: Catalog, request: Request) -> dict[str, Any]:
    """GetPartition."""
    table = _table(catalog, request)
    return {"Partition": _existing(catalog, table, request.get("PartitionValues"))}


def get_partitions(catalog: Catalog, request: Request) -> dict[str, Any]:
    """GetPartitions: those that Expression selects, of one segment when it is given, sorted by values and paged."""
    table = _table(catalog, request)
    partitions = sorted(catalog.partitions(table), key=_of)
    segment = request.get("Segment")
    if segment:
        partitions = _segment(partitions, segment)
    text = request.get("Expression")
    if text and text.strip():
        protocol.check_length("ValidationException", "expression", text, _LONGEST_EXPRESSION)
        selects = expression.compile_filter(text, table.get("PartitionKeys") or [])
        partitions = [partition for partition in partitions if selects(partition["Values"])]
    chosen, token = page(request, partitions, lambda partition: list(_of(partition)), _LARGEST_PAGE)
    if request.get("ExcludeColumnSchema"):
        chosen = [_without_columns(partition) for partition in chosen]
    return {"Partitions": chosen, **token}


def batch_get_partition(catalog: Catalog, request: Request) -> dict[str, Any]:
    """BatchGetPartition: at most 1000; partitions that are missing are left out without an error, as on AWS."""
    wanted = request.get("PartitionsToGet") or []
    protocol.check_length("ValidationException", "partitionsToGet", wanted, _LARGEST_GET)
    table = _table(catalog, request)
    values = [_values(table, one.get("Values")) for one in wanted]
    known = {_of(partition): partition for partition in catalog.partitions(table)}
    return {"Partitions": [known[one] for one in dict.fromkeys(values) if one in known], "UnprocessedKeys": []}


def update_partition(catalog: Catalog, request: Request) -> dict[str, Any]:
    """UpdatePartition: replaces everything but the values."""
    table = _table(catalog, request)
    partition = _existing(catalog, table, request.get("PartitionValueList"))
    _replace(catalog, table, partition, request.get("PartitionInput"))
    return {}


def batch_update_partition(catalog: Catalog, request: Request) -> dict[str, Any]:
    """BatchUpdatePartition: at most 100; what cannot be updated is an entry of Errors."""
    entries = request.get("Entries") or []
    protocol.check_length("ValidationException", "entries", entries, _LARGEST_UPDATE, 1)
    table = _table(catalog, request)
    errors = []
    for entry in entries:
        values = entry.get("PartitionValueList") or []
        try:
            _replace(catalog, table, _existing(catalog, table, values), entry.get("PartitionInput"))
        except AwsError as error:
            errors.append({"PartitionValueList": values, "ErrorDetail": error_detail(error)})
    return {"Errors": errors}


def delete_partition(catalog: Catalog, request: Request) -> dict[str, Any]:
    """DeletePartition; EntityNotFoundException when it is missing."""
    table = _table(catalog, request)
    catalog.remove_partitions(table, [_of(_existing(catalog, table, request.get("PartitionValues")))])
    return {}


def batch_delete_partition(catalog: Catalog, request: Request) -> dict[str, Any]:
    """BatchDeletePartition: at most 25; partitions that are missing are entries of Errors."""
    wanted = request.get("PartitionsToDelete") or []
    protocol.check_length("ValidationException", "partitionsToDelete", wanted, _LARGEST_DELETE)
    table = _table(catalog, request)
    values = [_values(table, one.get("Values")) for one in wanted]
    left = {_of(partition) for partition in catalog.partitions(table)}
    errors = []
    for one in values:
        if one in left:
            left.remove(one)
        else:
            errors.append({"PartitionValues": list(one), "ErrorDetail": error_detail(_not_found())})
    catalog.remove_partitions(table, values)
    return {"Errors": errors}


def _table(catalog: Catalog, request: Request) -> Record:
    return catalog.table(request.get("DatabaseName"), request.get("TableName"))


def _input(wanted: Any) -> Record:
    if not isinstance(wanted, dict):
        raise protocol.constraint_error("ValidationException", "partitionInput", wanted, "Member must not be null")
    return wanted


def _values(table: Record, values: Sequence[str] | None) -> Values:
    """The values as a tuple; raises InvalidInputException unless there is one for each partition key."""
    given = tuple(values or ())
    if len(given) != len(table.get("PartitionKeys") or []):
        raise AwsError(
            "InvalidInputException", "The number of partition keys do not match the number of partition values"
        )
    for value in given:
        protocol.check_length("ValidationException", "partitionValues", value, _LONGEST_VALUE)
    return given


def _of(partition: Record) -> Values:
    return tuple(partition["Values"])


def _find(partitions: Sequence[Record], values: Values) -> Record | None:
    return next((partition for partition in partitions if _of(partition) == values), None)


def _existing(catalog: Catalog, table: Record, values: Sequence[str] | None) -> Record:
    partition = _find(catalog.partitions(table), _values(table, values))
    if partition is None:
        raise _not_found()
    return partition


def _not_found() -> AwsError:
    return AwsError("EntityNotFoundException", "Cannot find partition.")


def _partition(catalog: Catalog, table: Record, wanted: Record) -> Record:
    partition = {member: wanted[member] for member in _MEMBERS if wanted.get(member) is not None}
    partition |= {"DatabaseName": table["DatabaseName"], "TableName": table["Name"]}
    return {**partition, "CreationTime": int(time.time()), "CatalogId": catalog.account()}


def _replace(catalog: Catalog, table: Record, partition: Record, wanted: Any) -> None:
    definition = _input(wanted)
    # Values may be left out of the new definition; given, they cannot differ.
    if definition.get("Values") and tuple(definition["Values"]) != _of(partition):
        raise AwsError(
            "InvalidInputException",
            "The values of a partition cannot be changed: delete the partition and create it again.",
        )
    updated = _partition(catalog, table, {**definition, "Values": partition["Values"]})
    updated["CreationTime"] = partition.get("CreationTime", updated["CreationTime"])
    partition.clear()
    partition.update(updated)


def _segment(partitions: list[Record], segment: Record) -> list[Record]:
    """The partitions of one of TotalSegments parts that do not overlap and together hold all."""
    total, number = segment.get("TotalSegments", 0), segment.get("SegmentNumber", -1)
    protocol.check_range("ValidationException", "segment.totalSegments", total, 1, _MOST_SEGMENTS)
    if not 0 <= number < total:
        raise AwsError("InvalidInputException", f"SegmentNumber {number} is not below TotalSegments {total}")
    return [one for one in partitions if zlib.crc32("\0".join(one["Values"]).encode()) % total == number]


def _without_columns(partition: Record) -> Record:
    if "StorageDescriptor" not in partition:
        return partition
    descriptor = {name: value for name, value in partition["StorageDescriptor"].items() if name != "Columns"}
    return {**partition, "StorageDescriptor": descriptor}


OPERATIONS: dict[str, Callable[[Catalog, Request], dict[str, Any]]] = {
    "BatchCreatePartition": batch_create_partition,
    "BatchDeletePartition": batch_delete_partition,
    "BatchGetPartition": batch_get_partition,
    "BatchUpdatePartition": batch_update_partition,
    "CreatePartition": create_partition,
    "DeletePartition": delete_partition,
    "GetPartition": get_partition,
    "GetPartitions": get_partitions,
    "UpdatePartition": update_partition,
}
