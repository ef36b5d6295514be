"""Records that a dialect leaves out: comments, rows of nothing but delimiters, the header once more.

Both readers get the bytes of a block without them, so neither knows of them. What comments are is a question of where
records begin, so lakelanes.convert.record_index finds those.
"""

from __future__ import annotations

import numpy as np

from lakelanes.convert.blocks import Block
from lakelanes.convert.dialect import Dialect
from lakelanes.convert.faults import Positions
from lakelanes.convert.header import BYTE_ORDER_MARK
from lakelanes.convert.record_index import RecordIndex, begins_line


class LeftOut:
    """What is left out of one file. header: its header as it stands there, once that was read."""

    def __init__(self, dialect: Dialect) -> None:
        self._comment = dialect.comment
        self._delimiter = dialect.delimiter.encode() if dialect.skip_empty_rows else None
        self._repeated = dialect.skip_repeated_headers
        self.header = b""

    @property
    def none(self) -> bool:
        """Whether the dialect leaves nothing out."""
        return self._comment is None and self._delimiter is None and not self._repeated

    def may_be_in(self, data: bytearray, length: int, keep_blank: bool) -> bool:
        """Whether there may be something to leave out in data[:length], which begins with a record. keep_blank: whether
        a blank line is a record."""
        if self._comment is not None and begins_line(data, length, self._comment.encode()):
            return True
        if self._delimiter is not None and (keep_blank or begins_line(data, length, self._delimiter)):
            return True
        return bool(self.header) and self._repeated and data.find(self.header, 0, length) >= 0

    def kept(self, data: bytearray, index: RecordIndex, *, returns_end: bool = True) -> Positions:
        """The positions of the records that are not left out, comments being in no index.

        returns_end: whether the file's lines end with a carriage return alone. Where they do not, no half of a row that
        one breaks is left out.
        """
        left_out = np.zeros(index.starts.size, bool)
        if self._delimiter is not None:
            octets = np.frombuffer(data, np.uint8)
            maybe = (octets[index.starts] == ord(self._delimiter)) | (index.starts == index.ends)
            for position in np.flatnonzero(maybe).tolist():
                record = bytes(data[int(index.starts[position]) : int(index.ends[position])])
                left_out[position] = not record.strip(self._delimiter)
        if self._repeated and self.header:
            sizes = index.ends - index.starts
            for mark in (b"", BYTE_ORDER_MARK):
                again = mark + self.header
                for position in np.flatnonzero(sizes == len(again)).tolist():
                    start = int(index.starts[position])
                    left_out[position] |= data.startswith(again, start, start + len(again))
        if not returns_end and left_out.any():
            left_out[index.broken(data)] = False
        return np.flatnonzero(~left_out)


def without(block: Block, index: RecordIndex, kept: Positions, *, returns_end: bool) -> Block:
    """The block with these records of it alone, and nothing between them but the carriage returns that break a row."""
    data = bytearray()
    halves = frozenset(index.halves(block.data).tolist()) if not returns_end else frozenset()
    starts, ends = index.starts[kept].tolist(), index.ends[kept].tolist()
    with memoryview(block.data) as view:
        for position, start, end in zip(kept.tolist(), starts, ends, strict=True):
            # After a half, the line feed of an empty record would be one line end with the carriage return.
            line_end = b"\r\n" if start == end and data[-1:] == b"\r" else b"\n"
            data += view[start:end]
            data += b"\r" if position in halves else line_end
    return Block(data, len(data), block.final, single=block.single)
