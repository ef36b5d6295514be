"""What a run exports, against the local DynamoDB: the base, windows, and what it waits for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from lakelanes.__main__ import main
from lakelanes.errors import StalledError
from lakelanes.lake import Lake
from lakelanes.tables.ledger import Chain, TableLedger
from lakelanes.tables.planning import MAX_EXPORTS, Plan, check, plan, start_chain
from lakelanes.tables.recovery import Recovery
from lakelanes.tables.windows import Window, minute_text
from tests.lakelanes.tables.planned_runs import begin, planned, publish, windows
from tests.lakelanes.tables.support import make_table
from tests.support.source_tables import SourceTable


def test_the_first_run_exports_all_as_of_the_last_whole_minute_that_recovery_holds(source: SourceTable) -> None:
    found = planned(source)
    assert not found.exports
    assert found.wait_until is not None and "not yet" in found.note
    source.settle()
    before = source.now()
    [export] = planned(source).exports
    assert export.kind == "full"
    assert before - timedelta(minutes=6) <= export.window.start < source.now() - timedelta(minutes=5)
    assert [each.version for each in planned(source).exports] == [export.version], "planned again, it is the same"
    assert planned(source, "another run").exports == (), "it is the first run's to make"


def test_windows_follow_the_base_without_a_hole(source: SourceTable) -> None:
    first = begin(source)
    assert windows(planned(source)) == [first]
    second = source.close(source.next_window(first.end))
    third = source.close(source.next_window(second.end))
    found = planned(source)
    assert windows(found) == [first, second, third]
    publish(source, *found.exports)
    assert planned(source).exports == ()


def test_a_run_of_a_partition_has_its_own_windows_and_catches_up_what_no_run_has(source: SourceTable) -> None:
    first = begin(source)
    second = source.close(source.next_window(first.end))
    third = source.close(source.next_window(second.end))
    assert windows(planned(source, "backfill", period=second, catch_up=False, backfill=True)) == [second]
    assert windows(planned(source, "scheduled", period=third)) == [first, third], "the second one is the backfill's"


def test_a_window_whose_run_died_is_taken_over_after_hours(source: SourceTable) -> None:
    first = begin(source)
    planned(source, "dies")
    second = source.close(source.next_window(first.end))
    assert windows(planned(source, "scheduled", period=second)) == [second]
    later = Lake.open(source.lake.config, lambda: source.lake.clock() + timedelta(hours=4))
    assert windows(plan(later, source.table, run_id="scheduled", period=second)) == [first, second]


def test_an_open_window_is_not_exported_and_one_that_has_just_ended_is_waited_for(source: SourceTable) -> None:
    first = begin(source)
    second = source.next_window(first.end)
    found = planned(source, period=second, catch_up=False)
    assert not found.exports and found.wait_until is None
    assert found.note == f"not yet: the window {second} is still open"
    source.advance(second.end - source.now())
    ahead = Lake.open(source.lake.config, source.now)
    found = plan(ahead, source.table, run_id="run", period=second, catch_up=False)
    assert not found.exports and found.wait_until == second.end
    source.close(second)
    assert windows(planned(source, period=second, catch_up=False)) == [second]


def test_a_backfill_before_the_base_exports_history_as_far_as_recovery_holds_it(
    make_source: Callable[..., SourceTable],
) -> None:
    source = make_source()
    made = source.now()
    source.advance(timedelta(hours=2))
    source.settle()
    planned(source)
    chain = source.ledger.chain()
    assert chain is not None
    hours = Window(chain.start - timedelta(hours=9), chain.start)
    found = windows(planned(source, period=hours, backfill=True))
    assert made <= found[0].start < made + timedelta(minutes=16)
    assert all(window.end == following.start for window, following in pairwise(found))
    assert found[-1].end > chain.start - timedelta(minutes=15)
    assert windows(planned(source, "scheduled", period=hours)) == [], "a scheduled run has no use for it"


def test_windows_keep_their_bounds_when_the_configured_length_changes(make_source: Callable[..., SourceTable]) -> None:
    source = make_source()
    first = begin(source)
    planned(source)
    changed = source.table.model_copy(update={"export": source.table.export.model_copy(update={"window_minutes": 60})})
    source.close(Window(first.end, first.end + timedelta(minutes=75)))
    found = windows(plan(source.lake, changed, run_id="run"))
    assert found[0] == first
    assert found[1].start == first.end and found[1].end.minute == 0


def test_exports_that_stand_still_are_an_error(source: SourceTable) -> None:
    first = begin(source)
    publish(source, *planned(source).exports)
    assert check(source.lake, source.table) == f"orders: exported until {first.end:%Y-%m-%dT%H:%MZ}"
    source.advance(timedelta(hours=51))
    with pytest.raises(StalledError, match="Trigger export_orders"):
        check(source.lake, source.table)


def test_a_name_that_is_not_configured_is_refused(
    source: SourceTable, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lakelanes.lake.load_config", lambda: source.lake.config)
    assert main(["tables", "repair", "order"]) == 1
    assert "no table 'order'; it has orders" in capsys.readouterr().err


def test_a_run_plans_no_more_exports_than_the_scheduler_maps(source: SourceTable) -> None:
    begin(source)
    source.advance(timedelta(minutes=15 * (MAX_EXPORTS + 5)))
    found = planned(source).exports
    assert len(found) == MAX_EXPORTS
    publish(source, *found)
    assert 0 < len(planned(source, "the next run").exports) < MAX_EXPORTS, "the next run takes the rest"


def test_exports_start_with_the_first_whole_minute_that_recovery_holds(lake: Lake) -> None:
    table, ledger = make_table(), TableLedger(lake, "orders")
    object.__setattr__(table, "name", "orders")
    moment = datetime(2026, 3, 1, 10, 17, tzinfo=UTC)

    def recovery(earliest: timedelta) -> Recovery:
        return Recovery("arn", "id", earliest=moment + earliest, latest=moment + timedelta(seconds=59))

    waiting = start_chain(ledger, table, None, recovery(timedelta(seconds=1)), "run")
    assert isinstance(waiting, Plan) and waiting.wait_until == moment + timedelta(minutes=1)
    assert ledger.chain() is None
    started = start_chain(ledger, table, None, recovery(timedelta()), "run")
    assert isinstance(started, Chain) and started.start == moment


def test_a_full_export_that_is_not_in_the_lake_stalls_whatever_follows_it(source: SourceTable) -> None:
    source.settle()
    [full] = planned(source).exports
    end = full.window.start
    for _ in range(3):
        start, end = end, end + timedelta(hours=24)
        window = replace(full, kind="window", start=minute_text(start), end=minute_text(end), revision=0)
        source.ledger.write(window, state="converted")
    source.advance(timedelta(hours=51))
    with pytest.raises(StalledError, match="the full export that goes before is not in the lake"):
        check(source.lake, source.table)
