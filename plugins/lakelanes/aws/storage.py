"""Streams to and from S3: ranged GETs ahead of the reader, multipart upload behind the writer, both in bounded memory.

A writer replaces exactly the object that ``expected_etag`` names, or creates one where none was: S3's
conditional writes keep a worker whose lease ran out from overwriting its successor's object
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
"""

from __future__ import annotations

import io
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from lakelanes.aws.failures import error_code, is_changed, is_missing, kind_of
from lakelanes.aws.partial_answers import Left, left_for, send
from lakelanes.aws.reasons import restore_command
from lakelanes.errors import ArchivedError, OutOfTimeError, SourceChangedError, SourceGoneError, TargetChangedError

# Small, for memory: the parts in flight of a large file are most of what its reader and its writer hold.
READ_BYTES = 4 << 20
WRITE_BYTES = 6 << 20
# What one CopyObject takes (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html: 5 GB), and the parts
# of a larger copy.
COPY_BYTES = 5 << 30
COPY_PART_BYTES = 512 << 20
_COPIES = 4
_AHEAD = 2
_UPLOADS = 2
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html allows 10,000; parts grow so as to stay far below.
_PARTS = 2500
_FOOTER_BYTES = 64 << 10
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
DELETE_LIMIT = 1000
# Classes whose objects have to be restored before they are read; GLACIER_IR is none.
_ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
_EMPTY_OBJECT = "InvalidRange"  # it has no first byte


def is_another_object(error: BaseException) -> bool:
    """Whether a conditional write or delete met another object than it was for, or none."""
    return is_changed(error) or is_missing(error)


def get_version(s3: Any, bucket: str, key: str, **arguments: Any) -> Any:
    """GetObject's answer. Raises SourceGoneError when there is no such object, SourceChangedError when it is not the
    version that IfMatch names."""
    try:
        return s3.get_object(Bucket=bucket, Key=key, **arguments)
    except ClientError as error:
        if is_missing(error):
            raise SourceGoneError(f"s3://{bucket}/{key} no longer exists") from None
        if is_changed(error):
            raise SourceChangedError(f"s3://{bucket}/{key} was overwritten while it was read") from None
        if kind_of(error) == "archived":
            raise archived(error, bucket, key) from None
        raise


def archived(error: ClientError, bucket: str, key: str) -> ArchivedError:
    """What S3's refusal to read an archived object becomes.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html (InvalidObjectState)
    """
    answer: Any = error.response
    storage_class = str(answer.get("StorageClass") or answer["Error"].get("StorageClass") or "")
    return ArchivedError(f"s3://{bucket}/{key}", storage_class, restore_command(bucket, key, storage_class))


def is_readable(s3: Any, bucket: str, key: str) -> bool:
    """Whether an object that was archived can be read: it has been restored, or replaced by one that is not archived,
    or is gone. A HEAD; one that is refused says no.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html (x-amz-restore, x-amz-archive-status)
    """
    try:
        head = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        return is_missing(error)
    is_archived = head.get("StorageClass") in _ARCHIVES or bool(head.get("ArchiveStatus"))
    return not is_archived or 'ongoing-request="false"' in head.get("Restore", "")


def _size_of(answer: Any) -> int:
    """The size of the whole object, of which GetObject's answer may have a range."""
    return int(answer["ContentRange"].rsplit("/", 1)[1] if "ContentRange" in answer else answer["ContentLength"])


