"""What a role may not do, asked of a local AWS that enforces IAM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.iam_report import DENIED_SESSION
from tests.support.localaws import LocalAws, make_client


def assert_denied(local_aws: LocalAws, role: str, service: str, call: Callable[[Any], object]) -> None:
    """That ``call``, with a client of the service that has the rights of the role (by ARN), is denied."""
    credentials = local_aws.client("sts").assume_role(RoleArn=role, RoleSessionName=DENIED_SESSION)["Credentials"]
    client = make_client(
        service,
        local_aws.endpoint_url,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    with pytest.raises(ClientError) as error:
        call(client)
    # The services spell it differently.
    code = error.value.response["Error"]["Code"]
    assert code in ("AccessDenied", "AccessDeniedException", "AuthorizationError"), code
