"""Registration: partitions of a load become visible to Athena, whatever is in Glue."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lakelanes.catalog import athena
from lakelanes.catalog.registrar import Registrar
from lakelanes.lake import Lake
from tests.lakelanes.files.support import HEADER, KEY, load, partition, rows, select, table
from tests.support.lakes import SALES, put


def test_a_partition_that_points_elsewhere_is_pointed_to_its_folder(lake: Lake) -> None:
    put(lake, KEY, HEADER + rows(3))
    load(lake)
    where = {"DatabaseName": lake.config.resources.glue_database, "TableName": "sales_data"}
    values = ["2024", "03", "15"]
    wrong = lake.glue.get_partition(**where, PartitionValues=values)["Partition"]["StorageDescriptor"]
    right = wrong["Location"]
    elsewhere = f"s3://{lake.config.resources.analytics_bucket}/elsewhere/file.csv"
    wrong["Location"] = elsewhere
    lake.glue.update_partition(
        **where, PartitionValueList=values, PartitionInput={"Values": values, "StorageDescriptor": wrong}
    )
    assert table(lake) == []
    done = Registrar(lake, "look").register_entity(lake.config.entities["sales"], [partition(lake)])
    assert done.relocated == [f"sales_data/year=2024/month=03/day=15: {elsewhere} -> {right}"]
    assert len(table(lake)) == 3


@pytest.mark.parametrize("cure", ["register", "msck"])
def test_a_deleted_partition_takes_its_rows_along_until_it_is_registered_again(lake: Lake, cure: str) -> None:
    put(lake, KEY, HEADER + rows(3))
    put(lake, "sales_data_2024_03_16.csv", HEADER + rows(4))
    load(lake)
    lake.glue.delete_partition(
        DatabaseName=lake.config.resources.glue_database, TableName="sales_data", PartitionValues=["2024", "03", "15"]
    )
    assert len(table(lake)) == 4
    if cure == "register":
        assert Registrar(lake, "look").register_entity(lake.config.entities["sales"], [partition(lake)]).created == 1
    else:
        athena.execute(lake, "MSCK REPAIR TABLE sales_data")
    assert len(table(lake)) == 7


@pytest.mark.parametrize("registration", ["add_partition", "msck", "projection"])
def test_each_way_of_registration_makes_rows_visible(make_lake: Callable[..., Lake], registration: str) -> None:
    lake = make_lake({"sales": {**SALES, "registration": registration}})
    put(lake, KEY, HEADER + rows(3))
    load(lake)
    assert select(lake, "SELECT count(*) FROM sales_data WHERE year='2024' AND month='03' AND day='15'") == [("3",)]


def test_partitions_are_registered_a_hundred_a_call(lake: Lake) -> None:
    days = [f"2024-{month:02}-{day:02}" for month in range(1, 10) for day in range(1, 28)]
    calls: list[str] = []
    lake.glue.meta.events.register("before-call.glue", lambda model, **_: calls.append(model.name))
    done = Registrar(lake, "look").register_entity(
        lake.config.entities["sales"], [partition(lake, day) for day in days]
    )
    assert done.created == len(days) == 243
    assert calls.count("BatchCreatePartition") == 6  # 3 for the table, 3 for its rejects
    calls.clear()
    assert (
        Registrar(lake, "look")
        .register_entity(lake.config.entities["sales"], [partition(lake, day) for day in days])
        .created
        == 0
    )
    assert "BatchCreatePartition" not in calls
