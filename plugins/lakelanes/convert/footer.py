"""The last lines of a file, left out as it is read: they are held back until it is known whether others follow."""

from __future__ import annotations

import re
from collections.abc import Callable

from lakelanes.convert.errors import UnreadableSourceError

# More than a footer has, and little beside what one record may take.
_MAX_HELD_BYTES = 8 << 20
_FIRST_LOOK = 4096
_LINE_END, _LINE = re.compile(rb"\r\n|\r|\n"), re.compile(rb"[^\n]*\n|[^\n]+")


class FooterCutter:
    """Reads UTF-8 without its last lines: `count` lines with a character in them, and the blank ones among and after
    them. A quote has no meaning here. A carriage return alone ends a line if it ends the first one.

    lines: how many lines were left out, blank ones not counted, once the end was read; fewer than `count` where the
    file has no more.
    What reading raises comes in its turn. The end of a file that cannot be read further is no footer, and comes.
    """

    def __init__(self, read: Callable[[int], bytes], count: int) -> None:
        self._read = read
        self._count = count
        self._ready, self._held = b"", b""
        self._failure: str | None = None
        self._ended = False
        self.lines = 0
        self._lines: Callable[[bytes], list[bytes]] | None = None

    def read(self, size: int) -> bytes:
        """1 to `size` bytes, none at the end. Raises UnreadableSourceError after the last readable byte, also where the
        lines held back are longer than a footer can be."""
        while not self._ready and not self._ended:
            self._read_more(size)
        if not self._ready and self._failure is not None:
            raise UnreadableSourceError(self._failure)
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def _read_more(self, size: int) -> None:
        try:
            data = self._read(size)
        except UnreadableSourceError as error:
            self._ended, self._failure = True, str(error)
            self.lines, self._ready, self._held = 0, self._held, b""
            return
        if not data:
            self._ended, self._held = True, b""
            return
        held = self._held + data
        at, self.lines = self._first_of_last(held)
        self._ready, self._held = held[:at], held[at:]
        if len(self._held) > _MAX_HELD_BYTES:
            self._ended = True
            self.lines, self._ready, self._held = 0, self._ready + self._held, b""
            self._failure = (
                f"{self._count} lines that dialect.skip_footer might leave out are longer than "
                f"{_MAX_HELD_BYTES >> 20} MiB: that is no footer"
            )

    def _first_of_last(self, data: bytes) -> tuple[int, int]:
        """Where the first of the last lines begins, and how many there are with a character in them."""
        look = _FIRST_LOOK
        while True:
            start = max(0, len(data) - look)
            lines = self._split(data)(data[start:])
            at, found = len(data), 0
            # A line that does not begin in what is looked at is only a part of one.
            for line in reversed(lines[start > 0 :]):
                at -= len(line)
                found += bool(line.strip(b"\r\n"))
                if found == self._count:
                    return at, found
            if not start:
                return 0, found
            look *= 8

    def _split(self, data: bytes) -> Callable[[bytes], list[bytes]]:
        """What splits into lines, with their ends; known once the first line's end is, be it with what follows."""
        if self._lines is not None:
            return self._lines
        first = _LINE_END.search(data)
        lines = _by_any if first is not None and first[0] == b"\r" else _by_feeds
        if first is not None and first.end() < len(data):
            self._lines = lines
        return lines


def _by_any(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def _by_feeds(data: bytes) -> list[bytes]:
    return _LINE.findall(data)
