"""Text files, as OpenCSVSerde and LazySimpleSerDe read them.

Both read line by line, so a line break inside quotes ends the record. OpenCSVSerde knows text only: other types parse
the field and fail the query when they cannot (https://docs.aws.amazon.com/athena/latest/ug/csv-serde.html), a DATE is
days since 1970 and a TIMESTAMP milliseconds. LazySimpleSerDe does not know quotes, and gives NULL for what it cannot
parse (https://docs.aws.amazon.com/athena/latest/ug/lazy-simple-serde.html).
"""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

import numpy as np
import pyarrow as pa

from localaws.athena.catalogue import Storage
from localaws.athena.errors import failure, not_supported
from localaws.athena.objects import DataFile, Objects
from localaws.athena.parquet import Wanted
from localaws.athena.types import INTEGER_RANGE, Type, to_arrow

OPEN_CSV = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
LAZY_SIMPLE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
_BATCH_LINES = 20_000
_EPOCH = dt.date(1970, 1, 1)


class _Unparseable(Exception):
    """A field is no value of its column's type."""


def read(
    objects: Objects, file: DataFile, storage: Storage, parameters: dict[str, str], table_columns: list[Wanted],
    columns: list[Wanted],
) -> Iterator[tuple[pa.RecordBatch, int]]:  # fmt: skip
    """Batches of the wanted columns, the first with the file's size as the bytes read."""
    names = [column.name for column in table_columns]
    splitter = _open_csv_splitter if storage.serde == OPEN_CSV else _simple_splitter
    split = splitter(storage.serde_parameters, len(names))
    cells = [(_cell(file, names.index(column.name), column.type, storage.serde), column) for column in columns]
    skip = int(parameters.get("skip.header.line.count") or 0)
    cost = file.size
    for lines in _lines(objects.read(file), file, skip):
        records = [split(line) for line in lines]
        arrays = [pa.array(map(parse, records), type=to_arrow(column.type)) for parse, column in cells]
        if not arrays:
            arrays = [pa.nulls(len(records), pa.bool_())]
        yield pa.RecordBatch.from_arrays(arrays, names=[column.label for _, column in cells] or ["rows"]), cost
        cost = 0


def _cell(file: DataFile, place: int, kind: Type, serde: str) -> Callable[[list[str | None]], Any]:
    """What reads one field of a record. What it cannot read fails the query, or is NULL to LazySimpleSerDe."""
    parse = (_PARSERS_CSV if serde == OPEN_CSV else _PARSERS_LAZY).get(kind.name)
    if parse is None:
        raise not_supported(f"a column of type {kind} under {serde.rpartition('.')[2]}")

    def parsed(record: list[str | None]) -> Any:
        text = record[place]
        if text is None:
            return None
        try:
            return parse(text, kind)
        except _Unparseable as error:
            if serde != OPEN_CSV:
                return None
            raise failure("HIVE_BAD_DATA", f"Error parsing field value '{text}' for field {place}: {error}") from error

    return parsed


def _lines(content: bytes, file: DataFile, skip: int) -> Iterator[list[str]]:
    if file.key.endswith((".snappy", ".lz4", ".lzo", ".deflate")):
        raise not_supported(f"the compression of {file.uri}")
    content = _decompressed(content, file)
    # A line ends with LF, CR LF or CR alone, as in Hadoop's LineReader.
    lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    for start in range(skip, len(lines), _BATCH_LINES):
        yield [line.decode("utf-8", "replace") for line in lines[start : start + _BATCH_LINES]]


def _decompressed(content: bytes, file: DataFile) -> bytes:
    try:
        if file.key.endswith(".gz"):
            return gzip.decompress(content)
        if file.key.endswith(".bz2"):
            return bz2.decompress(content)
        if file.key.endswith(".zst") and content:
            return bytes(pa.CompressedInputStream(pa.BufferReader(content), "zstd").read())
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise failure("HIVE_CURSOR_ERROR", f"Failed to read file: {file.uri}: {error}") from error
    return content


