"""The dead-letter queue, drained into the ledger."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.files import attempt, dead_letters
from lakelanes.files.batch import load_batch
from lakelanes.files.sweep import find_unloaded
from lakelanes.lake import Lake
from lakelanes.ledger.entries import MAX_ATTEMPTS
from tests.support.lakes import put
from tests.support.queues import Queues

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
GOOD = f"{HEADER}t1,c1,1.50,2024-03-15\nt2,c2,2.50,2024-03-15\n"
NO_AMOUNT = "transaction_id,customer_id,transaction_date\nt1,c1,2024-03-15\n"
KEY = "sales_data_2024_03_15.csv"


@pytest.fixture
def queues(lake: Lake) -> Queues:
    return Queues(lake)


def make_dead_letters(queues: Queues) -> None:
    """Moves what is in the file queue to the dead-letter queue."""
    for message in queues.receive():
        queues.lake.sqs.send_message(QueueUrl=queues.dead_letters_url, MessageBody=message.body)
        queues.delete(message)


def test_a_file_nobody_could_load_is_the_sweeps(lake: Lake, queues: Queues) -> None:
    uri = put(lake, KEY, GOOD)
    make_dead_letters(queues)
    [letter] = dead_letters.receive(lake)
    assert not letter.alerted
    assert [(fault.file, fault.state) for fault in letter.faults] == [(uri, "failed")]
    entry = lake.ledger.get(uri)
    assert entry is not None
    assert (entry.state, entry.attempts, entry.error) == ("failed", 0, dead_letters.REASON)
    hidden = "ApproximateNumberOfMessagesNotVisible"
    assert queues.count(queues.dead_letters_url, hidden) == 1, "until it is dealt with"
    dead_letters.delete(lake, [letter])
    assert queues.count(queues.dead_letters_url, hidden) == 0
    files = find_unloaded(lake).files["sales"]
    [outcome] = load_batch(lake, lake.config.entities["sales"], files, lane="batch", run_id="sweep")
    assert outcome.state == "loaded"


@pytest.mark.parametrize(("sender_fault", "requests"), [(False, 2), (True, 1)])
def test_a_dead_letter_that_sqs_left_for_a_moment_is_deleted(
    lake: Lake, queues: Queues, sender_fault: bool, requests: int
) -> None:
    put(lake, KEY, GOOD)
    make_dead_letters(queues)
    [letter] = dead_letters.receive(lake)
    made: list[str] = []

    def leave(parsed: Any, **_: Any) -> None:
        made.append("DeleteMessageBatch")
        if len(made) == 1:
            parsed["Failed"] = [{"Id": "0", "SenderFault": sender_fault, "Code": "InternalError", "Message": "not now"}]

    lake.sqs.meta.events.register("after-call.sqs.DeleteMessageBatch", leave)
    dead_letters.delete(lake, [letter])
    assert len(made) == requests


def test_attempts_of_the_other_lane_do_not_count_against_the_sweeps(
    lake: Lake, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = put(lake, KEY, GOOD)
    [message] = queues.receive()

    def lost(*_: Any, **__: Any) -> None:
        raise ConnectionError("the connection was lost")

    lane = queues.lane()
    with monkeypatch.context() as broken:
        broken.setattr(attempt, "ObjectReader", lost)
        for _ in range(MAX_ATTEMPTS):
            lane.process([message], lambda: 60.0)
    assert find_unloaded(lake).files == {}, "tried often enough"
    queues.lake.sqs.send_message(QueueUrl=queues.dead_letters_url, MessageBody=message.body)
    [letter] = dead_letters.receive(lake)
    assert "the connection was lost" in letter.faults[0].reason
    assert [file.uri for file in find_unloaded(lake).files["sales"]] == [uri]


def test_a_refused_file_stays_refused(lake: Lake, queues: Queues) -> None:
    uri = put(lake, KEY, NO_AMOUNT)
    [message] = queues.receive()
    queues.lane().process([message], lambda: 60.0)
    queues.lake.sqs.send_message(QueueUrl=queues.dead_letters_url, MessageBody=message.body)
    [letter] = dead_letters.receive(lake)
    [fault] = letter.faults
    assert (fault.file, fault.state) == (uri, "rejected")
    assert "missing column amount" in fault.reason
    assert find_unloaded(lake).files == {}


def test_a_stale_dead_letter_changes_nothing(lake: Lake, queues: Queues) -> None:
    put(lake, KEY, NO_AMOUNT)
    make_dead_letters(queues)
    uri = put(lake, KEY, GOOD)
    queues.deliver(queues.lane())
    before = lake.ledger.get(uri)
    letters = dead_letters.receive(lake)
    dead_letters.delete(lake, letters)
    assert lake.ledger.get(uri) == before
    assert find_unloaded(lake).files == {}


@pytest.mark.parametrize("body", ["rubbish", '{"Event": "s3:TestEvent"}'])
def test_a_message_without_a_file_is_told_of_at_most(lake: Lake, queues: Queues, body: str) -> None:
    lake.sqs.send_message(QueueUrl=queues.dead_letters_url, MessageBody=body)
    [letter] = dead_letters.receive(lake)
    assert [fault.state for fault in letter.faults] == (["malformed"] if body == "rubbish" else [])


def test_a_deleted_file_is_noted_and_not_loaded(lake: Lake, queues: Queues) -> None:
    uri = put(lake, KEY, GOOD)
    make_dead_letters(queues)
    lake.s3.delete_object(Bucket=lake.config.resources.source_bucket, Key=KEY)
    assert len(dead_letters.receive(lake)) == 1
    entity = lake.config.entities["sales"]
    [outcome] = load_batch(lake, entity, find_unloaded(lake).files["sales"], lane="batch", run_id="r")
    entry = lake.ledger.get(uri)
    assert entry and (outcome.state, entry.state) == ("deleted", "deleted")
    assert find_unloaded(lake).files == {}


def test_without_the_queue_there_is_nothing_to_drain(lake: Lake, queues: Queues) -> None:
    lake.sqs.delete_queue(QueueUrl=queues.dead_letters_url)
    assert dead_letters.receive(lake) == []


def test_what_is_open_is_found_however_old_its_name(
    lake: Lake, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = put(lake, KEY, GOOD)
    make_dead_letters(queues)
    find_unloaded(lake)
    monkeypatch.setattr("lakelanes.files.sweep.FULL_LISTING_KEYS", -1)
    assert find_unloaded(lake).files == {}, "its name is too old to be listed"
    dead_letters.receive(lake)
    sweep = find_unloaded(lake)
    assert not sweep.full
    assert [file.uri for file in sweep.files["sales"]] == [uri]
