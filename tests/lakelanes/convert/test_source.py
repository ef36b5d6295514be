"""The bytes of a source: what they are told by, and in which pieces they come."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import re
from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.convert import Dialect, Tuning
from lakelanes.convert.blocks import BLOCK_BYTES
from lakelanes.convert.source import ByteSource
from lakelanes.convert.transcode import encoding_of
from tests.lakelanes.convert.support import load
from tests.support.properties import examples


def test_a_file_that_is_no_text() -> None:
    outcome = load(b"PAR1\n\x15\x04\n")
    assert outcome.conversion.refused == (
        "the file is Parquet, expected text in UTF-8, plain or packed with gzip, bzip2, zstandard or zip"
    )
    assert outcome.conversion.records == 2


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


WIDE = ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("configured", ["utf-8", "cp1252", "shift_jis", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("actual", WIDE)
def test_the_zeros_of_wide_characters_show_an_encoding_without_a_mark(
    actual: str, configured: str, pack: Callable[[bytes], bytes]
) -> None:
    outcome = load(pack(TEXT.encode(actual)), dialect=Dialect(encoding=configured))
    if actual == configured:
        assert outcome.column("id") == ["Müller"]
        return
    zeros = "every other byte is zero" if "16" in actual else "three of four bytes are zero"
    assert outcome.conversion.refused == (
        f"the file looks like {actual[:6].upper()} without a byte order mark: {zeros} where characters are plain, "
        f"but dialect.encoding is {configured!r}; set it to {actual!r}"
    )
    assert [(row["line"], row["raw"]) for row in outcome.rejects] == [(1, "id,amount,day"), (2, "Müller,1,2024-01-01")]


names = st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=9), min_size=2, max_size=9)


@examples(200)
@given(names, st.sampled_from(["utf-8", "utf-8", *WIDE, "gb18030", "shift_jis", "cp1251", "utf-16", "utf-32"]))
def test_no_text_is_taken_for_another_encoding_than_its_own(names: list[str], encoding: str) -> None:
    head = (";".join(names) + "\n" + ";".join("0123456789" for _ in names) + "\n").encode(encoding, "replace")[:512]
    marked = encoding in ("utf-16", "utf-32")
    assert encoding_of(head, encoding) == (f"{encoding}-le" if marked else encoding, None)
    found = encoding_of(head, "cp1252")
    if encoding in WIDE:
        assert found[0] in (encoding, "cp1252"), "a script without any plain character near the beginning is not told"
    elif not marked:
        assert found == ("cp1252", None)


@pytest.mark.parametrize("script", ["Имя клиента", "客户名称", "名前", "اسم", "Łódź", "Kunde"])
@pytest.mark.parametrize("encoding", WIDE)
def test_every_script_shows_its_zeros_at_delimiters_and_line_ends(script: str, encoding: str) -> None:
    head = f"{script};2024;{script}\r\n1;2;3\r\n".encode(encoding)
    assert encoding_of(head, "utf-8")[0] == encoding


@pytest.mark.parametrize("text", ["a\0", "a\0b\0c\0", "\0", "\0a", "ab\0\0\0\0", "a\0\0\0"])
def test_zeros_in_the_rows_of_a_text_are_a_part_of_their_values(text: str) -> None:
    data = b"id,amount,day\n" + f"{text},1,\n".encode() * 40
    assert load(data).column("id") == [text] * 40
    for encoding in ("latin-1", "shift_jis"):
        assert load(data, dialect=Dialect(encoding=encoding)).column("id") == [text] * 40


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


PACKERS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "zstandard": lambda data: pa.compress(data, "zstd", asbytes=True),
}
REPEATED = b"id,amount,day\n" + b"a,1,2024-01-01\n" * 200_000


@pytest.fixture
def little_for_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakelanes.convert.source.UNPACKED_FREELY", 2 << 20)
    monkeypatch.setattr("lakelanes.convert.source.HEAD_UNPACKED", 1 << 18)


@pytest.mark.slow
@pytest.mark.usefixtures("little_for_free")
@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("threads", [1, 2])
def test_a_file_that_unpacks_too_far_is_refused_with_the_figures_and_its_first_rows(packer: str, threads: int) -> None:
    packed = PACKERS[packer](REPEATED)
    outcome = load(packed, tuning=Tuning(threads=threads), max_compression_ratio=10)
    refused = outcome.conversion.refused
    figures = re.fullmatch(
        r"the file unpacks to more than 10 times its bytes: (\d+) became (\d+); "
        r"if that is right, raise max_compression_ratio",
        refused or "",
    )
    assert figures is not None, refused
    read, unpacked = map(int, figures.groups())
    assert read <= len(packed) and 10 * read < unpacked < len(REPEATED), "it was not read to its end"
    assert len(outcome.rejects) == outcome.conversion.rows_rejected
    assert (1 << 18) - 100 <= 15 * outcome.conversion.rows_rejected <= (1 << 18) + BLOCK_BYTES
    assert all(refused in reason for reason in outcome.reasons() if refused)


@pytest.mark.usefixtures("little_for_free")
@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("ratio", [100_000, None])
def test_a_file_may_unpack_as_far_as_the_setting_says(packer: str, ratio: int | None) -> None:
    assert load(PACKERS[packer](REPEATED), max_compression_ratio=ratio).conversion.rows_loaded == 200_000


@pytest.mark.parametrize("packer", PACKERS)
def test_any_small_file_may_unpack_from_next_to_nothing(packer: str) -> None:
    assert load(PACKERS[packer](REPEATED), max_compression_ratio=1).conversion.rows_loaded == 200_000


@pytest.mark.usefixtures("little_for_free")
def test_a_file_that_is_not_packed_has_no_ratio() -> None:
    assert load(REPEATED, max_compression_ratio=1).conversion.rows_loaded == 200_000


@pytest.mark.usefixtures("little_for_free")
@pytest.mark.parametrize(
    "data", [b"\0" * (4 << 20), b"id,amount,day\na,1,\n" + b"\0" * (8 << 20)], ids=["header", "row"]
)
def test_one_line_that_unpacks_too_far_is_refused_as_well(data: bytes) -> None:
    outcome = load(gzip.compress(data), max_compression_ratio=10)
    assert (outcome.conversion.refused or "").startswith("the file unpacks to more than 10 times")
    assert outcome.conversion.rows_rejected == len(data[:30].splitlines()) - (data[:1] != b"\0")
