"""The rights of Airflow's workers: a role with the policies that the stack makes for it, as an MWAA environment has."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import ClientError
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from scripts.acceptance.trial import Trial

# A role that is assumed by a role lasts an hour at most
# (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
_SESSION_SECONDS = 3600
_RENEW_SECONDS = 2400
# A new role is not known everywhere at once
# (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency).
_SPREAD_SECONDS = 120.0


@dataclass
class Workers:
    """Gives the environment of a worker's process; its credentials are those of the role, renewed in time."""

    trial: Trial
    config: Path
    _session: Mapping[str, str] = field(default_factory=dict)
    _until: float = 0.0

    def make_role(self, policies: list[str]) -> None:
        """Makes the role, which this account may assume, with these policies."""
        iam, sts = self.trial.client("iam"), self.trial.client("sts")
        partition = sts.get_caller_identity()["Arn"].split(":")[1]
        principal = {"AWS": f"arn:{partition}:iam::{self.trial.account}:root"}
        trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        iam.create_role(
            RoleName=self.trial.worker_role,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )
        for policy in policies:
            iam.attach_role_policy(RoleName=self.trial.worker_role, PolicyArn=policy)

    def environment(self) -> Mapping[str, str]:
        """Environment variables for a process."""
        if time.monotonic() > self._until:
            self._session = self._assume()
            self._until = time.monotonic() + _RENEW_SECONDS
        own = {name: value for name, value in os.environ.items() if name != "AWS_PROFILE"}
        return {**own, **self._session, "LAKE_CONFIG": str(self.config)}

    def _assume(self) -> Mapping[str, str]:
        role = self.trial.client("iam").get_role(RoleName=self.trial.worker_role)["Role"]["Arn"]
        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, ClientError)),
            stop=stop_after_delay(_SPREAD_SECONDS),
            wait=wait_fixed(3),
            reraise=True,
        )
        answer = retrying(
            self.trial.client("sts").assume_role,
            RoleArn=role,
            RoleSessionName="acceptance",
            DurationSeconds=_SESSION_SECONDS,
        )
        credentials = answer["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": credentials["SessionToken"],
        }
