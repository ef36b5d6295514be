"""Which open incidents the success of a run closes; on a real local AWS. The operators' tests have their messages."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from lakelanes.alerts import incidents
from lakelanes.alerts.messages import Alert
from lakelanes.lake import Lake
from lakelanes_airflow.notifications.cure_incidents import cure_incidents

OWN, ANOTHER, KEYLESS = "run/load_sales/2024-03-15", "run/load_sales/2024-03-16", "run/load_sales/-"
OTHER_DAG = "run/sweep_sources/-"


@pytest.fixture
def opened(lake: Lake) -> Lake:
    """A lake whose runs of several partitions and DAGs have failed."""
    for cause in (OWN, ANOTHER, KEYLESS, OTHER_DAG):
        assert incidents.report(lake, cause, Alert("load_sales", "run-0", None, cause, "x"), lambda *_: None)
    return lake


def left(lake: Lake, key: str | None = "2024-03-15", **options: Any) -> set[str]:
    context = {
        "dag": SimpleNamespace(dag_id="load_sales"),
        "dag_run": SimpleNamespace(partition_key=key),
        "run_id": "run-1",
    }
    cure_incidents(lake, context, **options)
    return {incident.cause for incident in incidents.open_incidents(lake)}


def test_a_run_cures_its_own_partition_and_what_has_none(opened: Lake) -> None:
    assert left(opened) == {ANOTHER, OTHER_DAG}


def test_a_run_that_did_all_there_was_cures_every_partition_of_its_dag(opened: Lake) -> None:
    assert left(opened, key=None, whole=True) == {OTHER_DAG}


def test_a_run_that_is_not_complete_cures_no_failed_run(opened: Lake) -> None:
    assert left(opened, complete=False, whole=True) == {OWN, ANOTHER, KEYLESS, OTHER_DAG}


def test_a_mapped_task_cures_what_it_is_for(opened: Lake) -> None:
    assert left(opened, key=None, task="2024-03-16") == {OWN, OTHER_DAG}


def test_a_ledger_that_cannot_be_read_fails_no_run(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def lost(*_: object) -> None:
        raise ConnectionError("lost")

    with monkeypatch.context() as broken, caplog.at_level(logging.ERROR):
        broken.setattr(incidents, "uncured_incidents", lost)
        cure_incidents(lake, {})
    assert "could not be closed" in caplog.text