# --- OpenCSVSerde


def _character(parameters: dict[str, str], name: str, default: str) -> str:
    for key, value in parameters.items():
        if key.lower() == name.lower() and value:
            return value[0]
    return default


def _open_csv_splitter(parameters: dict[str, str], width: int) -> Callable[[str], list[str | None]]:
    separator = _character(parameters, "separatorChar", ",")
    quote = _character(parameters, "quoteChar", '"')
    escape = _character(parameters, "escapeChar", "\\")
    if escape == '"':
        # Hive reads an escape character that is set to a double quote as a backslash.
        escape = "\\"
    if separator in (quote, escape) or (quote == escape and quote != "\0"):
        raise not_supported("CSV not supported: separator, quote and escape character must differ")

    def split(line: str) -> list[str | None]:
        if not line:
            return [None] * width
        if quote not in line and escape not in line:
            fields: list[str | None] = list(line.split(separator))
        else:
            fields = _split_quoted(line, separator, quote, escape)
        return fields[:width] + [None] * (width - len(fields))

    return split


def _split_quoted(line: str, separator: str, quote: str, escape: str) -> list[str | None]:
    """One line by opencsv's rules. A last field whose quote is never closed is NULL: the record cannot continue."""
    fields: list[str | None] = []
    field: list[str] = []
    quoted = inside = False
    at, end = 0, len(line)
    while at < end:
        char = line[at]
        following = line[at + 1] if at + 1 < end else ""
        if char == escape:
            if (quoted or inside) and following and following in (quote, escape):
                field.append(following)
                at += 1
        elif char == quote:
            if (quoted or inside) and following == quote:
                field.append(quote)
                at += 1
            else:
                # A quote in the middle of a field is kept, unless only blanks stood before it.
                if at > 2 and line[at - 1] != separator and following and following != separator:
                    if field and not "".join(field).strip():
                        field.clear()
                    else:
                        field.append(quote)
                quoted = not quoted
            inside = not inside
        elif char == separator and not quoted:
            fields.append("".join(field))
            field.clear()
            inside = False
        else:
            field.append(char)
            inside = True
        at += 1
    fields.append(None if quoted else "".join(field))
    return fields


# --- LazySimpleSerDe


def _delimiter(parameters: dict[str, str]) -> str:
    text = parameters.get("field.delim") or parameters.get("serialization.format") or "\x01"
    return chr(int(text)) if re.fullmatch(r"\d+", text) else text[0]


def _simple_splitter(parameters: dict[str, str], width: int) -> Callable[[str], list[str | None]]:
    separator = _delimiter(parameters)
    null = parameters.get("serialization.null.format", "\\N")
    if parameters.get("escape.delim"):
        raise not_supported("LazySimpleSerDe with an escape character")

    def split(line: str) -> list[str | None]:
        cells: list[str | None] = [None if cell == null else cell for cell in line.split(separator)[:width]]
        return cells + [None] * (width - len(cells))

    return split


# --- values


def _text(text: str, kind: Type) -> str:
    if kind.args:
        text = text[: kind.args[0]]
    return text.rstrip(" ") if kind.name == "char" else text


def _integer(text: str, kind: Type) -> int:
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise _Unparseable(f'For input string: "{text}"')
    value = int(text)
    limit = 2 ** (INTEGER_RANGE[kind.name] - 1)
    if not -limit <= value < limit:
        raise _Unparseable(f'For input string: "{text}"')
    return value


def _float(text: str, kind: Type) -> float:
    if not re.fullmatch(r"\s*[+-]?(NaN|Infinity|([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?)[dDfF]?\s*", text):
        raise _Unparseable(f'For input string: "{text}"' if text else "empty String")
    return float(text.strip().rstrip("dDfF"))


