"""A block of whole records into one typed record batch and the rows that are rejected.

pyarrow's CSV reader parses every block, asked for real types where it can be trusted with them. A column whose texts
it refuses is read as bytes instead, in this block and some more, and cast by lakelanes.convert.cast, which rejects
single rows. Clean columns of a dirty file stay on the fast path, and a clean file pays nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv as pacsv

from lakelanes.convert.blocks import MAX_RECORD_BYTES, Block
from lakelanes.convert.cast import BOOLEAN_TEXTS, Array, Cast, Judge, Mask, cast_column, trusts, typed_reader
from lakelanes.convert.dialect import Dialect
from lakelanes.convert.errors import ConversionError
from lakelanes.convert.header import Layout
from lakelanes.convert.records import RecordIndex, count_lines, index_records, split_fields
from lakelanes.convert.rejects import RejectRows, raw_texts
from lakelanes.convert.values import INTEGER_RANGES
from lakelanes.types import HiveType

pc: Any = pyarrow.compute

_FAULTY_COLUMN = re.compile(r"In CSV column #(\d+)")
_FIRST_BACKOFF, _LAST_BACKOFF = 8, 512
_FEW = 32
_SURPLUS = "the field after the last delimiter is not empty"


@dataclass
class ParsedBlock:
    """records: how many the block holds; lines: how many physical lines end in it.

    batches: the rows that fit. rejects: the others, None when there are none; numbered within the block.
    """

    records: int
    lines: int
    batches: list[pa.RecordBatch]
    rejects: RejectRows | None


@dataclass
class _Column:
    """A column of the table that the file has, at `position` of a record and `order` of the table."""

    order: int
    name: str
    type: HiveType
    position: int
    judge: Judge
    bytes_blocks: int = 0
    backoff: int = _FIRST_BACKOFF

    @property
    def wants_bytes(self) -> bool:
        return self.bytes_blocks > 0 or not typed_reader(self.type, self.judge.dialect)

    def distrust(self) -> None:
        """Read as bytes for some blocks; longer every time."""
        self.bytes_blocks = self.backoff
        self.backoff = min(self.backoff * 2, _LAST_BACKOFF)

    def settle(self, clean: bool) -> None:
        """A block is done; a clean one brings the fast path nearer."""
        if self.bytes_blocks:
            self.bytes_blocks = self.bytes_blocks - 1 if clean else max(self.bytes_blocks, _FIRST_BACKOFF)


class _Faults:
    """What is wrong with the records of a block: for each the column and the reason, None where nothing is.

    Of several faults of a record the one added last stays.
    """

    def __init__(self, records: int) -> None:
        self._records = records
        self.any = False

    def add(self, records: npt.NDArray[np.int64], column: str | None, reasons: list[str]) -> None:
        if not reasons:
            return
        if not self.any:
            self.any = True
            self._columns: npt.NDArray[np.object_] = np.full(self._records, None, object)
            self._reasons: npt.NDArray[np.object_] = np.full(self._records, None, object)
            self._faulty = np.zeros(self._records, bool)
        self._columns[records] = column
        self._reasons[records] = reasons
        self._faulty[records] = True

    def records(self) -> npt.NDArray[np.int64]:
        """The records with a fault, in order."""
        return np.flatnonzero(self._faulty) if self.any else np.zeros(0, np.int64)

    def of(self, records: npt.NDArray[np.int64]) -> tuple[list[str | None], list[str | None]]:
        """The columns and the reasons of these records."""
        if not self.any:
            return [None] * records.size, [None] * records.size
        return self._columns[records].tolist(), self._reasons[records].tolist()


class BlockParser:
    """Parses blocks of one file, in any order and in several threads; keeps in mind which of its columns are dirty.

    columns: the table's names and types. fast=False reads every column as bytes, always (the result is the same).
    """

    def __init__(
        self, layout: Layout, columns: Sequence[tuple[str, HiveType]], dialect: Dialect, *, fast: bool = True
    ) -> None:
        self._layout = layout
        self._dialect = dialect
        self._fast = fast
        self._schema = pa.schema([pa.field(name, column_type.arrow) for name, column_type in columns])
        self._columns = [
            _Column(order, name, column_type, position, Judge(column_type, dialect))
            for order, ((name, column_type), position) in enumerate(zip(columns, layout.positions, strict=True))
            if position is not None
        ]
        self._names = [str(position) for position in range(layout.width)]
        self._count_reasons: dict[int, str] = {}
        self.keep_blank = layout.width == 1
        # One field too many: the parser reports it as a bad row, unless the bytes before it end inside a record.
        self._sentinel = dialect.delimiter * layout.width
        self._read_options = pacsv.ReadOptions(
            use_threads=False, block_size=4 * MAX_RECORD_BYTES, column_names=self._names
        )
        self._whole_numbers = [c for c, column in enumerate(self._columns) if column.type.kind in INTEGER_RANGES]

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    def parse(self, block: Block, refusal: str | None = None) -> ParsedBlock | None:
        """The block's rows; None when its end turns out to be inside a record.

        refusal: reject every row, those without a fault of their own with this reason.
        """
        index: RecordIndex | None = None
        excised: dict[int, int] = {}
        data, length = block.data, block.length
        if not _is_utf8(data, length):
            index = self._index(block)
            if index.torn is not None:
                return None
            excised, data = self._excise(block, index)
            length = len(data)
        read = self._read(data, length)
        if not read.complete:
            return None
        records = read.records + len(excised)
        lines = count_lines(block.data, block.length)
        unended = block.length > 0 and block.data[block.length - 1] not in b"\r\n"
        if records != lines + unended:
            # Blank lines, or line ends inside quotes: count the records another way.
            index = index or self._index(block)
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
        batch, good = self._assemble(read, emitted, faults)
        faults.add(positions[skipped], None, [self._count_reason(count) for _, count in read.skipped])
        faults.add(np.array(list(excised), np.int64), None, [self._count_reason(count) for count in excised.values()])
        if refusal is None and not faults.any:
            return ParsedBlock(records, lines, [batch], None)
        rejects = self._rejects(block, index or self._index(block), faults, refusal)
        return ParsedBlock(records, lines, _rows_of(batch, good) if refusal is None else [], rejects)

    def _index(self, block: Block) -> RecordIndex:
        return index_records(block.data, block.length, self._dialect, final=True, keep_blank=self.keep_blank)

    def _count_reason(self, count: int) -> str:
        if count not in self._count_reasons:
            width = self._layout.width - self._layout.trailing
            expected = f"{width} field{'s'[: width != 1]}" + " and an empty last one" * self._layout.trailing
            self._count_reasons[count] = f"{expected} expected, {count} found"
        return self._count_reasons[count]

    def _read(self, data: bytearray, length: int) -> _Read:
        """pyarrow's reading of data[:length], columns that it cannot be trusted with as bytes."""
        ending = b"" if not length or data[length - 1] in b"\r\n" else b"\n"
        tail = ending + self._sentinel.encode() + b"\n"
        stop = length + len(tail)
        if len(data) < stop:
            data.extend(bytes(stop - len(data)))
        saved = bytes(data[length:stop])
        data[length:stop] = tail
        try:
            as_bytes = [not self._fast or column.wants_bytes for column in self._columns]
            self._distrust_hexadecimal(data, length, as_bytes)
            while True:
                try:
                    return self._read_once(data, stop, as_bytes)
                except pa.ArrowInvalid as error:
                    match = _FAULTY_COLUMN.search(str(error))
                    faulty = [c for c, column in enumerate(self._columns) if match and column.position == int(match[1])]
                    if not faulty or as_bytes[faulty[0]]:
                        raise ConversionError(f"pyarrow's CSV reader failed: {error}") from error
                    self._columns[faulty[0]].distrust()
                    as_bytes[faulty[0]] = True
        finally:
            data[length:stop] = saved

    def _read_once(self, data: bytearray, stop: int, as_bytes: list[bool]) -> _Read:
        while True:
            skipped: list[Any] = []

            def skip(row: Any, skipped: list[Any] = skipped) -> str:
                skipped.append(row)
                return "skip"

            table = pacsv.read_csv(
                _stream(data, stop),
                self._read_options,
                self._parse_options(skip),
                self._convert_options(as_bytes),
            )
            arrays = [_one_chunk(column) for column in table.columns]
            trailing = arrays.pop() if self._layout.trailing else None
            last = skipped[-1] if skipped else None
            complete = last is not None and last.number == table.num_rows + len(skipped) and last.text == self._sentinel
            doubted = [
                number
                for number, (column, values) in enumerate(zip(self._columns, arrays, strict=True))
                if not as_bytes[number] and not trusts(values, column.type)
            ]
            if not doubted or not complete:
                widths = [(row.number - 1, row.actual_columns) for row in skipped[:-1]]
                return _Read(arrays, as_bytes, table.num_rows, widths, complete, trailing)
            for number in doubted:
                self._columns[number].distrust()
                as_bytes[number] = True

    def _distrust_hexadecimal(self, data: bytearray, length: int, as_bytes: list[bool]) -> None:
        """pyarrow reads 0x1F as 31, and '0xFF' as -1 for a tinyint."""
        typed = [number for number in self._whole_numbers if not as_bytes[number]]
        if not typed or not any(data.find(letter, 0, length) >= 0 for letter in (b"x", b"X")):
            return
        octets = np.frombuffer(data, np.uint8, length)
        if bool(((octets[:-1] == ord("0")) & ((octets[1:] | 0x20) == ord("x"))).any()):
            for number in typed:
                as_bytes[number] = True

    def _parse_options(self, skip: Any) -> pacsv.ParseOptions:
        return pacsv.ParseOptions(
            delimiter=self._dialect.delimiter,
            quote_char=self._dialect.quote or False,
            escape_char=self._dialect.escape or False,
            newlines_in_values=False,
            ignore_empty_lines=not self.keep_blank,
            invalid_row_handler=skip,
        )

    def _convert_options(self, as_bytes: list[bool]) -> pacsv.ConvertOptions:
        types = {
            self._names[column.position]: pa.binary() if raw else column.type.arrow
            for column, raw in zip(self._columns, as_bytes, strict=True)
        }
        if self._layout.trailing:
            types[self._names[-1]] = pa.binary()
        return pacsv.ConvertOptions(
            include_columns=list(types),
            column_types=types,
            null_values=list(self._dialect.null_values),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=BOOLEAN_TEXTS[True],
            false_values=BOOLEAN_TEXTS[False],
            decimal_point=self._dialect.decimal_separator,
        )

    def _excise(self, block: Block, index: RecordIndex) -> tuple[dict[int, int], bytearray]:
        """Takes out records of a wrong width that are not UTF-8: pyarrow cannot report those.

        Returns position -> number of fields, and the bytes of the other records.
        """
        octets = np.frombuffer(block.data, np.uint8, block.length)
        foreign = np.unique(np.searchsorted(index.ends, np.flatnonzero(octets >= 0x80), side="left"))
        excised: dict[int, int] = {}
        kept, at = bytearray(), 0
        for position in foreign.tolist():
            start, end = int(index.starts[position]), int(index.ends[position])
            raw = bytes(block.data[start:end])
            try:
                raw.decode()
            except UnicodeDecodeError:
                count = len(split_fields(raw, self._dialect))
                if count != self._layout.width:
                    excised[position] = count
                    kept += block.data[at:start]
                    at = int(index.starts[position + 1]) if position + 1 < index.starts.size else block.length
        return excised, kept + block.data[at : block.length]

    def _assemble(self, read: _Read, positions: npt.NDArray[np.int64], faults: _Faults) -> tuple[pa.RecordBatch, Mask]:
        """The rows pyarrow read as a batch of the table's schema, and which of them are good."""
        good = np.ones(read.rows, bool)
        arrays: list[Array | None] = [None] * len(self._schema)
        if read.trailing is not None:
            surplus = np.flatnonzero(pc.binary_length(read.trailing).fill_null(0).to_numpy())
            good[surplus] = False
            faults.add(positions[surplus], None, [_SURPLUS] * surplus.size)
        # Last column first, so that of several faults in a row the first column's is kept.
        for column, values, raw in reversed(list(zip(self._columns, read.arrays, read.as_bytes, strict=True))):
            cast = Cast(values)
            if raw:
                cast = cast_column(values, column.judge)
                good[cast.bad] = False
                faults.add(positions[cast.bad], column.name, cast.reasons)
            column.settle(clean=not cast.reasons)
            arrays[column.order] = cast.values
        filled = [
            pa.nulls(read.rows, schema_field.type) if values is None else values
            for schema_field, values in zip(self._schema, arrays, strict=True)
        ]
        return pa.RecordBatch.from_arrays(filled, schema=self._schema), good

    def _rejects(self, block: Block, index: RecordIndex, faults: _Faults, refusal: str | None) -> RejectRows:
        rejected = faults.records() if refusal is None else np.arange(index.starts.size)
        columns, reasons = faults.of(rejected)
        return RejectRows(
            rejected,
            index.lines(rejected),
            columns,
            [reason or refusal or "" for reason in reasons],
            raw_texts(block.data, index.starts[rejected], index.ends[rejected], self._dialect.encoding),
        )


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

    arrays: its columns. as_bytes: which of them are bytes still to be cast.
    skipped: (position, number of fields) of records of a wrong width. complete: whether the block ends with a record.
    trailing: the fields after the last delimiter, where the dialect has one at the end of rows.
    """

    arrays: list[Array]
    as_bytes: list[bool]
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
