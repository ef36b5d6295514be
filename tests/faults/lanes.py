"""What the DAGs' tasks and the Lambda do with the engine, without Airflow and without Lambda."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from lakelanes.lake import Lake
from lakelanes.load import FileOutcome, load_batch, register
from lakelanes.partitions import Partition
from lakelanes.sources import SourceFile, match

# After these the file is to be told of again: by the queue, or by Airflow's retry.
_AGAIN = ("failed", "claimed_elsewhere")


def batch_lane(lake: Lake, entity: str, files: list[SourceFile], run_id: str) -> list[FileOutcome]:
    """A mapped task of load_<entity>."""
    return load_batch(lake, lake.config.entities[entity], files, lane="batch", run_id=run_id)


def publish(lake: Lake, entity: str, partitions: Iterable[str]) -> None:
    """The publishing task of load_<entity>, as far as it concerns the catalogue."""
    register(lake, lake.config.entities[entity], map(Partition.from_path, partitions))


def fast_lane(lake: Lake, events: list[dict[str, Any]], message_id: str, known: set[str]) -> list[str]:
    """What a handler of S3 events does. Returns the keys of the events to be told of again.

    ``known``: partitions that this process has registered.
    """
    files: dict[str, list[SourceFile]] = {}
    for event in events:
        for record in event["Records"]:
            file = file_of(record)
            found = match(lake.config, file.key)
            if found and record["eventName"].startswith("ObjectCreated"):
                files.setdefault(found.entity.name, []).append(file)
    again: list[str] = []
    for name, own in files.items():
        entity = lake.config.entities[name]
        # Of one file only the newest event: a batch is loaded by several threads.
        newest = {file.key: file for file in sorted(own, key=lambda file: file.sequencer or "")}
        outcomes = load_batch(lake, entity, list(newest.values()), lane="fast", run_id=message_id)
        loaded = [o for o in outcomes if o.state not in ("claimed_elsewhere", "failed")]
        paths = {path for o in loaded for path in o.partitions} - known
        if paths:
            publish(lake, name, paths)
            known |= paths
        again += [o.source.removeprefix("s3://").partition("/")[2] for o in outcomes if o.state in _AGAIN]
    return again


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


def file_of(record: dict[str, Any]) -> SourceFile:
    """The SourceFile of a record of an S3 notification."""
    of = record["s3"]["object"]
    time = datetime.fromisoformat(record["eventTime"])
    return SourceFile(
        record["s3"]["bucket"]["name"], unquote_plus(of["key"]), of["eTag"], of["size"], time, of["sequencer"]
    )
