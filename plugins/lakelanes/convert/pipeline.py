"""A whole file: its rows to the target, the bad ones to the rejects, and what happens when the file is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from lakelanes.convert.errors import ConversionError, FileRefusedError, TableGrewError
from lakelanes.convert.file_pass import FilePass, Piece
from lakelanes.convert.header import Layout
from lakelanes.convert.header_hints import delimiter_of
from lakelanes.convert.partition_reader import Values
from lakelanes.convert.partitioned import PartitionedTarget, PartitionedWriter
from lakelanes.convert.policy import EVOLVED_TYPE, WITHHELD, LoadPolicy
from lakelanes.convert.reason_counts import BadRowsError, ReasonCounts
from lakelanes.convert.rejects import Reject, RejectRows, RejectsWriter
from lakelanes.convert.schema import table_schema, widened
from lakelanes.convert.sink import OpenSink
from lakelanes.convert.task import Destination, Source, TargetTable, Task, Tuning
from lakelanes.convert.writer import TableWriter
from lakelanes.types import parse_type

_WRITERS = 4  # of small partitions, of a file that has the process to itself


@dataclass(frozen=True)
class Conversion:
    """What became of a file. records == rows_loaded + rows_rejected, always.

    records: rows after the header, blank lines not counted.
    refused: why nothing of the file was loaded; None when it was. Of a file that is refused for its bad rows it is the
    commonest reason, with the number of rows that have it, in the whole file.
    first_reject: the first bad row; of a refused file the first one that is rejected for what `refused` tells.
    rows_withheld: of the rejected rows those that are rejected for the file's fault alone: good ones, and those that
    were not judged because the header does not fit or no rows can be told. The others are bad rows.
    missing_columns: columns of the table that the file lacks; new_columns: names in the header that the table lacks.
    added_columns: those that the target has beyond the table's, each with its Hive type.
    partitions: of a file whose rows are divided, the rows of each partition; they add up to rows_loaded.
    left_out: how many rows, comments and lines of a footer the dialect leaves out; they are no records.
    """

    records: int
    rows_loaded: int
    rows_rejected: int
    first_reject: Reject | None = None
    refused: str | None = None
    missing_columns: tuple[str, ...] = ()
    new_columns: tuple[str, ...] = ()
    added_columns: Mapping[str, str] = field(default_factory=dict)
    partitions: dict[Values, int] | None = None
    rows_withheld: int = 0
    left_out: int = 0


def convert(
    source: Source,
    destination: Destination,
    table: TargetTable,
    policy: LoadPolicy | None = None,
    tuning: Tuning | None = None,
) -> Conversion:
    """Converts one CSV file to one Parquet file, setting the rows that do not fit aside, in memory of a constant size.

    policy: when the file is refused, and what becomes of columns and values that are not the table's (by default bad
    rows are set aside, in any number, and a column that the file lacks refuses it).
    tuning: how the work is done; the rows are the same with any.

    A refused file has no target. All its rows go to the rejects: bad ones with their own reason, the others with the
    file's, after WITHHELD. A file whose rows cannot be told (it is Parquet, say, or text in another encoding) has its
    lines there. Of a packed file that is cut off or damaged, and of a zip archive of several files, it is the rows that
    could be read before that.

    Raises ConversionError for a table without columns or without those of sort_by, and whatever source and sinks raise:
    nothing else, as what is wrong with a file is never an exception.
    """
    if not table.columns:
        raise ConversionError("the table has no columns")
    if unknown := set(table.sort_by) - {column.name for column in table.columns}:
        raise ConversionError(f"sort_by names {sorted(unknown)}, which are no columns of the table")
    with Task(source, destination, table, policy or LoadPolicy(), tuning or Tuning()).with_workers() as task:
        return _convert(task)


def _convert(task: Task) -> Conversion:
    variants: frozenset[str] = frozenset()
    while True:
        rejects = _rejects_writer(task)
        try:
            return _Load(task, rejects, variants).run()
        except TableGrewError as grew:
            rejects.abort()
            variants = grew.variants
        except FileRefusedError as refused:
            rejects.abort()
            return _refuse(task, refused)
        except BaseException:
            rejects.abort()
            raise


def _rejects_writer(task: Task) -> RejectsWriter:
    return RejectsWriter(task.destination.open_rejects, task.source.name, task.destination.stamp)


@dataclass
class _Counts:
    records: int = 0
    loaded: int = 0
    rejected: int = 0
    left_out: int = 0
    first: Reject | None = None

    def add(self, piece: Piece) -> None:
        self.records += piece.records
        self.loaded += sum(batch.num_rows for batch in piece.batches)
        self.rejected += len(piece.rejects or ())
        self.left_out += piece.left_out
        if piece.rejects and self.first is None:
            self.first = piece.rejects.first()
        if self.records != self.loaded + self.rejected:
            raise FileRefusedError(
                f"{self.records} records read, {self.loaded} loaded and {self.rejected} rejected: nothing is committed",
                header_read=False,
            )


class _Load:
    """The first pass over a file. variants: the variant columns that the file is known to need."""

    def __init__(self, task: Task, rejects: RejectsWriter, variants: frozenset[str]) -> None:
        self._task = task
        self._rejects = rejects
        text = parse_type(EVOLVED_TYPE).arrow
        self._schema = task.grown(task.schema, pa.schema([pa.field(name, text) for name in variants]))
        self._target = _target_writer(task, self._schema)
        self._counts = _Counts()
        self._reasons = ReasonCounts()  # as long as no row is loaded
        # Whether a column was needed after a part of the target was written: the rest is only read to find them all.
        self._too_late = False

    def run(self) -> Conversion:
        """Loads the file and commits what was written.

        Raises FileRefusedError when it ends in a refusal that concerns good rows too, and TableGrewError when the file
        needs more variant columns and a part of the target is written.
        """
        try:
            with FilePass(self._task) as file:
                for piece in file.pieces():
                    self._write(piece, file)
                if file.failure:
                    raise FileRefusedError(file.failure, *file.differences, head_only=file.unpacks_too_far)
            if not self._counts.records and (reason := self._task.policy.empty_refusal):
                raise FileRefusedError(reason, *file.differences)
            if self._too_late:
                raise TableGrewError(frozenset(self._task.variants) & frozenset(self._schema.names))
            if self._counts.records and not self._counts.loaded:
                return self._rejects_alone(file)
            added = self._commit(file.layout)
        except BaseException:
            self._target.abort()
            raise
        return self._loaded(file, added)

    def _write(self, piece: Piece, file: FilePass) -> None:
        self._counts.add(piece)
        if piece.rejects:
            if refusal := _refusal(piece.rejects, self._task.policy, self._counts.rejected, file):
                raise refusal
            if not self._counts.loaded:
                self._reasons.add(piece.rejects)
            if not self._too_late:
                self._rejects.write(piece.rejects)
        for batch in piece.batches:
            if not batch.schema.equals(self._schema):
                self._schema = self._task.grown(self._schema, batch.schema)
                self._too_late = self._too_late or not self._target.grow(self._schema)
                batch = widened(batch, self._schema)
            if not self._too_late:
                self._target.write(batch)
        if isinstance(self._target, PartitionedWriter) and self._target.refusal:
            raise FileRefusedError(self._target.refusal, *file.differences)

    def _rejects_alone(self, file: FilePass) -> Conversion:
        """Of a file without one good row the rejects are committed, and no target."""
        self._rejects.close()
        self._target.abort()
        counts, first = self._counts, self._reasons.commonest() or self._counts.first
        reason = "no row of the file could be loaded"
        if first is not None:
            reason = self._reasons.told(first, counts.records, reason)
            width = file.layout.width if file.layout else 0
            if first.column is None and (hint := delimiter_of(first.raw, width, self._task.source.dialect)):
                reason += f"; {hint}"
        left_out = counts.left_out + file.left_out
        return Conversion(counts.records, 0, counts.rejected, first, reason, *file.differences, left_out=left_out)

    def _commit(self, layout: Layout | None) -> dict[str, str]:
        """Closes both sinks, the rejects first; returns the columns that the target has beyond the table's."""
        task = self._task
        if layout is not None:
            # A new column is one of the table's even if no row came with it.
            numbered = task.partitions is not None
            of_file = table_schema(task.columns, task.policy.schema, layout, numbered=numbered)
            self._target.grow(task.grown(self._schema, of_file))
        added = dict.fromkeys(self._target.schema.names[len(task.schema) :], EVOLVED_TYPE)
        if added:
            task.table.add_columns(added)
        self._rejects.close()
        self._target.close()
        return added

    def _loaded(self, file: FilePass, added: dict[str, str]) -> Conversion:
        counts = self._counts
        partitions = self._target.rows if isinstance(self._target, PartitionedWriter) else None
        if partitions is not None and sum(partitions.values()) != counts.loaded:
            raise ConversionError(f"{counts.loaded} rows loaded, {sum(partitions.values())} of them in partitions")
        missing, new = file.differences
        return Conversion(
            counts.records,
            counts.loaded,
            counts.rejected,
            counts.first,
            missing_columns=missing,
            new_columns=new,
            added_columns=added,
            partitions=partitions,
            left_out=counts.left_out + file.left_out,
        )


