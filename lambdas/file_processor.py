"""The Lambda function of the low-latency lane for files: S3 event -> SQS -> this -> the lake.

Its event source mapping reports batch item failures: only the messages that are named in the reply come again
(https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html). Prints one JSON line per file, and one
per entity that CloudWatch takes for metrics.

Environment: LAKE_CONFIG (the bundle's), LAKE_FILE_QUEUE_URL, LAKE_MAX_RECEIVES (of the queue's redrive policy).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
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
    from lakelanes.files.queue_lane import FastLane, FileReport, MessageReport

_RECEIVES, _QUEUE_URL = int(os.environ["LAKE_MAX_RECEIVES"]), os.environ["LAKE_FILE_QUEUE_URL"]


@cache
def lane() -> FastLane:
    """The lane, made by the first call: with the converter and the clients it is over half of what there is to make.

    Raises LibraryError.
    """
    with starting():
        from lakelanes.files.queue_lane import FastLane

        check_arrow()
        _lake.make_clients()
        return FastLane(_lake, max_receives=_RECEIVES, queue_url=_QUEUE_URL)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Loads the files that the messages of an SQS batch name; returns the ids of the messages that have to come
    again."""
    loading = lane()
    from lakelanes.files.queue_lane import Message

    messages = [
        Message(
            record["messageId"],
            record["body"],
            record["receiptHandle"],
            int(record["attributes"]["ApproximateReceiveCount"]),
        )
        for record in event["Records"]
    ]
    reports = loading.process(messages, lambda: context.get_remaining_time_in_millis() / 1000)
    for line in (*log_lines(reports, context.aws_request_id), *metrics(reports, _lake.config.resources.glue_database)):
        print(json.dumps(line, ensure_ascii=False), flush=True)
    return {"batchItemFailures": [{"itemIdentifier": r.message.id} for r in reports if not r.done]}


def log_lines(reports: Iterable[MessageReport], request_id: str) -> Iterator[dict[str, Any]]:
    """One line per file of each message, and one per message that is no notification."""
    for report in reports:
        common = {"request_id": request_id, "receives": report.message.receives}
        if report.fault:
            yield {
                "level": "ERROR",
                "message_id": report.message.id,
                "state": "malformed",
                "reason": report.fault,
                **common,
            }
        for file in report.files:
            said = {name: value for name, value in asdict(file).items() if value not in (None, ())}
            yield {"level": "INFO" if file.done else "ERROR", **said, **common}


def metrics(reports: Iterable[MessageReport], lake: str) -> Iterator[dict[str, Any]]:
    """Files, rows, rejected rows, failures and latencies by entity, in embedded metric format."""
    by_entity: dict[str, list[FileReport]] = {}
    for report in reports:
        for file in report.files:
            if file.entity and file.state != "ignored":
                by_entity.setdefault(file.entity, []).append(file)
    for entity, files in by_entity.items():
        # Events of one version that came together are one file.
        loaded = list({file.source: file for file in files if file.state == "loaded"}.values())
        latencies = [file.latency for file in loaded if file.latency is not None]
        values: dict[str, tuple[Value, Unit]] = {
            "Files": (len(loaded), "Count"),
            "Rows": (sum(file.rows_loaded or 0 for file in loaded), "Count"),
            "Rejects": (sum(file.rows_rejected or 0 for file in loaded), "Count"),
            "Failures": (sum(not file.done for file in files), "Count"),
        }
        if latencies:
            values["Latency"] = (latencies, "Seconds")
        yield metrics_line({"Lake": lake, "Entity": entity}, values)
