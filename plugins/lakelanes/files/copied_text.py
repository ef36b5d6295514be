"""What Athena would read of a file that a 'csv' table gets as it came, told by how the file begins.

Athena unpacks text by the ending of its key (https://docs.aws.amazon.com/athena/latest/ug/compression-support-hive.html),
so the ending follows from the bytes. Its OpenCSVSerDe reads UTF-8, columns by their position, each line as a row, and
has a quote and an escape of its own where none is set (https://docs.aws.amazon.com/athena/latest/ug/csv-serde.html).
What it would read otherwise than the entity's dialect and schema say is refused, as far as the first MiB shows it: the
rest is not read, S3 copies it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from lakelanes.config.model import Entity
from lakelanes.convert.errors import UnreadableSourceError
from lakelanes.convert.source import ByteSource
from lakelanes.convert.unpack import packing_of

# Endings of keys by what text is packed with; what is plain has the first.
PLAIN = "csv"
ENDINGS = {"gzip": "csv.gz", "bzip2": "csv.bz2", "zstandard": "csv.zst"}
# So much of a file is looked at, packed and unpacked.
HEAD_BYTES = 1 << 20
_ELSE = "upload it otherwise, or set the entity's format to 'parquet', which reads it"


@dataclass(frozen=True)
class CopiedText:
    """ending: of the target's key. fault: why the file is refused; None where Athena reads it as the dialect says."""

    ending: str
    fault: str | None = None


def look(head: bytes, entity: Entity, *, is_whole: bool) -> CopiedText:
    """Looks at a file that begins with ``head``, which is all of it if ``is_whole``."""
    packing = packing_of(head)
    ending = ENDINGS.get(packing or "", PLAIN)
    source = ByteSource(io.BytesIO(head))
    if source.foreign:
        return CopiedText(ending, f"the file is no CSV text: it is {source.foreign}")
    if packing and packing not in ENDINGS:
        return CopiedText(ending, f"the file is packed with {packing}, which Athena does not unpack: {_ELSE}")
    if source.encoding != "utf-8":
        what = f"the file looks like {source.encoding}, and Athena reads a 'csv' table as UTF-8"
        return CopiedText(ending, f"{what}: {_ELSE}")
    try:
        text, is_all = _unpacked(source, is_whole)
    except UnreadableSourceError as error:
        return CopiedText(ending, f"the file cannot be read: {error}")
    return CopiedText(ending, next(_faults(text.removeprefix(b"\xef\xbb\xbf"), entity, is_all=is_all), None))


def _unpacked(source: ByteSource, is_whole: bool) -> tuple[bytes, bool]:
    """The first bytes of the text, and whether they are all of it."""
    text, view = bytearray(), memoryview(bytearray(HEAD_BYTES))
    try:
        while len(text) < HEAD_BYTES and (count := source.read_into(view)):
            text += view[:count]
    except UnreadableSourceError:
        if is_whole:
            raise
    return bytes(text[:HEAD_BYTES]), is_whole and len(text) < HEAD_BYTES


def _faults(text: bytes, entity: Entity, *, is_all: bool) -> Iterator[str]:
    try:
        # A character may be cut by the end of the head.
        text.decode("utf-8") if is_all else text[: text.rfind(b"\n") + 1].decode("utf-8")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        yield f"line {line} has the byte 0x{text[error.start]:02x}, which is not UTF-8, as Athena reads it: {_ELSE}"
        return
    lines = text.decode("utf-8", "ignore").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not is_all and len(lines) > 1:
        lines.pop()  # cut
    if not lines[0] and len(lines) == 1:
        return
    yield from _header_faults(lines[0], entity)
    yield from _line_faults(lines, entity)


def _header_faults(header: str, entity: Entity) -> Iterator[str]:
    """What keeps the columns from being where the table has them."""
    dialect = entity.dialect
    found = next(
        csv.reader(
            [header],
            delimiter=dialect.delimiter,
            quotechar=dialect.quote or None,
            quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
            escapechar=dialect.escape if dialect.escape != dialect.quote else None,
        ),
        [],
    )
    names = [name.strip().lower() for name in found]
    wanted = [(column.header or column.name).strip().lower() for column in entity.columns]
    for place, name in enumerate(wanted):
        if name in names and names.index(name) != place and names[place : place + 1] != [name]:
            yield (
                f"the header has {name} as column {names.index(name) + 1}, and the table as {place + 1}: a 'csv' table "
                f"is read by position, so {_ELSE}"
            )
    if len(names) < len(wanted) and entity.missing_columns == "error":
        yield (
            f"the header has {len(names)} of {len(wanted)} columns ({header[:100]}): correct the file, or "
            f"dialect.delimiter, which is {dialect.delimiter!r}; missing_columns 'null' takes it"
        )


def _line_faults(lines: list[str], entity: Entity) -> Iterator[str]:
    quote, escape = entity.dialect.quote, entity.dialect.escape
    for number, line in enumerate(lines, 1):
        if escape is None and "\\" in line:
            yield (
                f"line {number} has a backslash, which Athena's OpenCSVSerDe takes for an escape: set dialect.escape "
                f"to it if it is one; else {_ELSE}"
            )
        if quote is None and '"' in line:
            yield f"line {number} has a double quote, which Athena's OpenCSVSerDe takes for a quote: {_ELSE}"
        plain = "".join(line.split(escape + quote)) if escape and quote and escape != quote else line
        if quote and plain.count(quote) % 2:
            yield (f"line {number} ends within quotes, and Athena's OpenCSVSerDe ends the row there: {_ELSE}")
