"""The manifests of a finished export in S3: what it is of, and which data files it has.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html

    <prefix>/AWSDynamoDB/<export id>/manifest-summary.json, manifest-files.json, a checksum of each
                                     data/*.json.gz            of a full export
    <prefix>/AWSDynamoDB/data/*.json.gz                        of incremental ones, all in one folder

So data files are found only through the manifests.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lakelanes.aws.failures import is_missing, is_refused
from lakelanes.errors import ExportDataError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORMAT = "DYNAMODB_JSON"


@dataclass(frozen=True)
class DataFile:
    """A data file in the manifest. items: its number of lines. md5: of the object, in base64. etag: without quotes."""

    bucket: str
    key: str
    items: int
    md5: str
    etag: str | None = None

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class ExportManifest:
    """What the manifests say of a finished export.

    export_time: of a full export; from_time (inclusive), to_time (exclusive): of an incremental one.
    items: number of lines of all data files.
    """

    export_id: str
    arn: str
    table_arn: str
    items: int
    files: tuple[DataFile, ...]
    export_time: datetime | None = None
    from_time: datetime | None = None
    to_time: datetime | None = None

    @property
    def is_full(self) -> bool:
        return self.export_time is not None

    @property
    def export_micros(self) -> int | None:
        """The time of a full export in microseconds since 1970-01-01 UTC; None for an incremental one."""
        if self.export_time is None:
            return None
        since = self.export_time - _EPOCH
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def read_manifests(s3: Any, bucket: str, summary_key: str) -> ExportManifest:
    """Reads the manifest-summary.json with this key (DescribeExport's ExportManifest) and the manifest that it names.

    Raises ExportDataError when a manifest differs from its checksum, lacks a member, or contradicts the other one.
    """
    uri = f"s3://{bucket}/{summary_key}"
    summary = _object(uri, _checked(s3, bucket, summary_key))
    if summary.get("outputFormat") != _FORMAT:
        raise ExportDataError(uri, f"outputFormat: found {summary.get('outputFormat')!r}, expected {_FORMAT!r}")
    files_key = _get(summary, "manifestFilesS3Key", str, uri)
    files = _data_files(s3, bucket, files_key)
    items = _get(summary, "itemCount", int, uri)
    if items != (found := sum(file.items for file in files)):
        raise ExportDataError(uri, f"itemCount is {items}, but the files of s3://{bucket}/{files_key} have {found}")
    times = {
        ours: _time(summary[theirs], theirs, uri)
        for ours, theirs in (
            ("export_time", "exportTime"),
            ("from_time", "exportFromTime"),
            ("to_time", "exportToTime"),
        )
        if summary.get(theirs) is not None
    }
    if times.keys() not in ({"export_time"}, {"from_time", "to_time"}):
        raise ExportDataError(uri, "expected exportTime of a full export, or exportFromTime and exportToTime")
    return ExportManifest(
        summary_key.split("/")[-2],
        _get(summary, "exportArn", str, uri),
        _get(summary, "tableArn", str, uri),
        items,
        files,
        **times,
    )


def _data_files(s3: Any, bucket: str, key: str) -> tuple[DataFile, ...]:
    """The files that a manifest-files.json names: a JSON object per line."""
    uri, files = f"s3://{bucket}/{key}", []
    for number, line in enumerate(_checked(s3, bucket, key).splitlines(), 1):
        entry = _object(uri, line, number)
        etag = entry.get("etag")
        files.append(
            DataFile(
                bucket,
                _get(entry, "dataFileS3Key", str, uri, number),
                _get(entry, "itemCount", int, uri, number),
                _get(entry, "md5Checksum", str, uri, number),
                etag.strip('"') if isinstance(etag, str) and etag else None,
            )
        )
    return tuple(files)


def _checked(s3: Any, bucket: str, key: str) -> bytes:
    """The manifest with this key. Raises ExportDataError unless it has the checksum that lies beside it."""
    data: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    digest = hashlib.md5(data, usedforsecurity=False)
    wanted = _checksum(s3, bucket, key)
    # AWS documents no form: in base64, as those of the data files are, or the other usual one.
    if wanted not in (md5_text(digest), digest.hexdigest()):
        raise ExportDataError(f"s3://{bucket}/{key}", f"its MD5 is {md5_text(digest)}, expected {wanted[:40]}")
    return data


def _checksum(s3: Any, bucket: str, key: str) -> str:
    # AWS writes .md5, and its documentation .checksum.
    for suffix in (".md5", ".checksum"):
        try:
            text: bytes = s3.get_object(Bucket=bucket, Key=key.removesuffix(".json") + suffix)["Body"].read()
            return text.decode(errors="replace").strip()
        except s3.exceptions.ClientError as error:
            # Without the right to list the bucket, S3 answers 403 for an object that does not exist.
            if not (is_missing(error) or is_refused(error)):
                raise
    raise ExportDataError(f"s3://{bucket}/{key}", "there is no checksum beside it (.md5)")


def md5_text(digest: Any) -> str:
    """An MD5 digest of hashlib as the manifests write it: in base64."""
    return base64.b64encode(digest.digest()).decode()


def _object(uri: str, text: bytes, line: int | None = None) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ExportDataError(uri, f"it is not JSON: {error}", line) from None
    if not isinstance(found, dict):
        raise ExportDataError(uri, "expected a JSON object", line)
    return found


def _get(found: dict[str, Any], name: str, kind: type, uri: str, line: int | None = None) -> Any:
    value = found.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ExportDataError(uri, f"{name}: found {value!r}, expected {'a number' if kind is int else 'a text'}", line)
    return value


def _time(text: Any, name: str, uri: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (TypeError, ValueError):
        raise ExportDataError(uri, f"{name}: found {text!r}, expected a time such as '2026-01-01T00:00:00Z'") from None