class ObjectReader(io.RawIOBase):
    """Sequential reader of one version of an S3 object.

    The first GET has the size and the ETag (no HEAD); later parts are fetched ahead, each on condition that the
    object is still that version. Raises SourceGoneError and SourceChangedError. ``etag`` fixes the version from the
    start; without it the version that the first GET finds is read, and ``self.etag`` names it. Once ``stop`` is set,
    reading raises OutOfTimeError.
    """

    def __init__(
        self,
        s3: Any,
        bucket: str,
        key: str,
        etag: str | None = None,
        part_bytes: int = READ_BYTES,
        stop: threading.Event | None = None,
    ) -> None:
        super().__init__()
        self._stop = stop
        self._get, self._part = partial(get_version, s3, bucket, key), part_bytes
        self.uri = f"s3://{bucket}/{key}"
        self._pool: ThreadPoolExecutor | None = None
        self._parts: deque[Future[bytes]] = deque()
        first = self._first(etag)
        self.etag: str = first["ETag"].strip('"')
        self.last_modified = first["LastModified"]
        self.size = _size_of(first)
        self._current = memoryview(first["Body"].read())
        self._position = 0
        self._next = len(self._current)
        if self._next < self.size:
            self._pool = ThreadPoolExecutor(_AHEAD, thread_name_prefix="s3-get")
        self._fetch_ahead()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._stop and self._stop.is_set():
            raise OutOfTimeError(f"{self.uri}: reading was called off")
        if self._position >= len(self._current):
            if not self._parts:
                return 0
            self._current, self._position = memoryview(self._parts.popleft().result()), 0
            self._fetch_ahead()
        chunk = self._current[self._position : self._position + len(buffer)]
        buffer[: len(chunk)] = chunk
        self._position += len(chunk)
        return len(chunk)

    def close(self) -> None:
        if not self.closed and self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)
        super().close()

    def _first(self, etag: str | None) -> Any:
        condition = {"IfMatch": etag} if etag else {}
        try:
            return self._get(Range=f"bytes=0-{self._part - 1}", **condition)
        except ClientError as error:
            if error_code(error) != _EMPTY_OBJECT:
                raise
        return self._get(**condition)

    def _fetch_ahead(self) -> None:
        while self._pool and self._next < self.size and len(self._parts) < _AHEAD:
            end = min(self._next + self._part, self.size)
            self._parts.append(self._pool.submit(self._fetch, self._next, end))
            self._next = end

    def _fetch(self, start: int, end: int) -> bytes:
        data: bytes = self._get(Range=f"bytes={start}-{end - 1}", IfMatch=self.etag)["Body"].read()
        return data


class ObjectFile(io.RawIOBase):
    """One version of an S3 object as a file that can be read at any place, as Parquet's readers do: a GET per read.

    The first GET fetches the end, with which come the size and a Parquet file's footer.
    """

    def __init__(self, s3: Any, bucket: str, key: str, tail_bytes: int = 64 << 10) -> None:
        super().__init__()
        self._get = partial(get_version, s3, bucket, key)
        self.uri = f"s3://{bucket}/{key}"
        answer = self._get(Range=f"bytes=-{tail_bytes}")
        self.etag: str = answer["ETag"].strip('"')
        self._tail = memoryview(answer["Body"].read())
        self.size = _size_of(answer)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        end = min(self._position + len(buffer), self.size)
        if end <= self._position:
            return 0
        behind = self.size - len(self._tail)
        if self._position >= behind:
            chunk: Any = self._tail[self._position - behind : end - behind]
        else:
            chunk = self._get(Range=f"bytes={self._position}-{end - 1}", IfMatch=self.etag)["Body"].read()
        buffer[: len(chunk)] = chunk
        self._position += len(chunk)
        return len(chunk)


