"""The trial's stack: packaged and deployed as docs/running.md says, with the low-latency lane off to begin with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts import build_kernel
from scripts.acceptance.trial import Trial
from scripts.deploy import ARCHITECTURES, attach_streams, deploy, upload_functions
from scripts.layer import check_size, function_layer, install_libraries, python_of_functions
from scripts.package import build_for, function_bundle
from scripts.worker_user import policies

# Makes what the functions need, for a processor in Lambda's words, and puts it where CloudFormation finds it;
# returns the template's parameters that name it.
Packager = Callable[[Trial, Path, str], Mapping[str, str]]


def package(trial: Trial, folder: Path, architecture: str) -> Mapping[str, str]:
    """The bundle and the layer as ``make package`` makes them. Raises LayerError, PackageError and DeployError."""
    kernels = [build_for(target, folder) for target in build_kernel.TARGETS]
    python = python_of_functions()
    bundle = function_bundle(folder / "functions.zip", trial.config_text, kernels, python=python)
    libraries = install_libraries(folder / "libraries", architecture)
    layer = function_layer(folder / "layer.zip", libraries, python=python)
    check_size(bundle, layer)
    return upload_functions(trial.lake.config, trial.client("s3"), bundle, layer, architecture)


@dataclass
class Deployed:
    """A stack that is there. ``outputs`` are the stack's."""

    trial: Trial
    outputs: Mapping[str, str]

    @classmethod
    def deploy(cls, trial: Trial, folder: Path, parameters: Mapping[str, str], packager: Packager) -> Deployed:
        """Packages and deploys; the stream of the orders is mapped to its function."""
        packaged = packager(trial, folder, parameters.get("Architecture", ARCHITECTURES[0]))
        given = {"FastLane": "off", "OrdersTableName": trial.orders_table, **packaged, **parameters}
        self = cls(trial, {})
        self._deploy(given)
        config = trial.lake.config
        attach_streams(config, self.outputs, self.trial.client("cloudformation"), trial.lake.dynamodb)
        return self

    @property
    def worker_policies(self) -> list[str]:
        """ARNs of the policies that the stack makes for Airflow's workers."""
        return policies(self.outputs)

    def switch_fast_lane(self, lane: str) -> None:
        """Turns the low-latency lane "on" or "off", by a deployment."""
        self._deploy({"FastLane": lane})

    def listen_to_alerts(self) -> None:
        """Makes a queue that gets every alert."""
        sqs, sns = self.trial.client("sqs"), self.trial.client("sns")
        topic = self.outputs["AlertTopicArn"]
        url = sqs.create_queue(QueueName=self.trial.alert_queue)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def _deploy(self, parameters: Mapping[str, str]) -> None:
        config = self.trial.lake.config
        clients = self.trial.client("cloudformation"), self.trial.client("sts")
        self.outputs = deploy(config, *clients, parameters=parameters, s3=self.trial.client("s3")).outputs
