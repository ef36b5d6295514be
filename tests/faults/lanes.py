"""What the DAGs' tasks and the Lambda do with the engine, without Airflow and without Lambda."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from lakelanes.catalog.registrar import Registrar
from lakelanes.config.partitions import Partition
from lakelanes.files.batch import load_batch
from lakelanes.files.outcomes import FileOutcome
from lakelanes.files.queue_lane import FastLane, Message
from lakelanes.lake import Lake
from lakelanes.ledger.source_file import SourceFile


def batch_lane(lake: Lake, entity: str, files: list[SourceFile], run_id: str) -> list[FileOutcome]:
    """A mapped task of load_<entity>."""
    return load_batch(lake, lake.config.entities[entity], files, lane="batch", run_id=run_id)


def publish(lake: Lake, entity: str, partitions: Iterable[str]) -> None:
    """The publishing task of load_<entity>, as far as it concerns the catalogue."""
    Registrar(lake, "look").register_entity(lake.config.entities[entity], map(Partition.from_path, partitions))


def fast_lane(lane: FastLane, messages: list[Message], seconds: float) -> list[str]:
    """An invocation of file_processor with so many seconds. Returns the ids of the messages that come again."""
    until = time.monotonic() + seconds
    reports = lane.process(messages, lambda: until - time.monotonic())
    return [report.message.id for report in reports if not report.done]


def s3_event(bucket: str, key: str, etag: str, size: int, time: datetime, sequencer: int) -> dict[str, Any]:
    """A notification as S3 sends it
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html)."""
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "eventTime": time.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "bucket": {"name": bucket},
                    "object": {
                        "key": quote_plus(key, safe="/"),
                        "size": size,
                        "eTag": etag,
                        "sequencer": f"{sequencer:018X}",
                    },
                },
            }
        ]
    }


def key_of(event: dict[str, Any]) -> str:
    """The key that an event tells of."""
    return unquote_plus(event["Records"][0]["s3"]["object"]["key"])
