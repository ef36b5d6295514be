"""The rejected rows of one file, read from the Parquet object that its load left.

From the object and not by Athena: it is one file's, and its place is in the ledger, so that this takes a GET or three
and no query, which would take a second or more and be billed 10 MB at the least (https://aws.amazon.com/athena/pricing/).
Questions over many files are for Athena: every entity has a table of them.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakelanes.aws import error_code
from lakelanes.errors import LakeError
from lakelanes.ledger import Entry
from lakelanes.storage import place_of

if TYPE_CHECKING:
    from lakelanes.lake import Lake

# The first GET brings an object of this size whole; of a larger one it brings the end, where the footer is.
_WHOLE = 4 << 20
_READ = 1 << 20


class RejectsGoneError(LakeError):
    """The object of the rejected rows is not there any more, or was replaced while it was read."""


@dataclass(frozen=True)
class RejectedRow:
    """A row as it stands in the file (``raw``), on which line it begins, and why it is not in the table."""

    line: int
    record: int
    column: str | None
    reason: str
    raw: str


@dataclass(frozen=True)
class RejectedRows:
    """Rows from ``offset`` on, of ``total``."""

    rows: list[RejectedRow]
    offset: int
    total: int


def read_rejected(lake: Lake, entry: Entry, *, offset: int = 0, limit: int = 50) -> RejectedRows:
    """The rejected rows of a file, in its order, from ``offset`` on.

    Raises RejectsGoneError when a newer version of the file has taken them away since ``entry`` was read.
    """
    import pyarrow.parquet as pq

    if entry.rejects is None:
        return RejectedRows([], offset, 0)
    with _RangedObject(lake.s3, *place_of(entry.rejects)) as source:
        file = pq.ParquetFile(source)
        rows = [
            RejectedRow(row["line"], row["record"], row["column"], row["reason"], row["raw"])
            for row in _slice(file, offset, limit)
        ]
        return RejectedRows(rows, offset, file.metadata.num_rows)


def _slice(file: Any, offset: int, limit: int) -> Iterator[dict[str, Any]]:
    """Rows of a Parquet file; only the row groups that hold them are read."""
    start = 0
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if start + rows > offset and limit > 0:
            table = file.read_row_group(group, columns=["line", "record", "column", "reason", "raw"])
            part = table.slice(max(0, offset - start), limit).to_pylist()
            limit -= len(part)
            yield from part
        start += rows


class _RangedObject(io.RawIOBase):
    """One version of an S3 object for a reader that seeks; a small one is got in one request."""

    def __init__(self, s3: Any, bucket: str, key: str) -> None:
        super().__init__()
        self._s3, self._place, self._uri = s3, {"Bucket": bucket, "Key": key}, f"s3://{bucket}/{key}"
        self._etag: str | None = None
        answer = self._get(f"bytes=-{_WHOLE}")
        self._etag = answer["ETag"]
        self._held = answer["Body"].read()
        self._size = int(answer["ContentRange"].rsplit("/", 1)[1]) if "ContentRange" in answer else len(self._held)
        self._start, self._position = self._size - len(self._held), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._size - self._position)
        if wanted <= 0:
            return 0
        end = self._position + wanted
        if self._position < self._start or end > self._start + len(self._held):
            last = min(self._size, max(end, self._position + _READ))
            self._held = self._get(f"bytes={self._position}-{last - 1}")["Body"].read()
            self._start = self._position
        at = self._position - self._start
        buffer[:wanted] = self._held[at : at + wanted]
        self._position = end
        return wanted

    def _get(self, span: str) -> Any:
        condition = {"IfMatch": self._etag} if self._etag else {}
        try:
            return self._s3.get_object(**self._place, Range=span, **condition)
        except self._s3.exceptions.ClientError as error:
            if error_code(error) in ("NoSuchKey", "404", "PreconditionFailed", "412"):
                raise RejectsGoneError(f"{self._uri} is not there any more: the file was loaded again") from None
            raise
