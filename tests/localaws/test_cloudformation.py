"""DynamoDB tables and the mappings of their streams in templates."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from localaws.function_limits import this_architecture
from tests.localaws.streams.conftest import until
from tests.support.localaws import STACK_WAIT, LocalAws, running_localaws

HANDLER = """
import json, os
def handler(event, context):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(json.dumps([record["dynamodb"]["Keys"]["id"]["S"] for record in event["Records"]]) + chr(10))
    return {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["dynamodb"]["SequenceNumber"]}]}
"""
TEMPLATE: dict[str, Any] = {
    "Parameters": {
        "Name": {"Type": "String"},
        "Notes": {"Type": "String"},
        "Retries": {"Type": "Number", "Default": "1"},
        "Recovery": {"Type": "String", "Default": "true"},
    },
    "Resources": {
        "Orders": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "TableName": {"Ref": "Name"},
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
                "PointInTimeRecoverySpecification": {
                    "PointInTimeRecoveryEnabled": {"Ref": "Recovery"},
                    "RecoveryPeriodInDays": 7,
                },
                "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True},
                "SSESpecification": {"SSEEnabled": True},
            },
        },
        "Failures": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "${Name}-failures"}}},
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}},
        },
        "Processor": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": {"Ref": "Name"},
                "Runtime": "python3.12",
                "Handler": "index.handler",
                "Architectures": [this_architecture()],
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": HANDLER},
                "Environment": {"Variables": {"NOTES": {"Ref": "Notes"}}},
            },
        },
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": {"Fn::GetAtt": ["Orders", "StreamArn"]},
                "FunctionName": {"Ref": "Processor"},
                "StartingPosition": "TRIM_HORIZON",
                "MaximumRetryAttempts": {"Ref": "Retries"},
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "DestinationConfig": {"OnFailure": {"Destination": {"Fn::GetAtt": ["Failures", "Arn"]}}},
            },
        },
    },
}


class Stack:
    """A stack of TEMPLATE."""

    def __init__(self, aws: LocalAws, name: str, notes: Path) -> None:
        self.aws, self.name, self.notes = aws, name, notes
        self.client = aws.client("cloudformation")
        self.dynamodb = aws.client("dynamodb")

    def deploy(self, template: dict[str, Any] = TEMPLATE, update: bool = False, **parameters: str) -> None:
        chosen = {"Name": self.name, "Notes": str(self.notes), **parameters}
        call, waiter = (
            (self.client.update_stack, "stack_update_complete")
            if update
            else (self.client.create_stack, "stack_create_complete")
        )
        call(
            StackName=self.name,
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in chosen.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        self.client.get_waiter(waiter).wait(StackName=self.name, WaiterConfig=STACK_WAIT)

    def delete(self) -> None:
        self.client.delete_stack(StackName=self.name)
        self.client.get_waiter("stack_delete_complete").wait(StackName=self.name, WaiterConfig=STACK_WAIT)

    def recovery(self) -> dict[str, Any]:
        described = self.dynamodb.describe_continuous_backups(TableName=self.name)["ContinuousBackupsDescription"]
        return dict(described["PointInTimeRecoveryDescription"])

    def ttl(self) -> dict[str, Any]:
        return dict(self.dynamodb.describe_time_to_live(TableName=self.name)["TimeToLiveDescription"])

    def mapping(self) -> dict[str, Any]:
        (mapping,) = self.aws.client("lambda").list_event_source_mappings(FunctionName=self.name)["EventSourceMappings"]
        return dict(mapping)


@pytest.fixture(scope="module")
def own_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    environment = {"LOCALAWS_STREAM_RETRY_SECONDS": "0.01"}
    with running_localaws(tmp_path_factory.mktemp("templates"), environment=environment) as server:
        yield server


@pytest.fixture
def stack(own_aws: LocalAws, unique: Callable[[str], str], tmp_path: Path) -> Stack:
    return Stack(own_aws, unique("orders-"), tmp_path / "notes")


def changed(resource: str, **properties: Any) -> dict[str, Any]:
    """The template with other properties of one resource; None takes one away."""
    template = copy.deepcopy(TEMPLATE)
    found = template["Resources"][resource]["Properties"]
    found.update(properties)
    template["Resources"][resource]["Properties"] = {name: value for name, value in found.items() if value is not None}
    return template


def test_a_table_has_what_its_template_says(stack: Stack) -> None:
    stack.deploy()
    assert stack.recovery()["PointInTimeRecoveryStatus"] == "ENABLED"
    assert stack.recovery()["RecoveryPeriodInDays"] == 7
    assert stack.ttl() == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    table = stack.dynamodb.describe_table(TableName=stack.name)["Table"]
    assert table["SSEDescription"]["Status"] == "ENABLED"
    assert table["LatestStreamArn"].endswith(f"/stream/{table['LatestStreamLabel']}")
    arn = table["TableArn"]
    export = stack.dynamodb.export_table_to_point_in_time(TableArn=arn, S3Bucket="none")["ExportDescription"]
    assert export["ExportStatus"] == "IN_PROGRESS"


def test_an_update_of_the_stack_keeps_the_journal_and_follows_the_template(stack: Stack) -> None:
    stack.deploy()
    since = stack.recovery()["EarliestRestorableDateTime"]
    stack.deploy(changed("Orders", TimeToLiveSpecification=None), update=True)
    assert stack.recovery()["EarliestRestorableDateTime"] == since
    assert stack.ttl() == {"TimeToLiveStatus": "DISABLED"}
    stack.deploy(update=True, Recovery="false")
    assert stack.recovery() == {"PointInTimeRecoveryStatus": "DISABLED"}
    assert stack.ttl()["AttributeName"] == "expires"


def test_a_table_made_again_under_its_name_has_nothing_of_the_first(stack: Stack) -> None:
    stack.deploy()
    stack.delete()
    stack.deploy(changed("Orders", TimeToLiveSpecification=None, PointInTimeRecoverySpecification=None))
    assert stack.recovery() == {"PointInTimeRecoveryStatus": "DISABLED"}
    assert stack.ttl() == {"TimeToLiveStatus": "DISABLED"}


def test_a_mapping_works_as_its_template_says(stack: Stack) -> None:
    stack.deploy()
    mapping = stack.mapping()
    names = ("BatchSize", "MaximumRetryAttempts", "FunctionResponseTypes")
    assert [mapping[name] for name in names] == [100, 1, ["ReportBatchItemFailures"]]
    stack.dynamodb.put_item(TableName=stack.name, Item={"id": {"S": "a"}})
    sqs = stack.aws.client("sqs")
    queue = sqs.get_queue_url(QueueName=f"{stack.name}-failures")["QueueUrl"]
    (message,) = until(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"), "report of the batch")
    assert json.loads(message["Body"])["requestContext"]["approximateInvokeCount"] == 2
    assert stack.notes.read_text() == '["a"]\n["a"]\n'
    stack.deploy(update=True, Retries="0")
    assert stack.mapping()["MaximumRetryAttempts"] == 0
    assert stack.mapping()["UUID"] == mapping["UUID"]
    stack.dynamodb.put_item(TableName=stack.name, Item={"id": {"S": "b"}})
    until(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"), "report of the second batch")
    assert stack.notes.read_text() == '["a"]\n["a"]\n["b"]\n'


@pytest.mark.parametrize(
    ("resource", "properties", "reason"),
    [
        ("Mapping", {"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}}, "FilterCriteria"),
        ("Mapping", {"StartingPosition": None}, "StartingPosition"),
        ("Mapping", {"BatchSize": "many"}, "BatchSize"),
        ("Orders", {"TimeToLiveSpecification": {"Enabled": True}}, "AttributeName"),
        (
            "Orders",
            {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 36}},
            "RecoveryPeriodInDays",
        ),
    ],
)
def test_what_cannot_be_had_fails_the_stack(
    stack: Stack, resource: str, properties: dict[str, Any], reason: str
) -> None:
    with pytest.raises(WaiterError):
        stack.deploy(changed(resource, **properties))
    events = stack.client.describe_stack_events(StackName=stack.name)["StackEvents"]
    reasons = [event.get("ResourceStatusReason", "") for event in events if event["LogicalResourceId"] == resource]
    assert any(reason in one for one in reasons), reasons
