"""A ledger with a clock of its own, and the few lines that bring a file to a state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from lakelanes.ledger.entries import Entry, Refusal
from lakelanes.ledger.files import Ledger
from lakelanes.ledger.source_file import SourceFile

NOON = datetime(2024, 3, 15, 12, tzinfo=UTC)
FILE = SourceFile("bucket", "sales_data_2024_03_15.csv", "etag-1", 100, NOON)
# The same file with new content.
NEWER = replace(FILE, etag="etag-2")


class Clock:
    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time


def claim(ledger: Ledger, file: SourceFile = FILE, owner: str = "a", **options: object) -> Entry | Refusal:
    run_id = str(options.pop("run_id", f"run-of-{owner}"))
    return ledger.claim(file, "sales", "year=2024", owner=owner, lane="batch", run_id=run_id, **options)  # type: ignore[arg-type]


def held(ledger: Ledger, file: SourceFile = FILE, owner: str = "a", **options: object) -> Entry:
    entry = claim(ledger, file, owner, **options)
    assert isinstance(entry, Entry), entry
    return entry


def commit(ledger: Ledger, entry: Entry, rows: int = 3) -> Entry:
    return ledger.loaded(
        entry, rows_loaded=rows, rows_rejected=0, target="s3://t/x", target_etag="t1", rejects=None, rejects_etag=None
    )
