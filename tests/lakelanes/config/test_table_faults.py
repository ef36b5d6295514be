"""The configuration's ``tables``: what it accepts, and that its faults are reported with their paths."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.lakelanes.config.support import SKETCH, changed, faults, parse

WITH_TABLES: dict[str, Any] = {
    **SKETCH,
    "tables": {
        "orders": {
            "dynamodb_table": "shop-Orders",
            "table_name": "orders",
            "keys": ["order_id", "line"],
            "schema": [
                {"name": "order_id", "type": "string"},
                {"name": "Line", "type": "int"},
                {"name": "total", "type": "decimal(38,2)"},
                {"name": "city", "type": "string", "attribute": "address.City"},
                {"name": "items", "type": "array<struct<sku:string,price:decimal(12,2)>>"},
                {"name": "weights", "type": "map<string,decimal(38,10)>"},
                {"name": "signature", "type": "binary"},
            ],
        }
    },
}


def changed_table(path: str, value: Any) -> dict[str, Any]:
    """The sketch with one setting of orders replaced or added."""
    return changed(f"tables.orders.{path}", value, WITH_TABLES)


def test_a_lake_without_tables_is_as_it_was() -> None:
    assert parse(SKETCH).tables == {}


def test_a_table_gets_its_names_and_defaults() -> None:
    orders = parse(WITH_TABLES).tables["orders"]
    assert (orders.name, orders.keys, orders.undeclared) == ("orders", ("order_id", "line"), "_attributes")
    assert (orders.changes_table, orders.snapshot_table) == ("orders_changes", "orders_snapshot")
    assert orders.current_view == "orders_current"
    assert orders.lanes == ("export", "stream")
    assert (orders.export.window_minutes, orders.export.view_type) == (60, "NEW_AND_OLD_IMAGES")
    assert orders.columns[6].type.text == "binary"


def test_an_attribute_keeps_its_case_and_a_path_is_split() -> None:
    paths = [column.path for column in parse(WITH_TABLES).tables["orders"].columns]
    assert paths[1:4] == [("Line",), ("total",), ("address", "City")]


@pytest.mark.parametrize("minutes", [15, 20, 30, 60, 360, 1440])
def test_a_window_divides_a_day(minutes: int) -> None:
    assert parse(changed_table("export.window_minutes", minutes)).tables["orders"].export.window_minutes == minutes


COLUMN = {"name": "x", "type": "string"}


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("export.window_minutes", 14, "export.window_minutes: found 14, expected greater than or equal to 15"),
        ("export.window_minutes", 1500, "export.window_minutes: found 1500, expected less than or equal to 1440"),
        ("export.window_minutes", 50, "export.window_minutes: 50 minutes do not divide a day"),
        ("export.view_type", "OLD_IMAGE", "export.view_type: found 'OLD_IMAGE', expected 'NEW_IMAGE' or"),
        ("export.schedule", "hourly", "export.schedule: 'hourly' is not a cron expression"),
        ("export.timezone", "Mars", "export.timezone: 'Mars' is not a time zone"),
        ("export.prefix", "../x", "export.prefix: '../x' is not a key prefix"),
        ("export.window", 60, "export.window: unknown setting; did you mean 'window_minutes'?"),
        ("export.window_minutes", 48, "export.window_minutes: 48 minutes do not divide a day into hours"),
        ("compaction.keep_days", 0, "compaction.keep_days: found 0, expected greater than or equal to 1"),
        ("stream.keep_days", 35, "stream.keep_days: found 35, expected greater than or equal to 36"),
        ("stream.batch_records", 0, "stream.batch_records: found 0, expected greater than or equal to 1"),
        ("stream.batch_seconds", 301, "stream.batch_seconds: found 301, expected less than or equal to 300"),
        ("lanes", [], "lanes: found [], expected at least one"),
        ("lanes", ["export", "export"], "lanes: export, export: one is there twice"),
        ("lanes", ["batch"], "lanes[0]: found 'batch', expected 'export' or 'stream'"),
        ("undeclared", None, "undeclared: found null, expected a valid string"),
        ("undeclared", "_op", "undeclared: '_op' is a column of every table of changes"),
        ("undeclared", "total", "schema[2].name: 'total' is the column that 'undeclared' names"),
        ("dynamodb_table", "x", "dynamodb_table: 'x' is not a table name DynamoDB accepts"),
        ("table_name", "x" * 120, f"table_name: {'x' * 120!r} is not a name for tables of changes"),
        ("keys", [], "keys: found [], expected at least one"),
        ("keys", ["order_id", "order_id"], "keys[1]: 'order_id' is there twice"),
        ("keys", ["orderid"], "keys[0]: 'orderid' is no column of tables.orders.schema; did you mean 'order_id'?"),
        ("keys", ["city"], "schema[3].attribute: a key of a DynamoDB table is no member of a map"),
        ("keys", ["items"], "schema[4].type: a key is string, an integer type, decimal(p,s) or binary, not array<"),
        ("schema", [], "schema: found [], expected at least one"),
        ("schema.2", COLUMN | {"name": "Line"}, "schema[2].name: 'line' is the name of tables.orders.schema[1]"),
        ("schema.2", COLUMN | {"name": "_rescued"}, "schema[2].name: '_rescued' is a column of every table of"),
        ("schema.2", COLUMN | {"name": "lane"}, "schema[2].name: 'lane' is a partition column of the tables"),
        ("schema.2", COLUMN | {"type": "map<int,int>"}, "schema[2].type: the names of a DynamoDB map are texts"),
        ("schema.2", COLUMN | {"attribute": "a..b"}, "schema[2].attribute: 'a..b' is no attribute"),
        ("schema.2", COLUMN | {"attribute": "Line"}, "schema[2].attribute: 'Line' is the attribute of"),
        ("schema.2", COLUMN | {"attribute": "items.x"}, "schema[4].attribute: 'items.x' lies within 'items'"),
        ("schema.2", COLUMN | {"attribute": "address"}, "schema[3].attribute: 'address.City' lies within 'address'"),
        ("schema.2", COLUMN | {"header": "X"}, "schema[2].header: unknown setting"),
    ],
)
def test_a_fault_names_its_setting(path: str, value: Any, fault: str) -> None:
    found = faults(changed_table(path, value))
    assert any(line.startswith(f"tables.orders.{fault}") for line in found), found


def test_rows_of_a_stream_go_only_where_exports_have_them_as_well() -> None:
    raw = changed_table("stream.keep_days", 36)
    assert parse(raw).tables["orders"].stream.keep_days == 36
    raw["tables"]["orders"]["lanes"] = ["stream"]
    (fault,) = faults(raw)
    assert fault.startswith("tables.orders.stream.keep_days: 36 needs 'export' among tables.orders.lanes")


@pytest.mark.parametrize("name", ["x; DROP TABLE y", "a`b", "../up", "", "ä", "x" * 300, "{{ 1 }}"])
@pytest.mark.parametrize("path", ["dynamodb_table", "table_name", "schema.0.name", "keys.0", "undeclared"])
def test_a_hostile_name_is_a_fault(path: str, name: str) -> None:
    dotted = path.replace(".0", "[0]")
    assert any(fault.startswith(f"tables.orders.{dotted}") for fault in faults(changed_table(path, name)))


def test_names_of_tables_are_nobody_elses() -> None:
    raw = copy.deepcopy(WITH_TABLES)
    raw["entities"]["sales"]["table_name"] = "orders_Changes"
    assert faults(raw) == ("tables.orders.table_name: table 'orders_changes' belongs to entities.sales already",)
    raw = copy.deepcopy(WITH_TABLES)
    raw["tables"]["Orders"] = raw["tables"]["orders"]
    assert faults(raw) == (
        "tables.Orders: differs from tables.orders only in upper and lower case",
        *(
            f"tables.Orders.table_name: table 'orders_{kind}' belongs to tables.orders already"
            for kind in ("changes", "snapshot", "current")
        ),
        "tables.Orders.dynamodb_table: 'shop-Orders' is the table of tables.orders already",
    )


def test_a_file_that_is_wrong_everywhere_still_gets_its_faults() -> None:
    for value in (None, [], 7, {"orders": None}, {"orders": {"schema": 7, "keys": "x"}}):
        assert faults({**SKETCH, "tables": value})
