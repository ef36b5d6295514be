"""What the ledger's table says of a source file: an entry for its newest version, and a part per partition of its rows.

The entry with ``version = 'current'`` says where a file's newest version stands; a version that a newer one replaced is
kept beside it as ``<etag>@<token>`` in state ``superseded``. A file whose rows are of many partitions has no target and
no partition of its own; it has a ``Part`` per partition instead, with ``version = 'part#<folder>'``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from lakelanes.config.model import Lane
from lakelanes.ledger import items
from lakelanes.ledger.items import CURRENT, Item
from lakelanes.ledger.source_file import SourceFile, compare_sequencers

State = Literal["claimed", "loaded", "rejected", "failed", "superseded", "deleted", "unmatched", "deferred"]

PART = "part#"
# First character of a bucket of the index by_partition, which begins no partition's path.
UNPLACED = "~"
# A file that failed this often is left alone by the sweep until somebody triggers its load.
MAX_ATTEMPTS = 5
# When a version was claimed is kept of so many claims, the last ones.
MOST_TRIES = 20
# By how much an index may trail its table.
INDEX_LAG = timedelta(minutes=1)

# An item holds 400 KB, and an alert quotes twenty errors in 256 KB.
_ERROR_LENGTH = 1000


@dataclass(frozen=True)
class Entry:
    """A ledger item. Times are ISO 8601 in UTC with microseconds, so that they sort as text.

    ``error`` with ``error_line`` and ``error_column`` is the first thing wrong with the file. ``live_*`` describes the
    version that is in the table now, which is an older one while a newer one is being loaded or was refused.
    ``added_columns`` are those that the file has in the table and that the configuration did not name then.
    ``rows_left_out``: those that the dialect leaves out, with its comments and the lines of its footer; None for none.
    ``parts``: of a file whose rows are of many partitions, of how many; None for a file that never had a Part.
    ``rows_withheld``: of the rejected rows of a refused file those without a fault of their own.
    ``waits_for``: of a failed file, what no other try can bring about: that somebody restores it from an archive.
    ``attempts`` are those since the version came or was loaded last, which is what the sweep goes by. ``tries``: when
    this version was claimed, oldest first, MOST_TRIES at most; None where not all of them were noted (before 0.2).
    """

    source: str
    version: str = CURRENT
    entity: str = ""
    state: State = "claimed"
    lane: Lane = "batch"
    owner: str = ""
    run_id: str = ""
    token: int = 0
    attempts: int = 0
    lease_until: str = ""
    etag: str = ""
    size: int = 0
    last_modified: str = ""
    sequencer: str | None = None
    partition: str | None = None
    rows_loaded: int | None = None
    rows_rejected: int | None = None
    rows_withheld: int | None = None
    rows_left_out: int | None = None
    added_columns: tuple[str, ...] | None = None
    error: str | None = None
    error_line: int | None = None
    error_column: str | None = None
    retryable: bool = False
    waits_for: Literal["restore"] | None = None
    target: str | None = None
    target_etag: str | None = None
    rejects: str | None = None
    rejects_etag: str | None = None
    live_etag: str | None = None
    live_rows: int | None = None
    parts: int | None = None
    claimed_at: str = ""
    updated_at: str = ""
    loaded_at: str | None = None
    tries: tuple[str, ...] | None = None

    @property
    def stamp(self) -> dict[str, str]:
        """Metadata of every object that a claim writes, and of the footer of a Parquet file: no two claims' are equal,
        and so no two claims' ETags."""
        return {"lake-token": str(self.token), "lake-source-etag": self.etag, "lake-owner": self.owner}

    @property
    def rows_bad(self) -> int | None:
        """The rejected rows that have a fault of their own. Entries of before 0.2 do not say which these are: all."""
        return None if self.rows_rejected is None else self.rows_rejected - (self.rows_withheld or 0)

    def is_held(self, now: str) -> bool:
        """Whether somebody is loading the file at ``now`` (as ``Ledger.now`` has it): a claim's lease may have ended,
        and then its worker is taken for dead."""
        return self.state == "claimed" and self.lease_until >= now

    def to_item(self) -> Item:
        """The item as DynamoDB's API takes it, with the keys of the indexes."""
        values = items.attributes_of(self)
        if self.error and len(self.error) > _ERROR_LENGTH:
            values["error"] = self.error[:_ERROR_LENGTH] + "…"
        values["entity_state"] = f"{self.entity}#{self.state}"
        if self.version == CURRENT and self.entity:
            values["entity_partition"] = f"{self.entity}#{place_in_index(self)}"
        return items.to_item(values)

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Entry:
        return items.record_of(cls, item)


