"""A lake with more in it than what is dropped, and what is left of it afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lakelanes.alerts import incidents
from lakelanes.alerts.messages import Alert
from lakelanes.catalog import views
from lakelanes.catalog.registrar import Registrar
from lakelanes.config.partitions import Partition
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_prefix
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from lakelanes.tables.catalog import window_partition
from tests.support.exported_table import HOUR, ExportedTable
from tests.support.lakes import SALES, put
from tests.support.source_tables import ORDERS

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
ROWS = HEADER + "a,c,1.50,2024-03-15\nb,c,x,2024-03-15\n"
# The folders and names of the second ones begin as those of the first.
ENTITIES = {
    "sales": SALES,
    "sales_2": {
        **SALES,
        "table_name": "sales_data_2",
        "source_prefix": "two/",
        "filename_pattern": SALES["filename_pattern"].replace("sales_data_", "sales_data_2_"),
    },
}
TABLES = {
    "orders": {"dynamodb_table": "shop-orders", **ORDERS},
    "orders_2": {"dynamodb_table": "shop-orders-2", **ORDERS, "table_name": "orders_2"},
}
VIEW = "SELECT CAST(count(*) AS bigint) AS n FROM {}"


def fill(make_lake: Callable[..., Lake], directory: Path) -> Lake:
    """Two entities with files, rejected rows, views and an open alert each, and two tables with exports."""
    lake = make_lake(ENTITIES, tables=TABLES)
    for day in (15, 16):
        put(lake, f"sales_data_2024_03_{day}.csv", ROWS)
        put(lake, f"two/sales_data_2_2024_03_{day}.csv", ROWS)
    load(lake, "sales", "sales_data_2024")
    load(lake, "sales_2", "two/")
    put(lake, "sales_data_2024_03_15.csv", ROWS + "d,c,1.00,2024-03-15\n")
    load(lake, "sales", "sales_data_2024")
    for number, name in enumerate(TABLES):
        export(lake, name, number)
    for name, table in (("sales_days", "sales_data"), ("two_days", "sales_data_2")):
        (directory / f"{name}.sql").write_text(VIEW.format(table))
    views.refresh(lake, directory)
    for name in (*ENTITIES, *TABLES):
        assert incidents.report(lake, f"deadline/{name}/2024-03-17", alert(name), lambda *_: None)
    return lake


def fill_small(make_lake: Callable[..., Lake]) -> Lake:
    """Two entities, one of them with a file."""
    lake = make_lake(ENTITIES)
    put(lake, "sales_data_2024_03_15.csv", ROWS)
    load(lake, "sales", "sales_data_2024")
    return lake


def load(lake: Lake, name: str, prefix: str) -> None:
    """Loads the entity's files as a function does, and registers their partitions as one does."""
    entity = lake.config.entities[name]
    outcomes = load_batch(lake, entity, list(list_prefix(lake, prefix)), lane="fast", run_id="file_processor/1")
    paths = {path for outcome in outcomes for path in outcome.partitions}
    Registrar(lake, "remember").register_entity(entity, map(Partition.from_path, paths))
    summaries.refresh(lake.ledger, [entity])


def export(lake: Lake, name: str, number: int) -> None:
    """A table with a full export, a window, and the files of both in the analytics bucket."""
    table = ExportedTable(lake, datetime(2024, 3, 15, tzinfo=UTC) + number * HOUR, name)
    table.begin()
    table.window(0)
    described = lake.config.tables[name]
    for key in (
        f"{described.changes_table}/{window_partition('export', '20240315T0000Z').path}/1.parquet",
        f"{described.snapshot_table}/as_of=20240315T000000Z/1.parquet",
        f"dynamodb-exports/{name}/AWSDynamoDB/1/manifest-summary.json",
    ):
        lake.s3.put_object(Bucket=lake.config.resources.analytics_bucket, Key=key, Body=b"x")


def alert(name: str) -> Alert:
    return Alert("watch_lake", "run", name, "no file has come", "Upload the file.", event="found a partition missing")


def without(lake: Lake, *names: str) -> Lake:
    """The lake of a configuration that has these names no more."""
    config = lake.config
    changes: dict[str, Any] = {
        kind: {name: one for name, one in getattr(config, kind).items() if name not in names}
        for kind in ("entities", "tables")
    }
    return Lake(config.model_copy(update=changes), lake.clock)


def keys(lake: Lake, bucket: str) -> list[str]:
    """Every key of a bucket."""
    pages = lake.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [listed["Key"] for page in pages for listed in page.get("Contents", ())]


def items(lake: Lake) -> dict[tuple[str, str], Any]:
    """Every item of the ledger's table by its key."""
    pages = lake.dynamodb.get_paginator("scan").paginate(TableName=lake.ledger.table)
    return {(one["source"]["S"], one["version"]["S"]): one for page in pages for one in page["Items"]}


def catalogue(lake: Lake) -> list[str]:
    """Tables and views in Glue."""
    pages = lake.glue.get_paginator("get_tables").paginate(DatabaseName=lake.config.resources.glue_database)
    return sorted(table["Name"] for page in pages for table in page["TableList"])
