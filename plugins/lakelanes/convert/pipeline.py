"""The whole way of a file: blocks, header, typed batches, rejected rows, and what happens when the file is refused."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import pyarrow as pa

from lakelanes.convert.blocks import BLOCK_BYTES, MAX_RECORD_BYTES, Block, BlockReader
from lakelanes.convert.dialect import Dialect
from lakelanes.convert.errors import ConversionError, FileRefusedError, TableGrewError
from lakelanes.convert.header import BYTE_ORDER_MARK, Layout, by_position, match_header
from lakelanes.convert.parse import BlockParser, ParsedBlock, table_schema
from lakelanes.convert.partition_reader import PartitionReader, Values
from lakelanes.convert.partitioned import PartitionedTarget, PartitionedWriter
from lakelanes.convert.policy import DEFAULT_POLICY, EVOLVED_TYPE, RESCUED, SchemaPolicy, variant_name
from lakelanes.convert.read_ahead import InOrder, read_ahead
from lakelanes.convert.record_index import RecordIndex, count_lines, index_records, split_fields
from lakelanes.convert.rejects import Reject, RejectRows, RejectsWriter, raw_texts, rejected_alike
from lakelanes.convert.sink import OpenSink
from lakelanes.convert.source import ByteSource, Readable
from lakelanes.convert.transcode import shown
from lakelanes.convert.writer import DEFAULT_SETTINGS, ROW_GROUP_BYTES, ParquetSettings, TableWriter, widened
from lakelanes.types import HiveType, parse_type

_BLOCKS_AHEAD = 12  # what is parsed while a row group is written
_HEADER_BYTES = 4096
_WRITERS = 4  # of small partitions, of a file that has the process to itself


class Column(Protocol):
    """A column of the table; lakelanes.config.Column is one.

    An attribute `header`, where there is one and it is not None, is the column's name in the header of the files.
    """

    @property
    def name(self) -> str: ...

    @property
    def type(self) -> HiveType: ...


@dataclass(frozen=True)
class Conversion:
    """What became of a file. records == rows_loaded + rows_rejected, always.

    records: rows after the header, blank lines not counted.
    refused: why nothing of the file was loaded; None when it was.
    first_reject: the first row with a fault of its own; of a refused file without one, its first row.
    missing_columns: columns of the table that the file lacks; new_columns: names in the header that the table lacks.
    added_columns: those that the target has beyond the table's, each with its Hive type.
    partitions: of a file whose rows are divided, the rows of each partition; they add up to rows_loaded.
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


@dataclass(frozen=True)
class Tuning:
    """How the work is done. None of it changes the rows of the result.

    threads: how many parse while another one writes, for one large file; 1 does all in turn in the calling thread, for
    many files at once.
    fast: False reads every column the careful way. block_bytes: what is parsed at a time. row_group_bytes: Arrow data
    of a row group. parquet: how columns are stored; see writer.
    """

    threads: int = 2
    fast: bool = True
    block_bytes: int = BLOCK_BYTES
    row_group_bytes: int = ROW_GROUP_BYTES
    parquet: ParquetSettings = DEFAULT_SETTINGS


