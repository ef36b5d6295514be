"""A lake whose functions are deployed, and run, on the local AWS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lakelanes.catalog import athena
from lakelanes.config.loading import parse_config
from lakelanes.config.model import LakeConfig
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry
from scripts import build_kernel
from scripts.deploy import attach_streams, deploy, upload_functions
from scripts.layer import local_layer, this_architecture
from scripts.package import function_bundle
from tests.support.lakes import config_text
from tests.support.localaws import LocalAws, localaws_python
from tests.support.waiting import wait_for

PARAMETERS = {"RequireTls": "false", "FastLaneConcurrency": "2"}


@dataclass
class DeployedLake:
    """The lake, its stack's outputs, and the parameters it was deployed with."""

    aws: LocalAws
    lake: Lake
    outputs: Mapping[str, str]
    parameters: dict[str, str] = field(default_factory=dict)

    def switch(self, lane: str) -> None:
        """Turns the low-latency lane "on" or "off", as a deployment does."""
        self.parameters["FastLane"] = lane
        clients = self.aws.client("cloudformation"), self.aws.client("sts")
        assert deploy(self.lake.config, *clients, parameters=self.parameters).action == "updated"

    def attach(self, **parameters: str) -> dict[str, str]:
        """Maps the tables' streams to their function; returns the mappings by table."""
        clients = self.aws.client("cloudformation"), self.aws.client("dynamodb")
        given = {"StreamBatchSeconds": "0", **parameters}
        done = attach_streams(self.lake.config, self.outputs, *clients, parameters=given)
        return {name: stack.outputs["Source"] for name, stack in done.items()}

    def check(self) -> None:
        """Starts the function: a batch without messages."""
        answer = self.aws.client("lambda").invoke(
            FunctionName=self.outputs["FileProcessor"], Payload=json.dumps({"Records": []})
        )
        assert json.loads(answer["Payload"].read()) == {"batchItemFailures": []}, answer

    def entry(self, uri: str, state: str = "loaded") -> Entry:
        """The ledger's entry of a file once it is in a state."""
        found = wait_for(lambda: self.lake.ledger.get(uri), lambda e: e is not None and e.state == state, uri)
        assert found is not None
        return found

    def messages(self, queue: str = "FileQueueUrl") -> tuple[int, int]:
        """Messages of a queue: those that wait, and those in somebody's hands."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        sqs = self.aws.client("sqs")
        found = sqs.get_queue_attributes(QueueUrl=self.outputs[queue], AttributeNames=list(names))["Attributes"]
        return int(found[names[0]]), int(found[names[1]])

    def wait_until_idle(self) -> None:
        """Until the file queue is empty."""
        wait_for(self.messages, lambda found: found == (0, 0), "the queue to be empty")

    def rows(self, table: str = "sales_data") -> int:
        [answer] = athena.query(self.lake, f"SELECT count(*) AS n FROM {table}")
        return int(answer["n"] or 0)


def function_parameters(aws: LocalAws, config: LakeConfig, text: str, folder: Path) -> dict[str, str]:
    """The template's parameters for functions that this machine can run, after an upload of their bundle, which is made
    in ``folder``, and of their layer. ``text``: of the configuration."""
    bundle = function_bundle(folder / "functions.zip", text, build_kernel.of_this_machine())
    return upload_functions(config, aws.client("s3"), bundle, local_layer(localaws_python()), this_architecture())


def deploy_with_function(
    aws: LocalAws,
    folder: Path,
    entities: Mapping[str, Any] | None = None,
    tables: Mapping[str, Any] | None = None,
    **parameters: str,
) -> DeployedLake:
    """A lake with its functions. The process's environment must point at ``aws``; the bundle goes into ``folder``.

    The streams of its tables are attached by ``DeployedLake.attach``, once they are there."""
    text = config_text(entities, tables=tables)
    config = parse_config(text, {})
    given = {**PARAMETERS, **function_parameters(aws, config, text, folder), **parameters}
    done = deploy(config, aws.client("cloudformation"), aws.client("sts"), parameters=given)
    return DeployedLake(aws, Lake.open(config), done.outputs, given)
