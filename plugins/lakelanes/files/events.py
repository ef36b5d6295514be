"""S3's event notifications, as they lie in the bodies of a queue's messages.

Two shapes: those that S3 sends itself
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html) and those that come by
EventBridge (https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html). The first encode keys as in a URL's
query, where a plus is a space; the second do not. An SNS topic in between wraps either in a document of its own, as
text (https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html), unless the subscription has raw message
delivery (https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

from lakelanes.errors import EventError
from lakelanes.ledger.source_file import SourceFile

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html
_CREATED = "Object Created"
_OTHERS = frozenset(
    {
        "Object Deleted",
        "Object Restore Initiated",
        "Object Restore Completed",
        "Object Restore Expired",
        "Object Storage Class Changed",
        "Object Access Tier Changed",
        "Object ACL Updated",
        "Object Tags Added",
        "Object Tags Deleted",
    }
)
# What SNS sends to a queue that is to be subscribed, or is no more: whoever may has to say yes by its SubscribeURL
# (https://docs.aws.amazon.com/sns/latest/dg/sns-send-message-to-sqs-cross-account.html).
_CONFIRMATIONS = frozenset({"SubscriptionConfirmation", "UnsubscribeConfirmation"})


@dataclass(frozen=True)
class ObjectEvent:
    """Something that happened to one object. ``file`` is None unless the event created it; ``name`` is the event's,
    'ObjectCreated:Put' or 'Object Created:PutObject'; ``time`` (aware, UTC) is when S3 had finished the request."""

    uri: str
    name: str
    time: datetime
    file: SourceFile | None = None
    version_id: str | None = None


def parse_body(body: str) -> list[ObjectEvent]:
    """The events in a message's body, in its order; none in the message by which S3 tests a new notification.

    Raises EventError, which says what was found, for anything else than an S3 notification.
    """
    message = _json(body)
    try:
        if "TopicArn" in message and "Type" in message:
            body = _out_of_sns(message)
            message = _json(body)
        if "detail-type" in message:
            return [_from_eventbridge(message)]
        if "Records" not in message and message.get("Event") == "s3:TestEvent":
            return []
        records = message["Records"]
        if not isinstance(records, list) or not records:
            raise EventError(f"Records holds no record: {_short(body)}")
        return [_from_record(record) for record in records]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise EventError(f"no S3 event notification ({type(error).__name__}: {error}): {_short(body)}") from None


def _json(body: str) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise EventError(f"the message is not JSON ({error}): {_short(body)}") from None
    if not isinstance(message, dict):
        raise EventError(f"the message is not a JSON object: {_short(body)}")
    return message


def _out_of_sns(message: dict[str, Any]) -> str:
    """What was published to the topic."""
    topic, kind = message["TopicArn"], message["Type"]
    if kind in _CONFIRMATIONS:
        raise EventError(
            f"topic {topic} sends the queue no notifications before somebody answers its {kind}: aws sns "
            f"confirm-subscription --topic-arn {topic} --token {message['Token']}"
        )
    if kind != "Notification" or not isinstance(message["Message"], str):
        raise ValueError(f"Type is {kind!r}, expected 'Notification' with a text as its Message")
    return message["Message"]


def _from_record(record: Any) -> ObjectEvent:
    if record["eventSource"] != "aws:s3":
        raise ValueError(f"eventSource is {record['eventSource']!r}, expected 'aws:s3'")
    name = record["eventName"].removeprefix("s3:")
    found = record["s3"]["object"]
    return _event(
        name,
        name.startswith("ObjectCreated:"),
        record["eventTime"],
        record["s3"]["bucket"]["name"],
        unquote_plus(found["key"], errors="strict"),
        found,
        found.get("eTag"),
        found.get("versionId"),
    )


def _from_eventbridge(message: Any) -> ObjectEvent:
    if message["source"] != "aws.s3":
        raise ValueError(f"source is {message['source']!r}, expected 'aws.s3'")
    name, detail = message["detail-type"], message["detail"]
    if name != _CREATED and name not in _OTHERS:
        raise ValueError(f"detail-type is {name!r}, expected {_CREATED!r}: the rule sends what is no event of S3's own")
    found = detail["object"]
    reason = detail.get("reason")
    return _event(
        f"{name}:{reason}" if isinstance(reason, str) else name,
        name == _CREATED,
        message["time"],
        detail["bucket"]["name"],
        found["key"],
        found,
        found.get("etag"),
        found.get("version-id"),
    )


def _event(
    name: str, created: bool, time: str, bucket: str, key: str, found: Any, etag: str | None, version: str | None
) -> ObjectEvent:
    when = datetime.fromisoformat(time)
    if when.tzinfo is None:
        raise ValueError(f"the time {time!r} has no zone")
    when = when.astimezone(UTC)
    if not (isinstance(bucket, str) and bucket and isinstance(key, str) and key):
        raise ValueError(f"bucket {bucket!r}, key {key!r}")
    uri = f"s3://{bucket}/{key}"
    if not created:
        return ObjectEvent(uri, str(name), when, version_id=version)
    sequencer = found.get("sequencer")
    if sequencer is not None:
        int(sequencer, 16)
    if not isinstance(etag, str):
        raise ValueError(f"the eTag of {uri} is {etag!r}")
    # Whole seconds, as a listing has them: it must not seem older than the same version in an event.
    modified = when.replace(microsecond=0)
    file = SourceFile(bucket, key, etag.strip('"'), int(found["size"]), modified, sequencer)
    return ObjectEvent(uri, str(name), when, file, version)


def _short(text: str) -> str:
    return repr(text if len(text) <= 200 else text[:199] + "…")
