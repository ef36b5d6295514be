"""Every shape in which S3 tells of an object, and everything else that may lie in a queue."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.errors import EventError
from lakelanes.files.events import parse_body
from lakelanes.lake import Lake
from lakelanes.ledger.source_file import SourceFile, compare_sequencers
from tests.support.lakes import put
from tests.support.queues import Queues

TOPIC = "arn:aws:sns:eu-central-1:123456789012:landing"


def record(key: str, **changes: Any) -> dict[str, Any]:
    """A record of S3's own notification; ``key`` as it stands there."""
    found = {"key": key, "size": 17, "eTag": "0f3c", "versionId": "v1", "sequencer": "0055AED6DCD90281E5"}
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventTime": "2024-03-15T07:30:00.250Z",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "landing"}, "object": found},
        **changes,
    }


def eventbridge(key: str, kind: str = "Object Created") -> dict[str, Any]:
    found = {"key": key, "size": 17, "etag": "0f3c", "version-id": "v1", "sequencer": "00617F08299329D189"}
    detail = {"version": "0", "bucket": {"name": "landing"}, "object": found, "reason": "PutObject"}
    return {"source": "aws.s3", "detail-type": kind, "time": "2024-03-15T07:30:00Z", "detail": detail}


def sns(message: str, **changes: Any) -> dict[str, Any]:
    """What a topic makes of a message for a queue, without raw message delivery."""
    return {
        "Type": "Notification",
        "MessageId": "63a3f6b6-d533-4a47-aef9-fcf5cf758c76",
        "TopicArn": TOPIC,
        "Subject": "Amazon S3 Notification",
        "Message": message,
        "Timestamp": "2024-03-15T07:30:01.901Z",
        "SignatureVersion": "1",
        "Signature": "EXAMPLE",
        "SigningCertURL": "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-f3.pem",
        "UnsubscribeURL": "https://sns.eu-central-1.amazonaws.com/?Action=Unsubscribe",
        **changes,
    }


# The key "in/sales data+1.csv" as each kind of event spells it.
DIRECT = {"Records": [record("in/sales+data%2B1.csv")]}
BRIDGED = eventbridge("in/sales data+1.csv")
TESTING = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2024-03-15T07:30:00.000Z", "Bucket": "landing"}


@pytest.mark.parametrize(
    ("body", "name", "sequencer"),
    [
        pytest.param(DIRECT, "ObjectCreated:Put", "0055AED6DCD90281E5", id="S3 to SQS, or by SNS with raw delivery"),
        pytest.param(BRIDGED, "Object Created:PutObject", "00617F08299329D189", id="S3, EventBridge, SQS"),
        pytest.param(sns(json.dumps(DIRECT)), "ObjectCreated:Put", "0055AED6DCD90281E5", id="S3, SNS, SQS"),
        pytest.param(
            sns(json.dumps(BRIDGED)), "Object Created:PutObject", "00617F08299329D189", id="S3, EventBridge, SNS, SQS"
        ),
    ],
)
def test_each_way_tells_the_same_of_an_object(body: dict[str, Any], name: str, sequencer: str) -> None:
    [event] = parse_body(json.dumps(body))
    when = datetime(2024, 3, 15, 7, 30, tzinfo=UTC)
    assert event.file == SourceFile("landing", "in/sales data+1.csv", "0f3c", 17, when, sequencer)
    assert (event.uri, event.name, event.version_id) == ("s3://landing/in/sales data+1.csv", name, "v1")


def test_a_topics_message_may_tell_of_several_objects_in_their_order() -> None:
    body = sns(json.dumps({"Records": [record("b.csv"), record("a.csv", eventName="ObjectRemoved:Delete")]}))
    assert [(event.uri, event.file is None) for event in parse_body(json.dumps(body))] == [
        ("s3://landing/b.csv", False),
        ("s3://landing/a.csv", True),
    ]


@pytest.mark.parametrize(
    "kind",
    [
        "Object Deleted",
        "Object Restore Initiated",
        "Object Restore Completed",
        "Object Restore Expired",
        "Object Storage Class Changed",
        "Object Access Tier Changed",
        "Object ACL Updated",
        "Object Tags Added",
        "Object Tags Deleted",
    ],
)
def test_what_eventbridge_tells_beside_creations_creates_nothing(kind: str) -> None:
    body = eventbridge("a+b.csv", kind)
    del body["detail"]["reason"]
    for wrapped in (body, sns(json.dumps(body))):
        [event] = parse_body(json.dumps(wrapped))
        assert (event.uri, event.name, event.file) == ("s3://landing/a+b.csv", kind, None)


@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
def test_a_subscription_that_waits_for_its_confirmation_is_refused_with_the_command(kind: str) -> None:
    token = "2336412f37" * 30
    body = sns("You have chosen to subscribe to the topic", Type=kind, Token=token)
    with pytest.raises(EventError, match=f"{kind}: aws sns confirm-subscription --topic-arn {TOPIC} --token {token}"):
        parse_body(json.dumps(body))


def test_a_rule_that_sends_other_events_is_told_which_to_send() -> None:
    with pytest.raises(EventError, match="'AWS API Call via CloudTrail', expected 'Object Created'"):
        parse_body(json.dumps(eventbridge("a.csv", "AWS API Call via CloudTrail")))


