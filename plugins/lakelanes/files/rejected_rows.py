"""The rejected rows of one file, read from the Parquet object that its load left.

From the object and not by Athena: it is one file's, and its place is in the ledger, so that this takes a GET or three
and no query, which would take a second or more and be billed 10 MB at the least (https://aws.amazon.com/athena/pricing/).
Questions over many files are for Athena: every entity has a table of them.
"""

from __future__ import annotations

from collections.abc import Generator, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lakelanes.aws.storage import ObjectFile, place_of
from lakelanes.convert.policy import WITHHELD
from lakelanes.convert.reason_counts import kind_of
from lakelanes.errors import LakeError, SourceChangedError, SourceGoneError
from lakelanes.ledger.entries import Entry

if TYPE_CHECKING:
    from lakelanes.lake import Lake

# The first GET brings an object of this size whole; of a larger one it brings the end, where the footer is.
_WHOLE = 4 << 20
# The reasons of so many rows are counted: a refused file's are all of its rows.
COUNTED_ROWS = 100_000
# Rows of a download that are in memory at a time.
_BATCH_ROWS = 2000
COLUMNS = ("line", "record", "column", "reason", "raw")


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
class ReasonCount:
    """How many rows have a reason of one kind: the same but for the values in it. column, reason, line: of the first of
    these rows."""

    count: int
    column: str | None
    reason: str
    line: int

    @property
    def withheld(self) -> bool:
        return self.reason.startswith(WITHHELD)


@dataclass(frozen=True)
class RejectedRows:
    """Rows from ``offset`` on, of ``total``. reasons: of the first ``counted`` of these, the commonest first."""

    rows: list[RejectedRow]
    offset: int
    total: int
    reasons: tuple[ReasonCount, ...] = ()
    counted: int = 0


def read_rejected(lake: Lake, entry: Entry, *, offset: int = 0, limit: int = 50) -> RejectedRows:
    """The rejected rows of a file, in its order, from ``offset`` on, and why they and the others were rejected.

    Raises RejectsGoneError when a newer version of the file has taken them away since ``entry`` was read.
    """
    if entry.rejects is None:
        return RejectedRows([], offset, 0)
    with _opened(lake, entry.rejects) as file:
        rows = [RejectedRow(*(row[name] for name in COLUMNS)) for row in _slice(file, offset, limit)]
        return RejectedRows(rows, offset, file.metadata.num_rows, *_reasons(file))


def every_rejected(lake: Lake, entry: Entry) -> Iterator[RejectedRow]:
    """All rejected rows of a file, in its order; no more than a row group of them is in memory at a time.

    Raises RejectsGoneError as ``read_rejected`` does, also in between.
    """
    if entry.rejects is None:
        return
    with _opened(lake, entry.rejects) as file:
        for batch in file.iter_batches(_BATCH_ROWS, columns=list(COLUMNS), use_threads=False):
            yield from map(RejectedRow, *(batch.column(name).to_pylist() for name in COLUMNS))


@contextmanager
def _opened(lake: Lake, uri: str) -> Generator[Any]:
    """The Parquet file of rejected rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with ObjectFile(lake.s3, *place_of(uri), tail_bytes=_WHOLE) as source:
            # A row group's columns in one GET.
            yield pq.ParquetFile(pa.PythonFile(source, mode="r"), pre_buffer=True)
    except (SourceGoneError, SourceChangedError):
        raise RejectsGoneError(f"{uri} is not there any more: the file was loaded again") from None


def _reasons(file: Any) -> tuple[tuple[ReasonCount, ...], int]:
    """The reasons of the first COUNTED_ROWS rows, or some more where a row group ends later, and how many those are."""
    kinds: dict[Hashable, ReasonCount] = {}
    counted = 0
    for group in range(file.num_row_groups):
        if counted >= COUNTED_ROWS:
            break
        table = file.read_row_group(group, columns=["line", "column", "reason"])
        counted += table.num_rows
        sums = table.group_by(["column", "reason"]).aggregate([("line", "min"), ("line", "count")])
        for row in sorted(sums.to_pylist(), key=lambda row: row["line_min"]):
            key = kind_of(row["column"], row["reason"])
            known = kinds.get(key) or ReasonCount(0, row["column"], row["reason"], row["line_min"])
            kinds[key] = replace(known, count=known.count + row["line_count"])
    return tuple(sorted(kinds.values(), key=lambda kind: (-kind.count, kind.line))), counted


def _slice(file: Any, offset: int, limit: int) -> Iterator[dict[str, Any]]:
    """Rows of a Parquet file; only the row groups that hold them are read."""
    start = 0
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if start + rows > offset and limit > 0:
            table = file.read_row_group(group, columns=list(COLUMNS))
            part = table.slice(max(0, offset - start), limit).to_pylist()
            limit -= len(part)
            yield from part
        start += rows
