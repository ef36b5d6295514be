"""The resources of infrastructure/template.yaml that the engine uses, made by the services' own calls.

For a server whose CloudFormation cannot make them. Properties are read from the template, so that it stays the one that
says how they are.
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from lakelanes.config.model import LakeConfig
from scripts.deploy import TEMPLATE, template_parameters
from tests.support.localaws import LocalAws

# Of AWS::DynamoDB::Table what CreateTable takes as it is; the rest is set by other calls.
_OF_A_TABLE = ("TableName", "BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
# Of the conditions of what is made here those that hold: nobody else tells the queue, and there is no key of one's own.
_TRUE = frozenset({"TellsQueueItself"})


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, each as its long one."""


def _short_form(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    value = _value(loader, node)
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


def _value(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _short_form)
_TEMPLATE = yaml.load(TEMPLATE.read_text(), _Loader)


class Resources:
    """Makes the resources of one lake on a server, those first that others name."""

    def __init__(self, aws: LocalAws, config: LakeConfig) -> None:
        self._aws = aws
        given = template_parameters(config)
        self._values: dict[str, Any] = {}
        for name, parameter in _TEMPLATE["Parameters"].items():
            value = given.get(name, parameter.get("Default"))
            self._values[name] = int(value) if parameter["Type"] == "Number" else value
        self._values["AWS::AccountId"] = config.aws.account_id

    def make(self) -> None:
        self._make_queue("FileDeadLetterQueue")
        self._make_queue("FileQueue")
        topic = self._properties("AlertTopic")
        self._aws.client("sns").create_topic(Name=topic["TopicName"])
        self._make_bucket("SourceBucket")
        self._make_bucket("AnalyticsBucket")
        table = self._properties("LedgerTable")
        dynamodb = self._aws.client("dynamodb")
        dynamodb.create_table(**{name: table[name] for name in _OF_A_TABLE})
        expiry = table.get("TimeToLiveSpecification")
        if expiry:
            dynamodb.update_time_to_live(TableName=table["TableName"], TimeToLiveSpecification=expiry)
        self._aws.client("glue").create_database(DatabaseInput=self._properties("Database")["DatabaseInput"])
        group = self._properties("Workgroup")
        self._aws.client("athena").create_work_group(
            Name=group["Name"], Description=group["Description"], Configuration=group["WorkGroupConfiguration"]
        )

    def _make_queue(self, name: str) -> None:
        sqs, properties = self._aws.client("sqs"), self._properties(name)
        queue = properties.pop("QueueName")
        attributes = {key: value if isinstance(value, str) else json.dumps(value) for key, value in properties.items()}
        url = sqs.create_queue(QueueName=queue, Attributes=attributes)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        self._values[f"{name}.Arn"] = found["QueueArn"]

    def _make_bucket(self, name: str) -> None:
        s3, properties = self._aws.client("s3"), self._properties(name)
        bucket = properties["BucketName"]
        s3.create_bucket(Bucket=bucket)
        self._values[name] = bucket
        if "VersioningConfiguration" in properties:
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=properties["VersioningConfiguration"])
        if "NotificationConfiguration" in properties:
            queues = properties["NotificationConfiguration"]["QueueConfigurations"]
            told = [{"QueueArn": queue["Queue"], "Events": [queue["Event"]]} for queue in queues]
            s3.put_bucket_notification_configuration(
                Bucket=bucket, NotificationConfiguration={"QueueConfigurations": told}
            )

    def _properties(self, name: str) -> dict[str, Any]:
        found = self._resolved(_TEMPLATE["Resources"][name]["Properties"])
        assert isinstance(found, dict)
        return found

    def _resolved(self, value: Any) -> Any:
        """The value without references and functions."""
        if isinstance(value, list):
            return [self._resolved(one) for one in value]
        if not isinstance(value, dict):
            return value
        if "Fn::If" in value:
            condition, when_true, otherwise = value["Fn::If"]
            return self._resolved(when_true if condition in _TRUE else otherwise)
        if value == {"Ref": "AWS::NoValue"}:
            return None
        if "Ref" in value:
            return self._values[value["Ref"]]
        if "Fn::GetAtt" in value:
            return self._values[".".join(value["Fn::GetAtt"])]
        if "Fn::Sub" in value:
            return re.sub(r"\$\{([^}]+)\}", lambda found: str(self._values[found[1]]), value["Fn::Sub"])
        found = {key: self._resolved(one) for key, one in value.items()}
        return {key: one for key, one in found.items() if one is not None}
