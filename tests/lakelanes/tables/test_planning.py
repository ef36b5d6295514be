"""What a run exports, against the local DynamoDB: the base, windows, waiting, gaps and their repair."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest

from lakelanes.__main__ import main
from lakelanes.errors import GapError, StalledError
from lakelanes.lake import Lake
from lakelanes.tables.ledger import Export
from lakelanes.tables.planning import Plan, check, plan
from lakelanes.tables.windows import Window
from tests.support.source_tables import SourceTable


def planned(source: SourceTable, run_id: str = "run", **options: object) -> Plan:
    return plan(source.lake, source.table, run_id=run_id, **options)  # type: ignore[arg-type]


def windows(found: Plan) -> list[Window]:
    return [export.window for export in found.exports if export.kind == "window"]


def publish(source: SourceTable, *exports: Export) -> None:
    for export in exports:
        source.ledger.write(export, state="published")


def begin(source: SourceTable) -> Window:
    """Makes the base; returns the first window, closed."""
    source.settle()
    publish(source, *planned(source).exports)
    return source.close(source.next_window())


def test_the_first_run_exports_all_as_of_the_last_whole_minute_that_recovery_holds(source: SourceTable) -> None:
    found = planned(source)
    assert not found.exports
    assert found.wait_until is not None and "not yet" in found.note
    source.settle()
    [export] = planned(source).exports
    assert export.kind == "full"
    assert timedelta(minutes=5) < source.now() - export.window.start < timedelta(minutes=6, seconds=2)
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


def test_a_run_of_a_partition_has_its_own_windows_and_heals_what_nobody_took(source: SourceTable) -> None:
    first = begin(source)
    second = source.close(source.next_window(first.end))
    third = source.close(source.next_window(second.end))
    assert windows(planned(source, "backfill", period=second, heal=False, past=True)) == [second]
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
    found = planned(source, period=second, heal=False)
    assert not found.exports and found.wait_until is None
    assert found.note == f"not yet: the window {second} is still open"
    source.advance(second.end - source.now())
    ahead = Lake.open(source.lake.config, source.now)
    found = plan(ahead, source.table, run_id="run", period=second, heal=False)
    assert not found.exports and found.wait_until == second.end
    source.close(second)
    assert windows(planned(source, period=second, heal=False)) == [second]


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
    found = windows(planned(source, period=hours, past=True))
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


def gap(source: SourceTable) -> GapError:
    with pytest.raises(GapError) as raised:
        planned(source)
    with pytest.raises(GapError, match=raised.value.state):
        check(source.lake, source.table)
    return raised.value


def test_recovery_that_is_off_is_a_gap_that_says_how_to_turn_it_on(make_source: Callable[..., SourceTable]) -> None:
    error = gap(make_source(recovery=False))
    assert error.state == "recovery_off"
    assert "aws dynamodb update-continuous-backups --table-name orders-" in error.remedy
    assert "lakelanes tables repair orders" in error.remedy


def test_recovery_that_was_off_in_between_is_a_gap_until_it_is_repaired(
    source: SourceTable, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(source)
    source.recovery(False)
    assert gap(source).state == "recovery_off"
    source.recovery(True)
    source.settle()
    source.advance(timedelta(minutes=30))
    error = gap(source)
    assert error.state == "recovery_restarted" and "turned off and on again" in str(error)
    chain = source.ledger.chain()
    assert chain is not None and chain.gap == "recovery_restarted"

    command = error.remedy.partition("lakelanes ")[2].split()
    monkeypatch.setattr("lakelanes.lake.load_config", lambda: source.lake.config)
    assert main(command) == 0
    assert "starts anew with a full export" in capsys.readouterr().out
    repaired = source.ledger.chain()
    assert repaired is not None and repaired.start > chain.start and repaired.gap is None
    [export] = planned(source, "any run").exports
    assert (export.kind, export.window.start) == ("full", repaired.start)


def test_a_window_that_recovery_no_longer_holds_is_a_gap(source: SourceTable) -> None:
    begin(source)
    source.advance(timedelta(days=36))
    assert gap(source).state == "out_of_range"


def test_a_table_that_was_made_again_is_a_gap(source: SourceTable) -> None:
    begin(source)
    source.drop()
    assert gap(source).state == "table_missing"
    source.create()
    source.settle()
    assert gap(source).state == "table_recreated"
    # As the Param "full" of a run does it; a retry of that run does not begin once more.
    [export] = planned(source, "run with full", full=True).exports
    source.settle()
    assert [each.version for each in planned(source, "run with full", full=True).exports] == [export.version]
    assert check(source.lake, source.table)


def test_exports_that_stand_still_are_told_of(source: SourceTable) -> None:
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
