"""The trigger of a partition's files, against a real local AWS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk.module_loading import import_string

from lakelanes.lake import Lake
from lakelanes_airflow.triggers.source_files import SourceFilesTrigger
from tests.support.lakes import put

DAY = "sales_data_2024_03_15.csv"
KEY = "2024-03-15"


def trigger(**arguments: Any) -> SourceFilesTrigger:
    deadline = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    return SourceFilesTrigger("sales", KEY, deadline, first_interval=0.01, max_interval=0.01, **arguments)


def event_of(trigger: SourceFilesTrigger) -> Any:
    async def collect() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    [event] = asyncio.run(collect())
    return event


def test_it_is_ready_when_a_file_of_the_partition_is_there(lake: Lake) -> None:
    assert not trigger().is_ready(lake)
    put(lake, DAY.replace("15", "16"), "x")
    assert not trigger().is_ready(lake)
    put(lake, DAY, "x")
    assert trigger().is_ready(lake)
    assert event_of(trigger()) == {"status": "ready"}


def test_a_file_that_may_still_be_written_to_is_waited_for(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake(settle_seconds=3600)
    put(lake, DAY, "x")
    assert not trigger().is_ready(lake)


def test_a_bucket_that_is_gone_ends_the_wait(lake: Lake) -> None:
    lake.s3.delete_bucket(Bucket=lake.config.resources.source_bucket)
    event = event_of(trigger())
    assert event["status"] == "error" and "NoSuchBucket" in event["message"]


def test_a_restarted_triggerer_makes_it_again() -> None:
    classpath, arguments = trigger(reload=True).serialize()
    restored = import_string(classpath)(**json.loads(json.dumps(arguments)))
    assert isinstance(restored, SourceFilesTrigger)
    assert (restored.entity, restored.key, restored.reload) == ("sales", KEY, True)
