"""Streams to and from S3: one version read, exactly one object replaced, nothing left behind."""

from __future__ import annotations

import io
import os
import threading
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from lakelanes.aws.storage import (
    ObjectFile,
    ObjectReader,
    ObjectWriter,
    WrittenObject,
    parquet_rows,
    place_of,
    written_object,
)
from lakelanes.errors import OutOfTimeError, SourceChangedError, SourceGoneError, TargetChangedError
from lakelanes.lake import Lake

PART = 5 << 20
"""The smallest part S3 takes, so that a few megabytes make a multipart upload."""


@pytest.fixture
def s3(lake: Lake) -> Any:
    return lake.s3


@pytest.fixture
def bucket(lake: Lake) -> str:
    name: str = lake.config.resources.analytics_bucket
    return name


def write(s3: Any, bucket: str, data: bytes, expected: str | None = None, key: str = "k") -> ObjectWriter:
    writer = ObjectWriter(s3, bucket, key, expected_etag=expected, metadata={"lake-token": "7"}, part_bytes=PART)
    with writer:
        for start in range(0, len(data), 1 << 20):
            writer.write(data[start : start + (1 << 20)])
    return writer


def body(s3: Any, bucket: str, key: str = "k") -> bytes:
    data: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return data


def uploads(s3: Any, bucket: str) -> list[Any]:
    return list(s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []))


@pytest.mark.parametrize("size", [0, 1, 1000, 1001, 4096, 12_345])
def test_what_is_read_is_what_is_there(s3: Any, bucket: str, size: int) -> None:
    data = os.urandom(size)
    s3.put_object(Bucket=bucket, Key="k", Body=data)
    with ObjectReader(s3, bucket, "k", part_bytes=1000) as reader:
        assert reader.size == size
        assert b"".join(iter(lambda: reader.read(300), b"")) == data


def test_a_small_object_takes_one_request(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"a,b\n1,2\n")
    requests: list[str] = []
    s3.meta.events.register("before-call.s3", lambda model, **_: requests.append(model.name))
    with ObjectReader(s3, bucket, "k") as reader:
        assert reader.read() == b"a,b\n1,2\n"
    assert requests == ["GetObject"]


def test_an_object_that_is_overwritten_while_it_is_read_is_noticed(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 10_000)
    with ObjectReader(s3, bucket, "k", part_bytes=1000) as reader:
        s3.put_object(Bucket=bucket, Key="k", Body=b"y" * 10_000)
        with pytest.raises(SourceChangedError):
            while reader.read(1000):
                pass


def test_another_version_than_the_one_asked_for_is_refused(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with pytest.raises(SourceChangedError):
        ObjectReader(s3, bucket, "k", etag="0" * 32)


def test_an_object_that_is_gone_is_noticed(s3: Any, bucket: str) -> None:
    with pytest.raises(SourceGoneError, match=f"s3://{bucket}/missing no longer exists"):
        ObjectReader(s3, bucket, "missing")


@pytest.mark.parametrize("size", [0, 10, PART, 2 * PART + 123])
def test_what_is_written_is_there_once_it_is_closed(s3: Any, bucket: str, size: int) -> None:
    data = os.urandom(size)
    writer = write(s3, bucket, data)
    assert body(s3, bucket) == data
    assert written_object(s3, bucket, "k") == WrittenObject(str(writer.etag), 7, None)
    assert uploads(s3, bucket) == []


@pytest.mark.parametrize("size", [10, 2 * PART])
def test_an_object_that_should_not_be_there_is_not_overwritten(s3: Any, bucket: str, size: int) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"somebody else's")
    with pytest.raises(TargetChangedError, match=f"s3://{bucket}/k was written by somebody else"):
        write(s3, bucket, b"x" * size)
    assert body(s3, bucket) == b"somebody else's"
    assert uploads(s3, bucket) == []


@pytest.mark.parametrize("size", [10, 2 * PART])
def test_exactly_the_expected_object_is_replaced(s3: Any, bucket: str, size: int) -> None:
    first = write(s3, bucket, b"first")
    second = write(s3, bucket, b"2" * size, expected=first.etag)
    assert body(s3, bucket) == b"2" * size
    with pytest.raises(TargetChangedError):
        write(s3, bucket, b"3" * size, expected=first.etag)
    assert written_object(s3, bucket, "k") == WrittenObject(str(second.etag), 7, None)


