"""What IAM evaluated is kept, shown, and written so that a killed server loses none."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.iam.records import Record, Records
from tests.support.localaws import ENFORCED, LocalAws, make_client, running_localaws


def record(resource: str, allowed: bool = True, place: int = 0) -> Record:
    grants = (("Read", place, "arn:aws:s3:::b/*"),) if allowed else ()
    return Record("arn:aws:iam::1:user/u", "s3:GetObject", resource, allowed, grants)


def test_each_kind_is_there_once_and_each_denied_resource(tmp_path: Path) -> None:
    records = Records(tmp_path / "records")
    for one in (record("b/1"), record("b/2"), record("b/3", place=1), record("c/1", False), record("c/2", False)):
        records.add(one)
        records.add(one)
    shown = [(one["resource"], one["allowed"]) for one in records.shown()["records"]]
    assert shown == [("b/1", True), ("b/3", True), ("c/1", False), ("c/2", False)]
    [file] = (tmp_path / "records").iterdir()
    assert [json.loads(line)["resource"] for line in file.read_text().splitlines()] == ["b/1", "b/3", "c/1", "c/2"]
    records.reset()
    assert records.shown() == {"records": []}


def shown(aws: LocalAws) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{aws.endpoint_url}/_localaws/iam", timeout=10) as reply:
        found: list[dict[str, Any]] = json.load(reply)["records"]
        return found


def test_a_server_tells_what_was_allowed_by_what_and_what_was_denied(tmp_path: Path) -> None:
    environment = {**ENFORCED, "LOCALAWS_IAM_RECORDS": str(tmp_path / "records")}
    with running_localaws(tmp_path / "aws", environment=environment) as server:
        iam = server.client("iam")
        iam.create_user(UserName="reader")
        statement = {
            "Sid": "Read",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": ["arn:aws:s3:::box", "arn:aws:s3:::box/*"],
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=document)
        key = iam.create_access_key(UserName="reader")["AccessKey"]
        s3 = make_client(
            "s3",
            server.endpoint_url,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )
        server.client("s3").create_bucket(Bucket="box")
        server.client("s3").put_object(Bucket="box", Key="k", Body=b"1")
        s3.get_object(Bucket="box", Key="k")
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket="box", Key="k", Body=b"2")
        found = shown(server)
        server.process.kill()
        server.process.wait()
    user = "arn:aws:iam::000000000000:user/reader"
    assert found == [
        {
            "principal": user,
            "action": "s3:GetObject",
            "resource": "arn:aws:s3:::box/k",
            "allowed": True,
            "grants": [["Read", 1, "arn:aws:s3:::box/*"]],
        },
        {"principal": user, "action": "s3:PutObject", "resource": "arn:aws:s3:::box/k", "allowed": False, "grants": []},
    ]
    [file] = (tmp_path / "records").iterdir()
    assert [json.loads(line) for line in file.read_text().splitlines()] == found


def test_without_enforcement_nothing_is_evaluated(local_aws: LocalAws) -> None:
    local_aws.client("s3").list_buckets()
    assert shown(local_aws) == []