def _target_writer(task: Task, schema: pa.Schema) -> TableWriter | PartitionedWriter:
    tuning, target = task.tuning, task.destination.open_target

    def table_writer(open_sink: OpenSink, schema: pa.Schema) -> TableWriter:
        return TableWriter(
            open_sink,
            schema,
            tuning.row_group_bytes,
            task.destination.stamp,
            sort_by=task.table.sort_by,
            settings=tuning.parquet,
            workers=task.workers,
        )

    if isinstance(target, PartitionedTarget):
        assert task.partitions is not None
        writers = _WRITERS if tuning.threads > 1 else 1
        return PartitionedWriter(target, task.partitions, schema, table_writer, writers)
    return table_writer(target, schema)


def _refusal(rows: RejectRows, policy: LoadPolicy, rejected: int, file: FilePass) -> BadRowsError | None:
    """Why the rows of a piece make the file be refused, if they do. rejected: how many there are up to its end."""
    limit = policy.bad_rows_allowed
    exceeding = None if limit is None or rejected <= limit else limit - (rejected - len(rows))
    if rows.freezing is not None and (exceeding is None or rows.freezing <= exceeding):
        allowed = "none are allowed (schema_policy.type_misfits is 'freeze')"
        return BadRowsError(allowed, file.differences, culprit=rows.at(rows.freezing))
    if limit is None or exceeding is None:
        return None
    if policy.on_bad_rows == "fail":
        return BadRowsError("none are allowed (on_bad_rows is 'fail')", file.differences)
    number = f"{limit or 'none'} {'is' if limit == 1 else 'are'}"
    return BadRowsError(f"{number} allowed (max_bad_rows)", file.differences)


