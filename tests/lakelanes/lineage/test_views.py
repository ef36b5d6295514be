"""What refreshing views says: the views that are there, the tables they read, and their columns' sources."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from lakelanes.catalog.views import ViewOutcome
from lakelanes.lineage.datasets import Column, ColumnSource, Lineage, athena_name, glue_name
from lakelanes.lineage.views import of_refresh
from tests.support.lakes import make_config
from tests.support.source_tables import ORDERS

CONFIG = make_config(tables={"orders": {"dynamodb_table": "shop", **ORDERS}})
SALES = [["amount", "decimal(10,2)"], ["day", "string"]]


def view(name: str, sql: str, columns: Any, **inputs: Any) -> ViewOutcome:
    return ViewOutcome(name, "unchanged", "", sql, columns, inputs)


def names(lineage: Lineage) -> tuple[list[str], list[str]]:
    return [one.at.name for one in lineage.inputs], [one.at.name for one in lineage.outputs]


DAILY = view(
    "daily",
    "SELECT day, SUM(amount) AS revenue FROM sales_data GROUP BY day",
    [["day", "varchar"], ["revenue", "decimal(38,2)"]],
    sales_data=SALES,
)


def test_a_view_has_its_columns_and_of_which_columns_each_is_made() -> None:
    [told] = of_refresh(CONFIG, [DAILY]).outputs
    assert (told.at, told.kind, told.aliases) == (glue_name(CONFIG, "daily"), "VIEW", (athena_name(CONFIG, "daily"),))
    assert told.columns == (Column("day", "varchar"), Column("revenue", "decimal(38,2)"))
    assert told.sources == {
        "day": (ColumnSource(glue_name(CONFIG, "sales_data"), "day", "IDENTITY"),),
        "revenue": (ColumnSource(glue_name(CONFIG, "sales_data"), "amount", "AGGREGATION"),),
    }


def test_the_inputs_are_the_tables_once_each_and_no_view_of_the_refresh() -> None:
    yearly = view(
        "yearly",
        "SELECT d.revenue, s.amount FROM daily AS d JOIN sales_data AS s ON true",
        [["revenue", "decimal(38,2)"], ["amount", "decimal(10,2)"]],
        daily=DAILY.columns,
        sales_data=SALES,
    )
    database = CONFIG.resources.glue_database
    assert names(of_refresh(CONFIG, [DAILY, yearly])) == (
        [f"table/{database}/sales_data"],
        [f"table/{database}/daily", f"table/{database}/yearly"],
    )


def test_the_view_of_a_dynamodb_table_is_a_view_as_an_input_too() -> None:
    shop = view(
        "shop", "SELECT order_id FROM orders_current", [["order_id", "string"]], orders_current=[["order_id", "string"]]
    )
    [read] = of_refresh(CONFIG, [shop]).inputs
    assert (read.kind, read.columns) == ("VIEW", (Column("order_id", "string"),))


def test_views_that_are_not_there_are_not_told() -> None:
    told = of_refresh(
        CONFIG, [ViewOutcome("a", "waiting"), ViewOutcome("b", "failed"), ViewOutcome("c", "not configured")]
    )
    assert told == Lineage()


def test_sql_that_only_athena_reads_leaves_the_sources_out_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    odd = view("odd", "SELECT FROM WHERE", [["x", "int"]], sales_data=SALES)
    with caplog.at_level(logging.WARNING):
        told = of_refresh(CONFIG, [odd, DAILY]).outputs
    assert [(one.columns[0].name, bool(one.sources)) for one in told] == [("x", False), ("day", True)]
    assert "odd: the sources of its columns cannot be told" in caplog.text
