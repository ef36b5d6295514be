"""CloudFormation refuses what AWS's refuses, keeps what AWS's keeps, and imports what was kept."""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cfnlint.data.schemas
import pytest
from botocore.exceptions import ClientError, WaiterError

from localaws.stacks import REPLACING
from tests.support.localaws import STACK_WAIT, LocalAws
from tests.support.queries import run_query

TABLE: dict[str, Any] = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "TableName": {"Ref": "Name"},
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    },
}
BUCKET: dict[str, Any] = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "Name"}}}
DATABASE: dict[str, Any] = {
    "Type": "AWS::Glue::Database",
    "Properties": {
        "CatalogId": {"Ref": "AWS::AccountId"},
        "DatabaseName": {"Ref": "Name"},
        "DatabaseInput": {"Name": {"Ref": "Name"}},
    },
}
KEPT = {"Bucket": BUCKET, "Table": TABLE, "Database": DATABASE}
# A table whose TTL names no attribute.
FAILING: dict[str, Any] = {
    **TABLE,
    "DependsOn": ["Bucket", "Table", "Database"],
    "Properties": {
        **TABLE["Properties"],
        "TableName": {"Fn::Sub": "${Name}-failing"},
        "TimeToLiveSpecification": {"Enabled": True},
    },
}
PARAMETERS = {"Name": {"Type": "String"}, "Days": {"Type": "Number", "Default": 3}}


def template(resources: dict[str, Any], policy: str | None = None, **parameters: Any) -> str:
    made = {name: {**each, **({"DeletionPolicy": policy} if policy else {})} for name, each in resources.items()}
    return json.dumps({"Parameters": {**PARAMETERS, **parameters}, "Resources": made})


def parameter(name: str, value: str) -> dict[str, Any]:
    return {"ParameterKey": name, "ParameterValue": value}


class Stack:
    """A stack whose resources have one name."""

    def __init__(self, aws: LocalAws, name: str) -> None:
        self.aws, self.name, self.client = aws, name, aws.client("cloudformation")
        self.numbers = itertools.count()

    def create(self, body: str, *parameters: dict[str, Any]) -> str:
        """The status that it ends in."""
        given = [parameter("Name", self.name), *parameters]
        self.client.create_stack(StackName=self.name, TemplateBody=body, Parameters=given)
        return self.ended("stack_create_complete")

    def delete(self) -> str:
        # A stack that is gone is found by its id alone.
        identifier = self.identifier()
        self.client.delete_stack(StackName=self.name)
        return self.ended("stack_delete_complete", identifier)

    def identifier(self) -> str:
        return str(self.client.describe_stacks(StackName=self.name)["Stacks"][0]["StackId"])

    def ended(self, waiter: str, identifier: str | None = None) -> str:
        identifier = identifier or self.identifier()
        with contextlib.suppress(WaiterError):
            self.client.get_waiter(waiter).wait(StackName=identifier, WaiterConfig=STACK_WAIT)
        return str(self.client.describe_stacks(StackName=identifier)["Stacks"][0]["StackStatus"])

    def change(self, body: str, kind: str = "UPDATE", *parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
        """A change set, as it is described."""
        given = [parameter("Name", self.name), *parameters]
        request = {"StackName": self.name, "ChangeSetName": f"c{next(self.numbers)}", "ChangeSetType": kind, **more}
        made = self.client.create_change_set(TemplateBody=body, Parameters=given, **request)
        return dict(self.client.describe_change_set(ChangeSetName=made["Id"]))

    def resources(self) -> dict[str, str]:
        found = self.client.list_stack_resources(StackName=self.name)["StackResourceSummaries"]
        return {each["LogicalResourceId"]: each["ResourceStatus"] for each in found}

    def there(self) -> set[str]:
        """Which of KEPT exist."""
        buckets = {each["Name"] for each in self.aws.client("s3").list_buckets()["Buckets"]}
        pages = self.aws.client("dynamodb").get_paginator("list_tables").paginate()
        tables = [name for page in pages for name in page["TableNames"]]
        pages = self.aws.client("glue").get_paginator("get_databases").paginate()
        databases = {each["Name"] for page in pages for each in page["DatabaseList"]}
        found = {"Bucket": buckets, "Table": tables, "Database": databases}
        return {kind for kind, names in found.items() if self.name in names}


@pytest.fixture
def stack(local_aws: LocalAws, unique: Callable[[str], str]) -> Stack:
    return Stack(local_aws, unique("stack-"))


def test_a_parameter_that_the_template_lacks_is_refused(stack: Stack) -> None:
    with pytest.raises(ClientError, match=r"Parameters: \[Gone\] do not exist in the template"):
        stack.create(template({"Bucket": BUCKET}), parameter("Gone", "1"))
    assert stack.create(template({"Bucket": BUCKET})) == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match=r"Parameters: \[Gone\] do not exist in the template"):
        stack.change(template({"Bucket": BUCKET}), "UPDATE", parameter("Gone", "1"))


