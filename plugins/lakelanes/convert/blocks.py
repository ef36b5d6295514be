"""A source cut into blocks of whole records, in constant memory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lakelanes.convert.dialect import Dialect
from lakelanes.convert.errors import UnreadableSourceError
from lakelanes.convert.record_index import CR, guess_cut
from lakelanes.convert.source import ByteSource

BLOCK_BYTES = 1 << 20
MAX_RECORD_BYTES = 16 << 20
_SLACK = 256
_LINE_END = re.compile(rb"\r\n|\r|\n")
_FIRST_BYTES = 128 << 10  # a small file should not pay for a large buffer


@dataclass
class Block:
    """data[:length] begins with a record and, as far as guess_cut() can tell, ends with one.

    data is longer than that: what follows is the reader's. final: the source has nothing after it.
    oversized: no end of a record was found in MAX_RECORD_BYTES.
    """

    data: bytearray
    length: int
    final: bool
    oversized: bool = False


class BlockReader:
    """Hands out a ByteSource block by block.

    failure: why the source could not be read to its end, once that has happened: what was readable has been handed out.
    returns_end: whether lines end with a carriage return alone. Where they do not, a block ends with one only if there
    is no other line end in a megabyte.
    """

    returns_end = True

    def __init__(self, source: ByteSource, dialect: Dialect, block_bytes: int = BLOCK_BYTES) -> None:
        self._source = source
        self._dialect = dialect
        self._block_bytes = block_bytes
        self._want = min(block_bytes, _FIRST_BYTES)
        self._carry = b""
        self._spare: list[bytearray] = []
        self._ended = False
        self.failure: str | None = None

    @property
    def exhausted(self) -> bool:
        return self._ended and not self._carry

    def next_block(self) -> Block | None:
        """The next block, or None at the end. A record longer than a block comes whole, up to MAX_RECORD_BYTES."""
        while not self.exhausted:
            data, length = self._fill()
            if self._ended:
                self._carry = b""
                del data[length + _SLACK :]
                return Block(data, length, True) if length else None
            cut = guess_cut(data, length, self._dialect)
            if cut and not self.returns_end and data[cut - 1] == CR and length < BLOCK_BYTES:
                cut = 0
            if cut or length >= MAX_RECORD_BYTES:
                oversized = not cut
                cut = cut or length
                self._carry = bytes(data[cut:length])
                self._want = self._block_bytes
                return Block(data, cut, False, oversized)
            self._carry = bytes(data[:length])
            self._want = length * 2
        return None

    def skip_lines(self, count: int) -> int:
        """Leaves out the next physical lines, before any block is read; returns how many there were, at most count."""
        skipped = 0
        while skipped < count and not self.exhausted:
            data, length = self._fill()
            at = 0
            while skipped < count and (end := _LINE_END.search(data, at, length)):
                if end[0] == b"\r" and end.end() == length and not self._ended:
                    break
                at, skipped = end.end(), skipped + 1
            if skipped < count:
                # The line goes on; a CR may be half of its end.
                skipped += self._ended and at < length
                at = length if self._ended or data[length - 1] != CR else length - 1
            self._carry = bytes(data[at:length])
        return skipped

    def recycle(self, block: Block) -> None:
        """Takes the memory of a block that nobody looks at any more, for a later one."""
        self._spare.append(block.data)

    def push_back(self, blocks: Sequence[Block], start: int = 0) -> None:
        """Gives the last blocks back, the first of them from `start` on, to come again in front of what follows."""
        returned = [bytes(block.data[: block.length]) for block in blocks]
        if returned:
            returned[0] = returned[0][start:]
        self._carry = b"".join([*returned, self._carry])

    def extend(self) -> None:
        """Makes the next block longer than what was given back."""
        self._want = max(self._want, len(self._carry) * 2)

    def lines(self) -> Iterator[list[bytes]]:
        """What is left, as physical lines without their ends, in lists of at most about a block.

        Of a line longer than MAX_RECORD_BYTES only so many bytes come.
        """
        overlong = False  # whether the rest of such a line is still to be left out
        while not self.exhausted:
            data, length = self._fill()
            start = 0
            if overlong:
                end = _LINE_END.search(data, 0, length)
                # A CR may be half of a line's end.
                maybe_half = data[length - 1] == CR and not self._ended
                if end is None or (end.end() == length and maybe_half):
                    self._carry = bytes(data[length - 1 : length]) if maybe_half else b""
                    continue
                overlong, start = False, end.end()
            cut = length
            if not self._ended:
                cut = max(data.rfind(b"\n", start, length), data.rfind(b"\r", start, length - 1)) + 1
            if cut <= start and length - start < MAX_RECORD_BYTES:
                self._carry, self._want = bytes(data[start:length]), length * 2
                continue
            if cut <= start:
                overlong, cut = True, length - (data[length - 1] == CR)
            self._carry = b"" if self._ended else bytes(data[cut:length])
            self._want = self._block_bytes
            yield [line[:MAX_RECORD_BYTES] for line in bytes(data[start:cut]).splitlines()]

    def _fill(self) -> tuple[bytearray, int]:
        """A new buffer that begins with what was carried over."""
        length = len(self._carry)
        size = max(self._want, length)
        data = self._spare.pop() if self._spare else bytearray()
        if len(data) < size + _SLACK:
            data = bytearray(size + _SLACK)
        data[:length] = self._carry
        with memoryview(data) as view:
            while length < size and not self._ended:
                try:
                    count = self._source.read_into(view[length:size])
                except UnreadableSourceError as error:
                    self.failure, count = str(error), 0
                self._ended = not count
                length += count
        return data, length
