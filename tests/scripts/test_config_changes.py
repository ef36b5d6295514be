"""What has changed is said by the settings' paths."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.config_changes import changes

SALES: dict[str, Any] = {
    "table_name": "sales",
    "schema": [{"name": "id", "type": "int"}, {"name": "at", "type": "date"}],
}
LAKE: dict[str, Any] = {"aws": {"region": "eu-west-1"}, "entities": {"sales": SALES}}


def _with(**sales: Any) -> dict[str, Any]:
    return {**LAKE, "entities": {"sales": {**SALES, **sales}}}


def test_the_same_has_no_changes() -> None:
    assert changes(LAKE, {**LAKE}) == []


@pytest.mark.parametrize(
    ("after", "lines"),
    [
        (_with(table_name="orders"), ['entities.sales.table_name: now "orders", before "sales"']),
        (_with(max_bad_rows=3), ["entities.sales.max_bad_rows: now 3, before not set"]),
        (_with(schema=SALES["schema"][:1]), [
            'entities.sales.schema[1]: now not set, before {"name": "at", "type": "date"}'
        ]),
        (_with(schema=[SALES["schema"][0], {"name": "at", "type": "timestamp"}]), [
            'entities.sales.schema[1].type: now "timestamp", before "date"'
        ]),
        ({**LAKE, "entities": {**LAKE["entities"], "returns": SALES}}, ["entities.returns: the entity is new"]),
        ({**LAKE, "entities": {"returns": SALES}}, [
            "entities.returns: the entity is new",
            "entities.sales: the entity is gone; its data stay",
        ]),
        ({**LAKE, "tables": {"shop": {"keys": ["id"]}}}, ["tables.shop: the DynamoDB table is new"]),
        ({**LAKE, "deployment": {"log_days": 7}}, ['deployment: now {"log_days": 7}, before not set']),
    ],
)  # fmt: skip
def test_each_change_is_said_once(after: dict[str, Any], lines: list[str]) -> None:
    assert changes(LAKE, after) == lines


def test_a_table_that_goes_is_said_and_long_values_are_cut() -> None:
    before = {**LAKE, "tables": {"shop": {}}, "ignored_names": ["x" * 100]}
    said = changes(before, {**LAKE, "ignored_names": ["y"]})
    assert said[0] == "tables.shop: the DynamoDB table is gone; its data stay"
    assert said[1].startswith('ignored_names[0]: now "y", before "xxx') and said[1].endswith("…") and len(said) == 2
