"""An export in S3 as DynamoDB writes it, of which tests damage a part."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakelanes.errors import ExportDataError
from lakelanes.lake import Lake
from lakelanes.tables import convert
from lakelanes.tables.convert import convert_export
from lakelanes.tables.manifests import read_manifests
from tests.lakelanes.tables.support import make_table

ID = "01767600000000-a1b2c3d4"
FOLDER = f"exports/AWSDynamoDB/{ID}"
SUMMARY = f"{FOLDER}/manifest-summary.json"
ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/shop-orders"
TARGET = "orders_changes/lane=export/window=20260105T0800Z/"


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def order(number: int) -> dict[str, Any]:
    return {"order_id": {"S": f"o-{number}"}, "total": {"N": f"{number}.25"}, "note": {"S": "ä" * (number % 7)}}


def change(number: int) -> dict[str, Any]:
    item = order(number)
    metadata = {"WriteTimestampMicros": {"N": str(1_767_600_000_000_000 + number)}}
    return {"Metadata": metadata, "Keys": {"order_id": item["order_id"]}, "NewImage": item}


def lines_of(changes: list[Any]) -> bytes:
    return "".join(json.dumps(each) + "\n" for each in changes).encode()


class ExportInS3:
    """An export as DynamoDB writes it; every part can be changed before or after."""

    def __init__(self, lake: Lake, *, full: bool = False) -> None:
        self.s3, self.bucket = lake.s3, lake.config.resources.analytics_bucket
        times = {"exportTime": "2026-01-05T08:00:00.123Z"}
        if not full:
            times = {"exportFromTime": "2026-01-05T08:00:00Z", "exportToTime": "2026-01-05T09:00:00Z"}
        self.summary: dict[str, Any] = {
            "version": "2023-08-01",
            "exportArn": f"{ARN}/export/{ID}",
            "tableArn": ARN,
            "manifestFilesS3Key": f"{FOLDER}/manifest-files.json",
            "itemCount": 0,
            "outputFormat": "DYNAMODB_JSON",
            **times,
        }
        self.files: list[dict[str, Any]] = []

    def put(self, key: str, body: bytes) -> str:
        return str(self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)["ETag"])

    def add(self, body: bytes, items: int, *, pack: Callable[[bytes], bytes] = gzip.compress) -> str:
        key = f"exports/AWSDynamoDB/data/{len(self.files):04d}.json.gz"
        packed = pack(body)
        etag = self.put(key, packed)
        self.files.append({"itemCount": items, "md5Checksum": md5(packed), "etag": etag, "dataFileS3Key": key})
        self.summary["itemCount"] += items
        return key

    def publish(self, suffix: str = ".md5") -> None:
        for name, data in (("files", lines_of(self.files)), ("summary", json.dumps(self.summary).encode())):
            self.put(f"{FOLDER}/manifest-{name}.json", data)
            self.put(f"{FOLDER}/manifest-{name}{suffix}", md5(data).encode())

    def convert(self, **options: Any) -> list[convert.ChangeFile]:
        export = read_manifests(self.s3, self.bucket, SUMMARY)
        return convert_export(self.s3, export, make_table(), self.bucket, TARGET, **options)

    def rows(self) -> list[dict[str, Any]]:
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=TARGET).get("Contents", [])
        rows: list[dict[str, Any]] = []
        for each in found:
            body = self.s3.get_object(Bucket=self.bucket, Key=each["Key"])["Body"].read()
            rows += pq.read_table(pa.BufferReader(body)).to_pylist()
        return rows


def assert_refused(export: ExportInS3, spoil: Callable[[ExportInS3], Any], where: str, reason: str) -> None:
    """An export of two changes that ``spoil`` damages is an error with place and reason; no row is left."""
    export.add(lines_of([change(1), change(2)]), 2)
    spoil(export)
    export.publish()
    with pytest.raises(ExportDataError, match=reason) as error:
        export.convert()
    assert where in str(error.value)
    assert export.rows() == []
