"""The benchmark's bucket of many keys is listed as the local S3 lists one that has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.listed_source import ListedSource
from tests.support.localaws import make_client, running_localaws

KEYS = sorted(
    [*(f"files_{number:04}.csv" for number in range(1203)), "in/a.csv", "in/b/c.csv", "in/d e.csv", "other", "ä/x.csv"]
)


def pages(s3: Any, bucket: str, **request: Any) -> list[tuple[list[str], list[str]]]:
    """Keys and folders of each page."""
    return [
        ([one["Key"] for one in page.get("Contents", ())], [one["Prefix"] for one in page.get("CommonPrefixes", ())])
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, **request)
    ]


def test_it_is_listed_as_the_local_s3_lists_a_bucket(tmp_path: Path) -> None:
    with running_localaws(tmp_path / "aws") as aws, ListedSource(aws.endpoint_url, "source", KEYS, 7) as source:
        local, listed = aws.client("s3"), make_client("s3", source.endpoint_url)
        local.create_bucket(Bucket="copy")
        for key in KEYS:
            local.put_object(Bucket="copy", Key=key, Body=b"1234567")
        for request in (
            {},
            {"Prefix": "files_1"},
            {"Prefix": "none"},
            {"Delimiter": "/"},
            {"Prefix": "in/", "Delimiter": "/"},
            {"Prefix": "files_", "StartAfter": "files_0100.cs"},
            {"Delimiter": "/", "StartAfter": "files_\U0010ffff"},
            {"Delimiter": "/", "StartAfter": "in/a.csv"},
            {"Delimiter": "/", "PaginationConfig": {"PageSize": 601}},
        ):
            assert pages(listed, "source", **request) == pages(local, "copy", **request), request
        assert source.counts["s3.ListObjectsV2"] == 2 + 1 + 1 + 2 + 1 + 2 + 1 + 1 + 3
        assert listed.list_objects_v2(Bucket="source", Prefix="other")["Contents"][0]["Size"] == 7


def test_what_it_does_not_know_is_refused() -> None:
    source = ListedSource("http://127.0.0.1:1", "source", KEYS, 7)
    with pytest.raises(NotImplementedError, match="fetch-owner"):
        source.listing({"prefix": [""], "fetch-owner": ["true"]})
