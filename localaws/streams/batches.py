"""What becomes of a batch of stream records after a function was invoked with it.

https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html and
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

Record = dict[str, Any]

UNLIMITED = -1


@dataclass(frozen=True)
class Batch:
    """Records in the stream's order, and how often exactly these were sent together before."""

    records: tuple[Record, ...]
    retries: int = 0

    @property
    def first(self) -> str:
        """The first record's sequence number."""
        return sequence_number(self.records[0])

    @property
    def last(self) -> str:
        """The last record's sequence number."""
        return sequence_number(self.records[-1])


@dataclass(frozen=True)
class Policy:
    """A mapping's settings for failures."""

    retries: int
    bisect: bool


def sequence_number(record: Record) -> str:
    """The record's sequence number."""
    return str(record["dynamodb"]["SequenceNumber"])


def first_failure(batch: Batch, reply: Any) -> int | None:
    """The place of the first record to send again when a function reports batch item failures; None when all are done.

    The lowest reported sequence number counts. No reply, no list and an empty list mean success; an identifier that is
    missing, empty or of no record of the batch means that everything failed.
    """
    failures = reply.get("batchItemFailures") if isinstance(reply, dict) else None
    if not isinstance(failures, list) or not failures:
        return None
    places = {sequence_number(record): place for place, record in enumerate(batch.records)}
    named = [failure.get("itemIdentifier") if isinstance(failure, dict) else None for failure in failures]
    return min(places.get(identifier, 0) if isinstance(identifier, str) else 0 for identifier in named)


def after_failure(batch: Batch, failed_from: int, policy: Policy) -> tuple[list[Batch], Batch | None]:
    """The batches to send next, in order, and the one that is given up.

    Only a batch that is sent again unchanged uses one of its retries: the rest of one that was partly done, and the
    halves of one that was split, have all of them.
    """
    if failed_from > 0:
        return [Batch(batch.records[failed_from:])], None
    if policy.bisect and len(batch.records) > 1:
        middle = len(batch.records) // 2
        return [Batch(batch.records[:middle]), Batch(batch.records[middle:])], None
    if policy.retries != UNLIMITED and batch.retries >= policy.retries:
        return [], batch
    return [replace(batch, retries=batch.retries + 1)], None
