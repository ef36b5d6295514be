"""Stacks are made and changed by change sets, and what holds data is never lost by one."""

from __future__ import annotations

import itertools
import os
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts import change_sets
from scripts.change_sets import DeployError, Existing, adopt, apply
from tests.support.localaws import LocalAws

_numbers = itertools.count()


def template(**resources: Any) -> dict[str, Any]:
    parameters = {
        "Name": {"Type": "String"},
        "Days": {"Type": "Number", "Default": 3},
        "Key": {"Type": "String", "Default": "id"},
    }
    return {"Parameters": parameters, "Resources": resources}


TABLE: dict[str, Any] = {
    "Type": "AWS::DynamoDB::Table",
    "DeletionPolicy": "RetainExceptOnCreate",
    "UpdateReplacePolicy": "Retain",
    "Properties": {
        "TableName": {"Ref": "Name"},
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": {"Ref": "Key"}, "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": {"Ref": "Key"}, "KeyType": "HASH"}],
    },
}
BUCKET: dict[str, Any] = {
    "Type": "AWS::S3::Bucket",
    "DeletionPolicy": "RetainExceptOnCreate",
    "UpdateReplacePolicy": "Retain",
    "Properties": {
        "BucketName": {"Ref": "Name"},
        "LifecycleConfiguration": {
            "Rules": [{"Status": "Enabled", "Prefix": "x/", "ExpirationInDays": {"Ref": "Days"}}]
        },
    },
}
LOG: dict[str, Any] = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {"Ref": "Name"}}}
# TTL without an attribute: the creation fails.
FAILING: dict[str, Any] = {
    **TABLE,
    "DependsOn": "Bucket",
    "Properties": {
        **TABLE["Properties"],
        "TableName": {"Fn::Sub": "${Name}-failing"},
        "TimeToLiveSpecification": {"Enabled": True},
    },
}


@pytest.fixture
def name() -> str:
    return f"changes-{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def cloudformation(local_aws: LocalAws) -> Any:
    return local_aws.client("cloudformation")


def expiry(aws: LocalAws, bucket: str) -> int:
    (rule,) = aws.client("s3").get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    return int(rule["Expiration"]["Days"])


def status(cloudformation: Any, name: str) -> str | None:
    found = change_sets.describe(cloudformation, name)
    return found["StackStatus"] if found else None


def test_what_is_not_named_keeps_its_value(local_aws: LocalAws, cloudformation: Any, name: str) -> None:
    made = apply(cloudformation, name, template(Bucket=BUCKET), {"Name": name, "Days": "9"})
    assert (made.action, expiry(local_aws, name)) == ("created", 9)
    again = apply(cloudformation, name, template(Bucket=BUCKET), {"Name": name})
    assert (again.action, expiry(local_aws, name)) == ("unchanged", 9)
    more = apply(cloudformation, name, template(Bucket=BUCKET, Log=LOG), {"Name": name})
    assert (more.action, expiry(local_aws, name)) == ("updated", 9)
    assert not cloudformation.list_change_sets(StackName=name)["Summaries"] or {
        each["ExecutionStatus"] for each in cloudformation.list_change_sets(StackName=name)["Summaries"]
    } == {"EXECUTE_COMPLETE"}


def test_parameters_come_and_go_with_the_template(local_aws: LocalAws, cloudformation: Any, name: str) -> None:
    apply(cloudformation, name, template(Bucket=BUCKET), {"Name": name, "Days": "9", "Key": "other"})
    changed = template(Bucket=BUCKET)
    del changed["Parameters"]["Key"]
    changed["Parameters"]["New"] = {"Type": "String", "Default": "x"}
    changed["Resources"]["Log"] = {**LOG, "Properties": {"LogGroupName": {"Fn::Sub": "${Name}-${New}"}}}
    assert apply(cloudformation, name, changed, {"Name": name}).action == "updated"
    assert expiry(local_aws, name) == 9


