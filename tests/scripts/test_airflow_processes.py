"""Which DAGs are waited for, and what an Airflow is configured with."""

from __future__ import annotations

import configparser
import stat
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts import airflow_processes
from scripts.airflow_processes import LocalAirflow, expected_dags
from scripts.processes import ManagedProcess, ProcessTable, StackError
from scripts.stack import ROOT
from tests.support.lakes import SALES, make_config
from tests.support.source_tables import ORDERS

DAGS = ROOT / "dags"


def test_every_dag_of_the_configuration_is_waited_for() -> None:
    tables: dict[str, Any] = {
        "orders": {"dynamodb_table": "shop-orders", **ORDERS},
        "clicks": {"dynamodb_table": "shop-clicks", **ORDERS, "table_name": "clicks", "lanes": ["stream"]},
    }
    dags = expected_dags(make_config({"sales": SALES}, tables), DAGS)
    assert dags == {
        *("load_sales", "export_orders", "sweep_sources", "refresh_views", "refresh_dashboards"),
        *("maintain_lake", "watch_lake"),
    }


def test_a_file_that_airflow_skips_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from airflow.sdk import DAG")
    (tmp_path / "helpers.py").write_text("import os")
    assert expected_dags(make_config(), tmp_path) == {"mine"}


def test_all_pages_of_a_list_are_read() -> None:
    def get(path: str, limit: int, offset: int) -> dict[str, Any]:
        return {"dags": list(range(250))[offset : offset + limit], "total_entries": 250}

    api: Any = SimpleNamespace(get=get)
    assert airflow_processes.pages(api, "/dags", "dags") == list(range(250))


@pytest.fixture
def airflow(tmp_path: Path) -> LocalAirflow:
    (tmp_path / "home").mkdir()
    url, tasks = "http://127.0.0.1:8085", "http://127.0.0.1:8086/execution/"
    options = {"scheduler": {"scheduler_idle_sleep_time": 0.5}}
    return LocalAirflow(tmp_path / "home", ROOT, DAGS, tmp_path, options, url, tasks)


def _configured(airflow: LocalAirflow) -> configparser.ConfigParser:
    airflow.configure()
    found = configparser.ConfigParser(interpolation=None)
    found.read(airflow.home / "airflow.cfg")
    return found


def test_what_a_database_holds_can_be_read_after_the_next_start(airflow: LocalAirflow) -> None:
    first, second = _configured(airflow), _configured(airflow)
    assert len(first["core"]["fernet_key"]) == 44
    assert first["core"]["fernet_key"] == second["core"]["fernet_key"]
    assert (second["api"]["port"], second["scheduler"]["scheduler_idle_sleep_time"]) == ("8085", "0.5")
    assert stat.S_IMODE((airflow.home / "airflow.cfg").stat().st_mode) == 0o600


class _Api:
    """What Airflow answers: DAGs parsed and errors found at given times."""

    def __init__(self, parsed: dict[str, str | None], errors: list[str]) -> None:
        self._pages = {
            "/dags": [{"dag_id": name, "last_parsed_time": at} for name, at in parsed.items()],
            "/importErrors": [{"filename": "x.py", "stack_trace": "boom", "timestamp": at} for at in errors],
        }

    def get(self, path: str, limit: int, offset: int) -> Any:
        found = self._pages[path]
        name = {"/dags": "dags", "/importErrors": "import_errors"}[path]
        return {name: found[offset : offset + limit], "total_entries": len(found)}


@pytest.mark.parametrize(
    ("parsed", "errors", "fault"),
    [
        ("2026-01-02T00:00:00Z", ["2026-01-01T00:00:00Z"], ""),
        ("2026-01-01T00:00:00Z", ["2026-01-02T00:00:00Z"], "cannot import a DAG file:\nx.py:\nboom"),
        ("2026-01-01T00:00:00Z", [], "has not parsed"),
        (None, [], "has not parsed"),
    ],
)
def test_what_was_parsed_before_does_not_count(
    airflow: LocalAirflow,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    parsed: str | None,
    errors: list[str],
    fault: str,
) -> None:
    config = make_config()
    api = _Api(dict.fromkeys(expected_dags(config, DAGS), parsed), errors)
    monkeypatch.setattr(LocalAirflow, "api", api)
    table, since = ProcessTable(tmp_path / "records.json"), datetime(2026, 1, 1, 12, tzinfo=UTC)
    if not fault:
        airflow.wait_parsed(config, table, since, deadline=0.0)
        return
    with pytest.raises(StackError, match=fault):
        airflow.wait_parsed(config, table, since, deadline=0.0)


def test_an_airflow_that_is_healthy_elsewhere_is_not_this_one(
    airflow: LocalAirflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one came to the port first, and this one's server has yet to find that out."""
    parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
    api = SimpleNamespace(health=lambda: dict.fromkeys(parts, "healthy"))
    monkeypatch.setattr(LocalAirflow, "api", api)
    monkeypatch.setattr(airflow_processes, "_health", lambda url: "healthy")
    table = ProcessTable(tmp_path / "records.json")
    try:
        process: ManagedProcess = table.start(
            "api-server", ["sleep", "600"], env={"PATH": "/usr/bin:/bin"}, cwd=tmp_path, log=tmp_path / "log"
        )
        assert process.exit_code() is None
        with pytest.raises(StackError, match="answered by another process than the api-server started here"):
            airflow.wait_healthy(table, deadline=0.0)
    finally:
        table.stop()
