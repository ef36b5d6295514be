"""Summaries say what the ledger says: whoever counts, how many at once, and whatever the files go through."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_prefix
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from lakelanes.ledger.entries import Entry
from tests.support.lakes import SALES, put

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
PATH = "year=2024/month=03/day={:02}"


def load(lake: Lake, lane: Any = "batch", name: str = "sales", reload: bool = False) -> None:
    files = [file for file in list_prefix(lake, "")]
    load_batch(lake, lake.config.entities[name], files, lane=lane, run_id="run", reload=reload)


def sales(rows: int, bad: int = 0) -> str:
    good = "".join(f"t{n},c,{n}.50,2024-03-15\n" for n in range(rows))
    return HEADER + good + "".join(f"b{n},c,x,2024-03-15\n" for n in range(bad))


def counts(lake: Lake, name: str = "sales") -> summaries.Counts:
    return summaries.total(lake.ledger, name).counts


def test_a_refresh_counts_files_and_rows_by_lane_and_state(lake: Lake) -> None:
    put(lake, "sales_data_2024_03_15.csv", sales(3, bad=1))
    load(lake)
    put(lake, "sales_data_2024_03_16.csv", sales(2))
    load(lake, "fast")
    put(lake, "sales_data_2024_03_17.csv", "wrong\n1\n")
    put(lake, "sales_data_2024_02_30.csv", sales(1))
    load(lake)
    assert summaries.refresh(lake.ledger, lake.config.entities.values()) == 4

    found = counts(lake)
    assert (found.files, found.loaded, found.rejected, found.partitions) == (4, 2, 2, 2)
    # One row of the file that was loaded, and one of the file that was refused, in which it has no fault of its own.
    assert (found.files_batch, found.rows_batch, found.rejects_batch) == (1, 3, 2)
    assert (found.bad_batch, found.withheld_batch, found.bad_fast, found.withheld_fast) == (1, 1, 0, 0)
    assert (found.rows_rejected, found.rows_bad, found.rows_withheld) == (2, 1, 1)
    assert (found.files_fast, found.rows_fast, found.rejects_fast) == (1, 2, 0)
    assert found.rows == 5
    periods = summaries.period_summaries(lake.ledger, "sales", "2024-03-01", "2024-03-31")
    assert {period: one.counts.rows for period, one in periods.items()} == {
        "2024-03-15": 3,
        "2024-03-16": 2,
        "2024-03-17": 0,
    }
    assert periods["2024-03-17"].counts.rejected == 1
    whole = summaries.total(lake.ledger, "sales")
    assert (whole.first, whole.last) == ("2024-03-15", "2024-03-16")
    assert summaries.differences(lake.ledger, lake.config.entities["sales"]) == []


def test_what_changed_is_counted_again_and_what_did_not_is_left_alone(lake: Lake) -> None:
    put(lake, "sales_data_2024_03_15.csv", sales(3))
    put(lake, "sales_data_2024_03_16.csv", sales(4))
    load(lake)
    summaries.refresh(lake.ledger, lake.config.entities.values())
    before = summaries.partition_summary(lake.ledger, "sales", PATH.format(16))
    put(lake, "sales_data_2024_03_15.csv", sales(7))
    load(lake)
    assert summaries.refresh(lake.ledger, lake.config.entities.values()) == 1
    assert counts(lake).rows == 11
    assert summaries.partition_summary(lake.ledger, "sales", PATH.format(16)) == before
    assert summaries.refresh(lake.ledger, lake.config.entities.values()) == 0


def test_a_reload_does_not_make_a_partition_late(lake: Lake) -> None:
    put(lake, "sales_data_2024_03_15.csv", sales(3))
    load(lake)
    summaries.refresh(lake.ledger, lake.config.entities.values())
    first = summaries.partition_summary(lake.ledger, "sales", PATH.format(15))
    load(lake, reload=True)
    summaries.refresh(lake.ledger, lake.config.entities.values())
    again = summaries.partition_summary(lake.ledger, "sales", PATH.format(15))
    assert again.first_loaded_at == first.first_loaded_at
    assert again.last_loaded_at > first.last_loaded_at


def test_a_file_of_many_partitions_is_one_file_and_its_rows_are_where_they_are(
    make_lake: Callable[..., Lake],
) -> None:
    keys = [{"name": "dt", "column": "transaction_date"}]
    lake = make_lake({"sales": {**SALES, "filename_pattern": r"export_\d+\.csv", "partition_keys": keys}})
    put(lake, "export_1.csv", HEADER + "a,c,1.00,2024-03-15\nb,c,1.00,2024-03-16\nd,c,1.00,2024-03-16\nx,c,?,\n")
    load(lake)
    summaries.refresh(lake.ledger, lake.config.entities.values())
    found = counts(lake)
    assert (found.files, found.loaded, found.rows, found.rows_batch, found.rejects_batch) == (1, 1, 3, 3, 1)
    periods = summaries.period_summaries(lake.ledger, "sales", "2024-03-01", "2024-03-31")
    assert {period: one.counts.rows for period, one in periods.items()} == {"2024-03-15": 1, "2024-03-16": 2}
    assert summaries.differences(lake.ledger, lake.config.entities["sales"]) == []


def test_any_number_may_count_while_files_change(lake: Lake) -> None:
    """Every state at random, counted by four at once; afterwards each sum is the ledger's."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    entity = lake.config.entities["sales"]
    base = Entry("", entity="sales", etag="e", live_etag="e", size=5, updated_at=lake.ledger.now())

    def write(number: int) -> None:
        source = f"s3://bucket/file-{number % 12}.csv"
        state = rng.choice(summaries.FILE_STATES)
        entry = replace(
            base,
            source=source,
            partition=PATH.format(number % 12 % 4 + 1),
            state=state,
            lane=rng.choice(["batch", "fast"]),
            rows_loaded=rng.randrange(9),
            rows_rejected=rng.randrange(3),
            rows_withheld=rng.choice([None, 0, 1]),
            live_rows=rng.randrange(9),
            loaded_at=lake.ledger.now() if state == "loaded" else None,
        )
        lake.ledger.client.put_item(TableName=lake.ledger.table, Item=entry.to_item())
        if number % 3 == 0:
            summaries.count(lake.ledger, entity, [PATH.format(number % 4 + 1), PATH.format((number + 1) % 4 + 1)])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(60)))
    summaries.refresh(lake.ledger, lake.config.entities.values())
    assert summaries.differences(lake.ledger, lake.config.entities["sales"]) == []
    assert counts(lake).files == 12


