"""The way of a file: claim, convert, commit; then, for what was loaded: register, validate.

Nothing here raises for one file's sake: each file ends as a FileOutcome and in the ledger. Target keys are a pure
function of entity, partition and source key, so loading a file again replaces what it was and never doubles rows.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Sequence, Set
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Literal

from lakelanes.aws.clients import error_code, is_retryable
from lakelanes.aws.storage import ObjectReader, ObjectWriter, WrittenObject, parquet_rows, place_of, written_object
from lakelanes.catalog import athena, glue_tables
from lakelanes.config.model import Entity, Lane
from lakelanes.config.partitions import Partition, rejects_partition
from lakelanes.convert import (
    Conversion,
    Destination,
    LoadPolicy,
    PartitionedTarget,
    Source,
    TargetTable,
    Tuning,
    convert,
)
from lakelanes.errors import (
    AmbiguousFileError,
    LakeError,
    LeaseLostError,
    OutOfTimeError,
    PartitionValueError,
    PermanentLoadError,
    RetryableLoadError,
    SourceChangedError,
    SourceGoneError,
    TargetChangedError,
    ValidationError,
)
from lakelanes.files.matching import entity_of, partition_for
from lakelanes.files.partitioned_objects import FileParts
from lakelanes.lake import Lake
from lakelanes.ledger.files import Entry, Refusal, timestamp
from lakelanes.ledger.source_file import SourceFile, compare_sequencers
from lakelanes.names import sql_identifier, sql_string
from lakelanes.types import HiveType

log = logging.getLogger(__name__)

OutcomeState = Literal["loaded", "rejected", "failed", "superseded", "deleted", "already_loaded", "claimed_elsewhere"]

# Files above this many bytes are converted one per core; smaller ones wait for the network most of their time.
_LARGE = 16 << 20
_SMALL_WORKERS = 8
_PARTITIONS_PER_QUERY = 500
# How often a file is begun again when it, or its target, changes under our hands.
_RESTARTS = 4
_OUT_OF_TIME = "there was no time left to load it; it was given back"


@dataclass(frozen=True)
class FileOutcome:
    """What became of one source file. ``error`` is set for rejected and failed files, and says what to look at.

    ``added_columns`` are those it has in the table that the configuration does not name.
    ``partitions``: paths of those that its rows are in, or were in before, and that of its rejected rows.
    """

    source: str
    state: OutcomeState
    partitions: tuple[str, ...] = ()
    size: int = 0
    rows_loaded: int | None = None
    rows_rejected: int | None = None
    error: str | None = None
    line: int | None = None
    column: str | None = None
    retryable: bool = False
    added_columns: tuple[str, ...] = ()

    @property
    def is_failure(self) -> bool:
        return self.state in ("rejected", "failed")

    def describe(self) -> str:
        """One line for people: file, line, column, reason."""
        where = "".join(
            [
                self.source,
                f", line {self.line}" if self.line is not None else "",
                f", column {self.column}" if self.column else "",
            ]
        )
        return f"{where}: {self.state}: {self.error}" if self.error else f"{where}: {self.state}"


@dataclass(frozen=True)
class PartitionCount:
    """Rows of a partition by the ledger and by Athena."""

    partition: str
    ledger: int
    athena: int


def target_key(entity: Entity, partition: Partition, source_key: str) -> str:
    """Key of the table's object for a source file: its name, and enough of a hash to tell two folders apart."""
    name = source_key.rsplit("/", 1)[-1]
    suffix = "parquet" if entity.format == "parquet" else "csv"
    digest = hashlib.sha256(source_key.encode()).hexdigest()[:8]
    stem = "".join(c if c.isalnum() or c in "._-" else "_" for c in name.rsplit(".", 1)[0])
    if entity.format == "csv" and name.lower().endswith(".gz"):
        suffix = "csv.gz"  # Athena tells compressed text by its ending
    return f"{entity.table_name}/{partition.path}/{stem[:120]}-{digest}.{suffix}"


def rejects_key(entity: Entity, partition: Partition, source_key: str) -> str:
    """Key of the object with a source file's rejected rows."""
    stem = target_key(entity, partition, source_key).removeprefix(entity.table_name).rsplit("-", 1)
    return f"{glue_tables.REJECTS_FOLDER}/{entity.table_name}{stem[0]}-{stem[1][:8]}.parquet"


