"""What the bench of the cluster makes of its parts; `make bench CASES=cluster_few_files` starts the cluster itself."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import cluster as module
from benchmarks.cases import SLOTS, all_cases, chosen
from lakelanes.config.loading import parse_config
from lakelanes.files.matching import partition_for
from tests.support.lakes import config_text

# A few of them: all would be in memory.
CASE = replace(all_cases()["cluster_few_files"], files=5)


class Bucket:
    """Takes the place of S3: keeps what is put."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> None:
        self.objects[Key] = Body


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


def cluster_of(bucket: Bucket) -> Any:
    config = parse_config(config_text({"small": module._ENTITY}, "bench"), {})
    return SimpleNamespace(client=lambda service: bucket, config=config)


def test_files_have_the_size_and_the_rows_that_are_told(bucket: Bucket) -> None:
    rows = module._put(cluster_of(bucket), CASE, 4)
    assert len(bucket.objects) == CASE.files
    sizes = {len(body) for body in bucket.objects.values()}
    assert all(0.98 * CASE.input.size < size <= CASE.input.size + 20 for size in sizes)
    assert sum(body.count(b"\n") - 1 for body in bucket.objects.values()) == rows


def test_each_number_of_slots_has_a_partition_of_its_own(bucket: Bucket) -> None:
    cluster = cluster_of(bucket)
    entity = cluster.config.entities["small"]
    for month in range(1, len(SLOTS) + 1):
        module._put(cluster, CASE, month)
    partitions = {tuple(partition_for(entity, key).values) for key in bucket.objects}
    assert partitions == {("2024", f"{month:02}") for month in range(1, len(SLOTS) + 1)}


def test_it_is_run_by_name_alone() -> None:
    named = [case for case in all_cases().values() if case.kind == "cluster"]
    assert {case.name for case in named} == {"cluster_few_files", "cluster_small_files"}
    assert not {case.name for size in ("small", "full") for case in chosen(size)} & {case.name for case in named}
    assert max(SLOTS) == SLOTS[0], "workers are only stopped"
