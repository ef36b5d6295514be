"""Airflow's workers have the policies that the deployment names for them, and no others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lakelanes.config.loading import parse_config
from scripts.deploy import deploy
from scripts.worker_user import attach_policies, make_worker_user, policies
from tests.support.lakes import config_text
from tests.support.localaws import LocalAws
from tests.support.source_tables import ORDERS

OUTPUTS = {
    "WorkerPolicyArn": "arn:w",
    "TablesPolicyArn": "arn:t1",
    "TablesPolicy2Arn": "arn:t2",
    "WorkerKeysPolicyArn": "arn:k",
    "AlertTopicArn": "arn:topic",
    "StreamFailureQueueArn": "arn:queue",
}


class Exists(Exception):
    """The user is there already."""


class Exceptions:
    """Those of the client."""

    EntityAlreadyExistsException = Exists


class Iam:
    """Takes the place of IAM: remembers users, keys, and what is attached."""

    exceptions = Exceptions

    def __init__(self) -> None:
        self.attached: list[str] = []
        self.keys: dict[str, list[str]] = {}
        self.made = 0

    def create_user(self, UserName: str) -> None:
        if UserName in self.keys:
            raise Exists
        self.keys[UserName] = []

    def list_attached_user_policies(self, UserName: str) -> dict[str, Any]:
        return {"AttachedPolicies": [{"PolicyArn": arn} for arn in self.attached]}

    def attach_user_policy(self, UserName: str, PolicyArn: str) -> None:
        if PolicyArn not in self.attached:
            self.attached.append(PolicyArn)

    def detach_user_policy(self, UserName: str, PolicyArn: str) -> None:
        self.attached.remove(PolicyArn)

    def list_access_keys(self, UserName: str) -> dict[str, Any]:
        return {"AccessKeyMetadata": [{"AccessKeyId": key} for key in self.keys[UserName]]}

    def delete_access_key(self, UserName: str, AccessKeyId: str) -> None:
        self.keys[UserName].remove(AccessKeyId)

    def create_access_key(self, UserName: str) -> dict[str, Any]:
        self.made += 1
        self.keys[UserName].append(f"key {self.made} of {UserName}")
        return {"AccessKey": {"AccessKeyId": self.keys[UserName][-1], "SecretAccessKey": "secret"}}


@pytest.fixture
def iam() -> Iam:
    return Iam()


def test_the_user_has_the_policies_of_the_workers_and_of_their_tables(iam: Iam) -> None:
    made = make_worker_user(iam, OUTPUTS, "w")
    assert made == {"AWS_ACCESS_KEY_ID": "key 1 of w", "AWS_SECRET_ACCESS_KEY": "secret"}
    assert sorted(iam.attached) == sorted(policies(OUTPUTS)) == ["arn:k", "arn:t1", "arn:t2", "arn:w"]


def test_a_user_that_was_kept_has_one_key_and_the_policies_of_now(iam: Iam) -> None:
    make_worker_user(iam, OUTPUTS, "w")
    made = make_worker_user(iam, {"WorkerPolicyArn": "arn:w2"}, "w")
    assert iam.keys == {"w": [made["AWS_ACCESS_KEY_ID"]]} == {"w": ["key 2 of w"]}
    assert iam.attached == ["arn:w2"]


def test_a_running_users_policies_follow_the_deployment(iam: Iam) -> None:
    make_worker_user(iam, OUTPUTS, "w")
    attach_policies(iam, {**OUTPUTS, "TablesPolicyArn": "arn:t9"}, "w")
    assert sorted(iam.attached) == ["arn:k", "arn:t2", "arn:t9", "arn:w"] and iam.made == 1


def test_tables_that_go_take_their_policy_from_the_user(local_aws: LocalAws) -> None:
    text = config_text(tables={"orders": {"dynamodb_table": "shop", **ORDERS}})
    before, after = parse_config(text, {}), parse_config(json.dumps({**json.loads(text), "tables": {}}), {})
    clients = local_aws.client("cloudformation"), local_aws.client("sts")
    iam, name = local_aws.client("iam"), f"w-{before.resources.glue_database}"
    make_worker_user(iam, deploy(before, *clients, parameters={"RequireTls": "false"}).outputs, name)
    there = {each["PolicyName"] for each in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]}
    attach_policies(iam, deploy(after, *clients).outputs, name)
    left = {each["PolicyName"] for each in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]}
    assert len(left) == 1 and left < there
