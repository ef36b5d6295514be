"""S3's event notifications, as they lie in the bodies of a queue's messages.

Two shapes: those that S3 sends itself
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html) and those that come by
EventBridge (https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html). The first encode keys as in a URL's
query, where a plus is a space; the second do not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

from lakelanes.errors import EventError
from lakelanes.ledger.source_file import SourceFile


@dataclass(frozen=True)
class ObjectEvent:
    """Something that happened to one object. ``file`` is None unless the event created it; ``name`` is the event's,
    e.g. 'ObjectCreated:Put'; ``time`` (aware, UTC) is when S3 had finished the request."""

    uri: str
    name: str
    time: datetime
    file: SourceFile | None = None
    version_id: str | None = None


def parse_body(body: str) -> list[ObjectEvent]:
    """The events in a message's body, in its order; none in the message by which S3 tests a new notification.

    Raises EventError, which says what was found, for anything else than an S3 notification.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise EventError(f"the message is not JSON ({error}): {_short(body)}") from None
    if not isinstance(message, dict):
        raise EventError(f"the message is not a JSON object: {_short(body)}")
    try:
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
    found = detail["object"]
    created = name == "Object Created"
    version = found.get("version-id")
    return _event(
        name, created, message["time"], detail["bucket"]["name"], found["key"], found, found.get("etag"), version
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
