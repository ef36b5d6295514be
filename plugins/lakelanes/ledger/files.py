"""The ledger: what every lane knows of every source file, in one DynamoDB table.

An item with ``version = 'current'`` per source file says where its newest version stands; a version that a newer one
replaced is kept beside it as ``<etag>@<token>`` in state ``superseded``. Every write is conditional:

- ``token`` counts the claims of a file. A claim raises it by one and succeeds only if nobody claimed since it was read
  and nobody holds a live lease, so of any number of claimants one wins. Everything a worker writes later is conditional
  on its own token, so a worker that lost its lease cannot report.
- ``target_etag`` and ``rejects_etag`` are the objects the last commit left; workers replace exactly those (see
  ``lakelanes.aws.storage``), so a worker that lost its lease cannot overwrite its successor's table either.

Parts (see ``lakelanes.ledger.entries``) are written in transactions that check the claim's token, 99 at a time; the
last of a load also commits the current item. ``lakelanes.files.partitioned_objects`` says when.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

from lakelanes.aws.failures import is_retryable, kind_of
from lakelanes.aws.pauses import pause
from lakelanes.config.model import Lane
from lakelanes.errors import ClaimContendedError, LeaseLostError
from lakelanes.ledger.entries import MOST_TRIES, PART, Entry, Part, PartChanges, Refusal, timestamp
from lakelanes.ledger.items import key, to_item
from lakelanes.ledger.notes import Notes
from lakelanes.ledger.queries import FileQueries
from lakelanes.ledger.source_file import SourceFile, compare_sequencers

log = logging.getLogger(__name__)

LEASE_SECONDS = 900

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
_TRANSACTION_ITEMS = 100
_TRANSACTION_TRIES = 8
# How often an entry is read and written again that others change in between.
_CLAIM_TRIES = 12
# So many of them at once: an entry that the caller did not read costs the first.
_TRIES_WITHOUT_PAUSE = 2


class Ledger(FileQueries, Notes):
    """Access to the ledger table: the files' claims and commits, questions about files, and notes. Thread-safe, as the
    client it is given is."""

    def __init__(
        self, dynamodb: Any, table: str, clock: Callable[[], datetime], lease_seconds: int = LEASE_SECONDS
    ) -> None:
        super().__init__(dynamodb, table, clock)
        self.lease_seconds = lease_seconds
        # Tokens of claims are above it (``lakelanes.ledger.ownership``).
        self.token_floor = 0

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
        """Takes the file for ``owner``, or says why not. ``known``: the entry as the caller read it, to save a request.

        ``parts``: the file's rows may be of many partitions; the entry says from now on that there may be Parts.

        A claim of the same run is taken over at once: a run gives a file to one task, so the holder is an earlier try
        that was killed, or that the token keeps from writing if it still lives.
        One request for a file that the ledger does not know; two for one that it knows and ``known`` does not show.
        Raises ClaimContendedError when others keep changing the entry.
        """
        for attempt in range(_CLAIM_TRIES):
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
            if attempt >= _TRIES_WITHOUT_PAUSE:
                pause(attempt - _TRIES_WITHOUT_PAUSE)
        raise ClaimContendedError(file.uri, _CLAIM_TRIES)

    def adopt(self, claim: Entry, file: SourceFile) -> Entry:
        """The claim, moved to the version that was found on reading. LeaseLostError when the claim is over."""
        modified = timestamp(file.last_modified)
        moved = replace(claim, etag=file.etag, size=file.size, last_modified=modified, sequencer=file.sequencer)
        moved = replace(moved, tries=claim.tries and claim.tries[-1:])
        return self._transition(claim, replace(moved, lease_until=self._lease_end()))

    def renew(self, claim: Entry) -> None:
        """Extends the lease, and changes nothing else: the worker may be writing at the same moment.

        LeaseLostError when the claim is over."""
        try:
            self._db.update_item(
                TableName=self.table,
                Key=key(claim.source),
                UpdateExpression="SET lease_until = :until",
                ConditionExpression=_STANDING,
                ExpressionAttributeNames=_STANDING_NAMES,
                ExpressionAttributeValues=to_item({":until": self._lease_end(), **_standing_values(claim)}),
            )
        except self._db.exceptions.ConditionalCheckFailedException:
            raise LeaseLostError(_lost(claim)) from None

    def loaded(
        self,
        claim: Entry,
        *,
        rows_loaded: int | None,
        rows_rejected: int | None,
        rows_left_out: int | None = None,
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
        """Commits a load: from now on this version is the one in the table. LeaseLostError when the claim is over.

        ``parts``: what becomes of the file's Parts, where it has any; the rows of a file without a target are in these
        alone.
        """
        now = self.now()
        done = replace(
            claim,
            state="loaded",
            rows_loaded=rows_loaded,
            rows_rejected=rows_rejected,
            rows_left_out=rows_left_out or None,
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
        writes += [{"Delete": {"TableName": self.table, "Key": key(claim.source, PART + f)}} for f in parts.forgotten]
        self._transact(claim, writes, done)
        return done

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
        rows_withheld: int | None = None,
        rows_left_out: int | None = None,
    ) -> Entry:
        """Records that the file was refused as a whole for what it contains; ``claim`` has the object of its rejected
        rows. ``line`` and ``column`` of the first fault of the kind that ``error`` tells."""
        done = replace(
            claim,
            state="rejected",
            error=error,
            error_line=line,
            error_column=column,
            retryable=False,
            rows_loaded=0,
            rows_rejected=rows_rejected,
            rows_withheld=rows_withheld,
            rows_left_out=rows_left_out or None,
            lease_until="",
        )
        return self._transition(claim, done)

    def failed(
        self, claim: Entry, error: str, *, retryable: bool, waits_for: Literal["restore"] | None = None
    ) -> Entry:
        """Gives the file back after an error that is not the file's fault. LeaseLostError when the claim is over."""
        return self._transition(
            claim,
            replace(
                claim,
                state="failed",
                error=error,
                error_line=None,
                error_column=None,
                retryable=retryable,
                waits_for=waits_for,
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
            owner=uuid.uuid4().hex,  # so that no other sweep writes an equal one
            etag=file.etag,
            size=file.size,
            last_modified=timestamp(file.last_modified),
            error=reason,
            updated_at=now,
            claimed_at=now,
            tries=(),
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

        Its attempts are counted from 0. False, with nothing written, when somebody holds the file, and when the ledger
        has this version as loaded or refused, or has a newer one. Raises ClaimContendedError when others keep changing
        the entry.
        """
        known = self.get(file.uri)
        for attempt in range(_CLAIM_TRIES):
            if known and known.is_held(self.now()):
                return False
            if known and known.etag != file.etag and compare_sequencers(known.sequencer, file.sequencer) == 1:
                return False
            if known and known.etag == file.etag and known.state in ("loaded", "rejected"):
                return False
            owner = f"{lane}-{uuid.uuid4().hex[:12]}"
            claimed = self._claimed(file, entity, partition, owner, lane, run_id, known)
            tries = _tries(known, file)  # without one more
            aside = replace(claimed, state=state, error=reason, attempts=0, lease_until="", retryable=True, tries=tries)
            found = self._take(aside, known, run_id)
            if found is None:
                return True
            known = found
            pause(attempt)
        raise ClaimContendedError(file.uri, _CLAIM_TRIES)

    def _take(self, entry: Entry, known: Entry | None, run_id: str) -> Entry | None:
        """Puts the entry in the place of ``known``, which becomes history if it is another version that was dealt with.
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
        if known.is_held(self.now()) and known.run_id != run_id:
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
        tries = _tries(known, file)
        return replace(
            before,
            entity=entity,
            partition=partition or before.partition,
            state="claimed",
            lane=lane,
            owner=owner,
            run_id=run_id,
            token=max(before.token, self.token_floor) + 1,
            attempts=before.attempts + 1 if same else 1,
            lease_until=self._lease_end(),
            etag=file.etag,
            size=file.size,
            last_modified=timestamp(file.last_modified),
            sequencer=file.sequencer or (before.sequencer if same else None),
            rows_loaded=None,
            rows_rejected=None,
            rows_withheld=None,
            rows_left_out=None,
            added_columns=None,
            waits_for=None,
            error=None,
            error_line=None,
            error_column=None,
            claimed_at=now,
            updated_at=now,
            loaded_at=None,
            tries=None if tries is None else (*tries, now)[-MOST_TRIES:],
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
        if self._put(after, _STANDING, _STANDING_NAMES, _standing_values(claim)) is not None:
            raise LeaseLostError(_lost(claim))
        return after

    def _write_of(self, part: Part) -> dict[str, Any]:
        return {"Put": {"TableName": self.table, "Item": replace(part, updated_at=self.now()).to_item()}}

    def _transact(self, claim: Entry, writes: list[dict[str, Any]], after: Entry | None = None) -> None:
        """Writes items while the claim stands, as many together as DynamoDB takes; ``after``, the claim's own next
        state, with the last of them. LeaseLostError when the claim is over."""
        standing = {
            "TableName": self.table,
            "ConditionExpression": _STANDING,
            "ExpressionAttributeNames": _STANDING_NAMES,
            "ExpressionAttributeValues": to_item(_standing_values(claim)),
        }
        check = {"ConditionCheck": {**standing, "Key": key(claim.source)}}
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
                if kind_of(error) == "changed":
                    raise LeaseLostError(_lost(claim)) from None
                # Our own renewal of the lease may be in its way, and the client does not try again for that.
                if not is_retryable(error) or attempt == _TRANSACTION_TRIES - 1:
                    raise
            pause(attempt)

    def _put(self, entry: Entry, condition: str, names: dict[str, str], values: dict[str, Any]) -> Entry | None:
        """None when written, else the entry that is there instead. LeaseLostError when there is none any more."""
        found = self.put_if(entry.to_item(), condition, names, values)
        if found is None:
            return None
        if not found:
            raise LeaseLostError(f"{entry.source}: its ledger entry was removed meanwhile")
        return Entry.from_item(found)


# That a claim stands: nobody has taken the file over, and it was not given back.
_STANDING = "#t = :t AND #st = :claimed"
_STANDING_NAMES = {"#t": "token", "#st": "state"}


def _standing_values(claim: Entry) -> dict[str, Any]:
    return {":t": claim.token, ":claimed": "claimed"}


def _tries(known: Entry | None, file: SourceFile) -> tuple[str, ...] | None:
    """When this version was claimed before; None where that was not noted."""
    return known.tries if known and known.etag == file.etag else ()


def _lost(claim: Entry) -> str:
    return f"{claim.source}: the claim of {claim.owner} (token {claim.token}) is over; somebody else has the file"
