"""Files that the ledger knows, many of them at once and without loading one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from lakelanes.ledger.entries import Entry, State, timestamp

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
_BATCH = 25


def entry(
    lake: Lake, entity: str, name: str, path: str, at: datetime, state: State = "loaded", rows: int = 0, bad: int = 0
) -> Entry:
    """A file of an entity in a partition that was dealt with at ``at``, with so many rows loaded and rejected."""
    found = Entry(
        source=f"s3://{lake.config.resources.source_bucket}/{name}",
        entity=entity,
        state=state,
        run_id=f"load_{entity}/scheduled__1",
        token=1,
        attempts=1,
        etag=f"{abs(hash(name)):x}",
        size=100 + 40 * rows,
        last_modified=timestamp(at),
        partition=path,
        claimed_at=timestamp(at),
        updated_at=timestamp(at),
    )
    if state == "loaded":
        return replace(
            found, rows_loaded=rows, rows_rejected=bad, live_etag="1", live_rows=rows, loaded_at=timestamp(at)
        )
    if state == "rejected":
        return replace(found, rows_loaded=0, rows_rejected=bad, error="the file has none of the table's columns")
    return replace(found, error="S3 did not answer" if state == "failed" else None, retryable=state == "failed")


def know(lake: Lake, entries: Iterable[Entry]) -> None:
    """Writes the entries into the ledger, and counts them."""
    items = [{"PutRequest": {"Item": one.to_item()}} for one in entries]
    for at in range(0, len(items), _BATCH):
        answer = lake.dynamodb.batch_write_item(RequestItems={lake.ledger.table: items[at : at + _BATCH]})
        assert not answer.get("UnprocessedItems")
    summaries.refresh(lake.ledger, lake.config.entities.values())
