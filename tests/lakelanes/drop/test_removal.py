"""Dropping deletes what belongs to a name, and nothing else; nothing that is at work loses what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lakelanes.alerts.incidents import open_incidents
from lakelanes.catalog import athena, view_sources
from lakelanes.drop.belongings import belongings, journal
from lakelanes.drop.removal import drop
from lakelanes.errors import DropError
from lakelanes.files.listing import find_source
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry
from lakelanes.ledger.ownership import MARKER
from tests.lakelanes.drop.filled import HEADER, ROWS, catalogue, fill, fill_small, items, keys, load, without
from tests.support.lakes import SALES, put

FIRST = "sales_data_2024_03_15.csv"


@pytest.fixture
def small(make_lake: Callable[..., Lake]) -> Lake:
    return fill_small(make_lake)


@pytest.fixture
def lake(make_lake: Callable[..., Lake], tmp_path: Path) -> Lake:
    return fill(make_lake, tmp_path)


def dropped(lake: Lake, name: str) -> list[Any]:
    """Drops a name that the configuration has no more; the messages that were sent."""
    sent: list[Any] = []
    after = without(lake, name)
    drop(after, belongings(after, name), lambda _, alert: sent.append(alert))
    return sent


def of_sales(key: tuple[str, str]) -> bool:
    """Whether an item of the ledger is of the entity sales."""
    source, version = key
    if source.startswith("s3://"):
        return "/two/" not in source
    return (
        source in ("summary:sales", "periods:sales", "total:sales", "note:summaries/sales", "note:table/sales_data")
        or source.startswith(("note:registered/sales_data/", "note:registered/sales_data_rejects/"))
        or source in ("note:table/sales_data_rejects",)
        or (source == "incidents" and "/sales/" in version)
    )


def test_an_entity_goes_with_all_that_is_its_own_and_nothing_else(lake: Lake) -> None:
    resources = lake.config.resources
    before, sources, made = items(lake), keys(lake, resources.source_bucket), catalogue(lake)
    stored = keys(lake, resources.analytics_bucket)
    own = {key for key in before if of_sales(key)}
    assert {key[0].split(":")[0] for key in own} >= {"s3", "summary", "periods", "total", "note", "incidents"}
    assert sum(key[0].startswith("note:registered/") for key in own) == 4
    assert any("@" in version for source, version in own if source.startswith("s3:")), "a past version"

    [message] = dropped(lake, "sales")
    assert message.recovered and "sales was dropped from the lake" in message.reason
    assert message.entity == "sales"

    folders = ("sales_data/", "lake-rejects/sales_data/")
    assert any(key.startswith(folders) for key in stored)
    assert keys(lake, resources.analytics_bucket) == [key for key in stored if not key.startswith(folders)]
    assert keys(lake, resources.source_bucket) == sources, "source files are not touched"
    assert catalogue(lake) == [one for one in made if one not in ("sales_data", "sales_data_rejects", "sales_days")]
    shared = {("note:views", "current"), ("note:view-inputs", "current")}
    left = items(lake)
    assert left.keys() == before.keys() - own
    assert {key for key in left if left[key] != before[key]} == shared
    assert "sales_days" not in lake.ledger.read_note("views") and "sales_days" not in view_sources.noted(lake)
    assert "two_days" in lake.ledger.read_note("views") and "two_days" in view_sources.noted(lake)
    assert athena.query(lake, "SELECT n FROM two_days") == [{"n": "2"}]
    assert "deadline/sales_2/2024-03-17" in {one.cause for one in open_incidents(lake)}


def test_a_table_goes_with_its_changes_snapshots_view_and_exports(lake: Lake) -> None:
    resources = lake.config.resources
    before, stored, made = items(lake), keys(lake, resources.analytics_bucket), catalogue(lake)
    dropped(lake, "orders")
    folders = ("orders_changes/", "orders_snapshot/", "dynamodb-exports/orders/")
    assert all(any(key.startswith(folder) for key in stored) for folder in folders)
    assert keys(lake, resources.analytics_bucket) == [key for key in stored if not key.startswith(folders)]
    assert set(made) - set(catalogue(lake)) == {"orders_changes", "orders_snapshot", "orders_current"}
    gone = before.keys() - items(lake).keys()
    assert {key[0] for key in gone if not key[0].startswith("note:")} == {"export#orders", "incidents"}
    assert not [key for key in items(lake) if key[0] == "export#orders"]


def test_what_was_dropped_can_come_again_and_be_seen(small: Lake) -> None:
    dropped(small, "sales")
    load(small, "sales", "sales_data_2024")
    assert athena.query(small, "SELECT count(*) AS n FROM sales_data") == [{"n": "1"}]
    assert athena.query(small, "SELECT count(*) AS n FROM sales_data_rejects") == [{"n": "1"}]


def test_what_the_configuration_still_has_is_not_dropped(small: Lake) -> None:
    before, stored = items(small), keys(small, small.config.resources.analytics_bucket)
    with pytest.raises(DropError, match=r"still has entities\.sales"):
        drop(small, belongings(small, "sales"), lambda *_: None)
    assert (items(small), keys(small, small.config.resources.analytics_bucket)) == (before, stored)


def claim(lake: Lake) -> Entry:
    """A worker that still has the old configuration takes a new version of a file."""
    put(lake, FIRST, ROWS + "e,c,2.00,2024-03-15\n")
    file = find_source(lake, FIRST)
    assert file
    taken = lake.ledger.claim(file, "sales", None, owner="w", lane="fast", run_id="file_processor/9")
    assert isinstance(taken, Entry)
    return taken


def test_a_file_that_a_worker_holds_keeps_all_from_being_dropped(small: Lake) -> None:
    taken = claim(small)
    before = items(small)
    with pytest.raises(DropError, match=f"sales is being written to: .*{FIRST}, by file_processor/9 until "):
        dropped(small, "sales")
    assert items(small) == before
    small.ledger.failed(taken, "given back", retryable=True)
    dropped(small, "sales")


def test_a_claim_of_a_worker_that_died_is_no_hindrance(small: Lake) -> None:
    taken = claim(small)
    item = replace(taken, lease_until="2024-03-15T00:00:00.000000Z").to_item()
    small.dynamodb.put_item(TableName=small.ledger.table, Item=item)
    dropped(small, "sales")
    assert small.ledger.get(taken.source) is None


def test_a_file_that_is_claimed_meanwhile_is_left_and_told(small: Lake) -> None:
    after = without(small, "sales")
    found = belongings(after, "sales")
    taken = claim(small)
    with pytest.raises(DropError, match=rf"sales was written to meanwhile.*{FIRST}"):
        drop(after, found, lambda *_: None)
    assert small.ledger.get(taken.source) == taken
    small.ledger.failed(taken, "given back", retryable=True)
    dropped(small, "sales")
    assert belongings(after, "sales").is_nothing


def test_what_is_written_meanwhile_is_told(small: Lake) -> None:
    after = without(small, "sales")
    found, bucket = belongings(after, "sales"), small.config.resources.analytics_bucket

    def write(**_: Any) -> None:
        small.s3.put_object(Bucket=bucket, Key="sales_data/year=2024/month=03/day=17/late.parquet", Body=b"x")

    after.dynamodb.meta.events.register_first("before-call.dynamodb.DeleteItem", write)
    with pytest.raises(DropError, match=r"written to meanwhile.*: sales_data/\."):
        drop(after, found, lambda *_: None)


def test_a_drop_that_was_interrupted_is_finished_by_the_next(lake: Lake) -> None:
    after = without(lake, "orders")

    def stop(**_: Any) -> None:
        raise KeyboardInterrupt

    after.s3.meta.events.register_first("before-call.s3.DeleteObjects", stop)
    with pytest.raises(KeyboardInterrupt):
        drop(after, belongings(after, "orders"), lambda *_: None)
    assert "orders_changes" not in catalogue(lake), "so Glue no longer says whose the folder was"
    dropped(lake, "orders")
    assert not [key for key in keys(lake, lake.config.resources.analytics_bucket) if key.startswith("orders_changes/")]
    assert lake.ledger.read_note(journal("orders")) == {}


def test_an_object_that_may_not_be_deleted_is_named(small: Lake) -> None:
    after = without(small, "sales")
    refused = {"Errors": [{"Key": "sales_data/x", "Code": "AccessDenied", "Message": "no"}]}
    found = belongings(after, "sales")
    after.s3.delete_objects = lambda **_: refused
    with pytest.raises(DropError, match=r"-analytics/[^ ]*sales_data/x was not deleted: AccessDenied: no"):
        drop(after, found, lambda *_: None)


def test_parts_of_files_with_rows_of_many_partitions_go_too(make_lake: Callable[..., Lake]) -> None:
    by_rows = {
        **SALES,
        "table_name": "by_rows",
        "filename_pattern": r"rows\.csv",
        "partition_keys": [{"name": "day", "type": "date", "column": "transaction_date"}],
    }
    lake = make_lake({"rows": by_rows, "sales": SALES})
    put(lake, "rows.csv", HEADER + "a,c,1.00,2024-03-15\nb,c,1.00,2024-03-16\n")
    load(lake, "rows", "rows")
    assert sum(version.startswith("part#") for _, version in items(lake)) == 2
    dropped(lake, "rows")
    # That tables were made since the views were, which is of no entity.
    assert items(lake).keys() <= {("note:views-due", "current"), ("note:lake", "current")} and catalogue(lake) == []
    left = keys(lake, lake.config.resources.analytics_bucket)
    assert all(key.startswith("athena-results/") for key in left if key != MARKER)
