"""Figures that AWS keeps of a run: starts and memory of the functions, queries and the bytes they are billed for."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator
from typing import Any

from scripts.acceptance.report import Report
from scripts.acceptance.trial import Trial

# https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
_START = re.compile(r"Init Duration: ([\d.]+) ms")
_MEMORY = re.compile(r"Max Memory Used: (\d+) MB")
# What Athena bills for a query at least (https://aws.amazon.com/athena/pricing/).
_LEAST_BYTES = 10_000_000


def measure(trial: Trial, report: Report) -> None:
    """Notes the figures; those that AWS does not have are noted as unknown."""
    for name in ("file_processor", "stream_processor"):
        lines = list(_reports(trial, f"/lakelanes/{trial.lake.config.resources.sqs_queue}/{name}"))
        starts = [float(found[1]) / 1000 for line in lines if (found := _START.search(line))]
        memory = [int(found[1]) for line in lines if (found := _MEMORY.search(line))]
        report.measure(
            f"{name}: start, layer included",
            statistics.median(starts) if starts else None,
            "s",
            f"{len(starts)} starts",
        )
        report.measure(f"{name}: memory at most", max(memory) if memory else None, "MB", f"{len(memory)} invocations")
    _measure_queries(trial, report)


def _reports(trial: Trial, group: str) -> Iterator[str]:
    """Lambda's own lines about invocations."""
    logs = trial.client("logs")
    try:
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group, filterPattern="REPORT"):
            yield from (event["message"] for event in page["events"])
    except logs.exceptions.ResourceNotFoundException:
        return


def _measure_queries(trial: Trial, report: Report) -> None:
    athena = trial.lake.athena
    workgroup = trial.lake.config.resources.workgroup_name
    done: list[Any] = []
    for page in athena.get_paginator("list_query_executions").paginate(WorkGroup=workgroup):
        if ids := page["QueryExecutionIds"]:
            done += athena.batch_get_query_execution(QueryExecutionIds=ids)["QueryExecutions"]
    reads = [each["Statistics"].get("DataScannedInBytes", 0) for each in done if each["StatementType"] == "DML"]
    report.measure("Athena's statements", len(done), "statements", f"{len(reads)} of them read data")
    report.measure("bytes that they read", sum(reads), "bytes")
    report.measure("bytes billed", sum(max(read, _LEAST_BYTES) for read in reads), "bytes", "10 MB a query at least")
    seconds = [each["Statistics"].get("TotalExecutionTimeInMillis", 0) / 1000 for each in done]
    if seconds:
        report.measure("Athena's time for a statement, p50", statistics.median(seconds), "s")
