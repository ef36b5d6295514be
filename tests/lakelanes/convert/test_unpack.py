"""Packed sources: told by their first bytes, whole, cut off or damaged."""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from lakelanes.convert import Destination, Dialect, Source, TargetTable, Tuning, convert
from tests.lakelanes.convert.support import SALES, Sinks, load, table_columns

HEADER = b"id,amount,day\n"
ROWS = b"".join(b"row %d,%d.50,2024-01-01\n" % (number, number) for number in range(20_000))


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return bytes(sink.getvalue())


class OneWay(io.RawIOBase):
    """A file that cannot be sought in, so that zipfile writes the sizes behind the data."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += data
        return len(data)


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, streamed: bool = False) -> bytes:
    target: Any = OneWay() if streamed else io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return bytes(target.data) if streamed else target.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "zstandard": zstd,
    "zip": lambda data: zipped(("sales.csv", data)),
    "zip, streamed": lambda data: zipped(("sales.csv", data), streamed=True),
    "zip, stored": lambda data: zipped(("sales.csv", data), method=zipfile.ZIP_STORED),
    "zip, with a folder": lambda data: zipped(("out/", b""), ("out/sales.csv", data)),
}
each_packer = pytest.mark.parametrize("packer", PACKERS)


class Dripping(io.BytesIO):
    """A source that gives less than it is asked for, as a network does."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 1, 1000))


@each_packer
def test_what_a_file_is_packed_with_is_told_by_its_first_bytes(packer: str) -> None:
    outcome = load(PACKERS[packer](HEADER + ROWS))
    assert outcome.conversion.refused is None
    assert outcome.conversion.rows_loaded == 20_000
    assert outcome.rows == load(HEADER + ROWS).rows


@each_packer
def test_reads_may_end_anywhere(packer: str) -> None:
    data, target = PACKERS[packer](HEADER + ROWS), Sinks()
    conversion = convert(
        Source(lambda: Dripping(data), "s"), Destination(target, Sinks()), TargetTable(table_columns(SALES))
    )
    assert (conversion.rows_loaded, conversion.refused) == (20_000, None)


@each_packer
def test_an_empty_packed_file(packer: str) -> None:
    assert load(PACKERS[packer](b"")).rows == []


@pytest.mark.parametrize("packer", ["gzip", "bzip2", "zstandard"])
def test_members_one_after_the_other(packer: str) -> None:
    pack = PACKERS[packer]
    data = pack(HEADER + b"a,1,") + pack(b"\n") + pack(b"") + pack(b"b,2,\n")
    assert load(data).column("id") == ["a", "b"]


@pytest.mark.parametrize("packer", ["gzip", "bzip2"])
def test_zeros_after_the_last_member_are_padding(packer: str) -> None:
    assert load(PACKERS[packer](HEADER + b"a,1,\n") + b"\0" * 700).column("id") == ["a"]


@pytest.mark.slow
@each_packer
@pytest.mark.parametrize("threads", [1, 2])
def test_a_truncated_file_is_refused_with_every_readable_row_in_the_rejects(packer: str, threads: int) -> None:
    rows = ROWS + b"bad,x,\n" + ROWS
    # bzip2 is readable by blocks of 900 KB only.
    whole = PACKERS[packer](HEADER + rows * (3 if packer == "bzip2" else 1))
    outcome = load(whole[: len(whole) - 4000], tuning=Tuning(threads=threads, block_bytes=10_000))
    name = packer.partition(",")[0]
    assert outcome.conversion.refused == f"the {name} data ends early: the file was cut off"
    assert outcome.conversion.records > 30_000
    raws = [reject["raw"] for reject in outcome.rejects]
    assert (rows * 3).startswith("\n".join(raws).encode())
    assert [reject["line"] for reject in outcome.rejects] == list(range(2, len(raws) + 2))
    bad = [reject["reason"] for reject in outcome.rejects if reject["column"]]
    assert bad == ["'x' is not a decimal(10,2)"] * (outcome.conversion.records - outcome.conversion.rows_withheld)
    assert outcome.conversion.first_reject is not None
    assert outcome.conversion.first_reject.line == 2, "the line is of what the file is refused for"


@each_packer
def test_a_file_is_refused_wherever_it_is_cut_off(packer: str) -> None:
    whole = PACKERS[packer](HEADER + b"a,1,\nb,2,\n")
    for length in range(10, len(whole)):
        outcome = load(whole[:length])
        assert outcome.conversion.refused is not None, length
        assert {reject["raw"] for reject in outcome.rejects} <= {"a,1,", "b,2,"} | {
            b"b,2,"[:n].decode() for n in range(4)
        } | {b"a,1,"[:n].decode() for n in range(4)} | {HEADER[:n].decode() for n in range(14)}


