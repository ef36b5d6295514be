"""Runs table exports and reads what they wrote, checking every checksum on the way."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.support.localaws import LocalAws
from tests.support.waiting import wait_for


@dataclass
class Exported:
    """A completed export: its description, manifests, and the lines of each data file."""

    description: dict[str, Any]
    summary: dict[str, Any]
    manifest: list[dict[str, Any]]
    lines_by_file: dict[str, list[dict[str, Any]]]

    @property
    def lines(self) -> list[dict[str, Any]]:
        """All lines."""
        return [line for lines in self.lines_by_file.values() for line in lines]

    @property
    def id(self) -> str:
        """The last part of the ARN."""
        return str(self.description["ExportArn"].rpartition("/")[2])

    def items(self) -> dict[tuple[str, str], dict[str, Any]]:
        """A full export's items, by key."""
        found = {(line["Item"]["id"]["S"], line["Item"]["line"]["N"]): line["Item"] for line in self.lines}
        assert len(found) == len(self.lines)
        return found

    def changes(self) -> dict[tuple[str, str], dict[str, Any]]:
        """An incremental export's lines, by key."""
        found = {(line["Keys"]["id"]["S"], line["Keys"]["line"]["N"]): line for line in self.lines}
        assert len(found) == len(self.lines)
        return found


def wait(dynamodb: Any, arn: str) -> dict[str, Any]:
    """The export's description once it is no longer in progress."""
    return wait_for(
        lambda: dict(dynamodb.describe_export(ExportArn=arn)["ExportDescription"]),
        lambda description: description["ExportStatus"] != "IN_PROGRESS",
        f"the end of {arn}",
    )


def window(start: datetime, end: datetime | None, view: str | None = None) -> dict[str, Any]:
    """The members that ask for an incremental export."""
    specification = {"ExportFromTime": start, "ExportToTime": end, "ExportViewType": view}
    given = {name: value for name, value in specification.items() if value is not None}
    return {"ExportType": "INCREMENTAL_EXPORT", "IncrementalExportSpecification": given}


def export(aws: LocalAws, arn: str, bucket: str, **members: Any) -> Exported:
    """Export the table and read everything back through the manifests."""
    dynamodb = aws.client("dynamodb")
    accepted = dynamodb.export_table_to_point_in_time(TableArn=arn, S3Bucket=bucket, **members)["ExportDescription"]
    assert accepted["ExportStatus"] == "IN_PROGRESS"
    description = wait(dynamodb, accepted["ExportArn"])
    assert description["ExportStatus"] == "COMPLETED", description
    return read(aws.client("s3"), description)


def read(s3: Any, description: dict[str, Any]) -> Exported:
    """Read a completed export."""
    bucket = description["S3Bucket"]

    def get(key: str) -> tuple[bytes, str]:
        reply = s3.get_object(Bucket=bucket, Key=key)
        return reply["Body"].read(), reply["ETag"].strip('"')

    def checked(key: str) -> bytes:
        content, _ = get(key)
        assert get(key.replace(".json", ".md5"))[0].decode() == _md5(content)
        return content

    summary = json.loads(checked(description["ExportManifest"]))
    manifest = [json.loads(line) for line in checked(summary["manifestFilesS3Key"]).decode().splitlines()]
    lines_by_file = {}
    for entry in manifest:
        content, etag = get(entry["dataFileS3Key"])
        assert (_md5(content), etag) == (entry["md5Checksum"], entry["etag"])
        lines = [json.loads(line) for line in gzip.decompress(content).decode().splitlines()]
        assert len(lines) == entry["itemCount"]
        lines_by_file[entry["dataFileS3Key"]] = lines
    assert summary["itemCount"] == sum(entry["itemCount"] for entry in manifest) == description["ItemCount"]
    return Exported(description, summary, manifest, lines_by_file)


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
