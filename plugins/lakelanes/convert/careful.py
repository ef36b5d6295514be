"""The careful reader: records to typed columns by way of pyarrow's CSV reader and lakelanes.convert.cast.

pyarrow splits the records into fields, all of them as bytes; each column is then cast as lakelanes.convert.values says,
with the reason for each value that is refused. It reports what is wrong with a record and decides nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv as pacsv

from lakelanes.convert.arrays import of_numbers
from lakelanes.convert.arrow_pool import POOL
from lakelanes.convert.blocks import MAX_RECORD_BYTES
from lakelanes.convert.cast import Array, Judge, Mask, cast_column, trimmed
from lakelanes.convert.errors import ConversionError
from lakelanes.convert.escape_marks import EscapeMarks, escape_marks
from lakelanes.convert.faults import Faults, Positions
from lakelanes.convert.header import BYTE_ORDER_MARK, Layout
from lakelanes.convert.misfits import Misfits, unwanted
from lakelanes.convert.null_values import with_more_nulls
from lakelanes.convert.policy import EVOLVED_TYPE, RESCUED
from lakelanes.convert.quoting import beside_quotes, without_beside_quotes
from lakelanes.convert.record_index import (
    RecordIndex,
    count_fields,
    count_lines,
    ends_line,
    has_lone_return,
    index_records,
    well_quoted,
)
from lakelanes.convert.schema import NUMBER, batch_of
from lakelanes.convert.short_rows import padded, with_nulls
from lakelanes.convert.task import Task
from lakelanes.convert.utf8 import block_is_utf8, is_utf8
from lakelanes.types import HiveType, parse_type

pc: Any = pyarrow.compute

_PIECE = 64 << 10
_SURPLUS = "the field after the last delimiter is not empty"
_BROKEN = "a carriage return (CR) alone breaks the line: quote the field that holds it"


@dataclass
class FileColumn:
    """A column that the file has, at `position` of a record and `order` of the table.

    order: None for a column that the table lacks and whose texts matter all the same. label: its name in the file.
    """

    order: int | None
    name: str
    label: str
    type: HiveType
    position: int
    judge: Judge


def file_columns(layout: Layout, task: Task, schema: pa.Schema) -> list[FileColumn]:
    """The columns of a file that matter: the table's, then those that the table gains or whose texts are kept."""
    dialect, policy = task.source.dialect, task.policy.schema
    columns = [
        FileColumn(order, name, header, column_type, position, judge)
        for order, ((name, column_type), header, position, judge) in enumerate(
            zip(task.columns, task.headers, layout.positions, task.judges, strict=True)
        )
        if position is not None
    ]
    text = parse_type(EVOLVED_TYPE)
    for new in layout.new:
        order = schema.get_field_index(new.name) if new.name else None
        if new.name or policy.new_columns == "discard_row" or policy.rescues_new_columns:
            judge = Judge(text, dialect, columns=layout.width)
            columns.append(FileColumn(order, new.name or new.label, new.label, text, new.position, judge))
    return columns


@dataclass
class Judged:
    """What the careful reader makes of some records.

    batch: the rows that have the right number of fields. emitted: which of the records they are. good: which of the
    rows have no fault. faults: what is wrong with the records. index: the records' index, if there was need of one.
    """

    records: int
    batch: pa.RecordBatch
    emitted: Positions
    good: Mask
    faults: Faults
    index: RecordIndex | None


