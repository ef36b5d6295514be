"""An independent reader of CSV and of its values, slow and plain: what the converter's results are compared with.

It shares no code with the product. Its cells are in turn compared with Python's csv module (see test_record_index.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Any


@dataclass
class Field:
    """text: what it means. written: the same with its escapes. lacking: whether its row is too short to have it."""

    text: bytes = b""
    quoted: bool = False
    written: bytes = b""
    lacking: bool = False

    def add(self, text: bytes, escape: bytes = b"") -> None:
        self.text += text
        self.written += escape + text


@dataclass
class Record:
    """line: where it starts. raw: as it stands in the file. torn: part of what an unclosed quote makes unreadable.

    faults: "after" where text follows a closing quote, "inside" where a quote is in a field that is not quoted.
    ended: the line end after it. comment: whether it is none, but a comment.
    """

    line: int
    raw: bytes
    fields: list[Field] = field(default_factory=list)
    torn: bool = False
    faults: list[str] = field(default_factory=list)
    ended: bytes = b""
    comment: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether it has delimiters and nothing else."""
        return bool(self.fields) and not any(cell.written or cell.quoted for cell in self.fields)


@dataclass
class LineEnds:
    """returns: whether lines end with a carriage return alone, which may become known while they are read."""

    returns: bool | None = None


@dataclass(frozen=True)
class Written:
    """How records are written, in bytes. blanks: those beside quotes that do not count."""

    separator: bytes
    quotation: bytes
    escapes: bytes
    blanks: bytes


def read_records(
    data: bytes,
    delimiter: str = ",",
    quote: str = '"',
    escape: str | None = None,
    comment: str | None = None,
    *,
    trim: bool = False,
    ends: LineEnds | None = None,
) -> Iterator[Record]:
    """Every record, the header too; blank lines have no field. trim: whether blanks beside quotes do not count."""
    separator = delimiter.encode()
    blanks = b" \t".replace(separator, b"") if trim else b""
    how = Written(separator, quote.encode(), (escape or "").encode(), blanks)
    at = 0
    while at < len(data):
        start, line = at, 1 + len(re.findall(rb"\r\n|\r|\n", data[:at]))
        if length := _comment_at(data, at, comment, ends):
            at += length
            yield Record(line, data[start:at], comment=True)
            continue
        record, at, torn = _read_record(data, at, line, how)
        if torn:
            yield from _torn(data[start:], line)
            return
        record.raw = data[start:at]
        if not record.raw:
            record.fields = []
        record.ended = data[at : at + 1 + (data[at : at + 2] == b"\r\n")]
        yield record
        at += len(record.ended) or 1


def _read_record(data: bytes, at: int, line: int, how: Written) -> tuple[Record, int, bool]:
    """The record that begins there, where its line end is, and whether it is torn, a quote of it never being closed."""
    separator, quotation, blanks = how.separator, how.quotation, how.blanks
    record, current, state, begins = Record(line, b""), Field(), "start", True
    record.fields.append(current)
    while character := separator if data.startswith(separator, at) else data[at : at + 1]:
        at += len(character)
        # Whether a field could begin with this character, or, inside quotes, with one after it.
        here, begins = (
            begins,
            character in (separator, b"\r", b"\n") or (begins and bool(blanks) and character in blanks),
        )
        if state == "start":
            state = "plain"
            opening = at - len(character)
            opening += _blanks_at(data, opening, blanks)
            if data[opening : opening + 1] == quotation:
                current.quoted, state, at, begins = True, "quoted", opening + 1, False
                continue
        if how.escapes and character == how.escapes:
            if at == len(data):
                state = "quoted"
            current.add(data[at : at + 1], how.escapes)
            at, begins = at + 1, False
        elif state == "quoted":
            after = data[at : at + 1]
            if character != quotation:
                current.add(character)
            elif after == quotation:
                current.add(quotation)
                at += 1
            elif _ends_field(data, end := at + _blanks_at(data, at, blanks), separator):
                state, at = "plain", end
            else:
                record.faults.append("after")
                state = "quoted" if here else "plain"
        elif character == separator:
            current, state = Field(), "start"
            record.fields.append(current)
        elif character in (b"\r", b"\n"):
            at -= 1
            break
        else:
            if character == quotation:
                record.faults.append("inside")
            current.add(character)
    return record, at, state == "quoted"


