"""The compiled half of the converter: kernel.c, which turns the plain records of a block into Arrow columns.

It is an accelerator and nothing else. What it does not vouch for it marks, and lakelanes.convert.parse reads those
records the careful way; where there is no library for this machine, it reads all of them so. The library lies beside
this file under a name that holds the digest of its sources, so that one built from others is never loaded.
scripts/build_kernel.py builds it. It also holds items.c, which lakelanes.tables.scanner calls.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lakelanes.convert.arrow_pool import POOL
from lakelanes.convert.dialect import Dialect
from lakelanes.types import HiveType

log = logging.getLogger(__name__)

_HERE = Path(__file__).parent
# Headers too; scripts/setup.py takes the digest of the same files.
SOURCES = (_HERE / "kernel.c", _HERE / "scalars.h", _HERE.parent / "tables" / "items.c")
_INTERFACE = 1
_TOO_MANY_RECORDS, _TORN = -1, -2
# The order of `enum kind` in kernel.c.
_EMPTY, _BYTES, _TEXT, _INT8, _INT16, _INT32, _INT64, _DECIMAL, _FLOAT, _DOUBLE, _BOOLEAN, _DATE, _TIMESTAMP = range(13)
_KINDS = {
    "string": _TEXT,
    "char": _TEXT,
    "varchar": _TEXT,
    "tinyint": _INT8,
    "smallint": _INT16,
    "int": _INT32,
    "bigint": _INT64,
    "decimal": _DECIMAL,
    "float": _FLOAT,
    "double": _DOUBLE,
    "boolean": _BOOLEAN,
    "date": _DATE,
    "timestamp": _TIMESTAMP,
}
_NUMBERS = frozenset({_INT8, _INT16, _INT32, _INT64, _DECIMAL, _FLOAT, _DOUBLE})
_OVERSHOOT = 16  # how far kernel.c may write past the end of the texts
_FIRST_CAPACITY = 4096
_OFFSET = np.uint64(0xFFFFFFFF)

Positions = npt.NDArray[np.int64]
_NONE: Positions = np.zeros(0, np.int64)


def library_path(system: str = sys.platform, machine: str | None = None) -> Path:
    """Where the library for a system (as sys.platform has it) and a machine (as platform.machine has it) belongs."""
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in SOURCES)).hexdigest()[:12]
    return _HERE / f"kernel-{digest}-{system}-{machine or platform.machine()}.so"


@cache
def load_library() -> Any | None:
    """The loaded library; None, with a warning, where there is none for this machine."""
    path = library_path()
    try:
        library = ctypes.CDLL(str(path))
        interface = library.lakelanes_interface()
    except (OSError, AttributeError) as error:
        log.warning("%s cannot be used, so that files are converted more slowly: %s", path.name, error)
        return None
    if interface != _INTERFACE:
        log.warning("%s has interface %d, expected %d: files are converted more slowly", path, interface, _INTERFACE)
        return None
    library.lakelanes_index.restype = ctypes.c_int64
    library.lakelanes_index.argtypes = [ctypes.c_void_p]
    library.lakelanes_fill.restype = ctypes.c_int64
    library.lakelanes_fill.argtypes = [
        ctypes.c_void_p,
        ctypes.c_int64,
        ctypes.c_void_p,
        ctypes.c_int32,
        ctypes.c_void_p,
        ctypes.c_int32,
    ]
    return library


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
    )


class _Null(ctypes.Structure):
    _fields_ = (("text", ctypes.c_char_p), ("length", ctypes.c_int32))


class TornBlockError(Exception):
    """The block ends inside a record."""


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
    arrays: one for each column asked for, with the other records; binary ones for those that the kernel leaves to
    Python.
    """

    records: int
    lines: int
    arrays: list[Any]
    odd: Positions
    _scratch: _Scratch

    def places(self, records: Positions) -> tuple[Positions, Positions, Positions]:
        """For each of these records its first byte, its line end, and how many physical lines end before it."""
        # A record starts with its first field.
        starts = (self._scratch.fields[records] & _OFFSET).astype(np.int64)
        return starts, self._scratch.ends[records].astype(np.int64), self._scratch.lines[records].astype(np.int64)