def test_only_an_earlier_value_can_be_used_again(stack: Stack) -> None:
    assert stack.create(template({"Bucket": BUCKET}), parameter("Days", "5")) == "CREATE_COMPLETE"
    again = {"ParameterKey": "Days", "UsePreviousValue": True}
    made = stack.change(template(KEPT), "UPDATE", again)
    assert {each["ParameterKey"]: each["ParameterValue"] for each in made["Parameters"]}["Days"] == "5"
    new = {"ParameterKey": "New", "UsePreviousValue": True}
    with pytest.raises(ClientError, match=r"New.*usePreviousValue as true for a parameter key not in the previous"):
        stack.change(template(KEPT, New={"Type": "String", "Default": "x"}), "UPDATE", new)


def test_a_creation_that_fails_leaves_what_its_policy_says(stack: Stack) -> None:
    resources = {**KEPT, "Failing": FAILING}
    assert stack.create(template(resources, "RetainExceptOnCreate")) == "ROLLBACK_COMPLETE"
    assert (stack.there(), stack.resources()) == (set(), {})
    assert stack.delete() == "DELETE_COMPLETE"
    assert stack.create(template(resources, "Retain")) == "ROLLBACK_COMPLETE"
    assert stack.there() == KEPT.keys()
    assert stack.resources() == dict.fromkeys(KEPT, "DELETE_SKIPPED")


def test_a_deleted_stack_leaves_what_is_retained_and_its_names_are_taken(stack: Stack) -> None:
    body = template(KEPT, "RetainExceptOnCreate")
    assert stack.create(body) == "CREATE_COMPLETE"
    assert stack.delete() == "DELETE_COMPLETE"
    assert stack.there() == KEPT.keys()
    for kind, each in KEPT.items():
        other = Stack(stack.aws, f"{stack.name}-{kind.lower()}")
        resource = json.loads(json.dumps(each).replace('{"Ref": "Name"}', json.dumps(stack.name)))
        assert other.create(template({kind: resource})) == "ROLLBACK_COMPLETE", f"a second {kind}"
    assert stack.there() == KEPT.keys()


def test_what_was_kept_is_imported_and_then_updated(stack: Stack) -> None:
    body = template(KEPT, "RetainExceptOnCreate")
    stack.create(body)
    stack.aws.client("dynamodb").put_item(TableName=stack.name, Item={"id": {"S": "kept"}})
    stack.delete()
    keys = {"Bucket": "BucketName", "Table": "TableName", "Database": "DatabaseName"}
    wanted = [
        {
            "ResourceType": KEPT[name]["Type"],
            "LogicalResourceId": name,
            "ResourceIdentifier": {key: stack.name},
        }
        for name, key in keys.items()
    ]
    made = stack.change(body, "IMPORT", ResourcesToImport=wanted)
    assert made["Status"] == "CREATE_COMPLETE", made
    assert {each["ResourceChange"]["Action"] for each in made["Changes"]} == {"Import"}
    stack.client.execute_change_set(ChangeSetName=made["ChangeSetId"])
    assert stack.ended("stack_import_complete") == "IMPORT_COMPLETE"
    assert stack.resources().keys() == KEPT.keys()
    assert stack.aws.client("dynamodb").scan(TableName=stack.name)["Count"] == 1
    changed = stack.change(template({**KEPT, "Queue": {"Type": "AWS::SQS::Queue"}}, "RetainExceptOnCreate"))
    assert [each["ResourceChange"]["LogicalResourceId"] for each in changed["Changes"]] == ["Queue"]