def pending(lake: Lake, files: Iterable[SourceFile]) -> list[SourceFile]:
    """The files whose listed version is not in the table yet, or not in its newest form."""
    files = list(files)
    known = lake.ledger.get_many(file.uri for file in files)
    return [file for file in files if not is_done(known.get(file.uri), file)]


def is_done(entry: Entry | None, file: SourceFile) -> bool:
    """Whether the ledger says that this version of the file is in its table."""
    return entry is not None and entry.state == "loaded" and entry.etag == file.etag


def load_batch(
    lake: Lake,
    entity: Entity,
    files: Sequence[SourceFile],
    *,
    lane: Lane,
    run_id: str | Callable[[SourceFile], str],
    reload: bool = False,
    deadline: float | None = None,
) -> list[FileOutcome]:
    """Loads files of one entity, several at a time; one outcome per file, in the order given.

    Never raises for a file: whatever happens to it is in its outcome and in the ledger. ``run_id`` may differ from file
    to file. What is not loaded at ``deadline`` (of time.monotonic) is called off and given back to the ledger, and has
    failed for now; its worker cannot write any more what counts.
    """
    if not files:
        return []
    stop = threading.Event()
    run_of = run_id if callable(run_id) else lambda file: run_id
    known = lake.ledger.get_many(file.uri for file in files)
    cores = os.cpu_count() or 1
    large = threading.Semaphore(cores)
    workers = min(len(files), max(cores, _SMALL_WORKERS))
    owner = f"{lane}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
    evolution = glue_tables.Evolution(lake, entity)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="load")
    with _Leases(lake) as leases:

        def one(file: SourceFile) -> FileOutcome:
            loader = _Loader(lake, entity, lane, run_of(file), owner, leases, evolution, stop, alone=len(files) == 1)
            if file.size <= _LARGE:
                outcome = loader.load(file, known.get(file.uri), reload)
            else:
                with large:
                    outcome = loader.load(file, known.get(file.uri), reload)
            log.log(logging.WARNING if outcome.is_failure else logging.INFO, outcome.describe())
            return outcome

        tasks = [pool.submit(one, file) for file in files]
        try:
            done, late = wait(tasks, None if deadline is None else max(0.0, deadline - time.monotonic()))
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
        if late:
            stop.set()
            leases.give_back(_OUT_OF_TIME)
        # A worker that is called off ends at its next read; it is not waited for.
        pool.shutdown(wait=not late, cancel_futures=True)
        return [
            task.result()
            if task in done
            else FileOutcome(file.uri, "failed", size=file.size, error=_OUT_OF_TIME, retryable=True)
            for file, task in zip(files, tasks, strict=True)
        ]


def raise_for_outcomes(outcomes: Iterable[FileOutcome]) -> None:
    """Raises when a file was not loaded: RetryableLoadError if a retry can cure one, else PermanentLoadError."""
    failures = [outcome for outcome in outcomes if outcome.is_failure]
    if not failures:
        return
    lines = [outcome.describe() for outcome in failures[:50]]
    if len(failures) > len(lines):
        lines.append(f"and {len(failures) - len(lines)} more, see the ledger")
    message = "\n  ".join([f"{len(failures)} of the files were not loaded:", *lines])
    raise (RetryableLoadError if any(f.retryable for f in failures) else PermanentLoadError)(message)


@dataclass(frozen=True)
class Registered:
    """What registering did: tables created or given columns, partitions created, and Locations corrected."""

    tables_changed: list[str]
    created: int
    relocated: list[str]


def register(lake: Lake, entity: Entity, partitions: Iterable[Partition]) -> Registered:
    """Makes partitions visible to Athena, the rejected rows' too; creates the tables the first time."""
    changed: list[str] = []
    created, relocated = 0, []
    for table, own in _by_table(entity, partitions):
        if glue_tables.ensure_table(lake, table):
            changed.append(table.name)
        result = glue_tables.register_partitions(lake, table, own)
        if table.name == entity.table_name:
            created = len(result.created)
        for move in result.relocated:
            relocated.append(f"{table.name}/{move.partition.path}: {move.found} -> {move.expected}")
            log.warning(
                "partition %s of %s pointed to %s; its Location is now %s",
                move.partition.path,
                table.name,
                move.found,
                move.expected,
            )
    return Registered(changed, created, relocated)