class Kernel:
    """kernel.c, asked for the columns of one file. Thread-safe."""

    def __init__(
        self,
        library: Any,
        width: int,
        columns: Sequence[tuple[int, HiveType]],
        dialect: Dialect,
        empty: Sequence[int] = (),
    ) -> None:
        self._library = library
        self._width = width
        self._dialect = dialect
        # For each: position, kind, Arrow type, precision, scale.
        self._columns = [(position, *_how(column_type, dialect)) for position, column_type in columns]
        self._empty = empty
        texts = [text.encode() for text in dialect.null_values]
        self._nulls = (_Null * max(len(texts), 1))(*(_Null(text, len(text)) for text in texts))
        self._spare: list[_Scratch] = []

    @property
    def raw(self) -> list[bool]:
        """Which of the columns come as binary arrays, still to be cast."""
        return [column[1] == _BYTES for column in self._columns]

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
            bytes=totals.ctypes.data,
        )
        scratch, records = self._index(block)
        columns = (_Column * (len(self._columns) + len(self._empty)))()
        # Buffers must outlive the call.
        count = len(self._columns)
        buffers = [self._prepare(c, columns[c], records, totals) for c in range(count)]
        for number, position in enumerate(self._empty, count):
            columns[number].kind, columns[number].position = _EMPTY, position
        odd = self._library.lakelanes_fill(
            ctypes.addressof(block),
            records,
            ctypes.addressof(columns),
            len(columns),
            ctypes.addressof(self._nulls),
            len(self._dialect.null_values),
        )
        arrays = [
            pa.Array.from_buffers(column[2], records - odd, made, columns[c].null_count)
            for c, (column, made) in enumerate(zip(self._columns, buffers, strict=True))
        ]
        positions = np.flatnonzero(scratch.odd[:records]) if odd else _NONE
        return Columns(records, block.line_count, arrays, positions, scratch)

    def release(self, columns: Columns) -> None:
        """Takes back the memory behind Columns.places(), for another block."""
        self._spare.append(columns._scratch)

    def _index(self, block: _Block) -> tuple[_Scratch, int]:
        scratch = self._spare.pop() if self._spare else _Scratch(self._width, _FIRST_CAPACITY)
        while True:
            block.capacity, block.fields = scratch.capacity, scratch.fields.ctypes.data
            block.ends, block.lines = scratch.ends.ctypes.data, scratch.lines.ctypes.data
            block.odd = scratch.odd.ctypes.data
            records = self._library.lakelanes_index(ctypes.addressof(block))
            if records == _TORN:
                self._spare.append(scratch)
                raise TornBlockError
            if records != _TOO_MANY_RECORDS:
                return scratch, int(records)
            scratch = _Scratch(self._width, scratch.capacity * 2)

    def _prepare(self, column: int, made: _Column, records: int, totals: npt.NDArray[np.int64]) -> list[Any]:
        """Gives a column the memory it is made in: Arrow's buffers, in Arrow's order."""
        made.position, made.kind, arrow, made.precision, made.scale = self._columns[column]
        validity = _zeroed((records + 7) // 8)
        made.validity = validity.address
        if made.kind in (_BYTES, _TEXT):
            offsets = pa.allocate_buffer(4 * (records + 1), POOL)
            values = pa.allocate_buffer(int(totals[made.position]) + _OVERSHOOT, POOL)
            made.offsets, made.values = offsets.address, values.address
            return [validity, offsets, values]
        values = (
            _zeroed((records + 7) // 8)
            if made.kind == _BOOLEAN
            else pa.allocate_buffer(records * arrow.bit_width // 8, POOL)
        )
        made.values = values.address
        return [validity, values]


def kernel_for(
    width: int, columns: Sequence[tuple[int, HiveType]], dialect: Dialect, empty: Sequence[int] = ()
) -> Kernel | None:
    """The kernel for files of `width` fields a record; None where it cannot be used.

    columns: for each column wanted, the position of its field and its type. empty: the positions of fields that have to
    be empty.
    """
    library = load_library() if dialect.escape is None else None
    return Kernel(library, width, columns, dialect, empty) if library is not None else None


def _zeroed(size: int) -> Any:
    return pa.py_buffer(np.zeros(size, np.uint8))


def _how(column_type: HiveType, dialect: Dialect) -> tuple[int, Any, int, int]:
    """What kernel.c makes of a column: kind, Arrow type, and two numbers that depend on the kind."""
    kind = _KINDS.get(column_type.kind, _BYTES)
    formatted = (kind == _DATE and dialect.date_format) or (kind == _TIMESTAMP and dialect.timestamp_format)
    if formatted or (kind in _NUMBERS and not dialect.plain_numbers) or kind == _BYTES:
        return _BYTES, pa.binary(), 0, 0
    if kind == _TEXT:
        return kind, pa.string(), column_type.length or 0, 0
    return kind, column_type.arrow, column_type.precision or 0, column_type.scale or 0
