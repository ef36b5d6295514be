"""Which partition each row of a batch belongs to: a look at its distinct values, and none at its rows one by one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from lakelanes.convert.partition_values import PartitionValue

pc: Any = pyarrow.compute

_UNITS = ("minute", "hour", "day")
# Distinct values whose partition is remembered, and their length. A column with more is no partition key, and its file
# is refused; a longer text is no partition's value.
_REMEMBERED = 1 << 16
_LONGEST = 1000

Codes = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int32]
Values = tuple[str, ...]


class PartitionReader:
    """Finds the partition of every row, for any number of threads; partitions are numbered as they are found.

    values: of the keys that come from the data, in the table's order. legal: why a partition cannot have these values,
    with the position of the one at fault; None when it can. limit: all partitions beyond so many have its number.
    """

    def __init__(
        self, values: Sequence[PartitionValue], legal: Callable[[Values], tuple[int, str] | None], limit: int
    ) -> None:
        self._values = list(values)
        self._legal = legal
        self._limit = limit
        self._columns = list(dict.fromkeys(value.column for value in values))
        self._units = {
            value.column: min((v.unit for v in values if v.column == value.column), key=_UNITS.index)
            for value in values
            if value.form
        }
        self._lock = threading.Lock()
        self._known: dict[tuple[Any, ...], int | tuple[str, str]] = {}
        self._numbers: dict[Values, int] = {}
        self.found: list[Values] = []

    def read(self, batch: pa.RecordBatch, good: npt.NDArray[np.bool_]) -> tuple[Numbers, list[tuple[str, str]]]:
        """The number of each good row's partition, an index of `found`; -1, -2, ... where the row belongs to none, for
        the first, second, ... of the faults (column and reason) that come with it. Of other rows it means nothing."""
        encoded = [self._encode(batch.column(name), name) for name in self._columns]
        codes, combinations = _combined(encoded)
        faults: list[tuple[str, str]] = []
        numbers = np.zeros(len(combinations), np.int32)
        for position in np.flatnonzero(np.bincount(codes[good], minlength=len(combinations))).tolist():
            values = combinations[position]
            known = self._known.get(values)
            if known is None:
                known = self._remembered(values)
            if isinstance(known, tuple):
                faults.append(known)
                known = -len(faults)
            numbers[position] = known
        return numbers[codes], faults

    def _encode(self, values: pa.Array, name: str) -> tuple[Codes, list[Any]]:
        """Codes of the values, and what each code stands for; None for null."""
        if name in self._units and pa.types.is_timestamp(values.type):
            values = pc.floor_temporal(values, unit=self._units[name])
        encoded = values.dictionary_encode()
        meanings = encoded.dictionary.to_pylist()
        codes = encoded.indices.fill_null(len(meanings)).to_numpy().astype(np.int64)
        return codes, [*meanings, None]

    def _remembered(self, values: tuple[Any, ...]) -> int | tuple[str, str]:
        with self._lock:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            judged = self._judge(dict(zip(self._columns, values, strict=True)))
            if all(len(value) <= _LONGEST for value in values if isinstance(value, str)):
                self._known[values] = judged
        return judged

    def _judge(self, row: dict[str, Any]) -> int | tuple[str, str]:
        for value in self._values:
            if row[value.column] is None:
                return value.column, "the value is null, but decides which partition the row belongs to"
        texts = tuple(value.text(row[value.column]) for value in self._values)
        if texts in self._numbers:
            return self._numbers[texts]
        if wrong := self._legal(texts):
            return self._values[wrong[0]].column, wrong[1]
        if len(self.found) >= self._limit:
            return self._limit
        self.found.append(texts)
        self._numbers[texts] = len(self.found) - 1
        return self._numbers[texts]


def _combined(encoded: list[tuple[Codes, list[Any]]]) -> tuple[Codes, list[tuple[Any, ...]]]:
    """One code per row for the columns together, and the values that occur together."""
    codes, meanings = encoded[0]
    combinations: list[tuple[Any, ...]] = [(meaning,) for meaning in meanings]
    for more, others in encoded[1:]:
        pairs = pa.array(codes * len(others) + more).dictionary_encode()
        found = pairs.dictionary.to_pylist()
        combinations = [(*combinations[pair // len(others)], others[pair % len(others)]) for pair in found]
        codes = pairs.indices.to_numpy().astype(np.int64)
    return codes, combinations
