"""Partitions in Glue: found by their values, created once, and pointed to their folders."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.aws import partial_answers, pauses
from lakelanes.catalog import partitions
from lakelanes.catalog.evolution import ensure_table
from lakelanes.catalog.glue_tables import GlueTable, data_table
from lakelanes.config.partitions import Partition, partition_of
from lakelanes.errors import CatalogError, PartialAnswerError
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


PASSING = ("ConcurrentModificationException", "InternalServiceException", "OperationTimeoutException")


def refusing(lake: Lake, code: str, times: int, days: list[Partition]) -> list[int]:
    """Has Glue leave these partitions out, as if it had not created them, so many times; the sizes of the requests."""
    sizes: list[int] = []

    def leave_out(params: Any, **_: Any) -> None:
        wanted = params["PartitionInputList"]
        sizes.append(len(wanted))
        if len(sizes) <= times:
            kept = [one for one in wanted if one["Values"] not in [day.values for day in days]]
            # The request has to have one.
            params["PartitionInputList"] = kept or wanted

    def say(parsed: Any, **_: Any) -> None:
        if len(sizes) <= times:
            detail = {"ErrorCode": code, "ErrorMessage": "not now"}
            parsed["Errors"] = [{"PartitionValues": one.values, "ErrorDetail": detail} for one in days]

    lake.glue.meta.events.register("provide-client-params.glue.BatchCreatePartition", leave_out)
    lake.glue.meta.events.register("after-call.glue.BatchCreatePartition", say)
    return sizes


@pytest.mark.parametrize("code", PASSING)
def test_partitions_that_glue_left_out_for_a_moment_are_created(lake: Lake, table: GlueTable, code: str) -> None:
    sizes = refusing(lake, code, 1, days(lake, 2))
    assert partitions.create(lake, table, days(lake, 1, 2, 3), partitions.storage_of(lake, table)) == []
    assert sizes == [3, 1], "those that are created are not sent again"
    assert list(partitions.described(lake, table, days(lake, 1, 2, 3))) == days(lake, 1, 2, 3)


@pytest.mark.parametrize("code", PASSING)
def test_what_glue_keeps_leaving_out_may_pass_later(
    lake: Lake, table: GlueTable, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pauses.time, "sleep", lambda seconds: None)
    sizes = refusing(lake, code, 99, days(lake, 1))
    with pytest.raises(PartialAnswerError, match=f"1 partitions of .* were not created: .*: {code}: not now") as error:
        partitions.create(lake, table, days(lake, 1), partitions.storage_of(lake, table))
    assert error.value.retryable
    assert len(sizes) == partial_answers.TRIES


def test_what_glue_refuses_for_good_ends_it_at_once_and_keeps_no_other_from_being_created(
    lake: Lake, table: GlueTable
) -> None:
    sizes = refusing(lake, "InvalidInputException", 99, days(lake, 2))
    with pytest.raises(PartialAnswerError, match="InvalidInputException: not now") as error:
        partitions.create(lake, table, days(lake, 1, 2), partitions.storage_of(lake, table))
    assert not error.value.retryable
    assert sizes == [2]
    assert list(partitions.described(lake, table, days(lake, 1, 2))) == days(lake, 1)


def test_a_table_that_is_not_there_has_no_storage(lake: Lake) -> None:
    with pytest.raises(CatalogError, match="sales_data does not exist; load a file of sales first"):
        partitions.storage_of(lake, data_table(lake.config.entities["sales"]))
