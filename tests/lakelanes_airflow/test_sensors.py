"""The sensor and its trigger against a real local AWS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, TaskDeferred
from airflow.sdk.module_loading import import_string

from lakelanes.errors import PartitionValueError
from lakelanes.lake import Lake
from lakelanes.ledger import Entry
from lakelanes.sources import SourceFile, list_partition
from lakelanes_airflow.sensors import FAILURE, SCOPE, SourceFilesSensor
from lakelanes_airflow.triggers import SourceFilesTrigger
from tests.support.airflow import task_context
from tests.support.lakes import put

DAY = "sales_data_2024_03_15.csv"
KEY = "2024-03-15"


def sensor() -> SourceFilesSensor:
    return SourceFilesSensor(task_id="sense", entity="sales")


def sense(**context: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What the sensor returns, and the context it ran in."""
    task = sensor()
    given = task_context(task, **context)
    return task.execute(given), given


def mark_loaded(lake: Lake, key: str = KEY) -> None:
    """Tells the ledger that the partition's files are loaded."""
    for file in list_partition(lake, lake.config.entities["sales"], key):
        claim = lake.ledger.claim(file, "sales", "p", owner="test", lane="fast", run_id="")
        assert isinstance(claim, Entry)
        lake.ledger.loaded(
            claim, rows_loaded=1, rows_rejected=0, target="t", target_etag="e", rejects=None, rejects_etag=None
        )


def names(batches: list[dict[str, Any]]) -> list[str]:
    return [SourceFile.from_dict(file).name for batch in batches for file in batch["files"]]


def events(trigger: SourceFilesTrigger) -> list[Any]:
    async def collect() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    return asyncio.run(collect())


def test_a_file_that_is_there_is_planned_at_the_first_look(lake: Lake) -> None:
    put(lake, f"in/{DAY}", "x")
    batches, context = sense(partition_key=KEY)
    assert names(batches) == [DAY]
    assert batches[0]["label"].startswith("1 file") and DAY in batches[0]["label"]
    scope = context["ti"].xcoms["sense", SCOPE]
    assert scope["partitions"] == ["year=2024/month=03/day=15"]
    assert list(scope["files"].values()) == scope["partitions"]
    json.dumps([batches, scope])


def test_the_run_waits_for_a_file_that_is_not_there(lake: Lake) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        sense(partition_key=KEY)
    classpath, arguments = deferred.value.trigger.serialize()
    restored = import_string(classpath)(**json.loads(json.dumps(arguments)))
    assert (restored.entity, restored.key, restored.reload) == ("sales", KEY, False)
    wait = datetime.fromisoformat(restored.deadline) - datetime.now(UTC)
    assert timedelta(hours=23) < wait <= timedelta(hours=24), "a day's files have 24 hours by default"


def test_a_partition_that_is_loaded_alreadyis_ready_at_once(lake: Lake) -> None:
    put(lake, DAY, "x")
    mark_loaded(lake)
    batches, context = sense(partition_key=KEY)
    assert batches == []
    assert context["ti"].xcoms["sense", SCOPE]["partitions"] == ["year=2024/month=03/day=15"]


def test_only_what_the_ledger_lacks_is_planned(lake: Lake) -> None:
    put(lake, f"a/{DAY}", "x")
    mark_loaded(lake)
    put(lake, f"b/{DAY}", "x")
    put(lake, "b/sales_data_2024_03_16.csv", "x")
    batches, _ = sense(partition_key=KEY)
    assert [file["key"] for batch in batches for file in batch["files"]] == [f"b/{DAY}"]


def test_a_new_version_of_a_loaded_file_is_planned(lake: Lake) -> None:
    put(lake, DAY, "x")
    mark_loaded(lake)
    put(lake, DAY, "y")
    assert names(sense(partition_key=KEY)[0]) == [DAY]


def test_reload_plans_what_is_loaded(lake: Lake) -> None:
    put(lake, DAY, "x")
    mark_loaded(lake)
    assert names(sense(partition_key=KEY, reload=True)[0]) == [DAY]


def test_a_file_that_may_still_be_written_is_waited_for(make_lake: Callable[..., Lake]) -> None:
    put(make_lake(settle_seconds=3600), DAY, "x")
    with pytest.raises(TaskDeferred) as deferred:
        sense(partition_key=KEY)
    assert deferred.value.trigger.first_interval == 3600
    with pytest.raises(TaskDeferred):
        sense()


def test_a_file_that_never_settles_misses_the_deadline(make_lake: Callable[..., Lake]) -> None:
    put(make_lake(settle_seconds=3600), DAY, "x")
    task = sensor()
    with pytest.raises(AirflowSensorTimeout, match=r"still being written .*sales_data_2024_03_15\.csv"):
        task.resume(task_context(task, partition_key=KEY), {"status": "deadline"}, deadline="2024-03-17T00:00:00+00:00")


