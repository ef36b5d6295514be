"""Exports by the local DynamoDB become change rows and snapshots, and the view shows what the table holds."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from lakelanes.catalog import athena
from lakelanes.errors import ExportDataError, GapError, LakeError
from lakelanes.lake import Lake
from lakelanes.tables.current import coverage, publish
from lakelanes.tables.import_export import import_into_lake
from lakelanes.tables.ledger import collection
from lakelanes.tables.planning import check, plan, repair
from lakelanes.tables.snapshot import compact, expire
from lakelanes.tables.windows import minute_text
from tests.lakelanes.tables.export_runs import (
    export_arns,
    finish_export,
    plan_due,
    plan_full,
    run_exports,
    settle_and_run,
    view_totals,
)
from tests.support.source_tables import SourceTable


def test_exports_become_rows_and_a_window_done_twice_is_there_once(source: SourceTable) -> None:
    for number in range(30):
        source.put(f"o{number}", f"{number}.25")
    [whole] = settle_and_run(source)
    assert (whole.kind, whole.rows) == ("full", 30)
    assert view_totals(source) == source.items()

    source.put("o1", "99999999999999999999999999999999999.99")
    source.put("new", "1.50")
    source.delete("o2")
    first = source.close(source.next_window())
    [window] = run_exports(source)
    assert (window.window, window.rows) == (first, 3)
    assert view_totals(source) == source.items()

    # A run that died after it had converted does so again.
    found = source.ledger.export("window", window.start)
    assert found is not None
    again, _ = source.ledger.write(found, state="exported")
    assert import_into_lake(source.lake, source.table, again).rows == 3
    [count] = athena.query(source.lake, "SELECT count(*) AS n FROM orders_changes")
    assert count["n"] == "3"

    source.delete("o3")
    source.close(source.next_window(first.end))
    run_exports(source)
    compact(source.lake, source.table)
    assert view_totals(source) == source.items()
    assert len(export_arns(source)) == 3


def restore_ledger(source: SourceTable, kept: list[Any]) -> None:
    """The table's part of the ledger as it was."""
    db, name = source.lake.dynamodb, source.lake.config.resources.ledger_table
    for (key, version), _ in source.lake.ledger.versions(collection(source.table.name)):
        source.lake.ledger.delete_if(key, version)
    for _, item in kept:
        db.put_item(TableName=name, Item=item)


def test_a_window_that_a_restored_ledger_forgot_is_there_once_and_stays_in_the_view(source: SourceTable) -> None:
    """Its export is requested anew: the one before is too old for DynamoDB to know its token."""
    settle_and_run(source)
    source.put("o1", "1.25")
    first = source.close(source.next_window())
    run_exports(source)
    kept = source.lake.ledger.versions(collection(source.table.name))
    source.put("o2", "2.25")
    last = source.close(source.next_window(first.end))
    run_exports(source)
    before = coverage(source.lake, source.table)
    assert before is not None and before.through == last.end
    restore_ledger(source, kept)
    publish(source.lake, source.table)
    assert coverage(source.lake, source.table) == before
    assert view_totals(source) == source.items()
    [planned] = plan_due(source)
    source.ledger.write(planned, attempt=2)
    run_exports(source)
    assert len(export_arns(source)) == 4
    assert view_totals(source) == source.items()
    [count] = athena.query(source.lake, "SELECT count(*) AS n FROM orders_changes")
    assert count["n"] == "2"


def test_a_snapshot_that_a_restored_ledger_forgot_is_a_gap_until_the_exports_start_anew(source: SourceTable) -> None:
    """The snapshot before it, which the ledger does know, has been deleted meanwhile."""
    source.put("o1", "1.25")
    settle_and_run(source)
    kept = source.lake.ledger.versions(collection(source.table.name))
    source.put("o2", "2.25")
    source.close(source.next_window())
    run_exports(source)
    compact(source.lake, source.table)
    later = Lake.open(source.lake.config, lambda: source.lake.clock() + timedelta(days=30))
    assert len(expire(later, source.table, timedelta(days=1))) == 1
    restore_ledger(source, kept)
    for ask in (plan_due, run_exports):
        with pytest.raises(GapError, match="ledger_restored"):
            ask(source)
    with pytest.raises(GapError, match="ledger_restored"):
        check(source.lake, source.table)
    with pytest.raises(GapError, match="ledger_restored"):
        compact(source.lake, source.table)
    publish(source.lake, source.table)
    assert view_totals(source) == source.items()
    source.settle()
    repair(source.lake, source.table)
    run_exports(source)
    assert check(source.lake, source.table)
    assert view_totals(source) == source.items()


def test_a_table_of_another_name_shows_no_part_of_its_rows(source: SourceTable) -> None:
    """The snapshots are under the name of before."""
    source.put("o1", "1.25")
    settle_and_run(source)
    renamed = source.table.model_copy(update={"table_name": "purchases"})
    source.close(source.next_window())
    with pytest.raises(GapError, match=r"snapshot_missing: .*0 of the 1 file.*tables\.orders\.table_name"):
        plan(source.lake, renamed, run_id="run")
    with pytest.raises(GapError, match="snapshot_missing"):
        compact(source.lake, renamed)
    repair(source.lake, renamed)
    assert [export.kind for export in plan(source.lake, renamed, run_id="run").exports] == ["full"]