def unregistered(lake: Lake, entity: Entity, partitions: Iterable[Partition]) -> list[str]:
    """What of these partitions ``register`` would change, as ``<table>/<path>``, or ``<table>`` where that is not
    there. Reads only: one BatchGetPartition per table and 1,000 partitions."""
    found: list[str] = []
    for table, own in _by_table(entity, partitions):
        missing = glue_tables.unregistered(lake, table, own)
        found += [table.name] if missing is None else [f"{table.name}/{partition.path}" for partition in missing]
    return found


def _by_table(entity: Entity, partitions: Iterable[Partition]) -> list[tuple[glue_tables.GlueTable, set[Partition]]]:
    """The entity's tables, each with those of the partitions, in its own form, that it is to have."""
    wanted = set(partitions)
    tables = [(glue_tables.data_table(entity), {partition for partition in wanted if partition.is_complete})]
    if entity.format == "parquet":
        tables.append(
            (glue_tables.rejects_table(entity), {rejects_partition(entity, partition) for partition in wanted})
        )
    return tables


def validate(
    lake: Lake, entity: Entity, partitions: Iterable[Partition], *, attempts: int = 5, pause_seconds: float = 1.0
) -> list[PartitionCount]:
    """Compares what Athena counts in each partition with what the ledger says was loaded into it.

    Another lane may be loading into the same partition, and the ledger's index trails its table, so a difference is
    looked at again before it becomes a ValidationError. A partition that files keep arriving in meanwhile is left out
    of the answer: whoever loads them has it validated later. A 'csv' table is only checked to answer: its rows were not
    counted on the way. Partitions of rejected rows alone are left out.
    """
    waiting = sorted(partition for partition in set(partitions) if partition.is_complete)
    agreed: list[PartitionCount] = []
    before: dict[Partition, _LedgerCount] = {}
    for attempt in range(attempts):
        if attempt:
            time.sleep(pause_seconds * attempt)
        counted = _athena_counts(lake, entity, waiting)
        with ThreadPoolExecutor(_SMALL_WORKERS, thread_name_prefix="validate") as pool:
            ledger = list(pool.map(lambda partition: _ledger_count(lake, entity, partition), waiting))
        different: list[tuple[Partition, PartitionCount]] = []
        moving: set[Partition] = set()
        for partition, now in zip(waiting, ledger, strict=True):
            found = counted.get(tuple(partition.values), 0)
            count = PartitionCount(partition.path, found if now.rows is None else now.rows, found)
            if count.ledger == count.athena:
                agreed.append(count)
                continue
            different.append((partition, count))
            if now.busy or before.get(partition, now) != now:
                moving.add(partition)
            before[partition] = now
        waiting = [partition for partition, _ in different]
        if not different:
            return agreed
    for partition in sorted(moving):
        log.info("%s: files keep arriving in %s; it is validated later", entity.table_name, partition.path)
    different = [(partition, count) for partition, count in different if partition not in moving]
    if not different:
        return agreed
    lines = [f"{c.partition}: the ledger holds {c.ledger} rows, Athena counts {c.athena}" for _, c in different[:20]]
    raise ValidationError("\n  ".join([f"{entity.table_name}: {len(different)} partitions differ:", *lines]))


class _Leases:
    """Keeps the leases of a batch's claims alive while their files are being converted."""

    def __init__(self, lake: Lake) -> None:
        self._ledger = lake.ledger
        self._claims: dict[str, Entry] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="leases", daemon=True)

    def __enter__(self) -> _Leases:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()

    @contextmanager
    def held(self, claim: Entry) -> Generator[None]:
        with self._lock:
            self._claims[claim.source] = claim
        try:
            yield
        finally:
            with self._lock:
                self._claims.pop(claim.source, None)

    def give_back(self, reason: str) -> None:
        """Ends the claims that are held: others may take the files at once, and their workers cannot commit any
        more."""
        with self._lock:
            held = list(self._claims.values())
        for claim in held:
            try:
                self._ledger.failed(claim, reason, retryable=True)
            except Exception as error:
                # Committed at this moment, or the ledger cannot be reached; then the lease runs out.
                log.warning("%s could not be given back: %s", claim.source, error)

    def _keep(self) -> None:
        while not self._stop.wait(self._ledger.lease_seconds / 3):
            with self._lock:
                held = list(self._claims.values())
            for claim in held:
                try:
                    self._ledger.renew(claim)
                except Exception as error:
                    # The worker finds out by itself when it commits; its writes are fenced until then.
                    log.warning("%s: the lease could not be renewed: %s", claim.source, error)


