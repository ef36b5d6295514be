"""Exports in S3 into Parquet in S3: what the manifests promise is what is there, or the file and line are named."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakelanes.errors import ExportDataError, SourceGoneError
from lakelanes.lake import Lake
from lakelanes.tables import convert
from lakelanes.tables.convert import convert_export, grouped
from lakelanes.tables.data_files import BLOCK_BYTES
from lakelanes.tables.manifests import DataFile, read_manifests
from tests.lakelanes.tables.support import make_table

ID = "01767600000000-a1b2c3d4"
FOLDER = f"exports/AWSDynamoDB/{ID}"
SUMMARY = f"{FOLDER}/manifest-summary.json"
ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/shop-orders"
TARGET = "orders_changes/lane=export/window=20260105T0800Z/"


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def order(number: int) -> dict[str, Any]:
    return {"order_id": {"S": f"o-{number}"}, "total": {"N": f"{number}.25"}, "note": {"S": "ä" * (number % 7)}}


def change(number: int) -> dict[str, Any]:
    item = order(number)
    metadata = {"WriteTimestampMicros": {"N": str(1_767_600_000_000_000 + number)}}
    return {"Metadata": metadata, "Keys": {"order_id": item["order_id"]}, "NewImage": item}


def lines_of(changes: list[Any]) -> bytes:
    return "".join(json.dumps(each) + "\n" for each in changes).encode()


class ExportInS3:
    """An export as DynamoDB writes it; every part can be changed before or after."""

    def __init__(self, lake: Lake, *, full: bool = False) -> None:
        self.s3, self.bucket = lake.s3, lake.config.resources.analytics_bucket
        times = {"exportTime": "2026-01-05T08:00:00.123Z"}
        if not full:
            times = {"exportFromTime": "2026-01-05T08:00:00Z", "exportToTime": "2026-01-05T09:00:00Z"}
        self.summary: dict[str, Any] = {
            "version": "2023-08-01",
            "exportArn": f"{ARN}/export/{ID}",
            "tableArn": ARN,
            "manifestFilesS3Key": f"{FOLDER}/manifest-files.json",
            "itemCount": 0,
            "outputFormat": "DYNAMODB_JSON",
            **times,
        }
        self.files: list[dict[str, Any]] = []

    def put(self, key: str, body: bytes) -> str:
        return str(self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)["ETag"])

    def add(self, body: bytes, items: int, *, pack: Callable[[bytes], bytes] = gzip.compress) -> str:
        key = f"exports/AWSDynamoDB/data/{len(self.files):04d}.json.gz"
        packed = pack(body)
        etag = self.put(key, packed)
        self.files.append({"itemCount": items, "md5Checksum": md5(packed), "etag": etag, "dataFileS3Key": key})
        self.summary["itemCount"] += items
        return key

    def publish(self, suffix: str = ".md5") -> None:
        for name, data in (("files", lines_of(self.files)), ("summary", json.dumps(self.summary).encode())):
            self.put(f"{FOLDER}/manifest-{name}.json", data)
            self.put(f"{FOLDER}/manifest-{name}{suffix}", md5(data).encode())

    def convert(self, **options: Any) -> list[convert.ChangeFile]:
        export = read_manifests(self.s3, self.bucket, SUMMARY)
        return convert_export(self.s3, export, make_table(), self.bucket, TARGET, **options)

    def rows(self) -> list[dict[str, Any]]:
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=TARGET).get("Contents", [])
        rows: list[dict[str, Any]] = []
        for each in found:
            body = self.s3.get_object(Bucket=self.bucket, Key=each["Key"])["Body"].read()
            rows += pq.read_table(pa.BufferReader(body)).to_pylist()
        return rows


@pytest.fixture
def export(lake: Lake) -> ExportInS3:
    return ExportInS3(lake)


def test_an_incremental_export_becomes_change_rows(export: ExportInS3) -> None:
    deleted = {name: part for name, part in change(7).items() if name != "NewImage"} | {"OldImage": order(7)}
    export.add(lines_of([change(1), deleted]), 2)
    export.add(b"", 0)
    export.add(lines_of([change(2)]).rstrip(b"\n"), 1)
    export.publish()
    [file] = export.convert()
    assert file.uri == f"s3://{export.bucket}/{TARGET}{ID}-00000.parquet"
    assert file.rows == 3
    rows = {row["order_id"]: row for row in export.rows()}
    assert {name: row["_op"] for name, row in rows.items()} == {"o-1": "put", "o-2": "put", "o-7": "delete"}
    assert rows["o-7"]["total"] is None
    assert str(rows["o-1"]["total"]) == "1.25"
    assert json.loads(rows["o-1"]["_attributes"]) == {"note": {"S": "ä"}}
    assert rows["o-2"]["_written_at"] == datetime(2026, 1, 5, 8, 0, 0, 2)
    assert {row["_source"] for row in rows.values()} == {"incremental"}


def test_a_full_export_has_the_time_of_the_export(lake: Lake) -> None:
    export = ExportInS3(lake, full=True)
    export.add(lines_of([{"Item": order(1)}]), 1)
    export.publish(".checksum")
    assert read_manifests(export.s3, export.bucket, SUMMARY).export_time == datetime(2026, 1, 5, 8, 0, 0, 123_000, UTC)
    export.convert()
    [row] = export.rows()
    assert (row["_written_at"], row["_source"]) == (datetime(2026, 1, 5, 8, 0, 0, 123_000), "full")


def test_an_export_without_changes_writes_nothing(export: ExportInS3) -> None:
    export.add(b"", 0)
    export.publish()
    assert export.convert() == []
    assert export.rows() == []


def test_many_files_become_few_and_converting_again_replaces_them(
    export: ExportInS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "ITEMS_PER_FILE", 10)
    for at in range(7):
        export.add(lines_of([change(at * 4 + number) for number in range(4)]), 4)
    export.publish()
    first = export.convert(threads=3)
    assert [file.rows for file in first] == [12, 12, 4]
    assert [file.uri for file in export.convert(threads=1)] == [file.uri for file in first]
    assert sorted(row["order_id"] for row in export.rows()) == sorted(f"o-{number}" for number in range(28))


def test_groups_follow_the_manifest() -> None:
    def files(*items: int) -> list[DataFile]:
        return [DataFile("b", f"{at}", count, "") for at, count in enumerate(items)]

    found = [[file.key for file in group] for group in grouped(files(1, 60_000, 0, 49_999, 1, 3))]
    assert found == [["0", "1"], ["2", "3", "4"], ["5"]]
    assert list(grouped([])) == []


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


def test_a_line_that_is_no_change_is_named_and_nothing_is_left(export: ExportInS3) -> None:
    changes = [change(number) for number in range(15_000)]
    del changes[12_345]["Metadata"]
    key = export.add(lines_of(changes), 15_000)
    export.publish()
    with pytest.raises(ExportDataError, match="expected Metadata, Keys and images") as error:
        export.convert()
    assert (error.value.uri, error.value.line) == (f"s3://{export.bucket}/{key}", 12_346)
    assert export.rows() == []


@pytest.mark.parametrize(
    ("spoil", "where", "reason"),
    [
        (lambda e: e.files[0].update(md5Checksum="AAAA"), "data/0000.json.gz", "its MD5 is .*, the manifest says AAAA"),
        (lambda e: e.files[0].update(etag="abc"), "data/0000.json.gz", "its ETag is .*, the manifest says abc"),
        (lambda e: e.put(e.files[0]["dataFileS3Key"], gzip.compress(b"")), "data/0000", "its MD5 is "),
        (lambda e: (e.files[0].update(itemCount=3), e.summary.update(itemCount=3)), "data/0000", "it has 2 lines, the"),
        (lambda e: e.summary.update(itemCount=5), "manifest-summary", "itemCount is 5, but the files of .* have 2"),
        (lambda e: e.summary.update(outputFormat="ION"), "manifest-summary", "outputFormat: found 'ION'"),
        (lambda e: e.summary.update(exportTime="x"), "manifest-summary", "exportTime: found 'x', expected a time"),
        (lambda e: e.summary.pop("exportToTime"), "manifest-summary", "expected exportTime of a full export"),
        (lambda e: e.summary.update(tableArn=ARN + "x"), "export/", "it is of .*, expected table shop-orders"),
        (lambda e: e.files[0].pop("md5Checksum"), "manifest-files.json, line 1", "md5Checksum: found None"),
        (lambda e: e.add(b"no gzip at all", 1, pack=bytes), "data/0001.json.gz, line 1", "it is not JSON"),
        (lambda e: e.add(b"PAR1", 1, pack=bytes), "data/0001.json.gz", "it is Parquet, expected lines of JSON"),
        (lambda e: e.add(b"{}\n" * 9, 9, pack=lambda b: gzip.compress(b)[:-9]), "data/0001", "gzip"),
    ],
)
def test_what_the_manifests_do_not_say_is_an_error_that_names_the_file(
    export: ExportInS3, spoil: Callable[[ExportInS3], Any], where: str, reason: str
) -> None:
    export.add(lines_of([change(1), change(2)]), 2)
    spoil(export)
    export.publish()
    with pytest.raises(ExportDataError, match=reason) as error:
        export.convert()
    assert where in str(error.value)
    assert export.rows() == []


def test_a_damaged_manifest_is_not_believed(export: ExportInS3) -> None:
    export.add(lines_of([change(1)]), 1)
    export.publish()
    export.put(SUMMARY, json.dumps(export.summary | {"x": 1}).encode())
    with pytest.raises(ExportDataError, match="its MD5 is"):
        export.convert()
    export.s3.delete_object(Bucket=export.bucket, Key=f"{FOLDER}/manifest-summary.md5")
    with pytest.raises(ExportDataError, match="there is no checksum beside it"):
        export.convert()


def test_a_data_file_that_is_gone_is_named(export: ExportInS3) -> None:
    key = export.add(lines_of([change(1)]), 1)
    export.publish()
    export.s3.delete_object(Bucket=export.bucket, Key=key)
    with pytest.raises(SourceGoneError, match=key):
        export.convert()
