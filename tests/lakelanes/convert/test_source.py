"""The bytes of a source: what they are told by, and in which pieces they come."""

from __future__ import annotations

import codecs
import gzip
import io
from collections.abc import Callable

import pytest

from lakelanes.convert import Dialect
from lakelanes.convert.source import ByteSource
from tests.lakelanes.convert.support import load


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"PAR1\n\x15\x04\n", "Parquet"),
        (b"\xfd7zXZ\x00\n", "xz"),
    ],
)
def test_a_file_that_is_no_text(data: bytes, name: str) -> None:
    outcome = load(data)
    assert outcome.conversion.refused == (
        f"the file is {name}, expected text in UTF-8, plain or packed with gzip, bzip2, zstandard or zip"
    )
    assert outcome.conversion.records > 0


TEXT = "id,amount,day\nMüller,1,2024-01-01\n"
MARKED = {
    "utf-8": codecs.BOM_UTF8 + TEXT.encode(),
    "utf-16-le": codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
    "utf-16-be": codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
    "utf-32-le": codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
    "utf-32-be": codecs.BOM_UTF32_BE + TEXT.encode("utf-32-be"),
}


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("configured", ["utf-8", "cp1252", "shift_jis", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("marked", MARKED)
def test_a_byte_order_mark_and_the_encoding_agree_or_the_file_is_refused(
    marked: str, configured: str, pack: Callable[[bytes], bytes]
) -> None:
    outcome = load(pack(MARKED[marked]), dialect=Dialect(encoding=configured))
    if marked.startswith(configured):
        assert outcome.column("id") == ["Müller"]
        return
    name = marked[:-3] if marked[-3:] in ("-le", "-be") else marked
    assert outcome.conversion.refused == (
        f"the file looks like {name.upper()}: it begins with the byte order mark of {marked}, "
        f"but dialect.encoding is {configured!r}; set it to {(marked if configured.startswith(name) else name)!r}"
    )
    assert [(row["line"], row["raw"]) for row in outcome.rejects] == [(1, "id,amount,day"), (2, "Müller,1,2024-01-01")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_without_a_mark_the_order_of_bytes_is_little_endian(encoding: str) -> None:
    outcome = load(TEXT.encode(f"{encoding}-le"), dialect=Dialect(encoding=encoding))
    assert outcome.column("id") == ["Müller"]
    swapped = load(TEXT.encode(f"{encoding}-be"), dialect=Dialect(encoding=encoding))
    assert swapped.conversion.refused == (
        f"the file looks like {encoding}-be: its first byte is zero, and without a byte order mark "
        f"{encoding} is little-endian; set dialect.encoding to '{encoding}-be'"
    )
    assert [row["raw"] for row in swapped.rejects] == TEXT.splitlines()


class Dripping(io.BytesIO):
    """Gives one byte at a time."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(1, size if size is not None and size >= 0 else 1))


@pytest.mark.parametrize("raw", [io.BytesIO, Dripping])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_all_bytes_come_in_utf8_and_in_order(raw: type[io.BytesIO], encoding: str) -> None:
    text = "id,name\n1,Zoë\n" * 50
    source = ByteSource(raw(text.encode(encoding)), encoding)
    found, view = b"", memoryview(bytearray(7))
    while count := source.read_into(view):
        found += bytes(view[:count])
    assert found.decode().lstrip("\ufeff") == text
    assert source.foreign is None


def test_a_source_is_closed_if_it_can_be() -> None:
    raw = io.BytesIO(b"x")
    ByteSource(raw).close()
    assert raw.closed
