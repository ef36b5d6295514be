"""Deploys the infrastructure to a local AWS, with the functions for this machine's processor."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakelanes.config.loading import parse_config
from lakelanes.config.model import LakeConfig
from scripts import build_kernel
from scripts.airflow_processes import POLL_SECONDS, START_SECONDS
from scripts.deploy import attach_streams, deploy, detach_streams, stream_tables, upload_functions
from scripts.layer import PYTHON as FUNCTION_PYTHON
from scripts.layer import local_layer, this_architecture, version_of
from scripts.package import function_bundle
from scripts.processes import StackError
from scripts.sample_orders import KEY

# Instances of the function for files; each is a process that needs a core.
FUNCTION_INSTANCES = 2
# Short, for somebody is watching, and objects are few.
STREAM_BATCH_SECONDS = "1"


@dataclass(frozen=True)
class LocalDeployment:
    """``client`` makes a boto3 client of the local AWS for a service, ``python`` is its interpreter, ``folder`` takes
    what is made, ``say`` is told what people should know."""

    client: Callable[[str], Any]
    python: Path
    folder: Path
    say: Callable[[str], None]

    def deploy(self, text: str, before: LakeConfig | None = None) -> Mapping[str, str]:
        """Deploy the configuration of a text in which nothing is left to be replaced; returns the stack's outputs.

        ``before`` is the configuration that was deployed before. Raises DeployError, LayerError and StackError.
        """
        config = parse_config(text, {})
        bundle = function_bundle(
            self.folder / "functions.zip", text, build_kernel.of_this_machine(), python=self.python
        )
        if (version := version_of(self.python)) != FUNCTION_PYTHON:
            self.say(f"the functions run on Python {version} here, and on {FUNCTION_PYTHON} on AWS")
        s3, cloudformation = self.client("s3"), self.client("cloudformation")
        parameters = {
            **upload_functions(config, s3, bundle, local_layer(self.python), this_architecture()),
            # The local AWS speaks plain HTTP, which buckets that insist on TLS would refuse.
            "RequireTls": "false",
            "FastLaneConcurrency": str(FUNCTION_INSTANCES),
            "OrdersTableName": self._orders(config),
        }
        if not parameters["OrdersTableName"]:
            # Without a value it keeps the one that it has, and with it the table.
            del parameters["OrdersTableName"]
        if before is not None:
            streams = {table.name for table in stream_tables(config)}
            gone = [table for table in before.tables.values() if table.name not in streams]
            detach_streams(before, cloudformation, tables=gone)
        outputs = deploy(config, cloudformation, self.client("sts"), parameters=parameters, s3=s3).outputs
        self._check_athena(config)
        self._check_function(outputs["FileProcessor"], FUNCTION_INSTANCES)
        self._attach_streams(config, outputs)
        return outputs

    def _orders(self, config: LakeConfig) -> str:
        """The table of the sample, which may be made where nothing is yet; on AWS that is for its owner to say."""
        if orders := config.tables.get("orders"):
            keys = [(column.attribute, column.type.text) for column in orders.columns if column.name in orders.keys]
            if keys == [(KEY, "string")]:
                return orders.dynamodb_table
        return ""

    def _attach_streams(self, config: LakeConfig, outputs: Mapping[str, str]) -> None:
        """Lets the function read the streams of the tables that are there: those that an application has yet to make
        have none."""
        dynamodb = self.client("dynamodb")
        there = {name for page in dynamodb.get_paginator("list_tables").paginate() for name in page["TableNames"]}
        tables = [table for table in stream_tables(config) if table.dynamodb_table in there]
        if not tables:
            return
        # A shard is read by one instance, and a table has one here.
        self._check_function(outputs["StreamProcessor"], 1)
        parameters = {"StreamBatchSeconds": STREAM_BATCH_SECONDS}
        attach_streams(config, outputs, self.client("cloudformation"), dynamodb, tables=tables, parameters=parameters)

    def _check_athena(self, config: LakeConfig) -> None:
        """Raises StackError unless Athena answers; its first question is the one that takes seconds."""
        client, workgroup = self.client("athena"), config.resources.workgroup_name
        query = client.start_query_execution(QueryString="SELECT 1", WorkGroup=workgroup)["QueryExecutionId"]
        deadline = time.monotonic() + START_SECONDS
        while True:
            status = client.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
            if status["State"] == "SUCCEEDED":
                return
            if status["State"] in ("FAILED", "CANCELLED") or time.monotonic() > deadline:
                raise StackError(f"Athena does not answer: {status['State']} {status.get('StateChangeReason', '')}")
            time.sleep(POLL_SECONDS)

    def _check_function(self, name: str, instances: int) -> None:
        """Starts instances of the function with a batch of nothing; raises StackError when one fails."""
        client = self.client("lambda")

        def start(_: int) -> str:
            answer = client.invoke(FunctionName=name, Payload=json.dumps({"Records": []}))
            reply: str = answer["Payload"].read().decode()
            return "" if "FunctionError" not in answer and json.loads(reply) == {"batchItemFailures": []} else reply

        with ThreadPoolExecutor(instances) as pool:
            if faults := list(filter(None, pool.map(start, range(instances)))):
                raise StackError(f"the function {name} does not work: {faults[0]}")
