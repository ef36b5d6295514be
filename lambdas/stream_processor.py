"""The Lambda function of the stream's lane for DynamoDB tables: DynamoDB Streams -> this -> <table>_changes.

Its event source mappings report batch item failures: of a batch, what is from the named sequence number on comes again
(https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html). Prints one JSON line per batch,
one per record that cannot be read, and one that CloudWatch takes for metrics.

Environment: LAKE_CONFIG (the bundle's).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any

from lakelanes.runtime import check_arrow, starting

with starting():
    from lakelanes.aws.metrics import Unit, Value, metrics_line
    from lakelanes.config.loading import load_config
    from lakelanes.lake import Lake

    _lake = Lake(load_config())

if TYPE_CHECKING:
    from lakelanes.tables.stream import StreamLane
    from lakelanes.tables.stream_report import BatchReport


@cache
def lane() -> StreamLane:
    """The lane, made by the first call: with pyarrow and the clients it is over half of what there is to make.

    Raises LibraryError.
    """
    with starting():
        from lakelanes.tables.stream import StreamLane

        check_arrow()
        _lake.make_clients()
        return StreamLane(_lake)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Writes a batch of stream records; returns the sequence number from which on it has to come again."""
    report = lane().process(event["Records"], lambda: context.get_remaining_time_in_millis() / 1000)
    for line in lines(report, context.aws_request_id, _lake.config.resources.glue_database):
        print(json.dumps(line, ensure_ascii=False), flush=True)
    return {"batchItemFailures": [] if report.failed_from is None else [{"itemIdentifier": report.failed_from}]}


def lines(report: BatchReport, request_id: str, lake: str) -> Iterator[dict[str, Any]]:
    """The log lines of a batch; none for one without records."""
    if not report.records:
        return
    said = {name: value for name, value in asdict(report).items() if value not in (None, ()) and name != "faults"}
    well = report.failed_from is None
    yield {"level": "INFO" if well else "ERROR", **said, "faults": len(report.faults), "request_id": request_id}
    for fault in report.faults:
        yield {
            "level": "ERROR",
            "state": "unreadable",
            "table": report.table,
            **asdict(fault),
            "request_id": request_id,
        }
    values: dict[str, tuple[Value, Unit]] = {
        "Records": (report.records, "Count"),
        "Rows": (report.rows, "Count"),
        "Failures": (report.failures, "Count"),
    }
    if report.latency is not None:
        values["Latency"] = (report.latency, "Seconds")
    yield metrics_line({"Lake": lake, "Table": report.table or "unknown"}, values)
