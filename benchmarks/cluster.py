"""What many small files cost on Airflow's distributed engine, with one, two and four task slots.

A cluster of its own is started (scripts/cluster.py), with as many workers as the most slots, one slot each; for fewer
slots workers are stopped. Each time as many new files are put, one run of load_<entity> loads them, and its batches are
spread over the slots. Measured are the time from the request until Airflow says that the run is over, the CPU of
Airflow's processes beside what they take when nothing runs, and the requests to AWS, which pass a counting proxy (so
the time is an upper bound). The engine loads as many files once more in a process of its own: the difference of the CPU
is Airflow's share. Checked is that each row is in the table once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.cases import SLOTS, Case
from benchmarks.proxy import CountingProxy
from benchmarks.report import Sample, summary
from scripts.airflow_api import AirflowApi
from scripts.cluster import Cluster
from tests.support.lakes import config_text
from tests.support.queries import fetch_rows, run_query

_PATIENCE_SECONDS = 3600.0
_POLL_SECONDS = 0.5
_IDLE_SECONDS = 20.0
# Enough for every slot to have several; 20,000 files of 100 KB make batches of 256 MB, which is the default.
_BATCHES = 8
_ENTITY: dict[str, Any] = {
    "table_name": "small",
    "filename_pattern": r"small_(\d{4})_(\d{2})_\d+\.csv",
    "partition_keys": ["year", "month"],
    "schema": [{"name": "number", "type": "int"}, {"name": "text", "type": "string"}],
    "settle_seconds": 0,
    "lanes": ["batch"],
}
_OPTIONS: dict[str, dict[str, object]] = {
    "celery": {"worker_autoscale": "1,1"},
    "core": {"dags_are_paused_at_creation": True},
    "dag_processor": {"min_file_process_interval": 600, "stale_dag_threshold": 1800},
}
# The engine alone, on files that are there; the number of its arguments is that of the files.
_ENGINE = """
import json, resource, sys
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_entity
from lakelanes.files.matching import partition_for
from lakelanes.catalog.registrar import Registrar
from lakelanes.lake import Lake
lake = Lake.open()
entity = lake.config.entities["small"]
files = [file for file in list_entity(lake, entity) if file.key.startswith(sys.argv[1])]
before = resource.getrusage(resource.RUSAGE_SELF)
load_batch(lake, entity, files, lane="batch", run_id="bench")
Registrar(lake, "look").register_entity(entity, [partition_for(entity, file.key) for file in files])
after = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([len(files), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime]))
"""
_COUNT = (
    "SELECT sum((xpath('/row/c/text()', query_to_xml(format('SELECT count(*) AS c FROM %I', table_name), false, true, "
    "'')))[1]::text::bigint) FROM information_schema.tables WHERE table_schema = 'public'"
)


class ClusterBenchError(Exception):
    """A run did not end, or not well; the text says how far it came."""


class _Counted(Cluster):
    """A cluster whose nodes reach AWS by a proxy that counts; Celery's queue they reach without."""

    proxy: CountingProxy | None = None

    def _airflow_environment(self) -> dict[str, str]:
        if self.proxy is None:
            self.proxy = CountingProxy(self.endpoint_url)
            self.proxy.__enter__()
        return {**super()._airflow_environment(), "AWS_ENDPOINT_URL": self.proxy.endpoint_url}

    def _stop(self, table: Any) -> None:
        super()._stop(table)
        if self.proxy is not None:
            self.proxy.__exit__(None, None, None)
            self.proxy = None

    def leave(self, workers: int) -> None:
        """Stop all workers but so many."""
        with self._lock():
            self._table().stop(self.worker_names[workers:])

    def cpu_seconds(self) -> float:
        """What the nodes' processes have taken so far, and those that they waited for."""
        return sum(process.cpu_seconds() for process in self.running() if process.name in self.node_names)


