"""When the trigger of a refresh is ready; tests/lakelanes/dashboards/test_spice.py has its whole way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.sdk.module_loading import import_string

from lakelanes.dashboards import spice
from lakelanes.dashboards.refresh_plan import Refresh
from lakelanes.lake import Lake
from lakelanes_airflow.triggers.ingestions import IngestionTrigger

DEADLINE = "2100-01-01T00:00:00+00:00"
REFRESH = Refresh("days", "FULL_REFRESH", "it was never refreshed", "2024-03-15T10:00:00+00:00", "days-1", "abc")


def test_a_restarted_triggerer_makes_it_again() -> None:
    trigger = IngestionTrigger(REFRESH.to_dict(), DEADLINE, first_interval=1.0, max_interval=2.0)
    classpath, arguments = trigger.serialize()
    restored: Any = import_string(classpath)(**json.loads(json.dumps(arguments)))
    assert type(restored) is IngestionTrigger and restored.serialize() == (classpath, arguments)
    assert Refresh.from_dict(restored.refresh) == REFRESH


@pytest.mark.parametrize(
    ("status", "is_ready"),
    [
        ("INITIALIZED", False),
        ("QUEUED", False),
        ("RUNNING", False),
        ("COMPLETED", True),
        ("FAILED", True),
        ("CANCELLED", True),
    ],
)
def test_it_waits_for_the_end_good_or_bad(monkeypatch: pytest.MonkeyPatch, status: str, is_ready: bool) -> None:
    """https://docs.aws.amazon.com/quicksight/latest/APIReference/API_Ingestion.html has the states."""
    asked: list[Refresh] = []

    def describe(_: Lake, refresh: Refresh) -> dict[str, str]:
        asked.append(refresh)
        return {"IngestionStatus": status}

    monkeypatch.setattr(spice, "describe", describe)
    lake: Any = None
    assert IngestionTrigger(REFRESH.to_dict(), DEADLINE).is_ready(lake) is is_ready
    assert asked == [REFRESH]
