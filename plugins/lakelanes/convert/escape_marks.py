r"""Null values as they stand in the file, where its dialect has an escape.

pyarrow compares null values with what is left when the escapes are taken away: `\N` would be the text N, and an escaped
`\\N` the null. So a mark goes in front of every escape of a block before pyarrow splits it, and comes out of the values
after that. A null value with an escape in it is marked alike, and no other null value matches a text that was escaped.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from lakelanes.convert.cast import Array, Judge
from lakelanes.convert.dialect import Dialect
from lakelanes.convert.quoting import escaped_pair, with_pairs

pc: Any = pyarrow.compute

_CONTROLS = b"\x01\x02\x03\x04\x05\x06\x07\x0e\x0f\x10\x11"
_MARK_BYTES = 7


@dataclass(frozen=True)
class EscapeMarks:
    """mark: bytes that are nowhere in the block."""

    mark: bytes
    _escape: str

    def put_into(self, data: bytearray, length: int) -> tuple[bytearray, int]:
        """The marked block and its length."""
        marked = bytearray(with_pairs(bytes(data[:length]), self._escape, self.mark + rb"\g<0>"))
        return marked, len(marked)

    def marked(self, null_values: Iterable[str]) -> tuple[str, ...]:
        """Null values as pyarrow finds them in the marked block."""
        escaped = escaped_pair(self._escape)
        nulls = (escaped.sub(lambda pair: self.mark + pair[0][1:], text.encode()) for text in null_values)
        return tuple(text.decode() for text in nulls)

    def taken_from(self, texts: Array, judge: Judge) -> Array:
        """A binary column without the marks. In one that does not hold text, a quoted null value is null as well, and
        so is one with spaces around it."""
        found = pc.match_substring(texts, self.mark)
        rows = np.flatnonzero(found.fill_null(False).to_numpy(zero_copy_only=False))
        if not rows.size:
            return texts
        is_text = judge.column_type.is_text
        nulls = frozenset() if is_text else {text.encode() for text in self.marked(judge.null_values)}
        values = [
            None if text.strip(b" \t") in nulls else text.replace(self.mark, b"")
            for text in texts.take(pa.array(rows)).to_pylist()
        ]
        return pc.replace_with_mask(texts, found.fill_null(False), pa.array(values, texts.type))


def escape_marks(data: bytearray, length: int, dialect: Dialect, null_values: Iterable[str]) -> EscapeMarks | None:
    """What marks the escapes of data[:length]; None where they need no marks.

    null_values: all that a text with an escape could be mistaken for.
    """
    if dialect.escape is None or not any(True for _ in null_values):
        return None
    if data.find(dialect.escape.encode(), 0, length) < 0:
        return None
    mark = b"\x1a"
    while data.find(mark, 0, length) >= 0:
        # Short, as there is one for each escape. It cannot begin within itself, so it is found where it was put.
        mark = b"\x1a" + bytes(secrets.choice(_CONTROLS) for _ in range(_MARK_BYTES))
    return EscapeMarks(mark, dialect.escape)
