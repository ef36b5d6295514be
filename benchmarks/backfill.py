"""What a backfill over days that are loaded already costs, by a whole stack.

A stack of its own is started, Airflow included. A small file per day is put and loaded by the engine; then one request
to Airflow's REST API backfills all of the days, with Airflow's default settings. Measured is the time from that request
until Airflow says that the backfill is complete, and how many tasks it took; checked is that every run succeeded and
that no file was loaded again.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.cases import OURS, Case
from benchmarks.report import Sample, summary
from lakelanes.catalog.registrar import Registrar
from lakelanes.config.partitions import Partition
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_entity
from lakelanes.files.matching import partition_for
from lakelanes.files.outcomes import raise_for_outcomes
from lakelanes.files.validation import validate
from lakelanes.lake import Lake
from scripts.airflow_api import AirflowApi
from scripts.stack import Stack
from tests.support.lakes import config_text

_PATIENCE_SECONDS = 3600.0
_REQUEST_SECONDS = 300.0
_POLL_SECONDS = 1.0
_PAGE = 100
_DAG = "load_days"
_ENTITY = {
    "table_name": "days",
    "filename_pattern": r"days_(\d{4})_(\d{2})_(\d{2})\.csv",
    "partition_keys": ["year", "month", "day"],
    "schema": [{"name": "number", "type": "int"}, {"name": "amount", "type": "decimal(10,2)"}],
    "settle_seconds": 0,
    # So that the days are loaded by whoever is told to, and by nobody else.
    "lanes": ["batch"],
}


class BackfillError(Exception):
    """The backfill did not end; the text says how far it came."""


def run(case: Case, say: Callable[[str], None]) -> tuple[dict[str, Any], list[Sample]]:
    """The figures of our tool, and its samples; ``case.files`` is the number of days."""
    samples = [_sample(case.files, say) for _ in range(case.repeats)]
    faults = [fault for sample in samples for fault in sample.pop("faults")]
    return summary(samples, faults), samples


def _sample(days: int, say: Callable[[str], None]) -> Sample:
    with tempfile.TemporaryDirectory(prefix="lakelanes-bench-") as folder:
        config = Path(folder) / "lake.json"
        config.write_text(config_text({"days": _ENTITY}, "bench"))
        with Stack(config_path=config, state=Path(folder) / "state") as stack, mock.patch.dict(os.environ):
            os.environ.update(stack.environment)
            started = time.monotonic()
            last = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
            lake = Lake.open(stack.config)
            _load(lake, [last - timedelta(days=number) for number in range(days)])
            say(f"{OURS}: {days} days loaded in {time.monotonic() - started:.0f} s")
            return _measure(stack, lake, last - timedelta(days=days - 1), last, say)


def _load(lake: Lake, days: list[datetime]) -> None:
    """Puts a file per day and loads them all."""
    entity = lake.config.entities["days"]
    for day in days:
        rows = "".join(f"{number},{number}.25\n" for number in range(20))
        lake.s3.put_object(
            Bucket=lake.config.resources.source_bucket,
            Key=f"days_{day:%Y_%m_%d}.csv",
            Body=f"number,amount\n{rows}".encode(),
        )
    files = list_entity(lake, entity)
    raise_for_outcomes(load_batch(lake, entity, files, lane="batch", run_id="bench"))
    partitions: list[Partition] = [partition_for(entity, file.key) for file in files]
    Registrar(lake, "look").register_entity(entity, partitions)
    validate(lake, entity, partitions)


def _measure(stack: Stack, lake: Lake, first: datetime, last: datetime, say: Callable[[str], None]) -> Sample:
    before, load = _versions(lake), os.getloadavg()[0]
    started = time.monotonic()
    # Airflow makes all the runs within the request.
    api = AirflowApi(stack.airflow_url, timeout=_REQUEST_SECONDS)
    request = {"dag_id": _DAG, "from_date": first.isoformat(), "to_date": last.isoformat()}
    identifier = api.post("/backfills", request)["id"]
    requested = time.monotonic() - started
    while not api.get(f"/backfills/{identifier}")["completed_at"]:
        if time.monotonic() - started > _PATIENCE_SECONDS:
            raise BackfillError(f"not complete after {_PATIENCE_SECONDS:.0f} s: {_run_states(stack)}")
        time.sleep(_POLL_SECONDS)
    seconds = time.monotonic() - started
    days, states = (last - first).days + 1, _run_states(stack)
    ran = Counter(
        task["task_id"]
        for task in _tasks(stack)
        # The DAG's own scheduled run is there, too.
        if task["dag_run_id"].startswith("backfill__") and task["start_date"] and task["state"] != "skipped"
    )
    sample: Sample = {
        "wall_s": seconds,
        "request_s": requested,
        "tasks_run": ran.total(),
        "s_per_day": seconds / days,
        "load_average": round(load, 2),
        **{f"tasks_{task}": count for task, count in sorted(ran.items())},
        "faults": [],
    }
    if states != {"success": days}:
        sample["faults"].append(f"{days} runs were to succeed, their states are {dict(states)}")
    if _versions(lake) != before:
        sample["faults"].append("a file that was loaded was loaded again")
    shown = ", ".join(f"{task} {count}" for task, count in ran.most_common())
    say(f"{OURS}: {days} days in {seconds:.0f} s, {seconds / days:.2f} s each; tasks run: {shown}; load {load:.1f}")
    return sample


def _versions(lake: Lake) -> dict[str, Any]:
    """Of each file in the ledger the number of its claim and its run, and of each object of the table its ETag."""
    entries = lake.ledger.get_many(file.uri for file in list_entity(lake, lake.config.entities["days"]))
    pages = lake.s3.get_paginator("list_objects_v2").paginate(
        Bucket=lake.config.resources.analytics_bucket, Prefix="days/"
    )
    objects = {found["Key"]: found["ETag"] for page in pages for found in page.get("Contents", ())}
    return {**objects, **{uri: (entry.token, entry.run_id) for uri, entry in entries.items()}}


def _run_states(stack: Stack) -> Counter[str]:
    path = f"/dags/{_DAG}/dagRuns"
    return Counter(run["state"] for run in _pages(stack, path, "dag_runs", run_type="backfill"))


def _tasks(stack: Stack) -> Iterator[Any]:
    return _pages(stack, f"/dags/{_DAG}/dagRuns/~/taskInstances", "task_instances")


def _pages(stack: Stack, path: str, key: str, **query: Any) -> Iterator[Any]:
    offset = 0
    while found := stack.api.get(path, limit=_PAGE, offset=offset, order_by="id", **query)[key]:
        yield from found
        offset += len(found)