def _comment_at(data: bytes, at: int, comment: str | None, ends: LineEnds | None) -> int:
    """How many bytes the comment has that begins there, with its line end; 0 where there is none."""
    by_feeds = ends is not None and ends.returns is False
    if not comment or not data.startswith(comment.encode(), at) or (by_feeds and data[at - 1 : at] not in (b"", b"\n")):
        return 0
    return len(data[at:].split(b"\n")[0]) + 1 if by_feeds else len(data[at:].splitlines(keepends=True)[0])


def _ends_field(data: bytes, at: int, separator: bytes) -> bool:
    return data[at : at + 1] in (b"", b"\r", b"\n") or data.startswith(separator, at)


def _torn(rest: bytes, line: int) -> Iterator[Record]:
    for number, text in enumerate(re.split(rb"\r\n|\r|\n", rest)):
        if text:
            yield Record(line + number, text, torn=True)


def _blanks_at(data: bytes, at: int, blanks: bytes) -> int:
    """How many blanks are there."""
    return len(data[at:]) - len(data[at:].lstrip(blanks)) if blanks else 0


class Refused(Exception):
    pass


def read_value(
    cell: Field,
    hive_type: str,
    nulls: tuple[str, ...],
    forms: dict[str, Any] | None = None,
    escape: str | None = None,
) -> Any:
    """The value of a field in a column of this type; raises Refused when it has none.

    forms: what the dialect and the column say of values.
    """
    if cell.lacking:
        return None
    forms = forms or {}
    kind, _, arguments = hive_type.rstrip(")").partition("(")
    nulls, words = tuple(forms.get("null_values", nulls)), None
    if kind == "boolean" and (forms.get("true_values") or forms.get("false_values")):
        words = [forms.get(name) or usual for name, usual in (("true_values", _TRUE), ("false_values", _FALSE))]
        nulls = tuple(null for null in nulls if null.lower() not in [word.lower() for word in (*words[0], *words[1])])
    exact = cell.written.strip(b" \t") if forms.get("trim") else cell.written
    if exact in {null.encode() for null in nulls} and (not cell.quoted or forms.get("quoted_nulls")):
        return None
    try:
        text, written = cell.text.decode(), cell.written.decode(errors="replace").strip(" \t")
    except UnicodeDecodeError as error:
        raise Refused from error
    if kind in ("string", "char", "varchar"):
        text = text.strip(" \t") if forms.get("trim") else text
        if arguments and len(text) > int(arguments):
            raise Refused
        return text
    if escape and escape in written and written in nulls:
        return None
    trimmed = text.strip(" \t")
    try:
        return _read_trimmed(trimmed, kind, arguments, words, forms)
    except (ValueError, OverflowError, InvalidOperation, Inexact, Refused) as error:
        if trimmed in {null for null in nulls if not escape or escape not in null}:
            return None
        raise Refused from error


_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
_EPOCHS = {"epoch_seconds": 1_000_000, "epoch_milliseconds": 1000, "epoch_microseconds": 1}


def _read_trimmed(text: str, kind: str, arguments: str, words: Any, forms: dict[str, Any]) -> Any:
    if words is not None:
        for value, own in zip((True, False), words, strict=True):
            if text.lower() in [word.lower() for word in own]:
                return value
        raise Refused
    cut = forms.get("beyond_microseconds") == "cut"
    if kind in ("date", "timestamp") and (form := forms.get(f"{kind}_format")):
        if form in _EPOCHS:
            return _read_epoch(text, _EPOCHS[form], cut=cut)
        moment = _read_formatted(text, form, cut=cut)
        return moment.date() if kind == "date" else moment
    if kind == "timestamp" and cut:
        text = re.sub(r"(:\d\d:\d\d\.\d{6})\d+", r"\1", text, flags=re.ASCII)
    if kind not in ("boolean", "date", "timestamp"):
        text = _read_marks(text, kind, forms)
    return _READERS[kind](text, arguments)


def _read_epoch(text: str, microseconds: int, *, cut: bool) -> datetime:
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)", text):
        raise Refused
    exact = Context(prec=60).multiply(Decimal(text), microseconds)
    if exact != exact.to_integral_value() and not cut:
        raise Refused
    return datetime(1970, 1, 1) + timedelta(microseconds=int(exact))


