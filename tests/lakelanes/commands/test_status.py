"""``status`` says what is open, how each entity stands, and what waits in the dead-letter queue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lakelanes.alerts import incidents, silence
from lakelanes.alerts.messages import Alert
from lakelanes.commands.report import table
from lakelanes.files.sweep import find_unloaded, record_unmatched
from lakelanes.lake import Lake
from tests.lakelanes.commands.terminal import BAD, GOOD, Terminal, load
from tests.support.lakes import put


def test_status_says_how_an_entity_stands(lake: Lake, terminal: Terminal) -> None:
    assert terminal.data("status")["entities"][0]["freshness"]["state"] == "empty"
    assert terminal.code == 0
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    put(lake, "sales_data_2024_03_16.csv", BAD)
    load(lake)
    [status] = terminal.data("status", "sales")["entities"]
    assert (status["counts"]["rows"], status["counts"]["rejected"]) == (2, 1)
    assert (status["freshness"]["state"], status["freshness"]["next"]) == ("rejected", "2024-03-16")
    assert terminal.code == 1, "something needs attention"
    heading, line = terminal.text("status").splitlines()
    assert heading.split()[:4] == ["ENTITY", "STATE", "NEWEST", "NEXT"]
    assert line.split()[:4] == ["sales", "rejected", "2024-03-15", "2024-03-16"]


def test_status_begins_with_what_is_open(lake: Lake, terminal: Terminal) -> None:
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    alert = Alert("watch_lake", "run-1", "sales", "2024-03-16 did not\narrive", "Upload its files")
    incidents.report(lake, "deadline/sales/2024-03-16", alert, lambda *_: None)
    heading, line, *_ = terminal.text("status").splitlines()
    assert heading.startswith("ALERT SINCE") and terminal.code == 1
    assert "deadline/sales/2024-03-16  2024-03-16 did not arrive  Upload its files" in line
    [open_one] = terminal.data("status", "sales")["alerts"]
    assert (open_one["cause"], open_one["dag_id"]) == ("deadline/sales/2024-03-16", "watch_lake")
    [incident] = incidents.open_incidents(lake)
    silence.mute(lake, incident, datetime.now(UTC) + timedelta(hours=1), "anna")
    assert "(muted by anna until " in terminal.text("status")
    assert terminal.data("status", "sales")["alerts"][0]["muted_by"] == "anna"
    incidents.cure(lake, "deadline/sales/2024-03-16", "it came", lambda *_: None)
    assert terminal.data("status", "sales")["alerts"] == []
    assert terminal.code == 0


def test_status_names_dead_letters(lake: Lake, terminal: Terminal) -> None:
    url = lake.sqs.get_queue_url(QueueName=lake.config.resources.dead_letter_queue)["QueueUrl"]
    lake.sqs.send_message(QueueUrl=url, MessageBody="rubbish")
    assert "1 dead letter in the queue" in terminal.text("status")
    assert terminal.code == 1
    assert terminal.data("status")["dead_letters"]["waiting"] == 1
    assert terminal.data("status", "sales")["dead_letters"]["waiting"] is None
    assert terminal.code == 0, "the queue is of the lake, not of one entity"


def test_status_of_a_name_that_is_not_configured_is_refused_with_the_names_there_are(
    lake: Lake, terminal: Terminal
) -> None:
    assert "has no entity 'nobody'; it has sales" in terminal.text("status", "nobody")
    assert terminal.code == 1


def test_status_tells_of_files_of_no_entity_once(lake: Lake, terminal: Terminal) -> None:
    uri = put(lake, "somebody_elses.csv", GOOD)
    put(lake, "_SUCCESS", "")
    record_unmatched(lake, find_unloaded(lake, full=True).unmatched)
    text = terminal.text("status")
    assert text.count(uri) == 1
    assert "files of no entity, the latest first:\n  s3://" in text
    assert "_SUCCESS" not in text
    assert terminal.code == 1
    assert terminal.data("status")["unmatched"] == [uri]
    assert terminal.data("status", "sales")["unmatched"] == []
    assert terminal.code == 0


def test_in_a_narrow_terminal_each_value_has_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    wide = table(("name", "text"), [("a", "x" * 50)], "")
    assert len(wide.splitlines()) == 2, "a program gets a table"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    narrow = table(("name", "text"), [("a", "x" * 50)], "")
    assert narrow.splitlines()[0] == "row 1"
    assert max(map(len, narrow.splitlines())) == 40
