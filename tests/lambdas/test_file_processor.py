"""The handler: what Lambda gives it, what it replies, and what it prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from lakelanes.lake import Lake
from lakelanes.ledger.files import LEASE_SECONDS
from tests.support.lakes import SALES, put
from tests.support.localaws import LocalAws
from tests.support.queues import MAX_RECEIVES, Queues

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
GOOD = f"{HEADER}t1,c1,1.50,2024-03-15\nt2,c2,lots,2024-03-15\n"
NO_AMOUNT = "transaction_id,customer_id,transaction_date\nt1,c1,2024-03-15\n"


@pytest.fixture
def function(lake: Lake, imported: Callable[..., ModuleType], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The function's module, imported as Lambda imports it for the lake."""
    monkeypatch.setenv("LAKE_FILE_QUEUE_URL", Queues(lake).url)
    monkeypatch.setenv("LAKE_MAX_RECEIVES", str(MAX_RECEIVES))
    return imported("file_processor", lake, entities={"sales": SALES})


def sqs_event(queues: Queues) -> dict[str, Any]:
    """What Lambda makes of the messages that are in the queue."""
    return {
        "Records": [
            {
                "messageId": message.id,
                "receiptHandle": message.receipt_handle,
                "body": message.body,
                "attributes": {"ApproximateReceiveCount": str(message.receives), "SentTimestamp": "1710487800000"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:queue",
                "awsRegion": "us-east-1",
            }
            for message in queues.receive()
        ]
    }


def test_the_reply_names_exactly_the_messages_that_have_to_come_again(
    lake: Lake, function: ModuleType, context: Any
) -> None:
    queues = Queues(lake)
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    put(lake, "sales_data_2024_03_16.csv", NO_AMOUNT)
    queues.send("rubbish")
    put(lake, "readme.txt", "x")
    event = sqs_event(queues)
    ids = [record["messageId"] for record in event["Records"]]
    reply = function.handler(event, context)
    assert reply == {"batchItemFailures": [{"itemIdentifier": ids[1]}, {"itemIdentifier": ids[3]}]}
    assert json.loads(json.dumps(reply)) == reply


def test_nothing_to_do_is_a_success(function: ModuleType, context: Any) -> None:
    assert function.handler({"Records": []}, context) == {"batchItemFailures": []}


def test_a_fault_of_the_function_itself_is_no_success(
    lake: Lake, function: ModuleType, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues = Queues(lake)
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    event = sqs_event(queues)
    monkeypatch.setattr(function.lane(), "process", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        function.handler(event, context)


def test_one_json_line_per_file_and_one_for_the_metrics(
    lake: Lake, function: ModuleType, context: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    queues = Queues(lake)
    uris = [put(lake, f"sales_data_2024_03_{day}.csv", GOOD) for day in (15, 16)]
    put(lake, "sales_data_2024_03_17.csv", NO_AMOUNT)
    queues.send("rubbish")
    function.handler(sqs_event(queues), context)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    files, malformed, [metrics] = lines[:3], lines[3], lines[4:]
    assert [line["source"] for line in files[:2]] == uris
    assert files[0].keys() >= {"message_id", "request_id", "entity", "partitions", "rows_loaded", "size", "latency"}
    assert [(line["level"], line["state"]) for line in files] == [
        ("INFO", "loaded"),
        ("INFO", "loaded"),
        ("ERROR", "rejected"),
    ]
    assert "missing column amount" in files[2]["reason"]
    assert (malformed["state"], malformed["level"]) == ("malformed", "ERROR")

    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    [directive] = metrics["_aws"]["CloudWatchMetrics"]
    named = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert directive["Namespace"] == "Lakelanes"
    assert isinstance(metrics["_aws"]["Timestamp"], int)
    assert all(isinstance(metrics[name], str) for [*names] in directive["Dimensions"] for name in names)
    assert {name: metrics[name] for name in named if name != "Latency"} == {
        "Files": 2,
        "Rows": 2,
        "Rejects": 2,
        "Failures": 1,
    }
    assert named["Latency"] == "Seconds" and len(metrics["Latency"]) == 2
    assert all(0 <= seconds < 600 for seconds in metrics["Latency"])


def test_it_reads_the_time_that_is_left(lake: Lake, function: ModuleType) -> None:
    queues = Queues(lake)
    uri = put(lake, "sales_data_2024_03_15.csv", GOOD)
    event = sqs_event(queues)

    class Context:
        aws_request_id = "request-2"

        def get_remaining_time_in_millis(self) -> int:
            return 6_000

    reply = function.handler(event, Context())
    assert reply == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
    assert lake.ledger.get(uri) is None


def test_a_lease_outlives_a_message(local_aws: LocalAws, deployed: Callable[..., Any]) -> None:
    """A message comes again while its dead function's lease runs on; both are one run, so nobody waits for it."""
    outputs = deployed().outputs
    found = local_aws.client("lambda").get_function_configuration(FunctionName=outputs["FileProcessor"])
    queue = local_aws.client("sqs").get_queue_attributes(
        QueueUrl=outputs["FileQueueUrl"], AttributeNames=["VisibilityTimeout"]
    )
    visibility = int(queue["Attributes"]["VisibilityTimeout"])
    assert 6 * found["Timeout"] <= visibility < LEASE_SECONDS