def _read_marks(text: str, kind: str, forms: dict[str, Any]) -> str:
    """A number without what stands around it, with a decimal point and without groups."""
    separators = {name: forms[name] for name in _SEPARATORS if name in forms}
    if kind == "double" and text.lstrip("+-").lower() in ("nan", "inf", "infinity"):
        return text
    blanks = "[ \t\u00a0\u202f]*"
    names = "|".join(map(re.escape, sorted(forms.get("currencies", ()), key=len, reverse=True))) or "(?!)"
    opened, closed = (r"\(", r"\)") if forms.get("parentheses") else ("(?!)", "(?!)")
    minus = "-" if forms.get("trailing_minus") else "(?!)"
    percent = "%" if forms.get("percent") else "(?!)"
    before = rf"[+-]|(?:{opened}|{names}){blanks}"
    after = rf"{minus}|{blanks}(?:{closed}|{percent}|{names})"
    number = r"[0-9.,'\u2019]+(?:[eE][+-]?[0-9]+)?"
    match = re.fullmatch(rf"(?P<before>(?:{before})*)(?P<number>{number})(?P<after>(?:{after})*)", text)
    if not match:
        raise Refused
    around = [token.strip(" \t\u00a0\u202f") for token in re.findall(before, match["before"])]
    around += [token.strip(" \t\u00a0\u202f") for token in re.findall(after, match["after"])]
    signs = [token for token in around if token in ("+", "-", "(")]
    others = [token for token in around if token not in ("+", "-", "(", ")", "%")]
    if len(signs) > 1 or len(others) > 1 or around.count("%") > 1:
        raise Refused
    if around.count("(") != around.count(")"):
        raise Refused
    plain = _without_separators(match["number"], **separators)
    if "%" in around and forms["percent"] == "fraction":
        if not re.fullmatch(r"[0-9]+\.?[0-9]*|\.[0-9]+", plain) or kind in ("tinyint", "smallint", "int", "bigint"):
            raise Refused
        plain = f"{Context(prec=200).scaleb(Decimal(plain), -2):f}"
    return "-" * (signs in (["-"], ["("])) + plain


_SEPARATORS = ("decimal_separator", "thousands_separator")


def _without_separators(text: str, decimal_separator: str = ".", thousands_separator: str | None = None) -> str:
    mantissa, exponent, power = re.fullmatch(r"(.*?)([eE]?)((?<=[eE]).*)?", text, re.DOTALL).groups("")  # type: ignore[union-attr]
    if decimal_separator == "." and not thousands_separator:
        return text
    whole, point, decimals = mantissa.partition(decimal_separator)
    if thousands_separator and thousands_separator in whole:
        first, *groups = whole.lstrip("+-").split(thousands_separator)
        if not 1 <= len(first) <= 3 or any(len(group) != 3 for group in groups):
            raise Refused
        whole = whole.replace(thousands_separator, "")
    if any(mark in whole + decimals + power for mark in {".", ",", thousands_separator} - {None}):
        raise Refused
    return whole + point.replace(",", ".") + decimals + exponent + power


def _read_formatted(text: str, form: str, *, cut: bool) -> datetime:
    """For formats whose fields have something between them."""
    pattern = re.escape(form).replace("\\ ", r"\s+")
    for directive, digits in {"Y": "{4}", "y": "{2}", "f": "+", **dict.fromkeys("mdHIMS", "{1,2}")}.items():
        pattern = pattern.replace(f"%{directive}", f"(?P<{directive}>[0-9]{digits})")
    match = re.fullmatch(pattern.replace("%p", "(?P<p>[AaPp][Mm])"), text)
    if not match:
        raise Refused
    parts = match.groupdict()
    if parts.get("f", "")[6:].strip("0") and not cut:
        raise Refused
    year = int(parts["Y"]) if "Y" in parts else int(parts["y"]) + (1900 if int(parts["y"]) > 68 else 2000)
    hour = int(parts.get("H", 0))
    if "I" in parts:
        hour = int(parts["I"])
        if not 1 <= hour <= 12:
            raise Refused
        hour = hour % 12 + (12 if parts["p"] in ("pm", "PM", "pM", "Pm") else 0)
    second = (int(parts.get("M", 0)), int(parts.get("S", 0)), int(parts.get("f", "0")[:6].ljust(6, "0")))
    return datetime(year, int(parts["m"]), int(parts["d"]), hour, *second)


