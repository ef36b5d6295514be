"""Where records begin and end in CSV bytes: RFC 4180, read as pyarrow's parser and Python's csv module read it.

A quote counts only as the first character of a field; text after a closing quote belongs to the field; a quote
elsewhere is plain text. A line ends in LF, CRLF or a lone CR. A line without any character is blank and no record,
except in a file of one column, where RFC 4180's grammar makes it a record with one empty field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from lakelanes.convert.dialect import Dialect

LF, CR = 0x0A, 0x0D
_PIECE = 64 << 10

Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RecordIndex:
    """The records of a block of bytes that begins with a record.

    starts, ends: offsets of each record's first byte and of the line end after its last.
    line_ends: offsets of the last byte of every physical line end, those inside quotes too.
    torn: where a record starts that does not end within the bytes, or None.
    in_quotes: whether that is because of a quote that is still open.
    """

    starts: Offsets
    ends: Offsets
    line_ends: Offsets
    torn: int | None
    in_quotes: bool

    def lines(self, records: Offsets) -> Offsets:
        """How many physical lines end before each of these records, given by their position in the index."""
        return np.searchsorted(self.line_ends, self.starts[records])


def index_records(data: bytearray, length: int, dialect: Dialect, *, final: bool, keep_blank: bool) -> RecordIndex:
    """The records in data[:length]. final: nothing comes after, so that the end of the bytes ends the last record."""
    octets = np.frombuffer(data, np.uint8, length)
    line_starts, line_ends = _line_ends(octets, final)
    quotes = np.flatnonzero(octets == ord(dialect.quote)) if dialect.quote else _NONE
    escaped = dialect.escape is not None and data.find(dialect.escape.encode(), 0, length) >= 0
    if escaped or not _well_formed(octets, quotes, dialect):
        return _walk_records(data, length, dialect, line_ends, final=final, keep_blank=keep_blank)
    outside = np.searchsorted(quotes, line_ends) % 2 == 0 if quotes.size else slice(None)
    ends, nexts = line_starts[outside], line_ends[outside] + 1
    starts = np.concatenate([_ZERO, nexts])
    torn, in_quotes = None, quotes.size % 2 == 1
    if starts[-1] == length:
        starts = starts[:-1]
    elif final and not in_quotes:
        ends = np.append(ends, length)
    else:
        torn, starts = int(starts[-1]), starts[:-1]
    if not keep_blank:
        kept = starts < ends
        starts, ends = starts[kept], ends[kept]
    return RecordIndex(starts, ends, line_ends, torn, torn is not None and bool(in_quotes))


def count_lines(data: bytearray, length: int) -> int:
    """How many physical lines end in data[:length]."""
    octets = np.frombuffer(data, np.uint8, length)
    # In pieces that stay in the processor's cache.
    lines = sum(int(np.count_nonzero(octets[at : at + _PIECE] == LF)) for at in range(0, length, _PIECE))
    if data.find(b"\r", 0, length) >= 0:
        feeds, returns = octets == LF, octets == CR
        lines += int(np.count_nonzero(returns)) - int(np.count_nonzero(returns[:-1] & feeds[1:]))
    return lines


def guess_cut(data: bytearray, length: int, dialect: Dialect) -> int:
    """An offset after a line end, as late as possible, that a record probably ends with; 0 when there is none.

    It is right for every file whose quotes stand at the ends of fields. Others need index_records(); the parser tells
    (see lakelanes.convert.parse.BlockParser).
    """
    cut = data.rfind(b"\n", 0, length)
    if cut < 0:
        cut = data.rfind(b"\r", 0, length - 1)
    quote = dialect.quote.encode() if dialect.quote else b""
    if cut < 0 or not quote or data.find(quote, 0, cut) < 0:
        return cut + 1
    inside = int(np.count_nonzero(np.frombuffer(data, np.uint8, cut) == quote[0]))
    while inside % 2:
        opening = data.rfind(quote, 0, cut)
        cut = data.rfind(b"\n", 0, opening)
        if cut < 0:
            return 0
        inside -= data.count(quote, cut, opening + 1)
    return cut + 1


def split_fields(record: bytes, dialect: Dialect) -> list[bytes]:
    """The fields of one record (without its line end), unquoted and unescaped."""
    fields = []
    field_pattern, unescape, undouble = _field_patterns(dialect)
    at = 0
    while True:
        match = field_pattern.match(record, at)
        quoted, rest = match.group("quoted"), match.group("rest")
        if quoted is not None:
            quoted = undouble.sub(lambda found: found[0][1:], quoted)
        if unescape is not None:
            rest = unescape.sub(rb"\1", rest)
        fields.append((quoted or b"") + rest)
        at = match.end() + 1
        if at > len(record):
            return fields


_NONE: Offsets = np.zeros(0, np.int64)
_ZERO: Offsets = np.zeros(1, np.int64)


def _line_ends(octets: npt.NDArray[np.uint8], final: bool) -> tuple[Offsets, Offsets]:
    """Offsets of the first and of the last byte of every line end. A CR that may be half of a CRLF is not one yet."""
    feeds = np.flatnonzero(octets == LF)
    returns = np.flatnonzero(octets == CR)
    if not returns.size:
        return feeds, feeds
    follows = np.minimum(returns + 1, octets.size - 1)
    lone = returns[octets[follows] != LF]
    if lone.size and lone[-1] == octets.size - 1 and not final:
        lone = lone[:-1]
    starts = feeds.copy()
    after_return = feeds > 0
    after_return[after_return] = octets[feeds[after_return] - 1] == CR
    starts[after_return] -= 1
    if not lone.size:
        return starts, feeds
    order = np.argsort(np.concatenate([feeds, lone]), kind="stable")
    return np.concatenate([starts, lone])[order], np.concatenate([feeds, lone])[order]


def _well_formed(octets: npt.NDArray[np.uint8], quotes: Offsets, dialect: Dialect) -> bool:
    """Whether every quote opens a field, closes one or is doubled inside one: counting them then tells in from out."""
    if not quotes.size:
        return True
    edges = np.zeros(256, bool)
    edges[[ord(dialect.delimiter), LF, CR]] = True
    opening, closing = quotes[::2], quotes[1::2]
    begins = edges[octets[opening - 1]] | (opening == 0)
    begins[1:] |= closing[: opening.size - 1] == opening[1:] - 1
    after = np.minimum(closing + 1, octets.size - 1)
    ends = edges[octets[after]] | (closing == octets.size - 1)
    doubled = opening[1:]
    ends[: doubled.size] |= doubled == closing[: doubled.size] + 1
    return bool(begins.all() and ends.all())


def _walk_records(
    data: bytearray, length: int, dialect: Dialect, line_ends: Offsets, *, final: bool, keep_blank: bool
) -> RecordIndex:
    """index_records() record by record, for bytes whose quotes have to be followed one at a time."""
    pattern = _record_pattern(dialect)
    starts, ends = [], []
    torn, in_quotes, at = None, False, 0
    with memoryview(data)[:length] as view:
        while at < length:
            match = pattern.match(view, at)
            open_quote = match.group("open") is not None or match.group("opened") is not None
            ended = match.group("end")
            maybe_half = ended == b"\r" and match.end() == length
            dangling = match.group("dangling") is not None
            if open_quote or dangling or (not final and (not ended or maybe_half)):
                torn, in_quotes = at, open_quote
                break
            if keep_blank or match.start("end") > at:
                starts.append(at)
                ends.append(match.start("end"))
            at = match.end()
        del match
    return RecordIndex(np.array(starts, np.int64), np.array(ends, np.int64), line_ends, torn, in_quotes)


def _field_expressions(dialect: Dialect) -> tuple[str, str]:
    """Regular expressions for the inside of a quoted field and for unquoted text; possessive, so they never go back."""
    delimiter = re.escape(dialect.delimiter)
    escape = re.escape(dialect.escape) if dialect.escape else ""
    escaped = f"|{escape}." if escape else ""
    rest = rf"(?:[^{delimiter}\r\n{escape}]++{escaped})*+"
    if dialect.quote is None:
        return "", rest
    quote = re.escape(dialect.quote)
    return rf"{quote}(?P<quoted>(?:[^{quote}{escape}]++|{quote}{quote}{escaped})*+)", rest


@lru_cache(maxsize=64)
def _record_pattern(dialect: Dialect) -> Any:
    quoted, rest = _field_expressions(dialect)
    delimiter = re.escape(dialect.delimiter)
    # An escape as the very last byte has nothing to escape yet: the record goes on.
    cut_escape = re.escape(dialect.escape) + r"\Z|" if dialect.escape else ""
    quoted = quoted.replace("(?P<quoted>", "(?:")

    def field(name: str) -> str:
        opened = (
            rf"(?:{quoted}(?:{re.escape(dialect.quote)}|(?P<{name}>{cut_escape}\Z)))?+"
            if dialect.quote
            else f"(?P<{name}>(?!))?"
        )
        return rf"{opened}{rest}"

    tail = rf"{re.escape(dialect.escape)}\Z" if dialect.escape else "(?!)"
    expression = rf"{field('open')}(?:{delimiter}{field('opened')})*+(?P<dangling>{tail})?+(?P<end>\r\n|\r|\n|\Z)"
    return re.compile(expression.encode(), re.DOTALL)


@lru_cache(maxsize=64)
def _field_patterns(dialect: Dialect) -> tuple[Any, Any, Any]:
    quoted, rest = _field_expressions(dialect)
    opened = rf"(?:{quoted}(?:{re.escape(dialect.quote)}|\Z))?+" if dialect.quote else "(?P<quoted>(?!))?"
    field_pattern = re.compile(rf"{opened}(?P<rest>{rest})".encode(), re.DOTALL)
    unescape = undouble = None
    if dialect.escape:
        unescape = re.compile(rf"{re.escape(dialect.escape)}(.)".encode(), re.DOTALL)
    if dialect.quote:
        quote = re.escape(dialect.quote)
        pairs = f"{quote}{quote}" + (f"|{re.escape(dialect.escape)}." if dialect.escape else "")
        undouble = re.compile(pairs.encode(), re.DOTALL)
    return field_pattern, unescape, undouble
