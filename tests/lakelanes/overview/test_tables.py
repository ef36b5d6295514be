"""What the page and the terminal say of a table: how far its exports are, which window is missing, and why."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from lakelanes.__main__ import main
from lakelanes.lake import Lake
from lakelanes.overview import tables
from lakelanes.overview.tables import TableStatus
from lakelanes.tables.current import publish
from lakelanes.tables.export_requests import look, submit
from lakelanes.tables.import_export import bring_in
from lakelanes.tables.ledger import Export
from lakelanes.tables.planning import plan
from lakelanes.tables.stream import StreamLane
from lakelanes.tables.windows import Window
from tests.support.source_tables import SourceTable

WEEK = timedelta(days=7)
_runs = itertools.count()


def at(source: SourceTable, moment: datetime) -> Lake:
    """The lake at a moment; the local DynamoDB has a clock of its own."""
    return Lake.open(source.lake.config, lambda: moment)


def stand_of(source: SourceTable, moment: datetime | None = None) -> TableStatus:
    [stand] = tables.status(at(source, moment or source.now()))
    return stand


def cells(source: SourceTable, moment: datetime | None = None) -> list[tuple[Window, str]]:
    moment = moment or source.now()
    lake = at(source, moment)
    found = tables.windows(lake, source.table, stand_of(source, moment), moment - WEEK, moment)
    return [(cell.window, cell.state) for cell in found]


def export(source: SourceTable, **options: Any) -> list[Export]:
    """A whole run."""
    done = convert(source, **options)
    publish(source.lake, source.table)
    return [source.ledger.write(one, state="published")[0] for one in done]


def convert(source: SourceTable, **options: Any) -> list[Export]:
    """A run until before it publishes."""
    lake, table, done = source.lake, source.table, []
    for planned in plan(lake, table, run_id=f"export_orders/{next(_runs)}", **options).exports:
        made = submit(lake, table, planned)
        while made.state == "exporting":
            made = look(lake, table, made)
        done.append(bring_in(lake, table, made))
    return done


def begin(source: SourceTable) -> Window:
    """Makes the full export; returns the first window, which is open."""
    source.put("a", "1.00")
    source.settle()
    export(source)
    return source.next_window()


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
    due = tables.due_at(source.table, first)
    assert due >= first.end and due - first.end < timedelta(days=1)
    assert due.astimezone().minute == 0 and stand_of(source).deadline == text(due + tables.DEADLINE)


def test_the_windows_are_shown_with_what_became_of_them_and_the_holes_between_them(source: SourceTable) -> None:
    first = begin(source)
    second = source.close(source.next_window(first.end))
    third = source.close(source.next_window(second.end))
    # Somebody has had the second one alone exported.
    source.put("b", "2.00")
    export(source, period=second, heal=False)
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
    lake, asked = at(source, source.now()), []
    for client in (lake.dynamodb, lake.glue):
        client.meta.events.register("before-call.*.*", lambda model, **_: asked.append(model.name))
    tables.status(lake)
    assert sorted(asked) == ["BatchGetItem", "GetItem", "GetTable", "Query"]


def streamed(source: SourceTable, moment: datetime) -> tables.StreamStatus | None:
    known = source.ledger.windows(moment - timedelta(days=1))
    return tables.stream(at(source, moment), source.table, known)


def test_the_streams_newest_change_is_found_and_one_that_the_exports_alone_have(source: SourceTable) -> None:
    first = begin(source)
    found = streamed(source, source.now())
    assert found is not None and (found.state, found.arrived_at) == ("quiet", None)
    source.put("b", "2.00")
    source.close(first)
    export(source)
    assert streamed(source, source.now()) == tables.StreamStatus("missing", missing=str(first))

    arn = f"{source.ledger.chain().table_arn}/stream/2024-03-15T00:00:00.000"  # type: ignore[union-attr]
    written = first.start.replace(second=7)

    def record(number: int, key: str) -> dict[str, Any]:
        image = {"order_id": {"S": key}, "total": {"N": "2.00"}}
        return {
            "eventName": "MODIFY",
            "eventSourceARN": arn,
            "dynamodb": {
                "SequenceNumber": str(10**20 + number),
                "ApproximateCreationDateTime": written.timestamp() + number,
                "Keys": {"order_id": {"S": key}},
                "NewImage": image,
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        }

    report = StreamLane(source.lake).process([record(0, "b"), record(3, "c")], lambda: 60.0)
    assert (report.state, report.rows) == ("written", 2)
    found = streamed(source, source.lake.clock())
    assert found is not None
    assert (found.state, found.rows, found.missing) == ("arriving", 2, None)
    assert found.changed_at == text(written + timedelta(seconds=3))
    assert found.uri == report.objects[0]
    later = streamed(source, source.lake.clock() + timedelta(hours=2))
    assert later is not None and later.state == "quiet"


def test_a_table_of_the_stream_alone_has_no_deadline(make_source: Callable[..., SourceTable]) -> None:
    source = make_source(lanes=["stream"])
    assert stand_of(source).state == "no deadline"
    assert cells(source) == []
    found = tables.stream(source.lake, source.table, [])
    assert found is not None and found.state == "quiet"


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


def text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"
