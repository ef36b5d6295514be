"""Stopping queries, the bytes-scanned cutoff, failures while reading, and queries at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from localaws.athena.engine import QueryCancelled, QueryContext, QueryFailed, execute
from localaws.athena.objects import Objects
from localaws.athena.select import _interrupt_when_cancelled
from localaws.athena.tables import ScanStatistics


@pytest.fixture
def numbers(lake: Any) -> Any:
    """Two files of numbers."""
    lake.run("CREATE EXTERNAL TABLE n (i bigint) STORED AS PARQUET LOCATION 's3://{bucket}/n/'")
    for name, values in (("a", range(100)), ("b", range(100, 200))):
        lake.put_parquet(f"n/{name}.parquet", {"i": list(values)})
    return lake


def test_a_query_that_is_already_cancelled_reads_nothing(numbers: Any) -> None:
    numbers.cancelled.set()
    with pytest.raises(QueryCancelled):
        numbers.run("SELECT sum(i) FROM n")


def test_a_running_query_is_interrupted(numbers: Any) -> None:
    query = "SELECT count(*) FROM n a, n b, n c, n d, n e, n f WHERE (a.i * b.i + c.i * d.i) % 7 = (e.i + f.i) % 11"
    context = QueryContext(numbers.database, numbers.glue, numbers.s3)
    outcome: list[BaseException] = []

    def run() -> None:
        try:
            execute(query, context)
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(0.5)
    assert thread.is_alive()
    context.cancelled.set()
    thread.join(60)
    assert not thread.is_alive()
    assert [type(error) for error in outcome] == [QueryCancelled]


def test_a_query_that_scans_more_than_the_cutoff_fails(numbers: Any) -> None:
    both = numbers.run("SELECT count(i) FROM n").bytes_scanned
    numbers.cutoff = both
    assert numbers.rows("SELECT count(i) FROM n") == [("200",)]
    numbers.cutoff = both - 1
    with pytest.raises(QueryFailed, match="Bytes scanned limit was exceeded") as caught:
        numbers.run("SELECT count(i) FROM n")
    assert caught.value.category == 2
    assert numbers.rows("SELECT count(*) FROM n") == [("200",)]


def test_a_file_deleted_after_it_was_listed_fails_the_query(numbers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = Objects.files

    def list_then_delete(self: Objects, locations: Any) -> Any:
        found = listed(self, list(locations))
        numbers.s3.delete_object(Bucket=numbers.bucket, Key="n/b.parquet")
        return found

    monkeypatch.setattr(Objects, "files", list_then_delete)
    assert numbers.failure("SELECT sum(i) FROM n").startswith(
        "HIVE_CANNOT_OPEN_SPLIT: Error opening Hive split s3://{bucket}/n/b.parquet"
    )


def test_a_file_changed_after_it_was_listed_fails_the_query(numbers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = Objects.files

    def list_then_change(self: Objects, locations: Any) -> Any:
        found = listed(self, list(locations))
        numbers.put_parquet("n/b.parquet", {"i": [1]})
        return found

    monkeypatch.setattr(Objects, "files", list_then_change)
    assert "was changed while the query read it" in numbers.failure("SELECT sum(i) FROM n")


def test_a_bucket_that_does_not_exist_fails_the_query(lake: Any) -> None:
    lake.run("CREATE EXTERNAL TABLE t (a int) STORED AS PARQUET LOCATION 's3://no-such-bucket-anywhere/t/'")
    assert "The specified bucket does not exist" in lake.failure("SELECT * FROM t")


def test_queries_at_the_same_time_do_not_mix(numbers: Any) -> None:
    def ask(i: int) -> tuple[list[tuple[str | None, ...]], int]:
        result = numbers.run(f"SELECT a.i, b.i FROM n a JOIN n b ON b.i = a.i + 1 WHERE a.i = {i}")
        return result.rows, result.bytes_scanned

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(ask, range(40)))
    assert [rows for rows, _ in answers] == [[(str(i), str(i + 1))] for i in range(40)]


def test_many_small_files_are_listed_together(lake: Any) -> None:
    lake.run(
        "CREATE EXTERNAL TABLE t (a bigint) PARTITIONED BY (p string) STORED AS PARQUET LOCATION 's3://{bucket}/t/'"
    )
    for i in range(60):
        lake.put_parquet(f"t/p={i:02d}/x.parquet", {"a": [i]})
    lake.run("MSCK REPAIR TABLE t")
    requests: list[str] = []
    lake.s3.meta.events.register("before-call.s3.ListObjectsV2", lambda **_: requests.append("list"), unique_id="count")
    try:
        assert lake.rows("SELECT sum(a), count(DISTINCT p) FROM t") == [("1770", "60")]
    finally:
        lake.s3.meta.events.unregister("before-call.s3.ListObjectsV2", unique_id="count")
    assert requests == ["list"]


def test_a_query_that_ends_while_it_is_cancelled_is_over() -> None:
    """Its connection is closed by then, between a look at whether it has ended and one at whether it was cancelled."""
    connection, stats, looks = duckdb.connect(), ScanStatistics(threading.Event(), None), iter((False, True))
    stats.cancelled.set()
    connection.close()
    finished: Any = SimpleNamespace(wait=lambda _: next(looks))
    _interrupt_when_cancelled(connection, stats, finished)
    assert list(looks) == []
