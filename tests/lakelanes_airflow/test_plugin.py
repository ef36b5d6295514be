"""What the plugin registers, and that it needs no web framework."""

from __future__ import annotations

import subprocess
import sys

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


def test_a_process_that_serves_no_page_does_not_import_one() -> None:
    code = "import sys, lakelanes_airflow.plugin; print('lakelanes_airflow.page.app' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(PLUGINS)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-1] == "False"