def _refuse(task: Task, refused: FileRefusedError) -> Conversion:
    """The second pass over a refused file: all its rows go to the rejects, or its lines where rows cannot be told."""
    reason = str(refused)
    if refused.header_read:
        try:
            return _rejected(task, refused, reason, by_line=False)
        except FileRefusedError as unreadable:
            reason = f"{reason}; {unreadable}"
    return _rejected(task, refused, reason, by_line=True)


def _rejected(task: Task, refused: FileRefusedError, reason: str, *, by_line: bool) -> Conversion:
    counts, rejects = _Counts(), _rejects_writer(task)
    reasons = ReasonCounts(WITHHELD + reason)
    try:
        whole = by_line and refused.whole
        with FilePass(task, WITHHELD + reason, by_line=by_line, whole=whole, head_only=refused.head_only) as file:
            for piece in file.pieces():
                counts.add(piece)
                if piece.rejects:
                    reasons.add(piece.rejects)
                    rejects.write(piece.rejects)
        rejects.close()
    except BaseException:
        rejects.abort()
        raise
    first = reasons.first_withheld or counts.first
    if isinstance(refused, BadRowsError) and (commonest := reasons.commonest()):
        first = reasons.first_like(refused.culprit) if refused.culprit else commonest
        reason = _told(refused, reasons, first, counts.records)
    return Conversion(
        counts.records,
        0,
        counts.rejected,
        first,
        reason,
        refused.missing,
        refused.extra,
        rows_withheld=reasons.withheld,
        left_out=counts.left_out + file.left_out,
    )


def _told(refused: BadRowsError, reasons: ReasonCounts, first: Reject, records: int) -> str:
    """Why a file is refused for its bad rows, once all are counted. first: of those with the fault that it is for."""
    others = refused.culprit is None and reasons.of_kind(first) < reasons.total
    in_all = f"{reasons.total} rows are bad in all; " if others else ""
    return reasons.told(first, records, in_all + refused.allowed)
