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
_POLICIES = re.compile(r"(Worker|Tables)Policy\d*Arn")


def policies(outputs: Mapping[str, str]) -> list[str]:
    """The ARNs of the policies, of a lake's stack with these outputs."""
    return [arn for output, arn in sorted(outputs.items()) if _POLICIES.fullmatch(output)]


def make_worker_user(iam: Any, outputs: Mapping[str, str], name: str = NAME) -> dict[str, str]:
    """Creates the user; returns its credentials, as variables for a process. Raises ClientError."""
    iam.create_user(UserName=name)
    for arn in policies(outputs):
        iam.attach_user_policy(UserName=name, PolicyArn=arn)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
