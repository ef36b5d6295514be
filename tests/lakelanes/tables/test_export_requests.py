"""Exports by the local DynamoDB: made once, found again, begun anew when they fail, and brought into the lake."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest

from lakelanes.catalog import athena
from lakelanes.errors import ExportDataError, ExportFailedError, GapError, LakeError
from lakelanes.lake import Lake
from lakelanes.tables.current import publish
from lakelanes.tables.export_requests import MAX_ATTEMPTS, client_token, look, submit
from lakelanes.tables.import_export import bring_in
from lakelanes.tables.ledger import Export
from lakelanes.tables.planning import plan
from lakelanes.tables.snapshot import compact
from lakelanes.tables.windows import Window
from tests.localaws.controls import control
from tests.support.source_tables import SourceTable


def due(source: SourceTable) -> list[Export]:
    return list(plan(source.lake, source.table, run_id="run").exports)


def full(source: SourceTable) -> Export:
    source.settle()
    [export] = due(source)
    return export


def finish(source: SourceTable, export: Export) -> Export:
    """Waits until DynamoDB has made the export."""
    export = submit(source.lake, source.table, export)
    while export.state == "exporting":
        export = look(source.lake, source.table, export)
    return export


def bring(source: SourceTable) -> list[Export]:
    """Exports and converts whatever is due, and publishes it."""
    done = [bring_in(source.lake, source.table, finish(source, export)) for export in due(source)]
    publish(source.lake, source.table, [export.start for export in done if export.kind == "window"])
    for export in done:
        source.ledger.write(export, state="published")
    return done


def made(source: SourceTable) -> list[str]:
    """ARNs of the table's exports."""
    table = source.lake.dynamodb.describe_table(TableName=source.table.dynamodb_table)["Table"]
    return [
        export["ExportArn"]
        for export in source.lake.dynamodb.list_exports(TableArn=table["TableArn"])["ExportSummaries"]
    ]


def shown(source: SourceTable) -> dict[str | None, Decimal]:
    rows = athena.query(source.lake, "SELECT order_id, total FROM orders_current")
    return {row["order_id"]: Decimal(str(row["total"])) for row in rows}


def test_a_token_is_a_function_of_table_window_and_attempt() -> None:
    first = Export(table="t", kind="window", start="a", end="b", table_arn="arn", table_id="id")
    others = [
        Export(table="t", kind="window", start="a", end="b", table_arn="arn", table_id="id", attempt=2),
        Export(table="t", kind="window", start="a", end="b", table_arn="arn", table_id="other"),
        Export(table="t", kind="window", start="b", end="c", table_arn="arn", table_id="id"),
        Export(table="t", kind="full", start="a", end="b", table_arn="arn", table_id="id"),
    ]
    same = Export(table="t", kind="window", start="a", end="b", table_arn="arn", table_id="id", run_id="r", revision=3)
    assert client_token(first) == client_token(same)
    assert len({client_token(first), *map(client_token, others)}) == 5


def test_a_second_run_and_a_retry_find_the_export_that_is_under_way(source: SourceTable) -> None:
    control(source.aws, "dynamodb/exports", hold=True)
    planned = full(source)
    first = submit(source.lake, source.table, planned)
    assert first.state == "exporting"
    assert submit(source.lake, source.table, planned).export_arn == first.export_arn
    assert look(source.lake, source.table, first).state == "exporting"
    control(source.aws, "dynamodb/exports", hold=False)
    assert finish(source, first).state == "exported"
    assert len(made(source)) == 1


def test_a_request_whose_answer_was_lost_finds_its_export(source: SourceTable) -> None:
    planned = full(source)
    refusal = {"code": "ExportConflictException", "after_accepting": True}
    control(source.aws, "dynamodb/exports", hold=True, refuse=refusal)
    with pytest.raises(source.lake.dynamodb.exceptions.ExportConflictException):
        submit(source.lake, source.table, planned)
    assert submit(source.lake, source.table, planned).export_arn == made(source)[0]
    assert len(made(source)) == 1


def test_one_whose_token_is_too_old_is_found_by_looking(source: SourceTable) -> None:
    planned = full(source)
    refusal = {"code": "ExportConflictException", "after_accepting": True}
    control(source.aws, "dynamodb/exports", hold=True, refuse=refusal)
    with pytest.raises(source.lake.dynamodb.exceptions.ExportConflictException):
        submit(source.lake, source.table, planned)
    source.advance(timedelta(hours=9))
    later = Lake.open(source.lake.config, lambda: source.lake.clock() + timedelta(hours=9))
    assert submit(later, source.table, planned).export_arn == made(source)[0]
    assert len(made(source)) == 1


def test_a_failed_export_is_begun_again_a_few_times_and_then_waits_for_a_person(source: SourceTable) -> None:
    planned = full(source)
    failure = {"code": "S3NoSuchBucket", "message": "no bucket", "count": MAX_ATTEMPTS}
    control(source.aws, "dynamodb/exports", fail=failure)
    export = planned
    for attempt in range(2, MAX_ATTEMPTS + 1):
        export = finish(source, export)
        assert (export.state, export.attempt, export.reason) == ("planned", attempt, "S3NoSuchBucket: no bucket")
    with pytest.raises(ExportFailedError, match="4 times, the last time with S3NoSuchBucket: no bucket"):
        finish(source, export)
    failed = source.ledger.export("full", planned.start)
    assert failed is not None and failed.state == "failed"
    assert len(made(source)) == MAX_ATTEMPTS
    period = Window(planned.window.start, source.now())
    assert plan(source.lake, source.table, run_id="the next scheduled run", period=period).exports == ()
    [again] = plan(source.lake, source.table, run_id="a run that was triggered").exports
    assert (again.version, again.state) == (planned.version, "planned")
    assert finish(source, again).state == "exported"