@pytest.mark.parametrize("packer", [packer for packer in PACKERS if packer != "zstandard"])
def test_a_damaged_file_is_refused(packer: str) -> None:
    data = bytearray(PACKERS[packer](HEADER + ROWS))
    data[len(data) // 2 : len(data) // 2 + 64] = bytes(64)
    outcome = load(bytes(data))
    assert outcome.conversion.refused is not None
    assert outcome.conversion.refused.startswith(f"the {packer.partition(',')[0]} data is damaged: ")
    assert outcome.rows is None


def test_a_damaged_block_of_zstandard_is_refused() -> None:
    """Other damage is noticed only where the file has checksums, which pyarrow cannot write."""
    whole = zstd(HEADER + ROWS)
    block = 6  # after the magic bytes and a frame header of two bytes
    outcome = load(whole[:block] + b"\xff" + whole[block + 1 :])
    assert outcome.conversion.refused is not None
    assert outcome.conversion.refused.startswith("the zstandard data is damaged: ")


@pytest.mark.parametrize("packer", ["gzip", "bzip2", "zstandard"])
def test_bytes_after_the_last_member_are_damage(packer: str) -> None:
    outcome = load(PACKERS[packer](HEADER + b"a,1,\n") + b"not packed")
    assert outcome.conversion.refused is not None
    assert "damaged" in outcome.conversion.refused
    assert [reject["raw"] for reject in outcome.rejects] == ["a,1,"]


@pytest.mark.parametrize(
    ("magic", "name"), [(b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstandard"), (b"PK\3\4", "zip")]
)
def test_only_the_magic_bytes(magic: bytes, name: str) -> None:
    outcome = load(magic)
    assert outcome.conversion.refused == f"the {name} data ends early: the file was cut off"
    assert outcome.conversion.records == 0


def test_a_header_that_begins_like_bzip2_is_text() -> None:
    assert load(b"BZh1,amount\na,1\n", {"BZh1": "string", "amount": "int"}).rows == [("a", 1)]


@pytest.mark.parametrize("streamed", [False, True])
def test_an_archive_of_several_files_is_refused_with_the_rows_of_the_first(streamed: bool) -> None:
    data = zipped(("a.csv", HEADER + b"a,1,\nb,x,\n"), ("b.csv", HEADER + b"c,2,\n"), streamed=streamed)
    outcome = load(data)
    refused = "the zip archive holds more than one file: 'b.csv' after 'a.csv'; one is expected"
    assert outcome.conversion.refused == refused
    assert outcome.reasons() == [f"the file was refused: {refused}", "'x' is not a decimal(10,2)"]


EXTRAS = [".DS_Store", "__MACOSX/._sales.csv", "out/Thumbs.db", "README.txt", "docs/ReadMe", "LICENSE", "about.PDF",
          "sales.csv.sha256", "datapackage.json"]  # fmt: skip


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("before", [0, 1, len(EXTRAS)])
def test_what_lies_beside_the_one_file_of_data_is_left_out(before: int, streamed: bool) -> None:
    extras = [(name, bytes(range(256)) * 300) for name in EXTRAS]
    files = [*extras[:before], ("out/sales.csv", HEADER + ROWS), *extras[before:]]
    outcome = load(zipped(*files, streamed=streamed))
    assert (outcome.conversion.refused, outcome.conversion.rows_loaded) == (None, 20_000)


@pytest.mark.parametrize("name", ["b.csv", "b.txt", "readmes.csv", "b", "MACOSX/b.csv", "json"])
def test_what_may_be_data_is_no_extra(name: str) -> None:
    outcome = load(zipped(("a.csv", HEADER + b"a,1,\n"), ("README.txt", b"x"), (name, b"x")))
    refused = f"the zip archive holds more than one file: {name!r} after 'a.csv'; one is expected"
    assert outcome.conversion.refused == refused


def test_an_extra_that_cannot_be_unpacked_is_left_out_all_the_same() -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("LICENSE", b"x" * 1000, zipfile.ZIP_LZMA)
        archive.writestr("a.csv", HEADER + b"a,1,\n", zipfile.ZIP_DEFLATED)
    assert load(sink.getvalue()).column("id") == ["a"]


def test_an_extra_that_is_damaged_refuses_the_archive() -> None:
    data = bytearray(zipped(("a.csv", HEADER + b"a,1,\n"), ("README", b"x" * 1000), streamed=True))
    data[data.index(b"README") + 8] ^= 1
    refused = load(bytes(data)).conversion.refused
    assert refused is not None and refused.startswith("the zip data is damaged: ")


@pytest.mark.parametrize(
    ("data", "refused"),
    [
        (zipped(), "the zip archive holds no file; one of data is expected"),
        (zipped(("folder/", b"")), "the zip archive holds no file; one of data is expected"),
        (
            zipped(("README.txt", HEADER), ("._a.csv", b"")),
            "the zip archive holds no file but 'README.txt', '._a.csv'; one of data is expected",
        ),
        (
            zipped(("a.csv", HEADER), method=zipfile.ZIP_LZMA),
            "'a.csv' in the zip archive is compressed with LZMA, expected deflate",
        ),
        (
            zipped(("a.csv", HEADER), method=zipfile.ZIP_STORED, streamed=True),
            "'a.csv' in the zip archive is stored without its size in front: it cannot be read as it comes",
        ),
    ],
)
def test_archives_that_cannot_be_read(data: bytes, refused: str) -> None:
    assert load(data).conversion.refused == refused


def test_an_encrypted_archive_is_refused() -> None:
    data = bytearray(zipped(("a.csv", HEADER)))
    data[6] |= 1
    assert load(bytes(data)).conversion.refused == "'a.csv' in the zip archive is encrypted"


def test_an_archive_whose_checksum_is_wrong_is_refused() -> None:
    data = zipped(("a.csv", HEADER + b"a,1,\n"), method=zipfile.ZIP_STORED).replace(b"a,1,", b"a,2,")
    outcome = load(data)
    assert outcome.conversion.refused == (
        "the zip data is damaged: the checksum or the size of 'a.csv' is not what it was when it was packed"
    )
    assert [reject["raw"] for reject in outcome.rejects] == ["a,2,"]


def test_an_archive_with_zip64_sizes() -> None:
    target = io.BytesIO()
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.csv", "w", force_zip64=True) as a,
    ):
        a.write(HEADER + b"a,1,\n")
    assert load(target.getvalue()).column("id") == ["a"]
    one_way: Any = OneWay()
    with (
        zipfile.ZipFile(one_way, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.csv", "w", force_zip64=True) as a,
    ):
        a.write(HEADER + b"a,1,\n")
    assert load(bytes(one_way.data)).column("id") == ["a"]


@pytest.mark.parametrize("packer", ["gzip", "zstandard", "zip"])
def test_a_failing_source_is_no_damage(packer: str) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 20_000:
                raise ConnectionResetError("connection reset by peer")
            return super().read(min(size or 1, 5_000))

    data = PACKERS[packer](HEADER + ROWS)
    with pytest.raises(ConnectionResetError):
        convert(Source(lambda: Broken(data), "s"), Destination(Sinks(), Sinks()), TargetTable(table_columns(SALES)))


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_whatever_is_damaged_and_however_nothing_is_raised(encoding: str) -> None:
    """The damage is the file's fault: the accounts add up (see load), and a refused file has a reason."""
    random = Random(13)
    text = "id,amount,day\n" + "".join(f'"r{number}",{number}.5,\n' for number in range(40))
    for pack in [bytes, *PACKERS.values()]:
        packed = pack(text.encode(encoding))
        for _ in range(60):
            data = bytearray(packed)
            for _ in range(random.choice([1, 2, 5])):
                at = random.randrange(len(data) + 1)
                data[at : at + random.randint(0, 3)] = random.randbytes(random.randint(0, 3))
            load(bytes(data), dialect=Dialect(encoding=encoding), tuning=Tuning(threads=1, block_bytes=64))


def test_a_frame_of_zstandard_that_needs_too_much_memory_is_refused_with_the_rows_before_it() -> None:
    first = zstd(HEADER + b"a,1,\nb,2,\n")
    large = b"\x28\xb5\x2f\xfd\x00" + bytes([17 << 3]) + b"\x01\x00\x00"
    outcome = load(first + large)
    assert outcome.conversion.refused == (
        "the zstandard data takes a window of 128 MiB to unpack, and it may be 64 MiB: pack it with a level of 19 or "
        "less, without --long"
    )
    assert [row["raw"] for row in outcome.rejects] == ["a,1,", "b,2,"]
    assert load(large).conversion.refused == outcome.conversion.refused


def test_a_frame_of_zstandard_that_knows_its_size_needs_no_more() -> None:
    """As `zstd --ultra -22` packs a small file: a window of 128 MiB for some bytes."""
    text = HEADER + b"a,1,\n"
    raw_block = (len(text) << 3 | 1).to_bytes(3, "little") + text
    frame = b"\x28\xb5\x2f\xfd\xc0" + bytes([17 << 3]) + len(text).to_bytes(8, "little") + raw_block
    assert load(frame).column("id") == ["a"]
