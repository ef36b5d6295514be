"""A muted alert says nothing until its mute is over, and then once if it is still open; a closed one comes back when
its cause does; and a cure is told once in any case."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lakelanes.alerts import incidents
from lakelanes.alerts.incidents import (
    Incident,
    catch_up,
    cure,
    file_alerts,
    file_cause,
    open_incidents,
    report,
    report_all,
    uncured_incidents,
)
from lakelanes.alerts.silence import LONGEST, MuteError, close, mute, unmute
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry
from tests.lakelanes.alerts.test_incidents import ALERT, CAUSE, START, Channel, Clock, fault, items
from tests.lakelanes.alerts.test_incidents import channel as channel
from tests.lakelanes.alerts.test_incidents import clock as clock
from tests.lakelanes.alerts.test_incidents import lake as lake

DAY = timedelta(days=1)
MISSING = "deadline/sales/2024-03-15"


def the(lake: Lake) -> Incident:
    [incident] = open_incidents(lake)
    return incident


def opened(lake: Lake, channel: Channel, cause: str = CAUSE) -> Incident:
    assert report(lake, cause, ALERT, channel)
    return the(lake)


def test_a_muted_alert_is_listed_with_who_muted_it_until_when(lake: Lake, channel: Channel) -> None:
    assert mute(lake, opened(lake, channel), START + DAY, "anna")
    now = the(lake)
    assert (now.muted_by, now.muted_until) == ("anna", "2024-03-16T06:00:00.000000Z")
    assert now.is_muted("2024-03-16T05:59:59.000000Z") and not now.is_muted("2024-03-16T06:00:00.000000Z")


def test_one_that_is_still_open_when_its_mute_is_over_speaks_again_once(
    lake: Lake, channel: Channel, clock: Clock
) -> None:
    mute(lake, opened(lake, channel), START + DAY, "anna")
    clock.advance(hours=23, minutes=59)
    assert not report(lake, CAUSE, ALERT, channel)
    assert catch_up(lake, channel) == 0 and len(channel.messages) == 1
    clock.advance(minutes=1)
    assert catch_up(lake, channel) == 1
    again = channel.messages[-1]
    assert not again.recovered and again.reason == ALERT.reason and again.causes == (CAUSE,)
    assert "muted by anna until 2024-03-16 06:00 UTC, and nothing has cured it" in again.meaning
    assert (the(lake).muted_by, the(lake).muted_until, the(lake).sent) == ("", "", True)
    clock.advance(days=9)
    assert catch_up(lake, channel) == 0 and len(channel.messages) == 2
    assert cure(lake, CAUSE, "run-3 succeeded", channel)
    assert channel.recoveries == [False, False, True] and items(lake) == []


def test_what_was_one_message_is_one_when_its_mute_is_over(lake: Lake, channel: Channel, clock: Clock) -> None:
    report_all(lake, file_alerts(replace(ALERT, files=[fault(1), fault(2)])), channel)
    for one in open_incidents(lake):
        mute(lake, one, START + DAY, "anna")
    clock.advance(days=2)
    assert catch_up(lake, channel) == 1
    assert len(channel.messages[-1].files) == 2
    assert channel.messages[-1].meaning.count("muted by anna") == 1


def test_its_cure_ends_the_mute_and_is_told(lake: Lake, channel: Channel, clock: Clock) -> None:
    mute(lake, opened(lake, channel), START + DAY, "anna")
    assert cure(lake, CAUSE, "run-3 succeeded", channel)
    assert channel.recoveries == [False, True] and items(lake) == []
    assert report(lake, CAUSE, ALERT, channel), "the next one is another, and not muted"
    assert channel.recoveries == [False, True, False] and the(lake).muted_by == ""


def test_a_recovery_that_could_not_be_sent_is_sent_although_the_mute_lasted(lake: Lake, channel: Channel) -> None:
    mute(lake, opened(lake, channel), START + DAY, "anna")
    channel.faults = [RuntimeError("throttled")]
    cure(lake, CAUSE, "cured", channel)
    assert catch_up(lake, channel) == 1
    assert channel.recoveries == [False, True] and items(lake) == []


def test_an_alert_that_was_not_sent_before_its_mute_is_sent_after_it(
    lake: Lake, channel: Channel, clock: Clock
) -> None:
    channel.faults = [RuntimeError("throttled")]
    report(lake, CAUSE, ALERT, channel)
    mute(lake, the(lake), START + DAY, "anna")
    assert catch_up(lake, channel) == 0
    clock.advance(days=1)
    assert catch_up(lake, channel) == 1
    assert catch_up(lake, channel) == 0
    assert channel.recoveries == [False]


def test_an_alert_that_was_not_sent_before_its_mute_is_sent_when_the_mute_is_taken_back(
    lake: Lake, channel: Channel
) -> None:
    channel.faults = [RuntimeError("throttled")]
    report(lake, CAUSE, ALERT, channel)
    mute(lake, the(lake), START + DAY, "anna")
    assert unmute(lake, the(lake))
    assert catch_up(lake, channel) == 1
    assert "muted" not in channel.messages[0].meaning


def test_who_dies_while_saying_that_it_is_still_open_loses_no_message(
    lake: Lake, channel: Channel, clock: Clock
) -> None:
    mute(lake, opened(lake, channel), START + DAY, "anna")
    clock.advance(days=1)
    with pytest.raises(KeyboardInterrupt):
        catch_up(lake, Channel(faults=[KeyboardInterrupt()]))
    assert catch_up(lake, channel) == 0, "it may still be sending"
    clock.advance(minutes=3)
    assert catch_up(lake, channel) == 1 and catch_up(lake, channel) == 0
    assert "muted by anna" in channel.messages[-1].meaning


def test_a_channel_that_fails_then_is_tried_again(lake: Lake, channel: Channel, clock: Clock) -> None:
    mute(lake, opened(lake, channel), START + DAY, "anna")
    clock.advance(days=1)
    assert catch_up(lake, Channel(faults=[RuntimeError("throttled")])) == 0
    assert catch_up(lake, channel) == 1 and catch_up(lake, channel) == 0


def test_of_many_who_notice_that_the_mute_is_over_one_says_so(lake: Lake, channel: Channel, clock: Clock) -> None:
    mute(lake, opened(lake, channel), START + DAY, "anna")
    clock.advance(days=1)
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: catch_up(lake, channel), range(8))) == 1


def test_who_mutes_it_anew_while_it_speaks_is_not_overruled(lake: Lake, channel: Channel, clock: Clock) -> None:
    mute(lake, opened(lake, channel), START + DAY, "anna")
    clock.advance(days=1)

    def slow(lake: Lake, alert: Any) -> None:
        assert mute(lake, the(lake), START + 2 * DAY, "ben")
        channel(lake, alert)

    assert catch_up(lake, slow) == 1
    assert (the(lake).muted_by, the(lake).sent) == ("ben", True)
    assert catch_up(lake, channel) == 0
    clock.advance(days=1)
    assert catch_up(lake, channel) == 1
    assert "muted by ben" in channel.messages[-1].meaning


def test_a_mute_that_is_made_longer_or_taken_back_in_time_says_nothing(
    lake: Lake, channel: Channel, clock: Clock
) -> None:
    mute(lake, opened(lake, channel), START + DAY, "anna")
    assert mute(lake, the(lake), START + 3 * DAY, "ben")
    clock.advance(days=2)
    assert catch_up(lake, channel) == 0
    assert unmute(lake, the(lake))
    clock.advance(days=2)
    assert catch_up(lake, channel) == 0 and the(lake).muted_by == ""


def test_a_mute_ends_within_a_month_and_not_in_the_past(lake: Lake, channel: Channel) -> None:
    incident = opened(lake, channel)
    for until in (START, START - DAY, START + LONGEST + timedelta(seconds=1)):
        with pytest.raises(MuteError, match="within the next 31 days"):
            mute(lake, incident, until, "anna")
    assert mute(lake, incident, START + LONGEST, "anna")


def test_what_was_looked_at_and_is_another_by_now_is_neither_muted_nor_closed(
    lake: Lake, channel: Channel, clock: Clock
) -> None:
    seen = opened(lake, channel)
    cure(lake, CAUSE, "cured", channel)
    assert not mute(lake, seen, START + DAY, "anna") and not unmute(lake, seen) and not close(lake, seen, "anna")
    assert items(lake) == [], "nothing was made of it"
    clock.advance(minutes=1)
    report(lake, CAUSE, ALERT, channel)
    assert not mute(lake, seen, START + DAY, "anna") and not close(lake, seen, "anna")
    assert the(lake).muted_by == the(lake).closed_by == ""


def test_a_closed_alert_is_gone_and_its_cure_is_told(lake: Lake, channel: Channel, clock: Clock) -> None:
    assert close(lake, opened(lake, channel, MISSING), "anna")
    assert open_incidents(lake) == []
    [closed] = uncured_incidents(lake)
    assert (closed.closed_by, closed.closed_at) == ("anna", "2024-03-15T06:00:00.000000Z")
    clock.advance(days=3)
    assert not report(lake, MISSING, ALERT, channel), "it is missing as it was"
    assert catch_up(lake, channel) == 0
    assert cure(lake, MISSING, "it came", channel)
    assert channel.recoveries == [False, True] and items(lake) == []
    assert report(lake, MISSING, ALERT, channel)
    assert the(lake).closed_by == ""


def test_a_run_that_fails_again_opens_its_closed_alert_anew(lake: Lake, channel: Channel, clock: Clock) -> None:
    for cause in (CAUSE, "refresh/daily"):
        assert report(lake, cause, ALERT, channel)
    for one in open_incidents(lake):
        close(lake, one, "anna")
    clock.advance(hours=1)
    channel.messages.clear()
    for cause in (CAUSE, "refresh/daily"):
        assert report(lake, cause, replace(ALERT, run_id="run-2", reason="full again"), channel)
        assert not report(lake, cause, replace(ALERT, run_id="run-3"), channel)
    assert len(channel.messages) == 2
    assert {(one.cause, one.reason, one.closed_by) for one in open_incidents(lake)} == {
        (CAUSE, "full again", ""),
        ("refresh/daily", "full again", ""),
    }


def test_of_many_runs_that_fail_again_one_opens_it(lake: Lake, channel: Channel, clock: Clock) -> None:
    close(lake, opened(lake, channel), "anna")
    clock.advance(hours=1)
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: report(lake, CAUSE, ALERT, channel), range(16))) == 1


def test_a_file_that_is_tried_again_in_vain_stays_closed_and_another_version_does_not(
    lake: Lake, channel: Channel, clock: Clock
) -> None:
    uri, alerts = fault(1).file, file_alerts(replace(ALERT, files=[fault(1)]))

    def know(etag: str, error: str) -> None:
        entry = Entry(uri, entity="sales", state="rejected", etag=etag, error=error, updated_at="2024")
        lake.ledger.client.put_item(TableName=lake.ledger.table, Item=entry.to_item())

    know("one", "no column 'amount'")
    report_all(lake, alerts, channel)
    close(lake, the(lake), "anna")
    assert report_all(lake, alerts, channel) == []
    for etag, error in (("one", "no column 'date'"), ("two", "no column 'date'")):
        clock.advance(hours=1)
        know(etag, error)
        assert report_all(lake, alerts, channel) == [file_cause(uri)]
        close(lake, the(lake), "anna")
        assert report_all(lake, alerts, channel) == []
    assert len(channel.messages) == 3


def test_closing_ends_a_mute_and_a_closed_one_is_not_muted(lake: Lake, channel: Channel, clock: Clock) -> None:
    incident = opened(lake, channel)
    mute(lake, incident, START + DAY, "anna")
    assert close(lake, incident, "ben")
    assert not close(lake, incident, "carl") and not mute(lake, incident, START + DAY, "carl")
    [closed] = uncured_incidents(lake)
    assert (closed.closed_by, closed.muted_by) == ("ben", "")
    clock.advance(days=2)
    assert catch_up(lake, channel) == 0


def test_a_cause_of_no_file_asks_the_ledger_for_none(lake: Lake) -> None:
    assert incidents.state_of_file(lake, MISSING) == incidents.state_of_file(lake, "file/s3://in/unknown.csv") == ""
