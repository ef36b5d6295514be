"""Gaps by the state of point-in-time recovery of the local DynamoDB, and their repair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lakelanes.__main__ import main
from lakelanes.errors import GapError
from lakelanes.tables.planning import check
from lakelanes.tables.recovery import Recovery, check_restorable, restorable_range
from lakelanes.tables.windows import Window
from tests.lakelanes.tables.planned_runs import begin, gap, planned
from tests.lakelanes.tables.support import make_table
from tests.support.source_tables import SourceTable

ORDERS_TABLE = make_table()
object.__setattr__(ORDERS_TABLE, "name", "orders")
T0 = datetime(2026, 3, 1, 10, 17, tzinfo=UTC)


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


def held(days: int = 35) -> Recovery:
    return Recovery("arn", "id", earliest=T0, latest=T0 + timedelta(days=35), days=days)


def test_a_window_that_starts_with_what_recovery_holds_can_be_exported() -> None:
    check_restorable(ORDERS_TABLE, held(), Window(T0, T0), "it")
    with pytest.raises(GapError, match="it is not exported") as raised:
        check_restorable(ORDERS_TABLE, held(), Window(T0 - timedelta(minutes=1), T0), "it")
    assert raised.value.state == "out_of_range"


def test_a_window_is_lost_to_a_restart_only_if_recovery_would_still_hold_it() -> None:
    start = T0 - timedelta(minutes=1)
    at_the_edge = replace(held(), latest=start + timedelta(days=35))
    with pytest.raises(GapError, match="turned off and on again") as raised:
        check_restorable(ORDERS_TABLE, at_the_edge, Window(start, start), "it")
    assert raised.value.state == "recovery_restarted"


@pytest.mark.parametrize("missing", ["earliest", "latest"])
def test_recovery_without_both_ends_is_off(missing: str) -> None:
    with pytest.raises(GapError) as raised:
        restorable_range(ORDERS_TABLE, replace(held(), **{missing: None}))
    assert raised.value.state == "recovery_off"
    assert restorable_range(ORDERS_TABLE, held()) == (T0, T0 + timedelta(days=35))
