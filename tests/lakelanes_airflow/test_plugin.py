"""What the plugin registers, and what it and the DAGs need not: a web framework, a parser of SQL, OpenLineage."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from lakelanes_airflow.defaults import DEFAULT_ARGS
from lakelanes_airflow.plugin import LakelanesPlugin
from lakelanes_airflow.timetables.priorities import DailyLoadFirst
from tests.support.airflow import PLUGINS


def test_the_priorities_that_dags_name_are_registered() -> None:
    named = f"{DailyLoadFirst.__module__}.{DailyLoadFirst.__qualname__}"
    assert DEFAULT_ARGS["weight_rule"] == named
    assert LakelanesPlugin.priority_weight_strategies == [DailyLoadFirst]


def test_the_page_is_mounted_where_the_navigation_leads() -> None:
    [app], [view] = LakelanesPlugin.fastapi_apps, LakelanesPlugin.external_views
    assert view["href"].rstrip("/") == app["url_prefix"]


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process of Airflow has imported once it has the plugins, the OpenLineage provider's too, and all DAGs."""
    code = """
import json, runpy, sys
from pathlib import Path
import lakelanes_airflow.plugin
from airflow.providers.openlineage.plugins.openlineage import OpenLineageProviderPlugin
for path in sorted(Path(sys.argv[1]).glob("*.py")):
    runpy.run_path(str(path))
print(json.dumps({"listeners": len(OpenLineageProviderPlugin.listeners), "modules": sorted(sys.modules)}))
"""
    environment = {
        **{"PYTHONPATH": str(PLUGINS), "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow"))},
        "AWS_ACCOUNT_ID": "000000000000",
    }
    command = [sys.executable, "-c", code, str(PLUGINS.parent / "dags")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_a_process_that_serves_no_page_does_not_import_one(parsed: dict[str, Any]) -> None:
    assert "lakelanes_airflow.page.app" not in parsed["modules"]


def test_where_nobody_asks_for_lineage_nothing_of_it_is_imported(parsed: dict[str, Any]) -> None:
    about = ("openlineage", "lakelanes.lineage", "lakelanes_airflow.lineage", "sqlglot")
    found = [module for module in parsed["modules"] if module.startswith(about)]
    assert found == ["lakelanes_airflow.lineage", "lakelanes_airflow.lineage.hooks"]
    assert parsed["listeners"] == 0