class _Loader:
    """Loads one file: the steps between its claim and its commit."""

    def __init__(
        self,
        lake: Lake,
        entity: Entity,
        lane: Lane,
        run_id: str,
        owner: str,
        leases: _Leases,
        evolution: glue_tables.Evolution,
        stop: threading.Event,
        *,
        alone: bool,
    ) -> None:
        self._lake, self._entity, self._lane, self._run_id = lake, entity, lane, run_id
        self._owner, self._leases, self._evolution = owner, leases, evolution
        self._stop, self._alone = stop, alone
        self._parts: FileParts | None = None
        # What was looked at after a target turned out to be another than the ledger says.
        self._found: dict[str, str | None] = {}
        self._known = Entry("")  # the claim, as the ledger has it

    def load(self, file: SourceFile, known: Entry | None, reload: bool) -> FileOutcome:
        try:
            entity_of(self._lake.config, file.key)
            partition: Partition | None = partition_for(self._entity, file.key)
            fault = None
        except (AmbiguousFileError, PartitionValueError) as error:
            partition, fault = None, str(error)
        paths = (partition.path,) if partition else ()
        divided = bool(self._entity.data_keys)  # then no one partition holds the file
        try:
            if known and not reload and self._is_stale(file, known):
                return FileOutcome(file.uri, "superseded", paths, file.size, known.rows_loaded, known.rows_rejected)
            claim = self._lake.ledger.claim(
                file,
                self._entity.name,
                partition.path if partition and not divided else None,
                owner=self._owner,
                lane=self._lane,
                run_id=self._run_id,
                reload=reload,
                known=known,
                parts=divided,
            )
            if isinstance(claim, Refusal):
                return FileOutcome(
                    file.uri, claim.reason, paths, file.size, claim.entry.rows_loaded, claim.entry.rows_rejected
                )
            with self._leases.held(claim):
                if self._stop.is_set():  # called off between the claim and its being known as held
                    self._lake.ledger.failed(claim, _OUT_OF_TIME, retryable=True)
                    raise OutOfTimeError(_OUT_OF_TIME)
                if partition is None:
                    return self._reject(claim, fault or "")
                return self._load_claimed(file, claim, partition)
        except Exception as error:
            # No claim, no ledger: nothing was changed, so the next run finds the file again.
            retryable = is_retryable(error)
            return FileOutcome(file.uri, "failed", paths, file.size, error=_reason(error), retryable=retryable)

    def _is_stale(self, file: SourceFile, known: Entry) -> bool:
        """Whether S3 itself says that the version loaded, not the one that was listed or told of, is the newest.

        Saves loading that again; a version that S3 does not have any more never gets into the table anyhow.
        """
        if known.state != "loaded" or known.etag == file.etag:
            return False
        if compare_sequencers(known.sequencer, file.sequencer) is not None:
            return False
        try:
            head = self._lake.s3.head_object(Bucket=file.bucket, Key=file.key)
        except self._lake.s3.exceptions.ClientError:
            return False
        return bool(head["ETag"].strip('"') == known.etag)

    def _load_claimed(self, file: SourceFile, claim: Entry, partition: Partition) -> FileOutcome:
        ledger = self._lake.ledger
        self._known = current = claim
        # Another partition, table or format since then: there is nothing to replace under the new key.
        if claim.target and claim.target != self._uri(target_key(self._entity, partition, file.key)):
            current = replace(current, target_etag=None)
        if claim.rejects and claim.rejects != self._uri(rejects_key(self._entity, partition, file.key)):
            current = replace(current, rejects_etag=None)
        try:
            for _ in range(_RESTARTS):
                try:
                    with ObjectReader(self._lake.s3, file.bucket, file.key, stop=self._stop) as reader:
                        # An event does not have S3's own time of the version; the ledger is to compare like with like.
                        current = replace(current, last_modified=timestamp(reader.last_modified))
                        if reader.etag != current.etag:
                            file = SourceFile(file.bucket, file.key, reader.etag, reader.size, reader.last_modified)
                            current = ledger.adopt(current, file)
                        if self._entity.format == "csv":
                            return self._copy(file, current, partition)
                        return self._convert(reader, file, current, partition)
                except SourceChangedError:
                    continue
                except SourceGoneError as error:
                    return self._record_deleted(current, file, partition, error)
                except TargetChangedError:
                    current = self._adopt_target(current, file, partition)
            raise SourceChangedError(
                f"{file.uri} kept changing while it was read ({_RESTARTS} times); it is loaded once it has settled"
            )
        except LeaseLostError as error:
            log.warning("%s", error)
            return FileOutcome(file.uri, "claimed_elsewhere", (partition.path,), file.size)
        except Exception as error:
            retryable = error.retryable if isinstance(error, LakeError) else is_retryable(error)
            log.exception("%s could not be loaded", file.uri)
            try:
                ledger.failed(current, _reason(error), retryable=retryable)
            except Exception as second:
                # The lease runs out by itself, and the file is found again then.
                log.warning("%s: the ledger could not be told of the failure: %s", file.uri, second)
            return FileOutcome(
                file.uri, "failed", (partition.path,), file.size, error=_reason(error), retryable=retryable
            )

    def _convert(self, reader: ObjectReader, file: SourceFile, claim: Entry, partition: Partition) -> FileOutcome:
        entity, s3, bucket = self._entity, self._lake.s3, self._lake.config.resources.analytics_bucket
        targets: list[ObjectWriter] = []
        rejects: list[ObjectWriter] = []
        again: list[ObjectReader] = [reader]
        metadata = claim.stamp

        def open_source() -> ObjectReader:
            # The first pass reads what the check of the version has begun to fetch.
            if again:
                return again.pop()
            return ObjectReader(s3, file.bucket, file.key, etag=claim.etag, stop=self._stop)

        def open_target() -> ObjectWriter:
            key = target_key(entity, partition, file.key)
            targets.append(ObjectWriter(s3, bucket, key, expected_etag=claim.target_etag, metadata=metadata))
            return targets[-1]

        def open_rejects() -> ObjectWriter:
            key = rejects_key(entity, partition, file.key)
            rejects.append(ObjectWriter(s3, bucket, key, expected_etag=claim.rejects_etag, metadata=metadata))
            return rejects[-1]

        parts = self._parts = self._parts_of(claim, file, partition)
        open_parts = PartitionedTarget(
            [key.value for key in entity.data_keys if key.value],
            parts.fault_of,
            parts.open,
            parts.begin,
            left_out=frozenset(key.name for key in entity.data_keys),
            limit=entity.max_partitions_per_file,
        )
        try:
            done = convert(
                Source(open_source, file.uri, entity.dialect.converter()),
                # Equal files have equal ETags: without the stamp a worker that lost its claim could take its
                # successor's object for the one it was to replace.
                Destination(open_parts if entity.data_keys else open_target, open_rejects, metadata),
                TargetTable(
                    entity.columns,
                    entity.sort_by,
                    [key.name for key in entity.partition_keys],
                    lambda columns: self._evolution.add(columns, file.uri),
                ),
                LoadPolicy(
                    entity.on_bad_rows, entity.max_bad_rows, entity.missing_columns, entity.schema_policy.converter()
                ),
                Tuning(threads=2 if self._alone else 1),
            )
        except BaseException:
            if claim.rejects_etag is None:
                self._take_back(rejects)
            with suppress(Exception):
                parts.note_written()
            raise
        left = next((w for w in reversed(rejects) if w.etag), None)
        if done.refused is not None:
            return self._refuse(claim, file, partition, done, left)
        target = next((writer for writer in reversed(targets) if writer.etag), None)
        if left is None:
            self._drop_rejects(claim, rejects_key(entity, partition, file.key))
        kept = {target.uri} if target else parts.uris
        self._drop_moved(claim, kept | {self._uri(rejects_key(entity, partition, file.key))})
        changes = parts.changes(kept) if claim.parts is not None else None
        first = done.first_reject
        self._lake.ledger.loaded(
            claim,
            rows_loaded=done.rows_loaded,
            rows_rejected=done.rows_rejected,
            target=target.uri if target else None,
            target_etag=target.etag if target else None,
            rejects=left.uri if left else None,
            rejects_etag=left.etag if left else None,
            added_columns=tuple(done.added_columns),
            error=first.reason if first else None,
            error_line=first.line if first else None,
            error_column=first.column if first else None,
            parts=changes,
        )
        return FileOutcome(
            file.uri,
            "loaded",
            parts.paths(changes) if changes else (partition.path,),
            file.size,
            done.rows_loaded,
            done.rows_rejected,
            line=first.line if first else None,
            column=first.column if first else None,
            added_columns=tuple(done.added_columns),
        )

    def _parts_of(self, claim: Entry, file: SourceFile, partition: Partition) -> FileParts:
        """The file's objects of many partitions; none, without asking, for a file that never had such."""
        asked = claim.parts is not None and (claim.token > 1 or self._parts is not None)
        known = self._lake.ledger.parts(claim.source) if asked else {}

        def uri_of(of: Partition) -> str:
            return self._uri(target_key(self._entity, of, file.key))

        return FileParts(self._lake, self._entity, claim, known, partition, uri_of, self._found)

    def _refuse(
        self, claim: Entry, file: SourceFile, partition: Partition, done: Conversion, rejects: ObjectWriter | None
    ) -> FileOutcome:
        first = done.first_reject
        line, column = (first.line, first.column) if first else (None, None)
        reason = str(done.refused)
        key = rejects_key(self._entity, partition, file.key)
        if rejects is None:
            self._drop_rejects(claim, key)
        self._drop_moved(claim, {claim.target or "", self._uri(key)})
        settled = self._settled(claim, file, partition)
        written = (rejects.uri, rejects.etag) if rejects else (None, None)
        self._lake.ledger.rejected(
            replace(settled, rejects=written[0], rejects_etag=written[1]),
            reason,
            line=line,
            column=column,
            rows_rejected=done.rows_rejected,
        )
        return FileOutcome(
            claim.source, "rejected", (partition.path,), claim.size, 0, done.rows_rejected, reason, line, column
        )

    def _record_deleted(self, claim: Entry, file: SourceFile, partition: Partition, error: Exception) -> FileOutcome:
        """The source is gone. What was loaded of it stays, and with it what a dead worker left."""
        settled = self._settled(claim, file, partition)
        key = rejects_key(self._entity, partition, file.key)
        left = self._object(key) if self._entity.format == "parquet" else None
        if left:
            settled = replace(settled, rejects=self._uri(key), rejects_etag=left.etag)
        self._lake.ledger.deleted(settled)
        return FileOutcome(file.uri, "deleted", (partition.path,), file.size, error=str(error))

    def _settled(self, claim: Entry, file: SourceFile, partition: Partition) -> Entry:
        """The claim with what the table really holds of the file, for a claim that ends without writing to it.

        That is another version than the ledger says when a worker put its object and lost its claim before the commit:
        no later version replaces it now, and the one before it is gone. LeaseLostError when a later claim put it.
        """
        if self._entity.data_keys:
            self._parts_of(claim, file, partition).settle()
            return replace(claim, target=self._known.target, target_etag=self._known.target_etag)
        key = target_key(self._entity, partition, file.key)
        known, found = self._known, self._object(key)
        if found is None or (known.target == self._uri(key) and _is_live(known, found)):
            return replace(claim, target=known.target, target_etag=known.target_etag)
        if found.token > claim.token:
            self._lake.ledger.renew(claim)
        rows = None if self._entity.format == "csv" else parquet_rows(self._lake.s3, *self._place(key), found.etag)
        self._drop_moved(claim, {self._uri(key), claim.rejects or ""})
        return replace(
            claim, target=self._uri(key), target_etag=found.etag, live_etag=found.source_etag, live_rows=rows
        )

    def _reject(self, claim: Entry, reason: str) -> FileOutcome:
        self._lake.ledger.rejected(claim, reason)
        return FileOutcome(claim.source, "rejected", (), claim.size, error=reason)

    def _copy(self, file: SourceFile, claim: Entry, partition: Partition) -> FileOutcome:
        """A 'csv' table holds the file as it came: copied by S3 itself, if it is still the version that was read."""
        bucket, key = self._lake.config.resources.analytics_bucket, target_key(self._entity, partition, file.key)
        s3 = self._lake.s3
        condition = {"IfMatch": claim.target_etag} if claim.target_etag else {"IfNoneMatch": "*"}
        try:
            answer = s3.copy_object(
                Bucket=bucket,
                Key=key,
                CopySource={"Bucket": file.bucket, "Key": file.key},
                CopySourceIfMatch=claim.etag,
                MetadataDirective="REPLACE",
                TaggingDirective="REPLACE",
                ContentType="text/csv",
                Metadata=claim.stamp,
                **condition,
            )
        except s3.exceptions.ClientError as error:
            self._raise_copy_error(error, file, key)
            raise
        etag = answer["CopyObjectResult"]["ETag"].strip('"')
        self._drop_moved(claim, {self._uri(key)})
        parts = self._parts = self._parts_of(claim, file, partition)
        self._lake.ledger.loaded(
            claim,
            rows_loaded=None,
            rows_rejected=None,
            target=f"s3://{bucket}/{key}",
            target_etag=etag,
            rejects=None,
            rejects_etag=None,
            parts=parts.changes({self._uri(key)}) if claim.parts is not None else None,
        )
        return FileOutcome(file.uri, "loaded", (partition.path,), file.size)

    def _drop_rejects(self, claim: Entry, key: str) -> None:
        """The new version has no rejected rows, so those of the one it replaces go, and those that a worker left which
        died before its commit."""
        bucket, s3 = self._lake.config.resources.analytics_bucket, self._lake.s3
        etag = claim.rejects_etag
        if etag is None and claim.token > 1 and (found := self._object(key)):
            etag = found.etag if found.token <= claim.token else None
        if etag is None:
            return
        try:
            s3.delete_object(Bucket=bucket, Key=key, IfMatch=etag)
        except s3.exceptions.ClientError as error:
            if error_code(error) not in ("PreconditionFailed", "412", "NoSuchKey", "404"):
                raise
            raise TargetChangedError(
                f"s3://{bucket}/{key} was written by somebody else since the file was claimed"
            ) from None

    def _drop_moved(self, claim: Entry, kept: Set[str]) -> None:
        """What this file left where it belonged before its entity's configuration changed would double its rows."""
        for old in (claim.target, claim.rejects):
            if old and old not in kept:
                bucket, key = place_of(old)
                found = written_object(self._lake.s3, bucket, key)
                if found and found.token <= claim.token:
                    self._lake.s3.delete_object(Bucket=bucket, Key=key, IfMatch=found.etag)

    def _uri(self, key: str) -> str:
        return f"s3://{self._lake.config.resources.analytics_bucket}/{key}"

    def _place(self, key: str) -> tuple[str, str]:
        return self._lake.config.resources.analytics_bucket, key

    def _object(self, key: str) -> WrittenObject | None:
        return written_object(self._lake.s3, *self._place(key))

    def _take_back(self, written: list[ObjectWriter]) -> None:
        """Deletes the objects that were committed where none had been: nobody would know of them."""
        for writer in written:
            if writer.etag:
                bucket, key = place_of(writer.uri)
                with suppress(Exception):
                    self._lake.s3.delete_object(Bucket=bucket, Key=key, IfMatch=writer.etag)

    def _adopt_target(self, claim: Entry, file: SourceFile, partition: Partition) -> Entry:
        """The claim with the objects that are there now, left by a worker that died before its commit.

        LeaseLostError when they come from a later claim: then we are the ones who were taken for dead.
        """
        if self._parts and self._entity.data_keys:
            self._found |= self._parts.look()
        etags: dict[str, str | None] = {}
        for name, make in (("target_etag", target_key), ("rejects_etag", rejects_key)):
            found = self._object(make(self._entity, partition, file.key))
            etags[name] = found.etag if found else None
        # Raises LeaseLostError when they are a later claim's. (If the ledger was restored or emptied, it has forgotten
        # that claim, and ours goes on.) Objects that went away without a successor's commit are no reason to give up.
        self._lake.ledger.renew(claim)
        return replace(claim, **etags)  # type: ignore[arg-type]

    def _raise_copy_error(self, error: BaseException, file: SourceFile, key: str) -> None:
        """S3 says 412 for a source and for a target that changed; looking at the source tells which it was."""
        code = error_code(error)
        # 404 too is said of either: of a source that is gone, and of a target that If-Match names.
        if code in ("NoSuchKey", "404", "PreconditionFailed", "ConditionalRequestConflict", "412", "409"):
            with ObjectReader(self._lake.s3, file.bucket, file.key, part_bytes=1) as reader:
                if reader.etag != file.etag:
                    raise SourceChangedError(f"{file.uri} was overwritten while it was copied") from None
            raise TargetChangedError(f"{key} was written by somebody else since the file was claimed") from None