def test_looking_for_a_partition_lists_its_names_only(lake: Lake, listed: list[str]) -> None:
    put(lake, DAY, "x")
    sense(partition_key=KEY)
    before = len(listed)
    for hour in range(30):
        put(lake, f"sales_data_2023_01_{hour + 1:02}.csv", "x")
    listed.clear()
    sense(partition_key=KEY)
    assert len(listed) == before, "the cost follows the partition's files, not those of other days"


def test_a_missed_deadline_says_what_was_expected_where(lake: Lake) -> None:
    task = sensor()
    context = task_context(task, partition_key=KEY)
    with pytest.raises(AirflowSensorTimeout) as missed:
        task.resume(context, {"status": "deadline"}, deadline="2024-03-17T00:00:00+00:00")
    assert "no file for partition 2024-03-15 of sales by 2024-03-17 00:00 UTC" in str(missed.value)
    assert f"s3://{lake.config.resources.source_bucket}/**/sales_data_2024_03_15" in str(missed.value)
    assert context["ti"].xcoms["sense", FAILURE] == str(missed.value)


def test_a_file_that_came_with_the_deadline_is_loaded(lake: Lake) -> None:
    put(lake, DAY, "x")
    task = sensor()
    context = task_context(task, partition_key=KEY)
    assert names(task.resume(context, {"status": "deadline"}, deadline="2024-03-17T00:00:00+00:00")) == [DAY]


def test_a_partition_of_the_future_is_refused(lake: Lake) -> None:
    with pytest.raises(AirflowFailException, match="2999-01-01 of sales is in the future"):
        sense(partition_key="2999-01-01")


def test_a_run_without_partition_key_takes_what_is_there(lake: Lake) -> None:
    assert sense()[0] == []
    put(lake, DAY, "x")
    mark_loaded(lake)
    put(lake, "sales_data_2024_03_16.csv", "x")
    put(lake, "sales_data_2024_02_31.csv", "x")
    put(lake, "notes.txt", "x")
    batches, context = sense()
    assert sorted(names(batches)) == ["sales_data_2024_02_31.csv", "sales_data_2024_03_16.csv"]
    partitions = ["year=2024/month=03/day=15", "year=2024/month=03/day=16"]
    assert context["ti"].xcoms["sense", SCOPE]["partitions"] == partitions, "the loaded one is repaired if need be"


def test_the_partition_parameter_limits_a_run_and_does_not_wait(lake: Lake) -> None:
    put(lake, DAY, "x")
    put(lake, "sales_data_2024_03_16.csv", "x")
    assert names(sense(partition=KEY)[0]) == [DAY]
    with pytest.raises(AirflowFailException, match="no file for partition 2024-03-17 of sales"):
        sense(partition="2024-03-17")
    with pytest.raises(PartitionValueError, match="'15 March' is not a partition of entity sales"):
        sense(partition="15 March")


def test_many_files_become_few_batches(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake(batch_bytes=1 << 20)
    for day in range(1, 29):
        put(lake, f"sales_data_2024_02_{day:02}.csv", "x" * (100 << 10))
    batches, _ = sense()
    assert 1 < len(batches) < 10
    assert sum(len(batch["files"]) for batch in batches) == 28


def test_the_trigger_sees_a_file_that_arrives(lake: Lake) -> None:
    deadline = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    looks = []

    class Watching(SourceFilesTrigger):
        def is_ready(self, lake: Lake) -> bool:
            looks.append(super().is_ready(lake))
            if len(looks) == 2:
                put(lake, DAY, "x")
            return looks[-1]

    trigger = Watching("sales", KEY, deadline, first_interval=0.01, max_interval=0.01)
    assert events(trigger) == [{"status": "ready"}]
    assert looks == [False, False, True]


def test_the_trigger_ends_at_the_deadline_after_a_last_look(lake: Lake) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    assert events(SourceFilesTrigger("sales", KEY, past, first_interval=0.01)) == [{"status": "deadline"}]
    put(lake, DAY, "x")
    assert events(SourceFilesTrigger("sales", KEY, past, first_interval=0.01)) == [{"status": "ready"}]


def test_the_trigger_gives_up_when_looking_keeps_failing(lake: Lake) -> None:
    lake.s3.delete_bucket(Bucket=lake.config.resources.source_bucket)
    deadline = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    trigger = SourceFilesTrigger("sales", KEY, deadline, first_interval=0.01, max_interval=0.01)
    [event] = events(trigger)
    assert event["status"] == "error" and "NoSuchBucket" in event["message"]
    task = sensor()
    with pytest.raises(AirflowFailException, match="NoSuchBucket"):
        task.resume(task_context(task, partition_key=KEY), event, deadline=deadline)


def test_the_interval_between_looks_grows_to_its_bound(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("lakelanes_airflow.triggers.asyncio.sleep", sleep)

    class Never(SourceFilesTrigger):
        def is_ready(self, lake: Lake) -> bool:
            if len(slept) > 20:
                put(lake, DAY, "x")
            return super().is_ready(lake)

    events(Never("sales", KEY, (datetime.now(UTC) + timedelta(minutes=5)).isoformat()))
    assert slept[0] <= 5 and 48 <= slept[-1] <= 60