def test_a_parameter_that_the_template_lacks_is_named(cloudformation: Any, name: str) -> None:
    with pytest.raises(DeployError, match=r"--parameter Dais: .* did you mean Days"):
        apply(cloudformation, name, template(Bucket=BUCKET), {"Name": name, "Dais": "9"})
    assert status(cloudformation, name) is None


def test_another_name_would_lose_the_data_and_is_refused(local_aws: LocalAws, cloudformation: Any, name: str) -> None:
    whole = template(Bucket=BUCKET, Table=TABLE)
    apply(cloudformation, name, whole, {"Name": name})
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    with pytest.raises(DeployError) as refused:
        apply(cloudformation, name, whole, {"Name": f"{name}-x"})
    assert f"Bucket (AWS::S3::Bucket {name}) would be replaced by an empty one: BucketName changes by Name" in str(
        refused.value
    )
    assert "Table (AWS::DynamoDB::Table" in str(refused.value)
    assert "--accept" in str(refused.value)
    assert cloudformation.describe_stack_events(StackName=name)["StackEvents"] == events, "nothing had begun"
    assert "AVAILABLE" not in {
        each["ExecutionStatus"] for each in cloudformation.list_change_sets(StackName=name)["Summaries"]
    }
    done = apply(cloudformation, name, whole, {"Name": f"{name}-x"}, accepted=["Bucket", "Table"])
    assert done.action == "updated"
    assert f"{name}-x" in {each["Name"] for each in local_aws.client("s3").list_buckets()["Buckets"]}


def test_another_key_might_lose_the_data_and_is_refused(cloudformation: Any, name: str) -> None:
    apply(cloudformation, name, template(Table=TABLE), {"Name": name})
    with pytest.raises(DeployError, match=r"Table .* might be replaced.*KeySchema changes by Key"):
        apply(cloudformation, name, template(Table=TABLE), {"Name": name, "Key": "other"})


def test_what_leaves_the_template_is_refused_if_it_holds_data(cloudformation: Any, name: str) -> None:
    apply(cloudformation, name, template(Bucket=BUCKET, Table=TABLE, Log=LOG), {"Name": name})
    with pytest.raises(DeployError, match=r"Table \(AWS::DynamoDB::Table .*\) would leave the stack"):
        apply(cloudformation, name, template(Bucket=BUCKET, Log=LOG), {"Name": name})
    assert apply(cloudformation, name, template(Bucket=BUCKET, Table=TABLE), {"Name": name}).action == "updated"


def test_a_creation_that_failed_is_repeated(cloudformation: Any, name: str) -> None:
    for _ in range(2):
        with pytest.raises(DeployError, match=r"ROLLBACK_COMPLETE:(.*\n)*.*AttributeName is missing"):
            apply(cloudformation, name, template(Bucket=BUCKET, Failing=FAILING), {"Name": name})
        assert status(cloudformation, name) == "ROLLBACK_COMPLETE"
    assert apply(cloudformation, name, template(Bucket=BUCKET), {"Name": name}).action == "created"


def test_a_creation_that_left_something_behind_is_not_repeated_over_it(
    local_aws: LocalAws, cloudformation: Any, name: str
) -> None:
    retained = {**BUCKET, "DeletionPolicy": "Retain"}
    with pytest.raises(DeployError, match="ROLLBACK_COMPLETE"):
        apply(cloudformation, name, template(Bucket=retained, Failing=FAILING), {"Name": name})
    with pytest.raises(DeployError, match=f"left behind:\n  Bucket .AWS::S3::Bucket {name}.: DELETE_SKIPPED"):
        apply(cloudformation, name, template(Bucket=BUCKET), {"Name": name})
    adopt(cloudformation, name, template(Bucket=BUCKET), {"Name": name}, [bucket(name)])
    assert status(cloudformation, name) == "IMPORT_COMPLETE"