def test_an_empty_table_and_an_empty_window_are_exported(source: SourceTable) -> None:
    settle_and_run(source)
    assert view_totals(source) == {}
    source.close(source.next_window())
    [window] = run_exports(source)
    assert (window.rows, window.files) == (0, 0)
    assert compact(source.lake, source.table).snapshot is not None
    assert view_totals(source) == {}
    # Windows before the snapshot are not planned again; the next one follows it.
    following = source.close(source.next_window(window.window.end))
    assert [export.window for export in plan_due(source)] == [following]


def test_a_table_that_was_made_again_starts_anew(source: SourceTable) -> None:
    source.put("old", "1.00")
    settle_and_run(source)
    source.drop()
    source.create()
    source.put("new", "2.00")
    source.settle()
    plan(source.lake, source.table, run_id="run with full", full=True)
    plan_exports = plan(source.lake, source.table, run_id="run with full").exports
    for export in plan_exports:
        import_into_lake(source.lake, source.table, finish_export(source, export))
    assert view_totals(source) == {"old": 1}, "as it was, until the new one is published"
    publish(source.lake, source.table)
    assert view_totals(source) == {"new": 2}


def test_a_manifest_that_differs_from_its_checksum_is_refused_and_the_ledger_says_why(source: SourceTable) -> None:
    source.put("o1", "1.00")
    export = finish_export(source, plan_full(source))
    bucket = source.lake.config.resources.analytics_bucket
    listed = source.lake.s3.list_objects_v2(Bucket=bucket, Prefix="dynamodb-exports/orders/")["Contents"]
    [key] = [item["Key"] for item in listed if item["Key"].endswith("manifest-summary.json")]
    source.lake.s3.put_object(Bucket=bucket, Key=key, Body=b"{}")
    with pytest.raises(ExportDataError, match=r"manifest-summary\.json"):
        import_into_lake(source.lake, source.table, export)
    found = source.ledger.export("full", export.start)
    assert found is not None and found.state == "exported" and "manifest-summary.json" in str(found.reason)
    assert source.ledger.snapshots() == []


def test_a_full_export_leaves_nothing_of_another_one_in_its_snapshot(
    make_source: Callable[..., SourceTable],
) -> None:
    source = make_source()
    source.put("o1", "1.00")
    export = finish_export(source, plan_full(source))
    bucket, folder = source.lake.config.resources.analytics_bucket, f"orders_snapshot/as_of={export.start[:-1]}00Z/"
    source.lake.s3.put_object(Bucket=bucket, Key=f"{folder}another-00000.parquet", Body=b"of another export")
    import_into_lake(source.lake, source.table, export)
    publish(source.lake, source.table)
    assert view_totals(source) == {"o1": 1}


@pytest.mark.parametrize("seed", [1, 2])
def test_random_changes_over_several_windows_are_the_table_after_each(
    make_source: Callable[..., SourceTable], seed: int
) -> None:
    source = make_source(lanes=["export"])
    chance = random.Random(seed)

    def change(count: int) -> None:
        for _ in range(count):
            key = f"o{chance.randrange(15)}"
            if chance.random() < 0.35:
                source.delete(key)
            else:
                source.put(key, f"{chance.randrange(10**36)}.{chance.randrange(100):02}")

    change(20)
    settle_and_run(source)
    end = None
    for _ in range(4):
        # What came after the base's minute, or after the last window's end, is in this window.
        change(chance.randrange(1, 30))
        window = source.close(source.next_window(end))
        run_exports(source)
        assert view_totals(source) == source.items(), f"seed {seed}"
        end = window.end
        if chance.random() < 0.5:
            compact(source.lake, source.table, memory_rows=7)
            assert view_totals(source) == source.items(), f"seed {seed}, compacted"


def test_runs_at_the_same_time_make_each_export_once(source: SourceTable) -> None:
    for number in range(50):
        source.put(f"o{number}", f"{number}.00")
    source.settle()
    [whole] = plan_due(source)
    first = source.close(source.next_window())
    source.put("late", "1.00")
    source.close(source.next_window(first.end))

    def run(number: int) -> None:
        for _ in range(10):  # as Airflow tries a task again
            try:
                for export in plan(source.lake, source.table, run_id=f"run-{number}").exports:
                    import_into_lake(source.lake, source.table, finish_export(source, export))
                publish(source.lake, source.table)
                return
            except LakeError as error:
                if not error.retryable:
                    raise
        raise AssertionError("tried ten times")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    import_into_lake(source.lake, source.table, finish_export(source, whole))
    publish(source.lake, source.table)
    assert len(export_arns(source)) == 3
    assert view_totals(source) == source.items()


def test_an_export_of_another_time_than_planned_is_refused(source: SourceTable) -> None:
    settle_and_run(source)
    source.close(source.next_window())
    [planned] = plan_due(source)
    export = finish_export(source, planned)
    export, _ = source.ledger.write(export, end=minute_text(export.window.end + timedelta(minutes=1)))
    with pytest.raises(ExportDataError, match="expected the window"):
        import_into_lake(source.lake, source.table, export)
    found = source.ledger.export("window", export.start)
    assert found is not None and found.state == "exported" and "expected the window" in str(found.reason)


def test_an_export_that_is_not_finished_is_not_converted(source: SourceTable) -> None:
    planned = plan_full(source)
    with pytest.raises(LakeError, match="cannot be converted: it is planned, not exported"):
        import_into_lake(source.lake, source.table, planned)
