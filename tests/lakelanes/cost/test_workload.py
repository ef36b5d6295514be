"""What the lake had to do of late is read from the ledger's counts, for entities with dates and without."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakelanes.cost import workload
from lakelanes.cost.workload import entity_load, read_entity, read_lake, read_table, runs_a_day
from lakelanes.dashboards import questions, spice
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from lakelanes.ledger.entries import Entry, timestamp
from lakelanes.ledger.summaries import Counts
from tests.support.lakes import SALES, make_config
from tests.support.requests_made import RequestsMade

NOW = datetime(2024, 3, 16, 6, tzinfo=UTC)
BY_STORE = {
    **SALES,
    "table_name": "stores",
    "filename_pattern": r"stores_(\w+)\.csv",
    "partition_keys": ["store"],
    "source_prefix": "stores/",
}


def know(lake: Lake, entity: str, files: Iterable[dict[str, Any]]) -> None:
    """Puts files into the ledger, and counts them."""
    for number, values in enumerate(files):
        at = timestamp(values.pop("at", NOW - timedelta(days=1)))
        entry = Entry(f"s3://source/{entity}/{number}", entity=entity, updated_at=at, claimed_at=at, token=1, **values)
        lake.dynamodb.put_item(TableName=lake.ledger.table, Item=entry.to_item())
    summaries.refresh(lake.ledger, lake.config.entities.values())


def loaded(day: int, lane: str = "batch", size: int = 1000, **more: Any) -> dict[str, Any]:
    partition = f"year=2024/month=03/day={day:02d}"
    values = {"state": "loaded", "lane": lane, "size": size, "partition": partition, "rows_loaded": 7, "live_rows": 7}
    return {**values, "live_etag": "1", "loaded_at": timestamp(NOW), **more}


def test_an_entity_with_dates_counts_the_periods_of_the_last_days(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake(clock=lambda: NOW)
    know(lake, "sales", [loaded(1), loaded(14), loaded(15), loaded(15, "fast", 3000), loaded(15, state="rejected")])
    made = RequestsMade(lake)
    found = read_entity(lake, lake.config.entities["sales"], 5)
    assert made.names == ["BatchGetItem", "Query"]
    assert (found.days, found.runs) == (5, 5)
    assert (found.files_batch, found.files_fast, found.files_refused, found.bytes) == (2, 1, 1, 6000)
    assert (found.rows, found.partitions) == (21, 2)
    assert (found.kept_files, found.kept_bytes, found.kept_partitions) == (5, 7000, 3)
    assert read_entity(lake, lake.config.entities["sales"], 30).files == 5


def test_an_entity_without_dates_counts_the_files_that_were_loaded_in_that_time(
    make_lake: Callable[..., Lake], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = make_lake({"stores": BY_STORE}, clock=lambda: NOW)
    old = {"at": NOW - timedelta(days=9)}
    files = [loaded(1, partition=f"store={n}", at=NOW - timedelta(days=4 - n)) for n in range(4)]
    know(lake, "stores", [{**loaded(1, partition="store=old"), **old}, *files, loaded(1, state="rejected")])
    stores = lake.config.entities["stores"]
    found = read_entity(lake, stores, 5)
    assert (found.files_batch, found.files_refused, found.partitions, found.runs) == (4, 1, 5, 0)
    assert (found.kept_files, found.days) == (6, 5)
    # Of more than it reads, the time that these took stands for the rest: two files in the first two of five days.
    monkeypatch.setattr(workload, "MOST_FILES", 2)
    found = read_entity(lake, stores, 5)
    assert found.files_batch == 2 and found.days == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize(
    ("settings", "runs"),
    [
        ({}, 1),
        ({"lanes": ["fast"]}, 0),
        ({"partition_keys": ["year", "month"], "filename_pattern": r"sales_(\d{4})_(\d{2})\.csv"}, 1 / 30),
        ({**BY_STORE}, 0),
        ({**BY_STORE, "schedule": "*/10 * * * *"}, 144),
        ({**BY_STORE, "schedule": "0 6 * * 1"}, 4 / 30),
    ],
)
def test_runs_follow_the_schedule(settings: dict[str, Any], runs: float) -> None:
    entity = make_config({"sales": {**SALES, **settings}}).entities["sales"]
    assert runs_a_day(entity, NOW) == pytest.approx(runs, rel=1e-3)


def test_a_csv_table_has_no_table_of_rejected_rows_and_keeps_the_file() -> None:
    entity = make_config({"sales": {**SALES, "format": "csv"}}).entities["sales"]
    found = entity_load(entity, 30, Counts(files_batch=1), Counts(), 30)
    assert (found.tables, found.keeps_source) == (1, True)


def test_a_table_that_dynamodb_does_not_tell_of_is_said_to_be_unmeasured(make_lake: Callable[..., Lake]) -> None:
    columns = [{"name": "order_id", "type": "string"}]
    table = {"dynamodb_table": "no-such-orders", "table_name": "orders", "keys": ["order_id"], "schema": columns}
    lake = make_lake(tables={"orders": table}, clock=lambda: NOW)
    found = read_table(lake, lake.config.tables["orders"], 30)
    assert (found.measured, found.items, found.windows) == (False, 0, 720)
    assert (found.batch_records, found.images, found.keep_snapshots_days) == (1000, 2, 7)


def test_the_lake_has_the_dashboards_and_what_spice_holds_of_them(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    found = read_lake(lake)
    assert found.questions > 10 and found.datasets > 1 and found.has_fast and not found.has_streams
    assert (found.datasets_in_use, found.spice_bytes) == (0, 0)
    name, dataset = next(iter(spice.datasets(lake).items()))
    lake.ledger.write_note(f"spice/{name}", {"rows": 1000})
    columns = {dataset.view: {"store": "text", "amount": "decimal"}}
    monkeypatch.setattr(questions, "columns_of", lambda _: columns)
    one = read_lake(lake)
    assert (one.datasets_in_use, one.spice_bytes) == (1, 1000 * (8 + 16 + 8))
    columns.clear()
    assert read_lake(lake).spice_bytes == 0, "the view's tables are not in the configuration"
