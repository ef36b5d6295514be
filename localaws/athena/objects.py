"""Objects in S3: listing the files of many locations with few requests, and reading them in threads.

Small objects are read whole and kept by (bucket, key, etag): an ETag names one content, and every query lists again, so
what is kept is never stale. Large ones are read in ranges.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pyarrow as pa
import urllib3
from botocore.exceptions import ClientError

from localaws.athena.catalogue import code_of
from localaws.athena.errors import QueryFailed, failure

READ_WHOLE = 16 * 1024 * 1024
_KEPT_BYTES = 256 * 1024 * 1024
_PAGE = 1000
_LISTING_THREADS = 8

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True)
class DataFile:
    """A listed object; `modified` is milliseconds since 1970."""

    bucket: str
    key: str
    etag: str
    size: int
    modified: int

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


class Kept(Generic[K, V]):
    """Values up to a sum of sizes, the least recently used dropped first. Shared by all queries of the process."""

    def __init__(self, limit: int, size: Callable[[V], int]) -> None:
        self._limit = limit
        self._size_of = size
        self._lock = threading.Lock()
        self._items: OrderedDict[K, V] = OrderedDict()
        self._size = 0

    def get(self, key: K) -> V | None:
        with self._lock:
            found = self._items.get(key)
            if found is not None:
                self._items.move_to_end(key)
            return found

    def put(self, key: K, value: V) -> None:
        """Keeps a value, unless it is there or takes more than an eighth of the room."""
        with self._lock:
            if key in self._items or self._size_of(value) > self._limit // 8:
                return
            self._items[key] = value
            self._size += self._size_of(value)
            while self._size > self._limit:
                self._size -= self._size_of(self._items.popitem(last=False)[1])


_kept: Kept[tuple[str, str, str, str], bytes] = Kept(_KEPT_BYTES, len)
_pool = urllib3.PoolManager(maxsize=16)


def split_location(location: str) -> tuple[str, str]:
    """Bucket and key prefix of an S3 location; the prefix ends in a slash unless it is the bucket's root."""
    # The key is taken as it is: urlparse would cut it at '?' or '#'.
    found = re.fullmatch("s3[an]?://([^/]+)/?(.*)", location, re.DOTALL)
    if found is None:
        raise failure("HIVE_UNKNOWN_ERROR", f"'{location}' is not an S3 location")
    bucket, prefix = found.groups()
    return bucket, prefix if not prefix or prefix.endswith("/") else prefix + "/"