@dataclass(frozen=True)
class Part:
    """The rows of one file in one partition, as an item beside the file's current one.

    folder: of the object, from the bucket on. token: of the claim that wrote the item. target: URI of the object; None
    when the file has no rows there any more. target_etag: None while a worker is about to write the object and nobody
    has confirmed that it is there. live_*: as in Entry.
    """

    source: str
    folder: str
    entity: str
    partition: str
    token: int
    target: str | None
    target_etag: str | None = None
    live_etag: str | None = None
    live_rows: int | None = None
    updated_at: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """The item's, source and version."""
        return self.source, PART + self.folder

    @property
    def is_confirmed(self) -> bool:
        return self.target is None or self.target_etag is not None

    def to_item(self) -> Item:
        """The item as DynamoDB's API takes it. It is in the index by_partition, not in by_state."""
        values = items.attributes_of(self, without=("folder",))
        values |= {"version": PART + self.folder, "entity_partition": f"{self.entity}#{self.partition}"}
        return items.to_item(values)

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Part:
        folder = str(item["version"]["S"]).removeprefix(PART)
        return items.record_of(cls, item, folder=folder, target=item.get("target", {}).get("S"))


@dataclass(frozen=True)
class PartChanges:
    """What a load does to a file's Parts. written: new and changed ones. forgotten: folders of those that go.

    count: partitions with rows of the file afterwards; None when no Part is left.
    """

    written: Sequence[Part] = ()
    forgotten: Sequence[str] = ()
    count: int | None = None


@dataclass(frozen=True)
class Refusal:
    """Why a file cannot be claimed: the ledger has this version (or a newer one), or somebody is working on it."""

    reason: Literal["already_loaded", "superseded", "claimed_elsewhere"]
    entry: Entry


def told_rejects(rejected: int | None, withheld: int | None) -> str:
    """The rejected rows of a refused file for people, to follow its reason: ' (212 bad rows, 88 withheld)'.

    withheld: those of the rejected rows without a fault of their own. '' where there are no rejected rows.
    """
    withheld = withheld or 0
    bad = (rejected or 0) - withheld
    if bad:
        return f" ({bad} bad row{'s'[: bad != 1]}" + (f", {withheld} withheld)" if withheld else ")")
    return f" ({withheld} row{'s'[: withheld != 1]} withheld)" if withheld else ""


def place_in_index(entry: Entry) -> str:
    """Where the index by_partition has a file: under its partition, or, without one, in one of 256 buckets by its key.

    Without one are files whose rows are of many partitions, and files that were refused before their partition was
    known. A single bucket would make one key of the index hold, and one query read, all of them.
    """
    return entry.partition or bucket_of(entry.source)


def bucket_of(source: str) -> str:
    """The bucket of the index by_partition for a file without a partition: ``~`` and two hexadecimal digits."""
    return UNPLACED + hashlib.sha256(source.encode()).hexdigest()[:2]


def is_newer(known: Entry, file: SourceFile) -> bool:
    """Whether the ledger's version of a file seems newer than ``file``: good enough for a report, not to refuse one.

    Sequencers decide where both have one, else the time of the last change does. That is in whole seconds in listings,
    the event's own in events, and the begin of the upload for a multipart upload, so it can be wrong.
    """
    order = compare_sequencers(known.sequencer, file.sequencer)
    return order == 1 if order is not None else known.last_modified > timestamp(file.last_modified)


def timestamp(time: datetime) -> str:
    """``time`` (aware) as text that sorts: ISO 8601, UTC, microseconds."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
