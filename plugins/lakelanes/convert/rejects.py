"""Rejected rows: what is kept of each, and the Parquet file they go to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from lakelanes.convert.arrays import of_numbers
from lakelanes.convert.row_groups import RowGroupWriter
from lakelanes.convert.sink import OpenSink, SinkFile
from lakelanes.convert.transcode import shown

_FIELDS: Any = [
    ("source_file", pa.string()),
    ("record", pa.int64()),
    ("line", pa.int64()),
    ("column", pa.string()),
    ("reason", pa.string()),
    ("raw", pa.string()),
]
REJECTS_SCHEMA = pa.schema(_FIELDS)
RAW_BYTES = 64 << 10
"""How many bytes a reject's `raw` holds of a longer row, as UTF-8."""
_REPEATING: Any = ["source_file", "column", "reason"]
# Text as a whole and then cut into rows, where there are no more bytes than this for each row.
_MOST_PER_ROW = 2 << 10
_CHARACTER_BYTES = 4
# A reason may name all columns of a header, and is in every row. So many rows are made into one batch.
_LONGEST_TEXT, _WRITTEN_ROWS = 2000, 4096
_WAITING_CHARACTERS = 1 << 20
_GROUP_ROWS = 100_000
_GROUP_BYTES = 8 << 20


@dataclass(frozen=True)
class Reject:
    """A rejected row.

    line: the physical line it starts on, the file's first being 1. record: its number among the records after the
    header, the first being 1. column: the first column at fault, None when it is the row as a whole. reason: for
    people; that of a row without a fault of its own begins with WITHHELD.
    raw: the row as it stands in the file, without its line end; bytes its encoding does not know appear as \\xNN. Of a
    row longer than RAW_BYTES it is the beginning, and says so at its end.
    """

    line: int
    record: int
    column: str | None
    reason: str
    raw: str


@dataclass
class RejectRows:
    """Rejected rows of one block, in file order, column by column.

    records and lines count from the block's first record and line, until moved() makes them the file's.
    freezing: the place among them of the first row that must not be in a table whose types are frozen.
    """

    records: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64]
    columns: list[str | None]
    reasons: list[str]
    raws: list[str]
    freezing: int | None = None

    def __len__(self) -> int:
        return len(self.reasons)

    def moved(self, record: int, line: int) -> RejectRows:
        """The same rows of a block whose first record and line are these."""
        return replace(self, records=self.records + record, lines=self.lines + line)

    def rows(self) -> Iterator[Reject]:
        return map(Reject, self.lines.tolist(), self.records.tolist(), self.columns, self.reasons, self.raws)

    def first(self) -> Reject:
        return self.at(0)

    def at(self, place: int) -> Reject:
        return Reject(
            int(self.lines[place]),
            int(self.records[place]),
            self.columns[place],
            self.reasons[place],
            self.raws[place],
        )


def rejected_alike(
    records: npt.NDArray[np.int64], lines: npt.NDArray[np.int64], reason: str, raws: list[str]
) -> RejectRows:
    """Rows that are all rejected for one reason, which is no column's."""
    return RejectRows(records, lines, [None] * len(raws), [reason] * len(raws), raws)


def raw_texts(
    data: bytearray, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], encoding: str = "utf-8"
) -> list[str]:
    """The text of data[start:end] for each pair, bytes that the file's encoding does not know as \\xNN."""
    places = zip(starts.tolist(), ends.tolist(), strict=True)
    if len(data) <= _MOST_PER_ROW * starts.size and data.isascii() and not (ends - starts > RAW_BYTES).any():
        text = data.decode("ascii")
        return [text[start:end] for start, end in places]
    # Enough of a row to tell whether it is cut within a character.
    return [raw_text(data[start : min(end, start + RAW_BYTES + 1)], encoding, end - start) for start, end in places]


def raw_text(data: bytes | bytearray, encoding: str, size: int | None = None) -> str:
    """What rejects show of a row of so many bytes, of which data is all or the beginning."""
    size = len(data) if size is None else size
    if len(data) == size <= RAW_BYTES:
        return shown(data, encoding)
    stop = min(len(data), RAW_BYTES)
    while stop < len(data) and stop > RAW_BYTES - _CHARACTER_BYTES and data[stop] & 0xC0 == 0x80:
        stop -= 1
    return f"{shown(data[:stop], encoding)} [cut: the first {stop} of {size} bytes]"


class RejectsWriter:
    """Writes rejected rows to a Parquet file that is opened with the first of them, in bounded memory."""

    def __init__(self, open_sink: OpenSink, source_name: str, stamp: Mapping[str, str] | None = None) -> None:
        self._source_name = source_name
        self._groups = RowGroupWriter(
            open_sink, REJECTS_SCHEMA, _open_parquet, stamp, most_bytes=_GROUP_BYTES, most_rows=_GROUP_ROWS
        )
        self._waiting: list[RejectRows] = []
        self._rows = self._characters = 0

    def write(self, rows: RejectRows) -> None:
        """Takes rows, which are written when there are enough of them: an array costs as much as some hundred rows."""
        self._waiting.append(rows)
        self._rows += len(rows)
        self._characters += sum(map(len, rows.raws))
        if self._rows >= _WRITTEN_ROWS or self._characters >= _WAITING_CHARACTERS:
            self._write_waiting()

    def _write_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._rows = self._characters = 0
        if len(waiting) > 1:
            waiting = [_joined(waiting)]
        for rows in waiting:
            self._write(rows)

    def _write(self, rows: RejectRows) -> None:
        for first in range(0, len(rows), _WRITTEN_ROWS):
            some = slice(first, first + _WRITTEN_ROWS)
            reasons, columns = rows.reasons[some], rows.columns[some]
            values: list[Any] = [
                pa.repeat(pa.scalar(self._source_name, pa.string()), len(reasons)),
                of_numbers(rows.records[some]),
                of_numbers(rows.lines[some]),
                pa.array([name and name[:_LONGEST_TEXT] for name in columns], pa.string()),
                pa.array([reason[:_LONGEST_TEXT] for reason in reasons], pa.string()),
                pa.array(rows.raws[some], pa.string()),
            ]
            self._groups.write(pa.RecordBatch.from_arrays(values, schema=REJECTS_SCHEMA))

    def close(self) -> None:
        """Commits the file; without any row there is none."""
        self._write_waiting()
        self._groups.close(even_empty=False)

    def abort(self) -> None:
        self._waiting.clear()
        self._groups.abort()


def _joined(some: list[RejectRows]) -> RejectRows:
    """The rows of several blocks, in order."""
    return RejectRows(
        np.concatenate([rows.records for rows in some]),
        np.concatenate([rows.lines for rows in some]),
        list(chain.from_iterable(rows.columns for rows in some)),
        list(chain.from_iterable(rows.reasons for rows in some)),
        list(chain.from_iterable(rows.raws for rows in some)),
    )


def _open_parquet(sink: SinkFile, first: pa.Table) -> Any:
    return pq.ParquetWriter(
        sink,
        REJECTS_SCHEMA,
        compression="zstd",
        use_dictionary=_REPEATING,
        write_page_index=True,
        store_schema=False,
    )
