"""How long a file takes from its upload to Athena's answer, through a whole stack with its function deployed.

A stack of its own is started, Airflow included. Files are put at a steady pace; meanwhile Athena is asked again and
again which of those that are under way it counts all rows of. A file's time begins when its put has returned and ends
when an answer that counts it has been read, so what is measured is never less than what it took.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.cases import OURS, Case
from benchmarks.report import Sample, summary
from scripts.stack import Stack
from tests.support.lakes import config_text

FILES_A_SECOND = 5.0
ROWS = 20
# Files of one partition: a new one comes every two seconds, so its registration is part of what is measured.
_PARTITION_FILES = 10
_POLL_SECONDS = 0.05
_PATIENCE_SECONDS = 60.0

_ENTITY = {
    "table_name": "arrivals",
    "filename_pattern": r"arrivals_(\d{3})_(?:\d{4})\.csv",
    "partition_keys": ["part"],
    "schema": [{"name": "file", "type": "int"}, {"name": "amount", "type": "decimal(10,2)"}],
}


def run(case: Case, say: Callable[[str], None]) -> tuple[dict[str, Any], list[Sample]]:
    """The figures of our tool, and its samples."""
    samples = [_sample(case.files, say) for _ in range(case.repeats)]
    faults = [fault for sample in samples for fault in sample.pop("faults")]
    return summary(samples, faults), samples


def _sample(files: int, say: Callable[[str], None]) -> Sample:
    with tempfile.TemporaryDirectory(prefix="lakelanes-bench-") as folder:
        config = Path(folder) / "lake.json"
        config.write_text(config_text({"arrivals": _ENTITY}, "bench"))
        with Stack(config_path=config, state=Path(folder) / "state") as stack:
            load = os.getloadavg()[0]
            seconds, faults = _Arrivals(stack, files).measure()
    ordered = sorted(seconds)
    sample: Sample = {
        "p50_s": percentile(ordered, 50),
        "p95_s": percentile(ordered, 95),
        "p99_s": percentile(ordered, 99),
        "max_s": ordered[-1] if ordered else math.inf,
        "rows_ok": ROWS * len(seconds),
        "load_average": round(load, 2),
        "seconds": [round(value, 3) for value in seconds],
        "faults": faults,
    }
    shown = ", ".join(f"{name} {sample[name]:.2f}" for name in ("p50_s", "p95_s", "p99_s", "max_s"))
    say(f"{OURS}: {len(seconds)} of {files} files visible; {shown}; load {load:.1f}")
    return sample


def percentile(ordered: list[float], percent: int) -> float:
    """The nearest-rank percentile of sorted values: the least that so many percent of them do not exceed."""
    return ordered[math.ceil(len(ordered) * percent / 100) - 1] if ordered else math.inf


class _Arrivals:
    """Puts the files and watches for them."""

    def __init__(self, stack: Stack, files: int) -> None:
        self._s3, self._athena = stack.client("s3"), stack.client("athena")
        self._resources, self._files = stack.config.resources, files
        self._put: dict[int, float] = {}
        self._seen: dict[int, float] = {}

    def measure(self) -> tuple[list[float], list[str]]:
        """Seconds of each file that became visible, in the order they were put; and what is wrong."""
        putting = threading.Thread(target=self._put_all, name="put")
        putting.start()
        while putting.is_alive() or len(self._seen) < len(self._put):
            started = time.monotonic()
            if putting.is_alive() is False and started - max(self._put.values()) > _PATIENCE_SECONDS:
                break
            self._look()
            time.sleep(max(0.0, started + _POLL_SECONDS - time.monotonic()))
        putting.join()
        faults = [f"file {n} is not visible" for n in range(self._files) if n not in self._seen]
        for row in self._ask("SELECT file, count(*) FROM arrivals GROUP BY file"):
            if int(row[1]) != ROWS:
                faults.append(f"file {row[0]} has {row[1]} rows, {ROWS} were put")
        return [self._seen[number] - self._put[number] for number in sorted(self._seen)], faults

    def _put_all(self) -> None:
        started = time.monotonic()
        for number in range(self._files):
            time.sleep(max(0.0, started + number / FILES_A_SECOND - time.monotonic()))
            rows = "".join(f"{number},{number}.{row:02}\n" for row in range(ROWS))
            self._s3.put_object(
                Bucket=self._resources.source_bucket,
                Key=f"arrivals_{number // _PARTITION_FILES:03}_{number:04}.csv",
                Body=f"file,amount\n{rows}".encode(),
            )
            self._put[number] = time.monotonic()

    def _look(self) -> None:
        waiting = [number for number in list(self._put) if number not in self._seen]
        if not waiting:
            return
        parts = sorted({f"'{number // _PARTITION_FILES:03}'" for number in waiting})
        rows = self._ask(f"SELECT file, count(*) FROM arrivals WHERE part IN ({', '.join(parts)}) GROUP BY file")
        now = time.monotonic()
        for file, count in rows:
            if int(count) == ROWS and int(file) in waiting:
                self._seen[int(file)] = now

    def _ask(self, sql: str) -> list[list[str]]:
        """Athena's answer; [] while there is no table yet."""
        identifier = self._athena.start_query_execution(
            QueryString=sql,
            WorkGroup=self._resources.workgroup_name,
            QueryExecutionContext={"Database": self._resources.glue_database},
        )["QueryExecutionId"]
        while True:
            answer = self._athena.get_query_execution(QueryExecutionId=identifier)["QueryExecution"]["Status"]
            if answer["State"] == "SUCCEEDED":
                break
            if answer["State"] in ("FAILED", "CANCELLED"):
                if "TABLE_NOT_FOUND" in answer.get("StateChangeReason", ""):
                    return []
                raise RuntimeError(f"{sql}: {json.dumps(answer, default=str)}")
            time.sleep(0.01)
        pages = self._athena.get_paginator("get_query_results").paginate(QueryExecutionId=identifier)
        rows = [[cell["VarCharValue"] for cell in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]]
        return rows[1:]