class ObjectWriter(io.RawIOBase):
    """Write-only stream into one S3 object, which appears (or is replaced) as a whole on ``close``.

    One PUT when everything fits in a part, else a multipart upload with two parts under way while the next is gathered.
    ``expected_etag`` is the object to replace, None where there must be none; TargetChangedError when it is another.
    After ``abort`` nothing is left behind. ``etag`` and ``size`` are those of what was written.
    """

    def __init__(
        self,
        s3: Any,
        bucket: str,
        key: str,
        *,
        expected_etag: str | None,
        metadata: dict[str, str] | None = None,
        content_type: str = "application/vnd.apache.parquet",
        part_bytes: int = WRITE_BYTES,
    ) -> None:
        super().__init__()
        self._s3, self._part = s3, part_bytes
        self._object = {"Bucket": bucket, "Key": key}
        self._condition = {"IfMatch": expected_etag} if expected_etag else {"IfNoneMatch": "*"}
        self._attributes = {"Metadata": metadata or {}, "ContentType": content_type}
        self.uri = f"s3://{bucket}/{key}"
        self.etag: str | None = None
        self.size = 0
        self._chunks: list[bytes] = []
        self._pending = 0
        self._upload: str | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._parts: list[Future[dict[str, Any]]] = []
        self._room = threading.Semaphore(_UPLOADS)
        self._aborted = False

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.size

    def write(self, data: Any) -> int:
        if self._aborted:
            raise ValueError(f"{self.uri}: write after abort")
        chunk = bytes(data)
        self._chunks.append(chunk)
        self._pending += len(chunk)
        self.size += len(chunk)
        if self._pending >= max(self._part, self.size // _PARTS):
            self._ship(self._take())
        return len(chunk)

    def close(self) -> None:
        if self.closed or self._aborted:
            super().close()
            return
        try:
            if self._upload is None:
                answer = self._s3.put_object(**self._object, **self._condition, **self._attributes, Body=self._take())
            else:
                if self._pending:
                    self._ship(self._take())
                parts = [part.result() for part in self._parts]
                answer = self._s3.complete_multipart_upload(
                    **self._object, **self._condition, UploadId=self._upload, MultipartUpload={"Parts": parts}
                )
            self.etag = answer["ETag"].strip('"')
        except BaseException as error:
            self.abort()
            if is_another_object(error):
                raise TargetChangedError(
                    f"{self.uri} was written by somebody else since the file was claimed"
                ) from None
            raise
        finally:
            if self._pool:
                self._pool.shutdown(wait=True, cancel_futures=True)
            super().close()

    def abort(self) -> None:
        """Drops what was written; S3 keeps no part of it."""
        if self._aborted or self.etag:
            return
        self._aborted = True
        self._chunks.clear()
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)
        if self._upload:
            # An upload that cannot be aborted now is removed by the bucket's lifecycle rule.
            with suppress(Exception):
                self._s3.abort_multipart_upload(**self._object, UploadId=self._upload)

    def __exit__(self, exc_type: Any, *rest: Any) -> None:
        if exc_type:
            self.abort()
        self.close()

    def __del__(self) -> None:
        # A writer that was dropped without close must never publish half an object.
        self._aborted = True

    def _take(self) -> bytes:
        """What is not shipped yet, as one part."""
        part = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._pending = 0
        return part

    def _ship(self, part: bytes) -> None:
        if self._upload is None:
            self._upload = self._s3.create_multipart_upload(**self._object, **self._attributes)["UploadId"]
            self._pool = ThreadPoolExecutor(_UPLOADS, thread_name_prefix="s3-put")
        assert self._pool is not None
        self._room.acquire()
        self._parts.append(self._pool.submit(self._upload_part, len(self._parts) + 1, part))

    def _upload_part(self, number: int, body: bytes) -> dict[str, Any]:
        try:
            answer = self._s3.upload_part(**self._object, UploadId=self._upload, PartNumber=number, Body=body)
            return {"PartNumber": number, "ETag": answer["ETag"]}
        finally:
            self._room.release()


