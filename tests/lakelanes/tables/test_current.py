"""The current state of a table: the view by Athena against a model, over both lanes, at every step."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lakelanes.catalog import glue_tables
from lakelanes.errors import QueryError
from lakelanes.tables.current import Coverage, publish, view_sql
from lakelanes.tables.snapshot import compact
from lakelanes.tables.windows import next_window
from tests.lakelanes.tables.lanes import T0, Event, Lanes, check_view


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
    check_view(lanes, "after the full export")
    end = T0
    for step in range(6):
        following = next_window(end, 60)
        model.write(chance.randrange(40), (following.end - model.now).total_seconds())
        model.write(chance.randrange(20), 120)
        lanes.deliver(chance.randrange(60), repeat=chance.randrange(10))
        check_view(lanes, f"window {step} open")
        lanes.export_window(following, twice=chance.random() < 0.3)
        if chance.random() < 0.7:
            publish(lanes.lake, lanes.table)
            check_view(lanes, f"window {step} closed")
        if chance.random() < 0.4:
            compact(lanes.lake, lanes.table, memory_rows=chance.choice([5, 1000]))
            check_view(lanes, f"compacted after window {step}")
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
    check_view(lanes, "without the first window")
    lanes.export_window(first)
    published = publish(lanes.lake, lanes.table)
    assert published is not None and not published.columns_changed and published.coverage.through == second.end
    check_view(lanes, "with it")


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
    check_view(lanes, "exports alone")


def test_publishing_what_is_published_changes_nothing(make_lanes: Callable[..., Lanes]) -> None:
    lanes = make_lanes(13)
    lanes.export_full(T0)
    publish(lanes.lake, lanes.table)
    before = glue_tables.describe(lanes.lake, "orders_current")
    publish(lanes.lake, lanes.table)
    assert glue_tables.describe(lanes.lake, "orders_current") == before


def test_a_change_at_the_very_end_of_the_exports_comes_from_the_stream(make_lanes: Callable[..., Lanes]) -> None:
    lanes = make_lanes(21)
    image = {"order_id": {"S": "o1"}, "line": {"N": "1"}, "total": {"N": f"{10**37}E-10"}}
    # A full export has what was written before its moment; this was written at it.
    lanes.model.events.append(Event(T0, ("o1", "1"), image, 10**20))
    lanes.export_full(T0)
    publish(lanes.lake, lanes.table)
    lanes.deliver(1)
    assert len(lanes.shown()) == 1
    check_view(lanes, "the change of the first second after the exports")


def test_a_view_that_was_given_a_description_is_mended(make_lanes: Callable[..., Lanes]) -> None:
    # To Trino a table with one is no view; lakes of version 0.1 have it.
    lanes = make_lanes(22)
    lanes.export_full(T0)
    publish(lanes.lake, lanes.table)
    database, glue = lanes.lake.config.resources.glue_database, lanes.lake.glue
    view = glue_tables.describe(lanes.lake, "orders_current")
    assert view is not None and "Description" not in view
    kept = ("Name", "TableType", "Parameters", "StorageDescriptor", "ViewOriginalText", "ViewExpandedText")
    described = {name: view[name] for name in kept} | {"Description": "Items as they are"}
    glue.update_table(DatabaseName=database, TableInput=described)
    with pytest.raises(QueryError, match="does not exist"):
        lanes.shown()
    publish(lanes.lake, lanes.table)
    assert lanes.shown() == []
