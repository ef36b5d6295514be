"""One alert per cause and one message for its cure, whoever reports it, dies on the way, or is throttled."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakelanes.alerts import incidents
from lakelanes.alerts import messages as alert_messages
from lakelanes.alerts.incidents import (
    catch_up,
    cure,
    cure_all,
    file_alerts,
    file_cause,
    open_incidents,
    report,
    report_all,
)
from lakelanes.alerts.messages import Alert, FileFault
from lakelanes.lake import Lake
from tests.support.queues import Alerts

START = datetime(2024, 3, 15, 6, tzinfo=UTC)
CAUSE = "run/load_sales/2024-03-15"
ALERT = Alert("load_sales", "run-1", "sales", "the disk is full", "Make room.", "http://airflow/run-1", "2024-03-15")


@dataclass
class Channel:
    """Where messages go in these tests; ``faults`` are raised first, one a message."""

    messages: list[Alert] = field(default_factory=list)
    faults: list[BaseException] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)

    def __call__(self, lake: Lake, alert: Alert) -> None:
        with self.lock:
            if self.faults:
                raise self.faults.pop()
            self.messages.append(alert)

    @property
    def recoveries(self) -> list[bool]:
        return [message.recovered for message in self.messages]


@dataclass
class Clock:
    """The time in these tests."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **passed: float) -> None:
        self.now += timedelta(**passed)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lake(make_lake: Any, clock: Clock) -> Lake:
    return make_lake(clock=clock)


@pytest.fixture
def channel() -> Channel:
    return Channel()


def fault(number: int) -> FileFault:
    return FileFault(f"s3://in/sales_data_2024_03_{number:02}.csv", "sales", "rejected", "no column 'amount'", 1)


def test_a_cause_sends_one_message_until_it_is_cured_and_then_another(lake: Lake, channel: Channel) -> None:
    assert report(lake, CAUSE, ALERT, channel)
    assert not report(lake, CAUSE, replace(ALERT, run_id="run-2"), channel)
    assert channel.recoveries == [False]
    assert cure(lake, CAUSE, "run-3 succeeded", channel)
    assert not cure(lake, CAUSE, "run-4 succeeded", channel)
    assert channel.recoveries == [False, True]
    assert report(lake, CAUSE, ALERT, channel)
    assert channel.recoveries == [False, True, False]


def test_the_recovery_says_what_was_wrong_since_when_how_long_and_what_cured_it(
    lake: Lake, channel: Channel, clock: Clock
) -> None:
    report(lake, CAUSE, ALERT, channel)
    clock.advance(days=1, hours=2, minutes=3)
    cure(lake, CAUSE, "run-3 succeeded", channel)
    last = channel.messages[-1]
    for part in ("the disk is full", "2024-03-15 06:00 UTC", "1 day 2 hours 3 minutes", "run-3 succeeded"):
        assert part in last.reason
    assert "recovered" in last.subject and last.causes == (CAUSE,)
    assert (last.run_url, last.partition_key) == (ALERT.run_url, ALERT.partition_key)


def test_what_is_open_is_listed_newest_first_with_what_to_do(lake: Lake, channel: Channel, clock: Clock) -> None:
    report(lake, CAUSE, ALERT, channel, subject="a place")
    clock.advance(minutes=5)
    report(lake, "dead-letters", replace(ALERT, event="could not load a file"), channel)
    newest, oldest = open_incidents(lake)
    assert (newest.cause, newest.event) == ("dead-letters", "could not load a file")
    assert (oldest.since, oldest.subject, oldest.sent, oldest.kind) == (lake_time(START), "a place", True, "run")
    assert (oldest.reason, oldest.what_to_do, oldest.dag_id) == ("the disk is full", "Make room.", "load_sales")
    assert (oldest.entity, oldest.run_url) == ("sales", "http://airflow/run-1")


