"""A block of whole records into one typed record batch and the rows that are rejected.

Two readers agree on every row. The kernel (lakelanes.convert.kernel) is compiled and reads what is plain; the records
that it leaves, and all of them where it cannot be used, are read as bytes by pyarrow's CSV reader and cast a column at
a time by lakelanes.convert.cast, which decides about each value and gives the reason for those it refuses. A clean file
never meets the second reader, and a dirty one only with its dirty rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv as pacsv

from lakelanes.convert.blocks import MAX_RECORD_BYTES, Block
from lakelanes.convert.cast import Array, Judge, Mask, cast_column
from lakelanes.convert.dialect import Dialect
from lakelanes.convert.errors import ConversionError
from lakelanes.convert.header import Layout
from lakelanes.convert.kernel import Columns, TornBlockError, kernel_for
from lakelanes.convert.misfits import Leftovers, unwanted
from lakelanes.convert.partition_reader import PartitionReader
from lakelanes.convert.partitioned import NUMBER
from lakelanes.convert.policy import DEFAULT_POLICY, EVOLVED_TYPE, RESCUED, SchemaPolicy
from lakelanes.convert.record_index import RecordIndex, count_lines, index_records, split_fields
from lakelanes.convert.rejects import RejectRows, raw_texts
from lakelanes.convert.writer import widened
from lakelanes.types import HiveType, parse_type

pc: Any = pyarrow.compute

# A block with a greater share of odd records is read without the kernel, and so are some blocks after it.
_MOSTLY = 0.5
_FIRST_PAUSE, _LAST_PAUSE = 8, 512
_FEW = 32

Positions = npt.NDArray[np.int64]
_SURPLUS = "the field after the last delimiter is not empty"


@dataclass
class ParsedBlock:
    """records: how many the block holds; lines: how many physical lines end in it.

    batches: the rows that fit, with the variant columns of this block's misfits. rejects: the others, None when there
    are none; numbered within the block.
    """

    records: int
    lines: int
    batches: list[pa.RecordBatch]
    rejects: RejectRows | None


@dataclass
class _Column:
    """A column of the table that the file has, at `position` of a record and `order` of the table.

    order: None for a column that the table lacks and whose texts matter all the same. label: its name in the file.
    """

    order: int | None
    name: str
    label: str
    type: HiveType
    position: int
    judge: Judge


class _Faults:
    """What is wrong with the records of a block: for each the column and the reason, None where nothing is.

    Of several faults of a record the one added last stays.
    """

    def __init__(self, records: int) -> None:
        self._records = records
        self.any = False

    def add(
        self,
        records: npt.NDArray[np.int64],
        column: str | None,
        reasons: list[str],
        freezing: Mask | Literal[False] = False,
    ) -> None:
        if not reasons:
            return
        if not self.any:
            self.any = True
            self._columns: npt.NDArray[np.object_] = np.full(self._records, None, object)
            self._reasons: npt.NDArray[np.object_] = np.full(self._records, None, object)
            self._faulty = np.zeros(self._records, bool)
            self._freezing = np.zeros(self._records, bool)
        self._columns[records] = column
        self._reasons[records] = reasons
        self._faulty[records] = True
        self._freezing[records] = freezing

    def records(self) -> npt.NDArray[np.int64]:
        """The records with a fault, in order."""
        return np.flatnonzero(self._faulty) if self.any else np.zeros(0, np.int64)

    def of(self, records: npt.NDArray[np.int64]) -> tuple[list[str | None], list[str | None]]:
        """The columns and the reasons of these records."""
        if not self.any:
            return [None] * records.size, [None] * records.size
        return self._columns[records].tolist(), self._reasons[records].tolist()

    def first_freezing(self, records: npt.NDArray[np.int64]) -> int | None:
        """The place among these records of the first whose fault freezes the table."""
        freezing = np.flatnonzero(self._freezing[records]) if self.any else np.zeros(0, np.int64)
        return int(freezing[0]) if freezing.size else None


class BlockParser:
    """Parses blocks of one file, in any order and in several threads.

    columns: the table's names and types. headers: what they are called in files. policy: see SchemaPolicy.
    partitions: tells the partition of each row, whose number the column NUMBER then has; a row of none is a bad one.
    fast=False does without the kernel (the result is the same).
    """

    def __init__(
        self,
        layout: Layout,
        columns: Sequence[tuple[str, HiveType]],
        headers: Sequence[str],
        dialect: Dialect,
        policy: SchemaPolicy = DEFAULT_POLICY,
        partitions: PartitionReader | None = None,
        *,
        fast: bool = True,
    ) -> None:
        self._layout = layout
        self._partitions = partitions
        self._dialect = dialect
        self._policy = policy
        self._schema = table_schema(columns, policy, layout, numbered=partitions is not None)
        self._columns = [
            _Column(order, name, header, column_type, position, Judge(column_type, dialect))
            for order, ((name, column_type), header, position) in enumerate(
                zip(columns, headers, layout.positions, strict=True)
            )
            if position is not None
        ]
        text = parse_type(EVOLVED_TYPE)
        for new in layout.new:
            order = self._schema.get_field_index(new.name) if new.name else None
            if new.name or policy.new_columns == "discard_row" or policy.rescues_new_columns:
                self._columns.append(
                    _Column(order, new.name or new.label, new.label, text, new.position, Judge(text, dialect))
                )
        self._in_table = [column for column in self._columns if column.order is not None]
        # The kernel leaves rows with a text in another column to the careful reader.
        empty = [column.position for column in self._columns if column.order is None]
        empty += [layout.width - 1] * layout.trailing
        wanted = [(column.position, column.type) for column in self._in_table]
        self._kernel = kernel_for(layout.width, wanted, dialect, empty) if fast else None
        self._pause, self._next_pause = 0, _FIRST_PAUSE
        self._names = [str(position) for position in range(layout.width)]
        self._count_reasons: dict[int, str] = {}
        self.keep_blank = layout.width == 1
        # One field too many: the parser reports it as a bad row, unless the bytes before it end inside a record.
        self._sentinel = dialect.delimiter * layout.width
        self._read_options = pacsv.ReadOptions(
            use_threads=False, block_size=4 * MAX_RECORD_BYTES, column_names=self._names
        )

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    def parse(self, block: Block, refusal: str | None = None) -> ParsedBlock | None:
        """The block's rows; None when its end turns out to be inside a record.

        refusal: reject every row, those without a fault of their own with this reason.
        """
        if self._kernel is not None and refusal is None:
            if not self._pause:
                return self._parse_plain(block)
            self._pause -= 1
        return self._parse_careful(block, refusal)

    def _parse_plain(self, block: Block) -> ParsedBlock | None:
        """The kernel's reading of the block, its odd records read the careful way."""
        assert self._kernel is not None
        try:
            read = self._kernel.read(block.data, block.length)
        except TornBlockError:
            return None
        batch, odd = self._plain_batch(read)
        if not odd.size:
            self._kernel.release(read)
            return ParsedBlock(read.records, read.lines, [batch], None)
        parsed = None
        if odd.size <= _MOSTLY * read.records or read.records < _FEW:
            parsed = self._parse_odd(block, read, batch, odd)
        else:
            self._pause = self._next_pause
            self._next_pause = min(2 * self._next_pause, _LAST_PAUSE)
        self._kernel.release(read)
        return parsed or self._parse_careful(block, None)

    def _plain_batch(self, read: Columns) -> tuple[pa.RecordBatch, Positions]:
        """The rows that the kernel read, and the records that are not among them."""
        assert self._kernel is not None
        arrays, odd = read.arrays, read.odd
        rows = read.records - odd.size
        good = np.ones(rows, bool)
        for number, raw in enumerate(self._kernel.raw):
            if raw:
                cast = cast_column(arrays[number], self._in_table[number].judge)
                arrays[number] = cast.values
                good[cast.bad] = False
        filled: list[Array | None] = [None] * len(self._schema)
        for column, values in zip(self._in_table, arrays, strict=True):
            filled[column.order or 0] = values
        if self._partitions is not None:
            numbers, _ = self._partitions.read(_batch(self._schema, filled, rows), good)
            good &= numbers >= 0
            filled[self._schema.get_field_index(NUMBER)] = pa.array(numbers)
        batch = _batch(self._schema, filled, rows)
        if good.all():
            return batch, odd
        plain = np.delete(np.arange(read.records), odd)
        return batch.filter(pa.array(good)), np.union1d(odd, plain[~good])

    def _parse_odd(self, block: Block, read: Columns, batch: pa.RecordBatch, odd: Positions) -> ParsedBlock | None:
        """The kernel's rows and the odd records, read again; None when the two readers differ about what these are."""
        starts, ends, lines = read.places(odd)
        data = bytearray()
        with memoryview(block.data) as view:
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
                data += view[start:end]
                data += b"\n"
        again = self._judge(data, len(data))
        if again is None or again.records != odd.size:
            return None
        accepted = again.good_records()
        if accepted.size:
            plain = np.delete(np.arange(read.records), odd)
            rows = pa.concat_batches([widened(batch, again.batch.schema), *_rows_of(again.batch, again.good)])
            batch = rows.take(pa.array(np.argsort(np.concatenate([plain, odd[accepted]]))))
        if not again.faults.any:
            return ParsedBlock(read.records, read.lines, [batch], None)
        refused = again.faults.records()
        columns, reasons = again.faults.of(refused)
        raws = raw_texts(block.data, starts[refused], ends[refused], self._dialect.encoding)
        rejects = RejectRows(
            odd[refused],
            lines[refused],
            columns,
            [reason or "" for reason in reasons],
            raws,
            again.faults.first_freezing(refused),
        )
        return ParsedBlock(read.records, read.lines, [batch], rejects)

    def _parse_careful(self, block: Block, refusal: str | None) -> ParsedBlock | None:
        judged = self._judge(block.data, block.length)
        if judged is None:
            return None
        lines = count_lines(block.data, block.length)
        if refusal is None and not judged.faults.any:
            return ParsedBlock(judged.records, lines, [judged.batch], None)
        index = judged.index or self._index(block.data, block.length)
        rejected = judged.faults.records() if refusal is None else np.arange(index.starts.size)
        columns, reasons = judged.faults.of(rejected)
        rejects = RejectRows(
            rejected,
            index.lines(rejected),
            columns,
            [reason or refusal or "" for reason in reasons],
            raw_texts(block.data, index.starts[rejected], index.ends[rejected], self._dialect.encoding),
            judged.faults.first_freezing(rejected),
        )
        batches = _rows_of(judged.batch, judged.good) if refusal is None else []
        return ParsedBlock(judged.records, lines, batches, rejects)

    def _judge(self, data: bytearray, length: int) -> _Judged | None:
        """The careful reading of data[:length]; None when its end turns out to be inside a record."""
        index: RecordIndex | None = None
        excised: dict[int, int] = {}
        rest, rest_length = data, length
        if not _is_utf8(data, length):
            index = self._index(data, length)
            if index.torn is not None:
                return None
            excised, rest = self._excise(data, length, index)
            rest_length = len(rest)
        read = self._read(rest, rest_length)
        if not read.complete:
            return None
        records = read.records + len(excised)
        unended = length > 0 and data[length - 1] not in b"\r\n"
        if records != count_lines(data, length) + unended:
            # Blank lines, or line ends inside quotes: count the records another way.
            index = index or self._index(data, length)
            if index.torn is not None:
                return None
            if records != index.starts.size:
                raise ConversionError(
                    f"the CSV parser found {records} records in a block and the record index {index.starts.size}"
                )
        faults = _Faults(records)
        positions = np.arange(records)
        if excised:
            positions = np.delete(positions, list(excised))
        skipped = np.array([position for position, _ in read.skipped], np.int64)
        emitted = np.delete(positions, skipped) if skipped.size else positions
        batch, good = self._cast(read, emitted, faults)
        faults.add(positions[skipped], None, [self._count_reason(count) for _, count in read.skipped])
        faults.add(np.array(list(excised), np.int64), None, [self._count_reason(count) for count in excised.values()])
        return _Judged(records, batch, emitted, good, faults, index)

    def _index(self, data: bytearray, length: int) -> RecordIndex:
        return index_records(data, length, self._dialect, final=True, keep_blank=self.keep_blank)

    def _count_reason(self, count: int) -> str:
        if count not in self._count_reasons:
            width = self._layout.width - self._layout.trailing
            expected = f"{width} field{'s'[: width != 1]}" + " and an empty last one" * self._layout.trailing
            self._count_reasons[count] = f"{expected} expected, {count} found"
        return self._count_reasons[count]

    def _read(self, data: bytearray, length: int) -> _Read:
        """pyarrow's reading of data[:length], every column as bytes."""
        ending = b"" if not length or data[length - 1] in b"\r\n" else b"\n"
        tail = ending + self._sentinel.encode() + b"\n"
        stop = length + len(tail)
        if len(data) < stop:
            data.extend(bytes(stop - len(data)))
        saved = bytes(data[length:stop])
        data[length:stop] = tail
        skipped: list[Any] = []

        def skip(row: Any) -> str:
            skipped.append(row)
            return "skip"

        try:
            table = pacsv.read_csv(
                _stream(data, stop), self._read_options, self._parse_options(skip), self._convert_options()
            )
        finally:
            data[length:stop] = saved
        arrays = [_one_chunk(column) for column in table.columns]
        trailing = arrays.pop() if self._layout.trailing else None
        last = skipped[-1] if skipped else None
        complete = last is not None and last.number == table.num_rows + len(skipped) and last.text == self._sentinel
        widths = [(row.number - 1, row.actual_columns) for row in skipped[:-1]]
        return _Read(arrays, table.num_rows, widths, complete, trailing)

    def _parse_options(self, skip: Any) -> pacsv.ParseOptions:
        return pacsv.ParseOptions(
            delimiter=self._dialect.delimiter,
            quote_char=self._dialect.quote or False,
            escape_char=self._dialect.escape or False,
            newlines_in_values=False,
            ignore_empty_lines=not self.keep_blank,
            invalid_row_handler=skip,
        )

    def _convert_options(self) -> pacsv.ConvertOptions:
        wanted = [self._names[column.position] for column in self._columns]
        if self._layout.trailing:
            wanted.append(self._names[-1])
        return pacsv.ConvertOptions(
            include_columns=wanted,
            column_types=dict.fromkeys(wanted, pa.binary()),
            null_values=list(self._dialect.null_values),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )

    def _excise(self, data: bytearray, length: int, index: RecordIndex) -> tuple[dict[int, int], bytearray]:
        """Takes out records of a wrong width that are not UTF-8: pyarrow cannot report those.

        Returns position -> number of fields, and the bytes of the other records.
        """
        octets = np.frombuffer(data, np.uint8, length)
        foreign = np.unique(np.searchsorted(index.ends, np.flatnonzero(octets >= 0x80), side="left"))
        excised: dict[int, int] = {}
        kept, at = bytearray(), 0
        for position in foreign.tolist():
            start, end = int(index.starts[position]), int(index.ends[position])
            raw = bytes(data[start:end])
            try:
                raw.decode()
            except UnicodeDecodeError:
                count = len(split_fields(raw, self._dialect))
                if count != self._layout.width:
                    excised[position] = count
                    kept += data[at:start]
                    at = int(index.starts[position + 1]) if position + 1 < index.starts.size else length
        return excised, kept + data[at:length]

    def _cast(self, read: _Read, positions: Positions, faults: _Faults) -> tuple[pa.RecordBatch, Mask]:
        """The rows pyarrow read as a batch of the table's schema, and which of them are good."""
        good = np.ones(read.rows, bool)
        arrays: list[Array | None] = [None] * len(self._schema)
        if read.trailing is not None:
            surplus = np.flatnonzero(pc.binary_length(read.trailing).fill_null(0).to_numpy())
            good[surplus] = False
            faults.add(positions[surplus], None, [_SURPLUS] * surplus.size)
        leftovers = Leftovers(self._policy, read.rows)
        # Last column first, so that of several faults in a row the first column's is kept.
        for column, values in reversed(list(zip(self._columns, read.arrays, strict=True))):
            cast = cast_column(values, column.judge)
            if column.order is None:
                self._without_column(column, cast.values, positions, good, faults, leftovers)
            else:
                arrays[column.order] = cast.values
            cast, freezing = leftovers.take_misfits(column.name, column.label, values, cast)
            good[cast.bad] = False
            faults.add(positions[cast.bad], column.name, cast.reasons, freezing)
        if self._partitions is not None:
            self._number(arrays, positions, good, faults)
        schema = self._schema
        if self._policy.rescue:
            arrays[schema.get_field_index(RESCUED)] = leftovers.rescued()
        for name, texts in leftovers.variants(good):
            schema = schema.append(pa.field(name, texts.type))
            arrays.append(texts)
        return _batch(schema, arrays, read.rows), good

    def _number(self, arrays: list[Array | None], positions: Positions, good: Mask, faults: _Faults) -> None:
        """Adds the number of each row's partition; good rows that have none are made bad ones."""
        assert self._partitions is not None
        numbers, wrong = self._partitions.read(_batch(self._schema, arrays, good.size), good)
        lost = np.flatnonzero((numbers < 0) & good)
        if lost.size:
            good[lost] = False
            found = [wrong[-1 - number] for number in numbers[lost].tolist()]
            for name in {column for column, _ in found}:
                own = np.array([place for place, (column, _) in zip(lost, found, strict=True) if column == name])
                faults.add(positions[own], name, [reason for column, reason in found if column == name])
        arrays[self._schema.get_field_index(NUMBER)] = pa.array(numbers)

    def _without_column(
        self,
        column: _Column,
        texts: Array,
        positions: npt.NDArray[np.int64],
        good: Mask,
        faults: _Faults,
        leftovers: Leftovers,
    ) -> None:
        """What the policy says of texts whose column the table lacks."""
        if self._policy.rescues_new_columns:
            leftovers.rescue(column.label, texts)
        else:
            surplus = unwanted(column.label, texts)
            good[surplus.bad] = False
            faults.add(positions[surplus.bad], column.name, surplus.reasons)


