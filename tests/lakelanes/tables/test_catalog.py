"""The Glue tables of a DynamoDB table: their columns, comments and partitions."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lakelanes.catalog import glue_tables
from lakelanes.catalog.registrar import Registrar
from lakelanes.lake import Lake
from lakelanes.tables.catalog import changes_table, snapshot_partition, snapshot_table, window_partition
from tests.lakelanes.tables.lanes import ORDERS


@pytest.fixture
def lake(make_lake: Callable[..., Lake]) -> Lake:
    return make_lake(tables={"orders": ORDERS})


def test_a_registered_window_makes_the_table_and_its_partition(lake: Lake) -> None:
    table = lake.config.tables["orders"]
    Registrar(lake, "look").register(changes_table(table), [window_partition("export", "20260301T1000Z")])
    Registrar(lake, "look").register(changes_table(table), [window_partition("export", "20260301T1000Z")])
    found = glue_tables.describe(lake, "orders_changes")
    assert found is not None
    assert [key["Name"] for key in found["PartitionKeys"]] == ["lane", "window"]
    columns = {column["Name"]: column for column in found["StorageDescriptor"]["Columns"]}
    assert columns["line"]["Type"] == "decimal(10,2)" and columns["_written_at"]["Type"] == "timestamp"
    assert columns["_op"]["Comment"] == "put or delete; of a delete only the keys are known"
    partitions = lake.glue.get_partitions(DatabaseName=lake.config.resources.glue_database, TableName="orders_changes")[
        "Partitions"
    ]
    [partition] = partitions
    assert partition["Values"] == ["export", "20260301T1000Z"]
    assert (
        partition["StorageDescriptor"]["Location"]
        .rstrip("/")
        .endswith("/orders_changes/lane=export/window=20260301T1000Z")
    )


def test_snapshots_have_the_same_columns_and_are_partitioned_by_their_moment(lake: Lake) -> None:
    table = lake.config.tables["orders"]
    assert snapshot_table(table).columns == changes_table(table).columns
    assert snapshot_partition("20260301T101700Z").path == "as_of=20260301T101700Z"
    Registrar(lake, "look").register(snapshot_table(table), [snapshot_partition("20260301T101700Z")])
    found = glue_tables.describe(lake, "orders_snapshot")
    assert found is not None and [key["Name"] for key in found["PartitionKeys"]] == ["as_of"]
