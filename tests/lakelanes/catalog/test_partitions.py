"""Partitions in Glue: found by their values, created once, and pointed to their folders."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.catalog import partitions
from lakelanes.catalog.evolution import ensure_table
from lakelanes.catalog.glue_tables import GlueTable, data_table
from lakelanes.config.partitions import Partition, partition_of
from lakelanes.errors import CatalogError
from lakelanes.lake import Lake


@pytest.fixture
def table(lake: Lake) -> GlueTable:
    made = data_table(lake.config.entities["sales"])
    ensure_table(lake, made)
    return made


def days(lake: Lake, *numbers: int) -> list[Partition]:
    return [partition_of(lake.config.entities["sales"], ["2024", "03", f"{day:02}"]) for day in numbers]


def test_what_is_created_is_found_in_its_folder_and_what_was_there_is_returned(lake: Lake, table: GlueTable) -> None:
    storage = partitions.storage_of(lake, table)
    assert partitions.create(lake, table, days(lake, 1, 2), storage) == []
    assert partitions.create(lake, table, days(lake, 2, 3), storage) == days(lake, 2)
    found = partitions.described(lake, table, days(lake, 1, 3, 9))
    assert list(found) == days(lake, 1, 3)
    for day, description in found.items():
        assert partitions.location_of(description) == table.location(lake, day)
        assert partitions.is_in_place(lake, table, day, description)


def test_a_partition_that_points_elsewhere_is_pointed_to_its_folder(lake: Lake, table: GlueTable) -> None:
    [day] = days(lake, 1)
    storage = partitions.storage_of(lake, table)
    where = {"DatabaseName": lake.config.resources.glue_database, "TableName": table.name}
    wrong = {
        "Values": day.values,
        "StorageDescriptor": {**storage, "Location": "s3://elsewhere"},
        "Parameters": {"a": "b"},
    }
    lake.glue.create_partition(**where, PartitionInput=wrong)
    description = partitions.described(lake, table, [day])[day]
    assert not partitions.is_in_place(lake, table, day, description)
    partitions.relocate(lake, table, day, description)
    description = partitions.described(lake, table, [day])[day]
    assert partitions.is_in_place(lake, table, day, description)
    assert description["Parameters"]["a"] == "b"


@pytest.mark.parametrize("location", ["{folder}", "{folder}/"])
def test_a_slash_at_the_end_makes_no_other_place(lake: Lake, table: GlueTable, location: str) -> None:
    [day] = days(lake, 1)
    folder = table.location(lake, day).rstrip("/")
    description = {"StorageDescriptor": {"Location": location.format(folder=folder)}}
    assert partitions.is_in_place(lake, table, day, description)
    assert not partitions.is_in_place(lake, table, day, {"StorageDescriptor": {"Location": f"{folder}x"}})
    assert not partitions.is_in_place(lake, table, day, {"StorageDescriptor": {}})


def test_partitions_that_glue_did_not_get_to_are_asked_for_again(lake: Lake, table: GlueTable) -> None:
    partitions.create(lake, table, days(lake, *range(1, 6)), partitions.storage_of(lake, table))
    asked: list[int] = []

    def get_to_two(parsed: Any, **_: Any) -> None:
        asked.append(len(parsed["Partitions"]))
        parsed["UnprocessedKeys"] = [{"Values": one["Values"]} for one in parsed["Partitions"][2:]]
        del parsed["Partitions"][2:]

    lake.glue.meta.events.register("after-call.glue.BatchGetPartition", get_to_two)
    assert len(partitions.described(lake, table, days(lake, *range(1, 6)))) == 5
    assert asked == [5, 3, 1]


def test_a_partition_that_glue_refuses_is_an_error_with_its_reason(lake: Lake, table: GlueTable) -> None:
    def refuse(parsed: Any, **_: Any) -> None:
        detail = {"ErrorCode": "InternalServiceException", "ErrorMessage": "try later"}
        parsed["Errors"] = [{"PartitionValues": ["2024", "03", "01"], "ErrorDetail": detail}]

    lake.glue.meta.events.register("after-call.glue.BatchCreatePartition", refuse)
    with pytest.raises(CatalogError, match="was not created: InternalServiceException: try later"):
        partitions.create(lake, table, days(lake, 1), partitions.storage_of(lake, table))


def test_a_table_that_is_not_there_has_no_storage(lake: Lake) -> None:
    with pytest.raises(CatalogError, match="sales_data does not exist; load a file of sales first"):
        partitions.storage_of(lake, data_table(lake.config.entities["sales"]))
