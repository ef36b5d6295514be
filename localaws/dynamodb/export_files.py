"""The objects of a table export, as the real service lays them out.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html, and a real export where the
page differs: the checksum files end in .md5, not in .checksum.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import random
import uuid
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from localaws.clock import isoformat

Line = tuple[str, dict[str, Any]]

_FOLDER = "AWSDynamoDB"
_MOST_LINES = 50_000


@dataclass(frozen=True)
class DataFile:
    """A data file that was written; ``size`` is its bytes before compression."""

    key: str
    items: int
    checksum: str
    etag: str
    size: int

    def manifest_line(self) -> str:
        """Its line in manifest-files.json."""
        entry = {
            "itemCount": self.items,
            "md5Checksum": self.checksum,
            "etag": self.etag,
            "dataFileS3Key": self.key,
        }
        return _json(entry) + "\n"


class ExportFolder:
    """Writes one export's objects through an S3 client; ``options`` go with each PutObject (encryption)."""

    def __init__(self, s3: Any, bucket: str, prefix: str, export_id: str, options: dict[str, str]) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._root = f"{prefix.rstrip('/')}/{_FOLDER}" if prefix else _FOLDER
        self._folder = f"{self._root}/{export_id}"
        self._options = options
        # On AWS lines and files have no order, so they are shuffled here: code that relies on one fails at once.
        self._random = random.Random(export_id)

    @property
    def summary_key(self) -> str:
        """The key of manifest-summary.json."""
        return f"{self._folder}/manifest-summary.json"

    @property
    def files_key(self) -> str:
        """The key of manifest-files.json."""
        return f"{self._folder}/manifest-files.json"

    def start(self) -> None:
        """Write the empty object that shows that the bucket can be written."""
        self._put(f"{self._folder}/_started", b"")

    def write_data(self, lines: Iterable[Line], files: int, shared: bool) -> Iterator[DataFile]:
        """Write the data files, ``files`` of them or more, and yield each once it is there.

        A line is the partition key's value and the JSON object. Lines of one partition key are in one file, and a file
        may be empty. ``shared`` puts them in the folder that all incremental exports below the prefix share.
        """
        everything = list(lines)
        files = max(files, -(-len(everything) // _MOST_LINES))
        parts: list[list[dict[str, Any]]] = [[] for _ in range(files)]
        for partition, line in everything:
            parts[zlib.crc32(partition.encode()) % files].append(line)
        self._random.shuffle(parts)
        folder = f"{self._root}/data" if shared else f"{self._folder}/data"
        for part in parts:
            self._random.shuffle(part)
            content = "".join(_json(line) + "\n" for line in part).encode()
            compressed = gzip.compress(content, 6)
            key = f"{folder}/{_file_name()}.json.gz"
            etag = self._put(key, compressed)
            yield DataFile(key, len(part), _md5(compressed), etag, len(content))

    def write_manifests(self, files: list[DataFile], summary: dict[str, Any]) -> None:
        """Write the list of data files and the summary, each with its checksum."""
        listed = list(files)
        self._random.shuffle(listed)
        self._put_checked(f"{self._folder}/manifest-files", "".join(file.manifest_line() for file in listed))
        self._put_checked(f"{self._folder}/manifest-summary", _json(summary))

    def _put_checked(self, stem: str, text: str) -> None:
        content = text.encode()
        self._put(f"{stem}.md5", _md5(content).encode())
        self._put(f"{stem}.json", content)

    def _put(self, key: str, content: bytes) -> str:
        reply = self._s3.put_object(Bucket=self._bucket, Key=key, Body=content, **self._options)
        return str(reply["ETag"]).strip('"')


def manifest_time(micros: int) -> str:
    """A time as the manifests have it."""
    return isoformat(micros, "milliseconds")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def _file_name() -> str:
    return base64.b32encode(uuid.uuid4().bytes).decode().rstrip("=").lower()