@dataclass
class _Judged:
    """A careful reading.

    batch: the rows that have the right number of fields. emitted: which of the records they are. good: which of the
    rows have no fault. faults: what is wrong with the records. index: the records' index, if there was need of one.
    """

    records: int
    batch: pa.RecordBatch
    emitted: Positions
    good: Mask
    faults: _Faults
    index: RecordIndex | None

    def good_records(self) -> Positions:
        return self.emitted[self.good]


def table_schema(
    columns: Sequence[tuple[str, HiveType]],
    policy: SchemaPolicy,
    layout: Layout | None = None,
    *,
    numbered: bool = False,
) -> pa.Schema:
    """The Arrow schema of the table, with the new columns of a file of this layout after its own.

    numbered: with the column NUMBER, for rows that are divided into partitions.
    """
    text = parse_type(EVOLVED_TYPE).arrow
    added = [RESCUED] * policy.rescue + [new.name for new in (layout.new if layout else ()) if new.name]
    own = [pa.field(name, column_type.arrow) for name, column_type in columns]
    own += [pa.field(NUMBER, pa.int32())] * numbered
    return pa.schema([*own, *(pa.field(name, text) for name in added)])


def _batch(schema: pa.Schema, arrays: Sequence[Array | None], rows: int) -> pa.RecordBatch:
    """The columns that there are, and nulls for the others."""
    filled = [
        pa.nulls(rows, schema_field.type) if values is None else values
        for schema_field, values in zip(schema, arrays, strict=True)
    ]
    return pa.RecordBatch.from_arrays(filled, schema=schema)