def test_faults_of_one_run_are_one_message_and_known_ones_are_left_out(lake: Lake, channel: Channel) -> None:
    first = replace(ALERT, files=[fault(1), fault(2)])
    assert len(report_all(lake, file_alerts(first), channel)) == 2
    again = replace(ALERT, run_id="run-2", files=[fault(1), fault(2), fault(3)])
    assert report_all(lake, file_alerts(again), channel) == [file_cause(fault(3).file)]
    assert report_all(lake, file_alerts(again), channel) == []
    assert [[one.file[-6:-4] for one in message.files] for message in channel.messages] == [["01", "02"], ["03"]]
    assert channel.messages[0].reason.startswith(
        "2 files were not loaded; the first: s3://in/sales_data_2024_03_01.csv"
    )
    cure_all(lake, [(incident, "it is loaded") for incident in open_incidents(lake)], channel)
    assert channel.recoveries == [False, False, True]
    assert len(channel.messages[-1].files) == 3


def test_of_many_who_report_and_cure_at_once_one_sends_the_message(lake: Lake, channel: Channel) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: report(lake, CAUSE, ALERT, channel), range(16))) == 1
        assert sum(pool.map(lambda _: cure(lake, CAUSE, "cured", channel), range(16))) == 1
    assert channel.recoveries == [False, True]
    assert items(lake) == []


def test_who_dies_between_noting_and_sending_loses_no_message(lake: Lake, channel: Channel, clock: Clock) -> None:
    with pytest.raises(KeyboardInterrupt):
        report(lake, CAUSE, ALERT, Channel(faults=[KeyboardInterrupt()]))
    assert catch_up(lake, channel) == 0, "it may still be sending"
    assert not report(lake, CAUSE, ALERT, channel)
    clock.advance(minutes=3)
    assert catch_up(lake, channel) == 1
    assert catch_up(lake, channel) == 0
    with pytest.raises(KeyboardInterrupt):
        cure(lake, CAUSE, "run-3 succeeded", Channel(faults=[KeyboardInterrupt()]))
    assert open_incidents(lake) == []
    clock.advance(minutes=3)
    assert catch_up(lake, channel) == 1
    assert channel.recoveries == [False, True]
    assert items(lake) == []


def test_a_channel_that_fails_is_tried_again_by_the_next_to_catch_up(lake: Lake, channel: Channel) -> None:
    channel.faults = [RuntimeError("throttled")]
    assert not report(lake, CAUSE, ALERT, channel)
    assert catch_up(lake, channel) == 1
    channel.faults = [RuntimeError("throttled")]
    assert cure(lake, CAUSE, "cured", channel)
    assert catch_up(lake, channel) == 1
    assert channel.recoveries == [False, True]


def test_what_was_one_message_is_one_when_it_is_sent_later(lake: Lake, channel: Channel) -> None:
    channel.faults = [RuntimeError("throttled")]
    report_all(lake, file_alerts(replace(ALERT, files=[fault(1), fault(2)])), channel)
    assert catch_up(lake, channel) == 1
    assert len(channel.messages[0].files) == 2


def test_of_many_who_catch_up_one_sends_the_message(lake: Lake, channel: Channel) -> None:
    report(lake, CAUSE, ALERT, Channel(faults=[RuntimeError("throttled")]))
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: catch_up(lake, channel), range(8))) == 1
    assert channel.recoveries == [False]


def test_what_is_cured_before_its_alert_was_sent_has_both_messages(lake: Lake, channel: Channel) -> None:
    report(lake, CAUSE, ALERT, Channel(faults=[RuntimeError("throttled")]))
    assert cure(lake, CAUSE, "cured", channel)
    assert open_incidents(lake) == [] and channel.messages == []
    assert catch_up(lake, channel) == 2
    assert channel.recoveries == [False, True]
    assert items(lake) == []


def test_what_is_cured_while_its_alert_is_sent_has_one_alert(lake: Lake, channel: Channel, clock: Clock) -> None:
    def slow(lake: Lake, alert: Alert) -> None:
        assert cure(lake, CAUSE, "cured", channel)
        channel(lake, alert)

    assert report(lake, CAUSE, ALERT, slow)
    clock.advance(minutes=3)
    assert catch_up(lake, channel) == 1
    assert channel.recoveries == [False, True]


