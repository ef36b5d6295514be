"""What scripts/deploy.py makes out of infrastructure/template.yaml."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from lakelanes.config.model import LakeConfig
from scripts import load_dynamodb, templates
from scripts.change_sets import HOLDING_DATA, DeployError, Deployment
from scripts.deploy import IDENTIFIERS, TEMPLATE, deploy, template_parameters
from tests.infrastructure.conftest import PLAIN_HTTP, Worker, make_config
from tests.support.localaws import LocalAws


class CloudFormationLoader(yaml.SafeLoader):
    """Reads the short forms of CloudFormation's functions as what they are applied to."""


def _applied_to(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    return loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else loader.construct_mapping(node)


CloudFormationLoader.add_multi_constructor("!", _applied_to)


def test_every_parameter_without_a_default_is_filled_from_the_configuration(config: LakeConfig) -> None:
    parameters = yaml.load(TEMPLATE.read_text(), CloudFormationLoader)["Parameters"]
    assert {name for name, value in parameters.items() if "Default" not in value} <= template_parameters(config).keys()
    assert template_parameters(config).keys() <= parameters.keys()


def test_buckets_are_private_and_encrypted(local_aws: LocalAws, deployment: Deployment) -> None:
    s3 = local_aws.client("s3")
    assert deployment.outputs["SourceBucket"] == "tickets-landing"
    assert deployment.outputs["AnalyticsBucket"] == "tickets-lake"
    for bucket in ("tickets-landing", "tickets-lake"):
        block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        assert all(block.values()), block
        rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
        assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def test_only_the_source_bucket_keeps_what_was_overwritten(local_aws: LocalAws, deployment: Deployment) -> None:
    s3 = local_aws.client("s3")
    assert s3.get_bucket_versioning(Bucket=deployment.outputs["SourceBucket"]).get("Status") == "Enabled"
    assert s3.get_bucket_versioning(Bucket=deployment.outputs["AnalyticsBucket"]).get("Status") is None


def test_ledger_has_its_keys_and_both_indexes(local_aws: LocalAws, deployment: Deployment) -> None:
    table = local_aws.client("dynamodb").describe_table(TableName="tickets_ledger")["Table"]
    assert deployment.outputs["LedgerTable"] == table["TableName"]
    assert _keys(table) == {"HASH": "source", "RANGE": "version"}
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["DeletionProtectionEnabled"] is True
    assert table["SSEDescription"]["Status"] == "ENABLED"
    assert recovery(local_aws.client("dynamodb"), "tickets_ledger") == "ENABLED"
    indexes = {index["IndexName"]: index for index in table["GlobalSecondaryIndexes"]}
    assert {name: _keys(index) for name, index in indexes.items()} == {
        "by_partition": {"HASH": "entity_partition", "RANGE": "source"},
        "by_state": {"HASH": "entity_state", "RANGE": "updated_at"},
    }
    assert {index["Projection"]["ProjectionType"] for index in indexes.values()} == {"ALL"}
    assert {attribute["AttributeType"] for attribute in table["AttributeDefinitions"]} == {"S"}


def test_a_lake_with_an_application_of_its_own_gets_no_orders(local_aws: LocalAws, deployment: Deployment) -> None:
    resources = local_aws.client("cloudformation").list_stack_resources(StackName=deployment.stack_name)
    tables = [
        each["PhysicalResourceId"]
        for each in resources["StackResourceSummaries"]
        if each["ResourceType"] == "AWS::DynamoDB::Table"
    ]
    assert tables == ["tickets_ledger"]
    assert not deployment.outputs.keys() & {"OrdersTable", "OrdersStreamArn"}


def test_orders_can_be_exported_streamed_and_expire(local_aws: LocalAws, deployment: Deployment) -> None:
    config = make_config(
        source_bucket="orders-landing",
        analytics_bucket="orders-lake",
        glue_database="orders_db",
        workgroup_name="orders_queries",
        ledger_table="orders_ledger",
        alert_topic="orders_alerts",
    )
    clients = local_aws.client("cloudformation"), local_aws.client("sts")
    outputs = deploy(config, *clients, parameters={**PLAIN_HTTP, "OrdersTableName": "shop.orders"}).outputs
    dynamodb = local_aws.client("dynamodb")
    table = dynamodb.describe_table(TableName=outputs["OrdersTable"])["Table"]
    assert table["TableName"] == "shop.orders"
    assert _keys(table) == {"HASH": "order_id"}
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["DeletionProtectionEnabled"] is True
    assert table["SSEDescription"]["Status"] == "ENABLED"
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert outputs["OrdersStreamArn"] == table["LatestStreamArn"]
    assert recovery(dynamodb, "shop.orders") == "ENABLED"
    ttl = dynamodb.describe_time_to_live(TableName="shop.orders")["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    # The loader makes the same table where none was deployed.
    assert load_dynamodb.create_table(dynamodb, "shop.orders.made")
    made = dynamodb.describe_table(TableName="shop.orders.made")["Table"]
    for setting in ("KeySchema", "AttributeDefinitions", "BillingModeSummary", "StreamSpecification"):
        assert made[setting] == table[setting], setting
    assert made["SSEDescription"]["Status"] == "ENABLED"
    assert recovery(dynamodb, "shop.orders.made") == "ENABLED"
    assert dynamodb.describe_time_to_live(TableName="shop.orders.made")["TimeToLiveDescription"] == ttl


def test_what_cannot_be_made_again_outlives_the_stack() -> None:
    resources = templates.load(TEMPLATE)["Resources"]
    kept = {name for name, each in resources.items() if each.get("DeletionPolicy") == "RetainExceptOnCreate"}
    assert kept == {name for name, each in resources.items() if each.get("UpdateReplacePolicy") == "Retain"}
    assert kept == {name for name, each in resources.items() if each["Type"] in HOLDING_DATA}
    assert kept == {"SourceBucket", "AnalyticsBucket", "LedgerTable", "OrdersTable", "Database"}
    assert kept == templates.kept_resources(templates.load(TEMPLATE)).keys()
    assert all(IDENTIFIERS[resources[name]["Type"]] in resources[name]["Properties"] for name in kept)


def test_database_exists(local_aws: LocalAws, deployment: Deployment) -> None:
    database = local_aws.client("glue").get_database(Name="tickets_db")["Database"]
    assert database["Name"] == deployment.outputs["Database"]


def test_workgroup_enforces_where_results_go_and_how_much_a_query_scans(
    local_aws: LocalAws, deployment: Deployment
) -> None:
    workgroup = local_aws.client("athena").get_work_group(WorkGroup="tickets_queries")["WorkGroup"]
    settings = workgroup["Configuration"]
    assert workgroup["State"] == "ENABLED"
    assert settings["EnforceWorkGroupConfiguration"] is True
    assert settings["ResultConfiguration"]["OutputLocation"] == "s3://tickets-lake/athena-results/"
    assert settings["BytesScannedCutoffPerQuery"] == 100 << 30
    assert settings["PublishCloudWatchMetricsEnabled"] is True
    assert deployment.outputs["Workgroup"] == "tickets_queries"


def test_alert_topic_has_the_arn_that_the_engine_expects(
    local_aws: LocalAws, deployment: Deployment, config: LakeConfig
) -> None:
    topics = [
        topic["TopicArn"]
        for page in local_aws.client("sns").get_paginator("list_topics").paginate()
        for topic in page["Topics"]
    ]
    assert deployment.outputs["AlertTopicArn"] == config.alert_topic_arn
    assert config.alert_topic_arn in topics


def test_deploying_again_changes_nothing(local_aws: LocalAws, deployment: Deployment, config: LakeConfig) -> None:
    cloudformation, sts = local_aws.client("cloudformation"), local_aws.client("sts")
    events = cloudformation.describe_stack_events(StackName=deployment.stack_name)["StackEvents"]
    again = deploy(config, cloudformation, sts, parameters=PLAIN_HTTP)
    assert (deployment.action, again.action) == ("created", "unchanged")
    assert again.outputs == deployment.outputs
    assert cloudformation.describe_stack_events(StackName=deployment.stack_name)["StackEvents"] == events


def test_an_own_lake_is_a_stack_of_its_own_and_is_updated_in_place(local_aws: LocalAws, deployment: Deployment) -> None:
    cloudformation, sts = local_aws.client("cloudformation"), local_aws.client("sts")
    config = make_config(
        source_bucket="own-landing",
        analytics_bucket="own-lake",
        glue_database="own_db",
        workgroup_name="own_queries",
        ledger_table="own_ledger",
        alert_topic="own_alerts",
    )
    created = deploy(config, cloudformation, sts, parameters=PLAIN_HTTP)
    updated = deploy(config, cloudformation, sts, parameters={**PLAIN_HTTP, "BytesScannedCutoff": "20000000"})
    assert (created.action, updated.action) == ("created", "updated")
    assert created.stack_name == updated.stack_name != deployment.stack_name
    workgroup = local_aws.client("athena").get_work_group(WorkGroup="own_queries")["WorkGroup"]
    assert workgroup["Configuration"]["BytesScannedCutoffPerQuery"] == 20_000_000


def test_a_failed_deployment_names_the_resource_and_the_reason(
    local_aws: LocalAws, deployment: Deployment, config: LakeConfig
) -> None:
    clients = local_aws.client("cloudformation"), local_aws.client("sts")
    with pytest.raises(DeployError, match=r"SourceBucket .*tickets-landing.* exists(.*\n)*.*--import"):
        deploy(config, *clients, name="second-stack", parameters=PLAIN_HTTP)
    assert deployment.stack_name != "second-stack"


def test_a_wrong_parameter_is_refused(local_aws: LocalAws, deployment: Deployment, config: LakeConfig) -> None:
    clients = local_aws.client("cloudformation"), local_aws.client("sts")
    with pytest.raises(DeployError, match=f"{deployment.stack_name}.*BytesScannedCutoff.*10000000"):
        deploy(config, *clients, parameters={**PLAIN_HTTP, "BytesScannedCutoff": "5"})


def test_nothing_is_deployed_into_another_account(local_aws: LocalAws, config: LakeConfig) -> None:
    aws = config.aws.model_copy(update={"account_id": "111122223333"})
    other = config.model_copy(update={"aws": aws})
    with pytest.raises(DeployError, match=r"account 000000000000, but aws.account_id is 111122223333"):
        deploy(other, local_aws.client("cloudformation"), local_aws.client("sts"), name="elsewhere")
    with pytest.raises(ClientError, match="does not exist"):
        local_aws.client("cloudformation").describe_stacks(StackName="elsewhere")


def test_with_tls_required_the_buckets_refuse_plain_http(
    local_aws: LocalAws, worker: Worker, deployment: Deployment, config: LakeConfig
) -> None:
    clients = local_aws.client("cloudformation"), local_aws.client("sts")
    s3 = worker.client("s3")
    s3.put_object(Bucket="tickets-lake", Key="while-allowed", Body=b"1")
    try:
        assert deploy(config, *clients, parameters={"RequireTls": "true"}).action == "updated"
        with pytest.raises(ClientError, match="AccessDenied"):
            worker.denied("s3").put_object(Bucket="tickets-lake", Key="refused", Body=b"1")
        with pytest.raises(ClientError, match="AccessDenied"):
            worker.denied("s3").get_object(Bucket="tickets-landing", Key="any")
    finally:
        deploy(config, *clients, parameters=PLAIN_HTTP)
    s3.put_object(Bucket="tickets-lake", Key="allowed-again", Body=b"1")


def recovery(dynamodb: Any, table: str) -> str:
    """Whether a table's point-in-time recovery is ENABLED or DISABLED."""
    description = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    return str(description["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"])


def _keys(description: dict[str, Any]) -> dict[str, str]:
    return {key["KeyType"]: key["AttributeName"] for key in description["KeySchema"]}