class CarefulReader:
    """Reads blocks of one file, in any order and in several threads.

    schema: the table's, with the file's new columns. columns: those of the file that matter. returns_end: whether the
    file's lines end with a carriage return alone.
    """

    def __init__(
        self,
        layout: Layout,
        task: Task,
        schema: pa.Schema,
        columns: Sequence[FileColumn],
        *,
        returns_end: bool = True,
    ) -> None:
        self._returns_end = returns_end
        self._layout = layout
        self._dialect, self._policy, self._partitions = task.source.dialect.as_read, task.policy.schema, task.partitions
        self._stand_in = task.source.dialect.stand_in
        self._schema = schema
        self._columns = columns
        self._names = [str(position) for position in range(layout.width)]
        # What a text with an escape could be mistaken for: "" is one only where blanks do not count.
        self._null_values = {
            text for column in columns for text in column.judge.null_values if text or column.judge.more_nulls
        }
        self._count_reasons: dict[int, str] = {}
        self.keep_blank = layout.width == 1
        self._ragged = False
        # One field too many: the parser reports it as a bad row, unless the bytes before it end inside a record.
        self._sentinel = self._dialect.delimiter * layout.width
        self._read_options = pacsv.ReadOptions(
            use_threads=False, block_size=16 * MAX_RECORD_BYTES, column_names=self._names
        )

    def read(self, data: bytearray, length: int) -> Judged | None:
        """The records of data[:length]; None when its end turns out to be inside a record."""
        index: RecordIndex | None = None
        excised: dict[int, str] = {}
        rest, rest_length = data, length
        if not (block_is_utf8(data, length) and well_quoted(data, length, self._dialect)):
            index = self.index(data, length)
            if index.torn is not None:
                return None
            excised = self._foreign(data, length, index) | index.quote_faults(self._dialect)
            if excised:
                rest = _without(data, length, index, sorted(excised))
                rest_length = len(rest)
            if beside_quotes(rest, rest_length, self._dialect):
                rest = bytearray(without_beside_quotes(bytes(rest[:rest_length]), self._dialect))
                rest_length = len(rest)
        read = self._fields(rest, rest_length, sound=index is None)
        if not read.complete:
            return None
        records = read.records + len(excised)
        unended = length > 0 and data[length - 1] not in b"\r\n"
        if records != count_lines(data, length) + unended:
            # Blank lines, or line ends inside quotes: count the records another way.
            index = index or self.index(data, length)
            if index.torn is not None:
                return None
            if records != index.starts.size:
                raise ConversionError(
                    f"the CSV parser found {records} records in a block and the record index {index.starts.size}"
                )
        faults = Faults(records)
        positions = np.arange(records)
        if excised:
            positions = np.delete(positions, list(excised))
        skipped = np.array([position for position, _ in read.skipped], np.int64)
        emitted = np.delete(positions, skipped) if skipped.size else positions
        batch, good = self._cast(read, emitted, faults)
        faults.add(positions[skipped], None, [self._count_reason(count) for _, count in read.skipped])
        faults.add(np.array(list(excised), np.int64), None, list(excised.values()))
        if not self._returns_end and has_lone_return(data, length):
            index = index or self.index(data, length)
            broken = index.broken(data)
            good[np.isin(emitted, broken)] = False
            faults.add(broken, None, [_BROKEN] * broken.size)
        return Judged(records, batch, emitted, good, faults, index)

    def index(self, data: bytearray, length: int) -> RecordIndex:
        """The index of the records of data[:length]."""
        return index_records(
            data, length, self._dialect, final=True, keep_blank=self.keep_blank, returns_end=self._returns_end
        )

    def _count_reason(self, count: int) -> str:
        if count not in self._count_reasons:
            width = self._layout.width - self._layout.trailing
            expected = f"{width} field{'s'[: width != 1]}" + " and an empty last one" * self._layout.trailing
            self._count_reasons[count] = f"{expected} expected, {count} found"
        return self._count_reasons[count]

    def _fields(self, data: bytearray, length: int, *, sound: bool) -> _Fields:
        """The fields of data[:length], with those that a short row lacks where the dialect has it padded.

        sound: whether all bytes are UTF-8; pyarrow cannot report a short row that is not.
        """
        if not self._dialect.pad_short_rows:
            return self._split(data, length)
        if sound and not self._ragged:
            read = self._split(data, length)
            if not read.complete or all(count > self._layout.width for _, count in read.skipped):
                return read
            # So is the next block, most likely.
            self._ragged = True
        # A record that does not end is in no index; read() finds that there are too few.
        data, short = padded(data, self.index(data, length), self._layout.width, self._dialect)
        read = self._split(data, len(data))
        if short:
            rows = np.delete(np.arange(read.records), [position for position, _ in read.skipped])
            of_short = np.searchsorted(rows, np.array(list(short), np.int64))
            positions = [column.position for column in self._columns]
            read.arrays = with_nulls(read.arrays, positions, of_short, np.array(list(short.values()), np.int64))
        return read

    def _split(self, data: bytearray, length: int) -> _Fields:
        """pyarrow's reading of data[:length], every column as bytes."""
        if data.startswith(BYTE_ORDER_MARK):
            # It is a part of the first field here, and pyarrow leaves one out.
            data = bytearray(BYTE_ORDER_MARK + data[:length])
            length = len(data)
        marks = escape_marks(data, length, self._dialect, self._null_values)
        if marks is not None:
            data, length = marks.put_into(data, length)
        ending = b"" if not length or ends_line(data, length, self._dialect) else b"\n"
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
            tables = self._read_columns(data, stop, skip, marks)
            arrays = [
                self._settled(column, tables[column.judge.null_values], data, stop, marks) for column in self._columns
            ]
        finally:
            data[length:stop] = saved
        table = next(iter(tables.values()))
        trailing = _one_chunk(table.column(self._names[-1])) if self._layout.trailing else None
        if trailing is not None and self._dialect.trim:
            trailing = trimmed(trailing)
        last = skipped[-1] if skipped else None
        complete = last is not None and last.number == table.num_rows + len(skipped) and last.text == self._sentinel
        widths = [(row.number - 1, row.actual_columns) for row in skipped[:-1]]
        return _Fields(arrays, table.num_rows, widths, complete, trailing)

    def _parse_options(self, skip: Any) -> pacsv.ParseOptions:
        return pacsv.ParseOptions(
            delimiter=self._dialect.delimiter,
            quote_char=self._dialect.quote or False,
            escape_char=self._dialect.escape or False,
            newlines_in_values=False,
            ignore_empty_lines=not self.keep_blank,
            invalid_row_handler=skip,
        )

    def _read_columns(
        self, data: bytearray, stop: int, skip: Any, marks: EscapeMarks | None
    ) -> dict[tuple[str, ...], Any]:
        """The fields that matter, as tables of bytes by the null values that they may have.

        Only the first table's reading reports to `skip`. The field after the last delimiter, if there has to be one, is
        in that table.
        """
        groups: dict[tuple[str, ...], list[str]] = {self._dialect.null_values: []} if self._layout.trailing else {}
        for column in self._columns:
            groups.setdefault(column.judge.null_values, []).append(self._names[column.position])
        if self._layout.trailing:
            groups[self._dialect.null_values].append(self._names[-1])
        tables: dict[tuple[str, ...], Any] = {}
        for null_values, names in groups.items():
            nulls = self._nulls(null_values, marks)
            tables[null_values] = self._read_csv(data, stop, names, nulls, skip if not tables else _skip)
        return tables

    def _nulls(self, null_values: tuple[str, ...], marks: EscapeMarks | None) -> Sequence[str]:
        """Null values as pyarrow finds them."""
        nulls = marks.marked(null_values) if marks is not None else self._dialect.unescaped(null_values)
        return nulls if self._stand_in is None else self._stand_in.coded(nulls)

    def _read_csv(self, data: bytearray, stop: int, names: list[str], nulls: Sequence[str], skip: Any) -> Any:
        options = pacsv.ConvertOptions(
            include_columns=names,
            column_types=dict.fromkeys(names, pa.binary()),
            null_values=list(nulls),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        return pacsv.read_csv(_stream(data, stop), self._read_options, self._parse_options(skip), options, POOL)

    def _settled(
        self,
        column: FileColumn,
        table: Any,
        data: bytearray,
        stop: int,
        marks: EscapeMarks | None,
    ) -> Array:
        """A column of the table as bytes, with all its nulls, without marks and with its own characters."""
        name, judge = self._names[column.position], column.judge
        texts = _one_chunk(table.column(name))
        if judge.more_nulls:
            nulls = tuple(self._nulls(judge.null_values, marks))

            def quoted(candidates: Array) -> Array:
                # pyarrow does not tell quoted texts, but it makes no nulls of them.
                distinct = texts.filter(candidates).unique().to_pylist()
                found = self._read_csv(data, stop, [name], [text.decode() for text in distinct], _skip)
                return _one_chunk(found.column(name)).is_valid()

            texts = with_more_nulls(texts, judge, nulls, quoted)
        texts = texts if marks is None else marks.taken_from(texts, judge)
        return texts if self._stand_in is None else self._stand_in.values(texts)

    def _foreign(self, data: bytearray, length: int, index: RecordIndex) -> dict[int, str]:
        """Records of a wrong width that are not UTF-8, with the reason: pyarrow cannot report those."""
        octets, places = np.frombuffer(data, np.uint8, length), set[int]()
        for at in range(0, length, _PIECE):
            offsets = np.flatnonzero(octets[at : at + _PIECE] >= 0x80) + at
            places.update(np.unique(np.searchsorted(index.ends, offsets, side="left")).tolist())
        foreign = {}
        for position in sorted(places):
            raw = bytes(data[int(index.starts[position]) : int(index.ends[position])])
            count = self._layout.width if is_utf8(raw) else count_fields(raw, self._dialect)
            if count > self._layout.width or (count < self._layout.width and not self._dialect.pad_short_rows):
                foreign[position] = self._count_reason(count)
        return foreign

    def _cast(self, read: _Fields, positions: Positions, faults: Faults) -> tuple[pa.RecordBatch, Mask]:
        """The rows pyarrow read as a batch of the table's schema, and which of them are good."""
        good = np.ones(read.rows, bool)
        arrays: list[Array | None] = [None] * len(self._schema)
        if read.trailing is not None:
            surplus = np.flatnonzero(pc.binary_length(read.trailing).fill_null(0).to_numpy())
            good[surplus] = False
            faults.add(positions[surplus], None, [_SURPLUS] * surplus.size)
        misfits = Misfits(self._policy, read.rows)
        # Last column first, so that of several faults in a row the first column's is kept.
        for column, values in reversed(list(zip(self._columns, read.arrays, strict=True))):
            cast = cast_column(values, column.judge)
            if column.order is None:
                self._without_column(column, cast.values, positions, good, faults, misfits)
            else:
                arrays[column.order] = cast.values
            cast, freezing = misfits.take_misfits(
                column.name, column.label, values, cast, required=column.judge.required
            )
            good[cast.bad] = False
            faults.add(positions[cast.bad], column.name, cast.reasons, freezing)
        if self._partitions is not None:
            self._number(arrays, positions, good, faults)
        schema = self._schema
        if self._policy.rescue:
            arrays[schema.get_field_index(RESCUED)] = misfits.rescued()
        for name, texts in misfits.variants(good):
            schema = schema.append(pa.field(name, texts.type))
            arrays.append(texts)
        return batch_of(schema, arrays, read.rows), good

    def _number(self, arrays: list[Array | None], positions: Positions, good: Mask, faults: Faults) -> None:
        """Adds the number of each row's partition; good rows that have none are made bad ones."""
        assert self._partitions is not None
        numbers, wrong = self._partitions.read(batch_of(self._schema, arrays, good.size), good)
        lost = np.flatnonzero((numbers < 0) & good)
        if lost.size:
            good[lost] = False
            found = [wrong[-1 - number] for number in numbers[lost].tolist()]
            for name in {column for column, _ in found}:
                own = np.array([place for place, (column, _) in zip(lost, found, strict=True) if column == name])
                faults.add(positions[own], name, [reason for column, reason in found if column == name])
        arrays[self._schema.get_field_index(NUMBER)] = of_numbers(numbers)

    def _without_column(
        self,
        column: FileColumn,
        texts: Array,
        positions: Positions,
        good: Mask,
        faults: Faults,
        misfits: Misfits,
    ) -> None:
        """What the policy says of texts whose column the table lacks."""
        if self._policy.rescues_new_columns:
            misfits.rescue(column.label, texts)
        else:
            surplus = unwanted(column.label, texts)
            good[surplus.bad] = False
            faults.add(positions[surplus.bad], column.name, surplus.reasons)


@dataclass
class _Fields:
    """The fields of a block, as pyarrow split them.

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


def _without(data: bytearray, length: int, index: RecordIndex, records: list[int]) -> bytearray:
    """data[:length] without these records."""
    kept, at = bytearray(), 0
    for position in records:
        kept += data[at : int(index.starts[position])]
        at = int(index.starts[position + 1]) if position + 1 < index.starts.size else length
        if kept.endswith(b"\r") and data[at : at + 1] == b"\n":
            # The ends of two lines must not become one.
            kept[-1:] = b"\n"
    return kept + data[at:length]


def _skip(row: Any) -> str:
    return "skip"


def _stream(data: bytearray, stop: int) -> Any:
    return pa.BufferReader(pa.py_buffer(memoryview(data)[:stop]))


def _one_chunk(column: Any) -> Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
