"""What Airflow's DAG processor needs for the dags folder of a large lake: each file parsed and its DAGs serialized.

A sample is a process of its own, which imports Airflow and the plugin and then, as the DAG processor does, forks for
each file. Only CPU seconds count. No request is sent.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.cases import Case
from benchmarks.measure import REPOSITORY
from benchmarks.report import Sample, summary

_PROGRAM = """
import json, logging, os, sys, time, warnings
warnings.simplefilter("ignore")
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
import lakelanes_airflow.plugin

figures = {"dags": 0, "parse_cpu_s": 0.0, "serialize_cpu_s": 0.0, "file_cpu_s": 0.0, "serialized_mb": 0.0}
for path in sys.argv[1:]:
    reader, writer = os.pipe()
    if os.fork() == 0:
        begun = time.process_time()
        bag = DagBag(path, safe_mode=True)
        parsed = time.process_time()
        made = [DagSerialization.to_dict(dag) for dag in bag.dags.values()]
        done = time.process_time()
        if bag.import_errors:
            print(bag.import_errors, file=sys.stderr, flush=True)
            os._exit(1)
        size = sum(len(json.dumps(each)) for each in made) / 1e6
        os.write(writer, json.dumps([len(made), parsed - begun, done - parsed, size]).encode())
        os._exit(0)
    os.close(writer)
    answer = os.read(reader, 1000)
    os.close(reader)
    if os.wait()[1]:
        sys.exit(f"{path} could not be parsed")
    dags, parse, serialize, size = json.loads(answer)
    figures["dags"] += dags
    figures["parse_cpu_s"] += parse
    figures["serialize_cpu_s"] += serialize
    figures["serialized_mb"] += size
    figures["file_cpu_s"] = max(figures["file_cpu_s"], parse + serialize)
print(json.dumps(figures))
"""


def large_lake(count: int) -> dict[str, Any]:
    """The sample's configuration with ``count`` entities and as many DynamoDB tables, all like the sample's."""
    config: dict[str, Any] = json.loads((REPOSITORY / "include" / "lake.json").read_text(encoding="utf-8"))
    entities, tables = list(config["entities"].values()), list(config["tables"].values())
    config["entities"] = {
        f"entity_{n:03}": {**entities[n % len(entities)], "table_name": f"entity_{n:03}", "source_prefix": f"in{n:03}/"}
        for n in range(count)
    }
    config["tables"] = {
        f"table_{n:03}": {**tables[n % len(tables)], "table_name": f"table_{n:03}", "dynamodb_table": f"table-{n:03}"}
        for n in range(count)
    }
    return config


def run(case: Case, say: Callable[[str], None]) -> tuple[dict[str, Any], list[Sample]]:
    """Figures and samples, over a lake with as many entities and tables as the case has files."""
    with tempfile.TemporaryDirectory() as home:
        config = Path(home) / "lake.json"
        config.write_text(json.dumps(large_lake(case.files)), encoding="utf-8")
        samples = [_parse(Path(home), config) for _ in range(case.repeats)]
    for number, sample in enumerate(samples):
        say(f"{number}: {sample}")
    return summary(samples, None), samples


def _parse(home: Path, config: Path) -> Sample:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LAKE_", "AIRFLOW_"))}
    given = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AWS_ACCOUNT_ID": "000000000000",
        "LAKE_CONFIG": str(config),
        "PYTHONPATH": str(REPOSITORY / "plugins"),
    }
    files = [str(path) for path in sorted((REPOSITORY / "dags").glob("*.py"))]
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *files], capture_output=True, text=True, cwd=REPOSITORY, env={**kept, **given}
    )
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["it wrote nothing"])[-1][:300]}
    figures: Sample = json.loads(done.stdout.splitlines()[-1])
    return figures
