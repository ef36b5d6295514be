"""What files cost on Airflow's distributed engine, with one, two and four task slots: many small ones, or large ones.

A cluster of its own is started (scripts/cluster.py), with as many workers as the most slots, one slot each; for fewer
slots workers are stopped. Each time one run of load_<entity> loads the files of a month, and its batches are spread
over the slots. Measured are the time from the request until Airflow says that the run is over, that from the last
file's commit until Glue has the partition, the CPU of Airflow's processes beside what they take when nothing runs, and
the requests to AWS. These pass a proxy that counts them and serves the source files, all of them from one file on the
disk (``benchmarks.large_source``), so the times are upper bounds. The engine finds, loads and publishes as many files
once more (or _ALONE_FILES of them) without Airflow, loading in as many processes at once as there are slots, which slow
each other as the slots do: the difference of the CPU of a file is Airflow's share. Checked is that each row is in the
table once. Then what was written is deleted, for the local AWS keeps it in memory. Before all that one file is loaded
unmeasured, for the cluster's first run loads into Airflow's processes what later runs find there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.cases import SLOTS, Case
from benchmarks.generate import NARROW, make
from benchmarks.large_source import LargeSource
from benchmarks.report import Sample, summary
from lakelanes.config.model import Entity
from lakelanes.ledger.files import Ledger
from scripts.airflow_api import AirflowApi
from scripts.cluster import Cluster
from tests.support.lakes import config_text
from tests.support.proxied_cluster import ProxiedCluster
from tests.support.queries import fetch_rows, run_query

_PATIENCE_SECONDS = 3600.0
_POLL_SECONDS = 0.5
_IDLE_SECONDS = 30.0
# Enough for every slot to have several, where the default makes fewer.
_BATCHES = 8
# Files that the engine loads alone at most: the mean of so many is good enough.
_ALONE_FILES = 2_000
# Each number of slots has one of the first months, and one of the last whose files the engine loads alone.
_MONTHS = {slots: (month, 13 - month) for month, slots in enumerate(SLOTS, 1)}
# That of the file before all others.
_FIRST_MONTH = 7
_ENTITY: dict[str, Any] = {
    "table_name": "sales",
    "filename_pattern": r"sales_(\d{4})_(\d{2})_\d+\.csv",
    "partition_keys": ["year", "month"],
    "schema": [{"name": name, "type": text} for name, text in NARROW.items()],
    "settle_seconds": 0,
    "lanes": ["batch"],
}
_OPTIONS: dict[str, dict[str, object]] = {
    "celery": {"worker_autoscale": "1,1"},
    "core": {"dags_are_paused_at_creation": True},
    "dag_processor": {"min_file_process_interval": 600, "stale_dag_threshold": 1800},
}
# A step that the engine does of a run, without Airflow: finding a month's files, loading every n-th of them, publishing
# them. The arguments are the month, the step, the first file's place, and n; printed are files and CPU seconds.
_STEP = """
import json, resource, sys
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_between
from lakelanes.files.pending import pending
from lakelanes.files.publish import Scope, publish
from lakelanes.lake import Lake
lake = Lake.open()
entity = lake.config.entities["sales"]
month, step, first, every = f"2024-{sys.argv[1]}", sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
files = [] if step == "find" else list_between(lake, entity, month, month)[first::every]
before = resource.getrusage(resource.RUSAGE_SELF)
if step == "find":
    files = pending(lake, list_between(lake, entity, month, month))
elif step == "load":
    load_batch(lake, entity, files, lane="batch", run_id="bench")
else:
    publish(lake, [("sales", file) for file in files], Scope("sales"), set())
after = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([len(files), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime]))
"""
_COUNT = (
    "SELECT sum((xpath('/row/c/text()', query_to_xml(format('SELECT count(*) AS c FROM %I', table_name), false, true, "
    "'')))[1]::text::bigint) FROM information_schema.tables WHERE table_schema = 'public'"
)


class ClusterBenchError(Exception):
    """A run did not end, or not well; the text says how far it came."""


class CpuSeconds(NamedTuple):
    """Of Airflow's processes: those that plan, watch and serve, and those that do tasks."""

    others: float
    workers: float

    def less(self, other: CpuSeconds, times: float = 1.0) -> CpuSeconds:
        return CpuSeconds(self.others - times * other.others, self.workers - times * other.workers)


