"""A lake's own stack, deployed again, after a failure, over another configuration, and over what was kept."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lakelanes.config.loading import parse_config
from lakelanes.config.model import LakeConfig
from scripts import deploy
from scripts.change_sets import DeployError, Deployment, delete, describe
from tests.support.lakes import config_text
from tests.support.localaws import STACK_WAIT, LocalAws
from tests.support.source_tables import ORDERS

PLAIN_HTTP = {"RequireTls": "false"}


class Deployed:
    """A lake of its own."""

    def __init__(self, aws: LocalAws, **settings: Any) -> None:
        self.aws = aws
        self.text = json.dumps({**json.loads(config_text()), **settings})
        self.config = parse_config(self.text, {})
        self.name = deploy.stack_name(self.config)
        self.cloudformation = aws.client("cloudformation")

    def deploy(self, config: LakeConfig | None = None, **parameters: str) -> Deployment:
        return deploy.deploy(config or self.config, self.cloudformation, self.aws.client("sts"), parameters=parameters)

    def parameters(self) -> dict[str, str]:
        stack = describe(self.cloudformation, self.name)
        assert stack is not None
        return {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}

    def kept(self) -> dict[str, bool]:
        """Which of what outlives the stack is there, by the setting that names it."""
        resources = self.config.resources
        buckets = {each["Name"] for each in self.aws.client("s3").list_buckets()["Buckets"]}
        # Other tests have left more of both than one page holds.
        tables = self.aws.client("dynamodb").get_paginator("list_tables").paginate()
        databases = self.aws.client("glue").get_paginator("get_databases").paginate()
        return {
            "source_bucket": resources.source_bucket in buckets,
            "analytics_bucket": resources.analytics_bucket in buckets,
            "ledger_table": resources.ledger_table in {name for page in tables for name in page["TableNames"]},
            "glue_database": resources.glue_database in {d["Name"] for page in databases for d in page["DatabaseList"]},
        }

    def ledger(self) -> dict[str, Any]:
        table = self.config.resources.ledger_table
        return dict(self.aws.client("dynamodb").describe_table(TableName=table)["Table"])

    def rules(self) -> dict[str, int | None]:
        """Days of the analytics bucket's lifecycle rules, by prefix."""
        bucket = self.config.resources.analytics_bucket
        rules = self.aws.client("s3").get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        return {rule["Filter"].get("Prefix", ""): rule.get("Expiration", {}).get("Days") for rule in rules}


@pytest.fixture
def lake(local_aws: LocalAws) -> Deployed:
    return Deployed(local_aws)


def test_what_is_not_named_keeps_its_value(lake: Deployed) -> None:
    orders = f"{lake.name}-orders"
    lake.deploy(**PLAIN_HTTP, OrdersTableName=orders, FastLane="off")
    again = lake.deploy(BytesScannedCutoff="20000000")
    assert again.outputs["OrdersTable"] == orders
    assert lake.parameters().items() >= {"FastLane": "off", "RequireTls": "false", "OrdersTableName": orders}.items()
    assert lake.deploy(FastLane="on").outputs["OrdersTable"] == orders
    assert lake.parameters()["RequireTls"] == "false"


def test_the_configuration_decides_whatever_the_stack_has(local_aws: LocalAws) -> None:
    tables = {"orders": {**ORDERS, "dynamodb_table": "shop-orders", "lanes": ["export"]}}
    lake = Deployed(local_aws, tables=tables, deployment={"query_result_days": 5, "export_days": 9})
    lake.deploy(**PLAIN_HTTP)
    assert lake.rules() == {"athena-results/": 5, "run-plans/": 14, "dynamodb-exports/": 9, "": None}
    assert lake.parameters()["ExportedTableArns1"].endswith("/shop-orders")
    changed = parse_config(json.dumps({**json.loads(lake.text), "tables": {}, "deployment": {}}), {})
    assert lake.deploy(changed).action == "updated"
    assert lake.rules() == {"athena-results/": 14, "run-plans/": 14, "": None}
    assert lake.parameters()["ExportedTableArns1"] == ""


