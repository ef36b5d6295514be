"""Exports of a DynamoDB table as they lie in S3: the manifests, and the lines of the data files they name.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html

    <prefix>/AWSDynamoDB/<export id>/manifest-summary.json, manifest-files.json, a checksum of each
                                     data/*.json.gz            of a full export
    <prefix>/AWSDynamoDB/data/*.json.gz                        of incremental ones, all in one folder

So data files are only ever found by way of the manifests.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lakelanes.aws.clients import error_code
from lakelanes.convert.errors import UnreadableSourceError
from lakelanes.convert.source import ByteSource, Readable
from lakelanes.errors import ExportDataError
from lakelanes.tables.scanner import SLACK

BLOCK_BYTES = 2 << 20
# Two images of an item, which has 400 KB at most, and every byte of them an escape of six characters.
MAX_LINE_BYTES = 8 << 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORMAT = "DYNAMODB_JSON"

OpenData = Callable[["DataFile"], Readable]


@dataclass(frozen=True)
class DataFile:
    """A data file as the manifest has it. items: how many lines it has. md5: of the object, in base64."""

    bucket: str
    key: str
    items: int
    md5: str
    etag: str | None = None

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class Export:
    """An export that is complete.

    export_time: of a full one; from_time (inclusive), to_time (exclusive): of an incremental one.
    items: lines of all data files.
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


def read_export(s3: Any, bucket: str, summary_key: str) -> Export:
    """The export whose manifest-summary.json has this key (DescribeExport's ExportManifest).

    Raises ExportDataError when a manifest is not what its checksum says, or contradicts itself or the other.
    """
    uri = f"s3://{bucket}/{summary_key}"
    summary = _object(uri, _checked(s3, bucket, summary_key))
    if summary.get("outputFormat") != _FORMAT:
        raise ExportDataError(uri, f"outputFormat: found {summary.get('outputFormat')!r}, expected {_FORMAT!r}")
    files_key = _get(summary, "manifestFilesS3Key", str, uri)
    files_uri = f"s3://{bucket}/{files_key}"
    files = []
    for number, line in enumerate(_checked(s3, bucket, files_key).splitlines(), 1):
        entry = _object(files_uri, line, number)
        etag = entry.get("etag")
        files.append(
            DataFile(
                bucket,
                _get(entry, "dataFileS3Key", str, files_uri, number),
                _get(entry, "itemCount", int, files_uri, number),
                _get(entry, "md5Checksum", str, files_uri, number),
                etag.strip('"') if isinstance(etag, str) and etag else None,
            )
        )
    items = _get(summary, "itemCount", int, uri)
    if items != (found := sum(file.items for file in files)):
        raise ExportDataError(uri, f"itemCount is {items}, but the files of {files_uri} have {found}")
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
    return Export(
        summary_key.split("/")[-2],
        _get(summary, "exportArn", str, uri),
        _get(summary, "tableArn", str, uri),
        items,
        tuple(files),
        **times,
    )


def _checked(s3: Any, bucket: str, key: str) -> bytes:
    """A manifest, which has to have the checksum that lies beside it."""
    data: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    digest = hashlib.md5(data, usedforsecurity=False)
    wanted = _checksum(s3, bucket, key)
    # In base64 as those of the data files; AWS documents no form, so the other usual one will do, too.
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
            # Without the right to list the bucket, an object that is not there is a forbidden one.
            if error_code(error) not in ("NoSuchKey", "404", "AccessDenied", "403"):
                raise
    raise ExportDataError(f"s3://{bucket}/{key}", "there is no checksum beside it (.md5)")


def md5_text(digest: Any) -> str:
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


class DataReader:
    """The lines of a data file, in blocks, checked against the manifest once the last one was handed out."""

    def __init__(self, file: DataFile, open_data: OpenData, block_bytes: int = BLOCK_BYTES) -> None:
        self._file = file
        self._raw = open_data(file)
        self._block_bytes = block_bytes
        self._digest = hashlib.md5(usedforsecurity=False)
        self.lines = 0
        """Lines of the blocks that are done: whoever takes a block adds its lines here."""

    def blocks(self) -> Iterator[tuple[bytearray, int]]:
        """Whole lines, data[:length], in memory that the next block uses again; SLACK bytes follow.

        Raises ExportDataError when the file is damaged or not the manifest's.
        """
        try:
            source = ByteSource(self)
            if source.foreign is not None:
                raise ExportDataError(self._file.uri, f"it is {source.foreign}, expected lines of JSON, with gzip")
            yield from self._cut(source)
        except UnreadableSourceError as error:
            raise ExportDataError(self._file.uri, str(error)) from None
        finally:
            close = getattr(self._raw, "close", None)
            if close is not None:
                close()
        self._check()

    def read(self, size: int) -> bytes:
        """The object's own bytes, for ByteSource."""
        data = bytes(self._raw.read(size))
        self._digest.update(data)
        return data

    def _cut(self, source: ByteSource) -> Iterator[tuple[bytearray, int]]:
        data, filled, want = bytearray(self._block_bytes + SLACK), 0, self._block_bytes
        while True:
            with memoryview(data) as view:
                while filled < want and (count := source.read_into(view[filled:want])):
                    filled += count
            ended = filled < want
            cut = filled if ended else data.rfind(b"\n", 0, filled) + 1
            if cut:
                # What follows the lines is written over while they are read.
                rest = bytes(data[cut:filled])
                yield data, cut
                data[: len(rest)], filled, want = rest, len(rest), max(self._block_bytes, len(rest) + 1)
            elif not ended:
                if filled >= MAX_LINE_BYTES:
                    why = f"a line has more than {MAX_LINE_BYTES >> 20} MB, which no item of DynamoDB has"
                    raise ExportDataError(self._file.uri, why, self.lines + 1)
                want = min(2 * filled, MAX_LINE_BYTES)
            if ended:
                return
            if len(data) < want + SLACK:
                data.extend(bytes(want + SLACK - len(data)))

    def _check(self) -> None:
        file = self._file
        if (found := md5_text(self._digest)) != file.md5:
            raise ExportDataError(file.uri, f"its MD5 is {found}, the manifest says {file.md5}")
        etag = getattr(self._raw, "etag", None)
        if file.etag is not None and etag is not None and etag != file.etag:
            raise ExportDataError(file.uri, f"its ETag is {etag}, the manifest says {file.etag}")
        if self.lines != file.items:
            raise ExportDataError(file.uri, f"it has {self.lines} lines, the manifest says {file.items}")
