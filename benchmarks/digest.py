"""Checksums of a table's values that do not depend on the order of its rows, nor on who wrote them.

A cell is one 64-bit word (a decimal's digits, a date's days, a hash of a text); a row is its cells mixed; a table is
the sum of its rows. Equal digests mean the same rows, each with the same cells, as often.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Words = npt.NDArray[np.uint64]

_U = np.uint64
_NULL = _U(0x9E3779B97F4A7C15)
_LONGEST = 1 << 16
_POSITIONS = np.random.default_rng(20240315).integers(1, 2**63, _LONGEST, np.uint64) | _U(1)
_SPREAD = np.random.default_rng(15032024).integers(1, 2**63, 1024, np.uint64) | _U(1)


@dataclass
class Digest:
    """rows: how many. columns: by name, the sum of the column's mixed cells. table: the sum of the mixed rows."""

    rows: int = 0
    nulls: dict[str, int] = field(default_factory=dict)
    columns: dict[str, int] = field(default_factory=dict)
    table: int = 0

    def add(self, names: list[str], cells: list[Words], nulls: list[int]) -> None:
        """Adds rows given by column: words as `words()` makes them, and how many of them are null."""
        if not cells:
            return
        whole = np.zeros(len(cells[0]), np.uint64)
        for number, (name, column, count) in enumerate(zip(names, cells, nulls, strict=True)):
            mixed = _mix(column)
            self.columns[name] = (self.columns.get(name, 0) + int(mixed.sum(dtype=np.uint64))) % 2**64
            self.nulls[name] = self.nulls.get(name, 0) + count
            whole += mixed * _SPREAD[number]
        self.rows += len(whole)
        self.table = (self.table + int(_mix(whole).sum(dtype=np.uint64))) % 2**64

    def add_arrays(self, names: list[str], arrays: list[pa.Array]) -> None:
        """Adds rows given as Arrow arrays."""
        self.add(names, [words(array) for array in arrays], [array.null_count for array in arrays])

    def merge(self, other: Digest) -> None:
        """Adds another table's rows."""
        self.rows += other.rows
        self.table = (self.table + other.table) % 2**64
        for name, checksum in other.columns.items():
            self.columns[name] = (self.columns.get(name, 0) + checksum) % 2**64
            self.nulls[name] = self.nulls.get(name, 0) + other.nulls[name]

    def times(self, count: int) -> Digest:
        """The digest of the same rows `count` times over."""
        whole = Digest()
        for _ in range(count):
            whole.merge(self)
        return whole

    def differences(self, other: Digest) -> list[str]:
        """What is different in the other one, in words; nothing when they are equal."""
        if self.rows != other.rows:
            return [f"{other.rows} rows instead of {self.rows}"]
        found = []
        for name, checksum in self.columns.items():
            if other.nulls.get(name) != self.nulls[name]:
                found.append(f"{name}: {other.nulls.get(name)} nulls instead of {self.nulls[name]}")
            elif other.columns.get(name) != checksum:
                found.append(f"{name}: other values")
        if not found and self.table != other.table:
            found.append("the columns' values are in other rows")
        return found

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Digest:
        return cls(**data)


def words(array: pa.Array) -> Words:
    """One word per row, equal for equal values: of numbers, decimals, dates, timestamps, texts, lists and structs."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        values = _of_texts(array.cast(pa.large_string()))
    elif pa.types.is_decimal128(kind):
        values = _of_decimals(array)
    elif pa.types.is_boolean(kind):
        values = array.cast(pa.uint8()).fill_null(0).to_numpy(zero_copy_only=False).astype(np.uint64)
    elif pa.types.is_date32(kind):
        values = _of_integers(array.cast(pa.int32()))
    elif pa.types.is_timestamp(kind):
        values = _of_integers(array.cast(pa.timestamp("us", kind.tz)).cast(pa.int64()))
    elif pa.types.is_integer(kind):
        values = _of_integers(array)
    elif pa.types.is_float64(kind):
        values = array.fill_null(0).to_numpy(zero_copy_only=False).view(np.uint64)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        values = _of_lists(array)
    elif pa.types.is_struct(kind):
        values = np.zeros(len(array), np.uint64)
        for number, member in enumerate(array.flatten()):
            values += _mix(words(member)) * _SPREAD[number]
    else:
        raise TypeError(f"no digest for {kind}")
    if array.null_count:
        values = np.where(array.is_valid().to_numpy(zero_copy_only=False), values, _NULL)
    return values


def _of_integers(array: pa.Array) -> Words:
    values: Words = array.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False).view(np.uint64)
    return values


def _of_decimals(array: pa.Array) -> Words:
    """A decimal's digits without its point: the lower half of its sixteen bytes, and the upper where it says more."""
    halves = np.frombuffer(array.buffers()[1], "<i8")[2 * array.offset : 2 * (array.offset + len(array))].reshape(-1, 2)
    valid = array.is_valid().to_numpy(zero_copy_only=False)
    lower, upper = halves[:, 0].view(np.uint64), (halves[:, 1] ^ halves[:, 0] >> 63).view(np.uint64)
    found: Words = np.where(valid, np.where(upper == 0, lower, lower ^ _mix(upper)), _U(0))
    return found


def _of_lists(array: pa.Array) -> Words:
    """The sum of a list's elements, each mixed with its place in the list."""
    lengths = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    elements = words(array.flatten())
    starts = np.concatenate([[0], np.cumsum(lengths)])
    places = np.arange(elements.size, dtype=np.int64) - np.repeat(starts[:-1], lengths)
    sums = np.zeros(elements.size + 1, np.uint64)
    np.cumsum(_mix(elements) * _POSITIONS[places], out=sums[1:])
    found: Words = sums[starts[1:]] - sums[starts[:-1]] + lengths.astype(np.uint64)
    return found


def _of_texts(array: pa.Array) -> Words:
    _, offsets_buffer, data_buffer = array.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int64)[array.offset : array.offset + len(array) + 1]
    if not len(offsets):
        return np.zeros(0, np.uint64)
    octets = np.frombuffer(data_buffer, np.uint8)[offsets[0] : offsets[-1]] if data_buffer else np.zeros(0, np.uint8)
    starts = offsets - offsets[0]
    lengths = np.diff(starts)
    if lengths.size and int(lengths.max()) > _LONGEST:
        raise TypeError(f"a text of more than {_LONGEST} bytes")
    places = np.arange(octets.size, dtype=np.int64) - np.repeat(starts[:-1], lengths)
    weighed = (octets.astype(np.uint64) + _U(1)) * _POSITIONS[places]
    sums = np.zeros(octets.size + 1, np.uint64)
    np.cumsum(weighed, out=sums[1:])
    return (sums[starts[1:]] - sums[starts[:-1]]) + lengths.astype(np.uint64) * _SPREAD[1023]


def _mix(values: Words) -> Words:
    """Spreads every bit over the whole word (the finalizer of splitmix64)."""
    mixed = values + _U(0x9E3779B97F4A7C15)
    mixed ^= mixed >> _U(30)
    mixed *= _U(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> _U(27)
    mixed *= _U(0x94D049BB133111EB)
    mixed ^= mixed >> _U(31)
    return mixed
