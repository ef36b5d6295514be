"""Messages of the file queue, and what becomes of them and of their files, on a real local AWS."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest

from lakelanes.aws.storage import ObjectReader
from lakelanes.catalog import athena, partitions
from lakelanes.files import attempt, batch
from lakelanes.files.batch import load_batch
from lakelanes.files.events import parse_body
from lakelanes.files.listing import list_entity
from lakelanes.files.pending import pending
from lakelanes.files.queue_lane import FastLane, MessageReport
from lakelanes.files.sweep import find_unloaded, finish
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry
from tests.support.lakes import AIRFLOW_URL, SALES, put
from tests.support.queues import MAX_RECEIVES, Alerts, Queues
from tests.support.waiting import PATIENCE_SECONDS, wait_for

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
GOOD = f"{HEADER}t1,c1,1.50,2024-03-15\nt2,c2,2.50,2024-03-15\n"
BAD_ROW = f"{HEADER}t1,c1,1.50,2024-03-15\nt2,c2,lots,2024-03-15\n"
NO_AMOUNT = "transaction_id,customer_id,transaction_date\nt1,c1,2024-03-15\n"
KEY = "sales_data_2024_03_15.csv"


@pytest.fixture
def queues(lake: Lake) -> Queues:
    return Queues(lake)


def states(reports: list[MessageReport]) -> list[list[str]]:
    return [[file.state for file in report.files] for report in reports]


def entry_of(lake: Lake, uri: str) -> Entry:
    entry = lake.ledger.get(uri)
    assert entry is not None
    return entry


def rows(lake: Lake, table: str = "sales_data") -> int:
    [answer] = athena.query(lake, f"SELECT count(*) AS n FROM {table}")
    return int(answer["n"] or 0)


def test_a_file_is_loaded_and_visible_when_its_message_is_done(lake: Lake, queues: Queues) -> None:
    uri = put(lake, KEY, BAD_ROW)
    [report] = queues.deliver(queues.lane())
    [file] = report.files
    assert report.done
    assert (file.state, file.rows_loaded, file.rows_rejected, file.partitions) == (
        "loaded",
        1,
        1,
        ("year=2024/month=03/day=15",),
    )
    assert file.latency is not None and 0 <= file.latency < 600
    assert (rows(lake), rows(lake, "sales_data_rejects")) == (1, 1)
    entry = entry_of(lake, uri)
    assert (entry.lane, entry.run_id, entry.state) == ("fast", f"file_processor/{report.message.id}", "loaded")
    assert queues.receive() == [] and queues.waiting() == 0
    entity = lake.config.entities["sales"]
    assert pending(lake, list_entity(lake, entity)) == [], "nothing is left to the batch lane"


def test_a_topic_that_waits_for_its_confirmation_is_a_dead_letter_that_says_so(lake: Lake, queues: Queues) -> None:
    alerts = Alerts(lake)
    topic = "arn:aws:sns:us-east-1:111122223333:landing"
    queues.send(json.dumps({"Type": "SubscriptionConfirmation", "TopicArn": topic, "Token": "2336412f37"}))
    queues.deliver_all(queues.lane())
    assert queues.dead_letters() == 1
    [alert] = alerts.wait()
    assert f"confirm-subscription --topic-arn {topic} --token 2336412f37" in alert["reason"]


def test_the_same_event_twice_loads_once(lake: Lake, queues: Queues) -> None:
    uri = put(lake, KEY, GOOD)
    [message] = queues.receive()
    queues.send(message.body)
    queues.send(message.body)
    lane = queues.lane()
    lane.process([message], lambda: 60.0)
    assert states(queues.deliver_all(lane)) == [["already_loaded"], ["already_loaded"]]
    assert (rows(lake), entry_of(lake, uri).token) == (2, 1)


def test_events_of_one_key_in_a_batch_are_one_load_of_the_newest(lake: Lake, queues: Queues) -> None:
    put(lake, KEY, NO_AMOUNT)
    put(lake, KEY, BAD_ROW)
    uri = put(lake, KEY, GOOD)
    messages = queues.receive()
    assert len(messages) == 3
    reports = queues.lane().process(list(reversed(messages)), lambda: 60.0)
    assert states(reports) == [["loaded"]] * 3
    assert (rows(lake), entry_of(lake, uri).token) == (2, 1)


def test_an_older_event_that_comes_late_changes_nothing(lake: Lake, queues: Queues) -> None:
    put(lake, KEY, BAD_ROW)
    [first] = queues.receive()
    put(lake, KEY, GOOD)
    lane = queues.lane()
    assert states(queues.deliver(lane)) == [["loaded"]]
    assert states(lane.process([first], lambda: 60.0)) == [["superseded"]]
    assert rows(lake) == 2


def test_a_batch_is_as_good_as_each_of_its_messages(lake: Lake, queues: Queues) -> None:
    put(lake, KEY, GOOD)
    put(lake, "sales_data_2024_03_16.csv", NO_AMOUNT)
    put(lake, "sales_data_2024_02_30.csv", GOOD)
    queues.send("rubbish")
    reports = queues.deliver(queues.lane())
    assert [(r.done, r.fault is None, [f.state for f in r.files]) for r in reports] == [
        (True, True, ["loaded"]),
        (False, True, ["rejected"]),
        (False, True, ["rejected"]),
        (False, False, []),
    ]
    assert rows(lake) == 2


def test_a_message_with_one_bad_file_comes_again_and_its_good_file_stays_loaded(lake: Lake, queues: Queues) -> None:
    put(lake, KEY, GOOD)
    put(lake, "sales_data_2024_03_16.csv", NO_AMOUNT)
    bodies = [json.loads(message.body) for message in queues.receive()]
    queues.send(json.dumps({"Records": [record for body in bodies for record in body["Records"]]}))
    lane = queues.lane()
    assert states(queues.deliver(lane)) == [["loaded", "rejected"]]
    assert states(queues.deliver(lane)) == [["already_loaded", "rejected"]]


def test_what_is_not_for_this_lane_is_done_with_a_note(make_lake: Callable[..., Lake]) -> None:
    slow = {**SALES, "table_name": "slow", "filename_pattern": r"slow_(\d{4})_(\d{2})_(\d{2})\.csv", "lanes": ["batch"]}
    lake = make_lake({"sales": SALES, "slow": slow})
    queues = Queues(lake)
    for key in ("readme.txt", "slow_2024_03_15.csv", "folder/"):
        put(lake, key, "x")
    put(lake, KEY, GOOD)
    messages = queues.receive()
    body = json.loads(messages[-1].body)
    body["Records"][0]["eventName"] = "ObjectRemoved:Delete"
    queues.send(json.dumps(body))
    body["Records"][0].update(eventName="ObjectCreated:Put")
    body["Records"][0]["s3"]["bucket"]["name"] = "another-bucket"
    queues.send(json.dumps(body))
    reports = queues.lane().process([*messages[:3], *queues.receive()], lambda: 60.0)
    assert all(report.done for report in reports)
    assert [file.reason for report in reports for file in report.files] == [
        "the name matches no entity's filename_pattern",
        "entities.slow.lanes leaves it to the batch lane",
        "the name matches no entity's filename_pattern",
        "nothing was created",
        f"the source bucket is {lake.config.resources.source_bucket}",
    ]
    assert lake.ledger.get(f"s3://{lake.config.resources.source_bucket}/{KEY}") is None


def test_the_message_of_a_marker_says_that_its_name_is_ignored(lake: Lake, queues: Queues) -> None:
    put(lake, "in/_SUCCESS", "")
    [report] = queues.deliver(queues.lane())
    assert report.done
    assert [file.reason for file in report.files] == ["the name is one of a marker, or of ignored_names"]


def test_an_empty_version_that_is_refused_is_a_dead_letter_and_the_rows_stay(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake({"sales": {**SALES, "empty_versions": "refuse"}})
    queues, alerts = Queues(lake), Alerts(lake)
    uri = put(lake, KEY, GOOD)
    assert states(queues.deliver(queues.lane())) == [["loaded"]]
    put(lake, KEY, "")
    queues.deliver_all(queues.lane())
    assert rows(lake) == 2
    entry = entry_of(lake, uri)
    assert (entry.state, entry.live_rows) == ("rejected", 2)
    [alert] = alerts.wait()
    assert "the file has no rows, and the version of it that is in the table has 2 rows" in str(alert)


def test_a_large_file_is_left_to_the_batch_lane_with_a_note(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake({"sales": {**SALES, "fast_max_bytes": len(GOOD) - 1}})
    queues = Queues(lake)
    uri = put(lake, KEY, GOOD)
    [report] = queues.deliver(queues.lane())
    assert report.done and [file.state for file in report.files] == ["deferred"]
    entry = entry_of(lake, uri)
    assert (entry.state, entry.attempts) == ("deferred", 0)
    assert "entities.sales.fast_max_bytes" in (entry.error or "")
    sweep = find_unloaded(lake)
    assert [file.uri for file in sweep.files["sales"]] == [uri]
    [outcome] = load_batch(lake, lake.config.entities["sales"], sweep.files["sales"], lane="batch", run_id="sweep")
    assert outcome.state == "loaded"


def test_a_new_version_that_is_too_large_leaves_the_old_rows_until_the_batch_lane_comes(
    make_lake: Callable[..., Lake],
) -> None:
    lake = make_lake({"sales": {**SALES, "fast_max_bytes": len(GOOD)}})
    queues = Queues(lake)
    uri = put(lake, KEY, GOOD)
    queues.deliver(queues.lane())
    put(lake, KEY, GOOD + "t3,c3,3.00,2024-03-15\n")
    queues.deliver(queues.lane())
    entry = entry_of(lake, uri)
    assert (entry.state, entry.live_rows, rows(lake)) == ("deferred", 2, 2)
    load_batch(lake, lake.config.entities["sales"], find_unloaded(lake).files["sales"], lane="batch", run_id="sweep")
    assert (entry_of(lake, uri).state, rows(lake)) == ("loaded", 3)


def test_a_file_that_cannot_be_finished_in_time_is_not_begun(lake: Lake, queues: Queues) -> None:
    uri = put(lake, KEY, GOOD)
    [report] = queues.deliver(queues.lane(), seconds=7.0)
    assert not report.done and [file.state for file in report.files] == ["not_started"]
    assert lake.ledger.get(uri) is None
    assert states(queues.deliver(queues.lane())) == [["loaded"]], "it comes again at once"


def test_a_file_that_is_not_finished_in_time_is_given_back(
    lake: Lake, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = put(lake, KEY, GOOD)
    reading, go_on, ended = threading.Event(), threading.Event(), threading.Event()
    convert = attempt.convert

    def slow(*arguments: Any, **options: Any) -> Any:
        reading.set()
        go_on.wait(PATIENCE_SECONDS)
        try:
            return convert(*arguments, **options)
        finally:
            ended.set()

    monkeypatch.setattr(attempt, "convert", slow)
    with monkeypatch.context() as late:
        late.setattr(batch, "wait", lambda tasks, _: (set(), set(tasks)) if reading.wait(PATIENCE_SECONDS) else None)
        [report] = queues.lane().process(queues.receive(), lambda: 60.0)
    assert [file.state for file in report.files] == ["failed"]
    entry = entry_of(lake, uri)
    assert (entry.state, entry.retryable, entry.lease_until) == ("failed", True, "")

    monkeypatch.setattr(attempt, "convert", convert)
    [outcome] = load_batch(
        lake, lake.config.entities["sales"], list_entity(lake, lake.config.entities["sales"]), lane="batch", run_id="b"
    )
    assert outcome.state == "loaded", "nobody has to wait for the lease"
    go_on.set()
    assert ended.wait(PATIENCE_SECONDS)
    after = entry_of(lake, uri)
    assert (after.state, after.lane, after.token) == ("loaded", "batch", 2), "the late worker changes nothing"


def test_a_claim_that_comes_after_the_end_is_given_back_too(
    lake: Lake, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = put(lake, KEY, GOOD)
    claim, claimed, ended = lake.ledger.claim, threading.Event(), threading.Event()
    started = threading.Event()

    def late_claim(*arguments: Any, **options: Any) -> Any:
        started.set()
        ended.wait(PATIENCE_SECONDS)
        try:
            return claim(*arguments, **options)
        finally:
            claimed.set()

    with monkeypatch.context() as late:
        late.setattr(lake.ledger, "claim", late_claim)
        late.setattr(batch, "wait", lambda tasks, _: (set(), set(tasks)) if started.wait(PATIENCE_SECONDS) else None)
        [report] = queues.lane().process(queues.receive(), lambda: 60.0)
    assert [file.state for file in report.files] == ["failed"]
    ended.set()
    assert claimed.wait(PATIENCE_SECONDS)
    wait_for(lambda: entry_of(lake, uri).state, lambda state: state == "failed", "the claim to be given back")


def test_reading_ends_when_it_is_called_off(lake: Lake) -> None:
    put(lake, KEY, GOOD)
    stop = threading.Event()
    reader = ObjectReader(lake.s3, lake.config.resources.source_bucket, KEY, stop=stop)
    assert reader.read(5) == b"trans"
    stop.set()
    with pytest.raises(Exception, match="called off"):
        reader.read(5)


def test_a_try_takes_over_at_once_what_the_try_before_left_claimed(lake: Lake, queues: Queues) -> None:
    uri = put(lake, KEY, GOOD)
    [message] = queues.receive()
    [event] = parse_body(message.body)
    assert event.file is not None
    # As a function that was killed after its claim.
    lake.ledger.claim(
        event.file, "sales", "year=2024/month=03/day=15", owner="dead", lane="fast", run_id=message.run_id
    )
    assert states(queues.lane().process([message], lambda: 60.0)) == [["loaded"]]
    assert entry_of(lake, uri).token == 2


def test_a_file_in_other_hands_is_waited_for_and_then_left_to_the_sweep(lake: Lake, queues: Queues) -> None:
    put(lake, KEY, GOOD)
    [file] = list_entity(lake, lake.config.entities["sales"])
    lake.ledger.claim(file, "sales", "year=2024/month=03/day=15", owner="o", lane="batch", run_id="load_sales/r")
    lane = queues.lane()
    [report] = queues.deliver(lane)
    assert (report.done, states([report])) == (False, [["claimed_elsewhere"]])
    assert (queues.receive(), queues.waiting()) == ([], 1)
    last = type(report.message)(report.message.id, report.message.body, "handle", MAX_RECEIVES)
    [report] = lane.process([last], lambda: 60.0)
    assert (report.done, states([report])) == (True, [["deferred"]])


def test_a_refused_file_is_a_dead_letter_at_once_with_one_alert_and_its_correction_loads(
    lake: Lake, queues: Queues
) -> None:
    alerts, lane = Alerts(lake), queues.lane()
    uri = put(lake, KEY, NO_AMOUNT)
    put(lake, "sales_data_2024_03_16.csv", GOOD)
    reports = queues.deliver_all(lane)
    tries = [file.state for report in reports for file in report.files if file.source == uri]
    assert tries == ["rejected"] * MAX_RECEIVES
    assert entry_of(lake, uri).token == 1, "it is not converted again for nothing"
    assert queues.dead_letters() == 1
    assert rows(lake) == 2
    [alert] = alerts.wait()
    assert alert["dag_id"] == "file_processor"
    [fault] = alert["files"]
    assert (fault["file"], fault["state"]) == (uri, "rejected")
    assert "missing column amount" in fault["reason"]
    assert alert["page_url"] == f"{AIRFLOW_URL}/lake/file?uri={quote(uri, safe='')}"
    assert alert["command"] == f"lakelanes files {uri}"
    put(lake, KEY, GOOD)
    assert states(queues.deliver(lane)) == [["loaded"]]
    assert (rows(lake), len(alerts.read())) == (4, 1)


def test_what_can_pass_is_tried_again_later(lake: Lake, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    put(lake, KEY, GOOD)
    lane = queues.lane()

    def lost(*_: Any, **__: Any) -> None:
        raise ConnectionError("the connection was lost")

    with monkeypatch.context() as broken:
        broken.setattr(attempt, "ObjectReader", lost)
        assert states(queues.deliver(lane)) == [["failed"]]
    assert (queues.receive(), queues.waiting()) == ([], 1), "not at once"


def test_a_file_whose_partition_could_not_be_registered_is_not_done(
    lake: Lake, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(lake, KEY, GOOD)
    messages, lane = queues.receive(), queues.lane()

    def fail(*_: Any) -> None:
        raise ConnectionError("lost")

    with monkeypatch.context() as broken:
        broken.setattr(partitions, "create", fail)
        [report] = lane.process(messages, lambda: 60.0)
    assert not report.done
    assert "is not registered: ConnectionError" in (report.files[0].reason or "")
    assert states(lane.process(messages, lambda: 60.0)) == [["already_loaded"]]
    assert rows(lake) == 2


def test_the_ledger_keeps_s3s_own_time_of_a_version(lake: Lake, queues: Queues) -> None:
    uri = put(lake, KEY, GOOD)
    queues.deliver(queues.lane())
    head = lake.s3.head_object(Bucket=lake.config.resources.source_bucket, Key=KEY)
    assert datetime.fromisoformat(entry_of(lake, uri).last_modified) == head["LastModified"]


def test_switched_off_and_on_again_everything_is_loaded_once(lake: Lake, queues: Queues) -> None:
    uris = [put(lake, f"sales_data_2024_03_{day:02}.csv", GOOD) for day in range(1, 6)]
    load_batch(lake, lake.config.entities["sales"], find_unloaded(lake).files["sales"], lane="batch", run_id="sweep")
    assert states(queues.deliver_all(queues.lane())) == [["already_loaded"]] * 5
    assert {entry_of(lake, uri).token for uri in uris} == {1}
    assert rows(lake) == 10


@pytest.mark.parametrize(("sender_fault", "requests"), [(False, 2), (True, 1)])
def test_a_pause_that_sqs_did_not_take_is_asked_for_again(
    lake: Lake, queues: Queues, sender_fault: bool, requests: int
) -> None:
    put(lake, KEY, NO_AMOUNT)
    asked: list[int] = []

    def leave(parsed: Any, **_: Any) -> None:
        asked.append(1)
        if len(asked) == 1:
            parsed["Failed"] = [{"Id": "0", "SenderFault": sender_fault, "Code": "InternalError"}]

    lake.sqs.meta.events.register("after-call.sqs.ChangeMessageVisibilityBatch", leave)
    queues.lane().process(queues.receive(), lambda: 60.0)
    assert len(asked) == requests


def test_without_queue_url_messages_wait_for_their_visibility(lake: Lake, queues: Queues) -> None:
    put(lake, KEY, NO_AMOUNT)
    lane = FastLane(lake, max_receives=MAX_RECEIVES)
    lane.process(queues.receive(), lambda: 60.0)
    assert queues.receive() == []


def test_the_sweep_hears_of_the_partitions_that_this_lane_changed(lake: Lake, queues: Queues) -> None:
    loaded = put(lake, KEY, GOOD)
    refused = put(lake, "sales_data_2024_03_16.csv", NO_AMOUNT)
    queues.deliver(queues.lane())
    sweep = find_unloaded(lake)
    assert sweep.files == {}
    days = {loaded: "year=2024/month=03/day=15", refused: "year=2024/month=03/day=16"}
    assert sweep.loaded_fast == {"sales": days}
    finish(lake, "2100-01-01T00:00:00.000000Z")
    assert find_unloaded(lake).loaded_fast == {}


def test_a_ledger_that_cannot_be_reached_makes_messages_come_again(
    lake: Lake, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(lake, KEY, GOOD)
    lane = queues.lane()

    def lost(*_: Any) -> None:
        raise ConnectionError("the connection was lost")

    with monkeypatch.context() as broken:
        broken.setattr(lake.ledger, "get_many", lost)
        [report] = queues.deliver(lane)
    assert (report.done, states([report])) == (False, [["failed"]])
    assert queues.waiting() == 1
