"""Assets of tables, and the events that a task emits for what it changed."""

from __future__ import annotations

from types import SimpleNamespace

from lakelanes_airflow.assets import announce, current_asset, table_asset
from tests.support.airflow import OutletEvents
from tests.support.lakes import SALES, make_config
from tests.support.source_tables import ORDERS

CONFIG = make_config({"sales": SALES}, {"orders": {"dynamodb_table": "shop-orders", **ORDERS}})
SALES_TABLE = table_asset(CONFIG, CONFIG.entities["sales"])
ORDERS_VIEW = current_asset(CONFIG, CONFIG.tables["orders"])


def test_an_asset_has_the_tables_name_and_its_folder() -> None:
    resources = CONFIG.resources
    assert SALES_TABLE.name == f"{resources.glue_database}.sales_data"
    assert SALES_TABLE.uri == f"s3://{resources.analytics_bucket}/sales_data"
    assert ORDERS_VIEW.name == f"{resources.glue_database}.orders_current"
    assert ORDERS_VIEW.uri == f"s3://{resources.analytics_bucket}/orders_changes"


def test_only_changed_tables_have_events_one_for_each_partition() -> None:
    events = OutletEvents()
    task = SimpleNamespace(outlets=[SALES_TABLE, ORDERS_VIEW])
    announce({"task": task, "outlet_events": events}, {SALES_TABLE: {"2024-03-16", "2024-03-15"}})
    assert task.outlets == [SALES_TABLE]
    assert events[SALES_TABLE].keys == ["2024-03-15", "2024-03-16"]


def test_a_table_without_dates_keeps_its_outlet_and_has_no_partition() -> None:
    events = OutletEvents()
    task = SimpleNamespace(outlets=[SALES_TABLE, ORDERS_VIEW])
    announce({"task": task, "outlet_events": events}, {ORDERS_VIEW: set()})
    assert task.outlets == [ORDERS_VIEW] and dict(events) == {}
