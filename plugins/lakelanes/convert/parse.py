"""A block of whole records into one typed record batch and the rows that are rejected.

pyarrow's CSV reader parses every block, asked for real types where it can be trusted with them. A column whose texts
it refuses is read as bytes instead, in this block and some more, and cast by lakelanes.convert.cast, which rejects
single rows. Clean columns of a dirty file stay on the fast path, and a clean file pays nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv

from lakelanes.convert.blocks import MAX_RECORD_BYTES, Block
from lakelanes.convert.cast import BOOLEAN_TEXTS, Array, Cast, cast_column, read_type, trusts
from lakelanes.convert.dialect import Dialect
from lakelanes.convert.errors import ConversionError
from lakelanes.convert.header import Layout
from lakelanes.convert.records import RecordIndex, count_lines, index_records, split_fields
from lakelanes.convert.rejects import RejectRows
from lakelanes.convert.values import INTEGER_RANGES
from lakelanes.types import HiveType

_FAULTY_COLUMN = re.compile(r"In CSV column #(\d+)")
_FIRST_BACKOFF, _LAST_BACKOFF = 8, 512


@dataclass
class ParsedBlock:
    """records: how many the block holds; lines: how many physical lines end in it.

    batch: the rows that fit. rejects: the others. records == batch.num_rows + len(rejects).
    """

    records: int
    lines: int
    batch: pa.RecordBatch
    rejects: RejectRows


@dataclass
class _Column:
    """A column of the table that the file has, at `position` of a record and `order` of the table."""

    order: int
    name: str
    type: HiveType
    position: int
    bytes_blocks: int = 0
    backoff: int = _FIRST_BACKOFF

    def distrust(self) -> None:
        """Read as bytes for some blocks; longer every time."""
        self.bytes_blocks = self.backoff
        self.backoff = min(self.backoff * 2, _LAST_BACKOFF)

    def settle(self, clean: bool) -> None:
        """A block is done; a clean one brings the fast path nearer."""
        if self.bytes_blocks:
            self.bytes_blocks = self.bytes_blocks - 1 if clean else max(self.bytes_blocks, _FIRST_BACKOFF)


@dataclass
class _Faults:
    """The rejected records of a block: position in the block -> (column, reason)."""

    by_record: dict[int, tuple[str | None, str]] = field(default_factory=dict)

    def add(self, record: int, column: str | None, reason: str) -> None:
        self.by_record.setdefault(record, (column, reason))


class BlockParser:
    """Parses blocks of one file; keeps in mind which of its columns are dirty.

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
            _Column(order, name, column_type, position)
            for order, ((name, column_type), position) in enumerate(zip(columns, layout.positions, strict=True))
            if position is not None
        ]
        self._null_values = frozenset(dialect.null_values)
        self._names = [str(position) for position in range(layout.width)]
        self.keep_blank = layout.width == 1
        # One field too many: the parser reports it as a bad row, unless the bytes before it end inside a record.
        self._sentinel = dialect.delimiter * layout.width
        self._read_options = pacsv.ReadOptions(
            use_threads=False, block_size=4 * MAX_RECORD_BYTES, column_names=self._names
        )
        self._whole_numbers = [column for column in self._columns if column.type.kind in INTEGER_RANGES]

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    def parse(self, block: Block, record: int, line: int, refusal: str | None = None) -> ParsedBlock | None:
        """The block's rows; None when its end turns out to be inside a record.

        record, line: the numbers of its first record and of its first physical line.
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
                    f"the CSV parser found {records} records from line {line} on, the record index {index.starts.size}"
                )
        faults = _Faults()
        for position, count in excised.items():
            faults.add(position, None, self._count_reason(count))
        positions = np.arange(records)
        if excised:
            positions = np.delete(positions, list(excised))
        if read.skipped:
            for position, count in read.skipped:
                faults.add(int(positions[position]), None, self._count_reason(count))
            positions = np.delete(positions, [position for position, _ in read.skipped])
        batch, bad = self._assemble(read, positions, faults)
        if refusal is None and not faults.by_record:
            return ParsedBlock(records, lines, batch, RejectRows())
        index = index or self._index(block)
        rejects = self._rejects(block, index, faults, record, line, refusal)
        if refusal is not None:
            batch = batch.slice(0, 0)
        elif bad.any():
            batch = batch.filter(pa.array(~bad))
        return ParsedBlock(records, lines, batch, rejects)

    def _index(self, block: Block) -> RecordIndex:
        return index_records(block.data, block.length, self._dialect, final=True, keep_blank=self.keep_blank)

    def _count_reason(self, count: int) -> str:
        width = self._layout.width
        return f"{width} field{'s'[: width != 1]} expected, {count} found"

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
            self._distrust_hexadecimal(data, length)
            while True:
                try:
                    return self._read_once(data, stop)
                except pa.ArrowInvalid as error:
                    match = _FAULTY_COLUMN.search(str(error))
                    column = next((c for c in self._columns if match and c.position == int(match[1])), None)
                    if column is None or self._reads_bytes(column):
                        raise ConversionError(f"pyarrow's CSV reader failed: {error}") from error
                    column.distrust()
        finally:
            data[length:stop] = saved

    def _read_once(self, data: bytearray, stop: int) -> _Read:
        while True:
            skipped: list[tuple[int, int, str]] = []

            def skip(row: Any, skipped: list[tuple[int, int, str]] = skipped) -> str:
                skipped.append((row.number - 1, row.actual_columns, row.text))
                return "skip"

            table = pacsv.read_csv(
                _stream(data, stop),
                self._read_options,
                self._parse_options(skip),
                self._convert_options(),
            )
            arrays = [_one_chunk(column) for column in table.columns]
            last = table.num_rows + len(skipped) - 1
            complete = bool(skipped) and skipped[-1] == (last, self._layout.width + 1, self._sentinel)
            doubted = [
                column
                for column, values in zip(self._columns, arrays, strict=True)
                if not self._reads_bytes(column) and not trusts(values, column.type)
            ]
            if not doubted or not complete:
                return _Read(arrays, table.num_rows, [(row, count) for row, count, _ in skipped[:-1]], complete)
            for column in doubted:
                column.distrust()

    def _reads_bytes(self, column: _Column) -> bool:
        return not self._fast or column.bytes_blocks > 0 or read_type(column.type) == pa.binary()

    def _distrust_hexadecimal(self, data: bytearray, length: int) -> None:
        """pyarrow reads 0x1F as 31, and '0xFF' as -1 for a tinyint."""
        typed = [column for column in self._whole_numbers if not self._reads_bytes(column)]
        if not typed or not any(data.find(letter, 0, length) >= 0 for letter in (b"x", b"X")):
            return
        octets = np.frombuffer(data, np.uint8, length)
        if bool(((octets[:-1] == ord("0")) & ((octets[1:] | 0x20) == ord("x"))).any()):
            for column in typed:
                column.bytes_blocks = max(column.bytes_blocks, 1)

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
        return pacsv.ConvertOptions(
            include_columns=[self._names[column.position] for column in self._columns],
            column_types={
                self._names[column.position]: pa.binary() if self._reads_bytes(column) else read_type(column.type)
                for column in self._columns
            },
            null_values=list(self._dialect.null_values),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=BOOLEAN_TEXTS[True],
            false_values=BOOLEAN_TEXTS[False],
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

    def _assemble(
        self, read: _Read, positions: npt.NDArray[np.int64], faults: _Faults
    ) -> tuple[pa.RecordBatch, npt.NDArray[np.bool_]]:
        """The rows pyarrow read as a batch of the table's schema, and which of them have a fault."""
        bad = np.zeros(read.rows, bool)
        arrays: list[Array | None] = [None] * len(self._schema)
        for column, values in zip(self._columns, read.arrays, strict=True):
            cast = Cast(values)
            if self._reads_bytes(column):
                cast = cast_column(values, column.type, self._null_values)
                for row, reason in cast.bad.items():
                    bad[row] = True
                    faults.add(int(positions[row]), column.name, reason)
            column.settle(clean=not cast.bad)
            arrays[column.order] = cast.values
        filled = [
            pa.nulls(read.rows, schema_field.type) if values is None else values
            for schema_field, values in zip(self._schema, arrays, strict=True)
        ]
        return pa.RecordBatch.from_arrays(filled, schema=self._schema), bad

    def _rejects(
        self, block: Block, index: RecordIndex, faults: _Faults, record: int, line: int, refusal: str | None
    ) -> RejectRows:
        rejected = np.array(sorted(faults.by_record), np.int64) if refusal is None else np.arange(index.starts.size)
        rows = RejectRows()
        places = zip(
            rejected.tolist(),
            index.starts[rejected].tolist(),
            index.ends[rejected].tolist(),
            index.lines(rejected).tolist(),
            strict=True,
        )
        for position, start, end, lines_before in places:
            column, reason = faults.by_record.get(position, (None, refusal or ""))
            rows.add(record + position, line + lines_before, column, reason, bytes(block.data[start:end]))
        return rows


@dataclass
class _Read:
    """What pyarrow made of a block. skipped: (position, number of fields) of records of a wrong width.

    complete: whether the block's end is the end of a record.
    """

    arrays: list[Array]
    rows: int
    skipped: list[tuple[int, int]]
    complete: bool

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
