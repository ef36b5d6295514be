"""The merge of a snapshot with its windows: the newest row of each key, whatever the keys and the files are."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakelanes.config.model import Table
from lakelanes.lake import Lake
from lakelanes.tables import snapshot_merge
from lakelanes.tables.attributes import Item
from lakelanes.tables.changes import Change, change_batch, change_schema
from lakelanes.tables.snapshot_merge import MEMORY_ROWS, SnapshotWriter, merge

PAIRS: dict[str, Any] = {
    "dynamodb_table": "test-pairs",
    "table_name": "pairs",
    "keys": ["first", "second"],
    "schema": [{"name": name, "type": "string"} for name in ("first", "second", "note")],
}
FOLDER = "pairs_snapshot/as_of=x/"


def put(first: str, second: str, note: str, written_at: int = 0) -> Change:
    return Change("put", Item({"first": first, "second": second, "note": note}), written_at, "incremental")


def delete(first: str, second: str, written_at: int = 0) -> Change:
    return Change("delete", Item({"first": first, "second": second}), written_at, "incremental")


class Files:
    """Parquet files in the lake, and what merging them makes."""

    def __init__(self, lake: Lake) -> None:
        self.lake, self.table = lake, lake.config.tables["pairs"]
        self.count = 0

    def write(self, *changes: Change) -> str:
        self.count += 1
        buffer = io.BytesIO()
        pq.write_table(pa.Table.from_batches([change_batch(self.table, changes)]), buffer)
        key = f"given/{self.count}.parquet"
        self.lake.s3.put_object(Bucket=self.bucket, Key=key, Body=buffer.getvalue())
        return key

    @property
    def bucket(self) -> str:
        return self.lake.config.resources.analytics_bucket

    def merge(self, windows: list[list[str]], kept: list[str], memory_rows: int = MEMORY_ROWS) -> SnapshotWriter:
        with SnapshotWriter(self.lake, change_schema(self.table), FOLDER) as writer:
            merge(self.lake, self.table, windows, kept, writer, memory_rows)
        return writer

    def rows(self, writer: SnapshotWriter) -> list[tuple[str, str, str]]:
        found: list[tuple[str, str, str]] = []
        for key in writer.keys:
            body = self.lake.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            rows = pq.read_table(io.BytesIO(body)).to_pylist()
            found += [(row["first"], row["second"], row["note"]) for row in rows]
        assert len(found) == writer.rows
        return sorted(found)


@pytest.fixture
def files(make_lake: Callable[..., Lake]) -> Files:
    return Files(make_lake(tables={"pairs": PAIRS}))


@pytest.mark.parametrize("memory_rows", [1, 2, MEMORY_ROWS])
def test_the_newest_row_of_each_key_stays_and_deletes_go(files: Files, memory_rows: int) -> None:
    kept = files.write(put("a", "1", "old"), put("b", "1", "old"), put("c", "1", "old"), put("d", "1", "old"))
    older = files.write(put("a", "1", "older"), delete("b", "1"), put("d", "1", "older"))
    newer = files.write(put("b", "1", "again"), delete("d", "1"), put("e", "1", "new"))
    written = files.merge([[newer], [older]], [kept], memory_rows)
    assert files.rows(written) == [("a", "1", "older"), ("b", "1", "again"), ("c", "1", "old"), ("e", "1", "new")]


def test_keys_of_two_columns_are_told_apart_wherever_one_ends(files: Files) -> None:
    kept = files.write(put("a:b", "c", "first"), put("a", "b:c", "second"))
    window = files.write(put("a:b", "c", "changed"))
    assert files.rows(files.merge([[window]], [kept])) == [("a", "b:c", "second"), ("a:b", "c", "changed")]


def test_of_a_window_that_was_exported_twice_the_later_change_counts(files: Files) -> None:
    early, late = files.write(put("a", "1", "early", 1)), files.write(put("a", "1", "late", 2))
    assert files.rows(files.merge([[late, early]], [])) == [("a", "1", "late")]
    assert files.rows(files.merge([[early, late]], [])) == [("a", "1", "late")]


def test_a_large_snapshot_has_several_files(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [files.write(put(name, "1", name)) for name in "abc"]
    monkeypatch.setattr(snapshot_merge, "_FILE_BYTES", 1)
    written = files.merge([], kept)
    assert written.keys == [f"{FOLDER}part-{number:05}.parquet" for number in range(3)]
    assert files.rows(written) == [(name, "1", name) for name in "abc"]


def test_a_snapshot_without_rows_is_one_empty_file(files: Files) -> None:
    written = files.merge([[files.write(delete("a", "1"))]], [files.write(put("a", "1", "old"))])
    assert (written.keys, written.rows) == ([f"{FOLDER}part-00000.parquet"], 0)
    assert files.rows(written) == []


def test_a_merge_that_fails_leaves_no_file(files: Files) -> None:
    class Lost(Exception):
        pass

    table: Table = files.table
    with pytest.raises(Lost), SnapshotWriter(files.lake, change_schema(table), FOLDER) as writer:
        writer.write(change_batch(table, [put("a", "1", "x")]))
        raise Lost
    assert "Contents" not in files.lake.s3.list_objects_v2(Bucket=files.bucket, Prefix=FOLDER)