def _rows_of(batch: pa.RecordBatch, good: Mask) -> list[pa.RecordBatch]:
    """The good rows: slices between a few bad ones, which cost no copy, and a filtered copy when there are many."""
    bad = np.flatnonzero(~good)
    if bad.size > _FEW:
        return [batch.filter(pa.array(good))]
    edges = [-1, *bad.tolist(), len(good)]
    runs = [(start + 1, end - start - 1) for start, end in pairwise(edges)]
    return [batch.slice(start, length) for start, length in runs if length]


@dataclass
class _Read:
    """What pyarrow made of a block.

    arrays: its columns, as bytes. skipped: (position, number of fields) of records of a wrong width.
    complete: whether the block ends with a record.
    trailing: the fields after the last delimiter, where the dialect has one at the end of rows.
    """

    arrays: list[Array]
    rows: int
    skipped: list[tuple[int, int]]
    complete: bool
    trailing: Array | None

    @property
    def records(self) -> int:
        return self.rows + len(self.skipped)


def _is_utf8(data: bytearray, length: int) -> bool:
    if data.isascii():
        return True
    octets = np.frombuffer(data, np.uint8, length)
    ends = np.array([0, length], np.int32)
    whole = pa.Array.from_buffers(pa.binary(), 1, [None, pa.py_buffer(ends), pa.py_buffer(octets)])
    try:
        whole.cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def _stream(data: bytearray, stop: int) -> Any:
    return pa.BufferReader(pa.py_buffer(memoryview(data)[:stop]))


def _one_chunk(column: Any) -> Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