def test_a_refusal_for_good_is_a_gap(source: SourceTable) -> None:
    planned = full(source)
    source.recovery(False)
    with pytest.raises(GapError, match="recovery_off: DynamoDB refuses") as raised:
        submit(source.lake, source.table, planned)
    assert "lakelanes tables repair orders" in raised.value.remedy
    found = source.ledger.export("full", planned.start)
    assert found is not None and found.state == "gap" and "recovery_off" in str(found.reason)


def test_exports_become_rows_and_a_window_done_twice_is_there_once(source: SourceTable) -> None:
    for number in range(30):
        source.put(f"o{number}", f"{number}.25")
    [whole] = bring_after(source)
    assert (whole.kind, whole.rows) == ("full", 30)
    assert shown(source) == source.items()

    source.put("o1", "99999999999999999999999999999999999.99")
    source.put("new", "1.50")
    source.delete("o2")
    first = source.close(source.next_window())
    [window] = bring(source)
    assert (window.window, window.rows) == (first, 3)
    assert shown(source) == source.items()

    # A run that died after it had converted does so again.
    found = source.ledger.export("window", window.start)
    assert found is not None
    again, _ = source.ledger.write(found, state="exported")
    assert bring_in(source.lake, source.table, again).rows == 3
    [count] = athena.query(source.lake, "SELECT count(*) AS n FROM orders_changes")
    assert count["n"] == "3"

    source.delete("o3")
    source.close(source.next_window(first.end))
    bring(source)
    compact(source.lake, source.table)
    assert shown(source) == source.items()
    assert len(made(source)) == 3


def bring_after(source: SourceTable) -> list[Export]:
    source.settle()
    return bring(source)


def test_an_empty_table_and_an_empty_window_are_exported(source: SourceTable) -> None:
    bring_after(source)
    assert shown(source) == {}
    source.close(source.next_window())
    [window] = bring(source)
    assert (window.rows, window.files) == (0, 0)
    assert compact(source.lake, source.table).snapshot is not None
    assert shown(source) == {}
    # What lies before the snapshot needs no look any more, and what follows it goes on from there.
    following = source.close(source.next_window(window.window.end))
    assert [export.window for export in due(source)] == [following]


def test_a_table_that_was_made_again_starts_anew(source: SourceTable) -> None:
    source.put("old", "1.00")
    bring_after(source)
    source.drop()
    source.create()
    source.put("new", "2.00")
    source.settle()
    plan(source.lake, source.table, run_id="run with full", full=True)
    plan_exports = plan(source.lake, source.table, run_id="run with full").exports
    for export in plan_exports:
        bring_in(source.lake, source.table, finish(source, export))
    assert shown(source) == {"old": 1}, "as it was, until the new one is published"
    publish(source.lake, source.table)
    assert shown(source) == {"new": 2}


def test_data_that_is_not_what_the_manifest_says_is_refused_and_told_of(source: SourceTable) -> None:
    source.put("o1", "1.00")
    export = finish(source, full(source))
    bucket = source.lake.config.resources.analytics_bucket
    listed = source.lake.s3.list_objects_v2(Bucket=bucket, Prefix="dynamodb-exports/orders/")["Contents"]
    [key] = [item["Key"] for item in listed if item["Key"].endswith("manifest-summary.json")]
    source.lake.s3.put_object(Bucket=bucket, Key=key, Body=b"{}")
    with pytest.raises(ExportDataError, match=r"manifest-summary\.json"):
        bring_in(source.lake, source.table, export)
    found = source.ledger.export("full", export.start)
    assert found is not None and found.state == "exported" and "manifest-summary.json" in str(found.reason)
    assert source.ledger.snapshots() == []


def test_a_full_export_leaves_nothing_of_another_one_in_its_snapshot(
    make_source: Callable[..., SourceTable],
) -> None:
    source = make_source()
    source.put("o1", "1.00")
    export = finish(source, full(source))
    bucket, folder = source.lake.config.resources.analytics_bucket, f"orders_snapshot/as_of={export.start[:-1]}00Z/"
    source.lake.s3.put_object(Bucket=bucket, Key=f"{folder}another-00000.parquet", Body=b"of another export")
    bring_in(source.lake, source.table, export)
    publish(source.lake, source.table)
    assert shown(source) == {"o1": 1}


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
    bring_after(source)
    end = None
    for _ in range(4):
        # What came after the base's minute, or after the last window's end, is in this window.
        change(chance.randrange(1, 30))
        window = source.close(source.next_window(end))
        bring(source)
        assert shown(source) == source.items(), f"seed {seed}"
        end = window.end
        if chance.random() < 0.5:
            compact(source.lake, source.table, memory_rows=7)
            assert shown(source) == source.items(), f"seed {seed}, compacted"


def test_runs_that_meet_make_each_export_once(source: SourceTable) -> None:
    for number in range(50):
        source.put(f"o{number}", f"{number}.00")
    source.settle()
    [whole] = due(source)
    first = source.close(source.next_window())
    source.put("late", "1.00")
    source.close(source.next_window(first.end))

    def run(number: int) -> None:
        for _ in range(10):  # as Airflow tries a task again
            try:
                for export in plan(source.lake, source.table, run_id=f"run-{number}").exports:
                    bring_in(source.lake, source.table, finish(source, export))
                publish(source.lake, source.table)
                return
            except LakeError as error:
                if not error.retryable:
                    raise
        raise AssertionError("tried ten times")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    bring_in(source.lake, source.table, finish(source, whole))
    publish(source.lake, source.table)
    assert len(made(source)) == 3
    assert shown(source) == source.items()
