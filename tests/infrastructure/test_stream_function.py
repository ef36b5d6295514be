"""The stream's lane in the templates: function, role, mapping, queue of failures and alarms."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import pytest
import yaml

from lakelanes.catalog import athena
from lakelanes.catalog.evolution import ensure_table
from lakelanes.catalog.glue_tables import create_statement
from lakelanes.config.loading import parse_config
from lakelanes.config.model import LakeConfig, Table
from lakelanes.lake import Lake
from lakelanes.tables.catalog import changes_table
from scripts.deploy import (
    STREAM_PARAMETERS,
    STREAM_TEMPLATE,
    Deployment,
    attach_streams,
    deploy,
    stream_stack_name,
)
from scripts.layer import this_architecture
from tests.infrastructure.conftest import PLAIN_HTTP, SETTINGS
from tests.infrastructure.test_template import CloudFormationLoader
from tests.support.function import function_parameters
from tests.support.iam import assert_denied
from tests.support.localaws import ACCOUNT, REGION, LocalAws
from tests.support.roles import function_credentials, lake_as
from tests.support.stream_records import ORDERS
from tests.support.streams import StreamedTable
from tests.support.waiting import wait_for

NAMES = {name: str(value).replace("tickets", "streamed") for name, value in SETTINGS["resources"].items()}
STREAM = "arn:aws:dynamodb:{}:{}:table/{}/stream/2026-03-01T08:00:00.000"


@dataclass
class Streamed:
    """A lake with a stream, as `make up` deploys it."""

    config: LakeConfig
    table: StreamedTable
    lake: Deployment
    mapping: dict[str, Any]

    @property
    def outputs(self) -> dict[str, str]:
        return dict(self.lake.outputs)


@pytest.fixture(scope="module")
def streamed(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Streamed:
    table = StreamedTable(local_aws, "streamed-orders").create()
    text = json.dumps({**SETTINGS, "resources": NAMES, "tables": {"orders": table.settings}})
    config = parse_config(text, {})
    functions = function_parameters(local_aws, config, text, tmp_path_factory.mktemp("bundle"))
    parameters = {**PLAIN_HTTP, **functions}
    cloudformation = local_aws.client("cloudformation")
    done = deploy(config, cloudformation, local_aws.client("sts"), parameters=parameters)
    streams = attach_streams(
        config, done.outputs, cloudformation, local_aws.client("dynamodb"), parameters={"StreamBatchSeconds": "0"}
    )
    mapping = local_aws.client("lambda").get_event_source_mapping(UUID=streams["orders"].outputs["Source"])
    return Streamed(config, table, done, dict(mapping))


def function(local_aws: LocalAws, lake: Deployment) -> dict[str, Any]:
    client = local_aws.client("lambda")
    return dict(client.get_function_configuration(FunctionName=lake.outputs["StreamProcessor"]))


def queue(local_aws: LocalAws, streamed: Streamed) -> dict[str, str]:
    url = streamed.outputs["StreamFailureQueueUrl"]
    return dict(local_aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"])


def test_the_mapping_loses_nothing_to_a_record_that_fails(local_aws: LocalAws, streamed: Streamed) -> None:
    mapping = streamed.mapping
    assert mapping["EventSourceArn"] == streamed.table.stream_arn
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert (mapping["MaximumRetryAttempts"], mapping["MaximumRecordAgeInSeconds"]) == (5, 86400)
    target = mapping["DestinationConfig"]["OnFailure"]["Destination"]
    assert target == streamed.outputs["StreamFailureQueueArn"] == queue(local_aws, streamed)["QueueArn"]
    assert queue(local_aws, streamed)["MessageRetentionPeriod"] == "1209600"


def test_the_function_is_what_bundle_and_layer_are_made_for(local_aws: LocalAws, streamed: Streamed) -> None:
    found = function(local_aws, streamed.lake)
    assert (found["Runtime"], found["Architectures"]) == ("python3.12", [this_architecture()])
    assert len(found["Layers"]) == 1
    assert found["Handler"] == "stream_processor.handler"
    assert found["LoggingConfig"]["LogGroup"] == "/lakelanes/streamed_files/stream_processor"
    groups = local_aws.client("logs").describe_log_groups(logGroupNamePrefix="/lakelanes/streamed_files/stream")
    assert [group["retentionInDays"] for group in groups["logGroups"]] == [30]


def test_alarms_go_to_the_alert_topic(local_aws: LocalAws, streamed: Streamed) -> None:
    prefix = "lakelanes-streamed_files-stream-"
    alarms = local_aws.client("cloudwatch").describe_alarms(AlarmNamePrefix=prefix)["MetricAlarms"]
    assert {alarm["AlarmName"].removeprefix(prefix): alarm["MetricName"] for alarm in alarms} == {
        "failures": "ApproximateNumberOfMessagesVisible",
        "behind": "IteratorAge",
        "errors": "Errors",
    }
    name = queue(local_aws, streamed)["QueueArn"].rsplit(":", 1)[-1]
    for alarm in alarms:
        assert alarm["AlarmActions"] == [streamed.outputs["AlertTopicArn"]]
        [dimension] = alarm["Dimensions"]
        assert dimension["Value"] in (name, streamed.outputs["StreamProcessor"])


def test_a_lake_without_tables_has_nothing_of_it(function_deployment: Deployment) -> None:
    assert not [name for name in function_deployment.outputs if name.startswith("Stream")]


def test_what_may_be_set_is_what_the_template_has_defaults_for() -> None:
    parameters = yaml.load(STREAM_TEMPLATE.read_text(), CloudFormationLoader)["Parameters"]
    assert {name for name, value in parameters.items() if "Default" in value} == STREAM_PARAMETERS


def test_no_two_tables_share_a_stack() -> None:
    tables = [Table.model_validate(ORDERS) for _ in range(4)]
    for table, name in zip(tables, ["a_b", "a-b", "a.b", "x" * 100], strict=True):
        object.__setattr__(table, "name", name)
    names = {stream_stack_name("lakelanes-" + "b" * 63, table) for table in tables}
    assert len(names) == 4
    assert max(map(len, names)) <= 128


def test_the_role_is_enough_for_its_whole_way(local_aws: LocalAws, streamed: Streamed) -> None:
    """The table made, its partition registered, poison told of and reported: all with the role, IAM enforced."""
    glue, dynamodb = local_aws.client("glue"), local_aws.client("dynamodb")
    streamed.table.put(1, "1.5")
    streamed.table.put("2.5", "1")
    streamed.table.delete(1)
    waiting = "ApproximateNumberOfMessages"
    wait_for(lambda: queue(local_aws, streamed)[waiting], lambda count: count == "1", "the report of the poison")
    [partition] = glue.get_partitions(DatabaseName=NAMES["glue_database"], TableName="orders_changes")["Partitions"]
    assert partition["Values"][0] == "stream"
    s3 = local_aws.client("s3")
    listed = s3.list_objects_v2(Bucket=NAMES["analytics_bucket"], Prefix="orders_changes/lane=stream/")
    assert listed["KeyCount"] >= 1
    notes = [item["source"]["S"] for item in dynamodb.scan(TableName=NAMES["ledger_table"])["Items"]]
    assert [note for note in notes if note.startswith("note:told/orders/")], "the alert was published"


def test_the_role_may_give_a_table_columns_and_stop_a_query(
    local_aws: LocalAws, streamed: Streamed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the engine does where the configuration grew, and where a statement takes too long."""
    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)
    credentials = function_credentials(local_aws, streamed.outputs, "StreamProcessor")
    lake = lake_as(credentials, lambda: Lake.open(streamed.config))
    made = changes_table(streamed.config.tables["orders"])
    table = replace(made, name="grown_changes", folder="grown_changes")
    local_aws.client("s3").put_object(Bucket=NAMES["analytics_bucket"], Key="grown_changes/lane=stream/o", Body=b"")
    assert ensure_table(lake, table)
    assert ensure_table(lake, replace(table, columns=(*table.columns, ("seat", "string", None))))
    query = athena.execute(lake, create_statement(lake, replace(table, name="other_changes")))
    lake.athena.stop_query_execution(QueryExecutionId=query)


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("s3", lambda s3: s3.put_object(Bucket="streamed-lake", Key="orders_changes/lane=export/k", Body=b"")),
        ("s3", lambda s3: s3.put_object(Bucket="streamed-lake", Key="tickets/k", Body=b"")),
        ("s3", lambda s3: s3.get_object(Bucket="streamed-lake", Key="tickets/k")),
        ("s3", lambda s3: s3.delete_object(Bucket="streamed-lake", Key="orders_changes/lane=stream/k")),
        ("s3", lambda s3: s3.get_object(Bucket="streamed-landing", Key="k")),
        ("dynamodb", lambda db: db.scan(TableName="streamed-orders")),
        ("dynamodb", lambda db: db.put_item(TableName="streamed-orders", Item={"order_id": {"N": "1"}})),
        ("dynamodb", lambda db: db.delete_item(TableName="streamed_ledger", Key={"source": {"S": "k"}})),
        ("dynamodb", lambda db: db.get_item(TableName="tickets_ledger", Key={"source": {"S": "k"}})),
        ("dynamodbstreams", lambda streams: streams.describe_stream(StreamArn=STREAM.format(REGION, ACCOUNT, "other"))),
        ("sqs", lambda sqs: sqs.receive_message(QueueUrl=f"http://sqs/{ACCOUNT}/streamed_files")),
        ("glue", lambda glue: glue.get_table(DatabaseName="tickets_db", Name="tickets")),
        ("glue", lambda glue: glue.delete_table(DatabaseName="streamed_db", Name="orders_changes")),
        ("athena", lambda athena: athena.start_query_execution(QueryString="SELECT 1", WorkGroup="primary")),
        ("sns", lambda sns: sns.publish(TopicArn=f"arn:aws:sns:{REGION}:{ACCOUNT}:other", Message="m")),
    ],
)
def test_what_lies_outside_is_denied(
    local_aws: LocalAws, streamed: Streamed, deployment: Deployment, service: str, call: Any
) -> None:
    assert_denied(local_aws, function(local_aws, streamed.lake)["Role"], service, call)


def test_every_statement_of_the_role_names_its_resources(local_aws: LocalAws, streamed: Streamed) -> None:
    role = function(local_aws, streamed.lake)["Role"].rsplit("/", 1)[-1]
    document = local_aws.client("iam").get_role_policy(RoleName=role, PolicyName="write-changes")["PolicyDocument"]
    for statement in document["Statement"]:
        assert not [action for action in as_list(statement["Action"]) if "*" in action], statement["Sid"]
        for resource in as_list(statement["Resource"]):
            if resource == "*":
                assert statement["Action"] == "dynamodb:ListStreams"
                continue
            name = resource.split(":", 5)[5]
            assert name in ("catalog", "database/default") or "streamed" in name or "Stream" in name, resource
    tables = {
        resource.split(":", 5)[5]
        for statement in document["Statement"]
        for resource in as_list(statement["Resource"])
        if ":table/" in resource and ":glue:" in resource
    }
    assert tables == {"table/streamed_db/*_changes"}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
