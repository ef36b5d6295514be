"""The manifests of an export in S3: read strictly, and never believed against their checksum."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from lakelanes.errors import ExportDataError
from lakelanes.lake import Lake
from lakelanes.tables.manifests import read_manifests
from tests.lakelanes.tables.export_in_s3 import FOLDER, SUMMARY, ExportInS3, assert_refused, change, lines_of, order


@pytest.fixture
def export(lake: Lake) -> ExportInS3:
    return ExportInS3(lake)


def test_a_full_export_has_the_time_of_the_export(lake: Lake) -> None:
    export = ExportInS3(lake, full=True)
    export.add(lines_of([{"Item": order(1)}]), 1)
    export.publish(".checksum")
    assert read_manifests(export.s3, export.bucket, SUMMARY).export_time == datetime(2026, 1, 5, 8, 0, 0, 123_000, UTC)
    export.convert()
    [row] = export.rows()
    assert (row["_written_at"], row["_source"]) == (datetime(2026, 1, 5, 8, 0, 0, 123_000), "full")


def test_a_damaged_manifest_is_not_believed(export: ExportInS3) -> None:
    export.add(lines_of([change(1)]), 1)
    export.publish()
    export.put(SUMMARY, json.dumps(export.summary | {"x": 1}).encode())
    with pytest.raises(ExportDataError, match="its MD5 is"):
        export.convert()
    export.s3.delete_object(Bucket=export.bucket, Key=f"{FOLDER}/manifest-summary.md5")
    with pytest.raises(ExportDataError, match="there is no checksum beside it"):
        export.convert()


@pytest.mark.parametrize(
    ("spoil", "where", "reason"),
    [
        (lambda e: e.summary.update(itemCount=5), "manifest-summary", "itemCount is 5, but the files of .* have 2"),
        (lambda e: e.summary.update(outputFormat="ION"), "manifest-summary", "outputFormat: found 'ION'"),
        (lambda e: e.summary.update(exportTime="x"), "manifest-summary", "exportTime: found 'x', expected a time"),
        (lambda e: e.summary.pop("exportToTime"), "manifest-summary", "expected exportTime of a full export"),
        (lambda e: e.files[0].pop("md5Checksum"), "manifest-files.json, line 1", "md5Checksum: found None"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_an_error_that_names_it(
    export: ExportInS3, spoil: Callable[[ExportInS3], Any], where: str, reason: str
) -> None:
    assert_refused(export, spoil, where, reason)