def test_a_rebuild_mends_what_a_refresh_cannot_see(lake: Lake) -> None:
    for day in (15, 16):
        put(lake, f"sales_data_2024_03_{day}.csv", sales(day))
    load(lake)
    summaries.refresh(lake.ledger, lake.config.entities.values())
    # A file that left its partition without a new version, a wrong period and a wrong total.
    entry = next(lake.ledger.in_partition("sales", PATH.format(15)))
    moved = replace(entry, partition=PATH.format(20), updated_at="2024-01-01T00:00:00.000000Z")
    lake.ledger.client.put_item(TableName=lake.ledger.table, Item=moved.to_item())
    for key in (("periods:sales", "2024-03-16"), ("total:sales", "current")):
        lake.ledger.client.update_item(
            TableName=lake.ledger.table,
            Key={"source": {"S": key[0]}, "version": {"S": key[1]}},
            UpdateExpression="SET #r = :r",
            ExpressionAttributeNames={"#r": "rows"},
            ExpressionAttributeValues={":r": {"N": "999"}},
        )
    summaries.refresh(lake.ledger, lake.config.entities.values())
    found = "\n".join(summaries.differences(lake.ledger, lake.config.entities["sales"]))
    assert "sales/year=2024/month=03/day=15: loaded: the summary says 1, the ledger 0" in found
    assert "periods:sales 2024-03-16: rows: the summary says 999, the ledger 16" in found
    assert "total:sales current" in found
    assert summaries.rebuild(lake.ledger, lake.config.entities["sales"]) > 0
    assert summaries.differences(lake.ledger, lake.config.entities["sales"]) == []
    assert counts(lake).rows == 31
    assert summaries.rebuild(lake.ledger, lake.config.entities["sales"]) == 0


def test_a_page_of_partitions_goes_on_where_the_last_one_ended(lake: Lake) -> None:
    for day in range(1, 6):
        put(lake, f"sales_data_2024_03_0{day}.csv", sales(1))
    load(lake)
    summaries.refresh(lake.ledger, lake.config.entities.values())
    first = summaries.partition_summaries(lake.ledger, "sales", limit=2)
    rest = summaries.partition_summaries(lake.ledger, "sales", after=first[-1].version)
    assert [one.version for one in (*first, *rest)] == [PATH.format(day) for day in range(1, 6)]
    assert [one.version for one in summaries.newest_periods(lake.ledger, "sales", 2)] == ["2024-03-05", "2024-03-04"]
