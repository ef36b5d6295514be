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
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from lakelanes.convert.dialect import Dialect

TEXT_AFTER = "text after the closing quote"
QUOTE_INSIDE = "a quote in a field that is not quoted"
_LENIENTLY = "double it and quote the field, or set dialect.quotes to 'lenient' to take it as text"
_LINE_END = re.compile(rb"\r\n|\r|\n")


def neutral(data: bytes, dialect: Dialect) -> bytes:
    """The same with zeros for every escape and what it escapes. An escape at the end, with nothing after it, stays."""
    if dialect.escape is None:
        return data
    return escaped_pair(dialect.escape).sub(b"\0\0", data)


def quote_fault(record: bytes, dialect: Dialect) -> str | None:
    """What is wrong with the quotes of a record (without its line end); None when nothing is.

    Of several faults it is the first. A record of several lines has their number in the reason.
    """
    assert dialect.quote is not None
    pattern, quote = _field_pattern(dialect), dialect.quote.encode()
    plain, at = neutral(record, dialect), 0
    while at <= len(plain):
        field = pattern.match(plain, at)
        quoted = field.group("quoted")
        if quoted is not None and (field.group("rest") or quote in quoted.replace(quote + quote, b"")):
            lines = 1 + len(_LINE_END.findall(record))
            swallowed = f": the row takes {lines} lines, so a quote in it may be a stray one" if lines > 1 else ""
            return TEXT_AFTER + swallowed
        if quoted is None and dialect.quotes == "strict" and quote in field.group("rest"):
            return f"{QUOTE_INSIDE}: {_LENIENTLY}"
        at = field.end() + 1
    return None


@lru_cache(maxsize=64)
def record_pattern(dialect: Dialect) -> Any:
    """A regular expression for a record in neutral() bytes, its line end being the group `end`.

    The group `open`, or `opened`, is there where a quote is never closed.
    """
    delimiter = re.escape(dialect.delimiter)

    def field(name: str) -> str:
        rest = rf"[^{delimiter}\r\n]*+"
        if dialect.quote is None:
            return rf"(?P<{name}>(?!))?{rest}"
        quote = re.escape(dialect.quote)
        return rf"(?:{quote}{_inside(dialect)}(?:{quote}|(?P<{name}>\Z)))?+{rest}"

    expression = rf"{field('open')}(?:{delimiter}{field('opened')})*+(?P<end>\r\n|\r|\n|\Z)"
    return re.compile(expression.encode(), re.DOTALL)


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
        opened = rf"(?:{quote}(?P<quoted>(?:[^{quote}{escape}]++|{quote}{quote}{escaped})*+)(?:{quote}|\Z))?+"
    return re.compile(f"{opened}{rest}".encode(), re.DOTALL), unescape, undouble


@lru_cache(maxsize=64)
def _field_pattern(dialect: Dialect) -> Any:
    """A regular expression for a field in neutral() bytes."""
    quote = re.escape(dialect.quote or "")
    rest = rf"(?P<rest>[^{re.escape(dialect.delimiter)}\r\n]*+)"
    return re.compile(rf"(?:{quote}(?P<quoted>{_inside(dialect)})(?:{quote}|\Z))?+{rest}".encode(), re.DOTALL)


def _inside(dialect: Dialect) -> str:
    """What is inside quotes; possessive, so it never goes back. The last kind of quote is one that opens a field."""
    quote, delimiter = re.escape(dialect.quote or ""), re.escape(dialect.delimiter)
    opening = rf"(?<=[{delimiter}\r\n]){quote}(?=[^{quote}{delimiter}\r\n])"
    return rf"(?:[^{quote}]++|{quote}{quote}|{opening})*+"


@lru_cache(maxsize=64)
def escaped_pair(escape: str) -> re.Pattern[bytes]:
    """A regular expression for an escape and the byte that it escapes."""
    return re.compile(re.escape(escape).encode() + b".", re.DOTALL)
