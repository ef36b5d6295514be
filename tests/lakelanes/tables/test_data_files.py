"""The data files of an export in S3: read whole whatever their size, or named when they are not what was exported."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Callable
from typing import Any

import pytest

from lakelanes.errors import ExportDataError, SourceGoneError
from lakelanes.lake import Lake
from lakelanes.tables import data_files
from lakelanes.tables.data_files import BLOCK_BYTES, DataReader
from lakelanes.tables.manifests import DataFile, md5_text
from tests.lakelanes.tables.export_in_s3 import ExportInS3, assert_refused, change, lines_of


@pytest.fixture
def export(lake: Lake) -> ExportInS3:
    return ExportInS3(lake)


def test_a_file_longer_than_a_block_is_read_whole(export: ExportInS3) -> None:
    wide = change(0)
    wide["NewImage"]["note"] = {"S": "x" * (BLOCK_BYTES + 1000)}
    changes = [wide, *(change(number) for number in range(1, 20_000))]
    export.add(lines_of(changes), len(changes))
    export.publish()
    [file] = export.convert()
    assert file.rows == 20_000
    rows = export.rows()
    assert len({row["order_id"] for row in rows}) == 20_000
    assert sum(int(str(row["total"]).replace(".25", "")) for row in rows) == sum(range(20_000))


def test_a_data_file_that_is_gone_is_named(export: ExportInS3) -> None:
    key = export.add(lines_of([change(1)]), 1)
    export.publish()
    export.s3.delete_object(Bucket=export.bucket, Key=key)
    with pytest.raises(SourceGoneError, match=key):
        export.convert()


@pytest.mark.parametrize(
    ("spoil", "where", "reason"),
    [
        (lambda e: e.files[0].update(md5Checksum="AAAA"), "data/0000.json.gz", "its MD5 is .*, the manifest says AAAA"),
        (lambda e: e.files[0].update(etag="abc"), "data/0000.json.gz", "its ETag is .*, the manifest says abc"),
        (lambda e: e.put(e.files[0]["dataFileS3Key"], gzip.compress(b"")), "data/0000", "its MD5 is "),
        (lambda e: (e.files[0].update(itemCount=3), e.summary.update(itemCount=3)), "data/0000", "it has 2 lines, the"),
        (lambda e: e.add(b"no gzip at all", 1, pack=bytes), "data/0001.json.gz, line 1", "it is not JSON"),
        (lambda e: e.add(b"PAR1", 1, pack=bytes), "data/0001.json.gz", "it is Parquet, expected lines of JSON"),
        (lambda e: e.add(b"{}\n" * 9, 9, pack=lambda b: gzip.compress(b)[:-9]), "data/0001", "gzip"),
    ],
)
def test_a_data_file_that_differs_from_the_manifest_is_an_error_that_names_it(
    export: ExportInS3, spoil: Callable[[ExportInS3], Any], where: str, reason: str
) -> None:
    assert_refused(export, spoil, where, reason)


def read_lines(lines: bytes, items: int) -> list[bytes]:
    packed = gzip.compress(lines)
    file = DataFile("b", "k", items, md5_text(hashlib.md5(packed)))
    reader, found = DataReader(file, lambda _: io.BytesIO(packed), block_bytes=16), []
    for data, length in reader.blocks():
        block = bytes(data[:length])
        assert block.endswith(b"\n"), "whole lines"
        found += block.splitlines()
        reader.lines += len(block.splitlines())
    return found


def test_a_line_may_be_as_long_as_the_limit_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_files, "MAX_LINE_BYTES", 64)
    longest = b'{"a":"' + b"x" * 55 + b'"}'
    assert len(longest + b"\n") == 64
    assert read_lines(b"{}\n" + longest + b"\n{}\n", 3) == [b"{}", longest, b"{}"]
    with pytest.raises(ExportDataError, match="a line has more than") as error:
        read_lines(b"{}\n" + longest + b" \n{}\n", 3)
    assert error.value.line == 2