def _decimal(text: str, kind: Type) -> Decimal:
    try:
        value = Decimal(text.strip())
        if not value.is_finite():
            raise InvalidOperation
    except InvalidOperation as error:
        raise _Unparseable(f"Cannot convert '{text}' to {kind}") from error
    rounded = value.quantize(Decimal(1).scaleb(-kind.scale), rounding=ROUND_HALF_UP)
    if abs(rounded) >= Decimal(10) ** (kind.precision - kind.scale):
        raise _Unparseable(f"Cannot convert '{text}' to {kind}")
    return rounded


def _boolean(text: str, kind: Type) -> bool:
    if text.lower() not in ("true", "false"):
        raise _Unparseable(f'For input string: "{text}"')
    return text.lower() == "true"


def _millis(fraction: str | None) -> int:
    return int((Decimal(f"0.{fraction or 0}") * 1000).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _lax_integer(text: str, kind: Type) -> int:
    """Digits after a point are dropped."""
    whole = re.fullmatch(r"([+-]?[0-9]*)(?:\.[0-9]*)?", text)
    if whole is None or not any(map(str.isdigit, text)):
        raise _Unparseable(text)
    return _integer(whole[1] if whole[1] not in ("", "+", "-") else "0", kind)


def _lax_float(text: str, kind: Type) -> float:
    if re.fullmatch(r"\s*[+-]?0[xX][0-9a-fA-F]*\.?[0-9a-fA-F]*[pP][+-]?[0-9]+\s*", text):
        return float.fromhex(text.strip())
    return _float(text, kind)


def _lax_decimal(text: str, kind: Type) -> Decimal:
    if text != text.strip():
        raise _Unparseable(text)
    return _decimal(text, kind)


def _lenient_days(year: int, month: int, day: int) -> int:
    """Days since 1970. A month and a day may lie beyond the ends of a year or month, as in Java's lenient calendar."""
    first = np.datetime64((year - 1970) * 12 + month - 1, "M").astype("datetime64[D]")
    return int(first.astype(np.int64)) + day - 1


def _lax_date(text: str, kind: Type) -> int:
    match = re.fullmatch(r"\s*(\d{1,6})-(\d{1,2})-(\d{1,2})(?:\s.*)?", text)
    if match is None:
        raise _Unparseable(text)
    return _lenient_days(*map(int, match.groups()))


def _lax_timestamp(text: str, kind: Type) -> int:
    """Microseconds since 1970, of whole milliseconds."""
    pattern = r"\s*(\d{1,6})-(\d{1,2})-(\d{1,2})[T ](\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9}))?\s*"
    match = re.fullmatch(pattern, text)
    if match is None:
        raise _Unparseable(text)
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    seconds = _lenient_days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second
    return (seconds * 1000 + _millis(match[7])) * 1000


def _epoch_days(text: str, kind: Type) -> dt.date:
    return _EPOCH + dt.timedelta(days=_integer(text, Type("integer")))


def _epoch_millis(text: str, kind: Type) -> dt.datetime:
    return dt.datetime(1970, 1, 1) + dt.timedelta(milliseconds=_integer(text, Type("bigint")))


_PARSERS: dict[str, Callable[[str, Type], Any]] = {
    "varchar": _text, "char": _text, "tinyint": _integer, "smallint": _integer, "integer": _integer,
    "bigint": _integer, "double": _float, "real": _float, "decimal": _decimal, "boolean": _boolean,
}  # fmt: skip
# As Hive's LazySimpleSerDe reads them, in Trino 483.
_PARSERS_LAZY: dict[str, Callable[[str, Type], Any]] = {
    **_PARSERS, **dict.fromkeys(INTEGER_RANGE, _lax_integer), "double": _lax_float, "real": _lax_float,
    "decimal": _lax_decimal, "date": _lax_date, "timestamp": _lax_timestamp,
}  # fmt: skip
_PARSERS_CSV = {**_PARSERS, "date": _epoch_days, "timestamp": _epoch_millis}