def test_topics_and_rules_may_tell_the_queue_in_the_buckets_stead(lake: Deployed) -> None:
    s3, sqs, bucket = lake.aws.client("s3"), lake.aws.client("sqs"), lake.config.resources.source_bucket
    sources = "arn:aws:sns:us-east-1:111122223333:landing,arn:aws:events:us-east-1:000000000000:rule/landing"

    def senders(done: Deployment) -> dict[str, Any]:
        url = done.outputs["FileQueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
        statements = json.loads(found)["Statement"]
        return {each["Sid"]: each["Condition"]["ArnEquals"]["aws:SourceArn"] for each in statements}

    own = {"SourceBucketAlone": f"arn:aws:s3:::{bucket}"}
    assert senders(lake.deploy(**PLAIN_HTTP, FileEventSources=sources)) == {
        **own,
        "TopicsAndRulesAlone": sources.split(","),
    }
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)
    assert senders(lake.deploy(FileEventSources="")) == own
    assert len(s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]) == 1


def test_notes_of_the_ledger_expire_and_its_table_is_protected(lake: Deployed) -> None:
    lake.deploy(**PLAIN_HTTP)
    ttl = lake.aws.client("dynamodb").describe_time_to_live(TableName=lake.config.resources.ledger_table)
    assert ttl["TimeToLiveDescription"] == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    assert lake.ledger()["DeletionProtectionEnabled"] is True
    unprotected = {**json.loads(lake.text), "deployment": {"deletion_protection": False}}
    lake.deploy(parse_config(json.dumps(unprotected), {}))
    assert lake.ledger()["DeletionProtectionEnabled"] is False


def test_a_first_deployment_that_fails_leaves_nothing_and_is_repeated(lake: Deployed) -> None:
    athena, group = lake.aws.client("athena"), lake.config.resources.workgroup_name
    athena.create_work_group(Name=group)
    for _ in range(2):
        with pytest.raises(DeployError, match=f"Workgroup .*{group} already exists"):
            lake.deploy(**PLAIN_HTTP)
        assert not any(lake.kept().values()), lake.kept()
    athena.delete_work_group(WorkGroup=group)
    assert lake.deploy(**PLAIN_HTTP).action == "created"
    assert all(lake.kept().values())
    assert lake.ledger()["DeletionProtectionEnabled"] is True


@pytest.mark.parametrize(
    ("setting", "resource"),
    [("source_bucket", "SourceBucket"), ("ledger_table", "LedgerTable"), ("glue_database", "Database")],
)
def test_another_name_in_the_configuration_is_refused_before_anything_changes(
    lake: Deployed, setting: str, resource: str
) -> None:
    lake.deploy(**PLAIN_HTTP)
    events = lake.cloudformation.describe_stack_events(StackName=lake.name)["StackEvents"]
    raw = json.loads(lake.text)
    old = raw["resources"][setting]
    raw["resources"][setting] = f"{old}x"
    with pytest.raises(DeployError, match=rf"{resource} .* {old}\) would be replaced by an empty one: \w+ changes by"):
        lake.deploy(parse_config(json.dumps(raw), {}))
    assert lake.cloudformation.describe_stack_events(StackName=lake.name)["StackEvents"] == events


def test_a_table_that_would_leave_the_stack_is_named(lake: Deployed) -> None:
    lake.deploy(**PLAIN_HTTP, OrdersTableName=f"{lake.name}-orders")
    with pytest.raises(DeployError, match=r"OrdersTable \(AWS::DynamoDB::Table .*-orders\) would leave the stack"):
        lake.deploy(OrdersTableName="")


