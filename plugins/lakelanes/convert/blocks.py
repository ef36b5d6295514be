"""A source cut into blocks of whole records, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lakelanes.convert.dialect import Dialect
from lakelanes.convert.errors import UnreadableSourceError
from lakelanes.convert.record_end import RecordEnd
from lakelanes.convert.record_index import CR, guess_cut
from lakelanes.convert.rejects import RAW_BYTES
from lakelanes.convert.source import ByteSource

BLOCK_BYTES = 2 << 20
MAX_RECORD_BYTES = 4 << 20
_SLACK = 256
_FIRST_BYTES = 128 << 10  # a small file should not pay for a large buffer
_SMALL_BYTES = 64 << 10
_SMALL_BLOCKS = 16
SMALL_ENOUGH = 2 * _SMALL_BYTES
"""No block of several records that comes after make_smaller() is longer."""


@dataclass
class Block:
    """data[:length] begins with a record and, as far as guess_cut() can tell, ends with one.

    data is longer than that: what follows is the reader's. final: the source has nothing after it.
    start: the offset of its first byte in the source. single: it is one record, longer than blocks usually are, or
    one that does not end.
    oversized: it is the beginning of a record that does not end in MAX_RECORD_BYTES.
    crowded: the parser found that it has too many of the rows that take more memory than others.
    """

    data: bytearray
    length: int
    final: bool
    start: int = 0
    single: bool = False
    oversized: RecordEnd | None = None
    crowded: bool = False

    @property
    def large(self) -> bool:
        return self.single or self.oversized is not None


@dataclass(frozen=True)
class LongRecord:
    """What is known of a record of more than MAX_RECORD_BYTES.

    head: its first bytes. size: how many it has, without its line end. lines: how many physical lines end in it and
    with it. several_lines: whether it has more than one. is_comment: whether it is none, but a comment.
    ended: whether it does; if not, it is the last of the source. in_quotes: whether that is because of an open quote.
    """

    head: bytes
    size: int
    lines: int
    several_lines: bool
    is_comment: bool
    ended: bool
    in_quotes: bool


class BlockReader:
    """Hands out a ByteSource block by block.

    failure: why the source could not be read to its end, once that has happened: what was readable has been handed out.
    returns_end: whether lines end with a carriage return alone. Where they do not, a block ends with one only if there
    is no other line end in BLOCK_BYTES.
    """

    returns_end = True

    def __init__(self, source: ByteSource, dialect: Dialect, block_bytes: int = BLOCK_BYTES) -> None:
        self._source = source
        self._dialect = dialect
        self._block_bytes = block_bytes
        self._want = min(block_bytes, _FIRST_BYTES)
        self._small_blocks = 0
        # What was read and is still to be handed out: self._carry from self._at on.
        self._carry = b""
        self._at = 0
        self._read = 0
        self._spare: list[bytearray] = []
        self._ended = False
        # Whether guess_cut() is known to be wrong about what comes next.
        self._misleading = False
        self.failure: str | None = None

    @property
    def exhausted(self) -> bool:
        return self._ended and self._at == len(self._carry)

    @property
    def _position(self) -> int:
        """The offset in the source of the next byte to be handed out."""
        return self._read - (len(self._carry) - self._at)

    def next_block(self) -> Block | None:
        """The next block, or None at the end. A record longer than a block comes alone: whole, or its beginning."""
        if self.exhausted:
            return None
        start, size = self._position, self._want
        data, length = self._fill(size)
        self._want = self._usual_bytes()
        if self.exhausted:
            del data[length + _SLACK :]
            return Block(data, length, True, start) if length else None
        cut = 0 if self._misleading else self._guess_cut(data, length)
        if not cut:
            return self._first_record(data, length, start, size)
        self._keep(data, cut, length)
        return Block(data, cut, False, start)

    def _guess_cut(self, data: bytearray, length: int) -> int:
        cut = guess_cut(data, length, self._dialect)
        # A carriage return alone, as others would have come later.
        breaks = cut and data[cut - 1] == CR and length < self._most_broken
        return 0 if breaks else cut

    @property
    def _most_broken(self) -> int:
        """How far a line goes on that carriage returns alone break; 0 where they end lines."""
        if self.returns_end:
            return 0
        return _SMALL_BYTES if self._small_blocks else BLOCK_BYTES

    def skip_lines(self, count: int) -> int:
        """Leaves out the next physical lines, before any block is read; returns how many there were, at most count."""
        skipped = 0
        while skipped < count and not self.exhausted:
            data, length = self._fill(self._want)
            at = 0
            while skipped < count and (end := self._line_end(data, at, length)) is not None:
                at, skipped = end[1], skipped + 1
            if skipped < count:
                # The line goes on; a CR may be half of its end.
                skipped += self.exhausted and at < length
                at = length if self.exhausted or not length or data[length - 1] != CR else length - 1
            self._keep(data, at, length)
        return skipped

    def read_rest(self, block: Block) -> LongRecord:
        """Reads to the end of the record that an oversized block begins with, the last block that was handed out."""
        assert block.oversized is not None
        record, head, end = block.oversized, bytes(block.data[: min(block.length, RAW_BYTES + 1)]), None
        while end is None and not self.exhausted:
            data, length = self._fill(self._block_bytes)
            end = record.feed(bytes(data[:length]), final=self.exhausted)
            self._recycle(data)
        self._carry, self._at = record.rest + self._carry[self._at :], 0
        several = record.lines > (end is not None and end > record.size)
        return LongRecord(
            head, record.size, record.lines, several, record.is_comment, end is not None, record.in_quotes
        )

    def skip_mark(self, mark: bytes) -> None:
        """Leaves out the mark, if it comes next."""
        data, length = self._fill(self._want)
        self._keep(data, len(mark) if data.startswith(mark) else 0, length)
        self._recycle(data)

    def skip_bytes(self, count: int) -> None:
        """Leaves out the next bytes."""
        while count and not self.exhausted:
            data, length = self._fill(min(count, self._block_bytes))
            count -= length
            self._recycle(data)

    def recycle(self, block: Block) -> None:
        """Takes the memory of a block that nobody looks at any more, for a later one."""
        self._recycle(block.data)

    def push_back(self, blocks: Sequence[Block], start: int = 0) -> None:
        """Gives the last blocks back, the first of them from `start` on, to come again in front of what follows."""
        returned = [bytes(block.data[: block.length]) for block in blocks]
        if returned:
            returned[0] = returned[0][start:]
        self._carry, self._at = b"".join([*returned, self._carry[self._at :]]), 0

    def distrust(self) -> None:
        """Finds out where the record ends that what was given back begins with, instead of guessing."""
        self._misleading = True

    def make_smaller(self) -> None:
        """Hands out smaller blocks for a while."""
        self._small_blocks = _SMALL_BLOCKS
        self._want = self._usual_bytes()

    def lines(self) -> Iterator[tuple[list[bytes], int]]:
        """What is left, as physical lines without their ends: some of them, and how many bytes the last of them has.

        Of a line longer than RAW_BYTES only the beginning comes: that much, and a little more.
        """
        while not self.exhausted:
            # A line that is short enough comes whole, with its end.
            data, length = self._fill(RAW_BYTES + 2)
            cut = length if self.exhausted else max(data.rfind(b"\n", 0, length), data.rfind(b"\r", 0, length - 1)) + 1
            if cut:
                self._keep(data, cut, length)
                lines = bytes(data[:cut]).splitlines()
                self._recycle(data)
                yield lines, len(lines[-1])
            elif length:
                yield self._long_line(data, length)

    def _long_line(self, data: bytearray, length: int) -> tuple[list[bytes], int]:
        """The line that begins with data[:length], in which it does not end as far as that can be told."""
        head, size = bytes(data[: min(length, RAW_BYTES + 1)]), 0
        while True:
            if (end := self._line_end(data, 0, length)) is not None:
                self._keep(data, end[1], length)
                return [head], size + end[0]
            half = int(length > 0 and data[length - 1] == CR and not self.exhausted)
            size += length - half
            if self.exhausted:
                return [head], size
            self._keep(data, length - half, length)
            data, length = self._fill(self._block_bytes + 1)

    def _line_end(self, data: bytearray, start: int, length: int) -> tuple[int, int] | None:
        """Where the first line end in data[start:length] begins and where it ends; None if that cannot be told."""
        feed = data.find(b"\n", start, length)
        carriage = data.find(b"\r", start, length if feed < 0 else feed)
        if carriage < 0:
            return (feed, feed + 1) if feed >= 0 else None
        if carriage + 1 == length and not self.exhausted:
            return None
        return carriage, carriage + 1 + (feed == carriage + 1)

    def _first_record(self, data: bytearray, length: int, start: int, usual: int) -> Block:
        """The record that data[:length] begins with; if it is no longer than `usual`, with some of those after it."""
        self._misleading = False
        record = RecordEnd(self._dialect, most_broken=self._most_broken)
        end = record.feed(bytes(data[:length]), final=False)
        while end is None and length < MAX_RECORD_BYTES and not self.exhausted:
            size = min(length + usual, MAX_RECORD_BYTES)
            data.extend(bytes(max(0, size + _SLACK - len(data))))
            longer = self._fill_up(data, length, size)
            end = record.feed(bytes(data[length:longer]), final=self.exhausted)
            length = longer
        if end is None and self.exhausted:
            # It does not end; smaller blocks would show no more of it.
            return Block(data, length, True, start, single=True)
        if end is None:
            return Block(data, length, False, start, oversized=record)
        single = end > usual
        if not single:
            more = guess_cut(data[end:length], length - end, self._dialect)
            end += 0 if more and self._most_broken and data[end + more - 1] == CR else more
        self._keep(data, end, length)
        return Block(data, end, self.exhausted, start, single)

    def _usual_bytes(self) -> int:
        if not self._small_blocks:
            return self._block_bytes
        self._small_blocks -= 1
        return min(self._block_bytes, _SMALL_BYTES)

    def _keep(self, data: bytearray, start: int, length: int) -> None:
        """Takes data[start:length] back, to come in front of what is left."""
        self._carry, self._at = bytes(data[start:length]) + self._carry[self._at :], 0

    def _recycle(self, data: bytearray) -> None:
        if len(data) <= 2 * self._block_bytes + _SLACK:
            self._spare.append(data)

    def _fill(self, size: int) -> tuple[bytearray, int]:
        """A buffer with the next bytes, at most `size`, and how many there are."""
        data = self._spare.pop() if self._spare else bytearray()
        if len(data) < size + _SLACK:
            data = bytearray(size + _SLACK)
        return data, self._fill_up(data, 0, size)

    def _fill_up(self, data: bytearray, length: int, size: int) -> int:
        """Fills data[length:size]; returns where what is known of data ends then."""
        with memoryview(data) as view:
            carried = self._carry[self._at : self._at + size - length]
            view[length : length + len(carried)] = carried
            self._at += len(carried)
            length += len(carried)
            while length < size and not self._ended:
                try:
                    count = self._source.read_into(view[length:size])
                except UnreadableSourceError as error:
                    self.failure, count = str(error), 0
                self._ended = not count
                length += count
                self._read += count
        return length
