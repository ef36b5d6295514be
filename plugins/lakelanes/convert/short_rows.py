"""Rows with fewer fields than the header, where a dialect has them padded: what they lack at their end is null."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from lakelanes.convert.cast import Array
from lakelanes.convert.dialect import Dialect
from lakelanes.convert.faults import Positions
from lakelanes.convert.record_index import RecordIndex, split_fields

pc: Any = pyarrow.compute


def padded(data: bytearray, index: RecordIndex, width: int, dialect: Dialect) -> tuple[bytearray, dict[int, int]]:
    """The indexed records with delimiters after those that have fewer than `width` fields, and for each of these, by
    its position, how many fields it has."""
    delimiter = dialect.delimiter.encode()
    marks = [mark.encode() for mark in (dialect.quote, dialect.escape) if mark]
    short: dict[int, int] = {}
    made = bytearray()
    for position, (start, end) in enumerate(zip(index.starts.tolist(), index.ends.tolist(), strict=True)):
        record = bytes(data[start:end])
        count = record.count(delimiter) + 1
        if any(mark in record for mark in marks):
            count = len(split_fields(record, dialect))
        made += record
        if count < width:
            short[position] = count
            made += delimiter * (width - count)
        made += b"\n"
    return made, short


def with_nulls(arrays: Sequence[Array], positions: Sequence[int], rows: Positions, counts: Positions) -> list[Array]:
    """The columns, which come from these positions of a record, with nulls where these rows lack the field.

    counts: how many fields each of the rows has.
    """
    found = []
    for array, position in zip(arrays, positions, strict=True):
        lacking = np.zeros(len(array), bool)
        lacking[rows[counts <= position]] = True
        found.append(pc.if_else(pa.array(lacking), pa.scalar(None, array.type), array) if lacking.any() else array)
    return found