def run(lake: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The command, as it is typed."""
    config = tmp_path / "lake.json"
    config.write_text(lake.text)
    for name, value in lake.aws.environment.items():
        monkeypatch.setenv(name, value)
    common = ["deploy", "--config", str(config), "--without-functions", "--parameter", "RequireTls=false"]
    monkeypatch.setattr("sys.argv", [*common, *arguments])
    return deploy.main()


def test_what_a_deleted_stack_has_kept_comes_into_a_new_one(
    lake: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    resources = lake.config.resources
    s3, dynamodb, sqs = (lake.aws.client(service) for service in ("s3", "dynamodb", "sqs"))
    lake.deploy(**PLAIN_HTTP)
    s3.put_object(Bucket=resources.analytics_bucket, Key="sales_data/kept", Body=b"1")
    dynamodb.put_item(TableName=resources.ledger_table, Item={"source": {"S": "s3://a/b"}, "version": {"S": "current"}})
    lake.aws.client("glue").create_table(DatabaseName=resources.glue_database, TableInput={"Name": "sales_data"})
    delete(lake.cloudformation, lake.name)
    assert all(lake.kept().values())

    assert run(lake, tmp_path, monkeypatch) == 1, "the names are taken"
    assert "--import" in capsys.readouterr().err
    assert all(lake.kept().values())
    assert run(lake, tmp_path, monkeypatch, "--import") == 0
    assert f"imported {resources.ledger_table}" in capsys.readouterr().out
    assert s3.get_object(Bucket=resources.analytics_bucket, Key="sales_data/kept")["Body"].read() == b"1"
    assert dynamodb.scan(TableName=resources.ledger_table)["Count"] == 1
    assert [t["Name"] for t in lake.aws.client("glue").get_tables(DatabaseName=resources.glue_database)["TableList"]]
    assert lake.ledger()["DeletionProtectionEnabled"] is True
    # What the import leaves out is there after the deployment that follows it.
    notified = s3.get_bucket_notification_configuration(Bucket=resources.source_bucket)["QueueConfigurations"]
    queue = sqs.get_queue_url(QueueName=resources.sqs_queue)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    assert [each["QueueArn"] for each in notified] == [arn]
    assert run(lake, tmp_path, monkeypatch) == 0
    assert "unchanged" in capsys.readouterr().out
    assert run(lake, tmp_path, monkeypatch, "--import") == 1


def test_an_import_without_anything_kept_says_so(
    lake: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(lake, tmp_path, monkeypatch, "--import") == 1
    assert "deploy without --import" in capsys.readouterr().err
    assert describe(lake.cloudformation, lake.name) is None


def test_what_is_missing_of_what_was_kept_is_made_anew(lake: Deployed) -> None:
    parameters = {**PLAIN_HTTP, "OrdersTableName": f"{lake.name}-orders"}
    lake.deploy(**parameters)
    delete(lake.cloudformation, lake.name)
    dynamodb, table = lake.aws.client("dynamodb"), lake.config.resources.ledger_table
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
    dynamodb.delete_table(TableName=table)
    clients = {each: lake.aws.client(each) for each in ("cloudformation", "dynamodb", "glue", "s3", "sts")}
    imported = deploy.import_kept(lake.config, clients, parameters=parameters)
    assert table not in imported
    assert parameters["OrdersTableName"] in imported
    assert lake.deploy().outputs["OrdersTable"] == parameters["OrdersTableName"]
    assert all(lake.kept().values())


def test_a_workgroup_that_was_used_goes_with_its_stack(lake: Deployed) -> None:
    lake.deploy(**PLAIN_HTTP)
    athena, group = lake.aws.client("athena"), lake.config.resources.workgroup_name
    athena.start_query_execution(QueryString="SELECT 1", WorkGroup=group)
    delete(lake.cloudformation, lake.name)
    assert describe(lake.cloudformation, lake.name) is None


def test_the_written_template_needs_no_parameter(
    lake: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "template.json"
    assert run(lake, tmp_path, monkeypatch, "--write", str(path)) == 0
    assert describe(lake.cloudformation, lake.name) is None
    lint = Path(sys.executable).with_name("cfn-lint")
    linted = subprocess.run([lint, path], capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout
    lake.cloudformation.create_stack(
        StackName=lake.name, TemplateBody=path.read_text(), Capabilities=["CAPABILITY_IAM"]
    )
    lake.cloudformation.get_waiter("stack_create_complete").wait(StackName=lake.name, WaiterConfig=STACK_WAIT)
    assert all(lake.kept().values())
    assert lake.deploy().action == "unchanged", "it is the stack that a deployment makes"
