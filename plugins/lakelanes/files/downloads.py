"""What people take away of a file: the file itself as it came, and its rejected rows as CSV.

Both are read while they are sent, a few megabytes at a time, by the process that knows who asks. A link that S3 signs
would be good for whoever has it, until it runs out, and leads to an address that many networks do not let a browser
reach.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from lakelanes.aws.storage import READ_BYTES, get_version, place_of
from lakelanes.errors import LakeError, SourceChangedError, SourceGoneError
from lakelanes.files.rejected_rows import RejectedRow, every_rejected
from lakelanes.ledger.entries import Entry

if TYPE_CHECKING:
    from lakelanes.lake import Lake

_ROWS = 500


class NotInBucketError(LakeError):
    """The file is not in the source bucket any more, or not in the version that the ledger speaks of."""


@dataclass(frozen=True)
class Download:
    """A file to be sent. size: in bytes; None where it is known only at the end."""

    name: str
    media_type: str
    size: int | None
    chunks: Iterator[bytes]


def source(lake: Lake, entry: Entry) -> Download:
    """The file in the version of which the ledger speaks. Raises NotInBucketError when S3 does not have that; when it
    loses it in between, reading the chunks does."""
    bucket, key = place_of(entry.source)
    get = partial(get_version, lake.s3, bucket, key, IfMatch=entry.etag)

    def read(start: int) -> Any:
        # An empty object has no first byte. https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        part = {"Range": f"bytes={start}-{start + READ_BYTES - 1}"} if entry.size else {}
        try:
            return get(**part)["Body"].read()
        except SourceGoneError:
            raise NotInBucketError(
                f"{entry.source} is not in the bucket any more: it was moved or deleted since. The lake keeps what it "
                "loaded of a file, not the file."
            ) from None
        except SourceChangedError:
            raise NotInBucketError(
                f"{entry.source} was uploaded again: the bucket has another version than the one that the lake knows. "
                "Come back once a lane has seen it."
            ) from None

    first = read(0)
    rest = (read(start) for start in range(READ_BYTES, entry.size, READ_BYTES))
    return Download(key.rsplit("/", 1)[-1], "application/octet-stream", entry.size, chain([first], rest))


def rejects(lake: Lake, entry: Entry) -> Download:
    """The file's rejected rows as CSV (https://www.rfc-editor.org/rfc/rfc4180), with line, column and reason of each
    and the row as it came, which is not changed for anything that would open it. Raises RejectsGoneError."""
    rows = every_rejected(lake, entry)
    first = list(islice(rows, 1))
    name = place_of(entry.source)[1].rsplit("/", 1)[-1]
    return Download(f"{name}.rejects.csv", "text/csv; charset=utf-8; header=present", None, _csv(chain(first, rows)))


def _csv(rows: Iterator[RejectedRow]) -> Iterator[bytes]:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(field.name for field in fields(RejectedRow))
    while some := list(islice(rows, _ROWS)):
        writer.writerows((row.line, row.record, row.column, row.reason, row.raw) for row in some)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    # Without any row it is the names alone.
    yield text.getvalue().encode()
