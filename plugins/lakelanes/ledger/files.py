"""The ledger: what every lane knows of every source file, in one DynamoDB table.

An item with ``version = 'current'`` per source file says where its newest version stands; a version that a newer one
replaced is kept beside it as ``<etag>@<token>`` in state ``superseded``. Every write is conditional:

- ``token`` counts the claims of a file. A claim raises it by one and succeeds only if nobody claimed since it was read
  and nobody holds a live lease, so of any number of claimants one wins. Everything a worker writes later is conditional
  on its own token, so a worker that lost its lease cannot report.
- ``target_etag`` and ``rejects_etag`` are the objects the last commit left; workers replace exactly those (see
  ``lakelanes.aws.storage``), so a worker that lost its lease cannot overwrite its successor's table either.

A file whose rows are of many partitions has no target and no partition of its own. It has an item per partition with
``version = 'part#<folder>'`` beside its current one (``Part``), and the index by_partition has these. They are written
in transactions that check the claim's token, 99 at a time; the last of a load also commits the current item.
``lakelanes.files.partitioned_objects`` says when.

The table has two indexes: ``by_partition`` (entity_partition, source) for validation and ``by_state`` (entity_state,
updated_at) for alerts, sweeps and the UI. A file without a partition of its own is in ``by_partition`` under a bucket
(see ``place_in_index``), so that ``lakelanes.ledger.summaries`` can count every file through that index.
"""

from __future__ import annotations

import hashlib
import logging
import random
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from lakelanes.config.model import Lane
from lakelanes.errors import LeaseLostError
from lakelanes.ledger.source_file import SourceFile, compare_sequencers

log = logging.getLogger(__name__)

State = Literal["claimed", "loaded", "rejected", "failed", "superseded", "deleted", "unmatched", "deferred"]

CURRENT = "current"
PART = "part#"
# No partition's path begins so.
UNPLACED = "~"
LEASE_SECONDS = 900
# A file that failed this often is left alone by the sweep until somebody triggers its load.
MAX_ATTEMPTS = 5
# By how much an index may trail its table.
INDEX_LAG = timedelta(minutes=1)

# An item holds 400 KB, and an alert quotes twenty errors in 256 KB.
_ERROR_LENGTH = 1000
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
_TRANSACTION_ITEMS = 100
_TRANSACTION_TRIES = 8
_PASSING = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


@dataclass(frozen=True)
class Entry:
    """A ledger item. Times are ISO 8601 in UTC with microseconds, so that they sort as text.

    ``error`` with ``error_line`` and ``error_column`` is the first thing wrong with the file. ``live_*`` describes the
    version that is in the table now, which is an older one while a newer one is being loaded or was refused.
    ``added_columns`` are those that the file has in the table and that the configuration did not name then.
    ``parts``: of a file whose rows are of many partitions, of how many; None for a file that never had a Part.
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
    added_columns: tuple[str, ...] | None = None
    error: str | None = None
    error_line: int | None = None
    error_column: str | None = None
    retryable: bool = False
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

    @property
    def stamp(self) -> dict[str, str]:
        """What goes into the metadata of every object that a claim writes, and into the footer of a Parquet file: no
        two claims' are equal, and so no two claims' ETags."""
        return {"lake-token": str(self.token), "lake-source-etag": self.etag, "lake-owner": self.owner}

    def to_item(self) -> dict[str, Any]:
        """The item as DynamoDB's API takes it, with the keys of the indexes."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.error and len(self.error) > _ERROR_LENGTH:
            values["error"] = self.error[:_ERROR_LENGTH] + "…"
        values["entity_state"] = f"{self.entity}#{self.state}"
        if self.version == CURRENT and self.entity:
            values["entity_partition"] = f"{self.entity}#{place_in_index(self)}"
        return {name: _serialize(value) for name, value in values.items() if value is not None}

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Entry:
        known = {field.name for field in fields(cls)}
        values = {name: _deserialize(value) for name, value in item.items() if name in known}
        for name in ("token", "attempts", "size", "rows_loaded", "rows_rejected", "error_line", "live_rows", "parts"):
            if values.get(name) is not None:
                values[name] = int(values[name])
        if values.get("added_columns") is not None:
            values["added_columns"] = tuple(values["added_columns"])
        return cls(**values)