def test_a_notification_tells_the_version_and_when() -> None:
    [event] = parse_body(json.dumps({"Records": [record("in/sales+data%2B1.csv")]}))
    when = datetime(2024, 3, 15, 7, 30, tzinfo=UTC)
    expected = SourceFile("landing", "in/sales data+1.csv", "0f3c", 17, when, "0055AED6DCD90281E5")
    assert (event.file, event.version_id, event.name) == (expected, "v1", "ObjectCreated:Put")
    assert event.time == when.replace(microsecond=250_000)


def test_a_message_may_tell_of_several_objects() -> None:
    body = {"Records": [record("a.csv"), record("b.csv", eventName="ObjectRemoved:Delete"), record("c.csv")]}
    assert [(e.uri, e.file is None) for e in parse_body(json.dumps(body))] == [
        ("s3://landing/a.csv", False),
        ("s3://landing/b.csv", True),
        ("s3://landing/c.csv", False),
    ]


def test_a_deletion_has_neither_size_nor_etag() -> None:
    gone = record("a.csv", eventName="ObjectRemoved:DeleteMarkerCreated")
    gone["s3"]["object"] = {"key": "a.csv", "sequencer": "00"}
    assert [event.file for event in parse_body(json.dumps({"Records": [gone]}))] == [None]
    assert [event.file for event in parse_body(json.dumps(eventbridge("a.csv", "Object Deleted")))] == [None]


def test_the_test_message_tells_of_nothing() -> None:
    assert parse_body(json.dumps(TESTING)) == parse_body(json.dumps(sns(json.dumps(TESTING)))) == []


@given(st.text(min_size=1, max_size=200).filter(lambda key: key.isprintable() or "\n" in key))
def test_any_key_survives_every_way(key: str) -> None:
    encoded = quote_plus(key, safe="/")
    for body in (json.dumps({"Records": [record(encoded)]}), json.dumps(eventbridge(key))):
        for way in (body, json.dumps(sns(body))):
            assert parse_body(way)[0].uri == f"s3://landing/{key}"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "[]",
        '"text"',
        "null",
        "{}",
        '{"Records": []}',
        '{"Records": {}}',
        '{"Records": [null]}',
        json.dumps({"Records": [{**record("a"), "eventSource": "aws:sns"}]}),
        json.dumps({"Records": [{**record("a"), "eventTime": "yesterday"}]}),
        json.dumps({"Records": [{**record("a"), "eventTime": "2024-03-15T07:30:00"}]}),
        json.dumps({"Records": [{**record("a"), "s3": {}}]}),
        json.dumps({"Records": [{**record("a"), "eventName": 7}]}),
        json.dumps({"Records": [record("%FF")]}),
        json.dumps({"Records": [record("")]}),
        json.dumps({**eventbridge("a"), "source": "my.app"}),
        json.dumps({**eventbridge("a"), "detail": None}),
        json.dumps(sns("not json")),
        json.dumps(sns("[]")),
        json.dumps(sns("{}")),
        json.dumps(sns("{}", Message={"Records": [record("a")]})),
        json.dumps(sns(json.dumps({"Records": [record("a")]}), Type="Other")),
        json.dumps(sns("", Type="SubscriptionConfirmation")),
        json.dumps(sns(json.dumps(sns(json.dumps({"Records": [record("a")]}))))),
        json.dumps({"Type": "Notification", "Message": json.dumps({"Records": [record("a")]})}),
        "[" * 100_000,
    ],
)
def test_anything_else_is_refused_with_what_was_found(body: str) -> None:
    with pytest.raises(EventError) as error:
        parse_body(body)
    assert len(str(error.value)) < 500


@pytest.mark.slow
@given(st.recursive(st.none() | st.text() | st.integers(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)))
def test_no_json_makes_it_fail_in_another_way(value: Any) -> None:
    bridged = {"detail-type": "Object Created", "source": "aws.s3", "detail": value}
    for body in (value, {"Records": value}, bridged, sns(json.dumps(value)), sns("", Message=value)):
        with contextlib.suppress(EventError):
            parse_body(json.dumps(body))


@given(st.integers(0, 2**80), st.integers(0, 2**80))
def test_sequencers_of_one_length_sort_as_numbers_do(first: int, second: int) -> None:
    assert (compare_sequencers(f"{first:022X}", f"{second:022x}") == 1) == (first > second)


def test_shorter_sequencers_are_padded_on_the_right() -> None:
    assert compare_sequencers("0B", "0A1") == 1
    assert compare_sequencers("0A", "0A0000") == 0
    assert compare_sequencers("0A1", "0A") == 1


def test_s3_itself_encodes_keys_as_they_are_read(lake: Lake) -> None:
    queues = Queues(lake)
    key = "in Zürich/a+b & 100%/sales_data_2024_03_15.csv"
    uri = put(lake, key, "x\n")
    [message] = queues.receive()
    [event] = parse_body(message.body)
    assert event.uri == uri
    assert event.file is not None
    head = lake.s3.head_object(Bucket=event.file.bucket, Key=key)
    assert (event.file.etag, event.file.size) == (head["ETag"].strip('"'), 2)
    assert abs((event.file.last_modified - head["LastModified"]).total_seconds()) <= 1
