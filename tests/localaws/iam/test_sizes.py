"""CloudFormation refuses policies that are too long for IAM."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localaws.iam import sizes
from tests.support.localaws import STACK_WAIT, LocalAws
from tests.support.waiting import wait_for


def policy(characters: int) -> dict[str, Any]:
    """A policy of exactly so many characters."""
    document: dict[str, Any] = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::"}],
    }
    document["Statement"][0]["Resource"] += "x" * (characters - sizes.size(document))
    assert sizes.size(document) == characters
    return document


def role(*sizes: int) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policies = [{"PolicyName": f"p{i}", "PolicyDocument": policy(size)} for i, size in enumerate(sizes)]
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": policies,
        },
    }


def managed(size: int) -> dict[str, Any]:
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": policy(size)}}


@pytest.mark.parametrize(
    ("name", "resource", "reason"),
    [
        ("managed-fits", managed(sizes.MANAGED_POLICY), None),
        ("managed-too-long", managed(sizes.MANAGED_POLICY + 1), "PolicySize: 6144"),
        ("inline-fits", role(5120, 5120), None),
        ("inline-too-long", role(5120, 5121), "Maximum policy size of 10240 bytes exceeded"),
    ],
)
def test_what_is_too_long_is_refused(
    local_aws: LocalAws, name: str, resource: dict[str, Any], reason: str | None
) -> None:
    client = local_aws.client("cloudformation")
    template = json.dumps({"Resources": {"One": resource}})
    client.create_stack(StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_IAM"])
    if reason is None:
        client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=STACK_WAIT)
        return

    def status() -> str:
        return str(client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])

    assert wait_for(status, lambda found: not found.endswith("IN_PROGRESS")) == "ROLLBACK_COMPLETE"
    events = client.describe_stack_events(StackName=name)["StackEvents"]
    assert any(reason in event.get("ResourceStatusReason", "") for event in events)


def test_white_space_is_not_counted() -> None:
    document = policy(500)
    assert sizes.size(json.dumps(document, indent=4)) == sizes.size(document) == 500
