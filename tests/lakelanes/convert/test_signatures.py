"""Files that are no CSV: each is named, with what to do, and a header that begins like one of them is a header."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet
import pytest

from lakelanes.convert.signatures import format_of
from tests.lakelanes.convert.support import load

CSV = b"id,amount,day\na,1,\n"


def written(write: object) -> bytes:
    """What one of pyarrow's writers makes of a table."""
    sink = io.BytesIO()
    write(pa.table({"a": [1, 2, 3]}), sink)  # type: ignore[operator]
    return sink.getvalue()


def arrow_file(table: pa.Table, sink: io.BytesIO) -> None:
    with pa.ipc.new_file(sink, table.schema) as target:
        target.write_table(table)


def archive(*names: str, content: bytes = b"<?xml?>") -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as target:
        for name in names:
            target.writestr(name, content)
    return sink.getvalue()


def open_document() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as target:
        target.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        target.writestr("content.xml", b"<?xml?>")
    return sink.getvalue()


def tar(form: int = tarfile.PAX_FORMAT) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=form) as target:
        entry = tarfile.TarInfo("data.csv")
        entry.size = len(CSV)
        target.addfile(entry, io.BytesIO(CSV))
    return sink.getvalue()


WHAT = {
    "Parquet": (written(pyarrow.parquet.write_table), "Parquet"),
    "ORC": (written(pyarrow.orc.write_table), "ORC"),
    "Arrow": (written(arrow_file), "Arrow"),
    "xz": (lzma.compress(CSV), "xz (pack it with gzip"),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\4" + bytes(24), "a 7z archive (pack it with gzip"),
    "RAR": (b"Rar!\x1a\x07\x01\0" + bytes(24), "a RAR archive (pack it with gzip"),
    "lz4": (bytes(pa.compress(CSV, "lz4", asbytes=True)), "lz4 (pack it with gzip"),
    "snappy": (b"\xff\x06\x00\x00sNaPpY" + bytes(24), "snappy (pack it with gzip"),
    "compress": (b"\x1f\x9d\x90" + bytes(24), "packed with compress (pack it with gzip"),
    "Avro": (b"Obj\x01\x04\x16avro.schema", "Avro"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "an Excel workbook (.xls)"),
    "xlsx of Excel": (archive("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml"), "an Excel workbook (.xlsx)"),
    "xlsx of openpyxl": (archive("docProps/app.xml", "xl/theme/theme1.xml"), "an Excel workbook (.xlsx)"),
    "xlsx of others": (archive("xl/worksheets/sheet1.xml", "[Content_Types].xml"), "an Excel workbook (.xlsx)"),
    "ods": (open_document(), "an OpenDocument file, such as .ods"),
    "tar": (tar(), "a tar archive (upload the CSV file in it by itself)"),
    "tar of GNU": (tar(tarfile.GNU_FORMAT), "a tar archive (upload"),
    "tar, old": (tar(tarfile.USTAR_FORMAT), "a tar archive (upload"),
    "PDF": (b"%PDF-1.7\n%\xb5\xed\xae\xfb\n", "PDF"),
    "SQLite": (b"SQLite format 3\0" + bytes(100), "an SQLite database"),
}


@pytest.mark.parametrize("kind", WHAT)
def test_a_file_that_is_no_text_is_named_packed_or_not(kind: str) -> None:
    data, name = WHAT[kind]
    outcome = load(data)
    assert str(outcome.conversion.refused).startswith(f"the file is {name}")
    assert "expected text in UTF-8, plain or packed with gzip, bzip2, zstandard or zip" in outcome.conversion.refused
    packed = load(gzip.compress(data)).conversion.refused
    assert str(packed).startswith(f"the file is packed with gzip, and inside it is {name}")


@pytest.mark.parametrize("inner", [gzip.compress, bz2.compress, lambda data: archive("data.csv", content=data)])
@pytest.mark.parametrize(
    ("name", "outer"),
    [("zip", lambda data: archive("data.csv.gz", content=data)), ("gzip", gzip.compress), ("bzip2", bz2.compress)],
)
def test_a_file_that_is_packed_twice_says_with_what(name: str, outer: object, inner: object) -> None:
    data = outer(inner(CSV))  # type: ignore[operator]
    kind = {b"\x1f": "gzip", b"B": "bzip2", b"P": "zip"}[inner(CSV)[:1]]  # type: ignore[operator]
    refused = load(data).conversion.refused
    assert str(refused).startswith(f"the file is packed twice, with {kind} inside {name} (pack it once), expected text")


@pytest.mark.parametrize("kind", WHAT)
def test_the_lines_of_a_file_that_is_no_text_show_no_control_character(kind: str) -> None:
    outcome = load(WHAT[kind][0])
    assert all(character >= " " or character == "\t" for row in outcome.rejects for character in row["raw"])
    assert outcome.conversion.rows_withheld == outcome.conversion.records


@pytest.mark.parametrize("name", ["PAR1", "ORC", "PAR1 of 2", "Obj", "7z", "Rar!", "BZh9", "ustar"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda data: archive("xl.csv", content=data)])
def test_a_header_that_begins_like_a_format_is_a_header(name: str, pack: object) -> None:
    data = f"{name},amount,day\na,1,\n".encode()
    outcome = load(pack(data), {name.lower(): "string", "amount": "int", "day": "date"})  # type: ignore[operator]
    assert outcome.rows == [("a", 1, None)]


def test_what_is_cut_off_before_it_can_be_told_is_no_format() -> None:
    for kind, (data, _) in WHAT.items():
        for length in range(300):
            format_of(data[:length])
        if kind.startswith(("xlsx", "ods")):
            assert format_of(data[:25]) is None


def test_a_folder_of_that_name_in_an_archive_is_no_workbook() -> None:
    assert load(archive("xl/data.csv", content=CSV)).column("id") == ["a"]
