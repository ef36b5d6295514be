"""The template deployed to a local AWS that checks permissions, as AWS does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lakelanes.config.loading import parse_config
from lakelanes.config.model import LakeConfig
from scripts.deploy import Deployment, deploy
from tests.support.function import function_parameters
from tests.support.localaws import ACCOUNT, REGION, LocalAws, make_client, start_localaws

SETTINGS: dict[str, Any] = {
    "aws": {"region": "us-east-1", "account_id": ACCOUNT},
    "resources": {
        "source_bucket": "tickets-landing",
        "analytics_bucket": "tickets-lake",
        "glue_database": "tickets_db",
        "workgroup_name": "tickets_queries",
        "sqs_queue": "tickets_files",
        "ledger_table": "tickets_ledger",
        "alert_topic": "tickets_alerts",
    },
    "entities": {
        "tickets": {
            "table_name": "tickets",
            "filename_pattern": r"tickets_(\d{4})_(\d{2})\.csv",
            "partition_keys": ["year", "month"],
            "schema": [{"name": "id", "type": "string"}, {"name": "price", "type": "decimal(8,2)"}],
            "settle_seconds": 0,
        }
    },
}
# The local AWS speaks plain HTTP.
PLAIN_HTTP = {"RequireTls": "false"}


def make_config(**resources: str) -> LakeConfig:
    """The configuration above with some resource names changed."""
    return parse_config(json.dumps({**SETTINGS, "resources": {**SETTINGS["resources"], **resources}}), {})


@pytest.fixture(scope="module")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS that enforces IAM; each test module has one of its own."""
    server = start_localaws(tmp_path_factory.mktemp("localaws"), environment={"AUTH": "true"})
    yield server
    server.stop()


@pytest.fixture(scope="module")
def config() -> LakeConfig:
    return make_config()


@pytest.fixture(scope="module")
def deployment(local_aws: LocalAws, config: LakeConfig) -> Deployment:
    """The template, deployed as `make up` deploys it."""
    return deploy(config, local_aws.client("cloudformation"), local_aws.client("sts"), parameters=PLAIN_HTTP)


def misread(database: str) -> str:
    """A policy that makes up for what ministack checks otherwise than AWS does: AWS finds a query's workgroup by the
    query's id, takes the name that GetDatabase is given for a database's, and asks for one permission for SQS's single
    and batch calls."""
    allowed = {
        f"arn:aws:sqs:{REGION}:{ACCOUNT}:fast_tickets_files": ["sqs:ChangeMessageVisibilityBatch"],
        f"arn:aws:sqs:{REGION}:{ACCOUNT}:tickets_files-dlq": ["sqs:DeleteMessageBatch"],
        "*": [f"athena:{name}" for name in ("GetQueryExecution", "GetQueryResults", "StopQueryExecution")],
        f"arn:aws:glue:{REGION}:{ACCOUNT}:table/{database}": ["glue:GetDatabase"],
    }
    statements = [{"Effect": "Allow", "Action": actions, "Resource": resource} for resource, actions in allowed.items()]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


class Worker:
    """A user that may do what the template's policy allows, and nothing else."""

    def __init__(self, local_aws: LocalAws, *policy_arns: str) -> None:
        iam = local_aws.client("iam")
        iam.create_user(UserName="worker")
        for policy_arn in policy_arns:
            iam.attach_user_policy(UserName="worker", PolicyArn=policy_arn)
        iam.put_user_policy(UserName="worker", PolicyName="misread", PolicyDocument=misread("tickets_db"))
        key = iam.create_access_key(UserName="worker")["AccessKey"]
        self.endpoint_url = local_aws.endpoint_url
        self.credentials = {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
        }

    def client(self, service: str) -> Any:
        """A client with the worker's credentials."""
        return make_client(service, self.endpoint_url, **self.credentials)


@pytest.fixture(scope="module")
def worker(local_aws: LocalAws, deployment: Deployment) -> Worker:
    return Worker(local_aws, deployment.outputs["WorkerPolicyArn"])


@pytest.fixture(scope="module")
def function_deployment(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A lake of its own with the function, as `make up` deploys it."""
    text = json.dumps(
        {
            **SETTINGS,
            "resources": {
                "source_bucket": "fast-tickets-landing",
                "analytics_bucket": "fast-tickets-lake",
                "glue_database": "fast_tickets_db",
                "workgroup_name": "fast_tickets_queries",
                "sqs_queue": "fast_tickets_files",
                "ledger_table": "fast_tickets_ledger",
                "alert_topic": "fast_tickets_alerts",
            },
        }
    )
    config = parse_config(text, {})
    functions = function_parameters(local_aws, config, text, tmp_path_factory.mktemp("bundle"))
    parameters = {**PLAIN_HTTP, **functions, "FastLaneConcurrency": "2"}
    clients = local_aws.client("cloudformation"), local_aws.client("sts")
    done = deploy(config, *clients, parameters=parameters)
    role = local_aws.client("lambda").get_function_configuration(FunctionName=done.outputs["FileProcessor"])["Role"]
    local_aws.client("iam").put_role_policy(
        RoleName=role.rsplit("/", 1)[-1], PolicyName="misread", PolicyDocument=misread("fast_tickets_db")
    )
    return done
