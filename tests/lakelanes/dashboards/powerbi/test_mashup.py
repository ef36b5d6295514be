"""The M of a dataset's rows."""

from __future__ import annotations

from lakelanes.dashboards.model import Dataset
from lakelanes.dashboards.powerbi.mashup import source
from tests.lakelanes.dashboards.powerbi.made import VIEWS

OPENING = """let
    Source = AmazonAthena.Databases(#"Athena DSN", null, []),
    Catalogue = Source{[Name=#"Athena catalogue", Kind="Database"]}[Data],
    Schema = Catalogue{[Name=#"Athena schema", Kind="Schema"]}[Data],
    View = Schema{[Name="shop", Kind="Table"]}[Data],
"""


def test_an_import_takes_its_columns_in_their_types() -> None:
    kinds = {name: kind for name, kind in VIEWS["shop"].items() if name not in ("year", "month", "extra")}
    assert source(Dataset(view="shop"), kinds) == OPENING + (
        "    Columns = Table.SelectColumns(View, "
        '{"day", "sold_at", "store", "is_web", "units", "revenue", "weight", "tags"}),\n'
        '    Typed = Table.TransformColumnTypes(Columns, {{"day", type date}, {"sold_at", type datetime}, '
        '{"store", type text}, {"is_web", type logical}, {"units", Int64.Type}, {"revenue", type number}, '
        '{"weight", type number}, {"tags", type text}})\n'
        "in\n    Typed"
    )


def test_an_incremental_refresh_reads_the_rows_of_a_partition_by_the_first_step_after_the_view() -> None:
    dataset = Dataset(view="shop", date_column="day", changes_days=7)
    of_dates = source(dataset, {"day": "date"})
    test = 'each [#"day"] >= Date.From(RangeStart) and [#"day"] < Date.From(RangeEnd)'
    assert f"    InRange = Table.SelectRows(View, {test}),\n    Columns = Table.SelectColumns(InRange, " in of_dates
    of_times = source(dataset, {"day": "timestamp"})
    assert 'each [#"day"] >= RangeStart and [#"day"] < RangeEnd' in of_times
    assert "RangeStart" not in source(Dataset(view="shop", date_column="day"), {"day": "date"})


def test_a_direct_query_has_no_step_that_is_not_sql() -> None:
    found = source(Dataset(view="shop", mode="direct"), {"day": "date"})
    assert found == OPENING + '    Columns = Table.SelectColumns(View, {"day"})\nin\n    Columns'
