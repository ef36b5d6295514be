"""The queues of a lake, as Lambda reads them, and its alerts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lakelanes.files.queue_lane import FastLane, Message, MessageReport
from lakelanes.lake import Lake

MAX_RECEIVES = 5


class Queues:
    """The file queue and the dead-letter queue of a lake that is deployed without its function."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
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
        """What is visible, at most ten messages."""
        answer = self.lake.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, AttributeNames=["ApproximateReceiveCount"]
        )
        return [
            Message(m["MessageId"], m["Body"], m["ReceiptHandle"], int(m["Attributes"]["ApproximateReceiveCount"]))
            for m in answer.get("Messages", ())
        ]

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

    def read(self, seconds: int = 0) -> list[Any]:
        """Every alert so far; waits so long for another one."""
        while True:
            answer = self._sqs.receive_message(
                QueueUrl=self._queue, MaxNumberOfMessages=10, WaitTimeSeconds=0 if self._found else seconds
            )
            for message in answer.get("Messages", ()):
                self._found.append(json.loads(json.loads(message["Body"])["Message"]))
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
            if not answer.get("Messages"):
                return self._found
