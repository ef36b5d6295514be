"""Where a long record ends, found in pieces, so that no more of it has to be held than one."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from lakelanes.convert.dialect import Dialect
from lakelanes.convert.quoting import Within, neutral, record_pattern
from lakelanes.convert.record_index import CR, count_lines

# Blanks whose meaning depends on what follows them are held back, as long as they are no longer than this.
_MOST_BLANKS = 64 << 10
_LINE_END, _LINE_FEED = re.compile(rb"\r\n|\r|\n"), re.compile(rb"\n")


class RecordEnd:
    """Follows one record, or comment, from its first byte on, by the rules of lakelanes.convert.quoting.

    most_broken: carriage returns alone end it only after so many bytes; 0 where the file's lines end with them.
    size: how many bytes it has as far as it is known, without its line end. lines: how many physical lines end in it,
    its own last one included. in_quotes: whether it goes on in quotes. is_comment: whether it is a comment.
    rest: once it has ended, what was fed of what follows it.
    """

    def __init__(self, dialect: Dialect, most_broken: int = 0) -> None:
        self._dialect, self._most_broken = dialect, most_broken
        self._quote, self._escape, self._comment = (
            (mark or "").encode() for mark in (dialect.quote, dialect.escape, dialect.comment)
        )
        # What the next byte is within; None where a field begins.
        self._within: Within | None = None
        # The byte before what is still to be read, and bytes whose meaning depends on what comes next.
        self._before = self._held = self.rest = b""
        self._half_end = False
        self._done = 0
        self.size = self.lines = 0
        self.is_comment = False

    @property
    def in_quotes(self) -> bool:
        return self._within == "quoted"

    def feed(self, piece: bytes, *, final: bool) -> int | None:
        """Takes the next bytes of the record, and any that follow it.

        Returns how many there are from its first byte to the one after its line end; None while it goes on, and if it
        does not end although nothing comes after this piece (`final`).
        """
        raw = self._held + piece
        if not self._done and not self.is_comment and self._comment:
            self.is_comment = raw.startswith(self._comment)
        used, end = (self._feed_comment if self.is_comment else self._feed_record)(raw, final)
        self.lines += count_lines(raw, used) - (self._half_end and raw[: min(used, 1)] == b"\n")
        self.size = self._done + (len(raw) if end is None else end)
        self._done += used
        if end is not None:
            self.rest = raw[used:]
            return self._done
        self._held = raw[used:]
        if used:
            # If it is a carriage return, it was escaped, or it would be held; but it is a line's end all the same.
            self._half_end = raw[used - 1] == CR
        return None

    def _feed_comment(self, raw: bytes, final: bool) -> tuple[int, int | None]:
        ended = (_LINE_FEED if self._most_broken else _LINE_END).search(raw)
        if ended is not None and (final or ended[0] != b"\r" or ended.end() < len(raw)):
            return ended.end(), ended.start() - (self._most_broken > 0 and raw[: ended.start()].endswith(b"\r"))
        if final:
            return len(raw), len(raw)
        return len(raw) - raw.endswith(b"\r"), None

    def _feed_record(self, raw: bytes, final: bool) -> tuple[int, int | None]:
        """How many of these bytes are used, and where the line end begins among them; None while there is none."""
        plain = neutral(raw, self._dialect)
        dangling = bool(self._escape) and plain.endswith(self._escape)
        view, skip = self._before + plain, len(self._before)
        stop = len(view) - (dangling and not final)
        while True:
            stop = stop if final else self._settled(view, skip, stop)
            match = self._match(view, skip, stop)
            if final or match["end"] or _open_quote(match) or stop == skip or view[stop - 1 : stop] != self._quote:
                break
            # It closes a field, unless the next byte says that it is doubled or opens one.
            stop -= 1
        if match["end"] or (final and not _open_quote(match) and not dangling):
            return match.end() - skip, match.start("end") - skip
        if stop > skip:
            self._before = view[stop - 1 : stop]
            self._within = "quoted" if _open_quote(match) else self._outside(view, skip, stop)
        return stop - skip, None

    def _match(self, view: bytes, start: int, stop: int) -> Any:
        """The rest of the record in view[start:stop], beyond carriage returns that do not end it."""
        match = record_pattern(self._dialect, self._within).match(view, start, stop)
        while match["end"] == b"\r" and self._done + match.end() - start < self._most_broken:
            match = record_pattern(self._dialect).match(view, match.end(), stop)
        return match

    def _outside(self, view: bytes, start: int, stop: int) -> Within | None:
        """What view[start:stop], which ends outside quotes, ends within."""
        field = view[start:stop].rstrip(self._dialect.blanks.encode())
        if not field:
            return self._within
        broken = field[-1] == CR and self._most_broken
        return None if broken or field.endswith(self._dialect.delimiter.encode()) else "plain"

    def _settled(self, view: bytes, start: int, stop: int) -> int:
        """Where view[start:stop] ends without what may mean something else with what follows: half of a line end, and
        blanks that may be beside a quote, where these do not count."""
        if self._dialect.blanks:
            edge = _edge(self._dialect).search(view, max(start, stop - _MOST_BLANKS), stop)
            stop = edge.start() if edge is not None else stop
        return stop - (stop > start and view[stop - 1] == CR)


@lru_cache(maxsize=64)
def _edge(dialect: Dialect) -> Any:
    """A regular expression for the end of a field at the end of a text, and what may be the beginning of the next."""
    quote, delimiter, blanks = re.escape(dialect.quote or ""), re.escape(dialect.delimiter), f"[{dialect.blanks}]*+"
    return re.compile(rf"[{delimiter}\r\n]{blanks}(?:{quote}{blanks})?\Z".encode())


def _open_quote(match: Any) -> bool:
    return match["open"] is not None or match["opened"] is not None
