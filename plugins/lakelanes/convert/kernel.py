"""The converter's call of kernel.c, which turns the plain records of a block into Arrow columns.

It is an accelerator and nothing else. What it does not vouch for it marks, and lakelanes.convert.parse reads those
records the careful way; where there is no library for this machine, it reads all of them so. lakelanes.native has the
source and loads the library.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lakelanes.convert.arrow_pool import POOL
from lakelanes.convert.cast import Judge
from lakelanes.convert.dialect import Dialect
from lakelanes.native.library import Native, native
from lakelanes.types import HiveType

_NUMBERS = frozenset({"tinyint", "smallint", "int", "bigint", "decimal", "float", "double"})
_FIRST_CAPACITY, _LEAST_CAPACITY = 4096, 256
_OFFSET = np.uint64(0xFFFFFFFF)
_QUOTED = np.uint64(1 << 63)

Positions = npt.NDArray[np.int64]
_NONE: Positions = np.zeros(0, np.int64)


class _Block(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("length", ctypes.c_int64),
        ("readable", ctypes.c_int64),
        ("width", ctypes.c_int32),
        ("delimiter", ctypes.c_int32),
        ("quote", ctypes.c_int32),
        ("keep_blank", ctypes.c_int32),
        ("capacity", ctypes.c_int64),
        ("fields", ctypes.c_void_p),
        ("ends", ctypes.c_void_p),
        ("lines", ctypes.c_void_p),
        ("odd", ctypes.c_void_p),
        ("bytes", ctypes.c_void_p),
        ("line_count", ctypes.c_int64),
        ("ascii", ctypes.c_int32),
        ("strict", ctypes.c_int32),
        ("lone_returns", ctypes.c_int32),
    )


class _Column(ctypes.Structure):
    _fields_ = (
        ("kind", ctypes.c_int32),
        ("position", ctypes.c_int32),
        ("precision", ctypes.c_int32),
        ("scale", ctypes.c_int32),
        ("validity", ctypes.c_void_p),
        ("offsets", ctypes.c_void_p),
        ("values", ctypes.c_void_p),
        ("null_count", ctypes.c_int64),
        ("written", ctypes.c_int64),
        ("kept", ctypes.c_int64),
    )


class _Null(ctypes.Structure):
    _fields_ = (("text", ctypes.c_char_p), ("length", ctypes.c_int32))


def _native() -> Native | None:
    """The library, with the signatures of what is called of it."""
    found = native("kernel", {"Block": _Block, "Column": _Column, "Null": _Null})
    if found is not None:
        pointer, count, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32
        found.library.lakelanes_index.restype = count
        found.library.lakelanes_index.argtypes = [pointer]
        found.library.lakelanes_fill.restype = count
        found.library.lakelanes_fill.argtypes = [pointer, count, pointer, number, pointer, number]
    return found


class TornBlockError(Exception):
    """The block ends inside a record."""


class ManyShortRecordsError(Exception):
    """Most records of the block have too few fields; to note all of them would take much memory."""


class _Scratch:
    """The memory in which a block's records are noted; used for one block after the other."""

    def __init__(self, width: int, capacity: int) -> None:
        self.capacity = capacity
        self.fields = np.empty(width * capacity, np.uint64)
        self.ends, self.lines = np.empty(capacity, np.uint32), np.empty(capacity, np.uint32)
        self.odd = np.empty(capacity, np.uint8)


@dataclass(frozen=True)
class Columns:
    """What kernel.c made of a block of so many records.

    lines: how many physical lines end in the block. odd: positions of the records that Python has to look at.
    lone_returns: how many lines end with a carriage return alone, outside quotes.
    arrays: one for each column asked for, with the other records; binary ones for those that the kernel leaves to
    Python.
    """

    records: int
    lines: int
    arrays: list[Any]
    odd: Positions
    lone_returns: int
    _scratch: _Scratch

    def places(self, records: Positions) -> tuple[Positions, Positions, Positions]:
        """For each of these records its first byte, its line end, and how many physical lines end before it."""
        # A record starts with its first field.
        starts = (self._scratch.fields[records] & _OFFSET).astype(np.int64)
        return starts, self._scratch.ends[records].astype(np.int64), self._scratch.lines[records].astype(np.int64)

    def quoted(self, position: int) -> npt.NDArray[np.bool_]:
        """Which fields at this position are in quotes, those of odd records left out."""
        start = position * self._scratch.capacity
        found = (self._scratch.fields[start : start + self.records] & _QUOTED) != 0
        return np.delete(found, self.odd) if self.odd.size else found


