"""One attempt at one file, step by step: claim, GET, rejects, table, commit.

docs/exactly-once.md tells why the order is this one, and what a crash after each step leaves.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from lakelanes.aws.failures import is_retryable
from lakelanes.aws.reasons import reason_of
from lakelanes.aws.storage import ObjectReader, ObjectWriter, parquet_rows, place_of
from lakelanes.catalog.evolution import Evolution
from lakelanes.config.model import Entity, Lane
from lakelanes.config.partitions import Partition
from lakelanes.convert import (
    Conversion,
    Destination,
    Source,
    TargetTable,
    Tuning,
    convert,
)
from lakelanes.errors import (
    AmbiguousFileError,
    ArchivedError,
    LeaseLostError,
    OutOfTimeError,
    PartitionValueError,
    SourceChangedError,
    SourceGoneError,
    TargetChangedError,
)
from lakelanes.files.copied_text import HEAD_BYTES, look
from lakelanes.files.file_objects import FileObjects, is_of_last_commit
from lakelanes.files.leases import Leases
from lakelanes.files.matching import entity_of, partition_for
from lakelanes.files.outcomes import FileOutcome, OutcomeState
from lakelanes.files.partitioned_objects import FileParts, TableObjects, forgotten_part
from lakelanes.files.rows_target import rows_target
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry, Part, Refusal, timestamp
from lakelanes.ledger.source_file import SourceFile, compare_sequencers

log = logging.getLogger(__name__)

OUT_OF_TIME = "there was no time left to load it; it was given back"
# How often a file is begun again when it, or its target, changes meanwhile.
_PASSES = 4


@dataclass(frozen=True)
class BatchContext:
    """What the attempts of a batch share.

    owner: who claims, in the ledger's words. evolution: gives the table the columns that files bring. stop: set when
    the batch is called off. threads: for the conversion of one file. objects: those of the table.
    """

    lake: Lake
    entity: Entity
    lane: Lane
    owner: str
    leases: Leases
    evolution: Evolution
    stop: threading.Event
    threads: int
    objects: TableObjects


@dataclass(frozen=True)
class Written:
    """The objects that a pass wrote, not yet committed.

    parts: those of many partitions. conversion: None of a file that was copied as it is. target_etag: None where the
    rows are in objects of many partitions, or where there are none.
    """

    parts: FileParts
    conversion: Conversion | None
    target_etag: str | None
    rejects_etag: str | None = None


class Attempt:
    """One attempt at loading one file; ``load`` runs the steps.

    Its ledger entry is what the claim made of it: the commit replaces it, and what it says of the version that is in
    the table stays until then.
    """

    def __init__(self, context: BatchContext, file: SourceFile, run_id: str) -> None:
        self._context, self._lake, self._entity = context, context.lake, context.entity
        self._file, self._run_id = file, run_id
        self._entry = Entry(file.uri)
        self._objects: FileObjects
        self._parts: FileParts | None = None
        # Objects of many partitions that were found to be others than the ledger says: their ETags by URI.
        self._found: dict[str, str | None] = {}
        self._partition: Partition | None = None
        self._fault = ""
        try:
            entity_of(self._lake.config, file.key)
            self._partition = partition_for(self._entity, file.key)
        except (AmbiguousFileError, PartitionValueError) as error:
            self._fault = str(error)

    def load(self, known: Entry | None, reload: bool) -> FileOutcome:
        """Claims the file and loads it. Never raises: whatever happens is in the outcome and in the ledger.

        known: the ledger's entry of the file as it was read before. reload: whether to load a version again that is
        loaded.
        """
        try:
            if ended := self._claim(known, reload):
                return ended
            with self._context.leases.held(self._entry):
                return self._load_claimed()
        except Exception as error:
            # No claim, no ledger: nothing was changed, so the next run finds the file again.
            return self._outcome("failed", error=reason_of(error), retryable=is_retryable(error))

    def _claim(self, known: Entry | None, reload: bool) -> FileOutcome | None:
        """Step 1. The outcome when the file is not to be loaded, or not by this attempt."""
        if known and not reload and self._is_stale(known):
            return self._outcome("superseded", rows=(known.rows_loaded, known.rows_rejected))
        divided = bool(self._entity.data_keys)  # then no one partition holds the file
        claim = self._lake.ledger.claim(
            self._file,
            self._entity.name,
            self._partition.path if self._partition and not divided else None,
            owner=self._context.owner,
            lane=self._context.lane,
            run_id=self._run_id,
            reload=reload,
            known=known,
            parts=divided,
        )
        if isinstance(claim, Refusal):
            return self._outcome(claim.reason, rows=(claim.entry.rows_loaded, claim.entry.rows_rejected))
        self._entry = claim
        return None

    def _is_stale(self, known: Entry) -> bool:
        """Whether S3 itself says that the version loaded, not the one that was listed or notified, is the newest.

        Saves loading that again; a version that S3 does not have any more never gets into the table anyhow.
        """
        if known.state != "loaded" or known.etag == self._file.etag:
            return False
        if compare_sequencers(known.sequencer, self._file.sequencer) is not None:
            return False
        try:
            head = self._lake.s3.head_object(Bucket=self._file.bucket, Key=self._file.key)
        except self._lake.s3.exceptions.ClientError:
            return False
        return bool(head["ETag"].strip('"') == known.etag)

    def _load_claimed(self) -> FileOutcome:
        """The steps after the claim, begun again from GET as often as the file or its target changes meanwhile."""
        if self._context.stop.is_set():  # called off before the batch knew that the claim is held
            return self._give_back(OutOfTimeError(OUT_OF_TIME))
        try:
            if self._partition is None:
                self._lake.ledger.rejected(self._entry, self._fault)
                return self._outcome("rejected", error=self._fault)
            self._objects = FileObjects(self._lake, self._entity, self._partition, self._file.key, self._entry)
            for _ in range(_PASSES):
                if (outcome := self._pass()) is not None:
                    return outcome
        except LeaseLostError as error:
            log.warning("%s", error)
            return self._outcome("claimed_elsewhere")
        except Exception as error:
            log.exception("%s could not be loaded", self._file.uri)
            return self._give_back(error)
        changing = f"{self._file.uri} kept changing while it was read ({_PASSES} times)"
        return self._give_back(SourceChangedError(f"{changing}; it is loaded once it has settled"))

    def _pass(self) -> FileOutcome | None:
        """Steps 2 to 5, from GET to commit. None when the file or a target was changed by others meanwhile."""
        try:
            with self._get() as reader:
                if (refused := self._copy_refusal(reader)) is not None:
                    return self._commit_refusal(Conversion(0, 0, 0, refused=refused), None)
                written = self._copy() if self._entity.format == "csv" else self._convert(reader)
            return self._commit(written)
        except SourceChangedError:
            return None
        except TargetChangedError:
            self._expect_what_is_there()
            return None
        except SourceGoneError as error:
            gone = str(error)
        return self._commit_deletion(gone)

    @contextmanager
    def _get(self) -> Generator[ObjectReader]:
        """Step 2. A reader of the newest version; the claim is moved to that version if it is another."""
        with ObjectReader(self._lake.s3, self._file.bucket, self._file.key, stop=self._context.stop) as reader:
            # An event does not have S3's own time of the version; the ledger is to compare like with like.
            self._entry = replace(self._entry, last_modified=timestamp(reader.last_modified))
            if reader.etag != self._entry.etag:
                self._file = SourceFile(
                    self._file.bucket, self._file.key, reader.etag, reader.size, reader.last_modified
                )
                self._entry = self._lake.ledger.adopt(self._entry, self._file)
            yield reader

    def _convert(self, reader: ObjectReader) -> Written:
        """Steps 3 and 4: rejects, then table. The converter closes the rejects before the table's objects."""
        targets: list[ObjectWriter] = []
        rejects: list[ObjectWriter] = []
        first_pass = [reader]

        def open_source() -> ObjectReader:
            # The first pass reads what the check of the version has begun to fetch.
            if first_pass:
                return first_pass.pop()
            file, etag = self._file, self._entry.etag
            return ObjectReader(self._lake.s3, file.bucket, file.key, etag=etag, stop=self._context.stop)

        def open_target() -> ObjectWriter:
            targets.append(self._objects.open(self._objects.target, self._entry.stamp))
            return targets[-1]

        def open_rejects() -> ObjectWriter:
            rejects.append(self._objects.open(self._objects.rejects, self._entry.stamp))
            return rejects[-1]

        entity = self._entity
        parts = self._read_parts()
        rows_before = (self._entry.live_rows or 0) + parts.rows_before
        try:
            done = convert(
                Source(open_source, self._file.uri, entity.dialect.converter()),
                # Equal files have equal ETags: without the stamp a worker that lost its claim could take its
                # successor's object for the one it was to replace.
                Destination(
                    rows_target(entity, parts.fault_of, parts.open, parts.begin) if entity.data_keys else open_target,
                    open_rejects,
                    self._entry.stamp,
                ),
                TargetTable(
                    entity.columns,
                    entity.sort_by,
                    [key.name for key in entity.partition_keys],
                    lambda columns: self._context.evolution.add(columns, self._file.uri),
                ),
                entity.load_policy(self._empty_refusal(rows_before)),
                Tuning(threads=self._context.threads),
            )
        except BaseException:
            if self._objects.expects_none(self._objects.rejects):
                self._objects.take_back(rejects)
            with suppress(Exception):
                parts.note_written()
            raise
        return Written(parts, done, _etag_of(targets), _etag_of(rejects))

    def _empty_refusal(self, rows_before: int | None) -> str | None:
        """Why a version without rows is refused; None where it is loaded. rows_before: of the version that is in the
        table; None where they were not counted."""
        if self._entity.empty_versions == "load" or rows_before == 0:
            return None
        count = "rows" if rows_before is None else f"{rows_before} row{'s'[: rows_before != 1]}"
        return (
            f"the file has no rows, and the version of it that is in the table has {count}: it stays, as "
            f"entities.{self._entity.name}.empty_versions is 'refuse'"
        )

    def _copy_refusal(self, reader: ObjectReader) -> str | None:
        """Why a file whose rows are not read is refused, by its beginning: that Athena would read it otherwise, or that
        it has no rows, of which only one without a byte is sure."""
        if self._entity.format != "csv":
            return None
        live = self._entry.live_etag
        if not self._file.size and live not in (None, self._file.etag):
            return self._empty_refusal(None)
        head = b""
        while len(head) < HEAD_BYTES and (more := reader.read(HEAD_BYTES - len(head))):
            head += more
        found = look(head, self._entity, is_whole=len(head) == reader.size)
        self._objects.end_with(found.ending)
        return found.fault

    def _copy(self) -> Written:
        """Steps 3 and 4 of a 'csv' table, which holds the file as it came: S3 itself copies it."""
        etag = self._objects.copy_source(self._file, self._entry.stamp)
        return Written(self._read_parts(), None, etag)

    def _commit(self, written: Written) -> FileOutcome:
        """Step 5. What the file left elsewhere goes, then the ledger names this version as the one in the table."""
        done = written.conversion
        if done is not None and done.refused is not None:
            return self._commit_refusal(done, written.rejects_etag)
        objects, parts = self._objects, written.parts
        in_table = {objects.target} if written.target_etag else parts.uris
        if done is None:
            objects.drop_moved(self._entry, in_table)
        else:
            if written.rejects_etag is None:
                objects.drop_rejects(self._entry)
            objects.drop_moved(self._entry, in_table | {objects.rejects})
        changes = parts.changes(in_table) if self._entry.parts is not None else None
        first = done.first_reject if done else None
        self._lake.ledger.loaded(
            self._entry,
            rows_loaded=done.rows_loaded if done else None,
            rows_rejected=done.rows_rejected if done else None,
            rows_left_out=done.left_out if done else None,
            target=objects.target if written.target_etag else None,
            target_etag=written.target_etag,
            rejects=objects.rejects if written.rejects_etag else None,
            rejects_etag=written.rejects_etag,
            added_columns=tuple(done.added_columns) if done else (),
            error=first.reason if first else None,
            error_line=first.line if first else None,
            error_column=first.column if first else None,
            parts=changes,
        )
        outcome = self._outcome("loaded", paths=parts.paths(changes) if changes and done else None)
        if done is None:
            return outcome
        return replace(
            outcome,
            rows_loaded=done.rows_loaded,
            rows_rejected=done.rows_rejected,
            line=first.line if first else None,
            column=first.column if first else None,
            added_columns=tuple(done.added_columns),
        )

    def _commit_refusal(self, done: Conversion, rejects_etag: str | None) -> FileOutcome:
        """Step 5 of a file that is refused for what it contains: the table keeps the version before it."""
        first, objects = done.first_reject, self._objects
        line, column = (first.line, first.column) if first else (None, None)
        reason = str(done.refused)
        if rejects_etag is None:
            objects.drop_rejects(self._entry)
        objects.drop_moved(self._entry, {self._entry.target or "", objects.rejects})
        confirmed = replace(
            self._with_what_is_live(), rejects=objects.rejects if rejects_etag else None, rejects_etag=rejects_etag
        )
        self._lake.ledger.rejected(
            confirmed,
            reason,
            line=line,
            column=column,
            rows_rejected=done.rows_rejected,
            rows_withheld=done.rows_withheld,
            rows_left_out=done.left_out,
        )
        outcome = self._outcome("rejected", rows=(0, done.rows_rejected), error=reason)
        return replace(outcome, line=line, column=column, rows_withheld=done.rows_withheld)

    def _commit_deletion(self, reason: str) -> FileOutcome:
        """Step 5 of a file that is gone: what was loaded of it stays, and with it what a dead worker left."""
        confirmed = self._with_what_is_live()
        rejects = self._objects.rejects
        if self._entity.format == "parquet" and (left := self._objects.find(rejects)):
            confirmed = replace(confirmed, rejects=rejects, rejects_etag=left.etag)
        self._lake.ledger.deleted(confirmed)
        return self._outcome("deleted", error=reason)

    def _with_what_is_live(self) -> Entry:
        """The claim with what the table really holds of the file, for a claim that ends without writing to it.

        That is another version than the ledger says when a worker put its object and lost its claim before the commit:
        no later version replaces it now, and the one before it is gone. When a later claim put it, this one is over,
        and the commit that follows is refused.
        """
        entry, objects = self._entry, self._objects
        if self._entity.data_keys:
            self._read_parts().confirm()
            return entry
        found = objects.find_target()
        if found:
            objects.drop_other_endings(entry)
        if found is None or (entry.target == objects.target and is_of_last_commit(entry, found)):
            return entry
        rows = None
        if self._entity.format == "parquet":
            rows = parquet_rows(self._lake.s3, *place_of(objects.target), found.etag)
        objects.drop_moved(entry, {objects.target, entry.rejects or ""})
        return replace(
            entry, target=objects.target, target_etag=found.etag, live_etag=found.source_etag, live_rows=rows
        )

    def _expect_what_is_there(self) -> None:
        """Has the next pass replace the objects that are there now, left by a worker that died before its commit.

        LeaseLostError when they come from a later claim: then we are the ones who were taken for dead.
        """
        if self._parts and self._entity.data_keys:
            self._found |= self._parts.find_objects()
        self._objects.expect_what_is_there()
        # Raises LeaseLostError when they are a later claim's. (If the ledger was restored or emptied, it has forgotten
        # that claim, and ours goes on.) Objects that went away without a successor's commit are no reason to give up.
        self._lake.ledger.renew(self._entry)

    def _read_parts(self) -> FileParts:
        """The file's objects of many partitions; none, without a request, for a file that never had such."""
        assert self._partition is not None
        # A first claim finds none, unless its own passes wrote some.
        asked = self._entry.parts is not None and (self._entry.token > 1 or self._parts is not None)
        known = self._lake.ledger.parts(self._entry.source) if asked else {}
        if asked and (forgotten := self._forgotten_parts(known)):
            self._lake.ledger.write_parts(self._entry, forgotten)
            known |= {part.folder: part for part in forgotten}
        self._parts = FileParts(
            self._lake, self._entity, self._entry, known, self._partition, self._objects.uri_in, self._found
        )
        return self._parts

    def _forgotten_parts(self, known: Mapping[str, Part]) -> list[Part]:
        """The objects of many partitions that a restored ledger does not know of, as unconfirmed Parts. Looked for
        until a load was committed since."""
        floor = self._lake.ledger.token_floor
        if not floor or any(part.is_confirmed and part.token > floor for part in known.values()):
            return []
        name = place_of(self._objects.target)[1].rpartition("/")[2]
        found = [folder for folder in self._context.objects.folders_of(name) if folder not in known]
        return [forgotten_part(self._entry, self._entity, folder, name) for folder in found]

    def _give_back(self, error: Exception) -> FileOutcome:
        """Ends the claim after an error that is not the file's; it is tried again where that can help."""
        retryable = is_retryable(error)
        try:
            self._lake.ledger.failed(
                self._entry,
                reason_of(error),
                retryable=retryable,
                waits_for="restore" if isinstance(error, ArchivedError) else None,
            )
        except Exception as second:
            # The lease runs out by itself, and the file is found again then.
            log.warning("%s: the ledger did not take the failure: %s", self._file.uri, second)
        return self._outcome("failed", error=reason_of(error), retryable=retryable)

    def _outcome(
        self,
        state: OutcomeState,
        *,
        paths: tuple[str, ...] | None = None,
        rows: tuple[int | None, int | None] = (None, None),
        error: str | None = None,
        retryable: bool = False,
    ) -> FileOutcome:
        """paths: None for the partition that the file's name spells. rows: loaded and rejected."""
        if paths is None:
            paths = (self._partition.path,) if self._partition else ()
        return FileOutcome(self._file.uri, state, paths, self._file.size, *rows, error=error, retryable=retryable)


def _etag_of(writers: list[ObjectWriter]) -> str | None:
    """The ETag of the last object that was completed: a converter that begins again opens its objects again."""
    return next((writer.etag for writer in reversed(writers) if writer.etag), None)