def convert(
    open_source: Callable[[], Readable],
    open_target: OpenSink | PartitionedTarget,
    open_rejects: OpenSink,
    columns: Sequence[Column],
    *,
    source_name: str,
    dialect: Dialect | None = None,
    on_bad_rows: Literal["quarantine", "fail"] = "quarantine",
    max_bad_rows: int | None = None,
    missing_columns: Literal["error", "null"] = "error",
    policy: SchemaPolicy = DEFAULT_POLICY,
    sort_by: Sequence[str] = (),
    taken: Collection[str] = (),
    add_columns: Callable[[Mapping[str, str]], object] | None = None,
    stamp: Mapping[str, str] | None = None,
    tuning: Tuning | None = None,
) -> Conversion:
    """Converts one CSV file to one Parquet file, setting the rows that do not fit aside, in memory of a constant size.

    open_source: opens the file's bytes for reading, plain or packed (gzip, bzip2, zstandard, zip); called once more
    when the file is refused, and when the table turns out to grow after a part of the target was written.
    open_target, open_rejects: open the sinks of the two Parquet files. The target is always written, even without a
    row (an empty file, or one of only a header); the rejects only when there are any. A sink is closed to commit it,
    the rejects first; when anything fails both are aborted. Of several that are opened one at most is closed. With a
    PartitionedTarget there is a target per partition that has rows, and when one fails those before it have been
    committed.
    columns: the table's, in its order; the file's may come in any order and are matched by name, unless the dialect
    says that there is no header.
    source_name: what rejected rows carry as their source_file.
    on_bad_rows, max_bad_rows, missing_columns: when the file is refused for its rows or its header.
    policy: what becomes of columns and values that are not the table's. With its `rescue` the target has the column
    RESCUED after the table's, then those that it gained.
    sort_by: columns of the table by which the rows of each row group are sorted; none of them nested.
    taken: names beside the table's own that no column it gains may have (its partition keys).
    add_columns: called with the columns that the target has beyond the table's, name -> Hive type, if there are any,
    before the sinks are closed; what it raises is raised here, and nothing is committed.
    stamp: goes into the footer of every file (Parquet's key-value metadata), so that files of equal rows and unequal
    stamps are unequal bytes.
    tuning: how the work is done; the rows are the same with any.

    A refused file has no target. All its rows go to the rejects: bad ones with their own reason, the others with the
    file's. A file whose bytes are not text (Parquet and the like) has its lines there. Of a packed file that is cut off
    or damaged, and of a zip archive of several files, it is the rows that could be read before that.

    Raises ConversionError for a table without columns or without those of sort_by, and whatever source and sinks raise.
    """
    if not columns:
        raise ConversionError("the table has no columns")
    if unknown := set(sort_by) - {column.name for column in columns}:
        raise ConversionError(f"sort_by names {sorted(unknown)}, which are no columns of the table")
    task = _Task(
        open_source,
        [(column.name, column.type) for column in columns],
        [getattr(column, "header", None) or column.name for column in columns],
        dialect or Dialect(),
        missing_columns,
        policy,
        tuple(sort_by),
        frozenset(taken),
        tuning or Tuning(),
        open_target.reader() if isinstance(open_target, PartitionedTarget) else None,
        stamp or {},
    )
    limit = 0 if on_bad_rows == "fail" else max_bad_rows
    variants: frozenset[str] = frozenset()
    while True:
        rejects = RejectsWriter(open_rejects, source_name, task.stamp)
        try:
            return _load(task, open_target, rejects, limit, variants, add_columns or (lambda columns: None))
        except TableGrewError as grew:
            rejects.abort()
            variants = grew.variants
        except FileRefusedError as refused:
            rejects.abort()
            return _refuse(task, RejectsWriter(open_rejects, source_name, task.stamp), refused)
        except BaseException:
            rejects.abort()
            raise


@dataclass(frozen=True)
class _Task:
    open_source: Callable[[], Readable]
    columns: list[tuple[str, HiveType]]
    headers: list[str]
    dialect: Dialect
    missing_columns: str
    policy: SchemaPolicy
    sort_by: tuple[str, ...]
    taken: frozenset[str]
    tuning: Tuning
    partitions: PartitionReader | None
    stamp: Mapping[str, str]

    @property
    def schema(self) -> pa.Schema:
        """What the target has of any file."""
        return table_schema(self.columns, self.policy, numbered=self.partitions is not None)

    @property
    def variants(self) -> list[str]:
        """The variant columns that the table may gain, in the order of their columns."""
        if self.policy.type_misfits != "evolve":
            return []
        return [variant_name(name) for name, kind in self.columns if kind.kind != "string"]

    def grown(self, schema: pa.Schema, wider: pa.Schema) -> pa.Schema:
        """The fields of both, variant columns last."""
        known = set(schema.names)
        fields = [*schema, *(wanted for wanted in wider if wanted.name not in known)]
        order = {name: place for place, name in enumerate(self.variants)}
        return pa.schema(sorted(fields, key=lambda wanted: order.get(wanted.name, -1)))


@dataclass
class _Piece:
    """A part of the file, in order: rows that fit and rows that do not."""

    records: int
    batches: list[pa.RecordBatch]
    rejects: RejectRows | None


@dataclass
class _Counts:
    records: int = 0
    loaded: int = 0
    rejected: int = 0
    first: Reject | None = None

    def add(self, piece: _Piece) -> None:
        self.records += piece.records
        self.loaded += sum(batch.num_rows for batch in piece.batches)
        self.rejected += len(piece.rejects or ())
        if piece.rejects and self.first is None:
            self.first = piece.rejects.first()
        if self.records != self.loaded + self.rejected:
            raise ConversionError(
                f"{self.records} records read, {self.loaded} loaded and {self.rejected} rejected: nothing is committed"
            )


