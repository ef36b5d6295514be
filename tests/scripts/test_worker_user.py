"""Airflow's workers have the policies that the deployment names for them, and no others."""

from __future__ import annotations

from typing import Any

from scripts.worker_user import make_worker_user, policies

OUTPUTS = {
    "WorkerPolicyArn": "arn:w",
    "TablesPolicyArn": "arn:t1",
    "TablesPolicy2Arn": "arn:t2",
    "AlertTopicArn": "arn:topic",
    "StreamFailureQueueArn": "arn:queue",
}


class Iam:
    """Takes the place of IAM: remembers what was attached."""

    def __init__(self) -> None:
        self.attached: list[str] = []

    def create_user(self, **_: Any) -> None: ...

    def attach_user_policy(self, UserName: str, PolicyArn: str) -> None:
        self.attached.append(PolicyArn)

    def create_access_key(self, UserName: str) -> dict[str, Any]:
        return {"AccessKey": {"AccessKeyId": f"key of {UserName}", "SecretAccessKey": "secret"}}


def test_the_user_has_the_policies_of_the_workers_and_of_their_tables() -> None:
    iam = Iam()
    made = make_worker_user(iam, OUTPUTS, "w")
    assert made == {"AWS_ACCESS_KEY_ID": "key of w", "AWS_SECRET_ACCESS_KEY": "secret"}
    assert sorted(iam.attached) == sorted(policies(OUTPUTS)) == ["arn:t1", "arn:t2", "arn:w"]
