"""The configuration that comes with Lakelanes, and the schema that editors check it with."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from lakelanes.config.loading import DEFAULT_PATH, json_schema, load_config

ENV = {"AWS_ACCOUNT_ID": "000000000000"}
SCHEMA = DEFAULT_PATH.parent / "lake.schema.json"


def test_the_schema_is_the_models() -> None:
    assert json.loads(SCHEMA.read_text()) == json_schema(), "run: lakelanes schema > include/lake.schema.json"


def test_lake_json_points_to_the_schema_and_keeps_to_it() -> None:
    raw = json.loads(DEFAULT_PATH.read_text())
    assert Path(DEFAULT_PATH.parent / raw["$schema"]) == SCHEMA
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(raw)


def test_the_schema_refuses_what_the_model_refuses() -> None:
    raw = json.loads(DEFAULT_PATH.read_text())
    raw["entities"]["sales"]["registration"] = "sometimes"
    with pytest.raises(jsonschema.ValidationError, match="sometimes"):
        jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(raw)


def test_the_entities_are_of_three_grains_and_each_has_an_example() -> None:
    config = load_config(DEFAULT_PATH, ENV)
    assert {name: entity.grain for name, entity in config.entities.items()} == {
        "sales": "day",
        "web_sessions": "hour",
        "store_targets": "month",
    }
    assert all(entity.example for entity in config.entities.values())


def test_sales_is_the_entity_of_the_original_sketch() -> None:
    """With its pattern, keys and columns as they were, so that its files go on being loaded."""
    sales = load_config(DEFAULT_PATH, ENV).entities["sales"]
    assert sales.filename_pattern == r"sales_data_(\d{4})_(\d{2})_(\d{2})\.csv"
    assert [key.name for key in sales.partition_keys] == ["year", "month", "day"]
    columns = {column.name: column.type.text for column in sales.columns}
    wanted = {"transaction_id": "string", "customer_id": "string", "amount": "decimal(10,2)"}
    assert {**wanted, "transaction_date": "date"}.items() <= columns.items()
