"""What the local AWS holds is there again after an orderly stop, whatever port it listens on then."""

from __future__ import annotations

import io
import json
import os
import pickle
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws import keeping
from localaws.dynamodb.journal import Journal
from localaws.keeping import Header, KeepError
from tests.localaws.controls import control, now
from tests.support.localaws import (
    ACCOUNT,
    CLOCKED,
    ENFORCED,
    REGION,
    REPOSITORY,
    STACK_WAIT,
    LocalAws,
    LocalAwsError,
    localaws_python,
    make_client,
    start_localaws,
)
from tests.support.waiting import wait_for

TEMPLATE = {
    "Parameters": {"Delay": {"Type": "Number"}},
    "Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": {"Ref": "Delay"}}}},
    "Outputs": {"Url": {"Value": {"Ref": "Queue"}}},
}
READ_ONE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::held/*"}],
}
PLACE: Any = {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"}
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


# What ministack's resets clear beside the stores that are apart by account: caches, tokens, sessions; none is kept.
NOT_KEPT = {
    *("events._oauth_tokens", "events._rule_last_fired", "iam._aws_managed_policies", "lambda._docker_extract_dirs"),
    *("lambda._provided_code_dirs", "logs._live_tail_sessions", "states._history_page_tokens", "sts._sessions"),
}
CLEARED = """
import ast, importlib, inspect
from localaws.keeping import ministack_stores
from localaws.server import SERVICES
modules = {"events": "eventbridge", "lambda": "lambda_svc", "logs": "cloudwatch_logs", "monitoring": "cloudwatch"}
modules |= {"dynamodbstreams": "dynamodb_streams", "states": "stepfunctions"}
for service in SERVICES:
    module = importlib.import_module("ministack.services." + modules.get(service, service))
    kept = [id(store) for store in ministack_stores().values()]
    for node in ast.walk(ast.parse(inspect.getsource(module.reset))):
        if isinstance(node, ast.Attribute) and node.attr == "clear" and isinstance(node.value, ast.Name):
            held = vars(module).get(node.value.id)
            if held is not None and id(held) not in kept:
                print(f"{service}.{node.value.id}")
"""


class Server:
    """A local AWS that keeps its data, started again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "lake.kept"
        self.aws = self.start()

    def start(self) -> LocalAws:
        """Start it, with what is kept."""
        environment = {**ENFORCED, **CLOCKED, "LOCALAWS_KEEP": str(self.file)}
        self.aws = start_localaws(self.folder / "state", environment=environment)
        return self.aws

    def again(self, *, elsewhere: bool = False) -> LocalAws:
        """Stop it in order and start it again, elsewhere: while somebody else has its port."""
        port = self.aws.port
        assert self.aws.stop() == 0, self.aws.log.read_text()
        with socket.socket() as other:
            if elsewhere:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                other.bind(("127.0.0.1", port))
                other.listen()
            self.start()
        assert (self.aws.port == port) is not elsewhere
        return self.aws


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.aws.stop()


def _make_table(aws: LocalAws, name: str) -> str:
    """A table with a stream and point-in-time recovery; returns its ARN."""
    dynamodb = aws.client("dynamodb")
    attributes: Any = [{"AttributeName": "id", "AttributeType": "S"}]
    made = dynamodb.create_table(TableName=name, AttributeDefinitions=attributes, StreamSpecification=STREAM, **PLACE)
    on = {"PointInTimeRecoveryEnabled": True}
    dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=on)
    # A window begins at a whole second after that.
    control(aws, "clock", advance=60)
    return str(made["TableDescription"]["TableArn"])


def _records(aws: LocalAws, stream: str) -> list[Any]:
    """All records of a stream."""
    streams = aws.client("dynamodbstreams")
    [shard] = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
    return list(streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"])


def _export(aws: LocalAws, arn: str, start: datetime) -> Any:
    """Begin the export of a window of half an hour."""
    end = start + timedelta(minutes=30)
    window = {"ExportFromTime": start, "ExportToTime": end, "ExportViewType": "NEW_AND_OLD_IMAGES"}
    return aws.client("dynamodb").export_table_to_point_in_time(
        TableArn=arn, S3Bucket="exports", ExportType="INCREMENTAL_EXPORT", IncrementalExportSpecification=window
    )["ExportDescription"]


def test_objects_with_their_versions_and_rights_are_there_again(server: Server) -> None:
    s3, iam = server.aws.client("s3"), server.aws.client("iam")
    s3.create_bucket(Bucket="held")
    s3.put_bucket_versioning(Bucket="held", VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket="held", Key="a/ü.csv", Body=b"\x00\xff old", Metadata={"of": "me"})["VersionId"]
    s3.put_object(Bucket="held", Key="a/ü.csv", Body=os.urandom(3 << 20))
    whole = s3.get_object(Bucket="held", Key="a/ü.csv")["Body"].read()
    iam.create_user(UserName="reader")
    iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=json.dumps(READ_ONE))
    key = iam.create_access_key(UserName="reader")["AccessKey"]

    aws = server.again()
    credentials = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    reader = make_client("s3", aws.endpoint_url, **credentials)
    assert reader.get_object(Bucket="held", Key="a/ü.csv")["Body"].read() == whole
    with pytest.raises(ClientError, match="AccessDenied"):
        reader.put_object(Bucket="held", Key="b", Body=b"")
    old = aws.client("s3").get_object(Bucket="held", Key="a/ü.csv", VersionId=first)
    assert (old["Body"].read(), old["Metadata"]) == (b"\x00\xff old", {"of": "me"})
    header = Header.read(server.file)
    assert header is not None and (header.objects, header.bytes, header.tables) == (1, 3 << 20, 0)


def test_items_streams_and_windows_go_on(server: Server) -> None:
    server.aws.client("s3").create_bucket(Bucket="exports")
    arn = _make_table(server.aws, "shop")
    dynamodb = server.aws.client("dynamodb")
    start = now(server.aws)
    item = {"id": {"S": "o1"}, "price": {"N": "1234567890123456789012345678.9012345678"}, "raw": {"B": b"\x00\xff"}}
    dynamodb.put_item(TableName="shop", Item=item)
    control(server.aws, "clock", advance=3600)
    stream = dynamodb.describe_table(TableName="shop")["Table"]["LatestStreamArn"]

    aws = server.again()
    dynamodb = aws.client("dynamodb")
    assert dynamodb.get_item(TableName="shop", Key={"id": {"S": "o1"}})["Item"] == item
    assert (now(aws) - start).total_seconds() > 3600, "its clock has not gone back"
    dynamodb.put_item(TableName="shop", Item={**item, "price": {"N": "2"}})
    before, after = _records(aws, stream)
    assert [one["eventName"] for one in (before, after)] == ["INSERT", "MODIFY"]
    assert int(before["dynamodb"]["SequenceNumber"]) < int(after["dynamodb"]["SequenceNumber"])
    assert after["dynamodb"]["OldImage"] == item

    export = _export(aws, arn, start)["ExportArn"]
    done = wait_for(
        lambda: dynamodb.describe_export(ExportArn=export)["ExportDescription"],
        lambda found: found["ExportStatus"] != "IN_PROGRESS",
    )
    assert (done["ExportStatus"], done["ItemCount"]) == ("COMPLETED", 1)
    assert [one["ExportArn"] for one in server.again().client("dynamodb").list_exports()["ExportSummaries"]] == [export]


def test_an_export_that_was_in_progress_has_failed(server: Server) -> None:
    server.aws.client("s3").create_bucket(Bucket="exports")
    arn = _make_table(server.aws, "shop")
    start = now(server.aws)
    control(server.aws, "clock", advance=3600)
    control(server.aws, "dynamodb/exports", hold=True)
    export = _export(server.aws, arn, start)["ExportArn"]
    found = server.again().client("dynamodb").describe_export(ExportArn=export)["ExportDescription"]
    assert (found["ExportStatus"], found["FailureMessage"]) == ("FAILED", "The local AWS was stopped")


def test_the_catalogue_and_its_old_versions_are_there_again(server: Server) -> None:
    glue = server.aws.client("glue")
    glue.create_database(DatabaseInput={"Name": "d"})
    table: Any = {"Name": "t", "StorageDescriptor": {"Columns": [{"Name": "a", "Type": "int"}], "Location": "s3://b/"}}
    table["PartitionKeys"] = [{"Name": "day", "Type": "string"}]
    glue.create_table(DatabaseName="d", TableInput=table)
    glue.update_table(DatabaseName="d", TableInput={**table, "Description": "new"})
    partition = {"Values": ["1"], "StorageDescriptor": {"Location": "s3://b/1/"}}
    glue.create_partition(DatabaseName="d", TableName="t", PartitionInput=partition)
    glue = server.again().client("glue")
    versions = glue.get_table_versions(DatabaseName="d", TableName="t")["TableVersions"]
    assert [one["Table"].get("Description", "") for one in versions] == ["new", ""]
    [found] = glue.get_partitions(DatabaseName="d", TableName="t")["Partitions"]
    assert found["StorageDescriptor"]["Location"] == "s3://b/1/"


def test_queues_and_stacks_are_there_again_at_another_address(server: Server) -> None:
    cloudformation = server.aws.client("cloudformation")
    delay = [{"ParameterKey": "Delay", "ParameterValue": "0"}]
    cloudformation.create_stack(StackName="s", TemplateBody=json.dumps(TEMPLATE), Parameters=delay)
    cloudformation.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig=STACK_WAIT)
    url = cloudformation.describe_stacks(StackName="s")["Stacks"][0]["Outputs"][0]["OutputValue"]
    sqs = server.aws.client("sqs")
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.send_message(QueueUrl=url, MessageBody="one")
    sns = server.aws.client("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})

    aws = server.again(elsewhere=True)
    cloudformation, sqs = aws.client("cloudformation"), aws.client("sqs")
    moved = cloudformation.describe_stacks(StackName="s")["Stacks"][0]["Outputs"][0]["OutputValue"]
    assert moved != url and f":{aws.port}/" in moved
    aws.client("sns").publish(TopicArn=topic, Message="two")
    received = sqs.receive_message(QueueUrl=moved, MaxNumberOfMessages=10)["Messages"]
    assert sorted(message["Body"] for message in received) == ["one", "two"]
    delay = [{"ParameterKey": "Delay", "ParameterValue": "7"}]
    cloudformation.update_stack(StackName="s", UsePreviousTemplate=True, Parameters=delay)
    cloudformation.get_waiter("stack_update_complete").wait(StackName="s", WaiterConfig=STACK_WAIT)
    attributes = sqs.get_queue_attributes(QueueUrl=moved, AttributeNames=["DelaySeconds"])["Attributes"]
    assert attributes == {"DelaySeconds": "7"}


def test_a_server_that_is_killed_leaves_what_was_kept_before_and_a_mark(server: Server) -> None:
    server.aws.client("s3").create_bucket(Bucket="before")
    kept = server.again() and server.file.read_bytes()
    mark = keeping.opened(server.file)
    assert mark.exists()
    server.aws.client("s3").create_bucket(Bucket="after")
    os.kill(server.aws.process.pid, signal.SIGKILL)
    server.aws.process.wait()
    assert server.file.read_bytes() == kept and mark.exists()
    aws = server.start()
    assert [one["Name"] for one in aws.client("s3").list_buckets()["Buckets"]] == ["before"]
    assert aws.stop() == 0 and not mark.exists()


def test_a_file_that_cannot_be_written_is_said_and_the_one_before_stays(server: Server) -> None:
    server.again()
    before = server.file.read_bytes()
    server.aws.client("s3").create_bucket(Bucket="more")
    server.file.with_name("lake.kept.new").mkdir()
    assert server.aws.stop() == 1
    assert "the data cannot be kept in" in server.aws.log.read_text()
    assert server.file.read_bytes() == before and keeping.opened(server.file).exists()


@pytest.mark.parametrize("change", [{"version": "ministack 0.9"}, {"forms": {"localaws.access.Caller": ["account"]}}])
def test_what_another_version_wrote_is_not_read_and_says_what_to_do(server: Server, change: dict[str, Any]) -> None:
    server.aws.stop()
    line, _, rest = server.file.read_bytes().partition(b"\n")
    server.file.write_bytes(json.dumps({**json.loads(line), **change}).encode() + b"\n" + rest)
    with pytest.raises(LocalAwsError, match=r"another version of the local AWS[^`]*`make clean`"):
        server.start()
    assert not keeping.opened(server.file).exists()


class Foreign:
    """What a file of ours never holds: it runs something when it is read."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("/tmp/never-made",)


@pytest.mark.parametrize("content", [pickle.dumps(Foreign()), b"\x80", b""])
def test_a_file_with_anything_else_is_not_read(server: Server, content: bytes) -> None:
    server.aws.stop()
    line = server.file.read_bytes().partition(b"\n")[0]
    server.file.write_bytes(line + b"\n" + content)
    with pytest.raises(LocalAwsError, match="cannot be read"):
        server.start()
    server.file.write_bytes(b"{")
    with pytest.raises(LocalAwsError, match="cannot be read"):
        server.start()
    assert not Path("/tmp/never-made").exists()


def test_all_that_ministack_holds_for_its_callers_is_kept() -> None:
    command = [localaws_python(), "-c", CLEARED]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == NOT_KEPT


def test_what_could_not_be_read_again_is_not_written() -> None:
    for value in (Foreign(), time.sleep, keeping.Keeper):
        with pytest.raises(pickle.PicklingError, match="is not known"):
            keeping._Pickler(io.BytesIO(), protocol=5).dump({"x": [value]})


def test_each_class_is_kept_with_the_members_that_it_has() -> None:
    assert keeping.forms()["localaws.dynamodb.journal.Journal"] == sorted(Journal.__slots__)
    journal = Journal([(("a", ""), {"id": {"S": "a"}})])
    journal.record(5, ("a", ""), {"id": {"S": "a"}}, None)
    file = io.BytesIO()
    keeping._Pickler(file, protocol=5).dump(journal)
    file.seek(0)
    again = keeping._Unpickler(file).load()
    assert again.state(6) == {} and again.state(5).keys() == {("a", "")}


def test_addresses_move_and_what_was_one_object_stays_one() -> None:
    shared = {"Url": "http://localhost:4000/1/q"}
    value = {"http://localhost:4000/1/q": shared, "again": [shared, ("http://127.0.0.1:4000/", 4000)]}
    value["itself"] = value
    moved = keeping._Moved(4000, 5000).moved(value)
    assert moved["http://localhost:5000/1/q"] == {"Url": "http://localhost:5000/1/q"}
    assert moved["http://localhost:5000/1/q"] is moved["again"][0]
    assert moved["again"][1] == ("http://127.0.0.1:5000/", 4000)
    assert moved["itself"] is moved
    assert keeping._Moved(4000, 4000).moved("http://localhost:4000/1/q") == "http://localhost:4000/1/q"


def test_a_header_that_is_none_is_said(tmp_path: Path) -> None:
    assert Header.read(tmp_path / "gone") is None
    (tmp_path / "lake.kept").write_text('{"saved": 1}\n')
    with pytest.raises(KeepError, match="`make clean`"):
        Header.read(tmp_path / "lake.kept")


def test_the_names_of_this_test_are_the_local_aws(server: Server) -> None:
    """A server without anything keeps that, too."""
    aws = server.again()
    assert aws.client("sts").get_caller_identity()["Account"] == ACCOUNT
    assert aws.client("sqs", REGION).list_queues().get("QueueUrls", []) == []
