"""Both handlers run from their bundle and their layer alone, in a Python that finds nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lakelanes.config.loading import parse_config
from lakelanes.lake import Lake
from localaws.function_instances import Unpacked, layer_path
from scripts import build_kernel
from scripts.deploy import deploy
from scripts.layer import local_layer, local_python
from scripts.package import function_bundle
from tests.support.lakes import config_text, put
from tests.support.localaws import REPOSITORY, LocalAws
from tests.support.queues import MAX_RECEIVES, Queues
from tests.support.stream_records import ORDERS, record, total

PROGRAM = """
import sys
sys.path[:0] = {path!r}
import importlib.util, json, sysconfig
from pathlib import Path

class Context:
    aws_request_id = "alone"
    def get_remaining_time_in_millis(self):
        return 60_000

events = json.loads(sys.stdin.readline())
said, sys.stdout = sys.stdout, sys.stderr
replies = {{}}
for name, event in events.items():
    replies[name] = __import__(name).handler(event, Context())
found = [name for name in {host!r} if importlib.util.find_spec(name) is not None]
standard = sysconfig.get_path("stdlib")
places = [Path(module.__file__) for module in list(sys.modules.values()) if getattr(module, "__file__", None)]
places = [place for place in places if place.name != "__main__.py"]
own = [Path(each) for each in {path!r}] + [Path(standard)]
outside = [str(place) for place in places if not any(place.is_relative_to(each) for each in own)]
outside += [str(place) for place in places if {{"site-packages", "dist-packages"}} & set(place.parts)]
print(json.dumps([replies, found, outside]), file=said)
"""


@pytest.fixture
def lake(local_aws: LocalAws, environment: None, tmp_path: Path) -> Lake:
    """A lake whose functions are not deployed: this test calls them."""
    config = parse_config(config_text(tables={"orders": ORDERS}), {})
    deploy(config, local_aws.client("cloudformation"), local_aws.client("sts"), parameters={"RequireTls": "false"})
    return Lake.open(config)


def names_of_the_host(site: Path) -> list[str]:
    """What can be imported where this test and the local AWS run, but for the standard library."""
    names = {path.name.split(".")[0] for path in site.iterdir() if not path.name.startswith(("_", "."))}
    return sorted(name for name in names if name.isidentifier() and name not in sys.stdlib_module_names)


def test_both_handlers_run_from_bundle_and_layer_alone(local_aws: LocalAws, lake: Lake, tmp_path: Path) -> None:
    text = config_text(tables={"orders": ORDERS})
    raw = {**json.loads(text), "resources": lake.config.resources.model_dump()}
    bundle = function_bundle(tmp_path / "f.zip", json.dumps(raw), build_kernel.of_this_machine())
    code = Unpacked(tmp_path / "code").folder_of(bundle.read_bytes())
    layer = Unpacked(REPOSITORY / ".local" / "cache" / "layers").folder_of(local_layer(local_python()).read_bytes())
    path = [str(code), *layer_path(layer)]
    [site] = {Path(each) for each in sys.path if Path(each).parts[-1:] == ("site-packages",) and ".local" in each}
    in_the_layer = {each.name.split(".")[0] for place in layer_path(layer) for each in Path(place).iterdir()}
    host = [name for name in names_of_the_host(site) if name not in in_the_layer | {"lakelanes"}]
    assert {"airflow", "duckdb", "pytest", "requests", "sqlglot"} <= set(host)

    queues = Queues(lake)
    uri = put(
        lake, "sales_data_2024_03_15.csv", "transaction_id,customer_id,amount,transaction_date\nt1,c1,1.50,2024-03-15\n"
    )
    messages = [
        {
            "messageId": each.id,
            "receiptHandle": each.receipt_handle,
            "body": each.body,
            "attributes": {"ApproximateReceiveCount": str(each.receives)},
        }
        for each in queues.receive()
    ]
    events = {
        "file_processor": {"Records": messages},
        "stream_processor": {"Records": [record(1, "1", total("1.5")), record(2, "2", total("2"))]},
    }
    replies, found, outside = run(local_aws, code, PROGRAM.format(path=path, host=host), events, queues.url)
    assert replies == {name: {"batchItemFailures": []} for name in events}
    assert found == [], "nothing of the host can be imported"
    assert outside == [], "and nothing was"
    entry = lake.ledger.get(uri)
    assert entry is not None and (entry.state, entry.rows_loaded) == ("loaded", 1)
    written = lake.s3.list_objects_v2(
        Bucket=lake.config.resources.analytics_bucket, Prefix="orders_changes/lane=stream/"
    )
    assert written["KeyCount"] == 1


def run(aws: LocalAws, code: Path, program: str, events: dict[str, Any], queue: str) -> Any:
    variables = {
        "LAKE_CONFIG": "include/lake.json",
        "LAKE_FILE_QUEUE_URL": queue,
        "LAKE_MAX_RECEIVES": str(MAX_RECEIVES),
    }
    done = subprocess.run(
        [local_python(), "-I", "-S", "-c", program],
        cwd=code,
        env={**aws.environment, **variables, "PYTHONPATH": os.pathsep.join(sys.path)},
        input=json.dumps(events) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