def _load(
    task: _Task,
    open_target: OpenSink | PartitionedTarget,
    rejects: RejectsWriter,
    limit: int | None,
    variants: frozenset[str],
    add_columns: Callable[[Mapping[str, str]], object],
) -> Conversion:
    """The first pass. variants: the variant columns that the file is known to need.

    Raises FileRefusedError when it ends in a refusal that concerns good rows too, and TableGrewError when the file
    needs more variant columns and a part of the target is written: the rest was then read only to find them all.
    """
    text = parse_type(EVOLVED_TYPE).arrow
    schema = task.grown(task.schema, pa.schema([pa.field(name, text) for name in variants]))
    target = _writer(task, open_target, schema)
    too_late = False
    counts = _Counts()
    try:
        with _FilePass(task) as file:
            for piece in read_ahead(file.pieces(), _BLOCKS_AHEAD, task.tuning.threads > 1 and not file.small):
                counts.add(piece)
                if piece.rejects:
                    if reason := _refusal(piece.rejects, limit, counts.rejected):
                        raise FileRefusedError(reason, *file.differences)
                    if not too_late:
                        rejects.write(piece.rejects)
                for batch in piece.batches:
                    if not batch.schema.equals(schema):
                        schema = task.grown(schema, batch.schema)
                        too_late = too_late or not target.grow(schema)
                        batch = widened(batch, schema)
                    if not too_late:
                        target.write(batch)
                if isinstance(target, PartitionedWriter) and target.refusal:
                    raise FileRefusedError(target.refusal, *file.differences)
            if file.failure:
                raise FileRefusedError(file.failure, *file.differences)
            missing, extra = file.differences
        if too_late:
            raise TableGrewError(frozenset(task.variants) & frozenset(schema.names))
        refused = None
        added: dict[str, str] = {}
        if counts.records and not counts.loaded:
            refused = "no row of the file could be loaded"
            rejects.close()
            target.abort()
        else:
            if file.layout is not None:
                target.grow(
                    task.grown(
                        schema,
                        table_schema(task.columns, task.policy, file.layout, numbered=task.partitions is not None),
                    )
                )
            added = dict.fromkeys(target.schema.names[len(task.schema) :], EVOLVED_TYPE)
            if added:
                add_columns(added)
            rejects.close()
            target.close()
    except BaseException:
        target.abort()
        raise
    partitions = target.rows if isinstance(target, PartitionedWriter) and refused is None else None
    if partitions is not None and sum(partitions.values()) != counts.loaded:
        raise ConversionError(f"{counts.loaded} rows loaded, {sum(partitions.values())} of them in partitions")
    return Conversion(
        counts.records,
        counts.loaded,
        counts.rejected,
        counts.first,
        refused,
        missing,
        extra,
        added,
        partitions,
    )


def _writer(
    task: _Task, open_target: OpenSink | PartitionedTarget, schema: pa.Schema
) -> TableWriter | PartitionedWriter:
    tuning = task.tuning

    def table_writer(open_sink: OpenSink, schema: pa.Schema) -> TableWriter:
        return TableWriter(
            open_sink, schema, tuning.row_group_bytes, task.stamp, sort_by=task.sort_by, settings=tuning.parquet
        )

    if isinstance(open_target, PartitionedTarget):
        assert task.partitions is not None
        return PartitionedWriter(
            open_target, task.partitions, schema, table_writer, _WRITERS if tuning.threads > 1 else 1
        )
    return table_writer(open_target, schema)


def _refusal(rows: RejectRows, limit: int | None, rejected: int) -> str | None:
    """Why the rows of a piece make the file be refused, if they do. rejected: how many there are up to its end."""
    exceeding = None if limit is None or rejected <= limit else limit - (rejected - len(rows))
    if rows.freezing is not None and (exceeding is None or rows.freezing <= exceeding):
        return f"a value of another type, and schema_policy.type_misfits is 'freeze': {_told(rows.at(rows.freezing))}"
    if limit is None or exceeding is None:
        return None
    return _too_many(rows, limit)


def _told(row: Reject) -> str:
    return f"line {row.line}" + (f", column {row.column}" if row.column else "") + f": {row.reason}"


