"""Who does not ask for lineage pays nothing for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lakelanes_airflow.lineage.hooks import WithLineage
from lakelanes_airflow.operators import export, load
from tests.support.airflow import PLUGINS

DAGS = PLUGINS.parent / "dags"
HOOKS = ("on_start", "on_complete", "on_failure")
# What a process of Airflow has imported once it has the plugins, the provider's too, and all DAG files.
PARSED = """
import runpy, sys
from pathlib import Path
import lakelanes_airflow.plugin
from airflow.providers.openlineage.plugins.openlineage import OpenLineageProviderPlugin
for path in sorted(Path(sys.argv[1]).glob("*.py")):
    runpy.run_path(str(path))
asked = ("openlineage", "lakelanes.lineage", "lakelanes_airflow.lineage", "sqlglot")
print(OpenLineageProviderPlugin.listeners, sorted(m for m in sys.modules if m.startswith(asked)))
"""


def test_dags_are_parsed_without_anything_of_openlineage(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(PLUGINS), "AIRFLOW_HOME": str(tmp_path), "AWS_ACCOUNT_ID": "000000000000"}
    command = [sys.executable, "-c", PARSED, str(DAGS)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] ['lakelanes_airflow.lineage', 'lakelanes_airflow.lineage.hooks']"


@pytest.mark.parametrize(
    "operator",
    [
        *(load.ConvertOperator, load.PublishOperator, load.RefreshViewsOperator),
        *(export.ExportOperator, export.ConvertExportOperator, export.PublishTableOperator),
        export.MaintainTableOperator,
    ],
)
def test_an_operator_that_reads_or_writes_data_has_the_providers_methods(operator: type) -> None:
    assert issubclass(operator, WithLineage)
    assert operator.lineage is not WithLineage.lineage
    assert all(callable(getattr(operator, f"get_openlineage_facets_{when}")) for when in HOOKS)
