"""Streams to and from S3: one version read, exactly one object replaced, nothing left behind."""

from __future__ import annotations

import os
from typing import Any

import pytest

from lakelanes.aws.storage import ObjectReader, ObjectWriter, WrittenObject, written_object
from lakelanes.errors import SourceChangedError, SourceGoneError, TargetChangedError
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
