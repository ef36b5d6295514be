"""The current state of a table: the view by Athena against a model, over both lanes, at every step."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from lakelanes.catalog import glue_tables
from lakelanes.lake import Lake
from lakelanes.tables.current import Coverage, coverage, publish, view_sql
from lakelanes.tables.snapshot import compact, expire
from lakelanes.tables.windows import next_window
from tests.lakelanes.tables.lanes import ORDERS, T0, Lanes, Model


@pytest.fixture
def make_lanes(make_lake: Callable[..., Lake]) -> Callable[..., Lanes]:
    def make(seed: int, **settings: object) -> Lanes:
        lake = make_lake(tables={"orders": {**ORDERS, **settings}})
        return Lanes(lake, lake.config.tables["orders"], Model(seed))

    return make


def check(lanes: Lanes, step: str) -> None:
    state = coverage(lanes.lake, lanes.table)
    assert state is not None
    expected = lanes.expected(lanes.model.seen(state.through))
    assert sorted(lanes.shown(), key=str) == expected, f"seed {lanes.model.seed}, {step}"


@pytest.mark.parametrize("seed", range(3))
def test_the_view_is_the_table_at_every_step_whatever_the_lanes_do(make_lanes: Callable[..., Lanes], seed: int) -> None:
    lanes = make_lanes(seed)
    model, chance = lanes.model, lanes.model.random
    model.write(30, 300)
    assert publish(lanes.lake, lanes.table) is None, "not yet: nothing was exported"
    lanes.deliver(10)
    lanes.export_full(T0)
    publish(lanes.lake, lanes.table)
    lanes.deliver(len(model.events))
    check(lanes, "after the full export")
    end = T0
    for step in range(6):
        following = next_window(end, 60)
        model.write(chance.randrange(40), (following.end - model.now).total_seconds())
        model.write(chance.randrange(20), 120)
        lanes.deliver(chance.randrange(60), repeat=chance.randrange(10))
        check(lanes, f"window {step} open")
        lanes.export_window(following, twice=chance.random() < 0.3)
        if chance.random() < 0.7:
            publish(lanes.lake, lanes.table)
            check(lanes, f"window {step} closed")
        if chance.random() < 0.4:
            compact(lanes.lake, lanes.table, memory_rows=chance.choice([5, 1000]))
            check(lanes, f"compacted after window {step}")
        end = following.end
    publish(lanes.lake, lanes.table)
    lanes.deliver(len(model.events))
    assert sorted(lanes.shown(), key=str) == lanes.expected(model.state(None)), f"seed {seed}"


def test_a_window_that_is_missing_holds_the_view_back_and_the_stream_carries_on(
    make_lanes: Callable[..., Lanes],
) -> None:
    lanes = make_lanes(11)
    lanes.model.write(20, 300)
    lanes.export_full(T0)
    first = next_window(T0, 60)
    second = next_window(first.end, 60)
    lanes.model.write(60, (second.end - lanes.model.now).total_seconds())
    lanes.deliver(1000)
    lanes.export_window(second)
    published = publish(lanes.lake, lanes.table)
    assert published is not None and published.columns_changed and published.coverage.through == T0
    check(lanes, "without the first window")
    lanes.export_window(first)
    published = publish(lanes.lake, lanes.table)
    assert published is not None and not published.columns_changed and published.coverage.through == second.end
    check(lanes, "with it")


def test_a_query_reads_everything_once(make_lanes: Callable[..., Lanes]) -> None:
    # Rows of the stream arrive meanwhile: two readings might differ, and an item be in neither half of the result.
    lanes = make_lanes(16)
    sql = view_sql("db", lanes.table, Coverage(T0, T0))
    for once in ('"orders_snapshot"', "'export'", "'stream'"):
        assert sql.count(once) == 1, once


def test_a_table_of_exports_alone_reads_no_stream(make_lanes: Callable[..., Lanes]) -> None:
    lanes = make_lanes(12, lanes=["export"])
    lanes.model.write(20, 300)
    lanes.export_full(T0)
    lanes.model.write(20, 60)
    lanes.deliver(1000)
    publish(lanes.lake, lanes.table)
    lanes.model.delivered = 0
    check(lanes, "exports alone")


def test_publishing_what_is_published_changes_nothing(make_lanes: Callable[..., Lanes]) -> None:
    lanes = make_lanes(13)
    lanes.export_full(T0)
    publish(lanes.lake, lanes.table)
    before = glue_tables.describe(lanes.lake, "orders_current")
    publish(lanes.lake, lanes.table)
    assert glue_tables.describe(lanes.lake, "orders_current") == before


def test_old_snapshots_go_after_their_days_and_never_the_one_in_the_view(make_lanes: Callable[..., Lanes]) -> None:
    lanes = make_lanes(14)
    lake, table = lanes.lake, lanes.table
    lanes.export_full(T0)
    end = T0
    for _ in range(2):
        following = next_window(end, 60)
        lanes.model.write(10, (following.end - lanes.model.now).total_seconds())
        lanes.export_window(following)
        compact(lake, table)
        end = following.end
    # A compaction that died before its end.
    orphan = "orders_snapshot/as_of=20260301T103000Z/part-00000.parquet"
    lake.s3.put_object(Bucket=lake.config.resources.analytics_bucket, Key=orphan, Body=b"x")
    keep = timedelta(days=3)
    assert expire(lake, table, keep) == ["20260301T103000Z"], "what nobody knows of, and nothing that is young"
    later = Lake.open(lake.config, lambda: lake.clock() + timedelta(days=4))
    assert expire(later, table, keep) == ["20260301T101700Z", "20260301T110000Z"]
    [left] = lanes.ledger.snapshots()
    assert (left.as_of, left.made_by) == ("20260301T120000Z", "compaction")
    listed = lake.s3.list_objects_v2(Bucket=lake.config.resources.analytics_bucket, Prefix="orders_snapshot/")
    assert {item["Key"].split("/")[1] for item in listed["Contents"]} == {"as_of=20260301T120000Z"}
    assert expire(later, table, timedelta(0)) == []
    check(lanes, "after old snapshots went")


def test_compaction_that_died_is_made_again(make_lanes: Callable[..., Lanes]) -> None:
    lanes = make_lanes(15)
    lanes.model.write(30, 300)
    lanes.export_full(T0)
    lanes.model.write(30, 2580)
    lanes.export_window(next_window(T0, 60))
    lanes.model.delivered = 0
    folder = "orders_snapshot/as_of=20260301T110000Z/"
    for part in ("part-00000.parquet", "part-00007.parquet"):
        bucket = lanes.lake.config.resources.analytics_bucket
        lanes.lake.s3.put_object(Bucket=bucket, Key=folder + part, Body=b"half a file")
    done = compact(lanes.lake, lanes.table)
    assert done.snapshot is not None and done.snapshot.rows == len(lanes.model.state(None))
    check(lanes, "compacted again")
    assert compact(lanes.lake, lanes.table).snapshot is None, "nothing is left to do"
