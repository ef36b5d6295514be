"""Functions behind DynamoDB streams that write down what they are given."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localaws.function_limits import this_architecture
from tests.support.localaws import LocalAws
from tests.support.waiting import wait_for

_SOURCE = """
import json, os
def note(**line):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(json.dumps(line) + chr(10))
def handler(event, context):
    keys = [record["dynamodb"]["Keys"]["id"]["S"] for record in event["Records"]]
    numbers = [record["dynamodb"]["SequenceNumber"] for record in event["Records"]]
    note(keys=keys, records=event["Records"])
    return answer(keys, numbers)
"""


@pytest.fixture(scope="session")
def local_aws(clocked_aws: LocalAws) -> LocalAws:
    """The one whose clock tests move."""
    return clocked_aws


def until(condition: Callable[[], Any], what: str) -> Any:
    """The first true result of the condition."""
    return wait_for(condition, bool, what)


def make_function(functions: Any, name: str, source: str, **options: Any) -> None:
    """Make a Lambda function of this Python."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("app.py", source)
    given: dict[str, Any] = {"Runtime": "python3.12", "Handler": "app.handler", "Architectures": [this_architecture()]}
    given["Role"] = "arn:aws:iam::000000000000:role/none"
    functions.create_function(FunctionName=name, Code={"ZipFile": archive.getvalue()}, **{**given, **options})


class Stream:
    """A table with a stream, and a function that is given its records."""

    def __init__(self, aws: LocalAws, name: str, notes: Path, view: str = "NEW_AND_OLD_IMAGES") -> None:
        self.aws, self.name, self.notes = aws, name, notes
        self.dynamodb, self.functions = aws.client("dynamodb"), aws.client("lambda")
        self.arn = self.dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": view},
        )["TableDescription"]["LatestStreamArn"]
        self.queue = aws.client("sqs").create_queue(QueueName=f"{name}-failures")["QueueUrl"]

    @property
    def queue_arn(self) -> str:
        """The failure queue's ARN."""
        attributes = self.aws.client("sqs").get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])
        return str(attributes["Attributes"]["QueueArn"])

    def function(self, answer: str = "return None", name: str | None = None, timeout: int = 30) -> str:
        """Make a function whose reply to ``keys`` and sequence ``numbers`` is the body ``answer``; returns its name."""
        name = name or self.name
        body = "\n".join(f"    {line}" for line in answer.strip().splitlines())
        source = f"{_SOURCE}\ndef answer(keys, numbers):\n{body}\n"
        environment = {"Variables": {"NOTES": str(self.notes)}}
        make_function(self.functions, name, source, Environment=environment, Timeout=timeout)
        return name

    def map(self, **options: Any) -> dict[str, Any]:
        """Make the event source mapping."""
        given = {"FunctionName": self.name, "EventSourceArn": self.arn, "StartingPosition": "TRIM_HORIZON", **options}
        return dict(self.functions.create_event_source_mapping(**given))

    def put(self, *keys: str, **attributes: Any) -> None:
        """PutItem of each."""
        for key in keys:
            self.dynamodb.put_item(TableName=self.name, Item={"id": {"S": key}, **attributes})

    def calls(self) -> list[dict[str, Any]]:
        """What the function was given, call by call."""
        if not self.notes.exists():
            return []
        return [json.loads(line) for line in self.notes.read_text().splitlines()]

    def batches(self) -> list[str]:
        """The keys of each call's records, one string a call."""
        return ["".join(call["keys"]) for call in self.calls()]

    def wait_for(self, count: int) -> list[str]:
        """``batches`` once there are as many."""
        return list(until(lambda: len(self.batches()) >= count and self.batches(), f"{count} calls of {self.name}"))

    def reports(self, count: int) -> list[dict[str, Any]]:
        """The reports in the failure queue, once there are as many."""
        found: list[dict[str, Any]] = []
        sqs = self.aws.client("sqs")

        def receive() -> bool:
            for message in sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", []):
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(message["Body"]))
            return len(found) >= count

        until(receive, f"{count} reports")
        return found

    def numbers(self) -> dict[str, str]:
        """The sequence number of each key's first record."""
        found: dict[str, str] = {}
        for record in self.records():
            found.setdefault(record["dynamodb"]["Keys"]["id"]["S"], record["dynamodb"]["SequenceNumber"])
        return found

    def records(self) -> list[dict[str, Any]]:
        """Everything in the stream, read through its own API."""
        streams = self.aws.client("dynamodbstreams")
        (shard,) = streams.describe_stream(StreamArn=self.arn)["StreamDescription"]["Shards"]
        iterator = streams.get_shard_iterator(
            StreamArn=self.arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        return list(streams.get_records(ShardIterator=iterator)["Records"])


@pytest.fixture
def stream(local_aws: LocalAws, unique: Callable[[str], str], tmp_path: Path) -> Stream:
    """A fresh table with a stream."""
    return Stream(local_aws, unique("stream-"), tmp_path / "notes")
