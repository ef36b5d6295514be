"""What docker-compose.yaml runs as its deployment: it deploys again to a local AWS that was started anew."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError

from scripts.cluster import QUEUE
from scripts.keep_deployed import stack_state
from tests.support.lakes import config_text
from tests.support.localaws import ACCOUNT, REPOSITORY, LocalAws, running_localaws
from tests.support.waiting import wait_for

SERVICE = yaml.safe_load((REPOSITORY / "docker-compose.yaml").read_text())["services"]["deployment"]


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[LocalAws]:
    with running_localaws(tmp_path / "first") as server:
        yield server


@pytest.fixture
def keeper(aws: LocalAws, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The service's own command, with its paths in this repository."""
    (tmp_path / "lake.json").write_text(config_text(name="kept"))
    command = [word.replace("/tmp/deployed", str(tmp_path / "deployed")) for word in SERVICE["command"]]
    assert command[0] == "python"
    env = {
        **os.environ,
        **aws.environment,
        "LAKE_CONFIG": str(tmp_path / "lake.json"),
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "plugins"), str(REPOSITORY)]),
    }
    process = subprocess.Popen([sys.executable, *command[1:]], env=env)
    yield process
    process.terminate()
    assert process.wait(30) == 0
    assert not (tmp_path / "deployed").exists(), "who has stopped says nothing of the stack"


def test_a_local_aws_that_was_started_anew_is_deployed_to_again(
    aws: LocalAws, keeper: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    mark = tmp_path / "deployed"
    wait_for(mark.exists, what="the first deployment")
    assert aws.client("s3").head_bucket(Bucket="kept-source")
    assert aws.client("sqs").get_queue_url(QueueName=QUEUE)
    aws.stop()
    wait_for(lambda: not mark.exists(), what="the mark to go")
    with running_localaws(tmp_path / "second", port=aws.port) as anew:
        wait_for(mark.exists, what="the second deployment")
        assert anew.client("s3").head_bucket(Bucket="kept-source")
        assert anew.client("sqs").get_queue_url(QueueName=QUEUE)
        assert anew.client("dynamodb").describe_table(TableName="kept_ledger")
        assert keeper.poll() is None


def test_a_deployment_that_fails_ends_it_for_its_new_start(aws: LocalAws, tmp_path: Path) -> None:
    (tmp_path / "lake.json").write_text(config_text(name="wrong").replace(ACCOUNT, "999999999999"))
    command = [sys.executable, "-m", "scripts.keep_deployed", "--mark", str(tmp_path / "mark")]
    env = {**os.environ, **aws.environment, "LAKE_CONFIG": str(tmp_path / "lake.json"), "PYTHONPATH": "plugins"}
    command.append("--without-functions")
    done = subprocess.run(command, env=env, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "deploy: " in done.stderr, done.stderr
    assert not (tmp_path / "mark").exists()


def test_what_a_server_says_of_a_stack(aws: LocalAws) -> None:
    client = aws.client("cloudformation")
    assert stack_state(client, "nothing") == ""

    class Busy:
        def describe_stacks(self, **_: object) -> None:
            raise ClientError({"Error": {"Code": "Throttling", "Message": "Rate exceeded"}}, "DescribeStacks")

    assert stack_state(Busy(), "nothing") is None
    away = boto3.client("cloudformation", endpoint_url="http://127.0.0.1:9", region_name="us-east-1")
    assert stack_state(away, "nothing") is None
