"""The task of watch_lake, and what it closes beside what it finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from lakelanes.alerts import incidents
from lakelanes.alerts.messages import Alert
from lakelanes.catalog import glue_tables
from lakelanes.catalog.registrar import FAILED_VIEWS
from lakelanes.lake import Lake
from lakelanes_airflow.operators.watch import WatchLakeOperator
from tests.support.airflow import task_context
from tests.support.queues import Alerts

ALERT = Alert("load_sales", "run-1", "sales", "the disk is full", "Make room.")


def watch() -> Any:
    task = WatchLakeOperator(task_id="watch")
    return task.execute(task_context(task, dag_id="watch_lake", run_id="run-2"))


def test_it_tells_of_what_it_finds_and_returns_what_is_open(lake: Lake) -> None:
    alerts = Alerts(lake)
    lake.ledger.write_note(FAILED_VIEWS, {"daily_sales": "COLUMN_NOT_FOUND"})
    for _ in range(2):
        assert watch() == ["stale/daily_sales"]
    [alert] = alerts.wait()
    assert (alert["dag_id"], alert["run_id"]) == ("watch_lake", "run-2")
    assert alert["page_url"].startswith("http")


def test_it_tells_what_others_noted_and_did_not_tell(lake: Lake) -> None:
    def fail(*_: Any) -> None:
        raise ConnectionError("lost")

    alerts = Alerts(lake)
    assert not incidents.report(lake, "run/load_sales/-", ALERT, fail)
    assert watch() == ["run/load_sales/-"]
    assert [alert["causes"] for alert in alerts.wait()] == [["run/load_sales/-"]]


def test_it_closes_dag_files_that_can_be_imported_and_its_own_failure(lake: Lake, tmp_path: Path) -> None:
    alerts, path = Alerts(lake), tmp_path / "mended.py"
    path.write_text("from airflow.sdk import DAG\n\nwith DAG('mended'):\n    pass\n")
    noted = {"import/mended.py": str(path), "run/watch_lake/-": ""}
    for cause, subject in noted.items():
        incidents.report(lake, cause, ALERT, lambda *_: None, subject=subject)
    assert watch() == []
    told = alerts.wait()
    assert all(alert["recovered"] for alert in told)
    assert {cause for alert in told for cause in alert["causes"]} == noted.keys()


def test_a_check_that_fails_fails_the_task_after_the_others_were_made(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttled(lake: Lake) -> Any:
        raise ConnectionError("throttled")

    alerts = Alerts(lake)
    monkeypatch.setattr(glue_tables, "describe_all", throttled)
    lake.ledger.write_note(FAILED_VIEWS, {"daily_sales": "COLUMN_NOT_FOUND"})
    with pytest.raises(AirflowFailException, match="could not be made: drifted"):
        watch()
    assert len(alerts.wait()) == 1