def _read_integer(bits: int) -> Any:
    def read(text: str, _: str) -> int:
        if not re.fullmatch(r"[-+]?[0-9]+", text) or not -(1 << bits - 1) <= int(text) < 1 << bits - 1:
            raise Refused
        return int(text)

    return read


def _read_decimal(text: str, arguments: str) -> Decimal:
    precision, scale = map(int, arguments.split(","))
    if (
        not text.isascii()
        or text != text.strip()
        or not text
        or text[-1] not in "0123456789."
        or not re.search("[0-9]", text)
        or "_" in text
    ):
        raise Refused
    exact = Context(prec=precision, traps=[InvalidOperation, Inexact])
    number = Decimal(text)
    if not number.is_finite():
        raise Refused
    value = number.quantize(Decimal(1).scaleb(-scale), context=exact)
    return value or abs(value)


def _read_double(text: str, _: str) -> float:
    word = text.lstrip("+-").lower()
    if (
        "_" in text
        or not text.isascii()
        or text != text.strip()
        or (word and not (word[0].isdigit() or word[0] in ".in"))
    ):
        raise Refused
    value = float(text)
    if abs(value) == float("inf") and word not in ("inf", "infinity"):
        raise Refused
    return value


def _read_boolean(text: str, _: str) -> bool:
    for value, words in ((True, "true t yes y 1"), (False, "false f no n 0")):
        if text.lower() in words.split() and text.isascii():
            return value
    raise Refused


def _read_date(text: str, _: str) -> date:
    if len(text) != 10 or not text.isascii() or "W" in text:
        raise Refused
    return date.fromisoformat(text)


def _read_timestamp(text: str, _: str) -> datetime:
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d(?::\d\d){0,2})(\.\d+)?(Z|[-+]\d\d:?(?:\d\d)?)?)?", text, re.A)
    if not match or (match[3] and len(match[2]) < 8) or text[-1:] == ":":
        raise Refused
    day, time, fraction, zone = match.groups("")
    value = datetime.fromisoformat(f"{day} {(time + ':00:00')[:8]}" if time else day)
    microseconds = Decimal(fraction or 0) * 1_000_000
    if microseconds != int(microseconds):
        raise Refused
    value = value.replace(microsecond=int(microseconds))
    if zone not in ("", "Z"):
        digits = zone[1:].replace(":", "").ljust(4, "0")
        if int(digits[:2]) > 23 or int(digits[2:]) > 59:
            raise Refused
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        value = value - offset if zone[0] == "+" else value + offset
    return value


_READERS = {
    "tinyint": _read_integer(8),
    "smallint": _read_integer(16),
    "int": _read_integer(32),
    "bigint": _read_integer(64),
    "decimal": _read_decimal,
    "double": _read_double,
    "boolean": _read_boolean,
    "date": _read_date,
    "timestamp": _read_timestamp,
}