def copy(
    s3: Any,
    source: tuple[str, str, str, int],
    target: tuple[str, str],
    condition: Mapping[str, str],
    attributes: Mapping[str, Any],
) -> str:
    """Has S3 copy an object, in parts where it is larger than one request copies; returns the copy's ETag.

    source: bucket, key, the ETag that it has to have, from the first part to the last, and bytes. condition: on what is
    at the target. attributes: of the copy, in the place of the source's. Nothing is left of a copy that fails.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/CopyingObjectsMPUapi.html
    """
    bucket, key, etag, size = source
    given = {"CopySource": {"Bucket": bucket, "Key": key}, "CopySourceIfMatch": etag}
    place = {"Bucket": target[0], "Key": target[1]}
    if size <= COPY_BYTES:
        replaced = {"MetadataDirective": "REPLACE", "TaggingDirective": "REPLACE"}
        answer = s3.copy_object(**place, **given, **replaced, **attributes, **condition)
        return str(answer["CopyObjectResult"]["ETag"].strip('"'))
    upload = {**place, "UploadId": s3.create_multipart_upload(**place, **attributes)["UploadId"]}

    def copy_part(number: int) -> dict[str, Any]:
        start = (number - 1) * step
        span = f"bytes={start}-{min(start + step, size) - 1}"
        answer = s3.upload_part_copy(**upload, **given, PartNumber=number, CopySourceRange=span)
        return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}

    step = max(COPY_PART_BYTES, -(-size // _PARTS))
    try:
        with ThreadPoolExecutor(_COPIES, thread_name_prefix="s3-copy") as pool:
            parts = list(pool.map(copy_part, range(1, -(-size // step) + 1)))
        answer = s3.complete_multipart_upload(**upload, **condition, MultipartUpload={"Parts": parts})
    except BaseException:
        # An upload that cannot be aborted now is removed by the bucket's lifecycle rule.
        with suppress(Exception):
            s3.abort_multipart_upload(**upload)
        raise
    return str(answer["ETag"].strip('"'))


def place_of(uri: str) -> tuple[str, str]:
    """Bucket and key of an s3:// URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


@dataclass(frozen=True)
class WrittenObject:
    """An object that the lake wrote: its ETag, the token of its claim, and the ETag of the source it was made of."""

    etag: str
    token: int
    source_etag: str | None


def written_object(s3: Any, bucket: str, key: str) -> WrittenObject | None:
    """The object under a key of the lake's; None when there is none. One that somebody else wrote has token 0."""
    try:
        head = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    metadata = head["Metadata"]
    return WrittenObject(head["ETag"].strip('"'), int(metadata.get("lake-token", 0)), metadata.get("lake-source-etag"))


def delete_exactly(s3: Any, uri: str, etag: str) -> None:
    """Deletes the object with this ETag. Raises TargetChangedError when another one is there, or none."""
    bucket, key = place_of(uri)
    try:
        s3.delete_object(Bucket=bucket, Key=key, IfMatch=etag)
    except ClientError as error:
        if not is_another_object(error):
            raise
        raise TargetChangedError(f"{uri} was written by another worker since the file was claimed") from None


def parquet_rows(s3: Any, bucket: str, key: str, etag: str) -> int:
    """Rows of a Parquet object by its footer, which is read alone."""
    import pyarrow.parquet as pq

    def tail(length: int) -> bytes:
        data: bytes = s3.get_object(Bucket=bucket, Key=key, IfMatch=etag, Range=f"bytes=-{length}")["Body"].read()
        return data

    end = tail(_FOOTER_BYTES)
    needed = int.from_bytes(end[-8:-4], "little") + 8
    return int(pq.read_metadata(io.BytesIO(end if needed <= len(end) else tail(needed))).num_rows)


def list_folder(s3: Any, bucket: str, prefix: str) -> Iterator[Any]:
    """S3's descriptions of the objects whose keys start with the prefix, in their order; 1,000 a request."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Contents", ())


def delete_objects(s3: Any, bucket: str, keys: Sequence[str]) -> list[Left[str]]:
    """Deletes DELETE_LIMIT objects at most; returns those that S3 leaves, after more tries where these can help."""

    def delete(chunk: Sequence[str]) -> Iterator[Left[str]]:
        wanted = {"Objects": [{"Key": key} for key in chunk], "Quiet": True}
        for error in s3.delete_objects(Bucket=bucket, Delete=wanted).get("Errors", ()):
            yield left_for(str(error["Key"]), "s3", error["Code"], error.get("Message", ""))

    return send(keys, delete)
