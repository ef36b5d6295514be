"""Streams to functions, with real functions."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.localaws.controls import control, now
from tests.localaws.streams.conftest import Stream, make_function, until
from tests.support.localaws import LocalAws

RAISE = 'if "x" in keys: raise ValueError("x")'
REPORT = 'return {"batchItemFailures": [{"itemIdentifier": n} for k, n in zip(keys, numbers) if k == "x"]}'
PARTIAL = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}


class TestRecords:
    def test_are_lambdas_with_both_images(self, local_aws: LocalAws, stream: Stream) -> None:
        stream.function()
        stream.put("a", total={"N": "1.50"})
        stream.put("a", total={"N": "2"})
        stream.put("a", total={"N": "2"})
        stream.dynamodb.delete_item(TableName=stream.name, Key={"id": {"S": "a"}})
        latest = now(local_aws).timestamp()
        stream.map()
        assert stream.wait_for(1) == ["aaa"]
        records = stream.calls()[0]["records"]
        assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
        before, after = ({"id": {"S": "a"}, "total": {"N": number}} for number in ("1.5", "2"))
        images = [{"NewImage": before}, {"OldImage": before, "NewImage": after}, {"OldImage": after}]
        for record, expected in zip(records, images, strict=True):
            assert record["eventSource"] == "aws:dynamodb"
            assert record["eventSourceARN"] == stream.arn
            assert record["awsRegion"] == "us-east-1"
            assert "userIdentity" not in record
            change = record["dynamodb"]
            assert change["Keys"] == {"id": {"S": "a"}}
            assert {name: change[name] for name in ("OldImage", "NewImage") if name in change} == expected
            assert change["StreamViewType"] == "NEW_AND_OLD_IMAGES"
            assert isinstance(change["ApproximateCreationDateTime"], int)
            assert latest - 30 < change["ApproximateCreationDateTime"] <= latest
            assert change["SizeBytes"] > 2
            assert 21 <= len(change["SequenceNumber"]) <= 40
            assert change["SequenceNumber"][0] != "0"
        numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in records]
        assert numbers == sorted(set(numbers))

    @pytest.mark.parametrize(
        ("view", "images"),
        [
            ("KEYS_ONLY", [set(), set(), set()]),
            ("NEW_IMAGE", [{"NewImage"}, {"NewImage"}, set()]),
            ("OLD_IMAGE", [set(), {"OldImage"}, {"OldImage"}]),
        ],
    )
    def test_have_the_images_of_the_view_type(
        self, local_aws: LocalAws, unique: Callable[[str], str], tmp_path: Path, view: str, images: list[set[str]]
    ) -> None:
        stream = Stream(local_aws, unique("view-"), tmp_path / "notes", view)
        stream.put("a", v={"N": "1"})
        stream.put("a", v={"N": "2"})
        stream.dynamodb.delete_item(TableName=stream.name, Key={"id": {"S": "a"}})
        found = [{"OldImage", "NewImage"} & record["dynamodb"].keys() for record in stream.records()]
        assert found == images

    def test_sequence_numbers_grow_though_their_length_does_too(self, stream: Stream) -> None:
        batch = [{"PutRequest": {"Item": {"id": {"S": str(n)}}}} for n in range(25)]
        for version in range(24):
            for put in batch:
                put["PutRequest"]["Item"]["v"] = {"N": str(version)}  # type: ignore[index]
            stream.dynamodb.batch_write_item(RequestItems={stream.name: batch})
        numbers = [record["dynamodb"]["SequenceNumber"] for record in stream.records()]
        assert len(numbers) == 600
        assert [int(number) for number in numbers] == sorted({int(number) for number in numbers})

    def test_partiql_writes_have_them_once_they_are_committed(self, stream: Stream) -> None:
        table = stream.name
        stream.dynamodb.execute_statement(Statement=f"INSERT INTO \"{table}\" VALUE {{'id': 'a', 'v': 1}}")
        stream.dynamodb.execute_statement(Statement=f"UPDATE \"{table}\" SET v = 2 WHERE id = 'a'")
        with pytest.raises(ClientError):
            stream.dynamodb.execute_transaction(
                TransactStatements=[
                    {"Statement": f"INSERT INTO \"{table}\" VALUE {{'id': 'b'}}"},
                    {"Statement": f"INSERT INTO \"{table}\" VALUE {{'id': 'a'}}"},
                ]
            )
        stream.dynamodb.execute_transaction(
            TransactStatements=[{"Statement": f"DELETE FROM \"{table}\" WHERE id = 'a'"}]
        )
        assert [record["eventName"] for record in stream.records()] == ["INSERT", "MODIFY", "REMOVE"]


class TestBatching:
    def test_in_order_and_no_larger_than_asked(self, stream: Stream) -> None:
        stream.function()
        stream.put(*"abcdefg")
        stream.map(BatchSize=3)
        assert stream.wait_for(3) == ["abc", "def", "g"]

    def test_a_window_gathers_what_comes_one_by_one(self, stream: Stream) -> None:
        stream.function()
        stream.map(BatchSize=4, MaximumBatchingWindowInSeconds=300)
        stream.put(*"abcd")
        assert stream.wait_for(1) == ["abcd"]

    def test_latest_leaves_out_what_was_there_before(self, stream: Stream) -> None:
        stream.function()
        stream.put("a")
        stream.map(StartingPosition="LATEST")
        stream.put("b")
        assert stream.wait_for(1) == ["b"]

    def test_a_paused_mapping_goes_on_where_it_was(self, stream: Stream) -> None:
        stream.function()
        mapping = stream.map(Enabled=False)["UUID"]
        stream.put("a", "b")
        stream.functions.update_event_source_mapping(UUID=mapping, Enabled=True)
        assert stream.wait_for(1) == ["ab"]
        stream.functions.update_event_source_mapping(UUID=mapping, Enabled=False)
        stream.put("c")
        stream.functions.update_event_source_mapping(UUID=mapping, Enabled=True)
        assert stream.wait_for(2) == ["ab", "c"]
        stream.functions.delete_event_source_mapping(UUID=mapping)

    def test_a_closed_stream_is_read_to_its_end(self, stream: Stream) -> None:
        stream.function()
        mapping = stream.map(Enabled=False)["UUID"]
        stream.put("a")
        stream.dynamodb.delete_table(TableName=stream.name)
        stream.functions.update_event_source_mapping(UUID=mapping, Enabled=True)
        assert stream.wait_for(1) == ["a"]

    def test_two_functions_are_given_all_records_each(self, stream: Stream) -> None:
        stream.function()
        stream.map()
        other = stream.function(name=f"{stream.name}-other")
        stream.map(FunctionName=other)
        stream.put("a")
        assert stream.wait_for(2) == ["a", "a"]


class TestFailures:
    def test_a_reported_record_is_where_it_goes_on(self, stream: Stream) -> None:
        first_time = 'import os\nif os.path.exists(os.environ["NOTES"] + ".seen"): return {"batchItemFailures": []}\n'
        stream.function(first_time + 'open(os.environ["NOTES"] + ".seen", "w").close()\n' + REPORT)
        stream.put(*"abxc")
        stream.map(**PARTIAL)
        assert stream.wait_for(2) == ["abxc", "xc"]

    def test_reports_count_only_when_the_mapping_asks_for_them(self, stream: Stream) -> None:
        stream.function(REPORT)
        stream.put(*"axb")
        stream.map()
        stream.wait_for(1)
        stream.put("c")
        assert stream.wait_for(2) == ["axb", "c"]

    @pytest.mark.parametrize("reply", ['"done"', '{"failed": ["a"]}', '{"batchItemFailures": "a"}'])
    def test_a_malformed_report_counts_as_success(self, stream: Stream, reply: str) -> None:
        stream.function(f"return {reply}")
        stream.put("a")
        stream.map(**PARTIAL)
        stream.wait_for(1)
        stream.put("b")
        assert stream.wait_for(2) == ["a", "b"]

    def test_an_unknown_identifier_means_the_whole_batch(self, stream: Stream) -> None:
        stream.function('return {"batchItemFailures": [{"itemIdentifier": "1"}]}')
        stream.put("a", "b")
        stream.map(MaximumRetryAttempts=1, **PARTIAL)
        stream.wait_for(2)
        stream.put("c")
        assert stream.wait_for(3)[:3] == ["ab", "ab", "c"]

    def test_retries_end_and_the_batch_is_reported(self, stream: Stream) -> None:
        stream.function(RAISE)
        stream.put(*"axb")
        mapping = stream.map(MaximumRetryAttempts=2, DestinationConfig={"OnFailure": {"Destination": stream.queue_arn}})
        (report,) = stream.reports(1)
        stream.put("c")
        assert stream.wait_for(4) == ["axb", "axb", "axb", "c"]
        numbers = stream.numbers()
        arrival = stream.records()[0]["dynamodb"]["ApproximateCreationDateTime"].strftime("%Y-%m-%dT%H:%M:")
        info = report["DDBStreamBatchInfo"]
        assert info.pop("approximateArrivalOfFirstRecord").startswith(arrival)
        assert len(info.pop("approximateArrivalOfLastRecord")) == len("2026-01-01T00:00:00Z")
        assert info == {
            "shardId": stream.aws.client("dynamodbstreams").describe_stream(StreamArn=stream.arn)["StreamDescription"][
                "Shards"
            ][0]["ShardId"],
            "startSequenceNumber": numbers["a"],
            "endSequenceNumber": numbers["b"],
            "batchSize": 3,
            "streamArn": stream.arn,
        }
        request = report["requestContext"]
        assert request.pop("requestId")
        assert request == {
            "functionArn": mapping["FunctionArn"],
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 3,
        }
        response = {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
        assert report["responseContext"] == response
        assert report["version"] == "1.0"
        assert report.keys() == {"requestContext", "responseContext", "version", "timestamp", "DDBStreamBatchInfo"}

    def test_without_bisecting_the_records_after_a_reported_one_are_lost_with_it(self, stream: Stream) -> None:
        stream.function(REPORT)
        stream.put(*"axb")
        failing = {"OnFailure": {"Destination": stream.queue_arn}}
        stream.map(MaximumRetryAttempts=1, DestinationConfig=failing, **PARTIAL)
        (report,) = stream.reports(1)
        assert stream.batches() == ["axb", "xb", "xb"]
        assert report["DDBStreamBatchInfo"]["startSequenceNumber"] == stream.numbers()["x"]
        assert report["DDBStreamBatchInfo"]["batchSize"] == 2
        assert report["responseContext"]["functionError"] is None

    def test_bisecting_finds_the_record_that_fails(self, stream: Stream) -> None:
        stream.function(RAISE)
        stream.put(*"abcxefgh")
        failing = {"OnFailure": {"Destination": stream.queue_arn}}
        stream.map(MaximumRetryAttempts=0, BisectBatchOnFunctionError=True, DestinationConfig=failing)
        (report,) = stream.reports(1)
        assert stream.wait_for(7) == ["abcxefgh", "abcx", "ab", "cx", "c", "x", "efgh"]
        numbers = stream.numbers()
        assert report["DDBStreamBatchInfo"]["startSequenceNumber"] == numbers["x"]
        assert report["DDBStreamBatchInfo"]["endSequenceNumber"] == numbers["x"]

    def test_reporting_and_bisecting_lose_the_failing_record_alone(self, stream: Stream) -> None:
        stream.function(REPORT)
        stream.put(*"axb")
        failing = {"OnFailure": {"Destination": stream.queue_arn}}
        stream.map(MaximumRetryAttempts=1, BisectBatchOnFunctionError=True, DestinationConfig=failing, **PARTIAL)
        (report,) = stream.reports(1)
        assert stream.wait_for(5) == ["axb", "xb", "x", "x", "b"]
        assert report["DDBStreamBatchInfo"]["batchSize"] == 1

    def test_a_topic_can_be_told(self, stream: Stream) -> None:
        sns = stream.aws.client("sns")
        topic = sns.create_topic(Name=f"{stream.name}-failures")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=stream.queue_arn)
        stream.function(RAISE)
        stream.put("x")
        stream.map(MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": topic}})
        (notification,) = stream.reports(1)
        assert json.loads(notification["Message"])["DDBStreamBatchInfo"]["batchSize"] == 1

    def test_records_that_became_too_old_are_given_up(self, local_aws: LocalAws, stream: Stream) -> None:
        stream.function(RAISE)
        stream.put("x")
        stream.map(MaximumRecordAgeInSeconds=3600, DestinationConfig={"OnFailure": {"Destination": stream.queue_arn}})
        stream.wait_for(2)
        control(local_aws, "clock", advance=3700)
        (report,) = stream.reports(1)
        assert report["requestContext"]["condition"] == "MaximumRecordAgeExceeded"
        assert report["DDBStreamBatchInfo"]["startSequenceNumber"] == stream.numbers()["x"]
        stream.put("y")
        until(lambda: "y" in stream.batches(), "call with what came later")

    def test_a_timeout_is_a_failure(self, stream: Stream) -> None:
        stream.function('import time\nif "x" in keys: time.sleep(60)', timeout=1)
        stream.put("x")
        stream.map(MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": stream.queue_arn}})
        (report,) = stream.reports(1)
        assert report["responseContext"]["functionError"] == "Unhandled"

    def test_a_slow_function_holds_up_no_queue(self, stream: Stream, tmp_path: Path) -> None:
        gate = tmp_path / "gate"
        stream.function(f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)")
        stream.put("a")
        stream.map()
        stream.wait_for(1)
        sqs = stream.aws.client("sqs")
        queue = sqs.create_queue(QueueName=f"{stream.name}-work")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        done = tmp_path / "done"
        name = f"{stream.name}-queue"
        make_function(stream.functions, name, f"def handler(event, context): open({str(done)!r}, 'w').close()")
        stream.functions.create_event_source_mapping(FunctionName=name, EventSourceArn=arn)
        sqs.send_message(QueueUrl=queue, MessageBody="work")
        until(done.exists, "message handled")
        gate.touch()


@pytest.mark.parametrize("seed", range(2))
def test_an_unreliable_function_sees_every_change_in_order(stream: Stream, seed: int) -> None:
    """It fails at random, whole or from some record on; replaying what it finished gives the table."""
    chosen = random.Random(seed)
    stream.function(
        f"""
