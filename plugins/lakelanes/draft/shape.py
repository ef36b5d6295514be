"""The shape of samples: delimiter, quotes, what stands above the header and below the rows.

Records are split as the converter splits them. Every candidate is tried, and the one with which most records have the
same number of fields, and that number is large, is taken.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from lakelanes.convert.dialect import Dialect
from lakelanes.convert.record_index import index_records, split_fields
from lakelanes.draft.samples import DraftError, Looked

_DELIMITERS = (",", ";", "\t", "|", "||", "::", "~", "^", "\u00a7", "\u00a6", "\x1f", "\x01")
_QUOTES: tuple[dict[str, Any], ...] = (
    {},
    {"escape": "\\"},
    {"trim": True},
    {"quote": "'"},
    {"quotes": "lenient"},
    {"quote": None},
)
_ONE_COLUMN = 0.05
_PROBED, _RECORDS = 128 << 10, 300
_MOST_ABOVE, _MOST_BELOW = 20, 10
_SEPARATOR_LINE = re.compile(rb'"?sep=([^\r\n]+?)"?(?:\r\n|\r|\n)', re.IGNORECASE)
_NUMBER_OR_DATE = re.compile(r"[-+(]?[$\u20ac\u00a3]?\s*\d[\d.,:/'\u2019\s%TZ+-]*[)%-]?")
_SUM = re.compile(
    r"(?:grand |sub)?totals?|summen?|gesamt\w*|sum|count|anzahl|zeilen|ende|end|eof|rows?|trailer|saldo", re.I
)


@dataclass(frozen=True)
class Record:
    """A record: the line that it starts on, and its fields as texts."""

    line: int
    fields: list[str]


@dataclass
class Shape:
    """What is to be set of the dialect.

    names: of the columns, None where there is no header. rows: of each sample, with a field per column. lacking: what
    not all samples have. orders: of each sample the names of its columns, in lower case. doubts: what a person has to
    look at.
    """

    settings: dict[str, Any]
    names: list[str] | None
    width: int
    rows: list[list[Record]] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    orders: list[list[str]] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    @property
    def dialect(self) -> Dialect:
        return Dialect(**self.settings)


@dataclass
class _Parts:
    """What one sample has around its rows."""

    rows: list[Record]
    header: Record | None
    above: int = 0
    below: int = 0
    below_text: str = ""
    flags: dict[str, Any] = field(default_factory=dict)
    short: list[int] = field(default_factory=list)


def records_of(
    data: bytes, dialect: Dialect, *, final: bool, first_line: int = 1, most: int | None = None
) -> list[Record]:
    """The records of UTF-8 bytes that begin with one; a last one that goes on beyond them is left out unless they are
    the end of the file."""
    return _split(data, dialect, final=final, first_line=first_line, most=most)[0]


def _split(
    data: bytes, dialect: Dialect, *, final: bool, first_line: int = 1, most: int | None = None
) -> tuple[list[Record], int, list[int]]:
    """The records, how many have a fault in their quotes, and the offset of each."""
    stand_in = dialect.stand_in
    buffer = bytearray(data if stand_in is None else b"".join(stand_in.put_into(data)))
    if not buffer:
        return [], 0, []
    read = dialect.as_read
    index = index_records(buffer, len(buffer), read, final=final, keep_blank=False)
    faults = len(index.quote_faults(read)) + (index.in_quotes and final)
    count = len(index.starts) if most is None else min(most, len(index.starts))
    lines = index.lines(np.arange(count)) + first_line
    found = []
    for line, start, end in zip(lines.tolist(), index.starts.tolist(), index.ends.tolist(), strict=False):
        fields = split_fields(bytes(buffer[start:end]), read)
        if stand_in is not None:
            fields = [stand_in.value(one) for one in fields]
        found.append(Record(line, [one.decode("utf-8", "replace") for one in fields]))
    return found, faults, index.starts.tolist()


def guess_shape(looked: Sequence[Looked]) -> Shape:
    """The shape that the samples have in common. Raises DraftError for samples without a row."""
    looked = [one for one in looked if one.head.strip()]
    if not looked:
        raise DraftError("the samples are empty: there is nothing to learn from them")
    separator = _SEPARATOR_LINE.match(looked[0].head)
    if separator:
        looked = [_below_separator(one) for one in looked]
    settings = _split_by(looked, separator[1].decode() if separator else None)
    dialect = Dialect(**settings)
    widths = Counter(
        len(record.fields) for one in looked for record in records_of(one.head, dialect, final=one.whole, most=_RECORDS)
    )
    if not widths:
        raise DraftError(f"{looked[0].sample.name}: no record ends in it, or a quote is never closed")
    # Of equally many the larger one: titles and sums are short.
    width = max(widths, key=lambda size: (widths[size], size))
    parts = [_parts(one, dialect, width) for one in looked]
    return _joined(parts, settings, width)


def _below_separator(one: Looked) -> Looked:
    """A sample without its first line, if that tells Excel the delimiter."""
    found = _SEPARATOR_LINE.match(one.head)
    if not found:
        return one
    return replace(one, head=one.head[found.end() :], size=one.size - found.end(), above=1)


def _split_by(looked: Sequence[Looked], separator: str | None) -> dict[str, Any]:
    best: tuple[float, dict[str, Any]] = (-1.0, {})
    probes = [one.head[:_PROBED] for one in looked]
    text = b"".join(probes)
    for delimiter in [separator] if separator else _DELIMITERS:
        if delimiter.encode() not in text and delimiter != ",":
            continue
        if delimiter == "|" and b"|" not in text.replace(b"||", b""):
            continue
        for quoting in _QUOTES:
            if _is_pointless(quoting, text, delimiter):
                continue
            settings = {**({"delimiter": delimiter} if delimiter != "," else {}), **quoting}
            score = sum(
                _score(probe, Dialect(**settings), len(probe) == one.size)
                for probe, one in zip(probes, looked, strict=True)
            )
            if score > best[0] + 1e-9:
                best = (score, settings)
    if best[0] <= _ONE_COLUMN * len(looked):
        # One column: what divides nothing is a character that is nowhere.
        unused = next((one for one in _DELIMITERS if one.encode() not in text), "\x1f")
        return (
            {**best[1], "delimiter": unused}
            if unused != ","
            else {name: value for name, value in best[1].items() if name != "delimiter"}
        )
    return best[1]


def _is_pointless(quoting: dict[str, Any], text: bytes, delimiter: str) -> bool:
    """Whether these settings mean nothing for this text, or lose what its quotes mean."""
    if quoting.get("quote", "") is None:
        sign = re.escape(delimiter.encode())
        closed = rb"(?:^|" + sign + rb')"[^"\r\n]*"(?:' + sign + rb"|[\r\n]|$)"
        return b'"' not in text or bool(re.search(closed, text, re.MULTILINE))
    if quoting.get("quote") == "'":
        sign = re.escape(delimiter.encode())
        return not re.search(rb"(?:^|" + sign + rb")'[^'\r\n]*'(?:" + sign + rb"|[\r\n]|$)", text, re.MULTILINE)
    if "escape" in quoting:
        return b"\\" not in text
    return bool(quoting) and b'"' not in text


def _score(probe: bytes, dialect: Dialect, final: bool) -> float:
    records, faults, _ = _split(probe, dialect, final=final, most=_RECORDS)
    if not records:
        return 0.0
    widths = Counter(len(record.fields) for record in records)
    width = max(widths, key=lambda size: (size > 1, widths[size], size))
    share = widths[width] / len(records)
    if width == 1 or (width == 2 and dialect.delimiter == "," and _is_one_number(records)):
        return _ONE_COLUMN * share  # what any other delimiter beats that most of the records have
    # A wrong delimiter often splits the rows alike, but hardly the header, which has no numbers.
    return share**3 * math.log(1 + width) - min(1.0, faults / len(records) * 4) - (0.5 if faults else 0)


def _is_one_number(records: Sequence[Record]) -> bool:
    """Whether all that a comma divides is numbers: it is their decimal comma then, as no header has it."""
    pairs = [record.fields for record in records if len(record.fields) == 2]
    return all(re.fullmatch(r"[+-]?[0-9.]+", whole) and cents.isdigit() for whole, cents in pairs)


def _parts(one: Looked, dialect: Dialect, width: int) -> _Parts:
    records = records_of(one.head, dialect, final=one.whole, first_line=1 + one.above)
    comments = [record for record in records if record.fields[0].startswith("#") and len(record.fields) != width]
    is_comment = bool(comments) and not any(
        record.fields[0].startswith("#") and len(record.fields) == width for record in records
    )
    flags: dict[str, Any] = {"comment": "#"} if is_comment else {}
    if is_comment:
        records = [record for record in records if not record.fields[0].startswith("#")]
    if not records:
        raise DraftError(f"{one.sample.name}: no record ends in it, or a quote is never closed")
    trailing = _trails(records, width)
    at = _first_row(records, width, trailing)
    above = records[at].line - 1 if at else one.above
    first, rest = records[at], records[at + 1 :]
    header = (
        first if _is_header(first.fields[: -1 if trailing and len(first.fields) == width else None], rest) else None
    )
    rows = rest if header else records[at:]
    below, text, count = _below(one, dialect, width, len(rows))
    rows = rows[: len(rows) - count] if one.whole else rows
    if trailing:
        flags["trailing_delimiter"] = True
        rows = [Record(row.line, row.fields[:-1]) for row in rows]
        width -= 1
        header = Record(header.line, header.fields[:width]) if header else None
    if header and any(row.fields == header.fields for row in rows):
        flags["skip_repeated_headers"] = True
        rows = [row for row in rows if row.fields != header.fields]
    empty = sum(not any(row.fields) for row in rows)
    if width > 1 and 0 < empty < len(rows):
        flags["skip_empty_rows"] = True
        rows = [row for row in rows if any(row.fields)]
    short = [row.line for row in rows if len(row.fields) < width]
    if short and not trailing:
        flags["pad_short_rows"] = True
    return _Parts(rows, header, above, below, text, flags, short)


def _trails(records: Sequence[Record], width: int) -> bool:
    """Whether every row ends with a delimiter that no field follows; the header may lack it."""
    full = [record for record in records if len(record.fields) == width]
    return width > 1 and len(full) > 1 and all(not record.fields[-1] for record in full)


def _first_row(records: Sequence[Record], width: int, trailing: bool) -> int:
    """The position of the header, or of the first row without one: titles stand above it."""
    wanted = {width, width - 1} if trailing else {width}
    for at, record in enumerate(records[: _MOST_ABOVE + 1]):
        filled = sum(map(bool, record.fields))
        later = (sum(map(bool, other.fields)) for other in records[at + 1 : at + 4])
        # A spreadsheet fills a title's line up with delimiters.
        is_title = width > 2 and filled <= 1 and any(count > 2 for count in later)
        if len(record.fields) in wanted and not is_title:
            return at
    return 0


def _is_header(fields: list[str], rows: Sequence[Record]) -> bool:
    names = [one.strip() for one in fields]
    if not all(names) and sum(map(bool, names)) * 2 < len(names):
        return False
    return not any(_NUMBER_OR_DATE.fullmatch(name) for name in names)


def _below(one: Looked, dialect: Dialect, width: int, rows: int) -> tuple[int, str, int]:
    """How many lines stand below the rows, the first of them, and how many records they are."""
    tail, starts_inside = one.tail, len(one.tail) < one.size
    if starts_inside:
        cut = max(tail.find(b"\n"), 0) + 1
        tail = tail[cut:]
    records, _, starts = _split(tail, dialect, final=True)
    count = 0
    for record in reversed(records[-_MOST_BELOW - 1 :]):
        if not _is_sum(record, width):
            break
        count += 1
    if not count or count > _MOST_BELOW or (one.whole and count >= rows):
        return 0, "", 0
    odd = [record for record in records[:-count] if len(record.fields) != width]
    if len(odd) > len(records) // 10 and not starts_inside and len(odd) > 1 and rows > len(odd):
        return 0, "", 0  # rows are short anyway
    text = tail[starts[len(records) - count] :] if dialect.stand_in is None else b"x\n" * count
    lines = [line for line in re.split(rb"\r\n|\r|\n", text) if line]
    shown = dialect.delimiter.join(records[-count].fields)[:60]
    return len(lines), shown, count


def _is_sum(record: Record, width: int) -> bool:
    """Whether a record at the end is none of the rows: it has other fields, or few besides a word for a sum."""
    filled = [one for one in record.fields if one.strip()]
    if not filled:
        return False
    word = bool(_SUM.match(filled[0].strip().lstrip("#*-= ")))
    if len(record.fields) != width:
        return word or (len(record.fields) == 1 and width > 2)
    return word and width > 1 and len(filled) * 2 <= width + 1 and len(filled) < width


def _joined(parts: Sequence[_Parts], settings: dict[str, Any], width: int) -> Shape:
    """One shape for all samples; where they differ, that is a doubt."""
    first, doubts = parts[0], list[str]()
    above = first.above
    for one in parts:
        settings |= one.flags
    if above:
        settings["skip_rows"] = above
    if len({one.above for one in parts}) > 1:
        doubts.append("the samples have different numbers of lines above the header: skip_rows fits the first")
    below = {one.below for one in parts}
    if below == {first.below} and first.below:
        settings["skip_footer"] = first.below
        doubts.append(f"taken for a footer and left out, in every file: {first.below_text!r}")
    elif len(below) > 1:
        doubts.append("some samples end with lines that look like a footer, others do not: skip_footer is left open")
    if settings.get("skip_empty_rows"):
        doubts.append("rows of nothing but delimiters are left out (skip_empty_rows)")
    if settings.get("quote", "") is None:
        doubts.append("quotes stand where none can, so they are taken as text in all fields (quote: null)")
    if settings.get("quotes") == "lenient":
        doubts.append("quotes stand inside fields that are not quoted, and are taken as text (quotes: lenient)")
    if (short := [line for one in parts for line in one.short]) and settings.get("pad_short_rows"):
        doubts.append(
            f"{len(short):,} rows are short (the first on line {short[0]}): what they lack is null. Without "
            "pad_short_rows they are rejected"
        )
    if settings.get("trailing_delimiter"):
        width -= 1
        settings.pop("pad_short_rows", None)
    if any(one.header is None for one in parts):
        settings["header"] = False
        settings.pop("skip_repeated_headers", None)
        doubts.append("the first row does not look like a header: columns are found by position")
        return Shape(settings, None, width, [one.rows for one in parts], doubts=doubts)
    found = [[name.strip() for name in one.header.fields] for one in parts if one.header]
    if any(len({name.lower() for name in names}) < len(names) or not all(names) for names in found):
        # A name that is there twice, or none, cannot be asked for.
        assert first.header is not None
        settings |= {"header": False, "skip_rows": first.header.line}
        settings.pop("skip_repeated_headers", None)
        doubts.append("the header has a name twice, or a field without one: columns are found by position")
        return Shape(settings, found[0], width, [one.rows for one in parts], doubts=doubts)
    every = {name.lower(): name for names in reversed(found) for name in reversed(names)}
    order = sorted(
        every,
        key=lambda name: next((at, names.index(name)) for at, names in enumerate(_lowered(found)) if name in names),
    )
    lacking = [every[name] for name in order if any(name not in names for names in _lowered(found))]
    rows = [_in_order(one.rows, names, order) for one, names in zip(parts, _lowered(found), strict=True)]
    return Shape(settings, [every[name] for name in order], len(order), rows, lacking, _lowered(found), doubts)


def _lowered(found: Sequence[Sequence[str]]) -> list[list[str]]:
    return [[name.lower() for name in names] for names in found]


def _in_order(rows: list[Record], names: list[str], order: list[str]) -> list[Record]:
    """Rows of a file with these columns, in the order of all samples' columns."""
    if names == order:
        return rows
    places = [names.index(name) if name in names else None for name in order]
    return [
        Record(row.line, [row.fields[at] if at is not None and at < len(row.fields) else "" for at in places])
        for row in rows
    ]
