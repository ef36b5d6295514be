"""When a trigger polls, what it yields, and what it survives."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.module_loading import import_string
from botocore.exceptions import ClientError

from lakelanes.lake import Lake
from lakelanes_airflow.triggers.polling import FIRST_INTERVAL, MAX_FAILED_POLLS, MAX_INTERVAL, PollingTrigger

LATER = "2100-01-01T00:00:00+00:00"


class Scripted(PollingTrigger):
    """A trigger whose polls answer what they are given: whether it is ready, or an error."""

    def __init__(self, deadline: str, answers: Iterable[bool | Exception] = (), **intervals: float) -> None:
        super().__init__(deadline, **intervals)
        self.answers = iter(answers)

    def arguments(self) -> dict[str, Any]:
        return {}

    def is_ready(self, lake: Lake) -> bool:
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCOUNT_ID", "000000000000")
    monkeypatch.delenv("LAKE_CONFIG", raising=False)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that triggers asked to sleep for, without their passing."""
    found: list[float] = []

    async def sleep(seconds: float) -> None:
        found.append(seconds)

    monkeypatch.setattr("lakelanes_airflow.triggers.polling.asyncio.sleep", sleep)
    return found


def events(trigger: PollingTrigger) -> list[Any]:
    async def collect() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    return asyncio.run(collect())


def test_it_polls_until_it_is_ready(slept: list[float]) -> None:
    assert events(Scripted(LATER, [False, False, True])) == [{"status": "ready"}]
    assert len(slept) == 3


def test_the_interval_between_polls_grows_to_its_bound(slept: list[float]) -> None:
    events(Scripted(LATER, [*[False] * 20, True]))
    assert 0.8 * FIRST_INTERVAL <= slept[0] <= FIRST_INTERVAL
    assert 0.8 * MAX_INTERVAL <= slept[-1] <= MAX_INTERVAL


def test_it_polls_once_more_at_the_deadline(slept: list[float]) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    assert events(Scripted(past, [False])) == [{"status": "deadline"}]
    assert events(Scripted(past, [True])) == [{"status": "ready"}]


def test_faults_that_pass_are_not_counted_together(slept: list[float]) -> None:
    fault = ConnectionError("lost")
    almost = [fault] * (MAX_FAILED_POLLS - 1)
    assert events(Scripted(LATER, [*almost, False, *almost, True])) == [{"status": "ready"}]


def test_a_fault_that_stays_ends_the_wait_with_its_reason(slept: list[float]) -> None:
    answers = [ConnectionError("lost")] * MAX_FAILED_POLLS
    assert events(Scripted(LATER, answers)) == [{"status": "error", "message": "ConnectionError: lost"}]
    assert len(slept) == MAX_FAILED_POLLS


def test_what_aws_refuses_ends_the_wait_at_once(slept: list[float]) -> None:
    answer = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
    [event] = events(Scripted(LATER, [ClientError(answer, "DescribeExport"), True]))
    assert event["status"] == "error"
    assert "AccessDeniedException" in event["message"]
    assert len(slept) == 1


def test_it_is_made_again_from_what_the_database_holds() -> None:
    classpath, arguments = PollingTrigger.serialize(Scripted(LATER, first_interval=1.0, max_interval=2.0))
    assert classpath.endswith(".Scripted")
    assert json.loads(json.dumps(arguments)) == {"deadline": LATER, "first_interval": 1.0, "max_interval": 2.0}
    assert import_string("lakelanes_airflow.triggers.polling.PollingTrigger") is PollingTrigger