import random
chosen = random.Random(str({seed}) + numbers[0] + str(len(keys)) + str(random.random()))
if chosen.random() < 0.15: raise RuntimeError("at random")
done = chosen.randint(0, len(keys)) if chosen.random() < 0.4 else len(keys)
note(done=numbers[:done])
return {{"batchItemFailures": [{{"itemIdentifier": number}} for number in reversed(numbers[done:])]}}
"""
    )
    stream.map(BatchSize=10, BisectBatchOnFunctionError=True, **PARTIAL)
    for step in range(80):
        key = str(chosen.randrange(12))
        if chosen.random() < 0.3:
            stream.dynamodb.delete_item(TableName=stream.name, Key={"id": {"S": key}})
        else:
            stream.put(key, step={"N": str(step)})
    written = [record["dynamodb"]["SequenceNumber"] for record in stream.records()]

    def finished() -> list[str]:
        done = [number for call in stream.calls() for number in call.get("done", ())]
        return done if done and done[-1] == written[-1] else []

    assert until(finished, "last record") == written
    items: dict[str, Any] = {}
    images = {
        record["dynamodb"]["SequenceNumber"]: record for call in stream.calls() for record in call.get("records", ())
    }
    for number in written:
        change = images[number]["dynamodb"]
        items[change["Keys"]["id"]["S"]] = change.get("NewImage")
    scanned = {item["id"]["S"]: item for item in stream.dynamodb.scan(TableName=stream.name)["Items"]}
    assert {key: item for key, item in items.items() if item is not None} == scanned


class TestTimeToLive:
    def test_expired_items_are_deleted_by_the_service(self, local_aws: LocalAws, stream: Stream) -> None:
        stream.function()
        specification = {"Enabled": True, "AttributeName": "expires"}
        stream.dynamodb.update_time_to_live(TableName=stream.name, TimeToLiveSpecification=specification)
        described = stream.dynamodb.describe_time_to_live(TableName=stream.name)["TimeToLiveDescription"]
        assert described == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
        soon = round((now(local_aws) + timedelta(hours=1)).timestamp())
        stream.put("gone", expires={"N": str(soon)})
        stream.put("later", expires={"N": str(soon + 36_000)})
        stream.put("text", expires={"S": str(soon)})
        stream.put("ancient", expires={"N": str(soon - 6 * 365 * 86_400)})
        stream.put("without")
        stream.map(StartingPosition="LATEST")
        control(local_aws, "dynamodb/ttl-sweep")
        assert len(stream.dynamodb.scan(TableName=stream.name)["Items"]) == 5
        control(local_aws, "clock", advance=3700)
        assert control(local_aws, "dynamodb/ttl-sweep")["deleted"] >= 1
        left = {item["id"]["S"] for item in stream.dynamodb.scan(TableName=stream.name)["Items"]}
        assert left == {"later", "text", "ancient", "without"}
        assert stream.wait_for(1) == ["gone"]
        (record,) = stream.calls()[0]["records"]
        assert record["eventName"] == "REMOVE"
        assert record["userIdentity"] == {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
        assert record["dynamodb"]["OldImage"] == {"id": {"S": "gone"}, "expires": {"N": str(soon)}}
        *others, last = stream.records()
        assert last["userIdentity"] == {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
        assert not any("userIdentity" in other for other in others)

    def test_settings_change_once_an_hour(self, local_aws: LocalAws, stream: Stream) -> None:
        def update(enabled: bool, attribute: str = "expires") -> None:
            specification = {"Enabled": enabled, "AttributeName": attribute}
            stream.dynamodb.update_time_to_live(TableName=stream.name, TimeToLiveSpecification=specification)

        with pytest.raises(ClientError, match="already disabled"):
            update(False)
        update(True)
        with pytest.raises(ClientError, match="already enabled"):
            update(True)
        with pytest.raises(ClientError, match="multiple times within a fixed interval"):
            update(False)
        control(local_aws, "clock", advance=3601)
        with pytest.raises(ClientError, match="current AttributeName is expires"):
            update(False, "other")
        update(False)
        described = stream.dynamodb.describe_time_to_live(TableName=stream.name)["TimeToLiveDescription"]
        assert described == {"TimeToLiveStatus": "DISABLED"}


class TestMappings:
    def test_say_their_defaults(self, stream: Stream) -> None:
        stream.function()
        mapping = stream.map()
        names = ("BatchSize", "MaximumRetryAttempts", "MaximumRecordAgeInSeconds", "BisectBatchOnFunctionError")
        assert [mapping[name] for name in names] == [100, -1, -1, False]
        with pytest.raises(stream.functions.exceptions.ResourceConflictException, match=mapping["UUID"]):
            stream.map()

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"StartingPosition": "AT_TIMESTAMP"}, "StartingPosition"),
            ({"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}}, "FilterCriteria .* not supported by the local AWS"),
            ({"ParallelizationFactor": 2}, "ParallelizationFactor .* not supported by the local AWS"),
            ({"TumblingWindowInSeconds": 60}, "TumblingWindowInSeconds .* not supported by the local AWS"),
            ({"MaximumRecordAgeInSeconds": 30}, "at least 60"),
            ({"EventSourceArn": "arn:aws:dynamodb:us-east-1:000000000000:table/no/stream/x"}, "Stream not found"),
            (
                {"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:q.fifo"}}},
                "standard",
            ),
            ({"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::failures"}}}, "neither a queue nor"),
        ],
    )
    def test_are_refused(self, stream: Stream, options: dict[str, Any], message: str) -> None:
        stream.function()
        with pytest.raises(stream.functions.exceptions.InvalidParameterValueException, match=message):
            stream.map(**options)

    def test_are_refused_an_update_too(self, stream: Stream) -> None:
        stream.function()
        mapping = stream.map()["UUID"]
        with pytest.raises(stream.functions.exceptions.InvalidParameterValueException, match="FilterCriteria"):
            stream.functions.update_event_source_mapping(UUID=mapping, FilterCriteria={"Filters": [{"Pattern": "{}"}]})
