"""Keys of one's own, on each bucket, queue, topic and table that has one, with the rights; and only then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lakelanes.config.loading import parse_config
from scripts import templates
from scripts.change_sets import DeployError
from scripts.deploy import TEMPLATE, Deployment, deploy
from scripts.worker_user import policies
from tests.infrastructure.conftest import PLAIN_HTTP, SETTINGS
from tests.support.function import function_parameters
from tests.support.localaws import LocalAws
from tests.support.source_tables import ORDERS

WITH, WITHOUT = (
    {name: str(value).replace("tickets", what) for name, value in SETTINGS["resources"].items()}
    for what in ("keyed", "keyless")
)
KEYS = ("SourceKeyArn", "AnalyticsKeyArn", "TableKeyArn", "QueueKeyArn", "TopicKeyArn")
READ, WRITE = ["kms:Decrypt"], ["kms:Decrypt", "kms:GenerateDataKey"]
# What a role may do with each key, and through which service.
WORKERS = {
    "SourceKeyArn": ("s3", READ),
    "AnalyticsKeyArn": ("s3", WRITE),
    "TableKeyArn": ("dynamodb", READ),
    "QueueKeyArn": ("sqs", READ),
    "TopicKeyArn": ("sns", WRITE),
}
STREAMS = {
    "AnalyticsKeyArn": ("s3", WRITE),
    "TableKeyArn": ("dynamodb", READ),
    "QueueKeyArn": ("sqs", WRITE),
    "TopicKeyArn": ("sns", WRITE),
}


@pytest.fixture(scope="module")
def keys(local_aws: LocalAws) -> dict[str, str]:
    kms = local_aws.client("kms")
    return {name: kms.create_key(Description=name)["KeyMetadata"]["Arn"] for name in KEYS}


def deployed(local_aws: LocalAws, names: dict[str, str], directory: Path, **parameters: str) -> Deployment:
    tables = {"orders": {"dynamodb_table": "orders", **ORDERS}}
    text = json.dumps({**SETTINGS, "resources": names, "tables": tables})
    config = parse_config(text, {})
    given = {**PLAIN_HTTP, **function_parameters(local_aws, config, text, directory), **parameters}
    return deploy(config, local_aws.client("cloudformation"), local_aws.client("sts"), parameters=given)


@pytest.fixture(scope="module")
def without(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return deployed(local_aws, WITHOUT, tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def keyed(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory, keys: dict[str, str]) -> Deployment:
    return deployed(local_aws, WITH, tmp_path_factory.mktemp("bundle"), OrdersTableName="keyed-orders", **keys)


def document(local_aws: LocalAws, arn: str) -> list[Any]:
    iam = local_aws.client("iam")
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return list((json.loads(found) if isinstance(found, str) else found)["Statement"])


def attached(local_aws: LocalAws, function: str) -> list[str]:
    """The keys' policies of a function's role."""
    role = local_aws.client("lambda").get_function_configuration(FunctionName=function)["Role"].rsplit("/", 1)[-1]
    found = local_aws.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    return [one["PolicyArn"] for one in found if "Keys" in one["PolicyName"]]


def rights(statements: list[Any], keys: dict[str, str]) -> dict[str, Any]:
    """By the key's parameter the service and the actions of a policy's statements."""
    names = {arn: name for name, arn in keys.items()}
    found = {}
    for statement in statements:
        assert statement["Effect"] == "Allow"
        [(operator, test)] = statement["Condition"].items()
        assert operator == "StringEquals" and list(test) == ["kms:ViaService"]
        service, _, rest = test["kms:ViaService"].partition(".")
        assert rest == "us-east-1.amazonaws.com"
        found[names[statement["Resource"]]] = (service, statement["Action"])
    return found


def test_without_keys_nobody_has_rights_on_any(local_aws: LocalAws, without: Deployment) -> None:
    assert "WorkerKeysPolicyArn" not in without.outputs
    for function in ("FileProcessor", "StreamProcessor"):
        assert attached(local_aws, without.outputs[function]) == []


class Evaluated:
    """The template with these parameters, as CloudFormation evaluates its conditions; the rest stays as it is."""

    def __init__(self, **parameters: str) -> None:
        self._template = templates.load(TEMPLATE)
        self._parameters = {name: given.get("Default") for name, given in self._template["Parameters"].items()}
        self._parameters |= parameters

    def properties(self, kind: str) -> dict[str, Any]:
        """Of the resources of a type, by their logical ids."""
        found = self._template["Resources"].items()
        return {name: self._value(one["Properties"]) for name, one in found if one["Type"] == kind}

    def _value(self, given: Any) -> Any:
        if isinstance(given, list):
            return [self._value(one) for one in given]
        if not isinstance(given, dict):
            return given
        if "Fn::If" in given:
            name, then, otherwise = given["Fn::If"]
            return self._value(then if self._holds({"Condition": name}) else otherwise)
        if given.get("Ref", "").endswith("KeyArn"):
            return self._parameters[given["Ref"]]
        found = {name: self._value(one) for name, one in given.items()}
        return {name: one for name, one in found.items() if one != {"Ref": "AWS::NoValue"}}

    def _holds(self, given: Any) -> bool:
        [(function, operand)] = given.items()
        if function == "Condition":
            return self._holds(self._template["Conditions"][operand])
        if function == "Fn::Not":
            return not self._holds(operand[0])
        if function == "Fn::Equals":
            first, second = map(self._operand, operand)
            return bool(first == second)
        raise AssertionError(f"{function} is not among the conditions of a property")

    def _operand(self, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        if "Fn::Select" in given:
            place, items = given["Fn::Select"]
            return self._operand(items).split(",")[place]
        return self._parameters[given["Ref"]]


GIVEN = {key: f"arn:aws:kms:us-east-1:000000000000:key/{key}" for key in KEYS}


@pytest.mark.parametrize("given", [{}, GIVEN], ids=["without", "with"])
def test_each_bucket_table_queue_topic_and_result_is_under_its_key(given: dict[str, str]) -> None:
    """By the template: the local CloudFormation leaves the encryption of buckets, tables and topics out."""
    template = Evaluated(**given)
    for name, bucket in template.properties("AWS::S3::Bucket").items():
        key = given.get(f"{name.removesuffix('Bucket')}KeyArn")
        own = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key} if key else {"SSEAlgorithm": "AES256"}
        [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule == {"ServerSideEncryptionByDefault": own, **({"BucketKeyEnabled": True} if key else {})}, name
    for name, table in template.properties("AWS::DynamoDB::Table").items():
        key = given.get("TableKeyArn")
        own = {"SSEEnabled": True, **({"SSEType": "KMS", "KMSMasterKeyId": key} if key else {})}
        assert table["SSESpecification"] == own, name
    queues = template.properties("AWS::SQS::Queue")
    assert len(queues) == 3
    for name, queue in queues.items():
        # SQS takes one of both.
        assert queue["SqsManagedSseEnabled"] is not bool(given), name
        assert queue.get("KmsMasterKeyId") == given.get("QueueKeyArn"), name
    [topic] = template.properties("AWS::SNS::Topic").values()
    assert topic.get("KmsMasterKeyId") == given.get("TopicKeyArn")
    [workgroup] = template.properties("AWS::Athena::WorkGroup").values()
    results = workgroup["WorkGroupConfiguration"]["ResultConfiguration"]["EncryptionConfiguration"]
    assert results == (
        {"EncryptionOption": "SSE_KMS", "KmsKey": given["AnalyticsKeyArn"]} if given else {"EncryptionOption": "SSE_S3"}
    )


def test_queues_of_a_deployment_have_their_key(local_aws: LocalAws, keyed: Deployment, keys: dict[str, str]) -> None:
    sqs = local_aws.client("sqs")
    for url in ("FileQueueUrl", "FileDeadLetterQueueUrl", "StreamFailureQueueUrl"):
        attributes = sqs.get_queue_attributes(QueueUrl=keyed.outputs[url], AttributeNames=["All"])["Attributes"]
        assert attributes["KmsMasterKeyId"] == keys["QueueKeyArn"]


def test_each_role_may_use_the_keys_of_what_it_touches_through_their_services_alone(
    local_aws: LocalAws, keyed: Deployment, keys: dict[str, str]
) -> None:
    worker = keyed.outputs["WorkerKeysPolicyArn"]
    assert worker in policies(keyed.outputs)
    assert rights(document(local_aws, worker), keys) == WORKERS
    for function, wanted in (("FileProcessor", WORKERS), ("StreamProcessor", STREAMS)):
        [arn] = attached(local_aws, keyed.outputs[function])
        assert rights(document(local_aws, arn), keys) == wanted


@pytest.mark.parametrize("key", KEYS)
def test_one_key_alone_gives_rights_on_that_one(key: str) -> None:
    """By the template itself: the conditions that a statement and its policy hang on."""
    template = templates.load(TEMPLATE)
    has = f"Has{key.removesuffix('KeyArn')}Key"
    for name, wanted in (("Worker", WORKERS), ("FileProcessor", WORKERS), ("StreamProcessor", STREAMS)):
        policy = template["Resources"][f"{name}KeysPolicy"]
        given = [one["Fn::If"] for one in policy["Properties"]["PolicyDocument"]["Statement"]]
        assert all(otherwise == {"Ref": "AWS::NoValue"} for _, _, otherwise in given)
        mine = [statement["Resource"] for condition, statement, _ in given if condition == has]
        assert mine == ([{"Ref": key}] if key in wanted else [])
        assert has in _conditions(template, policy["Condition"]) or key not in wanted


def _conditions(template: Any, name: str) -> set[str]:
    """The conditions that one is made of."""
    found = {name}
    [(_, parts)] = template["Conditions"][name].items()
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict) and "Condition" in part:
            found |= _conditions(template, part["Condition"])
    return found


def test_an_alias_is_refused(local_aws: LocalAws, without: Deployment, tmp_path: Path) -> None:
    """IAM's policies take no alias for a key."""
    with pytest.raises(DeployError, match="TopicKeyArn"):
        deployed(local_aws, WITHOUT, tmp_path, TopicKeyArn="arn:aws:kms:us-east-1:000000000000:alias/lake")
