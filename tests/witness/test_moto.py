"""What moto lacks beside what the engine's tests show (gaps.py). A moto that has it fails here, and the list grows
shorter."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from lakelanes.lake import Lake
from tests.lakelanes.files.support import HEADER, KEY, load, rows
from tests.support.lakes import put
from tests.support.localaws import make_client
from tests.support.queues import Queues
from tests.support.witness import Witness


def create_stack(aws: Witness, name: str, **template: Any) -> None:
    aws.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))


def test_its_cloudformation_cannot_select_from_an_empty_list_as_aws_does(local_aws: Witness) -> None:
    """A CommaDelimitedList without a value is one empty text on AWS; the template's conditions ask for it."""
    names = {"Type": "CommaDelimitedList", "Default": ""}
    condition = {"Fn::Equals": [{"Fn::Select": [0, {"Ref": "Names"}]}, ""]}
    queue = {"Type": "AWS::SQS::Queue", "Condition": "None", "Properties": {"QueueName": "select"}}
    with pytest.raises(ResponseParserError, match="Internal Server Error"):
        create_stack(
            local_aws, "select", Parameters={"Names": names}, Conditions={"None": condition}, Resources={"Q": queue}
        )


def test_its_cloudformation_makes_no_database_no_workgroup_and_no_notification(local_aws: Witness) -> None:
    create_stack(
        local_aws,
        "gaps",
        Resources={
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "gaps"}},
            "Bucket": {
                "Type": "AWS::S3::Bucket",
                "Properties": {
                    "BucketName": "gaps",
                    "NotificationConfiguration": {
                        "QueueConfigurations": [
                            {"Event": "s3:ObjectCreated:*", "Queue": {"Fn::GetAtt": ["Queue", "Arn"]}}
                        ]
                    },
                },
            },
            "Database": {
                "Type": "AWS::Glue::Database",
                "Properties": {"CatalogId": {"Ref": "AWS::AccountId"}, "DatabaseInput": {"Name": "gaps"}},
            },
            "Group": {"Type": "AWS::Athena::WorkGroup", "Properties": {"Name": "gaps"}},
        },
    )
    told = local_aws.client("s3").get_bucket_notification_configuration(Bucket="gaps")
    assert "QueueConfigurations" not in told
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        local_aws.client("glue").get_database(Name="gaps")
    groups = make_client("athena", local_aws.endpoint_url).list_work_groups()["WorkGroups"]
    assert [group["Name"] for group in groups] == ["primary"]


def test_its_athena_answers_no_query(local_aws: Witness) -> None:
    athena = make_client("athena", local_aws.endpoint_url)
    query = athena.start_query_execution(
        QueryString="SELECT 1", ResultConfiguration={"OutputLocation": "s3://nowhere/"}
    )["QueryExecutionId"]
    assert athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"] == []


def test_its_notifications_have_no_sequencer(lake: Lake) -> None:
    queues = Queues(lake)
    put(lake, KEY, "x")
    [message] = queues.receive()
    assert "sequencer" not in json.loads(message.body)["Records"][0]["s3"]["object"]


def test_the_server_of_the_athena_keeps_nothing_but_workgroups(lake: Lake, local_aws: Witness) -> None:
    """So what these tests load, register and note is all with moto."""
    put(lake, KEY, HEADER + rows(1))
    assert [outcome.state for outcome in load(lake)] == ["loaded"]
    assert local_aws.athena is not None
    assert local_aws.athena.client("s3").list_buckets()["Buckets"] == []
    assert local_aws.athena.client("glue").get_databases()["DatabaseList"] == []
    assert local_aws.athena.client("dynamodb").list_tables()["TableNames"] == []
    assert local_aws.athena.client("sqs").list_queues().get("QueueUrls", []) == []
