"""Every operator that reads or writes data has the methods by which Airflow's OpenLineage provider asks it."""

from __future__ import annotations

import pytest

from lakelanes_airflow.lineage.hooks import WithLineage
from lakelanes_airflow.operators import export, load

HOOKS = ("on_start", "on_complete", "on_failure")


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
