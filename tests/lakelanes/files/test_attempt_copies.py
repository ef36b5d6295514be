"""Files that a 'csv' table gets as they came: copied by S3, in parts where they are large, under the ending of their
bytes; one object per file whatever happens on the way."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from lakelanes.aws import storage
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_entity
from lakelanes.files.outcomes import FileOutcome
from lakelanes.files.sweep import find_unloaded
from lakelanes.lake import Lake
from tests.lakelanes.files.support import HEADER, KEY, later, leave_uncommitted, load, rows, table
from tests.support.lakes import SALES, put

FIVE = HEADER + rows(5)


@pytest.fixture
def lake(make_lake: Callable[..., Lake]) -> Lake:
    return make_lake(
        {"sales": {**SALES, "format": "csv", "filename_pattern": r"sales_data_(\d{4})_(\d{2})_(\d{2})\.csv.*"}}
    )


def objects(lake: Lake) -> list[str]:
    """Endings of the objects that the table has."""
    found = lake.s3.list_objects_v2(Bucket=lake.config.resources.analytics_bucket, Prefix="sales_data/")
    return [item["Key"].rpartition("-")[2].partition(".")[2] for item in found.get("Contents", ())]


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "csv": lambda body: body,
    "csv.gz": gzip.compress,
    "csv.bz2": bz2.compress,
    "csv.zst": lambda body: bytes(pa.compress(body, codec="zstd", asbytes=True)),
}


@pytest.mark.parametrize("ending", PACKED)
@pytest.mark.parametrize("name", ["", ".gz", ".bz2"])
def test_whatever_its_name_a_file_is_read_by_athena_as_its_bytes_are_packed(lake: Lake, ending: str, name: str) -> None:
    put(lake, KEY + name, PACKED[ending](FIVE.encode()))
    assert [outcome.state for outcome in load(lake)] == ["loaded"]
    assert objects(lake) == [ending]
    assert len(table(lake)) == 5


def test_a_version_that_is_packed_otherwise_takes_the_place_of_the_one_before(lake: Lake) -> None:
    for number, pack in enumerate((*PACKED.values(), PACKED["csv"]), 1):
        put(lake, KEY, pack((HEADER + rows(number)).encode()))
        assert [outcome.state for outcome in load(lake)] == ["loaded"]
        assert len(table(lake)) == number
        assert len(objects(lake)) == 1


def test_what_a_dead_worker_left_under_another_ending_goes(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    put(lake, KEY, gzip.compress(FIVE.encode()))
    leave_uncommitted(lake, monkeypatch)
    assert objects(lake) == ["csv.gz"]
    put(lake, KEY, HEADER + rows(2))
    assert [outcome.state for outcome in load(later(lake))] == ["loaded"]
    assert objects(lake) == ["csv"]
    assert len(table(lake)) == 2


def test_what_a_dead_worker_left_of_a_file_that_is_gone_is_what_the_table_has(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = put(lake, KEY, FIVE)
    load(lake)
    put(lake, KEY, gzip.compress((HEADER + rows(2)).encode()))
    leave_uncommitted(lake, monkeypatch)
    [file] = list_entity(lake, lake.config.entities["sales"])
    lake.s3.delete_object(Bucket=file.bucket, Key=file.key)
    then = later(lake)
    found = find_unloaded(then).files["sales"]
    assert [outcome.state for outcome in load(then, found)] == ["deleted"]
    entry = lake.ledger.get(uri)
    assert entry is not None and str(entry.target).endswith(".csv.gz")
    assert objects(lake) == ["csv.gz"]
    assert len(table(lake)) == 2


def refused(lake: Lake) -> FileOutcome:
    sales = lake.config.entities["sales"]
    [outcome] = load_batch(lake, sales, list_entity(lake, sales), lane="batch", run_id="r")
    return outcome


def test_a_refused_version_leaves_the_one_before_in_the_table(lake: Lake) -> None:
    put(lake, KEY, FIVE)
    load(lake)
    put(lake, KEY, b"PAR1\x15\x04" + bytes(40))
    outcome = refused(lake)
    assert outcome.state == "rejected"
    assert "it is Parquet" in str(outcome.error)
    assert objects(lake) == ["csv"]
    assert len(table(lake)) == 5
    put(lake, KEY, gzip.compress((HEADER + 't,"a\nb",1,2\n').encode()))
    assert "ends within quotes" in str(refused(lake).error)
    assert len(table(lake)) == 5


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> int:
    """Copies as those of more than 5 GB are made: parts of 5 MiB, the least that S3 takes."""
    monkeypatch.setattr(storage, "COPY_BYTES", 6 << 20)
    monkeypatch.setattr(storage, "COPY_PART_BYTES", 5 << 20)
    return 13 << 20


def large(size: int, tail: str = "") -> str:
    line = "t1,c1,1.50,2024-03-15\n"
    return HEADER + line * (size // len(line)) + tail


def uploads(lake: Lake) -> int:
    found = lake.s3.list_multipart_uploads(Bucket=lake.config.resources.analytics_bucket)
    return len(found.get("Uploads", ()))


def test_a_large_file_is_copied_in_parts(lake: Lake, in_parts: int) -> None:
    requests: list[dict[str, Any]] = []
    events = lake.s3.meta.events
    events.register("provide-client-params.s3.UploadPartCopy", lambda params, **_: requests.append(params))
    body = large(in_parts)
    put(lake, KEY, body)
    assert [outcome.state for outcome in load(lake)] == ["loaded"]
    assert sorted(request["CopySourceRange"] for request in requests) == [
        "bytes=0-5242879",
        f"bytes=10485760-{len(body) - 1}",
        "bytes=5242880-10485759",
    ]
    assert {request["CopySourceIfMatch"] for request in requests} == {
        list_entity(lake, lake.config.entities["sales"])[0].etag
    }
    found = lake.s3.list_objects_v2(Bucket=lake.config.resources.analytics_bucket, Prefix="sales_data/")["Contents"]
    assert [item["Size"] for item in found] == [len(body)]
    head = lake.s3.head_object(Bucket=lake.config.resources.analytics_bucket, Key=found[0]["Key"])
    assert (head["Metadata"]["lake-token"], head["ContentType"]) == ("1", "text/csv")
    entry = lake.ledger.get(f"s3://{lake.config.resources.source_bucket}/{KEY}")
    assert entry is not None and entry.target_etag == head["ETag"].strip('"')
    put(lake, KEY, large(in_parts, "t2,c2,1.50,2024-03-15\n"))
    assert [outcome.state for outcome in load(lake)] == ["loaded"], "it replaces the one before"
    assert len(objects(lake)) == 1


def test_a_source_that_changes_between_two_parts_is_copied_anew(lake: Lake, in_parts: int) -> None:
    put(lake, KEY, large(in_parts))
    other = large(in_parts, "t2,c2,1.50,2024-03-15\n")
    changed: list[int] = []

    def change(params: Any, **_: Any) -> None:
        if params["PartNumber"] == 2 and not changed:
            changed.append(1)
            put(lake, KEY, other)

    lake.s3.meta.events.register("provide-client-params.s3.UploadPartCopy", change)
    [outcome] = load(lake)
    assert outcome.state == "loaded" and changed
    found = lake.s3.list_objects_v2(Bucket=lake.config.resources.analytics_bucket, Prefix="sales_data/")["Contents"]
    assert [item["Size"] for item in found] == [len(other)]
    assert uploads(lake) == 0, "the copy that was begun is gone"


def test_a_target_that_somebody_else_wrote_is_not_replaced_by_a_copy_in_parts(lake: Lake, in_parts: int) -> None:
    put(lake, KEY, large(in_parts))
    bucket = lake.config.resources.analytics_bucket
    written: list[str] = []

    def write(params: Any, **_: Any) -> None:
        if not written:
            written.append(params["Key"])
            lake.s3.put_object(Bucket=bucket, Key=params["Key"], Body=b"x", Metadata={"lake-token": "99"})

    lake.s3.meta.events.register("provide-client-params.s3.CompleteMultipartUpload", write)
    sales = lake.config.entities["sales"]
    [outcome] = load_batch(lake, sales, list_entity(lake, sales), lane="batch", run_id="r")
    # The ledger knows of no later claim, so the next pass takes the object for what a dead worker left.
    assert outcome.state == "loaded" and written
    head = lake.s3.head_object(Bucket=bucket, Key=written[0])
    assert head["Metadata"]["lake-token"] == "1"
    assert uploads(lake) == 0
