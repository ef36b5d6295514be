"""The template deployed to a local AWS that checks permissions, as AWS does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from lakelanes.config.loading import parse_config
from lakelanes.config.model import LakeConfig
from scripts.deploy import Deployment, deploy
from scripts.worker_user import make_worker_user
from tests.support.function import function_parameters
from tests.support.localaws import ACCOUNT, ENFORCED, LocalAws, make_client, start_localaws

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
# Its files have rows of many partitions.
SEATS: dict[str, Any] = {
    **SETTINGS["entities"]["tickets"],
    "table_name": "seats",
    "filename_pattern": r"seats_(\d{4})_(\d{2})\.csv",
    "partition_keys": ["year", "month", {"name": "seat", "column": "id"}],
}
# The local AWS speaks plain HTTP.
PLAIN_HTTP = {"RequireTls": "false"}


def make_config(**resources: str) -> LakeConfig:
    """The configuration above with some resource names changed."""
    return parse_config(json.dumps({**SETTINGS, "resources": {**SETTINGS["resources"], **resources}}), {})


@pytest.fixture(scope="module")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS that enforces IAM; each test module has one of its own."""
    server = start_localaws(tmp_path_factory.mktemp("localaws"), environment=ENFORCED)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def config() -> LakeConfig:
    return make_config()


@pytest.fixture(scope="module")
def deployment(local_aws: LocalAws, config: LakeConfig) -> Deployment:
    """The template, deployed as `make up` deploys it."""
    return deploy(config, local_aws.client("cloudformation"), local_aws.client("sts"), parameters=PLAIN_HTTP)


class Worker:
    """A user that may do what the template's policies allow, and nothing else; and another one, for what is denied."""

    def __init__(self, local_aws: LocalAws, outputs: Mapping[str, str]) -> None:
        iam = local_aws.client("iam")
        self.endpoint_url = local_aws.endpoint_url
        self.environment = make_worker_user(iam, outputs, "worker")
        self._denied = make_worker_user(iam, outputs, "denied")

    def client(self, service: str) -> Any:
        """A client with the worker's credentials."""
        return self._client(service, self.environment)

    def denied(self, service: str) -> Any:
        """One for tests that expect to be denied."""
        return self._client(service, self._denied)

    def _client(self, service: str, environment: Mapping[str, str]) -> Any:
        credentials = {name.lower(): value for name, value in environment.items()}
        return make_client(service, self.endpoint_url, **credentials)


@pytest.fixture(scope="module")
def worker(local_aws: LocalAws, deployment: Deployment) -> Worker:
    return Worker(local_aws, deployment.outputs)


# Those of a lake of its own, with the function.
FAST_TEXT = json.dumps(
    {
        **SETTINGS,
        "entities": {**SETTINGS["entities"], "seats": SEATS},
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


@pytest.fixture(scope="module")
def function_deployment(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """That lake, as `make up` deploys it."""
    config = parse_config(FAST_TEXT, {})
    functions = function_parameters(local_aws, config, FAST_TEXT, tmp_path_factory.mktemp("bundle"))
    parameters = {**PLAIN_HTTP, **functions, "FastLaneConcurrency": "2"}
    clients = local_aws.client("cloudformation"), local_aws.client("sts")
    done = deploy(config, *clients, parameters=parameters)
    return done
