"""With AUTH=true a mapping needs a function whose role may read the stream and report failures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.localaws.streams.conftest import Stream, make_function
from tests.support.localaws import LocalAws, running_localaws

READING = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
# Of no resource: AWS allows it of all or of none.
LISTING = {"*": ["dynamodb:ListStreams"]}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with running_localaws(tmp_path_factory.mktemp("guarded"), environment={"AUTH": "true"}) as server:
        yield server


def role(aws: LocalAws, name: str, allowed: dict[str, list[str]]) -> str:
    """A role of Lambda's with rights by resource; returns its ARN."""
    iam = aws.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))["Role"]
    statements = [{"Effect": "Allow", "Action": actions, "Resource": on} for on, actions in allowed.items()]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=name, PolicyName="only", PolicyDocument=policy)
    return str(made["Arn"])


def test_the_functions_role_is_checked(guarded: LocalAws, tmp_path: Path) -> None:
    stream = Stream(guarded, "orders", tmp_path / "notes")
    failing = {"OnFailure": {"Destination": stream.queue_arn}}
    rights = {
        "no-reading": {stream.arn: READING[:2], stream.queue_arn: ["sqs:SendMessage"], **LISTING},
        "no-listing": {stream.arn: [*READING, "dynamodb:ListStreams"], stream.queue_arn: ["sqs:SendMessage"]},
        "no-sending": {stream.arn: READING, **LISTING},
        "enough": {stream.arn: READING, stream.queue_arn: ["sqs:SendMessage"], **LISTING},
    }
    for name, allowed in rights.items():
        make_function(stream.functions, name, "def handler(event, context): pass", Role=role(guarded, name, allowed))
    refused = stream.functions.exceptions.InvalidParameterValueException
    for name in ("no-reading", "no-listing"):
        with pytest.raises(refused, match=r"Cannot access stream .* GetRecords"):
            stream.map(FunctionName=name, DestinationConfig=failing)
    with pytest.raises(refused, match="permissions to call sqs:SendMessage"):
        stream.map(FunctionName="no-sending", DestinationConfig=failing)
    assert stream.map(FunctionName="no-sending")["State"] == "Enabled"
    assert stream.map(FunctionName="enough", DestinationConfig=failing)["State"] == "Enabled"