def overtaken(lake: Lake, entity: Entity, entry: Entry) -> bool:
    """Whether a file that was refused or deleted has another object in the table than its ledger entry says.

    A worker that hung past its lease put it there after its successor had found that there is nothing to put.
    """
    if entry.token < 2 or not entry.partition:
        return False
    _, key = place_of(entry.source)
    target = target_key(entity, Partition.from_path(entry.partition), key)
    found = written_object(lake.s3, lake.config.resources.analytics_bucket, target)
    return found is not None and not _is_live(entry, found)


def _is_live(entry: Entry, found: WrittenObject) -> bool:
    """Whether an object is what the entry's last commit left, and not what came after it without a commit."""
    return entry.target_etag == found.etag and found.source_etag in (entry.live_etag, None)


def _athena_counts(lake: Lake, entity: Entity, partitions: Sequence[Partition]) -> dict[tuple[str, ...], int]:
    """Rows per partition by Athena; keys are the partitions' values as the configuration writes them."""
    columns = ", ".join(sql_identifier(key.name) for key in entity.partition_keys)
    table = f"{sql_identifier(lake.config.resources.glue_database)}.{sql_identifier(entity.table_name)}"
    counts: dict[tuple[str, ...], int] = {}
    for start in range(0, len(partitions), _PARTITIONS_PER_QUERY):
        chunk = partitions[start : start + _PARTITIONS_PER_QUERY]
        # A list of values per key covers the chunk, and little beside it since its partitions are neighbours; unlike an
        # OR of partitions it is pruned in the catalogue.
        tests = []
        for position, key in enumerate(entity.partition_keys):
            values = sorted({_literal(key.type, partition.values[position]) for partition in chunk})
            tests.append(f"{sql_identifier(key.name)} IN ({', '.join(values)})")
        condition = "\n  AND ".join(tests)
        sql = f"SELECT {columns}, count(*) AS row_count\nFROM {table}\nWHERE {condition}\nGROUP BY {columns}"
        by_value = {_comparable(entity, partition.values): tuple(partition.values) for partition in chunk}
        for row in athena.query(lake, sql):
            found = by_value.get(_comparable(entity, [str(row[key.name]) for key in entity.partition_keys]))
            if found:
                counts[found] = int(row["row_count"] or 0)
    return counts