def test_a_cause_that_opens_anew_does_not_wait_for_the_old_ones_recovery(
    lake: Lake, channel: Channel, clock: Clock
) -> None:
    report(lake, CAUSE, ALERT, channel)
    channel.faults = [RuntimeError("throttled")]
    cure(lake, CAUSE, "cured", channel)
    clock.advance(minutes=1)
    assert report(lake, CAUSE, replace(ALERT, reason="full again"), channel)
    assert catch_up(lake, channel) == 1
    assert [message.reason.split("\n")[0] for message in channel.messages] == [
        "the disk is full",
        "full again",
        "the disk is full",
    ]
    assert [incident.reason for incident in open_incidents(lake)] == ["full again"]


def test_a_cause_as_long_as_a_key_of_s3_can_be_is_not_another(lake: Lake, channel: Channel) -> None:
    one, other = (file_cause(f"s3://a-bucket/{'ü' * 500}{end}.csv") for end in ("1", "2"))
    for cause in (one, other):
        assert report(lake, cause, ALERT, channel)
        assert not report(lake, cause, ALERT, channel)
    assert {incident.cause for incident in open_incidents(lake)} == {one, other}
    assert cure(lake, one, "cured", channel)
    assert [incident.cause for incident in open_incidents(lake)] == [other]


def test_one_that_is_since_the_same_time_as_the_one_before_is_another(
    lake: Lake, channel: Channel, clock: Clock
) -> None:
    overdue = replace(ALERT, since=lake_time(START - timedelta(days=1)))
    report(lake, CAUSE, overdue, channel)
    for _ in range(2):
        channel.faults = [RuntimeError("throttled")]
        cure(lake, CAUSE, "cured", channel)
        clock.advance(seconds=1)
        assert report(lake, CAUSE, overdue, channel)
    assert catch_up(lake, channel) == 2
    assert sum(channel.recoveries) == 2


def test_an_incident_that_was_read_before_it_was_cured_and_opened_anew_is_not_closed_by_it(
    lake: Lake, channel: Channel, clock: Clock
) -> None:
    report(lake, CAUSE, ALERT, channel)
    [seen] = open_incidents(lake)
    cure(lake, CAUSE, "cured", channel)
    clock.advance(minutes=1)
    report(lake, CAUSE, ALERT, channel)
    assert cure_all(lake, [(seen, "cured")], channel) == []
    assert len(open_incidents(lake)) == 1


def test_a_request_whose_answer_was_lost_and_that_is_sent_again_finds_its_own_item(
    lake: Lake, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_item = lake.ledger.client.put_item

    def twice(**request: Any) -> Any:
        put_item(**request)
        return put_item(**request)

    with monkeypatch.context() as patch:
        patch.setattr(lake.ledger.client, "put_item", twice)
        assert report(lake, CAUSE, ALERT, channel)
    assert channel.recoveries == [False]


def test_messages_that_are_no_notifications_have_one_cause(lake: Lake, channel: Channel) -> None:
    messages = [FileFault(f"message {n}", "", "malformed", "no JSON") for n in range(3)]
    assert report_all(lake, file_alerts(replace(ALERT, files=messages)), channel) == ["dead-letters"]
    assert len(channel.messages[0].files) == 3


def test_both_messages_reach_the_topic(lake: Lake) -> None:
    subscriber = Alerts(lake)
    assert report(lake, CAUSE, ALERT, alert_messages.publish)
    [sent] = subscriber.wait()
    assert (sent["causes"], sent["recovered"], sent["since"]) == ([CAUSE], False, lake_time(START))
    assert cure(lake, CAUSE, "cured", alert_messages.publish)
    assert [message["recovered"] for message in subscriber.read()] == [False, True]


def lake_time(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S.%fZ}"


def items(lake: Lake) -> list[Any]:
    return incidents._all(lake)
