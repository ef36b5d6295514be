"""DAG files that cannot be imported: one alert for each, one for a broken configuration, and their cure."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from airflow.listeners.listener import ListenerManager
from airflow.listeners.spec import importerrors

from lakelanes.alerts import incidents, silence
from lakelanes.lake import Lake
from lakelanes_airflow.notifications import channels, import_errors
from lakelanes_airflow.notifications.import_errors import ImportErrorListener
from lakelanes_airflow.plugin import LakelanesPlugin
from tests.support.queues import Alerts

TRACE = (
    'Traceback (most recent call last):\n  File "broken.py", line 3, in <module>\n'
    "NameError: name 'x' is not defined\n"
)
CONFIGURATION_TRACE = "Traceback (most recent call last):\nlakelanes.errors.ConfigError: lake.json: 1 fault\n"
GOOD = "from airflow.sdk import DAG\n\nwith DAG('mended'):\n    pass\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Airflow's folder of DAG files."""
    folder = tmp_path / "dags"
    folder.mkdir()
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(folder))
    return folder


@pytest.fixture
def alerts(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Alerts:
    monkeypatch.setattr(import_errors, "_connection", lambda name: None)
    return Alerts(lake)


def test_a_file_is_told_of_once_however_often_and_by_however_many_processes_it_is_parsed(
    lake: Lake, alerts: Alerts, folder: Path
) -> None:
    path = folder / "reports" / "broken.py"
    listener = ImportErrorListener()
    listener.on_new_dag_import_error(str(path), TRACE)
    for one in (listener, listener, ImportErrorListener()):
        one.on_existing_dag_import_error(str(path), TRACE)
    [alert] = alerts.wait()
    assert alert["causes"] == ["import/reports/broken.py"]
    assert "NameError: name 'x' is not defined" in alert["reason"] and "line 3" in alert["reason"]
    assert alert["what_to_do"] and alert["meaning"] and alert["run_url"]


def test_a_process_that_was_started_while_a_file_is_broken_tells_of_it(
    lake: Lake, alerts: Alerts, folder: Path
) -> None:
    ImportErrorListener().on_existing_dag_import_error(str(folder / "broken.py"), TRACE)
    assert len(alerts.wait()) == 1


def test_airflow_finds_the_listener_by_the_plugin(lake: Lake, alerts: Alerts, folder: Path) -> None:
    manager = ListenerManager()
    manager.add_hookspecs(importerrors)
    for listener in LakelanesPlugin.listeners:
        manager.add_listener(listener)
    manager.hook.on_new_dag_import_error(filename=str(folder / "broken.py"), stacktrace=TRACE)
    assert len(alerts.wait()) == 1


@pytest.mark.parametrize(
    "text", ["from airflow.sdk import DAG\nx +\n", "from airflow.sdk import DAG\nDAG('a', params={'p': open})\n"]
)
def test_a_file_is_cured_when_it_can_be_imported_and_not_before(
    lake: Lake, alerts: Alerts, folder: Path, text: str
) -> None:
    path = folder / "broken.py"
    path.write_text(text)
    ImportErrorListener().on_new_dag_import_error(str(path), TRACE)
    assert import_errors.cures(incidents.open_incidents(lake)) == []
    path.write_text(GOOD)
    # Not what an interpreter remembers of it.
    os.utime(path, (2_000_000_000, 2_000_000_000))
    assert cure(lake) == ["import/broken.py"]
    assert [message["recovered"] for message in alerts.wait(2)] == [False, True]


def test_a_file_that_was_removed_is_cured(lake: Lake, alerts: Alerts, folder: Path) -> None:
    ImportErrorListener().on_new_dag_import_error(str(folder / "gone.py"), TRACE)
    assert cure(lake) == ["import/gone.py"]


def test_a_broken_configuration_is_one_cause_for_all_files_and_cured_when_it_can_be_read(
    lake: Lake, alerts: Alerts, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_ALERT_TOPIC_ARN", lake.config.alert_topic_arn)
    monkeypatch.setenv("LAKE_LEDGER_TABLE", lake.config.resources.ledger_table)
    config = Path(os.environ["LAKE_CONFIG"])
    text = config.read_text()
    config.write_text(text.replace("partition_keys", "partition_keyz"))
    for listener in (ImportErrorListener(), ImportErrorListener()):
        for name in ("load_entities.py", "sweep_sources.py"):
            listener.on_new_dag_import_error(str(folder / name), CONFIGURATION_TRACE)
    [alert] = alerts.wait()
    assert alert["causes"] == ["import/configuration"]
    assert "did you mean 'partition_keys'?" in alert["reason"] and "lakelanes check" in alert["what_to_do"]
    config.write_text(text)
    assert cure(lake) == ["import/configuration"]
    assert [message["recovered"] for message in alerts.wait(2)] == [False, True]


def test_a_closed_alert_on_the_configuration_stays_closed_and_its_cure_is_told(
    lake: Lake, alerts: Alerts, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_ALERT_TOPIC_ARN", lake.config.alert_topic_arn)
    monkeypatch.setenv("LAKE_LEDGER_TABLE", lake.config.resources.ledger_table)
    config = Path(os.environ["LAKE_CONFIG"])
    text = config.read_text()
    config.write_text("{")
    ImportErrorListener().on_new_dag_import_error(str(folder / "load_entities.py"), CONFIGURATION_TRACE)
    [incident] = incidents.open_incidents(lake)
    assert silence.close(lake, incident, "anna")
    ImportErrorListener().on_existing_dag_import_error(str(folder / "load_entities.py"), CONFIGURATION_TRACE)
    assert len(alerts.wait()) == 1 and incidents.open_incidents(lake) == []
    config.write_text(text)
    assert cure(lake) == ["import/configuration"]
    assert [message["recovered"] for message in alerts.wait(2)] == [False, True]


def test_a_broken_configuration_without_a_ledger_is_told_of_once_by_a_process(
    lake: Lake, alerts: Alerts, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_ALERT_TOPIC_ARN", lake.config.alert_topic_arn)
    monkeypatch.delenv("LAKE_LEDGER_TABLE", raising=False)
    Path(os.environ["LAKE_CONFIG"]).write_text("{")
    listener = ImportErrorListener()
    for name in ("load_entities.py", "sweep_sources.py", "load_entities.py"):
        listener.on_new_dag_import_error(str(folder / name), CONFIGURATION_TRACE)
    assert len(alerts.wait()) == 1


def test_a_process_that_cannot_tell_logs_it_and_goes_on(
    lake: Lake, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("LAKE_ALERT_TOPIC_ARN", raising=False)
    Path(os.environ["LAKE_CONFIG"]).write_text("{")
    ImportErrorListener().on_new_dag_import_error(str(folder / "load_entities.py"), CONFIGURATION_TRACE)
    assert "LAKE_ALERT_TOPIC_ARN is not set" in caplog.text


def cure(lake: Lake) -> list[Any]:
    """Closes what is cured, as the watch does; the causes."""
    return incidents.cure_all(lake, import_errors.cures(incidents.uncured_incidents(lake)), channels.send)
