"""Keep the infrastructure deployed to a local AWS that may be started anew, for docker-compose.yaml.

    python -m scripts.keep_deployed --mark FILE [--queue NAME] [options of scripts/deploy.py]

The local AWS has its state in memory, so one that was started anew has no stack. Then this deploys again. ``--mark``
names a file that exists while the stack does: the container's health check looks for it. ``--queue`` names a queue of
SQS that is made before, for Celery: on MWAA it is none of the infrastructure's. Ends with deploy.py's exit
code when a deployment fails, for a new start of this process to try again; on SIGTERM it ends with 0.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lakelanes.config.loading import load_config
from scripts.change_sets import describe
from scripts.deploy import stack_name

POLL_SECONDS = 1.0
_DEPLOYED = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
# None ('' for there is no stack), or one whose deployment failed: deploy.py says what to do about it.
_NOT_DEPLOYED = ("", "CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="keep_deployed", description=__doc__, allow_abbrev=False)
    parser.add_argument("--mark", type=Path, required=True, help="file that exists while the stack does")
    parser.add_argument("--queue", help="queue of SQS that is made beside the stack")
    parser.add_argument("--config", type=Path, help="default: $LAKE_CONFIG, else include/lake.json")
    options, others = parser.parse_known_args(arguments)
    config = load_config(options.config)
    given = ["--config", str(options.config)] if options.config else []
    # A server that is being started anew is asked again a second later, not within the call.
    quick = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1})
    client = boto3.client("cloudformation", region_name=config.aws.region, config=quick)
    sqs = boto3.client("sqs", region_name=config.aws.region, config=quick)
    options.mark.unlink(missing_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        while True:
            state = stack_state(client, stack_name(config))
            if state in _DEPLOYED:
                if options.queue and not options.mark.exists():
                    sqs.create_queue(QueueName=options.queue)
                options.mark.touch()
            else:
                options.mark.unlink(missing_ok=True)
            if state in _NOT_DEPLOYED:
                command = [sys.executable, "-m", "scripts.deploy", *given, *others]
                if code := subprocess.run(command).returncode:
                    return code
                continue
            time.sleep(POLL_SECONDS)
    finally:
        options.mark.unlink(missing_ok=True)


def stack_state(client: Any, name: str) -> str | None:
    """The stack's status; '' when there is no such stack, None when nobody can tell at the moment."""
    try:
        stack = describe(client, name)
    except (BotoCoreError, ClientError):
        return None
    return stack["StackStatus"] if stack else ""


if __name__ == "__main__":
    sys.exit(main())
