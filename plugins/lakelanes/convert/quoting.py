"""What quotes mean in a record, also where they are not where RFC 4180 has them.

RFC 4180 (https://www.rfc-editor.org/rfc/rfc4180, section 2, rules 5 to 7): a field begins with a quote and ends with
one, quotes inside it doubled, or it holds none. So two kinds of record have a fault:

- Text follows a closing quote. What the field holds is then anybody's guess.
- A quote is in a field that does not begin with one. The dialect's `quotes: lenient` takes it for plain text.

A record with a fault still has to end somewhere. A quote that closes a field and is followed by text closes it all the
same: the rest is plain text as far as the next delimiter or line end, and the record ends with the first line end that
is not quoted. Unless that quote itself stands where a field begins, after a delimiter or a line end: then it opens one,
which the record goes on with. A stray quote has swallowed what was before it, and what is quoted now must not be taken
for rows. kernel.c follows quotes in the same way.

With the dialect's `trim`, blanks between a quote and the delimiter or line end beside it are no text: the quote opens
or closes its field all the same. kernel.c does not know that, so it is not given blocks that have such blanks.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from lakelanes.convert.dialect import Dialect

TEXT_AFTER = "text after the closing quote"
QUOTE_INSIDE = "a quote in a field that is not quoted"
_LENIENTLY = "double it and quote the field, or set dialect.quotes to 'lenient' to take it as text"
_WITHOUT_BLANKS = "set dialect.trim to true, and blanks around quotes do not count"
_LINE_END = re.compile(rb"\r\n|\r|\n")

_PIECE = 64 << 10

Within = Literal["plain", "quoted"]


def neutral(data: bytes, dialect: Dialect) -> bytes:
    """The same with zeros for every escape and what it escapes. An escape at the end, with nothing after it, stays."""
    if dialect.escape is None:
        return data
    return with_pairs(data, dialect.escape, rb"\0\0")


def quote_fault(record: bytes, dialect: Dialect) -> str | None:
    """What is wrong with the quotes of a record (without its line end); None when nothing is.

    Of several faults it is the first. A record of several lines has their number in the reason.
    """
    fault = _quote_fault(record, dialect)
    if fault is None or dialect.trim or _quote_fault(record, dialect.variant((("trim", True),))) is not None:
        return fault
    return f"{fault.partition(':')[0]}: {_WITHOUT_BLANKS}"


def _quote_fault(record: bytes, dialect: Dialect) -> str | None:
    assert dialect.quote is not None
    pattern, quote = _field_pattern(dialect), dialect.quote.encode()
    plain, at = neutral(record, dialect), 0
    while at <= len(plain):
        field = pattern.match(plain, at)
        quoted = field.group("quoted")
        if quoted is not None and (field.group("rest") or quote in quoted.replace(quote + quote, b"")):
            lines = 1 + sum(1 for _ in _LINE_END.finditer(record))
            swallowed = f": the row takes {lines} lines, so a quote in it may be a stray one" if lines > 1 else ""
            return TEXT_AFTER + swallowed
        if quoted is None and dialect.quotes == "strict" and quote in field.group("rest"):
            return f"{QUOTE_INSIDE}: {_LENIENTLY}"
        at = field.end() + 1
    return None


@lru_cache(maxsize=64)
def record_pattern(dialect: Dialect, within: Within | None = None) -> Any:
    """A regular expression for a record in neutral() bytes, its line end being the group `end`.

    within: for the rest of one, from within a field on that is in quotes or is not. The group `open`, or `opened`, is
    there where a quote is never closed.
    """
    delimiter, quote = re.escape(dialect.delimiter), re.escape(dialect.quote or "")
    rest, blanks = rf"[^{delimiter}\r\n]*+", _blanks(dialect)

    def quoted(name: str) -> str:
        return rf"{_inside(dialect)}(?:{quote}|(?P<{name}>\Z))"

    def field(name: str) -> str:
        return (rf"(?:{blanks}{quote}{quoted(name)})?+" if dialect.quote else rf"(?P<{name}>(?!))?") + rest

    first = {None: field("open"), "plain": rf"(?P<open>(?!))?{rest}", "quoted": quoted("open") + rest}[within]
    return re.compile(rf"{first}(?:{delimiter}{field('opened')})*+(?P<end>\r\n|\r|\n|\Z)".encode(), re.DOTALL)


@lru_cache(maxsize=64)
def field_patterns(dialect: Dialect) -> tuple[Any, Any, Any]:
    """Regular expressions for a field of a record (groups `quoted` and `rest`), for what is escaped in it, and for what
    is doubled or escaped inside its quotes. The last two are None where there is no such thing."""
    delimiter = re.escape(dialect.delimiter)
    escape = re.escape(dialect.escape) if dialect.escape else ""
    escaped = f"|{escape}." if escape else ""
    rest = rf"(?P<rest>(?:[^{delimiter}\r\n{escape}]++{escaped})*+)"
    unescape = undouble = None
    opened = "(?P<quoted>(?!))?"
    if dialect.escape:
        unescape = re.compile(rf"{escape}(.)".encode(), re.DOTALL)
    if dialect.quote:
        quote = re.escape(dialect.quote)
        undouble = re.compile(f"{quote}{quote}{escaped}".encode(), re.DOTALL)
        blanks = _blanks(dialect)
        inside = rf"(?P<quoted>(?:[^{quote}{escape}]++|{quote}{quote}{escaped})*+)"
        opened = rf"(?:{blanks}{quote}{inside}(?:{quote}{blanks}|\Z))?+"
    return re.compile(f"{opened}{rest}".encode(), re.DOTALL), unescape, undouble


@lru_cache(maxsize=64)
def _field_pattern(dialect: Dialect) -> Any:
    """A regular expression for a field in neutral() bytes."""
    quote = re.escape(dialect.quote or "")
    rest, blanks = rf"(?P<rest>[^{re.escape(dialect.delimiter)}\r\n]*+)", _blanks(dialect)
    quoted = rf"{blanks}{quote}(?P<quoted>{_inside(dialect)})(?:{quote}{blanks}|\Z)"
    return re.compile(rf"(?:{quoted})?+{rest}".encode(), re.DOTALL)


def beside_quotes(data: bytearray, length: int, dialect: Dialect) -> bool:
    """Whether blanks in data[:length] may stand between a quote and the end of its field, where they do not count."""
    if not dialect.blanks or dialect.quote is None:
        return False
    octets = np.frombuffer(data, np.uint8, length)
    quotes = np.flatnonzero(octets == ord(dialect.quote))
    beside = np.concatenate([octets[quotes[quotes > 0] - 1], octets[quotes[quotes < length - 1] + 1]])
    if not np.isin(beside, np.frombuffer(dialect.blanks.encode(), np.uint8)).any():
        return False
    before, after = _beside(dialect)
    return bool(before.search(data, 0, length) or after.search(data, 0, length))


def without_beside_quotes(data: bytes, dialect: Dialect) -> bytes:
    """Whole records whose quotes have no fault, without the blanks between a quote and the end of its field."""
    tight: bytes = _tightening(dialect).sub(rb"\g<quoted>\g<plain>\g<end>", data)
    return tight


@lru_cache(maxsize=64)
def _beside(dialect: Dialect) -> tuple[Any, Any]:
    quote, delimiter, blank = re.escape(dialect.quote or ""), re.escape(dialect.delimiter), f"[{dialect.blanks}]"
    return (
        re.compile(rf"(?:\A|[{delimiter}\r\n]){blank}+{quote}".encode()),
        re.compile(rf"{quote}{blank}+(?:[{delimiter}\r\n]|\Z)".encode()),
    )


@lru_cache(maxsize=64)
def _tightening(dialect: Dialect) -> Any:
    """A regular expression for a field of a record without a fault and what ends it."""
    quote, delimiter, blanks = re.escape(dialect.quote or ""), re.escape(dialect.delimiter), _blanks(dialect)
    escape = re.escape(dialect.escape) if dialect.escape else ""
    escaped = f"|{escape}." if escape else ""
    quoted = rf"{blanks}(?P<quoted>{quote}(?:[^{quote}{escape}]++|{quote}{quote}{escaped})*+{quote}){blanks}"
    plain = rf"(?P<plain>(?:[^{delimiter}\r\n{escape}]++{escaped})*+)"
    return re.compile(rf"(?:{quoted}|{plain})(?P<end>{delimiter}|\r\n|\r|\n|\Z)".encode(), re.DOTALL)


def _blanks(dialect: Dialect) -> str:
    """Blanks that are no part of a field in quotes; possessive."""
    return f"[{dialect.blanks}]*+" if dialect.blanks else ""


def _inside(dialect: Dialect) -> str:
    """What is inside quotes; possessive, so it never goes back. The last kind of quote is one that opens a field."""
    quote, delimiter = re.escape(dialect.quote or ""), re.escape(dialect.delimiter)
    if blanks := _blanks(dialect):
        # A quote that opens a field may have blanks before it, so the end of the field before it comes first.
        edge = rf"[{delimiter}\r\n]"
        opening = rf"{edge}{blanks}{quote}(?!{quote})(?!{blanks}(?:{edge}|\Z))"
        return rf"(?:[^{quote}{delimiter}\r\n]++|{opening}|{edge}|{quote}{quote})*+"
    opening = rf"(?<=[{delimiter}\r\n]){quote}(?=[^{quote}{delimiter}\r\n])"
    return rf"(?:[^{quote}]++|{quote}{quote}|{opening})*+"


def with_pairs(data: bytes, escape: str, template: bytes) -> bytes:
    """The same with each escape, and the byte that it escapes, as the template of re.sub() has them."""
    pattern, octet, pieces, at = escaped_pair(escape), ord(escape), [], 0
    # Piece by piece: re.sub() holds an object for every match and for what is between two.
    while at < len(data):
        stop = min(at + _PIECE, len(data))
        first = stop
        while first > at and data[first - 1] == octet:
            first -= 1
        stop += (stop - first) % 2
        pieces.append(pattern.sub(template, data[at:stop]))
        at = stop
    return b"".join(pieces)


@lru_cache(maxsize=64)
def escaped_pair(escape: str) -> re.Pattern[bytes]:
    """A regular expression for an escape and the byte that it escapes."""
    return re.compile(re.escape(escape).encode() + b".", re.DOTALL)
