"""A file on the disk is read as an object of the source bucket; all else is the local AWS's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from benchmarks.cases import OURS, all_cases
from benchmarks.large_source import LargeSource
from benchmarks.runner import run_case
from tests.support.localaws import make_client, running_localaws


def test_the_file_is_listed_and_read_by_ranges_and_the_rest_passes(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(os.urandom(300_000))
    data = path.read_bytes()
    keys = ["c.csv", "a b.csv"]
    with running_localaws(tmp_path / "aws") as aws, LargeSource(aws.endpoint_url, "source", keys, path) as large:
        s3 = make_client("s3", large.endpoint_url)
        [listed] = s3.list_objects_v2(Bucket="source", Prefix="a ")["Contents"]
        assert (listed["Key"], listed["Size"]) == ("a b.csv", len(data))
        assert "Contents" not in s3.list_objects_v2(Bucket="source", Prefix="b")
        asked = {"Bucket": "source", "Key": "a b.csv", "IfMatch": listed["ETag"]}
        assert s3.get_object(**asked)["Body"].read() == data
        part = s3.get_object(**asked, Range="bytes=100000-499999")
        assert part["ContentRange"] == "bytes 100000-299999/300000"
        assert part["Body"].read() == data[100_000:]
        assert s3.get_object(**asked | {"Key": "c.csv"}, Range="bytes=0-9")["Body"].read() == data[:10]
        with pytest.raises(ClientError, match="NoSuchKey"):
            s3.get_object(**asked | {"Key": "b.csv"})
        with pytest.raises(ClientError, match="PreconditionFailed"):
            s3.get_object(**asked | {"IfMatch": '"another"'})
        with pytest.raises(ClientError, match="InvalidRange"):
            s3.get_object(**asked, Range="bytes=300000-300001")
        s3.create_bucket(Bucket="target")
        s3.put_object(Bucket="target", Key="k", Body=b"12345")
        assert s3.get_object(Bucket="target", Key="k")["Body"].read() == b"12345"


def test_a_case_with_such_a_file_is_right(tmp_path: Path) -> None:
    outcome = run_case(all_cases()["s3_large_1mb"], tmp_path, print)
    figures = outcome.figures[OURS]
    assert figures["correct"] is True
    assert figures["rows_ok"] > 10_000
    assert outcome.requests[OURS]["s3.GetObject"] >= 1
