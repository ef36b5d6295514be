"""Datasets: a view each; and the rows of what has top values or last ones, by the SQL of the Lake page."""

from __future__ import annotations

import pytest

from lakelanes.dashboards.model import Dimension
from lakelanes.dashboards.superset.datasets import object_id
from tests.lakelanes.dashboards.powerbi.made import ON_VISITS, SUM, VISUALS, dashboard
from tests.lakelanes.dashboards.superset.made import documents, source_of

BAR = {"kind": "bar", "x": {"column": "store"}, "y": [SUM]}
TOP = {**BAR, "x": {"column": "store", "top": 3}, "filters": [{"column": "is_web", "in": [True]}]}
LAST = {**BAR, "y": [{"aggregation": "last", "column": "units"}]}


def test_a_view_is_one_dataset_with_the_columns_that_group_rows() -> None:
    found = documents(dashboard(BAR), dashboard(BAR, *ON_VISITS, name="more"))
    assert [path for path in found if path.startswith("datasets/")] == [
        "datasets/analytics_db/shop.yaml",
        "datasets/analytics_db/visits.yaml",
    ]
    shop = found["datasets/analytics_db/shop.yaml"]
    assert (shop["schema"], shop["table_name"], shop["sql"]) == ("analytics_db", "shop", None)
    assert shop["main_dttm_col"] == "day"
    assert shop["database_uuid"] == found["databases/analytics_db.yaml"]["uuid"]
    columns = {column["column_name"]: column for column in shop["columns"]}
    assert {"tags", "extra"}.isdisjoint(columns) and columns["revenue"]["type"] == "DECIMAL"
    assert [name for name, column in columns.items() if column["is_dttm"]] == ["day", "sold_at"]


def test_top_values_and_last_rows_have_a_dataset_of_their_own() -> None:
    found = documents(dashboard(BAR, TOP, LAST))
    own = found["datasets/analytics_db/shop.v1.yaml"]
    assert "top_values AS" in own["sql"] and 'WHERE "is_web" IN (true)' in own["sql"]
    assert own["sql"].endswith("SELECT grouped.*\nFROM grouped\nJOIN top_values ON d1 IS NOT DISTINCT FROM top_value")
    assert [column["column_name"] for column in own["columns"]] == ["d1", "revenue"]
    last = found["datasets/analytics_db/shop.v2.yaml"]
    assert 'max("day") OVER (PARTITION BY "store") AS is_last' in last["sql"]
    charts = [found[f"charts/shop.v{number}.yaml"] for number in range(3)]
    assert [one["dataset_uuid"] for one in charts] == [
        *(found["datasets/analytics_db/shop.yaml"]["uuid"], own["uuid"], last["uuid"]),
    ]


def test_what_a_dataset_has_filtered_is_not_filtered_again() -> None:
    assert source_of(TOP).tests() == []
    plain = {**BAR, "filters": TOP["filters"]}
    assert source_of(plain).tests() == [
        {"expressionType": "SQL", "clause": "WHERE", "sqlExpression": '"is_web" IN (true)'}
    ]


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        (None, 'CAST("day" AS varchar)'),
        ("day", "CAST(CAST(date_trunc('day', \"day\") AS date) AS varchar)"),
        ("month", "substr(CAST(CAST(date_trunc('month', \"day\") AS date) AS varchar), 1, 7)"),
        ("year", "substr(CAST(CAST(date_trunc('year', \"day\") AS date) AS varchar), 1, 4)"),
        (
            "quarter",
            "substr(CAST(CAST(date_trunc('quarter', \"day\") AS date) AS varchar), 1, 4) || ' Q' || "
            "CAST(quarter(CAST(date_trunc('quarter', \"day\") AS date)) AS varchar)",
        ),
    ],
)
def test_a_period_is_a_text_as_people_read_it(unit: str | None, expected: str) -> None:
    one = {"column": "day", "unit": unit}
    assert source_of({**BAR, "x": one}).grouped(Dimension.model_validate(one)) == expected


def test_a_column_can_be_told_from_an_alias_of_the_query() -> None:
    source = source_of(BAR)
    (store,) = (Dimension(column="store"),)
    assert source.grouped(store) == '"store"' and source.grouped(store, qualified=True) == '"shop"."store"'


def test_a_measure_is_the_expression_of_the_lake_page() -> None:
    measure = {"aggregation": "ratio_of_sums", "numerator": "revenue", "denominator": "units", "title": "Price"}
    source = source_of({**BAR, "y": [measure]})
    found = source.metric(dashboard({**BAR, "y": [measure]}).visuals[0].y[0])
    assert found["label"] == "Price"
    assert found["sqlExpression"] == 'CAST(sum("revenue") AS double) / nullif(CAST(sum("units") AS double), 0)'


def test_ids_are_those_of_the_lake_and_its_names() -> None:
    first, again, other = (object_id(name, "chart", "shop", "v0") for name in ("a_db", "a_db", "b_db"))
    assert first == again != other
    every = [one["uuid"] for one in documents(dashboard(*VISUALS)).values() if "uuid" in one]
    assert len(set(every)) == len(every)