@dataclass(frozen=True)
class Part:
    """The rows of one file in one partition, as an item beside the file's current one.

    folder: of the object, from the bucket on. token: of the claim that wrote the item. target: URI of the object; None
    when the file has no rows there any more. target_etag: None when nobody has confirmed that the object is there: a
    worker was about to write it. live_*: as in Entry.
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
    def is_confirmed(self) -> bool:
        return self.target is None or self.target_etag is not None

    def to_item(self) -> dict[str, Any]:
        """The item as DynamoDB's API takes it. It is in the index by_partition, not in by_state."""
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "folder"}
        values["version"] = PART + self.folder
        values["entity_partition"] = f"{self.entity}#{self.partition}"
        return {name: _serialize(value) for name, value in values.items() if value is not None}

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Part:
        entry = Entry.from_item(item)
        return cls(
            folder=entry.version.removeprefix(PART),
            partition=entry.partition or "",
            **{name: getattr(entry, name) for name in _PART_FIELDS},
        )


_PART_FIELDS = ("source", "entity", "token", "target", "target_etag", "live_etag", "live_rows", "updated_at")


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


class Ledger:
    """Access to the ledger table. Thread-safe, as the client it is given is."""

    def __init__(
        self, dynamodb: Any, table: str, clock: Callable[[], datetime], lease_seconds: int = LEASE_SECONDS
    ) -> None:
        self._db = dynamodb
        self.table = table
        self._clock = clock
        self.lease_seconds = lease_seconds

    @property
    def client(self) -> Any:
        """The DynamoDB client, for what is kept beside the files (``lakelanes.ledger.summaries``)."""
        return self._db

    def now(self) -> str:
        return timestamp(self._clock())

    def get(self, source: str) -> Entry | None:
        """The newest version of a file by its URI; strongly consistent."""
        item = self._db.get_item(TableName=self.table, Key=_key(source), ConsistentRead=True).get("Item")
        return Entry.from_item(item) if item else None

    def get_many(self, sources: Iterable[str]) -> dict[str, Entry]:
        """The newest versions of many files, 100 a request; strongly consistent. Unknown files are left out."""
        entries = map(Entry.from_item, self.read_items((source, CURRENT) for source in sources))
        return {entry.source: entry for entry in entries}

    def read_items(self, keys: Iterable[tuple[str, str]]) -> Iterator[dict[str, Any]]:
        """The table's items with these keys (source, version), 100 a request; strongly consistent, in no order. Those
        that do not exist are left out."""
        distinct = list(dict.fromkeys(keys))
        for start in range(0, len(distinct), 100):
            wanted = [_key(*key) for key in distinct[start : start + 100]]
            while wanted:
                request = {self.table: {"Keys": wanted, "ConsistentRead": True}}
                answer = self._db.batch_get_item(RequestItems=request)
                yield from answer["Responses"].get(self.table, ())
                wanted = answer.get("UnprocessedKeys", {}).get(self.table, {}).get("Keys", [])

    def claim(
        self,
        file: SourceFile,
        entity: str,
        partition: str | None,
        *,
        owner: str,
        lane: Lane,
        run_id: str,
        reload: bool = False,
        known: Entry | None = None,
        parts: bool = False,
    ) -> Entry | Refusal:
        """Takes the file for ``owner``, or says why not. ``known`` is what the caller read before (saves a request).

        ``parts``: the file's rows may be of many partitions; it is known from now on that there may be Parts.

        A claim of the same run is taken over at once: a run gives a file to one task, so its holder is an earlier try
        that was killed, or is fenced off by the token if it still lives.
        One request for a file the ledger does not know; two for one that it knows and that ``known`` does not show.
        """
        while True:
            refusal = self._refuse(file, known, run_id, reload)
            if refusal:
                return refusal
            entry = self._claimed(file, entity, partition, owner, lane, run_id, known)
            if parts and entry.parts is None:
                entry = replace(entry, parts=0)
            found = self._take(entry, known, run_id)
            if found is None:
                return entry
            known = found

    def adopt(self, claim: Entry, file: SourceFile) -> Entry:
        """The claim moved to the version that was found on reading. LeaseLostError when the claim is gone."""
        modified = timestamp(file.last_modified)
        moved = replace(claim, etag=file.etag, size=file.size, last_modified=modified, sequencer=file.sequencer)
        return self._transition(claim, replace(moved, lease_until=self._lease_end()))

    def renew(self, claim: Entry) -> None:
        """Extends the lease, and touches nothing else: the worker may be writing at the same moment."""
        try:
            self._db.update_item(
                TableName=self.table,
                Key=_key(claim.source),
                UpdateExpression="SET lease_until = :until",
                ConditionExpression="#t = :t AND #st = :claimed",
                ExpressionAttributeNames={"#t": "token", "#st": "state"},
                ExpressionAttributeValues={
                    ":until": _serialize(self._lease_end()),
                    ":t": _serialize(claim.token),
                    ":claimed": _serialize("claimed"),
                },
            )
        except self._db.exceptions.ConditionalCheckFailedException:
            raise LeaseLostError(_lost(claim)) from None

    def loaded(
        self,
        claim: Entry,
        *,
        rows_loaded: int | None,
        rows_rejected: int | None,
        target: str | None,
        target_etag: str | None,
        rejects: str | None,
        rejects_etag: str | None,
        added_columns: tuple[str, ...] = (),
        error: str | None = None,
        error_line: int | None = None,
        error_column: str | None = None,
        parts: PartChanges | None = None,
    ) -> Entry:
        """Commits a load: from now on this version is the one in the table.

        ``parts``: what happened to the file's Parts, where it has any; a file without a target lives in these alone.
        """
        now = self.now()
        done = replace(
            claim,
            state="loaded",
            rows_loaded=rows_loaded,
            rows_rejected=rows_rejected,
            target=target,
            target_etag=target_etag,
            rejects=rejects,
            rejects_etag=rejects_etag,
            added_columns=added_columns or None,
            error=error,
            error_line=error_line,
            error_column=error_column,
            retryable=False,
            live_etag=claim.etag,
            live_rows=rows_loaded,
            attempts=0,
            lease_until="",
            loaded_at=now,
        )
        if target is None:
            done = replace(done, partition=None, live_etag=None, live_rows=None)
        if parts is None:
            return self._transition(claim, done)
        done = replace(done, parts=parts.count, updated_at=now)
        writes = [self._write_of(part) for part in parts.written]
        writes += [{"Delete": {"TableName": self.table, "Key": _key(claim.source, PART + f)}} for f in parts.forgotten]
        self._transact(claim, writes, done)
        return done

    def parts(self, source: str) -> dict[str, Part]:
        """The Parts of a file by their folders; strongly consistent."""
        pages = self._db.get_paginator("query").paginate(
            TableName=self.table,
            ConsistentRead=True,
            KeyConditionExpression="#s = :s AND begins_with(#v, :v)",
            ExpressionAttributeNames={"#s": "source", "#v": "version"},
            ExpressionAttributeValues={":s": {"S": source}, ":v": {"S": PART}},
        )
        found = [Part.from_item(item) for page in pages for item in page["Items"]]
        return {part.folder: part for part in found}

    def write_parts(self, claim: Entry, parts: Iterable[Part]) -> None:
        """Writes Parts while the claim stands. LeaseLostError when it does not."""
        self._transact(claim, [self._write_of(part) for part in parts])

    def rejected(
        self,
        claim: Entry,
        error: str,
        *,
        line: int | None = None,
        column: str | None = None,
        rows_rejected: int | None = None,
    ) -> Entry:
        """Records that the file was refused as a whole for what it contains; ``claim`` names its rejected rows."""
        done = replace(
            claim,
            state="rejected",
            error=error,
            error_line=line,
            error_column=column,
            retryable=False,
            rows_loaded=0,
            rows_rejected=rows_rejected,
            lease_until="",
        )
        return self._transition(claim, done)

    def failed(self, claim: Entry, error: str, *, retryable: bool) -> Entry:
        """Gives the file back after an error that is not the file's."""
        return self._transition(
            claim,
            replace(
                claim,
                state="failed",
                error=error,
                error_line=None,
                error_column=None,
                retryable=retryable,
                lease_until="",
            ),
        )

    def deleted(self, claim: Entry) -> Entry:
        """Records that the source object was gone when it was to be read."""
        error = "the source object was deleted before it could be read"
        return self._transition(claim, replace(claim, state="deleted", error=error, retryable=False, lease_until=""))

    def record_unmatched(self, file: SourceFile, reason: str) -> bool:
        """Notes a file that no entity takes, or more than one. False when this version has been noted before."""
        now = self.now()
        entry = Entry(
            source=file.uri,
            state="unmatched",
            owner=uuid.uuid4().hex,  # tells this note from an equal one of another sweep
            etag=file.etag,
            size=file.size,
            last_modified=timestamp(file.last_modified),
            error=reason,
            updated_at=now,
            claimed_at=now,
        )
        condition = "attribute_not_exists(#s) OR (#st = :unmatched AND (#e <> :etag OR #r <> :reason))"
        names = {"#s": "source", "#st": "state", "#e": "etag", "#r": "error"}
        return (
            self._put(entry, condition, names, {":unmatched": "unmatched", ":etag": file.etag, ":reason": reason})
            is None
        )

    def set_aside(
        self,
        file: SourceFile,
        entity: str,
        partition: str | None,
        state: Literal["deferred", "failed"],
        reason: str,
        *,
        lane: Lane,
        run_id: str,
    ) -> bool:
        """Notes a version that is left to the batch lane, as if a worker had claimed it and given it back at once.

        Its attempts begin at none. False, with nothing written, when somebody holds the file, and when the ledger knows
        this version as loaded or refused, or a newer one.
        """
        known = self.get(file.uri)
        while True:
            if known and known.state == "claimed" and known.lease_until >= self.now():
                return False
            if known and known.etag != file.etag and compare_sequencers(known.sequencer, file.sequencer) == 1:
                return False
            if known and known.etag == file.etag and known.state in ("loaded", "rejected"):
                return False
            owner = f"{lane}-{uuid.uuid4().hex[:12]}"
            claimed = self._claimed(file, entity, partition, owner, lane, run_id, known)
            aside = replace(claimed, state=state, error=reason, attempts=0, lease_until="", retryable=True)
            found = self._take(aside, known, run_id)
            if found is None:
                return True
            known = found

    def in_partition(self, entity: str, partition: str) -> Iterator[Entry]:
        """Files of a partition (eventually consistent: an index)."""
        yield from self._query("by_partition", "entity_partition", f"{entity}#{partition}")

    def in_state(self, entity: str, state: State, since: datetime | None = None) -> Iterator[Entry]:
        """Files of an entity in a state, oldest change first (eventually consistent: an index)."""
        yield from self._query("by_state", "entity_state", f"{entity}#{state}", since)

    def latest(
        self,
        entity: str,
        state: State,
        limit: int,
        before: tuple[str, str] | None = None,
        *,
        fields: Sequence[str] = (),
    ) -> list[Entry]:
        """The ``limit`` files of an entity in a state that changed last, newest first, without their past versions.

        ``before``: (updated_at, source) of the last file of the page before. ``fields``: to read these attributes
        alone, source and updated_at among them. One request of the index by_state, which reads what it returns
        (eventually consistent).
        """
        condition, names, values = "#k = :k", {"#k": "entity_state"}, {":k": {"S": f"{entity}#{state}"}}
        if before:
            condition += " AND #u <= :u"
            names["#u"] = "updated_at"
            values[":u"] = {"S": before[0]}
        projection = {}
        if fields:
            names |= {"#u": "updated_at", **{f"#{name}": name for name in fields if name != "updated_at"}}
            projection = {"ProjectionExpression": ", ".join(name for name in names if name != "#k")}
        pages = self._db.get_paginator("query").paginate(
            TableName=self.table,
            IndexName="by_state",
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            ScanIndexForward=False,
            Limit=limit + 1,
            **projection,
        )
        found: list[Entry] = []
        for page in pages:
            entries = map(Entry.from_item, page["Items"])
            found += [entry for entry in entries if before is None or (entry.updated_at, entry.source) < before]
            if len(found) >= limit:
                break
        return sorted(found, key=lambda entry: (entry.updated_at, entry.source), reverse=True)[:limit]

    def page_of_partition(self, entity: str, partition: str, limit: int, after: str = "") -> list[Entry]:
        """The first files of a partition after the URI ``after``, by the index by_partition: the current items of those
        that are in it alone, and of those that have a Part there."""
        condition, values = "#k = :k", {":k": {"S": f"{entity}#{partition}"}}
        names = {"#k": "entity_partition"}
        if after:
            condition += " AND #s > :s"
            names["#s"] = "source"
            values[":s"] = {"S": after}
        items = self._db.query(
            TableName=self.table,
            IndexName="by_partition",
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            Limit=limit,
        )["Items"]
        found = [Entry.from_item(item) for item in items]
        whole = self.get_many(entry.source for entry in found if entry.version != CURRENT)
        return [entry if entry.version == CURRENT else whole.get(entry.source, entry) for entry in found]

    def history(self, source: str, limit: int = 20) -> list[Entry]:
        """Past versions of a file, those of the highest tokens last."""
        items = self._db.query(
            TableName=self.table,
            KeyConditionExpression="#s = :s",
            # Parts and the current item share the file's key.
            FilterExpression="#st = :superseded",
            ExpressionAttributeNames={"#s": "source", "#st": "state"},
            ExpressionAttributeValues={":s": {"S": source}, ":superseded": {"S": "superseded"}},
        )["Items"]
        return sorted(map(Entry.from_item, items), key=lambda entry: entry.token)[-limit:]

    def failures_of_run(self, run_id: str, entities: Iterable[str], since: datetime | None = None) -> list[Entry]:
        """Files that ``run_id`` could not load, of the given entities, from the last seven days or ``since``."""
        since = since or self._clock() - timedelta(days=7)
        return [
            entry
            for entity in entities
            for state in ("rejected", "failed")
            for entry in self.in_state(entity, state, since)
            if entry.run_id == run_id
        ]

    def read_note(self, name: str) -> dict[str, Any]:
        """A small record of the lake itself (a watermark, a view's fingerprint); {} when there is none."""
        item = self._db.get_item(TableName=self.table, Key=_key(f"note:{name}"), ConsistentRead=True).get("Item", {})
        return {k: _deserialize(v) for k, v in item.items() if k not in ("source", "version")}

    def write_note(self, name: str, values: Mapping[str, Any]) -> None:
        item = {**values, "source": f"note:{name}", "version": CURRENT}
        self._db.put_item(TableName=self.table, Item={k: _serialize(v) for k, v in item.items()})

    def read_notes(self, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Many notes by name, 100 a request; those that do not exist are left out."""
        found: dict[str, dict[str, Any]] = {}
        for item in self.read_items((f"note:{name}", CURRENT) for name in names):
            values = {k: _deserialize(v) for k, v in item.items()}
            name = values.pop("source").removeprefix("note:")
            values.pop("version")
            found[name] = values
        return found

    def take_turn(self, name: str, seconds: float) -> bool:
        """Takes a piece of work that is named by a note, for so many seconds; False when somebody else has it or has
        done it. ``write_note`` says that it is done: any note without ``until`` stands for good."""
        until = timestamp(self._clock() + timedelta(seconds=seconds))
        item = {"source": f"note:{name}", "version": CURRENT, "until": until, "holder": uuid.uuid4().hex}
        try:
            self._db.put_item(
                TableName=self.table,
                Item={k: _serialize(v) for k, v in item.items()},
                ConditionExpression="attribute_not_exists(#s) OR #u < :now OR holder = :holder",
                ExpressionAttributeNames={"#s": "source", "#u": "until"},
                # The holder's own: a request whose answer was lost is sent again by the client.
                ExpressionAttributeValues={":now": _serialize(self.now()), ":holder": _serialize(item["holder"])},
            )
        except self._db.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def give_up_turn(self, name: str) -> None:
        """Lets somebody else take the work at once."""
        self.write_note(name, {"until": ""})

    def _take(self, entry: Entry, known: Entry | None, run_id: str) -> Entry | None:
        """Puts the entry in the place of the one that is ``known``, which becomes history if it is of another version.
        None when written, else what is there instead."""
        found = self._put(entry, *self._unclaimed(known, run_id))
        if found is None and known and known.etag != entry.etag and known.state != "claimed":
            self._archive(known)
        return found

    def _unclaimed(self, known: Entry | None, run_id: str) -> tuple[str, dict[str, str], dict[str, Any]]:
        """The condition that nobody changed the entry since it was read, and nobody but this run holds it; with its
        names and values."""
        if known is None:
            return "attribute_not_exists(#s)", {"#s": "source"}, {}
        return (
            "#t = :t AND updated_at = :u AND (#st <> :claimed OR lease_until < :now OR run_id = :run)",
            {"#t": "token", "#st": "state"},
            {":t": known.token, ":u": known.updated_at, ":claimed": "claimed", ":now": self.now(), ":run": run_id},
        )

    def _refuse(self, file: SourceFile, known: Entry | None, run_id: str, reload: bool) -> Refusal | None:
        if known is None:
            return None
        if known.state == "claimed" and known.lease_until >= self.now() and known.run_id != run_id:
            return Refusal("claimed_elsewhere", known)
        if known.etag != file.etag and compare_sequencers(known.sequencer, file.sequencer) == 1:
            return Refusal("superseded", known)
        if known.state == "loaded" and known.etag == file.etag and not reload:
            return Refusal("already_loaded", known)
        return None

    def _claimed(
        self,
        file: SourceFile,
        entity: str,
        partition: str | None,
        owner: str,
        lane: Lane,
        run_id: str,
        known: Entry | None,
    ) -> Entry:
        now = self.now()
        before = known or Entry(source=file.uri)
        same = before.etag == file.etag
        return replace(
            before,
            entity=entity,
            partition=partition or before.partition,
            state="claimed",
            lane=lane,
            owner=owner,
            run_id=run_id,
            token=before.token + 1,
            attempts=before.attempts + 1 if same else 1,
            lease_until=self._lease_end(),
            etag=file.etag,
            size=file.size,
            last_modified=timestamp(file.last_modified),
            sequencer=file.sequencer or (before.sequencer if same else None),
            rows_loaded=None,
            rows_rejected=None,
            added_columns=None,
            error=None,
            error_line=None,
            error_column=None,
            claimed_at=now,
            updated_at=now,
            loaded_at=None,
        )

    def _lease_end(self) -> str:
        return timestamp(self._clock() + timedelta(seconds=self.lease_seconds))

    def _archive(self, before: Entry) -> None:
        item = replace(before, version=f"{before.etag}@{before.token:06d}", state="superseded", updated_at=self.now())
        try:
            self._db.put_item(TableName=self.table, Item=item.to_item())
        except Exception as error:
            # The file is claimed by now: history must not keep it from being loaded.
            log.warning("%s: version %s is missing in its history: %s", before.source, before.etag, error)

    def _transition(self, claim: Entry, after: Entry) -> Entry:
        after = replace(after, updated_at=self.now())
        names = {"#t": "token", "#st": "state"}
        if (
            self._put(after, "#t = :t AND #st = :claimed", names, {":t": claim.token, ":claimed": "claimed"})
            is not None
        ):
            raise LeaseLostError(_lost(claim))
        return after

    def _write_of(self, part: Part) -> dict[str, Any]:
        return {"Put": {"TableName": self.table, "Item": replace(part, updated_at=self.now()).to_item()}}

    def _transact(self, claim: Entry, writes: list[dict[str, Any]], after: Entry | None = None) -> None:
        """Writes items while the claim stands, as many together as DynamoDB takes; ``after``, the claim's own next
        state, with the last of them. LeaseLostError when the claim is over."""
        standing = {
            "TableName": self.table,
            "ConditionExpression": "#t = :t AND #st = :claimed",
            "ExpressionAttributeNames": {"#t": "token", "#st": "state"},
            "ExpressionAttributeValues": {":t": _serialize(claim.token), ":claimed": _serialize("claimed")},
        }
        check = {"ConditionCheck": {**standing, "Key": _key(claim.source)}}
        size = _TRANSACTION_ITEMS - 1
        chunks = [writes[start : start + size] for start in range(0, len(writes), size)]
        if after and not chunks:
            chunks = [[]]
        for number, chunk in enumerate(chunks, 1):
            own = {"Put": {**standing, "Item": after.to_item()}} if after and number == len(chunks) else check
            self._transact_once(claim, [own, *chunk])

    def _transact_once(self, claim: Entry, items: list[dict[str, Any]]) -> None:
        # The client gives the request a token, so that one sent again after a lost answer is not done twice.
        for attempt in range(_TRANSACTION_TRIES):
            try:
                self._db.transact_write_items(TransactItems=items)
                return
            except self._db.exceptions.TransactionCanceledException as error:
                codes = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
                if "ConditionalCheckFailed" in codes:
                    raise LeaseLostError(_lost(claim)) from None
                # Our own renewal of the lease may be in its way, and the client does not try again for that.
                if not codes & _PASSING or attempt == _TRANSACTION_TRIES - 1:
                    raise
            time.sleep(random.uniform(0, 0.05 * 2**attempt))

    def _put(self, entry: Entry, condition: str, names: dict[str, str], values: dict[str, Any]) -> Entry | None:
        """None when written, else the item that kept the condition from holding."""
        extra = {"ExpressionAttributeValues": {k: _serialize(v) for k, v in values.items()}} if values else {}
        try:
            self._db.put_item(
                TableName=self.table,
                Item=entry.to_item(),
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **extra,
            )
        except self._db.exceptions.ConditionalCheckFailedException as error:
            item = error.response.get("Item")
            found = Entry.from_item(item) if item else self.get(entry.source)
            if found is None:
                raise LeaseLostError(f"{entry.source}: its ledger entry was removed meanwhile") from None
            # A request whose answer was lost is sent again by the client and then finds its own write.
            return None if found.to_item() == entry.to_item() else found
        return None

    def _query(self, index: str, attribute: str, value: str, since: datetime | None = None) -> Iterator[Entry]:
        condition, names, values = "#k = :k", {"#k": attribute}, {":k": {"S": value}}
        if since:
            condition += " AND #u >= :u"
            names["#u"] = "updated_at"
            values[":u"] = {"S": timestamp(since)}
        pages = self._db.get_paginator("query").paginate(
            TableName=self.table,
            IndexName=index,
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )
        for page in pages:
            yield from map(Entry.from_item, page["Items"])


def _key(source: str, version: str = CURRENT) -> dict[str, Any]:
    """The key of a file's current item, or of another of its items, as DynamoDB's API takes it."""
    return {"source": {"S": source}, "version": {"S": version}}


def place_in_index(entry: Entry) -> str:
    """Where the index by_partition has a file: under its partition, or, without one, in one of 256 buckets by its key.

    Such are files whose rows are of many partitions, and files that were refused before their partition was known. A
    single bucket would make one key of the index hold, and one query read, all of them.
    """
    return entry.partition or bucket_of(entry.source)


def bucket_of(source: str) -> str:
    return UNPLACED + hashlib.sha256(source.encode()).hexdigest()[:2]


def is_newer(known: Entry, file: SourceFile) -> bool:
    """Whether the ledger's version of a file seems newer than ``file``: good enough for a report, not to refuse one.

    Sequencers decide where both have one, else the time of the last change does. That is in whole seconds in listings,
    the event's own in events, and the begin of the upload for a multipart upload, so it can be wrong.
    """
    order = compare_sequencers(known.sequencer, file.sequencer)
    return order == 1 if order is not None else known.last_modified > timestamp(file.last_modified)


def _lost(claim: Entry) -> str:
    return f"{claim.source}: the claim of {claim.owner} (token {claim.token}) is over; somebody else has the file"


def timestamp(time: datetime) -> str:
    """``time`` (aware) as text that sorts: ISO 8601, UTC, microseconds."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
