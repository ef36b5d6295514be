"""A lake with the sample data: files loaded the whole way, orders as rows of an export, all views made."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakelanes.catalog import athena
from lakelanes.catalog.registrar import Registrar
from lakelanes.catalog.views import refresh
from lakelanes.config.loading import DEFAULT_PATH, load_config, parse_config
from lakelanes.config.model import Table
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_entity
from lakelanes.files.matching import partition_for
from lakelanes.files.outcomes import raise_for_outcomes
from lakelanes.files.validation import validate
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from lakelanes.tables.changes import Change, change_batch, change_columns, item_reader
from scripts.sample_data import Manifest, SampleData, SampleFile, upload_files
from scripts.sample_orders import to_item, to_json
from tests.support.lakes import config_text, deploy_config
from tests.support.localaws import ACCOUNT, LocalAws


@dataclass(frozen=True)
class Sample:
    """A loaded lake with what it was loaded from: good rows by entity, as text by column, with the file's key."""

    lake: Lake
    manifest: Manifest
    rows: dict[str, list[dict[str, str]]]


@contextmanager
def sample_lake(
    aws: LocalAws, last_day: date, days: int, *, with_orders: bool = False, path: Path | None = None
) -> Iterator[Sample]:
    """A lake that has loaded the sample files of some days.

    with_orders: whether it is configured for orders, too. path: where its configuration is written, for LAKE_CONFIG to
    name while it is there.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws.environment.items():
            patch.setenv(name, value)
        raw = json.loads(DEFAULT_PATH.read_text())
        text = config_text(raw["entities"], tables=raw["tables"] if with_orders else None)
        if path:
            path.write_text(text)
            patch.setenv("LAKE_CONFIG", str(path))
        lake = deploy_config(aws, parse_config(text, {}))
        files = list(SampleData(seed=7, days=days, end=last_day).files())
        manifest = upload_files(files, lake.s3, lake.config.resources.source_bucket)
        for entity in lake.config.entities.values():
            listed = list_entity(lake, entity)
            raise_for_outcomes(load_batch(lake, entity, listed, lane="batch", run_id="test"))
            partitions = [partition_for(entity, file.key) for file in listed]
            Registrar(lake, "look").register_entity(entity, partitions)
            validate(lake, entity, partitions)
        summaries.refresh(lake.ledger, lake.config.entities.values())
        yield Sample(lake, manifest, good_rows(files))


def good_rows(files: list[SampleFile]) -> dict[str, list[dict[str, str]]]:
    """The rows of the files that were not broken on purpose, by entity."""
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    for file in files:
        body = gzip.decompress(file.body) if file.key.endswith(".gz") else file.body
        delimiter = ";" if file.entity == "store_targets" else ","
        reader = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), delimiter=delimiter)
        header, broken = next(reader), {defect.line for defect in file.defects}
        line = reader.line_num + 1
        for fields in reader:
            if file.entity and line not in broken:
                rows[file.entity].append({**dict(zip(header, fields, strict=True)), "key": file.key})
            line = reader.line_num + 1
    return rows


def orders_table() -> Table:
    """The orders of include/lake.json."""
    return load_config(DEFAULT_PATH, {"AWS_ACCOUNT_ID": ACCOUNT}).tables["orders"]


def order_rows(orders: list[dict[str, Any]]) -> pa.Table:
    """Orders as rows of an export."""
    reader = item_reader(orders_table())
    items = [reader.read(json.loads(to_json(to_item(order)))) for order in orders]
    return pa.Table.from_batches([change_batch(orders_table(), [Change("put", item, 0, "full") for item in items])])


def put_orders(lake: Lake, orders: list[dict[str, Any]], table: str = "order_rows") -> None:
    """Makes a table of the orders, and ``orders_current`` a view of it."""
    columns = change_columns(orders_table())
    body = io.BytesIO()
    pq.write_table(order_rows(orders), body)
    resources = lake.config.resources
    lake.s3.put_object(Bucket=resources.analytics_bucket, Key=f"{table}/orders.parquet", Body=body.getvalue())
    ddl = ", ".join(f"`{name}` {kind}" for name, kind in columns)
    athena.execute(
        lake,
        f"CREATE EXTERNAL TABLE {resources.glue_database}.{table} ({ddl}) STORED AS PARQUET "
        f"LOCATION 's3://{resources.analytics_bucket}/{table}/'",
    )
    listed = ", ".join(f'"{name}"' for name, _ in columns if name not in ("_op", "_sequence"))
    athena.execute(lake, f"CREATE VIEW orders_current AS SELECT {listed} FROM {table}")


def make_views(lake: Lake) -> dict[str, str]:
    """Makes the views of include/sql/views; what became of each, by name."""
    return {outcome.name: outcome.action for outcome in refresh(lake)}
