"""Who Airflow's workers are on a local AWS: a user with the policies that MWAA's execution role would have.

A user, not a role: its key works for as long as the stack runs, and a role's session ends after twelve hours at most
(https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_manage-assume.html).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

NAME = "airflow-workers"
# The outputs of infrastructure/template.yaml that name these policies.
_POLICIES = re.compile(r"(Worker|Tables|WorkerKeys)Policy\d*Arn")


def policies(outputs: Mapping[str, str]) -> list[str]:
    """The ARNs of the policies, of a lake's stack with these outputs."""
    return [arn for output, arn in sorted(outputs.items()) if _POLICIES.fullmatch(output)]


def attach_policies(iam: Any, outputs: Mapping[str, str], name: str = NAME) -> None:
    """Give the user the policies of a lake's stack, and take others from it. Raises ClientError."""
    wanted = policies(outputs)
    attached = iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]
    for policy in attached:
        if policy["PolicyArn"] not in wanted:
            iam.detach_user_policy(UserName=name, PolicyArn=policy["PolicyArn"])
    for arn in wanted:
        iam.attach_user_policy(UserName=name, PolicyArn=arn)


def make_worker_user(iam: Any, outputs: Mapping[str, str], name: str = NAME) -> dict[str, str]:
    """Creates the user, or gives one that is there a new key in the place of all before; returns its credentials, as
    variables for a process. Raises ClientError."""
    make_user(iam, name)
    attach_policies(iam, outputs, name)
    return make_key(iam, name)


def make_user(iam: Any, name: str) -> None:
    """Creates a user, or takes its keys from one that is there. Raises ClientError."""
    try:
        iam.create_user(UserName=name)
    except iam.exceptions.EntityAlreadyExistsException:
        for old in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=name, AccessKeyId=old["AccessKeyId"])


def make_key(iam: Any, name: str) -> dict[str, str]:
    """New credentials of a user, as variables for a process. Raises ClientError."""
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
