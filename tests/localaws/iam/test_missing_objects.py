"""Whether an object is missing is told only to those who may list its bucket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.localaws import ENFORCED, LocalAws, make_client, running_localaws


def reader(aws: LocalAws, name: str, resources: list[str]) -> Any:
    iam = aws.client("iam")
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": resources}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    credentials = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    return make_client("s3", aws.endpoint_url, **credentials)


def code(call: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as error:
        call(Bucket="secrets", Key="missing")
    response: Any = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_who_may_not_list_is_denied_instead(tmp_path: Path) -> None:
    with running_localaws(tmp_path, environment=ENFORCED) as server:
        server.client("s3").create_bucket(Bucket="secrets")
        server.client("s3").put_object(Bucket="secrets", Key="there", Body=b"1")
        lister = reader(server, "lister", ["arn:aws:s3:::secrets", "arn:aws:s3:::secrets/*"])
        stranger = reader(server, "stranger", ["arn:aws:s3:::secrets/*"])
        assert stranger.get_object(Bucket="secrets", Key="there")["Body"].read() == b"1"
        assert [code(lister.get_object), code(lister.head_object)] == [("NoSuchKey", 404), ("404", 404)]
        assert [code(stranger.get_object), code(stranger.head_object)] == [("AccessDenied", 403), ("403", 403)]


def test_without_enforcement_everyone_is_told(local_aws: LocalAws) -> None:
    s3 = local_aws.client("s3")
    s3.create_bucket(Bucket="told-b")
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="told-b", Key="missing")
