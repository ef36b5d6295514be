"""The handler of the stream's lane: what Lambda gives it, what it replies, and what it prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from lakelanes.lake import Lake
from tests.support.lakes import SALES, deploy_lake
from tests.support.localaws import LocalAws
from tests.support.stream_records import ORDERS, record, sequence, total


@pytest.fixture
def lake(local_aws: LocalAws, environment: None) -> Lake:
    return deploy_lake(local_aws, tables={"orders": ORDERS})


@pytest.fixture
def function(lake: Lake, imported: Callable[..., ModuleType]) -> ModuleType:
    return imported("stream_processor", lake, entities={"sales": SALES}, tables={"orders": ORDERS})


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_batch_that_is_done_is_a_success_with_one_line_and_its_metrics(
    function: ModuleType, context: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = [record(1, "1", total("1.5")), record(2, "2", total("2")), record(3, "1")]
    assert function.handler({"Records": batch}, context) == {"batchItemFailures": []}
    line, metrics = printed(capsys)
    [uri] = line.pop("objects")
    assert uri.endswith(f"-{sequence(1)}-{sequence(3)}-3.parquet")
    assert line.pop("latency") == metrics["Latency"]
    assert line == {
        "level": "INFO",
        "stream": batch[0]["eventSourceARN"],
        "table": "orders",
        "state": "written",
        "records": 3,
        "first": sequence(1),
        "last": sequence(3),
        "rows": 3,
        "deletes": 1,
        "faults": 0,
        "again": 0,
        "request_id": "request-1",
    }
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    [directive] = metrics["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Lakelanes"
    assert isinstance(metrics["_aws"]["Timestamp"], int)
    assert [metrics[name] for [*names] in directive["Dimensions"] for name in names] == [metrics["Lake"], "orders"]
    named = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert named == {"Records": "Count", "Rows": "Count", "Failures": "Count", "Latency": "Seconds"}
    assert [metrics[name] for name in ("Records", "Rows", "Failures")] == [3, 3, 0]


def test_the_reply_names_the_first_record_that_has_to_come_again(
    function: ModuleType, context: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = [record(1, "1", total("1")), record(2, "2.5", total("2")), record(3, "3", total("3")), record(4, "x")]
    reply = function.handler({"Records": batch}, context)
    assert reply == {"batchItemFailures": [{"itemIdentifier": sequence(2)}]}
    assert json.loads(json.dumps(reply)) == reply
    line, first, second, metrics = printed(capsys)
    assert (line["level"], line["failed_from"], line["again"], line["faults"]) == ("ERROR", sequence(2), 3, 2)
    assert (first["state"], first["sequence"]) == ("unreadable", sequence(2))
    assert "'order_id' cannot hold {'N': '2.5'}" in first["reason"]
    assert second["sequence"] == sequence(4)
    assert (metrics["Rows"], metrics["Failures"]) == (2, 2)


def test_nothing_to_do_is_a_success(function: ModuleType, context: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert function.handler({"Records": []}, context) == {"batchItemFailures": []}
    assert printed(capsys) == []


def test_a_fault_of_the_function_itself_is_no_success(
    function: ModuleType, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(function.lane(), "process", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        function.handler({"Records": [record(1, "1", total("1"))]}, context)


def test_it_reads_the_time_that_is_left(function: ModuleType) -> None:
    class Context:
        aws_request_id = "request-2"

        def get_remaining_time_in_millis(self) -> int:
            return 6_000

    reply = function.handler({"Records": [record(1, "1", total("1"))]}, Context())
    assert reply == {"batchItemFailures": [{"itemIdentifier": sequence(1)}]}