def _shown(raw: bytes, encoding: str) -> str:
    if encoding == "utf-8":
        return raw.decode(errors="backslashreplace")
    text = raw.decode(errors="surrogatepass")
    return re.sub("[\udc80-\udcff]", lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", text)


@dataclass
class Expected:
    """What a conversion of a file with a good header should give; faults are (record, line, column, raw).

    columns: the target's. rows: in their order; what was rescued as (name, text) pairs. added: columns beyond the
    table's. refused: whether the policy refuses the file; then all its rows are faults. left_out: rows, comments and
    lines of the footer.
    """

    columns: list[str] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    faults: list[tuple[int, int, str | None, str]] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    refused: bool = False
    left_out: int = 0


@dataclass
class _Row:
    """One record. fault: (column,) of its first fault. frozen: whether that is a misfit in a table of frozen types."""

    values: dict[str, Any] = field(default_factory=dict)
    rescued: list[tuple[str, str]] = field(default_factory=list)
    fault: tuple[str | None] | None = None
    frozen: bool = False

    def blame(self, column: str | None, *, frozen: bool = False) -> None:
        if self.fault is None:
            self.fault, self.frozen = (column,), frozen


def expect(
    data: bytes,
    types: dict[str, str],
    nulls: tuple[str, ...] = ("",),
    *,
    encoding: str = "utf-8",
    header: bool = True,
    skip_rows: int = 0,
    trailing_delimiter: bool = False,
    forms: dict[str, Any] | None = None,
    new_columns: str = "discard_value",
    type_misfits: str = "discard_row",
    rescue: bool = False,
    quotes: str = "strict",
    escape: str | None = None,
    columns: dict[str, dict[str, Any]] | None = None,
    skip_footer: int = 0,
    skip_empty_rows: bool = False,
    skip_repeated_headers: bool = False,
    pad_short_rows: bool = False,
    **dialect: Any,
) -> Expected:
    """The rows and the rejected rows of a file whose header, if it has one, holds these names, in some order, and maybe
    others that can be names of columns.

    forms: what the dialect says of values. columns: what columns have of their own of that, and `required`.
    """
    if encoding != "utf-8":
        data = data.decode(encoding, "surrogateescape").encode("utf-8", "surrogatepass")
    data, skipped = _without_lines(_without_footer(data, skip_footer), skip_rows)
    dialect |= {"escape": escape, "trim": bool((forms or {}).get("trim")), "ends": LineEnds()}
    records = read_records(data.removeprefix(b"\xef\xbb\xbf"), **dialect)
    expected = Expected([*types, *["_rescued"] * rescue], left_out=skip_footer)
    names, rules = list(types), _Rules(skip_empty_rows)
    if header:
        first = next((record for record in records if rules.has(record, expected)), None)
        if first is None:
            return expected
        names = _names(first, trailing_delimiter)
        rules.header = first.raw if skip_repeated_headers else None
    else:
        first = next((record for record in records if record.fields), None)
        records = read_records(data.removeprefix(b"\xef\xbb\xbf"), **dialect)
    dialect["ends"].returns = first is not None and first.ended == b"\r"
    new = {name: re.sub("[^a-z0-9]", "_", name.lower()) for name in names if name not in types}
    if new_columns == "evolve":
        expected.added += new.values()
    expected.refused = bool(new) and new_columns == "freeze"
    reading = _Reading(types, names, new, nulls, forms, new_columns, type_misfits, rescue, trailing_delimiter)
    reading.strict, reading.escape, reading.columns = quotes == "strict", escape, columns or {}
    reading.padded = pad_short_rows
    found = _found(records, reading, skipped, expected, rules, returns_end=dialect["ends"].returns)
    header_refused = expected.refused
    expected.refused |= any(row.frozen for _, _, row in found)
    for number, record, row in found:
        if row.fault or expected.refused:
            column = row.fault[0] if row.fault and not header_refused else None
            expected.faults.append((number, record.line, column, _shown(record.raw, encoding)))
    _load(expected, [] if expected.refused else [row for _, _, row in found if not row.fault], types, rescue)
    return expected


def _load(expected: Expected, loaded: list[_Row], types: dict[str, str], rescue: bool) -> None:
    """Adds these rows, and the columns that they need."""
    variants = (f"{name}__v_string" for name in types)
    expected.added += [name for name in variants if any(name in row.values for row in loaded)]
    expected.columns += expected.added
    for row in loaded:
        if rescue:
            row.values["_rescued"] = row.rescued or None
        expected.rows.append(tuple(row.values.get(name) for name in expected.columns))


@dataclass
class _Rules:
    """What is left out: rows of nothing but delimiters, the header."""

    empty: bool
    header: bytes | None = None

    def has(self, record: Record, expected: Expected) -> bool:
        """Whether it is a record of the file; counts it where it is left out."""
        again = self.header is not None and record.raw in (self.header, b"\xef\xbb\xbf" + self.header)
        left_out = record.comment or (not record.torn and (again or (self.empty and record.is_empty)))
        expected.left_out += left_out
        return not left_out and (record.torn or bool(record.fields))


def _without_footer(data: bytes, count: int) -> bytes:
    """The data before its last lines that are not blank. A carriage return alone ends one if it ends the first line."""
    if not count:
        return data
    returns = re.search(rb"\r\n|\r|\n|\Z", data)[0] == b"\r"  # type: ignore[index]
    line = rb"(?:[^\r\n]|\r(?!\n))+(?:\r?\n|\Z)" if not returns else rb"[^\r\n]+(?:\r\n|\r|\n|\Z)"
    lines = [found.start() for found in re.finditer(line, data) if found[0].strip(b"\r\n")]
    return data[: lines[-count]]


def _found(
    records: Iterator[Record],
    reading: _Reading,
    skipped: int,
    expected: Expected,
    rules: _Rules,
    *,
    returns_end: bool,
) -> list[tuple[int, Record, _Row]]:
    """The records under the header, with their numbers and as rows.

    returns_end: whether lines end with a carriage return alone; where they do not, one breaks a row in halves.
    """
    listed, broken = list(records), set()
    goes_on = False  # whether the line of the record before does
    for place, record in enumerate(listed):
        record.line += skipped
        if reading.width == 1 and not (record.torn or record.comment or record.fields):
            record.fields = [Field()]
        if goes_on and not returns_end and (record.torn or record.fields):
            broken |= {place - 1, place}
        goes_on = record.ended == b"\r" and bool(record.fields)
    found: list[tuple[int, Record, _Row]] = []
    for place, record in enumerate(listed):
        if place in broken:
            found.append((len(found) + 1, record, _Row(fault=(None,))))
        elif rules.has(record, expected):
            found.append((len(found) + 1, record, reading.row(record)))
    return found


def _without_lines(data: bytes, count: int) -> tuple[bytes, int]:
    """The data after so many lines, and how many there were."""
    line_ends = list(re.finditer(rb"\r\n|\r|\n", data))
    if count and len(line_ends) < count:
        return b"", len(line_ends)
    return data[line_ends[count - 1].end() if count else 0 :], count


def _names(header: Record, trailing_delimiter: bool) -> list[str]:
    names = [cell.text.decode() for cell in header.fields]
    return names[:-1] if trailing_delimiter and not names[-1] else names


@dataclass
class _Reading:
    """How the records of one file are read. names: of its header. new: those that the table lacks, as columns."""

    types: dict[str, str]
    names: list[str]
    new: dict[str, str]
    nulls: tuple[str, ...]
    forms: dict[str, Any] | None
    new_columns: str
    type_misfits: str
    rescue: bool
    trailing_delimiter: bool
    strict: bool = True
    escape: str | None = None
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    padded: bool = False

    @property
    def width(self) -> int:
        return len(self.names) + self.trailing_delimiter

    def row(self, record: Record) -> _Row:
        row = _Row()
        if self.padded and not record.torn:
            record.fields += [Field(lacking=True)] * (self.width - len(record.fields))
        misquoted = "after" in record.faults or (record.faults and self.strict)
        if record.torn or misquoted or len(record.fields) != self.width:
            row.blame(None)
            return row
        for name, hive_type in self.types.items():
            self._read_column(row, name, hive_type, record.fields[self.names.index(name)])
        for name, column in self.new.items():
            self._read_new(row, name, column, record.fields[self.names.index(name)])
        last = record.fields[-1]
        surplus = last.text.strip(b" \t") if (self.forms or {}).get("trim") else last.text
        unwanted = surplus and (last.quoted or last.written.decode(errors="replace") not in self.nulls)
        if self.trailing_delimiter and unwanted:
            row.blame(None)
        return row

    def _read_column(self, row: _Row, name: str, hive_type: str, cell: Field) -> None:
        own = self.columns.get(name, {})
        try:
            row.values[name] = read_value(cell, hive_type, self.nulls, {**(self.forms or {}), **own}, self.escape)
            if row.values[name] is None and own.get("required"):
                row.blame(name)
        except Refused:
            text = _text(cell)
            if text is None or self.type_misfits in ("discard_row", "freeze") or own.get("required"):
                row.blame(name, frozen=text is not None and self.type_misfits == "freeze")
            elif self.type_misfits == "evolve":
                row.values[f"{name}__v_string"] = text
            elif self.rescue:
                row.rescued.append((name, text))

    def _read_new(self, row: _Row, name: str, column: str, cell: Field) -> None:
        if self.new_columns == "discard_value" and not self.rescue:
            return
        if _text(cell) is None:
            row.blame(column if self.new_columns == "evolve" else name)
            return
        text = read_value(cell, "string", self.nulls, self.forms)
        if self.new_columns == "evolve":
            row.values[column] = text
        elif text is not None and self.new_columns == "discard_row":
            row.blame(name)
        elif text is not None:
            row.rescued.append((name, text))


def _text(cell: Field) -> str | None:
    try:
        return cell.text.decode()
    except UnicodeDecodeError:
        return None