class Objects:
    """Lists and reads objects with a boto3 client, and large ones with a pyarrow file system.

    allowed: whether the client's owner has an action's right on a resource, asked for what is kept.
    """

    def __init__(self, s3: Any, filesystem: Any, allowed: Callable[[str, str], bool]) -> None:
        self.s3 = s3
        self.filesystem = filesystem
        self._allowed = allowed

    def files(self, locations: Iterable[str]) -> dict[str, list[DataFile]]:
        """The data files below each location, by key, without empty ones and names that start with `_` or `.`."""
        by_bucket: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for location in set(locations):
            bucket, prefix = split_location(location)
            by_bucket[bucket][prefix].append(location)
        found: dict[str, list[DataFile]] = {}
        for bucket, prefixes in by_bucket.items():
            listed = self._list_prefixes(bucket, sorted(prefixes))
            for prefix, names in prefixes.items():
                files = sorted((f for f in listed[prefix] if _is_data(f, prefix)), key=lambda file: file.key)
                found.update(dict.fromkeys(names, files))
        return found

    def _list_prefixes(self, bucket: str, prefixes: list[str]) -> dict[str, list[DataFile]]:
        """The objects below each prefix: one listing over all of them while it costs fewer requests, else one each."""
        if len(prefixes) > 2:
            together = self._list_together(bucket, prefixes)
            if together is not None:
                return together
        if len(prefixes) == 1:
            return {prefixes[0]: list(self._list(bucket, prefixes[0]))}
        with ThreadPoolExecutor(_LISTING_THREADS) as threads:
            return dict(zip(prefixes, threads.map(lambda p: list(self._list(bucket, p)), prefixes), strict=True))

    def _list_together(self, bucket: str, prefixes: list[str]) -> dict[str, list[DataFile]] | None:
        common = _common_folder(prefixes)
        wanted: dict[str, list[DataFile]] = {prefix: [] for prefix in prefixes}
        most_pages = len(prefixes) // 2
        for count, file in enumerate(self._list(bucket, common)):
            if count // _PAGE >= most_pages:
                return None
            at = len(common)
            while at >= 0:
                folder = file.key[:at]
                if folder in wanted:
                    wanted[folder].append(file)
                at = file.key.find("/", at) + 1 or -1
        return wanted

    def _list(self, bucket: str, prefix: str) -> Iterator[DataFile]:
        try:
            for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                for item in page.get("Contents") or ():
                    modified = int(item["LastModified"].timestamp() * 1000)
                    yield DataFile(bucket, item["Key"], item["ETag"], item["Size"], modified)
        except ClientError as error:
            raise s3_failure(error, f"s3://{bucket}/{prefix}") from error

    def folders(self, location: str) -> Iterator[str]:
        """The names of the folders directly below a location."""
        bucket, prefix = split_location(location)
        try:
            pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
            for page in pages:
                for item in page.get("CommonPrefixes") or ():
                    yield item["Prefix"][len(prefix) : -1]
        except ClientError as error:
            raise s3_failure(error, location) from error

    def open(self, file: DataFile) -> pa.NativeFile:
        """A random-access file with the content that was listed."""
        if file.size <= READ_WHOLE:
            return pa.BufferReader(self.read(file))
        if self.filesystem is not None:
            return self.filesystem.open_input_file(f"{file.bucket}/{file.key}")
        return pa.BufferReader(self.read(file))

    def read(self, file: DataFile) -> bytes:
        """The whole content, of exactly the version that was listed."""
        place = (self.s3.meta.endpoint_url, file.bucket, file.key, file.etag)
        content = _kept.get(place)
        # What another has read is not for everybody: S3 says so itself to whoever may not read it.
        if content is None or not self._allowed("s3:GetObject", f"arn:aws:s3:::{file.bucket}/{file.key}"):
            content = self._fetch(file)
            _kept.put(place, content)
        return content

    def _fetch(self, file: DataFile) -> bytes:
        # boto3 spends milliseconds on each request; for thousands of small files, plain GETs of signed URLs are faster.
        url = self.s3.generate_presigned_url("get_object", Params={"Bucket": file.bucket, "Key": file.key})
        answer = _pool.request("GET", url, retries=False)
        if answer.status == 200:
            if answer.headers.get("ETag", file.etag) != file.etag:
                raise _changed(file)
            return answer.data
        try:
            body = self.s3.get_object(Bucket=file.bucket, Key=file.key, IfMatch=file.etag)["Body"]
            return bytes(body.read())
        except ClientError as error:
            if code_of(error) == "PreconditionFailed":
                raise _changed(file) from error
            raise s3_failure(error, file.uri) from error


def _is_data(file: DataFile, prefix: str) -> bool:
    if file.size == 0:
        # Trino makes no split of an empty file, whatever the format.
        return False
    return not any(part.startswith(("_", ".")) for part in file.key[len(prefix) :].split("/"))


def _common_folder(prefixes: list[str]) -> str:
    first, last = min(prefixes), max(prefixes)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[: first.rfind("/", 0, length) + 1]


def _changed(file: DataFile) -> QueryFailed:
    return failure("HIVE_FILESYSTEM_ERROR", f"The file {file.uri} was changed while the query read it")


def s3_failure(error: ClientError, uri: str) -> QueryFailed:
    """What Athena reports for an S3 request that was refused."""
    code = code_of(error)
    if code in ("NoSuchBucket",):
        return failure("HIVE_METASTORE_ERROR", f"The specified bucket does not exist ({uri})")
    if code in ("NoSuchKey", "404"):
        return failure("HIVE_CANNOT_OPEN_SPLIT", f"Error opening Hive split {uri}: The specified key does not exist.")
    return QueryFailed(f"PERMISSION_DENIED: Access denied on {uri}: {error}" if code in ("AccessDenied", "403")
                       else f"HIVE_FILESYSTEM_ERROR: Error reading {uri}: {error}")  # fmt: skip