def bucket(name: str) -> Existing:
    return Existing("Bucket", "AWS::S3::Bucket", ("BucketName", name))


def test_a_change_set_that_nobody_executed_is_no_hindrance(cloudformation: Any, name: str) -> None:
    body = change_sets.templates.text(template(Bucket=BUCKET))
    given = [{"ParameterKey": "Name", "ParameterValue": name}]
    cloudformation.create_change_set(
        StackName=name, ChangeSetName="left", ChangeSetType="CREATE", TemplateBody=body, Parameters=given
    )
    assert status(cloudformation, name) == "REVIEW_IN_PROGRESS"
    assert apply(cloudformation, name, template(Bucket=BUCKET), {"Name": name}).action == "created"


def test_what_is_there_is_imported_as_it_is(local_aws: LocalAws, cloudformation: Any, name: str) -> None:
    s3 = local_aws.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="kept", Body=b"1")
    adopt(cloudformation, name, template(Bucket=BUCKET, Log=LOG), {"Name": name}, [bucket(name)])
    assert s3.get_object(Bucket=name, Key="kept")["Body"].read() == b"1"
    assert apply(cloudformation, name, template(Bucket=BUCKET, Log=LOG), {"Name": name}).action == "updated"
    with pytest.raises(DeployError, match="only a stack that is not there yet"):
        adopt(cloudformation, name, template(Bucket=BUCKET), {"Name": name}, [bucket(name)])


def test_an_import_of_nothing_leaves_no_stack(cloudformation: Any, name: str) -> None:
    with pytest.raises(DeployError, match=r"refuses to import into stack .*\n  Bucket not found"):
        adopt(cloudformation, name, template(Bucket=BUCKET), {"Name": name}, [bucket(name)])
    assert status(cloudformation, name) is None


def test_a_template_that_is_too_long_goes_by_s3(local_aws: LocalAws, cloudformation: Any, name: str) -> None:
    long = {**template(Bucket=BUCKET), "Metadata": {"Filler": "x" * 52_000}}
    with pytest.raises(DeployError, match="a request 51200"):
        apply(cloudformation, name, long, {"Name": name})
    s3, sent = local_aws.client("s3"), f"{name}-templates"
    s3.create_bucket(Bucket=sent)

    def upload(text: str) -> str:
        s3.put_object(Bucket=sent, Key="t.json", Body=text.encode())
        return f"{local_aws.endpoint_url}/{sent}/t.json"

    assert apply(cloudformation, name, long, {"Name": name}, upload=upload).action == "created"


class Stacks:
    """Takes the place of CloudFormation: one stack in a state that the local one does not stay in."""

    def __init__(self, status: str) -> None:
        self.status = status

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        return {"Stacks": [{"StackName": StackName, "StackStatus": self.status}]}


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("UPDATE_IN_PROGRESS", "another deployment runs"),
        ("ROLLBACK_FAILED", "cannot be updated: delete it or finish its rollback"),
        ("UPDATE_ROLLBACK_FAILED", "cannot be updated"),
        ("DELETE_FAILED", "cannot be updated"),
    ],
)
def test_a_stack_that_cannot_be_updated_is_named(status: str, reason: str) -> None:
    stacks: Any = Stacks(status)
    with pytest.raises(DeployError, match=f"stack lake is {status}.*{reason}"):
        apply(stacks, "lake", template(Bucket=BUCKET), {"Name": "lake"})
    with pytest.raises(DeployError, match="only a stack that is not there yet"):
        adopt(stacks, "lake", template(Bucket=BUCKET), {"Name": "lake"}, [bucket("lake")])


def test_other_errors_of_cloudformation_pass() -> None:
    class Denied:
        def describe_stacks(self, StackName: str) -> dict[str, Any]:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeStacks")

    denied: Any = Denied()
    with pytest.raises(ClientError, match="AccessDenied"):
        change_sets.describe(denied, "lake")
