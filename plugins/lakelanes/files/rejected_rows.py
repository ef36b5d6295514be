"""The rejected rows of one file, read from the Parquet object that its load left.

From the object and not by Athena: it is one file's, and its place is in the ledger, so that this takes a GET or three
and no query, which would take a second or more and be billed 10 MB at the least (https://aws.amazon.com/athena/pricing/).
Questions over many files are for Athena: every entity has a table of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakelanes.aws.storage import ObjectFile, place_of
from lakelanes.convert.policy import WITHHELD
from lakelanes.errors import LakeError, SourceChangedError, SourceGoneError
from lakelanes.ledger.entries import Entry

if TYPE_CHECKING:
    from lakelanes.lake import Lake

# The first GET brings an object of this size whole; of a larger one it brings the end, where the footer is.
_WHOLE = 4 << 20


class RejectsGoneError(LakeError):
    """The object of the rejected rows is not there any more, or was replaced while it was read."""


@dataclass(frozen=True)
class RejectedRow:
    """A row as it stands in the file (``raw``), on which line it begins, and why it is not in the table.

    ``withheld``: whether that is the file's fault alone.
    """

    line: int
    record: int
    column: str | None
    reason: str
    raw: str

    @property
    def withheld(self) -> bool:
        return self.reason.startswith(WITHHELD)


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
    import pyarrow as pa
    import pyarrow.parquet as pq

    if entry.rejects is None:
        return RejectedRows([], offset, 0)
    try:
        with ObjectFile(lake.s3, *place_of(entry.rejects), tail_bytes=_WHOLE) as source:
            # A row group's columns in one GET.
            file = pq.ParquetFile(pa.PythonFile(source, mode="r"), pre_buffer=True)
            rows = [
                RejectedRow(row["line"], row["record"], row["column"], row["reason"], row["raw"])
                for row in _slice(file, offset, limit)
            ]
            return RejectedRows(rows, offset, file.metadata.num_rows)
    except (SourceGoneError, SourceChangedError):
        raise RejectsGoneError(f"{entry.rejects} is not there any more: the file was loaded again") from None


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
