"""Two hundred tables: their rights are spread over policies that IAM takes, and each table has them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lakelanes.config.loading import parse_config
from lakelanes.config.model import LakeConfig
from scripts import deploy as deployment
from scripts import templates
from scripts.deploy import Deployment, attach_streams, deploy
from scripts.worker_user import policies
from tests.infrastructure.conftest import PLAIN_HTTP, SETTINGS, Worker
from tests.support.function import function_parameters
from tests.support.localaws import LocalAws
from tests.support.streams import StreamedTable

COUNT = 200
NAMES = {name: str(value).replace("tickets", "many") for name, value in SETTINGS["resources"].items()}
# IAM's quota, in characters without white space.
POLICY_SIZE = 6144


@dataclass
class Many:
    config: LakeConfig
    lake: Deployment
    first: StreamedTable
    last: StreamedTable


@pytest.fixture(scope="module")
def many(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Many:
    names = [f"operations-of-the-whole-company-{number:06d}" for number in range(COUNT)]
    made = [StreamedTable(local_aws, name) for name in names]
    tables = {f"t{i}": {**table.settings, "table_name": f"t{i}"} for i, table in enumerate(made)}
    text = json.dumps({**SETTINGS, "resources": NAMES, "tables": tables})
    config = parse_config(text, {})
    functions = function_parameters(local_aws, config, text, tmp_path_factory.mktemp("bundle"))
    parameters = {**PLAIN_HTTP, **functions}
    done = deploy(config, local_aws.client("cloudformation"), local_aws.client("sts"), parameters=parameters)
    return Many(config, done, made[0].create(), made[-1].create())


def characters(document: Any) -> int:
    parsed = json.loads(document) if isinstance(document, str) else document
    return len(json.dumps(parsed, separators=(",", ":")))


def test_no_policy_is_longer_than_iam_takes(local_aws: LocalAws, many: Many) -> None:
    iam = local_aws.client("iam")
    role = local_aws.client("lambda").get_function_configuration(FunctionName=many.lake.outputs["StreamProcessor"])
    name = role["Role"].rsplit("/", 1)[-1]
    attached = [one["PolicyArn"] for one in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]]
    workers = policies(many.lake.outputs)
    assert 2 <= len(attached) <= deployment.SLOTS
    assert 3 <= len(workers) <= 1 + deployment.SLOTS
    for arn in (*attached, *workers):
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        assert characters(found) <= POLICY_SIZE, arn
    for inline in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        assert characters(iam.get_role_policy(RoleName=name, PolicyName=inline)["PolicyDocument"]) <= 10_240


def test_a_full_parameter_fits_its_policy() -> None:
    """However many short names fill it: a comma more in the parameter is two quotation marks more in the policy."""
    shortest = "arn:aws:dynamodb:us-east-1:000000000000:table/abc"
    arns = [shortest] * (deployment.PARAMETER_BYTES // (len(shortest) + 1))
    actions = ["dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable", "dynamodb:ExportTableToPointInTime"]
    statement = {"Sid": "ExportTables", "Effect": "Allow", "Action": actions, "Resource": arns}
    # The first policy has four more statements, with names of any length.
    assert characters({"Version": "2012-10-17", "Statement": [statement]}) <= POLICY_SIZE - 1500


def test_the_first_and_the_last_table_have_their_rights(local_aws: LocalAws, many: Many) -> None:
    worker = Worker(local_aws, many.lake.outputs)
    for table in (many.first, many.last):
        described = worker.client("dynamodb").describe_table(TableName=table.name)["Table"]
        assert described["TableName"] == table.name
    StreamedTable(local_aws, "operations-of-another-company").create()
    with pytest.raises(ClientError, match="AccessDenied"):
        worker.denied("dynamodb").describe_table(TableName="operations-of-another-company")
    clients = local_aws.client("cloudformation"), local_aws.client("dynamodb")
    ends = [many.config.tables["t0"], many.config.tables[f"t{COUNT - 1}"]]
    streams = attach_streams(many.config, many.lake.outputs, *clients, tables=ends)
    assert streams.keys() == {"t0", f"t{COUNT - 1}"}


def test_a_template_that_is_too_long_for_a_request_is_read_from_the_bundles_bucket(
    local_aws: LocalAws, many: Many, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(templates, "MOST_BYTES", 1000)
    bare = {**SETTINGS, "resources": {name: value.replace("many", "long") for name, value in NAMES.items()}}
    config = parse_config(json.dumps(bare), {})
    s3 = local_aws.client("s3")
    clients = local_aws.client("cloudformation"), local_aws.client("sts")
    assert deploy(config, *clients, parameters=PLAIN_HTTP, s3=s3).action == "created"
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=deployment.bundle_bucket(config))["Contents"]]
    assert [key for key in keys if key.startswith(f"{deployment.stack_name(config)}/template-")]


def test_the_template_still_fits_a_request() -> None:
    """As it is sent: without the reasons of its statements."""
    config = parse_config(json.dumps({**SETTINGS, "resources": NAMES}), {})
    sent = deployment.lake_template(config)
    assert all("Metadata" not in resource for resource in sent["Resources"].values())
    assert len(templates.text(sent).encode()) <= templates.MOST_BYTES