def test_only_what_is_there_can_be_imported(stack: Stack) -> None:
    wanted = {"ResourceType": "AWS::Glue::Database", "LogicalResourceId": "Database"}
    identifier = {"DatabaseName": stack.name}
    body = template({"Database": DATABASE}, "Retain")
    made = stack.change(body, "IMPORT", ResourcesToImport=[{**wanted, "ResourceIdentifier": identifier}])
    assert (made["Status"], made["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "was not found" in made["StatusReason"]


def test_a_protected_table_is_not_deleted(stack: Stack) -> None:
    protected = copy.deepcopy(TABLE)
    protected["Properties"]["DeletionProtectionEnabled"] = True
    resources = {**KEPT, "Table": protected, "Failing": FAILING}
    assert stack.create(template(resources, "RetainExceptOnCreate")) == "ROLLBACK_FAILED"
    assert (stack.there(), stack.resources()) == ({"Table"}, {"Table": "DELETE_FAILED"})


def test_a_bucket_with_objects_is_not_deleted(stack: Stack) -> None:
    stack.create(template({"Bucket": BUCKET}))
    s3 = stack.aws.client("s3")
    s3.put_object(Bucket=stack.name, Key="a", Body=b"1")
    assert stack.delete() == "DELETE_FAILED"
    s3.delete_object(Bucket=stack.name, Key="a")
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_workgroup_with_queries_goes_only_with_the_option_to(stack: Stack) -> None:
    athena = stack.aws.client("athena")
    for option, status in ((False, "DELETE_FAILED"), (True, "DELETE_COMPLETE")):
        name = f"{stack.name}-{option}".lower()
        settings = {"ResultConfiguration": {"OutputLocation": f"s3://{name}/results/"}}
        group = {"Name": name, "RecursiveDeleteOption": option, "WorkGroupConfiguration": settings}
        other = Stack(stack.aws, name)
        other.create(template({"Bucket": BUCKET, "Group": {"Type": "AWS::Athena::WorkGroup", "Properties": group}}))
        run_query(athena, "SELECT 1", WorkGroup=name)
        s3 = stack.aws.client("s3")
        for each in s3.list_objects_v2(Bucket=name)["Contents"]:
            s3.delete_object(Bucket=name, Key=each["Key"])
        assert other.delete() == status


def test_a_stack_that_was_rolled_back_is_deleted_before_its_name_is_used_again(stack: Stack) -> None:
    failing = {**FAILING, "DependsOn": []}
    assert stack.create(template({"Failing": failing})) == "ROLLBACK_COMPLETE"
    body = template({"Bucket": BUCKET})
    with pytest.raises(ClientError, match="already exists"):
        stack.create(body)
    with pytest.raises(ClientError, match="already exists and cannot be created again"):
        stack.change(body, "CREATE")
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        stack.change(body)


def test_a_stack_in_review_is_created_and_not_updated(stack: Stack) -> None:
    body = template({"Bucket": BUCKET})
    made = stack.change(body, "CREATE")
    assert stack.client.describe_stacks(StackName=stack.name)["Stacks"][0]["StackStatus"] == "REVIEW_IN_PROGRESS"
    stack.client.delete_change_set(ChangeSetName=made["ChangeSetId"])
    with pytest.raises(ClientError, match="does not exist"):
        stack.change(body)
    assert stack.change(body, "CREATE")["Status"] == "CREATE_COMPLETE"


@pytest.mark.parametrize(
    ("properties", "replacement"),
    [
        ({"BucketName": "another-name"}, "True"),
        ({"VersioningConfiguration": {"Status": "Enabled"}}, "False"),
    ],
)
def test_a_change_set_says_whether_a_bucket_is_replaced(
    stack: Stack, properties: dict[str, Any], replacement: str
) -> None:
    stack.create(template({"Bucket": BUCKET}, "Retain"))
    changed = {**BUCKET, "Properties": {**BUCKET["Properties"], **properties}}
    (change,) = stack.change(template({"Bucket": changed}, "Retain"))["Changes"]
    assert change["ResourceChange"]["Replacement"] == replacement


def test_a_change_set_adds_and_removes_what_a_condition_decides(stack: Stack) -> None:
    conditional = json.loads(template({"Bucket": BUCKET, "Table": {**TABLE, "Condition": "Long"}}))
    conditional["Conditions"] = {"Long": {"Fn::Equals": [{"Ref": "Days"}, "9"]}}
    stack.create(json.dumps(conditional))
    made = stack.change(json.dumps(conditional), "UPDATE", parameter("Days", "9"))
    assert [change_of(each) for each in made["Changes"]] == [("Add", "Table")]
    stack.client.execute_change_set(ChangeSetName=made["ChangeSetId"])
    assert stack.ended("stack_update_complete") == "UPDATE_COMPLETE"
    made = stack.change(json.dumps(conditional), "UPDATE", parameter("Days", "3"))
    assert [change_of(each) for each in made["Changes"]] == [("Remove", "Table")]


def change_of(change: dict[str, Any]) -> tuple[str, str]:
    return change["ResourceChange"]["Action"], change["ResourceChange"]["LogicalResourceId"]


def test_a_creation_by_a_change_set_that_fails_leaves_what_its_policy_says(stack: Stack) -> None:
    made = stack.change(template({**KEPT, "Failing": FAILING}, "Retain"), "CREATE")
    stack.client.execute_change_set(ChangeSetName=made["ChangeSetId"])
    assert stack.ended("stack_create_complete") == "ROLLBACK_COMPLETE"
    assert stack.resources() == dict.fromkeys(KEPT, "DELETE_SKIPPED")
    assert stack.delete() == "DELETE_COMPLETE"
    assert stack.there() == KEPT.keys()


def test_what_replaces_a_bucket_is_what_its_schema_says() -> None:
    folder = Path(cfnlint.data.schemas.__file__).parent / "resources"
    schemas = (json.loads(path.read_text()) for path in folder.glob("*.json"))
    found = {
        schema["typeName"]: {each.removeprefix("/properties/") for each in schema["createOnlyProperties"]}
        for schema in schemas
        if schema.get("typeName") in REPLACING
    }
    assert found == {kind: set(names) for kind, names in REPLACING.items()}


RULES = [
    {"Id": "old", "Status": "Enabled", "Prefix": "old/", "ExpirationInDays": 7},
    {"Id": "parts", "Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}},
]


def bucket_with(rules: list[dict[str, Any]]) -> str:
    made = {**BUCKET, "Properties": {**BUCKET["Properties"], "LifecycleConfiguration": {"Rules": rules}}}
    return template({"Bucket": made})


def test_a_bucket_has_the_lifecycle_rules_of_its_template(stack: Stack) -> None:
    stack.create(bucket_with(RULES))
    s3 = stack.aws.client("s3")
    rules = s3.get_bucket_lifecycle_configuration(Bucket=stack.name)["Rules"]
    assert {rule["ID"]: rule["Filter"].get("Prefix", "") for rule in rules} == {"old": "old/", "parts": ""}
    assert rules[0]["Expiration"] == {"Days": 7}
    made = stack.change(bucket_with(RULES[1:]))
    stack.client.execute_change_set(ChangeSetName=made["ChangeSetId"])
    assert stack.ended("stack_update_complete") == "UPDATE_COMPLETE"
    assert [rule["ID"] for rule in s3.get_bucket_lifecycle_configuration(Bucket=stack.name)["Rules"]] == ["parts"]


@pytest.mark.parametrize(
    "rules",
    [
        [RULES[0], {**RULES[0], "Prefix": "other/"}],
        [RULES[0], {**RULES[0], "Id": "other"}],
        [{**RULES[0], "ExpirationInDays": 0}],
        [{"Id": "nothing", "Status": "Enabled", "Prefix": "x/"}],
        [{**RULES[0], "Id": str(number), "Prefix": f"{number}/"} for number in range(1001)],
    ],
    ids=["same id", "same prefix", "no days", "no action", "too many"],
)
def test_lifecycle_rules_that_s3_refuses_fail_the_stack(stack: Stack, rules: list[dict[str, Any]]) -> None:
    # 1,001 rules are more than a template's text may be long.
    if len(rules) > 1000:
        rules = [{"Prefix": rule["Prefix"], "Status": "Enabled", "ExpirationInDays": 1} for rule in rules]
        body = bucket_with(rules).replace(" ", "")
        assert len(body) > 51_200
        bucket = f"{stack.name}-templates"
        s3 = stack.aws.client("s3")
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="t.json", Body=body.encode())
        url = f"{stack.aws.endpoint_url}/{bucket}/t.json"
        given = [parameter("Name", stack.name)]
        stack.client.create_stack(StackName=stack.name, TemplateURL=url, Parameters=given)
        assert stack.ended("stack_create_complete") == "ROLLBACK_COMPLETE"
        return
    assert stack.create(bucket_with(rules)) == "ROLLBACK_COMPLETE"
    assert stack.there() == set()
