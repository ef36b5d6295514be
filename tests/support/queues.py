"""The queues of a lake, as Lambda reads them, and its alerts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lakelanes.files.queue_lane import FastLane, Message, MessageReport
from lakelanes.lake import Lake
from tests.support.waiting import wait_for

MAX_RECEIVES = 5
# As many as a call of ReceiveMessage gives at most.
_BATCH = 10


class Queues:
    """The file queue and the dead-letter queue of a lake that is deployed without its function.

    S3 tells of an object when it likes. So this counts what is put with the lake's own client from now on, and
    ``receive`` waits until S3 has told of all of it.
    """

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self._puts = 0
        # What tells the notifications that were seen apart.
        self._heard: set[str] = set()
        lake.s3.meta.events.register("provide-client-params.s3.PutObject", self._count_put)
        resources = lake.config.resources
        self.url = self._url(resources.sqs_queue)
        self.dead_letters_url = self._url(resources.dead_letter_queue)
        self.take_test_event_out()

    def _url(self, name: str) -> str:
        return str(self.lake.sqs.get_queue_url(QueueName=name)["QueueUrl"])

    def take_test_event_out(self) -> None:
        """Takes the message by which S3 tested the notification out of the queue."""
        for message in self.receive():
            assert json.loads(message.body)["Event"] == "s3:TestEvent"
            self.delete(message)

    def send(self, body: str) -> None:
        self.lake.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def receive(self) -> list[Message]:
        """What is visible once S3 has told of every object that was put, at most ten messages: notifications in the
        order in which the objects were put, and then what else was sent."""
        found: list[Message] = []

        def look() -> str:
            answer = self.lake.sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=_BATCH - len(found),
                AttributeNames=["ApproximateReceiveCount"],
            )
            for m in answer.get("Messages", ()):
                receives = int(m["Attributes"]["ApproximateReceiveCount"])
                found.append(Message(m["MessageId"], m["Body"], m["ReceiptHandle"], receives))
            self._heard.update(filter(None, map(_notification, found)))
            return f"{len(self._heard)} of {self._puts}"

        wait_for(look, lambda _: len(found) == _BATCH or len(self._heard) >= self._puts, "notifications of all objects")
        # Sequencers are hexadecimal numbers, all of them below "Z".
        return sorted(found, key=lambda message: _sequencer(message) or "Z")

    def _count_put(self, params: dict[str, Any], **_: Any) -> None:
        if params["Bucket"] == self.lake.config.resources.source_bucket:
            self._puts += 1

    def delete(self, message: Message) -> None:
        self.lake.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message.receipt_handle)

    def lane(self) -> FastLane:
        return FastLane(self.lake, max_receives=MAX_RECEIVES, queue_url=self.url)

    def deliver(self, lane: FastLane, seconds: float = 60.0) -> list[MessageReport]:
        """One batch, as Lambda delivers it: what is done is deleted."""
        reports = lane.process(self.receive(), lambda: seconds)
        for report in reports:
            if report.done:
                self.delete(report.message)
        return reports

    def deliver_all(self, lane: FastLane) -> list[MessageReport]:
        """Batches until nothing is visible any more."""
        return list(self._batches(lane))

    def _batches(self, lane: FastLane) -> Iterator[MessageReport]:
        while reports := self.deliver(lane):
            yield from reports

    def waiting(self) -> int:
        """Messages that were received and will come again."""
        return self.count(self.url, "ApproximateNumberOfMessagesNotVisible")

    def dead_letters(self) -> int:
        # SQS moves a message when it would be received once too often.
        self.receive()
        return self.count(self.dead_letters_url, "ApproximateNumberOfMessages")

    def count(self, url: str, attribute: str) -> int:
        """One of the attributes that count a queue's messages."""
        answer = self.lake.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[attribute])
        return int(answer["Attributes"][attribute])


class Alerts:
    """What comes on the lake's alert topic from now on."""

    def __init__(self, lake: Lake) -> None:
        self._sqs = lake.sqs
        self._queue = self._sqs.create_queue(QueueName=f"{lake.config.resources.alert_topic}-reader")["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]
        lake.sns.subscribe(TopicArn=lake.config.alert_topic_arn, Protocol="sqs", Endpoint=attributes["QueueArn"])
        self._found: list[Any] = []

    def read(self) -> list[Any]:
        """Every alert so far."""
        while messages := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=_BATCH).get("Messages"):
            for message in messages:
                self._found.append(json.loads(json.loads(message["Body"])["Message"]))
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return self._found

    def wait(self, count: int = 1) -> list[Any]:
        """Every alert so far, once there are as many."""
        return wait_for(self.read, lambda found: len(found) >= count, f"alert number {count}")


def _sequencer(message: Message) -> str:
    """The sequencer of a notification; "" for what is none, or has none."""
    found = _object(message)
    return str(found.get("sequencer", "")) if found else ""


def _notification(message: Message) -> str:
    """The same for every message that tells of one put; "" for what is no notification.

    moto's S3 gives no sequencer, and tells of a put before it answers: there each message is one of its own.
    """
    return _sequencer(message) or (message.id if _object(message) else "")


def _object(message: Message) -> dict[str, Any] | None:
    try:
        found = json.loads(message.body)["Records"][0]["s3"]["object"]
    except (ValueError, LookupError, TypeError):
        return None
    return found if isinstance(found, dict) else None