def _too_many(rows: RejectRows, limit: int) -> str:
    if limit == 0:
        return f"a bad row, and none are allowed: {_told(rows.first())}"
    return f"more bad rows than the {limit} allowed"


def _refuse(task: _Task, rejects: RejectsWriter, refused: FileRefusedError) -> Conversion:
    """The second pass over a refused file: every row of it goes to the rejects."""
    counts = _Counts()
    first: Reject | None = None
    reason = str(refused)
    try:
        with _FilePass(task, reason) as file:
            for piece in read_ahead(file.pieces(), _BLOCKS_AHEAD, task.tuning.threads > 1 and not file.small):
                counts.add(piece)
                if piece.rejects:
                    rejects.write(piece.rejects)
                    first = first or next((row for row in piece.rejects.rows() if row.reason != reason), None)
        rejects.close()
    except BaseException:
        rejects.abort()
        raise
    return Conversion(counts.records, 0, counts.rejected, first or counts.first, reason, refused.missing, refused.extra)


class _FilePass:
    """One pass over the file. refusal: why every row is rejected, in the second pass."""

    def __init__(self, task: _Task, refusal: str | None = None) -> None:
        self._task = task
        self._refusal = refusal
        self._record, self._line = 1, 1
        self.differences: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
        self.layout: Layout | None = None

    def __enter__(self) -> _FilePass:
        dialect = self._task.dialect
        self._source = ByteSource(self._task.open_source(), dialect.encoding)
        self._reader = BlockReader(self._source, dialect, self._task.tuning.block_bytes)
        if not self._source.foreign:
            self._line += self._reader.skip_lines(dialect.skip_rows)
        self._first = self._reader.next_block()
        return self

    def __exit__(self, *exception: object) -> None:
        self._source.close()

    @property
    def small(self) -> bool:
        """Whether the first block is all there is."""
        return self._reader.exhausted

    @property
    def failure(self) -> str | None:
        return self._reader.failure

    def pieces(self) -> Iterator[_Piece]:
        """The file's rows; raises FileRefusedError in the first pass when the file cannot be read by its header."""
        try:
            if self._source.foreign:
                raise FileRefusedError(
                    f"the file is {self._source.foreign}, expected {_text_in(self._task.dialect)}, plain or packed "
                    "with gzip, bzip2, zstandard or zip",
                    header_read=False,
                )
            layout = self._layout()
            if layout is None:
                return
        except FileRefusedError as refused:
            if self._refusal is None:
                raise
            if refused.header_read:
                yield from self._refused_records(self._refusal)
            else:
                yield from self._unread_lines(self._refusal)
            return
        self.differences, self.layout = (layout.missing, layout.extra), layout
        yield from self._rows(layout)

    def _layout(self) -> Layout | None:
        """Where the columns are; None for an empty file."""
        task = self._task
        if self._first is not None and self._first.data.startswith(BYTE_ORDER_MARK):
            self._first = _without_start(self._first, len(BYTE_ORDER_MARK))
        if not task.dialect.header:
            return by_position(len(task.columns), task.dialect)
        fields = self._header()
        if fields is None:
            return None
        taken = {*task.taken, RESCUED, *task.variants, *(name for name, _ in task.columns)}
        return match_header(fields, task.headers, task.missing_columns, task.policy, task.dialect, taken)

    def _header(self) -> list[bytes] | None:
        """Reads the header's fields off the first block; None when there is nothing but blank lines."""
        dialect = self._task.dialect
        while (block := self._first) is not None:
            index = _beginning(block, dialect)
            if index.starts.size:
                start, end = int(index.starts[0]), int(index.ends[0])
                after = index.line_ends[index.line_ends >= end]
                stop = int(after[0]) + 1 if after.size else block.length
                self._line += int(np.count_nonzero(index.line_ends < stop))
                self._first = _without_start(block, stop)
                return split_fields(bytes(block.data[start:end]), dialect)
            if index.torn is not None:
                raise FileRefusedError("the header does not end: a quote in it is never closed", header_read=False)
            self._line += index.line_ends.size
            self._first = self._reader.next_block()
        return None

    def _next_block(self) -> Block | None:
        first, self._first = self._first, None
        return first if first is not None and first.length else self._reader.next_block()

    def _rows(self, layout: Layout) -> Iterator[_Piece]:
        """The rows under the header: parsed, or each of them rejected in the second pass."""
        task = self._task
        parser = BlockParser(
            layout, task.columns, task.headers, task.dialect, task.policy, task.partitions, fast=task.tuning.fast
        )

        def parse(block: Block) -> ParsedBlock | None:
            if block.oversized or (block.final and self.failure):
                return None
            return parser.parse(block, self._refusal)

        with InOrder(parse, self._next_block, 1 if self.small else task.tuning.threads) as results:
            for block, parsed in results:
                if parsed is not None:
                    self._reader.recycle(block)
                    yield self._advance(parsed)
                    continue
                # The block ends inside a record. What was read after it began there too: it comes again.
                self._reader.push_back(results.take_back())
                _, hopeless = self._shorten(block, parser.keep_blank)
                if block.length:
                    parsed = parser.parse(block, self._refusal)
                    if parsed is None:
                        raise ConversionError(f"the CSV parser and the record index disagree after line {self._line}")
                    yield self._advance(parsed)
                if hopeless:
                    yield from self._unread_lines(self._in_words(hopeless))

    def _refused_records(self, reason: str) -> Iterator[_Piece]:
        """The records under a header that does not fit, each of them rejected."""
        while (block := self._next_block()) is not None:
            index, hopeless = self._shorten(block, keep_blank=False)
            every = np.arange(index.starts.size)
            raws = raw_texts(block.data, index.starts, index.ends, self._task.dialect.encoding)
            rejects = rejected_alike(every, index.lines(every), reason, raws)
            yield self._advance(ParsedBlock(every.size, count_lines(block.data, block.length), [], rejects))
            if hopeless:
                yield from self._unread_lines(self._in_words(hopeless))

    def _shorten(self, block: Block, keep_blank: bool) -> tuple[RecordIndex, str | None]:
        """Cuts a block where its last whole record ends; the rest comes again with the next block.

        Unless that is hopeless, because the rest begins with a record that does not end: also returns why, or None.
        """
        ended = block.final and not self.failure
        whole = not block.oversized and (ended or block.data[block.length - 1] in b"\r\n")
        index = index_records(block.data, block.length, self._task.dialect, final=whole, keep_blank=keep_blank)
        if index.torn is None:
            return index, None
        hopeless = None
        if block.final:
            what = "a quote" if index.in_quotes else "an escape"
            hopeless = self.failure or f"{what} in the record that begins on line {{line}} is never closed"
        elif index.torn == 0 and block.length >= MAX_RECORD_BYTES:
            hopeless = f"the record that begins on line {{line}} is longer than {MAX_RECORD_BYTES >> 20} MiB"
            hopeless += ": a quote in it may not be closed" if index.in_quotes else ""
        self._reader.push_back([block], index.torn)
        if index.torn == 0:
            self._reader.extend()
        block.length, block.oversized = index.torn, False
        return index, hopeless

    def _in_words(self, hopeless: str) -> str:
        return hopeless.replace("{line}", str(self._line))

    def _unread_lines(self, reason: str) -> Iterator[_Piece]:
        """The rest of the file as rejected lines, blank ones left out."""
        if self._first is not None:
            self._reader.push_back([self._first])
        for lines in self._reader.lines():
            kept = np.array([number for number, raw in enumerate(lines) if raw], np.int64)
            raws = [shown(raw, self._task.dialect.encoding) for raw in lines if raw]
            rejects = rejected_alike(np.arange(kept.size), kept, reason, raws)
            yield self._advance(ParsedBlock(kept.size, len(lines), [], rejects))

    def _advance(self, parsed: ParsedBlock) -> _Piece:
        rejects = parsed.rejects.moved(self._record, self._line) if parsed.rejects is not None else None
        self._record += parsed.records
        self._line += parsed.lines
        return _Piece(parsed.records, parsed.batches, rejects)


def _beginning(block: Block, dialect: Dialect) -> RecordIndex:
    """The index of the block's first records, of at least one if it has any."""
    length = _HEADER_BYTES
    while length < block.length:
        index = index_records(block.data, length, dialect, final=False, keep_blank=False)
        if index.starts.size:
            return index
        length *= 16
    return index_records(block.data, block.length, dialect, final=not block.oversized, keep_blank=False)


def _text_in(dialect: Dialect) -> str:
    return f"text in {'UTF-8' if dialect.encoding == 'utf-8' else dialect.encoding}"


def _without_start(block: Block, start: int) -> Block:
    return Block(block.data[start : block.length], block.length - start, block.final, block.oversized)
