"""What a function's start brings in, and what is left to the calls that need it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.support.localaws import REPOSITORY

PROGRAM = """
import gc, json, socket, sys
from types import SimpleNamespace
def refuse(*_, **__):
    raise AssertionError("a start sends no request")
socket.socket.connect = refuse
from botocore.session import Session
made, create = [], Session.create_client
def noted(self, service, **options):
    made.append(service)
    return create(self, service, **options)
Session.create_client = noted
module = __import__(sys.argv[1])
loaded = sorted(name for name in sys.modules if name.split(".")[0] in ("lakelanes", "numpy", "pyarrow", "tenacity"))
before, collects = sorted(made), gc.isenabled()
module.handler({"Records": []}, SimpleNamespace(aws_request_id="", get_remaining_time_in_millis=int))
print(json.dumps([loaded, [before, sorted(made)], collects and gc.isenabled(), "pyarrow.parquet" in sys.modules]))
"""


def started(function: str) -> Any:
    """Of a process that imports the function and then calls it without a record: what was there between the two."""
    environment = {
        "PYTHONPATH": f"{REPOSITORY / 'plugins'}:{REPOSITORY / 'lambdas'}",
        "AWS_ACCOUNT_ID": "1" * 12,
        "LAKE_MAX_RECEIVES": "3",
        "LAKE_FILE_QUEUE_URL": "https://sqs.invalid/queue",
        "AWS_ACCESS_KEY_ID": "unused",
        "AWS_SECRET_ACCESS_KEY": "unused",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, function],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("function", ["file_processor", "stream_processor"])
def test_a_start_leaves_the_converter_and_rare_clients_to_the_calls_that_need_them(function: str) -> None:
    loaded, clients, collects, called = started(function)
    assert [name for name in loaded if name.split(".")[0] != "lakelanes"] == []
    rooms = {name.split(".")[1] for name in loaded if "." in name}
    assert rooms & {"alerts", "catalog", "files", "native", "tables"} == set()
    assert "lakelanes.convert.pipeline" not in loaded
    assert clients == [[], ["dynamodb", "s3"]], "before and after the first call"
    assert collects, "garbage is looked for once a start is over"
    assert called, "the first call brings the rest"
