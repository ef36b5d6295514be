"""The low-latency lane's part of the template: queues, function, role and alarms."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from lakelanes.catalog import athena
from lakelanes.catalog.evolution import ensure_table
from lakelanes.catalog.glue_tables import create_statement, data_table
from lakelanes.config.loading import parse_config
from lakelanes.lake import Lake
from scripts.deploy import Deployment
from scripts.layer import local_layer, local_python, this_architecture
from tests.faults.lanes import s3_event
from tests.infrastructure.conftest import FAST_TEXT
from tests.support.iam import assert_denied
from tests.support.localaws import ACCOUNT, REGION, LocalAws
from tests.support.roles import function_credentials, lake_as
from tests.support.waiting import wait_for

HEADER = "id,price\n"


def attributes(local_aws: LocalAws, url: str) -> dict[str, Any]:
    found = local_aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return dict(found)


def function(local_aws: LocalAws, deployment: Deployment) -> dict[str, Any]:
    client = local_aws.client("lambda")
    return dict(client.get_function_configuration(FunctionName=deployment.outputs["FileProcessor"]))


def test_dead_letters_go_to_their_queue_and_stay_as_long_as_they_may(
    local_aws: LocalAws, function_deployment: Deployment
) -> None:
    queue = attributes(local_aws, function_deployment.outputs["FileQueueUrl"])
    dead = attributes(local_aws, function_deployment.outputs["FileDeadLetterQueueUrl"])
    redrive = json.loads(queue["RedrivePolicy"])
    assert (
        redrive["deadLetterTargetArn"] == dead["QueueArn"] == f"arn:aws:sqs:{REGION}:{ACCOUNT}:fast_tickets_files-dlq"
    )
    assert dead["MessageRetentionPeriod"] == queue["MessageRetentionPeriod"] == "1209600"
    environment = function(local_aws, function_deployment)["Environment"]["Variables"]
    assert int(environment["LAKE_MAX_RECEIVES"]) == int(redrive["maxReceiveCount"])
    assert environment["LAKE_FILE_QUEUE_URL"] == function_deployment.outputs["FileQueueUrl"]


def test_a_message_stays_hidden_for_six_times_the_functions_timeout(
    local_aws: LocalAws, function_deployment: Deployment
) -> None:
    queue = attributes(local_aws, function_deployment.outputs["FileQueueUrl"])
    assert int(queue["VisibilityTimeout"]) >= 6 * function(local_aws, function_deployment)["Timeout"]


def test_only_the_source_bucket_may_send(local_aws: LocalAws, function_deployment: Deployment) -> None:
    policy = json.loads(attributes(local_aws, function_deployment.outputs["FileQueueUrl"])["Policy"])
    [statement] = policy["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"Service": "s3.amazonaws.com"}, "sqs:SendMessage")
    assert statement["Condition"] == {
        "ArnEquals": {"aws:SourceArn": "arn:aws:s3:::fast-tickets-landing"},
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
    }
    notification = local_aws.client("s3").get_bucket_notification_configuration(Bucket="fast-tickets-landing")
    [configured] = notification["QueueConfigurations"]
    assert configured["Events"] == ["s3:ObjectCreated:*"]


def test_the_source_takes_single_failures_and_loses_no_time(
    local_aws: LocalAws, function_deployment: Deployment
) -> None:
    source = local_aws.client("lambda").get_event_source_mapping(
        UUID=function_deployment.outputs["FileProcessorSource"]
    )
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert (source["BatchSize"], source["MaximumBatchingWindowInSeconds"]) == (10, 0)
    assert int(source["ScalingConfig"]["MaximumConcurrency"]) == 2
    assert source["State"] == "Enabled"


def test_the_function_is_what_bundle_and_layer_are_made_for(
    local_aws: LocalAws, function_deployment: Deployment
) -> None:
    found = function(local_aws, function_deployment)
    assert (found["Runtime"], found["Architectures"]) == ("python3.12", [this_architecture()])
    [attached] = found["Layers"]
    layer = local_aws.client("lambda").get_layer_version_by_arn(Arn=attached["Arn"])
    assert layer["CompatibleRuntimes"] == ["python3.12"]
    assert layer["CompatibleArchitectures"] == [this_architecture()]
    assert layer["Content"]["CodeSize"] == local_layer(local_python()).stat().st_size


def test_alarms_go_to_the_alert_topic(local_aws: LocalAws, function_deployment: Deployment) -> None:
    prefix = "lakelanes-fast_tickets_files-"
    alarms = local_aws.client("cloudwatch").describe_alarms(AlarmNamePrefix=prefix)["MetricAlarms"]
    assert {alarm["AlarmName"].removeprefix(prefix): alarm["MetricName"] for alarm in alarms} == {
        "dead-letters": "ApproximateNumberOfMessagesVisible",
        "oldest-message": "ApproximateAgeOfOldestMessage",
        "function-errors": "Errors",
        "function-throttles": "Throttles",
    }
    for alarm in alarms:
        assert alarm["AlarmActions"] == [function_deployment.outputs["AlertTopicArn"]]
        [dimension] = alarm["Dimensions"]
        assert dimension["Value"] in {
            "fast_tickets_files",
            "fast_tickets_files-dlq",
            function_deployment.outputs["FileProcessor"],
        }


def test_without_a_bundle_there_are_queues_but_no_function(local_aws: LocalAws, deployment: Deployment) -> None:
    assert {"FileQueueUrl", "FileDeadLetterQueueUrl"} <= deployment.outputs.keys()
    assert {"FileProcessor", "FileProcessorSource"}.isdisjoint(deployment.outputs)


def test_the_functions_role_is_enough_for_its_whole_way(local_aws: LocalAws, function_deployment: Deployment) -> None:
    """Tables made, rows and rejected rows loaded, a refused file told of: all with the role, IAM enforced."""
    s3, dynamodb = local_aws.client("s3"), local_aws.client("dynamodb")
    files = {
        "tickets_2024_03.csv": (f"{HEADER}a,1.00\nb,not a price\n", "loaded"),
        "tickets_2024_04.csv": ("id\na\n", "rejected"),
    }
    for key, (text, _) in files.items():
        s3.put_object(Bucket="fast-tickets-landing", Key=key, Body=text.encode())

    def states() -> dict[str, str]:
        items = dynamodb.scan(TableName="fast_tickets_ledger")["Items"]
        return {i["source"]["S"].rsplit("/", 1)[-1]: i["state"]["S"] for i in items if "state" in i}

    def dead_letters() -> int:
        url = function_deployment.outputs["FileDeadLetterQueueUrl"]
        return int(attributes(local_aws, url)["ApproximateNumberOfMessages"])

    wanted = {key: state for key, (_, state) in files.items()}
    wait_for(lambda: (states(), dead_letters()), lambda found: found == (wanted, 1), "both files and the dead letter")
    glue = local_aws.client("glue")
    for table, months in (("tickets", ["03"]), ("tickets_rejects", ["03", "04"])):
        found = glue.get_partitions(DatabaseName="fast_tickets_db", TableName=table)["Partitions"]
        assert sorted(partition["Values"][1] for partition in found) == months
    told = dynamodb.scan(TableName="fast_tickets_ledger")["Items"]
    assert [i["source"]["S"] for i in told if i["source"]["S"].startswith("note:told/")], "the alert was published"


def test_the_functions_role_is_enough_for_files_of_many_partitions(
    local_aws: LocalAws, function_deployment: Deployment
) -> None:
    """Rows come and go, and what was noted of those that went is forgotten: with the role, by checks and deletions."""
    key, bucket = "seats_2024_05.csv", "fast-tickets-landing"
    uri = {":uri": {"S": f"s3://{bucket}/{key}"}}

    def seats() -> dict[str, bool]:
        """The seats that are noted, and whether there are rows of them."""
        found = local_aws.client("dynamodb").query(
            TableName="fast_tickets_ledger",
            KeyConditionExpression="#source = :uri",
            ExpressionAttributeNames={"#source": "source"},
            ExpressionAttributeValues=uri,
        )
        parts = {item["version"]["S"].partition("seat=")[2]: "target" in item for item in found["Items"]}
        return {seat: there for seat, there in parts.items() if seat}

    for rows, gone in (("ab", ""), ("bc", "a"), ("cd", "b")):
        text = HEADER + "".join(f"{row},1.00\n" for row in rows)
        local_aws.client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())
        wanted = {**dict.fromkeys(rows, True), **dict.fromkeys(gone, False)}
        wait_for(seats, lambda found, wanted=wanted: found == wanted, f"the seats {wanted}")


def test_the_functions_role_is_told_of_a_file_that_is_gone(
    local_aws: LocalAws, function_deployment: Deployment
) -> None:
    """Where it might not list the bucket, S3 would say that it is forbidden, and the message would come again."""
    bucket, key = "fast-tickets-landing", "tickets_2024_06.csv"
    event = s3_event(bucket, key, "0" * 32, 9, datetime.now(UTC), 0x55)
    url = function_deployment.outputs["FileQueueUrl"]
    local_aws.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(event))
    place = {"source": {"S": f"s3://{bucket}/{key}"}, "version": {"S": "current"}}

    def state() -> str:
        item = local_aws.client("dynamodb").get_item(TableName="fast_tickets_ledger", Key=place).get("Item", {})
        return str(item.get("state", {}).get("S", ""))

    wait_for(state, lambda found: found == "deleted", "the note that the file is gone")


def test_the_functions_role_may_give_a_table_columns_and_stop_a_query(
    local_aws: LocalAws, function_deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the engine does where the configuration grew, and where a statement takes too long."""
    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)
    credentials = function_credentials(local_aws, function_deployment.outputs, "FileProcessor")
    lake = lake_as(credentials, lambda: Lake.open(parse_config(FAST_TEXT, {})))
    table = replace(data_table(lake.config.entities["tickets"]), name="tickets_that_grow")
    assert ensure_table(lake, table)
    assert ensure_table(lake, replace(table, columns=(*table.columns, ("seat", "string", None))))
    query = athena.execute(lake, create_statement(lake, replace(table, name="tickets_to_come")))
    lake.athena.stop_query_execution(QueryExecutionId=query)


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("s3", lambda s3: s3.put_object(Bucket="fast-tickets-landing", Key="k", Body=b"")),
        ("s3", lambda s3: s3.get_object(Bucket="tickets-landing", Key="k")),
        ("dynamodb", lambda db: db.get_item(TableName="tickets_ledger", Key={"source": {"S": "k"}})),
        ("dynamodb", lambda db: db.delete_table(TableName="fast_tickets_ledger")),
        ("sqs", lambda sqs: sqs.get_queue_url(QueueName="tickets_files")),
        ("glue", lambda glue: glue.delete_table(DatabaseName="fast_tickets_db", Name="tickets")),
        ("athena", lambda athena: athena.start_query_execution(QueryString="SELECT 1", WorkGroup="primary")),
        ("sns", lambda sns: sns.publish(TopicArn=f"arn:aws:sns:{REGION}:{ACCOUNT}:other", Message="m")),
    ],
)
def test_what_lies_outside_is_denied_to_the_function(
    local_aws: LocalAws, deployment: Deployment, function_deployment: Deployment, service: str, call: Any
) -> None:
    assert_denied(local_aws, function(local_aws, function_deployment)["Role"], service, call)
