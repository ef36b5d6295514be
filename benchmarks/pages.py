"""What a query reads of a Parquet file: computed from its footer and page index, which pyarrow and DuckDB do not show.

Both are structs of Thrift's compact protocol (https://github.com/apache/thrift/blob/master/doc/specs/
thrift-compact-protocol.md), whose field numbers are those of parquet.thrift
(https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

# What a column's values must lie between, both included: whole numbers (dates as days since 1970) or bytes of text.
Bounds = Mapping[str, tuple[Any, Any]]

_INT32, _INT64, _BYTE_ARRAY = 1, 2, 6  # parquet.thrift: Type


@dataclass(frozen=True)
class Reads:
    """Compressed bytes that a query needs. by_chunk: whole column chunks of the row groups whose minima and maxima do
    not exclude it. by_page: of those, the pages that the page index leaves, their dictionaries and the index itself."""

    by_chunk: int
    by_page: int


def reads(path: Path, columns: Collection[str], bounds: Bounds) -> Reads:
    """What it takes to read these columns, those of the bounds among them, of the rows within the bounds.

    Raises ValueError for a file that is not Parquet, and for bounds on a column whose type is not known here.
    """
    data = path.read_bytes()
    if data[-4:] != b"PAR1":
        raise ValueError(f"{path} ends with {data[-4:]!r}, expected b'PAR1'")
    footer_at = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    by_chunk = by_page = 0
    for group in _Compact(data, footer_at).struct().get(4, ()):
        chunks = {b".".join(chunk[3][3]).decode(): chunk for chunk in group[1]}
        if not all(_may_hold(chunks[name], *between) for name, between in bounds.items()):
            continue
        whole = sum(chunks[name][3][7] for name in columns)
        by_chunk += whole
        indexed = all(4 in chunks[name] for name in columns) and all(6 in chunks[name] for name in bounds)
        by_page += (
            _pages(data, group[3], {name: chunks[name] for name in columns}, bounds) if indexed and bounds else whole
        )
    return Reads(by_chunk, by_page)


def _may_hold(chunk: Any, low: Any, high: Any) -> bool:
    statistics, kind = chunk[3].get(12, {}), chunk[3][1]
    if 5 not in statistics or 6 not in statistics:
        return True
    return bool(_value(kind, statistics[6]) <= high and low <= _value(kind, statistics[5]))


def _pages(data: bytes, rows: int, chunks: dict[str, Any], bounds: Bounds) -> int:
    """Bytes of a row group's pages with a row that all column indexes leave."""
    wanted, size = np.ones(rows, bool), 0
    spans: dict[str, list[tuple[int, int, int]]] = {}
    for name, chunk in chunks.items():
        pages = _Compact(data, chunk[4]).struct()[1]
        ends = [page[3] for page in pages[1:]] + [rows]
        spans[name] = [(page[3], end, page[2]) for page, end in zip(pages, ends, strict=True)]
        size += chunk[5]
    for name, (low, high) in bounds.items():
        index, kind = _Compact(data, chunks[name][6]).struct(), chunks[name][3][1]
        size += chunks[name][7]
        for empty, least, most, (start, end, _) in zip(index[1], index[2], index[3], spans[name], strict=True):
            if empty or _value(kind, least) > high or _value(kind, most) < low:
                wanted[start:end] = False
    for name, chunk in chunks.items():
        kept = sum(bytes_ for start, end, bytes_ in spans[name] if wanted[start:end].any())
        dictionary = chunk[3].get(11)
        size += kept + (chunk[3][9] - dictionary if kept and dictionary is not None else 0)
    return size


def _value(kind: int, raw: bytes) -> Any:
    if kind in (_INT32, _INT64):
        return int.from_bytes(raw, "little", signed=True)
    if kind == _BYTE_ARRAY:
        return raw
    raise ValueError(f"minima and maxima of Parquet type {kind} are not read here")


class _Compact:
    """Reads a struct as {field number: value}: whole numbers, bytes, lists, and structs again."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data, self._position = data, position

    def struct(self) -> dict[int, Any]:
        fields: dict[int, Any] = {}
        number = 0
        while header := self._byte():
            number = number + (header >> 4) if header >> 4 else self._whole()
            kind = header & 15
            # A field that is true or false has its value in its type.
            fields[number] = kind == 1 if kind in (1, 2) else self._item(kind)
        return fields

    def _item(self, kind: int) -> Any:
        if kind in (1, 2):
            return self._byte() == 1
        if kind == 3:
            return self._byte()
        if kind in (4, 5, 6):
            return self._whole()
        if kind == 7:
            return self._take(8)
        if kind == 8:
            return self._take(self._varint())
        if kind == 9:
            header = self._byte()
            count = header >> 4 if header >> 4 < 15 else self._varint()
            return [self._item(header & 15) for _ in range(count)]
        if kind == 12:
            return self.struct()
        raise ValueError(f"Thrift type {kind} at byte {self._position}: Parquet's metadata has none of it")

    def _byte(self) -> int:
        self._position += 1
        return self._data[self._position - 1]

    def _take(self, count: int) -> bytes:
        self._position += count
        return self._data[self._position - count : self._position]

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 128:
            value |= (byte & 127) << shift
            shift += 7
        return value | byte << shift

    def _whole(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)