class _Counted(ProxiedCluster[LargeSource]):
    """A cluster behind a proxy that counts and has the source files. source_file: what is served under each of
    source_keys."""

    source_file: Path
    source_keys: list[str]

    def make_proxy(self) -> LargeSource:
        bucket = self.config.resources.source_bucket
        return LargeSource(self.endpoint_url, bucket, self.source_keys, self.source_file)

    def leave(self, workers: int) -> None:
        """Stop all workers but so many."""
        with self._lock():
            self._table().stop(self.worker_names[workers:])

    def cpu_seconds(self) -> CpuSeconds:
        """What the nodes' processes have taken so far, and those that they waited for."""
        by_name = {process.name: process.cpu_seconds() for process in self.running() if process.name in self.node_names}
        workers = sum(seconds for name, seconds in by_name.items() if name in self.worker_names)
        return CpuSeconds(sum(by_name.values()) - workers, workers)


def run(case: Case, folder: Path, say: Callable[[str], None]) -> tuple[dict[str, Any], dict[str, list[Sample]]]:
    """The figures by number of slots, and the samples; ``case.files`` files of ``case.input`` each time, which is
    generated into the folder."""
    path, truth = make(case.input, folder)
    rows = truth.rows_ok * case.files
    samples: dict[str, list[Sample]] = {}
    with tempfile.TemporaryDirectory(prefix="lakelanes-bench-") as own:
        config = Path(own) / "lake.json"
        config.write_text(config_text({"sales": {**_ENTITY, "batch_bytes": _batch_bytes(case)}}, "bench"))
        cluster = _Counted(config_path=config, state=Path(own) / "state", workers=max(SLOTS), airflow=_OPTIONS)
        cluster.source_file, cluster.source_keys = path, _keys(case)
        with cluster:
            say(f"{max(SLOTS)} workers run")
            api = cluster.open_api(_PATIENCE_SECONDS)
            api.patch("/dags/load_sales", {"is_paused": False})
            run_id, state, _ = _load_month(cluster, api, _FIRST_MONTH)
            if state != "success":
                raise ClusterBenchError(f"{run_id} is {state}")
            _forget(cluster)
            for slots, (month, alone) in _MONTHS.items():
                cluster.leave(slots)
                engine = _engine_alone(cluster, case, alone, slots)
                _forget(cluster)
                say(f"the engine alone, {slots} processes: {engine:.4g} CPU ms a file")
                sample = _measure(cluster, api, case, month, rows) | {"engine_cpu_ms_per_file": engine}
                _forget(cluster)
                sample["airflow_cpu_ms_per_file"] = sample["cpu_ms_per_file"] - engine
                sample["airflow_cpu_share"] = sample["airflow_cpu_ms_per_file"] / sample["cpu_ms_per_file"]
                samples[f"slots_{slots}"] = [sample]
                say(f"{slots} slots: " + ", ".join(f"{name} {value:.4g}" for name, value in _numbers(sample)))
    figures = {name: summary(found, found[0].pop("faults")) for name, found in samples.items()}
    return figures, samples