def _literal(kind: HiveType, value: str) -> str:
    if kind.text == "date":
        return f"DATE {sql_string(value)}"
    return sql_string(value) if kind.is_text else str(int(value))


def _comparable(entity: Entity, values: Sequence[str]) -> tuple[str, ...]:
    """Values as Athena prints them: an integer key's '03' is 3."""
    kinds = (key.type for key in entity.partition_keys)
    return tuple(
        value if kind.is_text or kind.text == "date" else str(int(value))
        for kind, value in zip(kinds, values, strict=True)
    )


@dataclass(frozen=True)
class _LedgerCount:
    """What the ledger has in a partition: rows (None when a file was not counted, in 'csv' tables), the versions of its
    files, and whether one is being loaded."""

    rows: int | None
    versions: frozenset[tuple[str, str, int]]
    busy: bool


def _ledger_count(lake: Lake, entity: Entity, partition: Partition) -> _LedgerCount:
    entries, now = list(lake.ledger.in_partition(entity.name, partition.path)), lake.ledger.now()
    rows = [e.live_rows for e in entries if e.live_etag]
    return _LedgerCount(
        None if None in rows else sum(row or 0 for row in rows),
        frozenset((e.source, e.live_etag, e.token) for e in entries if e.live_etag),
        any(e.state == "claimed" and e.lease_until >= now for e in entries),
    )


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, LakeError) else f"{type(error).__name__}: {error}"
