"""Where records begin and end in CSV bytes: RFC 4180.

A line ends in LF, CRLF or a lone CR. In a file whose first line does not end in a lone CR, one divides two records that
are none: see RecordIndex.broken(). A line without any character is blank and no record, except in a file of one
column, where RFC 4180's grammar makes it a record with one empty field. What quotes mean, also where they break
RFC 4180, is in lakelanes.convert.quoting.

A comment is a line that begins, where a record could, with the dialect's character for them. It ends with its line,
whatever quotes and escapes are in it, and is no record. In a file whose lines do not end with a carriage return alone,
neither does a comment, and none begins after one.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lakelanes.convert.dialect import Dialect
from lakelanes.convert.octets import count_octet
from lakelanes.convert.quoting import field_patterns, neutral, quote_fault, record_pattern

LF, CR = 0x0A, 0x0D
_PIECE = 64 << 10
_LINE_END, _LINE_FEED = re.compile(rb"\r\n|\r|\n"), re.compile(rb"\n")
# Arrays of offsets take 8 bytes for each quote or line end: longer bytes are read record by record.
_VECTORISED = 2 << 20

Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RecordIndex:
    """The records of a block of bytes that begins with a record.

    data, length: the bytes are data[:length].
    starts, ends: offsets of each record's first byte and of the line end after its last.
    torn: where a record starts that does not end within the bytes, or None.
    in_quotes: whether that is because of a quote that is still open.
    orderly: whether every quote is known to be one of RFC 4180: it opens a field, closes one or is doubled inside one.
    comments: offsets of the first byte of every comment.
    """

    data: bytearray
    length: int
    starts: Offsets
    ends: Offsets
    torn: int | None
    in_quotes: bool
    orderly: bool = True
    comments: Offsets = field(default_factory=lambda: _NONE)

    def lines(self, records: Offsets) -> Offsets:
        """How many physical lines end before each of these records, given by their positions in the index, in order."""
        octets, starts = np.frombuffer(self.data, np.uint8, self.length), self.starts[records]
        found, before, at = np.empty(starts.size, np.int64), 0, 0
        while at < self.length:
            # Whole line ends only: a CR at the end of a piece may be half of one.
            stop = min(at + _PIECE, self.length)
            stop -= stop < self.length and octets[stop - 1] == CR and octets[stop] == LF
            line_ends = _line_ends(octets[at:stop], True)[1] + at
            first, last = np.searchsorted(starts, [at, stop])
            found[first:last] = before + np.searchsorted(line_ends, starts[first:last])
            before, at = before + line_ends.size, stop
        return found

    def broken(self, data: bytearray) -> Offsets:
        """Positions of the records with nothing but a carriage return between them and the one before or after.

        Where lines do not end so, it belongs to a field, which would have to be quoted (RFC 4180, section 2, rule 6):
        neither half is a record.
        """
        halves = self.halves(data)
        return np.union1d(halves, halves + 1)

    def halves(self, data: bytearray) -> Offsets:
        """Of each two such records the position of the first."""
        ends, starts = self.ends[:-1], self.starts[1:]
        return np.flatnonzero((starts == ends + 1) & (np.frombuffer(data, np.uint8)[ends] == CR))

    def whole_line(self, data: bytearray, at: int) -> int:
        """Where the first record starts that carriage returns alone divide from what starts at this offset."""
        for start, end in zip(self.starts[::-1].tolist(), self.ends[::-1].tolist(), strict=True):
            if at != end + 1 or data[end] != CR:
                break
            at = start
        return at

    def quote_faults(self, dialect: Dialect) -> dict[int, str]:
        """Position -> reason of the records in which a quote is where it must not be."""
        if self.orderly or dialect.quote is None:
            return {}
        data, quote, faults = self.data, dialect.quote.encode(), dict[int, str]()
        for position, (start, end) in enumerate(zip(self.starts.tolist(), self.ends.tolist(), strict=True)):
            if data.find(quote, start, end) >= 0 and (reason := quote_fault(bytes(data[start:end]), dialect)):
                faults[position] = reason
        return faults


def index_records(
    data: bytearray, length: int, dialect: Dialect, *, final: bool, keep_blank: bool, returns_end: bool = True
) -> RecordIndex:
    """The records in data[:length].

    final: nothing comes after, so that the end of the bytes ends the last record. returns_end: whether a carriage
    return alone ends a comment.
    """
    plain: bytes | bytearray = data
    dangling = False
    if dialect.escape is not None and data.find(dialect.escape.encode(), 0, length) >= 0:
        plain = neutral(bytes(data[:length]), dialect)
        dangling = plain.endswith(dialect.escape.encode())
    octets = np.frombuffer(plain, np.uint8, length)
    quotes = np.flatnonzero(octets == ord(dialect.quote)) if dialect.quote and length <= _VECTORISED else _NONE
    commented = dialect.comment is not None and begins_line(data, length, dialect.comment.encode())
    # Where none of these is, every line is a record or a comment.
    walked = commented and (quotes.size or plain is not data or not (returns_end or data.find(b"\r", 0, length) < 0))
    if walked or length > _VECTORISED or not _well_formed(octets, quotes, dialect):
        return _walk_records(data, plain, length, dialect, final=final, keep_blank=keep_blank, returns_end=returns_end)
    line_starts, line_ends = _line_ends(octets, final)
    outside = np.searchsorted(quotes, line_ends) % 2 == 0 if quotes.size else slice(None)
    ends, nexts = line_starts[outside], line_ends[outside] + 1
    starts = np.concatenate([_ZERO, nexts])
    torn, in_quotes = None, quotes.size % 2 == 1
    if starts[-1] == length:
        starts = starts[:-1]
    elif final and not in_quotes and not dangling:
        ends = np.append(ends, length)
    else:
        torn, starts = int(starts[-1]), starts[:-1]
    comments = _NONE
    if commented:
        of_comments = octets[starts] == ord(dialect.comment or "")
        comments, starts, ends = starts[of_comments], starts[~of_comments], ends[~of_comments]
    if not keep_blank:
        kept = starts < ends
        starts, ends = starts[kept], ends[kept]
    return RecordIndex(data, length, starts, ends, torn, torn is not None and bool(in_quotes), comments=comments)


def begins_line(data: bytearray, length: int, start: bytes) -> bool:
    """Whether a line of data[:length] begins with these bytes, be it inside quotes; the data does with a line."""
    if data.find(start, 0, length) < 0:
        return False
    return data.startswith(start) or any(data.find(end + start, 0, length) >= 0 for end in (b"\n", b"\r"))


def well_quoted(data: bytearray, length: int, dialect: Dialect) -> bool:
    """Whether every quote in data[:length] is known to be one of RFC 4180, escaped ones left out."""
    if dialect.quote is None or data.find(dialect.quote.encode(), 0, length) < 0:
        return True
    if length > _VECTORISED:
        return False
    octets = np.frombuffer(data, np.uint8, length)
    if dialect.escape is not None and data.find(dialect.escape.encode(), 0, length) >= 0:
        octets = np.frombuffer(neutral(bytes(data[:length]), dialect), np.uint8)
    return _well_formed(octets, np.flatnonzero(octets == ord(dialect.quote)), dialect)


def ends_line(data: bytearray, length: int, dialect: Dialect) -> bool:
    """Whether the last byte of data[:length] ends a line, and no escape before it makes it plain text."""
    if data[length - 1] not in (LF, CR):
        return False
    if dialect.escape is None:
        return True
    escape, before = ord(dialect.escape), length - 2
    while before >= 0 and data[before] == escape:
        before -= 1
    return (length - 2 - before) % 2 == 0


def has_lone_return(data: bytearray, length: int) -> bool:
    """Whether a carriage return in data[:length] is followed by something else than a line feed, be it quoted."""
    return data.count(b"\r", 0, length) != data.count(b"\r\n", 0, length)


def count_lines(data: bytes | bytearray, length: int) -> int:
    """How many physical lines end in data[:length]."""
    lines = count_octet(data, length, LF)
    if data.find(b"\r", 0, length) >= 0:
        octets = np.frombuffer(data, np.uint8, length)
        feeds, returns = octets == LF, octets == CR
        lines += int(np.count_nonzero(returns)) - int(np.count_nonzero(returns[:-1] & feeds[1:]))
    return lines


def guess_cut(data: bytearray, length: int, dialect: Dialect) -> int:
    """An offset after a line end, as late as possible, that a record probably ends with; 0 when there is none.

    It is right for every file whose quotes stand at the ends of fields. Others need index_records(); the parser tells
    (see lakelanes.convert.parse.BlockParser).
    """
    cut = _line_end_before(data, length, dialect)
    quote = dialect.quote.encode() if dialect.quote else b""
    if cut < 0 or not quote:
        return cut + 1
    inside = count_octet(data, cut, quote[0])
    if inside and dialect.comment is not None and begins_line(data, cut, dialect.comment.encode()):
        data = _without_comments(data, cut, dialect.comment)
        inside = count_octet(data, cut, quote[0])
    while inside % 2:
        opening = data.rfind(quote, 0, cut)
        cut = _line_end_before(data, opening, dialect, lone_returns=False)
        if cut < 0:
            return 0
        inside -= data.count(quote, cut, opening + 1)
    return cut + 1


def _line_end_before(data: bytearray, stop: int, dialect: Dialect, *, lone_returns: bool = True) -> int:
    """Where the last line feed before `stop` is, or else the last carriage return; -1 when there is neither. Escaped
    ones do not count."""
    for line_end in (b"\n", b"\r") if lone_returns else (b"\n",):
        # A CR at the very end may be half of a CRLF.
        at = stop if line_end == b"\n" else stop - 1
        while (at := data.rfind(line_end, 0, at)) >= 0:
            if ends_line(data, at + 1, dialect):
                return at
    return -1


def split_fields(record: bytes, dialect: Dialect) -> list[bytes]:
    """The fields of one record (without its line end), unquoted and unescaped."""
    fields = []
    field_pattern, unescape, undouble = field_patterns(dialect)
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


def count_fields(record: bytes, dialect: Dialect) -> int:
    """How many fields split_fields() finds."""
    field_pattern, at, count = field_patterns(dialect)[0], 0, 0
    while at <= len(record):
        at, count = field_pattern.match(record, at).end() + 1, count + 1
    return count


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


def _without_comments(data: bytearray, length: int, comment: str) -> bytearray:
    """The same with spaces for all that may be a comment."""
    line = re.compile(rb"(?:\A|(?<=[\r\n]))" + re.escape(comment).encode() + rb"[^\r\n]*")
    return bytearray(line.sub(lambda found: b" " * len(found[0]), bytes(data[:length])))


def _comment_end(data: bytearray, at: int, length: int, *, final: bool, returns_end: bool) -> int | None:
    """Where the line after a comment begins; None where the comment may go on."""
    ended = (_LINE_END if returns_end else _LINE_FEED).search(data, at, length)
    if ended is None:
        return length if final else None
    maybe_half = ended[0] == b"\r" and ended.end() == length
    return None if maybe_half and not final else ended.end()


def _walk_records(
    data: bytearray,
    plain: bytes | bytearray,
    length: int,
    dialect: Dialect,
    *,
    final: bool,
    keep_blank: bool,
    returns_end: bool,
) -> RecordIndex:
    """index_records() record by record, for bytes whose quotes have to be followed one at a time.

    plain: the data with zeros for what is escaped, which for comments is wrong.
    """
    pattern = record_pattern(dialect)
    comment = ord(dialect.comment) if dialect.comment else -1
    escape = (dialect.escape or "").encode()
    starts, ends, comments = array("q"), array("q"), array("q")
    torn, in_quotes, at = None, False, 0
    while at < length:
        if data[at] == comment and (returns_end or not at or data[at - 1] == LF):
            end = _comment_end(data, at, length, final=final, returns_end=returns_end)
            if end is None:
                torn = at
                break
            # An escape in it escapes no more than its line end, so what comes after it is plain where it should be.
            comments.append(at)
            at = end
            continue
        match = pattern.match(plain, at, length)
        open_quote = match.group("open") is not None or match.group("opened") is not None
        ended = match.group("end")
        maybe_half = ended == b"\r" and match.end() == length
        dangling = bool(escape) and not ended and plain[length - 1 : length] == escape
        if open_quote or dangling or (not final and (not ended or maybe_half)):
            torn, in_quotes = at, open_quote
            break
        if keep_blank or match.start("end") > at:
            starts.append(at)
            ends.append(match.start("end"))
        at = match.end()
    found = [np.array(offsets, np.int64) for offsets in (starts, ends, comments)]
    return RecordIndex(data, length, found[0], found[1], torn, in_quotes, False, found[2])
