"""A version of a source file: what identifies it, and how two versions of one key are ordered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class SourceFile:
    """One version of a source object. ``etag`` without quotes, ``size`` in bytes, ``last_modified`` aware (UTC).

    ``sequencer`` orders the versions of one key and comes with S3 events only.
    """

    bucket: str
    key: str
    etag: str
    size: int
    last_modified: datetime
    sequencer: str | None = None

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def name(self) -> str:
        """File name without its folders."""
        return self.key.rsplit("/", 1)[-1]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form (XCom, task parameters)."""
        # Not asdict, which takes five times as long: a plan may have a million of them.
        return {**vars(self), "last_modified": self.last_modified.astimezone(UTC).isoformat()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> SourceFile:
        return cls(**{**data, "last_modified": datetime.fromisoformat(data["last_modified"])})


def compare_sequencers(one: str | None, other: str | None) -> int | None:
    """1 when the event of sequencer ``one`` came after that of ``other``, -1 before, 0 when they are one event.

    None when not both versions of the file came with an event, so that there is no order.

    Hexadecimal, compared after padding the shorter with zeros on the right
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
    """
    if not (one and other):
        return None
    width = max(len(one), len(other))
    ours, theirs = (text.upper().ljust(width, "0") for text in (one, other))
    return (ours > theirs) - (ours < theirs)