def run(case: Case, say: Callable[[str], None]) -> tuple[dict[str, Any], dict[str, list[Sample]]]:
    """The figures by number of slots, and the samples; ``case.files`` files of ``case.input.size`` bytes each time."""
    samples: dict[str, list[Sample]] = {}
    with tempfile.TemporaryDirectory(prefix="lakelanes-bench-") as folder:
        config = Path(folder) / "lake.json"
        batch = max(1 << 20, case.input.size * case.files // _BATCHES)
        config.write_text(config_text({"small": {**_ENTITY, "batch_bytes": batch}}, "bench"))
        cluster = _Counted(config_path=config, state=Path(folder) / "state", workers=max(SLOTS), airflow=_OPTIONS)
        with cluster:
            say(f"{max(SLOTS)} workers run")
            api = cluster.open_api(_PATIENCE_SECONDS)
            api.patch("/dags/load_small", {"is_paused": False})
            engine = _engine_alone(cluster, case)
            for month, slots in enumerate(SLOTS, 1):
                cluster.leave(slots)
                sample = _measure(cluster, api, case, month, slots) | {"engine_cpu_ms_per_file": engine}
                sample["airflow_cpu_ms_per_file"] = sample["cpu_ms_per_file"] - engine
                samples[f"slots_{slots}"] = [sample]
                say(f"{slots} slots: " + ", ".join(f"{name} {value:.4g}" for name, value in _numbers(sample)))
    figures = {name: summary(found, found[0].pop("faults")) for name, found in samples.items()}
    return figures, samples


def _measure(cluster: _Counted, api: AirflowApi, case: Case, month: int, slots: int) -> Sample:
    rows = _put(cluster, case, month)
    idle = cluster.cpu_seconds()
    time.sleep(_IDLE_SECONDS)
    before, rows_before = cluster.cpu_seconds(), _rows(cluster)
    per_second = (before - idle) / _IDLE_SECONDS
    assert cluster.proxy is not None
    cluster.proxy.counts.clear()
    started = time.monotonic()
    conf = {"first_partition": f"2024-{month:02}", "last_partition": f"2024-{month:02}"}
    began = api.post("/dags/load_small/dagRuns", {"logical_date": None, "conf": conf})
    state = _ended(api, began["dag_run_id"])
    seconds = time.monotonic() - started
    cpu = cluster.cpu_seconds() - before - per_second * seconds
    found = _loaded(cluster, month)
    return {
        "wall_s": seconds,
        "files_per_s": case.files / seconds,
        "cpu_ms_per_file": 1000 * cpu / case.files,
        "requests_per_file": cluster.proxy.counts.total() / case.files,
        "database_rows_per_run": _rows(cluster) - rows_before,
        "xcom_bytes_per_run": _xcoms(cluster, began["dag_run_id"]),
        "tasks_run": int(_asked(cluster, f"SELECT count(*) FROM task_instance WHERE run_id = '{began['dag_run_id']}'")),
        "load_average": os.getloadavg()[0],
        "faults": [
            *([] if state == "success" else [f"the run is {state}"]),
            *([] if found == rows else [f"{found} rows, expected {rows}"]),
        ],
    }


def _put(cluster: Cluster, case: Case, month: int) -> int:
    """Puts the files of a month; returns how many rows they have."""
    line = "{number},%s\n" % ("x" * 90)
    count = case.input.size // len(line.format(number=10_000))
    body = "number,text\n" + "".join(line.format(number=10_000 + number) for number in range(count))
    s3, bucket = cluster.client("s3"), cluster.config.resources.source_bucket
    for number in range(case.files):
        s3.put_object(Bucket=bucket, Key=f"small_2024_{month:02}_{number}.csv", Body=body.encode())
    return count * case.files


def _ended(api: AirflowApi, run_id: str) -> str:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (state := api.get(f"/dags/load_small/dagRuns/{run_id}")["state"]) not in ("success", "failed"):
        if time.monotonic() > deadline:
            raise ClusterBenchError(f"{run_id} is {state} after {_PATIENCE_SECONDS:.0f} s")
        time.sleep(_POLL_SECONDS)
    return str(state)


def _loaded(cluster: Cluster, month: int) -> int:
    resources, athena = cluster.config.resources, cluster.client("athena")
    done = run_query(
        athena,
        f"SELECT count(*) FROM small WHERE year = '2024' AND month = '{month:02}'",
        WorkGroup=resources.workgroup_name,
        QueryExecutionContext={"Database": resources.glue_database},
    )
    return int(str(fetch_rows(athena, done["QueryExecutionId"])[1][0]))


def _engine_alone(cluster: Cluster, case: Case) -> float:
    """CPU milliseconds of a file in a process that does nothing else; of files in a month of their own."""
    _put(cluster, case, 12)
    done = subprocess.run(
        [sys.executable, "-c", _ENGINE, "small_2024_12"],
        env={**os.environ, **cluster.environment},
        capture_output=True,
        text=True,
        check=True,
    )
    files, seconds = json.loads(done.stdout)
    assert files == case.files
    return float(1000 * seconds / files)


def _rows(cluster: Cluster) -> int:
    return int(_asked(cluster, _COUNT))


def _xcoms(cluster: Cluster, run_id: str) -> int:
    return int(_asked(cluster, f"SELECT sum(octet_length(value::text)) FROM xcom WHERE run_id = '{run_id}'"))


def _asked(cluster: Cluster, sql: str) -> str:
    assert cluster.database is not None
    return cluster.database.ask(sql).strip() or "0"


def _numbers(sample: Sample) -> Iterable[tuple[str, float]]:
    return ((name, value) for name, value in sample.items() if isinstance(value, (int, float)))