@pytest.mark.parametrize("size", [10, 2 * PART])
def test_an_error_on_the_way_leaves_nothing_behind(s3: Any, bucket: str, size: int) -> None:
    with (
        pytest.raises(RuntimeError, match="boom"),
        ObjectWriter(s3, bucket, "k", expected_etag=None, part_bytes=PART) as writer,
    ):
        writer.write(b"x" * size)
        raise RuntimeError("boom")
    assert written_object(s3, bucket, "k") is None
    assert uploads(s3, bucket) == []


def test_a_writer_that_is_dropped_publishes_nothing(s3: Any, bucket: str) -> None:
    writer = ObjectWriter(s3, bucket, "k", expected_etag=None)
    writer.write(b"half a file")
    del writer
    assert written_object(s3, bucket, "k") is None


def test_reading_ends_when_it_is_called_off(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 5000)
    stop = threading.Event()
    with ObjectReader(s3, bucket, "k", part_bytes=1000, stop=stop) as reader:
        assert reader.read(10) == b"x" * 10
        stop.set()
        with pytest.raises(OutOfTimeError, match=f"s3://{bucket}/k: reading was called off"):
            reader.read(10)


@pytest.mark.parametrize("size", [1, 999, 1000, 1001, 5000])
def test_any_place_of_an_object_can_be_read(s3: Any, bucket: str, size: int) -> None:
    data = os.urandom(size)
    s3.put_object(Bucket=bucket, Key="k", Body=data)
    with ObjectFile(s3, bucket, "k", tail_bytes=1000) as file:
        assert file.size == size
        for start in {0, 1, size // 2, max(0, size - 1000), max(0, size - 1001), size - 1, size, size + 5}:
            assert file.seek(start) == file.tell() == start
            assert file.read(700) == data[start : start + 700]
        assert file.seek(-1, os.SEEK_END) == size - 1
        assert file.read() == data[-1:]
        assert file.seek(-1, os.SEEK_CUR) == size - 1


def test_a_file_that_is_overwritten_is_not_read_as_two(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1" * 5000)
    with ObjectFile(s3, bucket, "k", tail_bytes=1000) as file:
        s3.put_object(Bucket=bucket, Key="k", Body=b"2" * 5000)
        with pytest.raises(SourceChangedError, match="was overwritten while it was read"):
            file.read(10)
        file.seek(4000)
        assert file.read(10) == b"1" * 10, "the end was read at once"
        s3.delete_object(Bucket=bucket, Key="k")
        file.seek(0)
        with pytest.raises(SourceGoneError, match=f"s3://{bucket}/k no longer exists"):
            file.read(10)


@pytest.mark.parametrize("columns", [1, 2000])
def test_the_rows_of_a_parquet_object_are_known_by_its_footer(s3: Any, bucket: str, columns: int) -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table({f"a_column_with_a_long_name_{n}": [n, n, n] for n in range(columns)}), buffer)
    writer = write(s3, bucket, buffer.getvalue())
    assert parquet_rows(s3, bucket, "k", str(writer.etag)) == 3
    with pytest.raises(ClientError):
        parquet_rows(s3, bucket, "k", "another")


def test_an_object_of_the_lake_says_whose_it_is_and_a_foreign_one_does_not(s3: Any, bucket: str) -> None:
    stamp = {"lake-token": "7", "lake-source-etag": "e", "lake-owner": "o"}
    with ObjectWriter(s3, bucket, "k", expected_etag=None, metadata=stamp) as writer:
        writer.write(b"x")
    assert written_object(s3, bucket, "k") == WrittenObject(str(writer.etag), 7, "e")
    s3.put_object(Bucket=bucket, Key="foreign", Body=b"x")
    foreign = written_object(s3, bucket, "foreign")
    assert foreign is not None
    assert (foreign.token, foreign.source_etag) == (0, None)


def test_an_address_is_a_bucket_and_a_key() -> None:
    assert place_of("s3://bucket/a/b c.csv") == ("bucket", "a/b c.csv")
    assert place_of("s3://bucket") == ("bucket", "")
