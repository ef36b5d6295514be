"""What the bench of the cluster makes of its parts; `make bench CASES=cluster_few_files` starts the cluster itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import cluster as module
from benchmarks.cases import SLOTS, Case, all_cases, chosen
from benchmarks.generate import NARROW
from lakelanes.config.loading import parse_config
from lakelanes.files.batch_plan import plan_batches
from lakelanes.files.matching import partition_for
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry, timestamp
from lakelanes.ledger.source_file import SourceFile
from tests.support.lakes import config_text, deploy_config, deploy_lake, put
from tests.support.localaws import LocalAws

NOW = datetime(2024, 3, 15, tzinfo=UTC)
CASES = [case for case in all_cases().values() if case.kind == "cluster"]


def cluster_of(lake: Lake) -> Any:
    clients = {"dynamodb": lake.dynamodb, "glue": lake.glue, "s3": lake.s3}
    return SimpleNamespace(client=clients.__getitem__, config=lake.config)


@pytest.fixture
def lake(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Lake:
    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)
    return deploy_lake(local_aws, {"sales": module._ENTITY})


def test_each_number_of_slots_and_the_engine_alone_have_a_partition_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_ALONE_FILES", 3)
    case = replace(all_cases()["cluster_few_files"], files=5)
    entity = parse_config(config_text({"sales": module._ENTITY}, "bench"), {}).entities["sales"]
    keys = module._keys(case)
    assert len(set(keys)) == len(keys)
    months = Counter(tuple(partition_for(entity, key).values) for key in keys)
    assert list(module._MONTHS) == list(SLOTS)
    expected = {
        **dict.fromkeys(range(1, len(SLOTS) + 1), 5),
        **dict.fromkeys(range(13 - len(SLOTS), 13), 3),
        module._FIRST_MONTH: 1,
    }
    assert months == {("2024", f"{month:02}"): files for month, files in expected.items()}


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_every_slot_has_batches_and_none_is_larger_than_by_default(case: Case) -> None:
    size = module._batch_bytes(case)
    assert size <= 256 << 20
    files = [SourceFile("b", f"k{number}", "e", case.input.size, NOW) for number in range(case.files)]
    batches = plan_batches(files, size)
    assert len(batches) >= 2 * max(SLOTS)
    assert len(batches) == case.files or case.input.size < size, "a large file is a batch by itself"


def test_the_time_to_the_partition_begins_with_the_last_commit(lake: Lake) -> None:
    where: dict[str, Any] = {"entity": "sales", "partition": "year=2024/month=03"}
    for number, minutes in ((1, 5), (2, 9), (3, 7)):
        at = timestamp(NOW + timedelta(minutes=minutes))
        entry = Entry(f"s3://b/sales_2024_03_{number}.csv", state="loaded", loaded_at=at, updated_at=at, **where)
        lake.dynamodb.put_item(TableName=lake.ledger.table, Item=entry.to_item())
    claimed = Entry("s3://b/sales_2024_03_4.csv", updated_at=timestamp(NOW), **where)
    lake.dynamodb.put_item(TableName=lake.ledger.table, Item=claimed.to_item())
    cluster = cluster_of(lake)
    assert module._since_last_commit(cluster, 3, NOW + timedelta(minutes=9, seconds=4)) == 4
    assert module._since_last_commit(cluster, 3, None) is None
    assert module._since_last_commit(cluster, 4, NOW) is None
    assert module._has_partition(cluster, 3) is False


def test_what_was_written_is_deleted_and_nothing_else(lake: Lake) -> None:
    bucket = lake.config.resources.analytics_bucket
    for key in ("sales/year=2024/month=01/a.parquet", "sales/year=2024/month=02/b.parquet", "lake-owner.json"):
        lake.s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    module._forget(cluster_of(lake))
    assert [one["Key"] for one in lake.s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["lake-owner.json"]


def test_the_engine_alone_loads_each_file_once_in_as_many_processes_and_publishes_them(
    local_aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)
    config = tmp_path / "lake.json"
    config.write_text(config_text({"sales": module._ENTITY}))
    lake = deploy_config(local_aws, parse_config(config.read_text(), {}))
    for number in range(5):
        put(lake, f"sales_2024_12_{number}.csv", ",".join(NARROW) + "\nt,c,1.50,2024-12-01\n")
    cluster: Any = SimpleNamespace(
        proxy=SimpleNamespace(endpoint_url=local_aws.endpoint_url),
        environment={**local_aws.environment, "LAKE_CONFIG": str(config)},
        client=local_aws.client,
        config=lake.config,
    )
    assert module._engine_alone(cluster, replace(CASES[0], files=5), 12, 2) > 0
    entries = list(lake.ledger.in_partition("sales", "year=2024/month=12"))
    assert [(entry.state, entry.token) for entry in entries] == [("loaded", 1)] * 5
    assert module._loaded(cluster, 12) == 5


def test_it_is_run_by_name_alone() -> None:
    assert {case.name for case in CASES} == {"cluster_few_files", "cluster_small_files", "cluster_large_files"}
    assert not {case.name for size in ("small", "full") for case in chosen(size)} & {case.name for case in CASES}
    assert max(SLOTS) == SLOTS[0], "workers are only stopped"
