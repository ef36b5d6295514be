"""A table's items in the ledger: conditional writes, and reading them in order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lakelanes.lake import Lake
from lakelanes.tables.ledger import Chain, Export, Snapshot, TableLedger, chains, parse_second, second_text
from lakelanes.tables.windows import minute_text

T0 = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


def chain(table: str = "orders") -> Chain:
    return Chain(table=table, base=minute_text(T0), table_arn="arn", table_id="id")


def window(number: int) -> Export:
    start = T0 + timedelta(minutes=15 * number)
    end = minute_text(start + timedelta(minutes=15))
    return Export(
        table="orders", kind="window", start=minute_text(start), end=end, table_arn="arn", table_id="id", rows=number
    )


@pytest.fixture
def ledger(lake: Lake) -> TableLedger:
    return TableLedger(lake, "orders")


def test_a_record_is_read_as_it_was_written(ledger: TableLedger) -> None:
    written, ours = ledger.write(window(3), state="exported", lines=7, reason=None)
    assert ours and (written.revision, written.lines, written.rows) == (1, 7, 3)
    assert ledger.export("window", written.start) == written
    assert ledger.export("full", written.start) is None
    assert ledger.chain() is None


def test_of_two_writers_of_the_same_revision_one_succeeds_and_the_other_gets_its_record(ledger: TableLedger) -> None:
    first, _ = ledger.write(window(0), run_id="a")
    assert ledger.write(window(0), run_id="b") == (first, False), "it was written since"
    second, ours = ledger.write(first, run_id="b")
    assert ours and second.revision == 2
    assert ledger.write(first, run_id="c") == (second, False)


def test_a_write_that_the_client_repeats_finds_its_own_record(ledger: TableLedger) -> None:
    first, _ = ledger.write(window(0), run_id="a")
    # As after an answer that was lost: the same record, at the same time, is sent once more.
    ledger.lake.ledger.now = lambda: first.updated_at  # type: ignore[method-assign]
    assert ledger.write(window(0), run_id="a") == (first, True)


def test_a_long_reason_is_cut_after_1000_characters(ledger: TableLedger) -> None:
    written, _ = ledger.write(window(0), reason=ValueError("x" * 1500))
    assert written.reason == "x" * 1000


def test_windows_come_in_order_between_two_moments_both_included(ledger: TableLedger) -> None:
    for number in (3, 0, 2, 1):
        ledger.write(window(number))

    def numbers(since: int, **bounds: int) -> list[int | None]:
        until = T0 + timedelta(minutes=15 * bounds["until"]) if "until" in bounds else None
        found = ledger.windows(T0 + timedelta(minutes=15 * since), until, limit=bounds.get("limit"))
        return [export.rows for export in found]

    assert numbers(0) == [0, 1, 2, 3]
    assert numbers(1, until=2) == [1, 2]
    assert numbers(1, limit=2) == [1, 2]


def test_snapshots_come_in_order_or_the_newest_first_until_they_are_forgotten(ledger: TableLedger) -> None:
    moments = [T0 + timedelta(hours=hour) for hour in (2, 0, 1)]
    for moment in moments:
        as_of = second_text(moment)
        ledger.write(Snapshot(table="orders", as_of=as_of, made_by="full", table_id="id", rows=1, files=1))
    assert [snapshot.moment for snapshot in ledger.snapshots()] == sorted(moments)
    assert [snapshot.moment for snapshot in ledger.newest_snapshots(2)] == sorted(moments, reverse=True)[:2]
    ledger.forget(ledger.snapshots()[0])
    assert len(ledger.snapshots()) == 2


def test_the_chains_of_many_tables_are_read_at_once(lake: Lake) -> None:
    for name in ("a", "b"):
        TableLedger(lake, name).write(chain(name))
    found = chains(lake, ["a", "b", "c"])
    assert sorted(found) == ["a", "b"] and found["b"].start == T0


def test_a_full_export_and_a_window_are_named_with_their_times() -> None:
    assert str(window(0)) == "window 2026-03-01T10:00Z to 2026-03-01T10:15Z of orders"
    full = replace(window(0), kind="full", end=window(0).start)
    assert str(full) == "full export of orders as of 2026-03-01T10:00Z"


def test_seconds_are_written_in_utc_and_read_again() -> None:
    moment = datetime.fromisoformat("2026-03-01T12:00:07+02:00")
    assert second_text(moment) == "20260301T100007Z"
    assert parse_second("20260301T100007Z") == moment
