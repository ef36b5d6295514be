"""What the page and the terminal say of a table: how far its exports are, which window is missing, and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from lakelanes.__main__ import main
from lakelanes.alerts import incidents
from lakelanes.alerts.messages import Alert
from lakelanes.config.deadlines import window_due_at
from lakelanes.overview import tables
from lakelanes.overview.tables import TableStatus
from lakelanes.tables.planning import plan
from lakelanes.tables.windows import Window
from tests.lakelanes.overview.export_runs import begin, convert, export, lake_at, text
from tests.support.source_tables import SourceTable

WEEK = timedelta(days=7)


def stand_of(source: SourceTable, moment: datetime | None = None) -> TableStatus:
    [stand] = tables.status(lake_at(source, moment or source.now()))
    return stand


def cells(source: SourceTable, moment: datetime | None = None) -> list[tuple[Window, str]]:
    moment = moment or source.now()
    lake = lake_at(source, moment)
    found = tables.windows(lake, source.table, stand_of(source, moment), moment - WEEK, moment)
    return [(cell.window, cell.state) for cell in found]


def test_before_the_first_export_a_table_is_empty_and_while_it_is_made_loading(source: SourceTable) -> None:
    assert stand_of(source).state == "empty"
    assert cells(source) == []
    source.settle()
    [full] = plan(source.lake, source.table, run_id="run").exports
    stand = stand_of(source)
    assert (stand.state, stand.until, stand.needs_attention) == ("loading", None, False)
    source.ledger.write(full, state="failed", reason="the bucket is full")
    stand = stand_of(source)
    assert (stand.state, stand.reason, stand.needs_attention) == ("failed", "the bucket is full", True)


def test_freshness_follows_the_window_that_should_be_in(source: SourceTable) -> None:
    first = begin(source)

    def state(moment: datetime) -> tuple[str, str | None]:
        stand = stand_of(source, moment)
        assert (stand.until, stand.next_end) == (text(first.start), text(first.end))
        return stand.state, stand.deadline

    deadline = first.end + tables.DEADLINE
    assert state(first.end - timedelta(seconds=1)) == ("fresh", text(deadline))
    assert state(first.end)[0] == "waiting"
    assert state(deadline - timedelta(seconds=1))[0] == "waiting"
    assert state(deadline)[0] == "late"
    source.close(first)
    export(source)
    second = source.next_window(first.end)
    stand = stand_of(source, second.start)
    assert (stand.state, stand.until, stand.next_end) == ("fresh", text(second.start), text(second.end))


def test_a_schedule_moves_the_deadline_to_its_own_run(make_source: Callable[..., SourceTable]) -> None:
    source = make_source(export={"window_minutes": 15, "schedule": "0 6 * * *", "timezone": "Europe/Zurich"})
    first = begin(source)
    due = window_due_at(source.table, first.end)
    assert due >= first.end and due - first.end < timedelta(days=1)
    assert due.astimezone().minute == 0 and stand_of(source).deadline == text(due + tables.DEADLINE)


def test_the_windows_are_shown_with_what_became_of_them_and_the_holes_between_them(source: SourceTable) -> None:
    first = begin(source)
    second = source.close(source.next_window(first.end))
    third = source.close(source.next_window(second.end))
    # Somebody has had the second one alone exported.
    source.put("b", "2.00")
    export(source, period=second, catch_up=False)
    found = cells(source)
    assert found == [(first, "waiting"), (second, "published"), (third, "waiting")]
    assert next(state for _, state in cells(source, first.end + tables.DEADLINE)) == "missing"
    [planned] = [one for one in plan(source.lake, source.table, run_id="r").exports if one.window == first]
    source.ledger.write(planned, state="failed", reason="DynamoDB: InternalServerError")
    assert cells(source)[0] == (first, "failed")
    stand = stand_of(source)
    assert (stand.state, stand.failed, stand.unfinished) == ("failed", 1, 1)
    assert stand.until == text(first.start), "what follows a hole is not in the view"
    assert stand.reason == "DynamoDB: InternalServerError"
    export(source)
    assert {state for _, state in cells(source)} == {"published"}
    assert stand_of(source).until == text(third.end)


def test_a_gap_is_told_with_the_command_that_repairs_it_and_its_windows_stay_out(source: SourceTable) -> None:
    first = begin(source)
    source.recovery(False)
    with pytest.raises(Exception, match="recovery_off"):
        plan(source.lake, source.table, run_id="r")
    source.recovery(True)
    source.advance(timedelta(minutes=40))
    stand = stand_of(source)
    assert (stand.state, stand.command) == ("gap", "lakelanes tables repair orders")
    assert stand.reason is not None and stand.reason.startswith("recovery_off: ")
    assert cells(source)[0] == (first, "gap")
    source.settle()
    export(source, full=True)
    stand = stand_of(source)
    assert (stand.state, stand.reason) == ("fresh", None)
    assert cells(source) == [], "before the base nothing is due"
    again = source.close(source.next_window())
    export(source)
    assert cells(source) == [(again, "published")]


def test_after_a_second_base_the_time_between_is_shown_as_not_exported(source: SourceTable) -> None:
    first = source.close(begin(source))
    export(source)
    source.advance(timedelta(minutes=30))
    export(source, full=True)
    stand = stand_of(source)
    assert stand.base is not None
    base = datetime.fromisoformat(stand.base)
    found = cells(source)
    assert found[0] == (first, "published")
    assert (Window(first.end, base), "skipped") in found


def test_a_view_that_is_behind_its_windows_does_not_hide_them(source: SourceTable) -> None:
    """What is converted counts, published or not."""
    first = source.close(begin(source))
    convert(source)
    assert stand_of(source).until == text(first.end)
    assert cells(source)[0] == (first, "converted")


def test_status_takes_few_requests_however_many_windows_there_are(source: SourceTable) -> None:
    begin(source)
    for _ in range(3):
        source.close(source.next_window())
        export(source)
    lake, asked = lake_at(source, source.now()), []
    for client in (lake.dynamodb, lake.glue):
        client.meta.events.register("before-call.*.*", lambda model, **_: asked.append(model.name))
    tables.status(lake)
    # Of the queries one is for the open alerts, two for the newest snapshot and the changes of the last days.
    assert sorted(asked) == ["BatchGetItem", "GetItem", "GetTable", *["Query"] * 4]


def test_a_table_of_the_stream_alone_has_no_deadline(make_source: Callable[..., SourceTable]) -> None:
    source = make_source(lanes=["stream"])
    assert stand_of(source).state == "no deadline"
    assert cells(source) == []


def test_the_terminal_says_the_same(
    source: SourceTable, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(source)
    source.recovery(False)
    with pytest.raises(Exception, match="recovery_off"):
        plan(source.lake, source.table, run_id="r")
    monkeypatch.setattr("lakelanes.lake.load_config", lambda: source.lake.config)
    assert main(["status", "orders"]) == 1
    heading, line = capsys.readouterr().out.splitlines()
    assert heading.split()[:3] == ["TABLE", "STATE", "UNTIL"] and line.split()[:2] == ["orders", "gap"]
    assert "recovery_off" in line
    assert main(["status", "--json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert [entity["name"] for entity in data["entities"]] == ["sales"]
    assert data["tables"][0]["command"] == "lakelanes tables repair orders"
    assert main(["status", "order"]) == 1
    assert "no entity or table 'order'; it has sales, and tables orders" in capsys.readouterr().err


def test_an_open_alert_is_trouble_whatever_the_exports_say(source: SourceTable) -> None:
    first = begin(source)
    assert stand_of(source, first.start).state == "fresh"
    lake = lake_at(source, first.start)
    alert = Alert("export_orders", "run-1", source.table.name, "the bucket is full", "Make room.")
    incidents.report(lake, "run/export_orders/-", alert, lambda *_: None)
    stand = stand_of(source, first.start)
    assert (stand.state, stand.alerts, stand.needs_attention) == ("alert", ("run/export_orders/-",), True)


def test_a_table_has_its_lag_its_size_and_its_changes_by_the_day(source: SourceTable) -> None:
    first = begin(source)
    stand = stand_of(source, first.start + timedelta(minutes=90))
    limit = (first.end + tables.DEADLINE - first.start) // timedelta(minutes=1)
    assert (stand.lag_minutes, stand.lag_limit_minutes) == (90, limit)
    assert stand.rows is not None and stand.rows_as_of
    assert [point.state for point in stand.trend][-1] == "none"