@dataclass(frozen=True)
class _Wanted:
    """A column to make of the fields at a position. precision: of a text column, the most characters (0: any)."""

    position: int
    kind: int
    arrow: Any
    precision: int = 0
    scale: int = 0


class Kernel:
    """kernel.c, asked for the columns of one file. Thread-safe."""

    def __init__(
        self,
        native: Native,
        width: int,
        columns: Sequence[tuple[int, HiveType]],
        dialect: Dialect,
        empty: Sequence[int],
        judges: Sequence[Judge],
    ) -> None:
        self._library, self._constants = native.library, native.constants
        self._bytes, self._text, self._boolean = (
            self._constants[f"kind {name}"] for name in ("bytes", "string", "boolean")
        )
        self._width = width
        self._dialect = dialect
        self._columns = [
            _how(position, judge, dialect, native) for (position, _), judge in zip(columns, judges, strict=True)
        ]
        self._empty = empty
        self._nulls = _nulls(dialect.null_values)
        # Columns with null values of their own, by these: they are made in a call of their own.
        self._apart: dict[tuple[str, ...], list[int]] = {}
        for number, judge in enumerate(judges):
            if judge.null_values != dialect.null_values:
                self._apart.setdefault(judge.null_values, []).append(number)
        self._spare: list[_Scratch] = []

    @property
    def raw(self) -> list[bool]:
        """Which of the columns come as binary arrays, still to be cast."""
        return [column.kind == self._bytes for column in self._columns]

    def read(self, data: bytearray, length: int) -> Columns:
        """The columns of data[:length]. Raises TornBlockError."""
        octets = np.frombuffer(data, np.uint8)
        totals = np.empty(self._width, np.int64)
        block = _Block(
            data=octets.ctypes.data,
            length=length,
            readable=len(data),
            width=self._width,
            delimiter=ord(self._dialect.delimiter),
            quote=ord(self._dialect.quote) if self._dialect.quote else -1,
            keep_blank=self._width == 1,
            strict=self._dialect.quotes == "strict",
            bytes=totals.ctypes.data,
        )
        scratch, records = self._index(block)
        columns = (_Column * (len(self._columns) + len(self._empty)))()
        buffers = self._prepare(columns, records, totals)
        for number, position in enumerate(self._empty, len(self._columns)):
            columns[number].kind, columns[number].position = self._constants["kind empty"], position
        if self._apart:
            odd = self._fill_apart(block, records, columns)
        else:
            odd = self._fill(block, records, columns, self._nulls, len(self._dialect.null_values))
        arrays = [
            pa.Array.from_buffers(wanted.arrow, records - odd, made, column.null_count)
            for wanted, column, made in zip(self._columns, columns, buffers, strict=False)
        ]
        positions = np.flatnonzero(scratch.odd[:records]) if odd else _NONE
        return Columns(records, block.line_count, arrays, positions, block.lone_returns, scratch)

    def _fill(self, block: _Block, records: int, columns: Any, nulls: Any, count: int) -> int:
        odd: int = self._library.lakelanes_fill(
            ctypes.addressof(block), records, ctypes.addressof(columns), len(columns), ctypes.addressof(nulls), count
        )
        return odd

    def _fill_apart(self, block: _Block, records: int, columns: Any) -> int:
        """_fill() with the null values of each column. Those with their own are binary, so they make no record odd: the
        others come first, and say which are."""
        apart = {number for numbers in self._apart.values() for number in numbers}
        groups = [(self._dialect.null_values, [number for number in range(len(columns)) if number not in apart])]
        odd = 0
        for null_values, numbers in [*groups, *self._apart.items()]:
            group = (_Column * len(numbers))(*(columns[number] for number in numbers))
            odd = self._fill(block, records, group, _nulls(null_values), len(null_values))
            for number, made in zip(numbers, group, strict=True):
                columns[number] = made
        return odd

    def release(self, columns: Columns) -> None:
        """Takes back the memory behind Columns.places(), for another block."""
        self._spare.append(columns._scratch)

    def _index(self, block: _Block) -> tuple[_Scratch, int]:
        # A record of all its fields has at least a byte for each. Memory for more than twice as many is not taken.
        most = max(2 * (block.length // self._width), _LEAST_CAPACITY)
        scratch = self._spare.pop() if self._spare else _Scratch(self._width, min(_FIRST_CAPACITY, most // 4))
        while True:
            block.capacity, block.fields = scratch.capacity, scratch.fields.ctypes.data
            block.ends, block.lines = scratch.ends.ctypes.data, scratch.lines.ctypes.data
            block.odd = scratch.odd.ctypes.data
            records = self._library.lakelanes_index(ctypes.addressof(block))
            if records == self._constants["TORN"]:
                self._spare.append(scratch)
                raise TornBlockError
            if records != self._constants["TOO_MANY_RECORDS"]:
                return scratch, int(records)
            if scratch.capacity >= most:
                self._spare.append(scratch)
                raise ManyShortRecordsError
            scratch = _Scratch(self._width, scratch.capacity * 2)

    def _prepare(self, columns: Any, records: int, totals: npt.NDArray[np.int64]) -> list[list[Any]]:
        """Gives each column the memory that it is made in: Arrow's buffers, in Arrow's order.

        They are parts of two allocations: one of its own costs some hundred bytes, more than a block has of each of
        thousands of columns.
        """
        bitmap = (records + 7) // 8
        sizes: list[list[int]] = []
        for wanted in self._columns:
            if wanted.kind in (self._bytes, self._text):
                sizes.append([4 * (records + 1), int(totals[wanted.position]) + self._constants["OVERSHOOT"]])
            else:
                sizes.append([] if wanted.kind == self._boolean else [records * wanted.arrow.bit_width // 8])
        bitmaps = sum(1 if own else 2 for own in sizes)
        zeroed = _Parts(pa.py_buffer(np.zeros(bitmaps * _aligned(bitmap), np.uint8)))
        rest = _Parts(pa.allocate_buffer(sum(_aligned(size) for own in sizes for size in own), POOL))
        buffers = []
        for wanted, made, own in zip(self._columns, columns, sizes, strict=False):
            made.position, made.kind = wanted.position, wanted.kind
            made.precision, made.scale = wanted.precision, wanted.scale
            parts = [zeroed.next(bitmap), *(rest.next(size) for size in own)]
            if not own:
                parts.append(zeroed.next(bitmap))
            made.validity, made.values = parts[0].address, parts[-1].address
            if len(parts) == 3:
                made.offsets = parts[1].address
            buffers.append(parts)
        return buffers


class _Parts:
    """A buffer, handed out part by part."""

    def __init__(self, buffer: Any) -> None:
        self._buffer = buffer
        self._at = 0

    def next(self, size: int) -> Any:
        part = self._buffer.slice(self._at, size)
        self._at += _aligned(size)
        return part


def _aligned(size: int) -> int:
    """As Arrow recommends: https://arrow.apache.org/docs/format/Columnar.html#buffer-alignment-and-padding"""
    return (size + 63) // 64 * 64


def kernel_for(
    width: int,
    columns: Sequence[tuple[int, HiveType]],
    dialect: Dialect,
    empty: Sequence[int] = (),
    judges: Sequence[Judge] | None = None,
) -> Kernel | None:
    """The kernel for files of `width` fields a record; None where it cannot be used.

    columns: for each column wanted, the position of its field and its type. empty: the positions of fields that have to
    be empty. judges: of the columns, where they have settings of their own.
    """
    found = _native() if dialect.escape is None else None
    if found is None:
        return None
    if judges is None:
        judges = [Judge(column_type, dialect) for _, column_type in columns]
    return Kernel(found, width, columns, dialect, empty, judges)


def _nulls(null_values: Sequence[str]) -> Any:
    texts = [text.encode() for text in null_values]
    return (_Null * max(len(texts), 1))(*(_Null(text, len(text)) for text in texts))


def _how(position: int, judge: Judge, dialect: Dialect, native: Native) -> _Wanted:
    """What kernel.c is to make of a column: its own type, or bytes where Python has to read the texts."""
    column_type = judge.column_type
    if judge.null_values != dialect.null_values or judge.more_nulls or not _plain(column_type, judge.dialect):
        return _Wanted(position, native.constants["kind bytes"], pa.binary())
    if column_type.is_text:
        return _Wanted(position, native.kind_of(column_type), pa.string(), column_type.length or 0)
    precision, scale = column_type.precision or 0, column_type.scale or 0
    return _Wanted(position, native.kind_of(column_type), column_type.arrow, precision, scale)


def _plain(column_type: HiveType, dialect: Dialect) -> bool:
    """Whether kernel.c knows the form that the dialect's values of this type have."""
    kind = column_type.kind
    if column_type.is_text:
        return not dialect.trim
    if kind in _NUMBERS:
        return dialect.plain_numbers
    if kind == "boolean":
        return not dialect.own_words
    if kind == "date":
        return dialect.date_format is None
    if kind == "timestamp":
        return dialect.timestamp_format is None and dialect.beyond_microseconds == "refuse"
    return not column_type.is_nested and kind != "binary"
