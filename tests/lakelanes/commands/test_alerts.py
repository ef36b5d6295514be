"""``alerts`` lists what is open, and mutes and closes what is named, in somebody's name."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime, timedelta

import pytest

from lakelanes.alerts import incidents
from lakelanes.alerts.messages import Alert
from lakelanes.lake import Lake
from tests.lakelanes.commands.terminal import Terminal

MISSING, DRIFT = "deadline/sales/2024-03-16", "drift/sales"


@pytest.fixture
def opened(lake: Lake) -> Lake:
    for cause in (MISSING, DRIFT):
        alert = Alert("watch_lake", "run-1", "sales", f"it is\nbad: {cause}", "Mend it")
        assert incidents.report(lake, cause, alert, lambda *_: None)
    return lake


def test_alerts_lists_what_is_open(opened: Lake, terminal: Terminal) -> None:
    shown = terminal.text("alerts")
    assert "MUTED OR CLOSED" in shown and f"it is bad: {MISSING}" in shown and DRIFT in shown
    assert {one["cause"] for one in terminal.data("alerts")} == {MISSING, DRIFT}
    assert terminal.code == 0


def test_alerts_of_a_lake_where_nothing_is_open(lake: Lake, terminal: Terminal) -> None:
    assert "no alert is open" in terminal.text("alerts")
    assert terminal.data("alerts") == []


def test_what_is_named_is_muted_and_unmuted(opened: Lake, terminal: Terminal) -> None:
    [muted] = terminal.data("alerts", MISSING, "--mute", "4", "--by", "anna")
    until = datetime.fromisoformat(muted["muted_until"])
    assert muted["muted_by"] == "anna" and abs(until - datetime.now(UTC) - timedelta(hours=4)) < timedelta(minutes=5)
    assert "muted by anna until" in terminal.text("alerts")
    [muted] = terminal.data("alerts", MISSING, "--mute", "4")
    assert muted["muted_by"] == getpass.getuser()
    assert terminal.data("alerts", MISSING, "--unmute")[0]["muted_by"] == ""


def test_what_is_closed_is_listed_on_request_alone(opened: Lake, terminal: Terminal) -> None:
    assert "closed by anna at" in terminal.text("alerts", MISSING, "--close", "--by", "anna")
    assert [one["cause"] for one in terminal.data("alerts")] == [DRIFT]
    assert {one["cause"] for one in terminal.data("alerts", "--closed")} == {MISSING, DRIFT}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([MISSING], "name causes with one of --mute, --unmute and --close"),
        (["--close"], "name causes with one of"),
        (["gap/orders", MISSING, "--close"], "no alert is open of gap/orders"),
        ([MISSING, "--mute", "745"], "within the next 31 days"),
        ([MISSING, "--mute", "0"], "within the next 31 days"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    opened: Lake, terminal: Terminal, arguments: list[str], said: str
) -> None:
    assert said in terminal.text("alerts", *arguments)
    assert terminal.code == 1
    assert all(not one.muted_by and not one.closed_by for one in incidents.uncured_incidents(opened))
