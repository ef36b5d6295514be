"""Exports in S3 into Parquet in S3: what the manifests promise is what is there, or the file and line are named."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from lakelanes.errors import ExportDataError
from lakelanes.lake import Lake
from lakelanes.tables import convert
from lakelanes.tables.convert import grouped
from lakelanes.tables.manifests import DataFile
from tests.lakelanes.tables.export_in_s3 import ARN, ID, TARGET, ExportInS3, change, lines_of, order


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


def test_a_line_that_is_no_change_is_named_and_nothing_is_left(export: ExportInS3) -> None:
    changes = [change(number) for number in range(15_000)]
    del changes[12_345]["Metadata"]
    key = export.add(lines_of(changes), 15_000)
    export.publish()
    with pytest.raises(ExportDataError, match="expected Metadata, Keys and images") as error:
        export.convert()
    assert (error.value.uri, error.value.line) == (f"s3://{export.bucket}/{key}", 12_346)
    assert export.rows() == []


def test_an_export_of_another_table_is_refused(export: ExportInS3) -> None:
    export.add(lines_of([change(1)]), 1)
    export.summary.update(tableArn=ARN + "x")
    export.publish()
    with pytest.raises(ExportDataError, match=r"it is of .*, expected table shop-orders") as error:
        export.convert()
    assert "export/" in str(error.value)
    assert export.rows() == []
