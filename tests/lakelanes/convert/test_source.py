"""The bytes of a source: what they are told by, and in which pieces they come."""

from __future__ import annotations

import io

import pytest

from lakelanes.convert.source import ByteSource
from tests.lakelanes.convert.support import load


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("id,amount,day\na,1,2024-01-01\n".encode("utf-16"), "UTF-16"),
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