def _batch_bytes(case: Case) -> int:
    """The default, or less where that makes too few batches."""
    default = int(Entity.model_fields["batch_bytes"].default)
    return min(default, max(1 << 20, case.input.size * case.files // _BATCHES))


def _keys(case: Case) -> list[str]:
    """The keys of the files of all months, each of which is loaded once."""
    files = {_FIRST_MONTH: 1}
    for month, alone in _MONTHS.values():
        files |= {month: case.files, alone: _alone(case)}
    return [f"sales_2024_{month:02}_{number}.csv" for month, count in files.items() for number in range(count)]


def _alone(case: Case) -> int:
    """How many files the engine loads alone."""
    return min(case.files, _ALONE_FILES)


def _measure(cluster: _Counted, api: AirflowApi, case: Case, month: int, rows: int) -> Sample:
    idle = cluster.cpu_seconds()
    time.sleep(_IDLE_SECONDS)
    before, rows_before = cluster.cpu_seconds(), _rows(cluster)
    at_rest = before.less(idle)
    assert cluster.proxy is not None
    cluster.proxy.counts.clear()
    started = time.monotonic()
    run_id, state, registered = _load_month(cluster, api, month)
    seconds = time.monotonic() - started
    cpu = cluster.cpu_seconds().less(before).less(at_rest, seconds / _IDLE_SECONDS)
    found = _loaded(cluster, month)
    return {
        "wall_s": seconds,
        "files_per_s": case.files / seconds,
        "commit_to_partition_s": _since_last_commit(cluster, month, registered),
        "cpu_ms_per_file": 1000 * sum(cpu) / case.files,
        "workers_cpu_ms_per_file": 1000 * cpu.workers / case.files,
        "idle_cpu_s_per_s": sum(at_rest) / _IDLE_SECONDS,
        "requests_per_file": cluster.proxy.counts.total() / case.files,
        "database_rows_per_run": _rows(cluster) - rows_before,
        "xcom_bytes_per_run": _xcoms(cluster, run_id),
        "tasks_run": int(_asked(cluster, f"SELECT count(*) FROM task_instance WHERE run_id = '{run_id}'")),
        "load_average": os.getloadavg()[0],
        "faults": [
            *([] if state == "success" else [f"the run is {state}"]),
            *([] if found == rows else [f"{found} rows, expected {rows}"]),
        ],
    }


def _load_month(cluster: Cluster, api: AirflowApi, month: int) -> tuple[str, str, datetime | None]:
    """Load a month: the run's name, the state in which it ended, and when its partition was first seen in Glue."""
    conf = {"first_partition": f"2024-{month:02}", "last_partition": f"2024-{month:02}"}
    run_id = api.post("/dags/load_sales/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"]
    return run_id, *_ended(cluster, run_id, month)


def _ended(cluster: Cluster, run_id: str, month: int) -> tuple[str, datetime | None]:
    """The state in which the run ended, and when the month's partition was first seen in Glue. The database is asked,
    for what the api-server answers is in its CPU."""
    deadline, registered = time.monotonic() + _PATIENCE_SECONDS, None
    while True:
        state = _asked(cluster, f"SELECT state FROM dag_run WHERE run_id = '{run_id}'")
        if registered is None and _has_partition(cluster, month):
            registered = datetime.now(UTC)
        if state in ("success", "failed"):
            return state, registered
        if time.monotonic() > deadline:
            raise ClusterBenchError(f"{run_id} is {state} after {_PATIENCE_SECONDS:.0f} s")
        time.sleep(_POLL_SECONDS)


def _has_partition(cluster: Cluster, month: int) -> bool:
    glue, database = cluster.client("glue"), cluster.config.resources.glue_database
    try:
        glue.get_partition(DatabaseName=database, TableName="sales", PartitionValues=["2024", f"{month:02}"])
    except glue.exceptions.EntityNotFoundException:
        return False
    return True


def _since_last_commit(cluster: Cluster, month: int, registered: datetime | None) -> float | None:
    """Seconds from the last file's commit to a moment; at most _POLL_SECONDS and an answer more than it took."""
    ledger = Ledger(cluster.client("dynamodb"), cluster.config.resources.ledger_table, lambda: datetime.now(UTC))
    entries = ledger.in_partition("sales", f"year=2024/month={month:02}")
    commits = [datetime.fromisoformat(entry.loaded_at) for entry in entries if entry.loaded_at]
    return (registered - max(commits)).total_seconds() if registered and commits else None


def _forget(cluster: Cluster) -> None:
    """Deletes the table's objects, after their rows have been counted."""
    s3, bucket = cluster.client("s3"), cluster.config.resources.analytics_bucket
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="sales/"):
        if keys := [{"Key": one["Key"]} for one in page.get("Contents", ())]:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})


def _loaded(cluster: Cluster, month: int) -> int:
    resources, athena = cluster.config.resources, cluster.client("athena")
    done = run_query(
        athena,
        f"SELECT count(*) FROM sales WHERE year = '2024' AND month = '{month:02}'",
        seconds=_PATIENCE_SECONDS,
        WorkGroup=resources.workgroup_name,
        QueryExecutionContext={"Database": resources.glue_database},
    )
    return int(str(fetch_rows(athena, done["QueryExecutionId"])[1][0]))


def _engine_alone(cluster: _Counted, case: Case, month: int, slots: int) -> float:
    """CPU milliseconds of a file in a run's three steps without Airflow, loading in as many processes as there are
    slots; of files in a month of their own."""
    assert cluster.proxy is not None
    environment = {**os.environ, **cluster.environment, "AWS_ENDPOINT_URL": cluster.proxy.endpoint_url}

    def do(step: str, first: int = 0, every: int = 1) -> tuple[int, float]:
        command = [sys.executable, "-c", _STEP, f"{month:02}", step, str(first), str(every)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        files, seconds = json.loads(done.stdout)
        return files, seconds

    found = [do("find")]
    with ThreadPoolExecutor(slots) as executor:
        loaded = list(executor.map(lambda first: do("load", first, slots), range(slots)))
    published = [do("publish")]
    for step in (found, loaded, published):
        assert sum(files for files, _ in step) == _alone(case)
    return 1000 * sum(seconds for _, seconds in (*found, *loaded, *published)) / _alone(case)


def _rows(cluster: Cluster) -> int:
    return int(_asked(cluster, _COUNT))


def _xcoms(cluster: Cluster, run_id: str) -> int:
    return int(_asked(cluster, f"SELECT sum(octet_length(value::text)) FROM xcom WHERE run_id = '{run_id}'"))


def _asked(cluster: Cluster, sql: str) -> str:
    assert cluster.database is not None
    return cluster.database.ask(sql).strip() or "0"


def _numbers(sample: Sample) -> Iterable[tuple[str, float]]:
    return ((name, value) for name, value in sample.items() if isinstance(value, (int, float)))
