"""docs/configuration.md says of every setting what the model says: its name, type and default."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from lakelanes.config.loading import json_schema, parse_config
from lakelanes.config.model import (
    AttributeColumn,
    Aws,
    Column,
    Compaction,
    CsvDialect,
    DeploymentSettings,
    Entity,
    EntitySchemaPolicy,
    LakeConfig,
    PartitionKey,
    Resources,
    Table,
    TableExport,
    TableStream,
)
from lakelanes.errors import ConfigError
from lakelanes_airflow.timetables.schedules import DEFAULT_CRON

KEY = {"name": "k", "type": "string"}
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
SECTIONS: dict[str, type[BaseModel]] = {
    "The file": LakeConfig,
    "aws": Aws,
    "resources": Resources,
    "deployment": DeploymentSettings,
    "entities.NAME": Entity,
    "partition_keys[]": PartitionKey,
    "schema[]": Column,
    "schema_policy": EntitySchemaPolicy,
    "dialect": CsvDialect,
    "tables.NAME": Table,
    "tables.NAME.schema[]": AttributeColumn,
    "tables.NAME.export": TableExport,
    "tables.NAME.stream": TableStream,
    "tables.NAME.compaction": Compaction,
}


def tables(text: str, section: str) -> list[dict[str, str]]:
    """Rows of the first table below the heading ``section``."""
    body = re.split(rf"^#+ {re.escape(section)}\n", text, flags=re.MULTILINE)[1]
    lines = re.search(r"^\|.*\n(\|.*\n)+", body, flags=re.MULTILINE)
    assert lines is not None, f"{section} has no table"
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[0].splitlines()]
    return [dict(zip(header, row, strict=True)) for row in rows]


def type_text(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(type_text(option) for option in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    if "$ref" in schema:
        return "object"
    names = {
        "string": "text",
        "integer": "whole number",
        "boolean": "true or false",
        "array": "list",
        "object": "object",
        "null": "null",
    }
    return names[schema["type"]]


def expected(model: type[BaseModel]) -> dict[str, tuple[str, str]]:
    """Setting -> (type, default), as the document writes them."""
    whole = json_schema()
    schema = whole if model is LakeConfig else whole["$defs"].get(model.__name__) or model.model_json_schema()
    # Some defaults are made by code, so the schema does not say them; the next test does.
    defaults = {
        Entity: {"dialect": "`{}`", "schema_policy": "`{}`"},
        PartitionKey: {"type": '`"string"`'},
        Table: {"export": "`{}`", "stream": "`{}`", "compaction": "`{}`"},
        LakeConfig: {"deployment": "`{}`"},
    }.get(model, {})
    found = {}
    for name, field in schema["properties"].items():
        default = "*required*" if name in schema.get("required", ()) else f"`{json.dumps(field.get('default'))}`"
        found[name] = (type_text(field), defaults.get(name, default))
    return found


@pytest.mark.parametrize("section", SECTIONS)
def test_settings_are_documented_as_the_model_has_them(section: str) -> None:
    rows = tables(DOCUMENT.read_text(encoding="utf-8"), section)
    documented = {row["Setting"].strip("`"): (row["Type"], row["Default"]) for row in rows}
    assert documented == expected(SECTIONS[section])
    assert all(row["Meaning"] for row in rows)


def test_defaults_that_code_makes_are_as_documented() -> None:
    entity = entity_with(["month"])
    assert entity.partition_keys[0].type.text == "string"
    assert entity.dialect == CsvDialect()
    assert entity.schema_policy == EntitySchemaPolicy()
    table = Table.model_validate({"dynamodb_table": "abc", "table_name": "t", "keys": ["k"], "schema": [KEY]})
    assert (table.export, table.stream, table.compaction) == (TableExport(), TableStream(), Compaction())
    assert LakeConfig.model_fields["deployment"].default == DeploymentSettings()


@pytest.mark.parametrize(
    "setting",
    [
        *("max_bad_rows", "deadline_minutes", "stale_minutes", "alert_rejected_percent", "settle_seconds"),
        *("batch_bytes", "max_partitions_per_file", "fast_max_bytes"),
    ],
)
def test_ranges_are_documented_as_the_model_has_them(setting: str) -> None:
    rows = tables(DOCUMENT.read_text(encoding="utf-8"), "entities.NAME")
    meaning = next(row["Meaning"] for row in rows if row["Setting"] == f"`{setting}`")
    found = re.match(r"(\d+) (?:or more|to (\d+)):", meaning)
    assert found is not None
    lowest, highest = int(found[1]), int(found[2]) if found[2] else None
    assert getattr(entity_with(["month"], **{setting: lowest}), setting) == lowest
    outside = [lowest - 1]
    if highest is not None:
        assert getattr(entity_with(["month"], **{setting: highest}), setting) == highest
        outside.append(highest + 1)
    for value in outside:
        with pytest.raises(ConfigError, match=f"entities.t.{setting}: found {value}"):
            entity_with(["month"], **{setting: value})


GRAINS = {
    "hour": ["year", "month", "day", "hour"],
    "day": ["year", "month", "day"],
    "month": ["year", "month"],
    "year": ["year"],
    "none": ["region"],
}


@pytest.mark.parametrize("grain", GRAINS)
def test_grains_are_documented_as_the_code_has_them(grain: str) -> None:
    table = tables(DOCUMENT.read_text(encoding="utf-8"), "The grain of an entity")
    rows = {row["Grain"].strip("`"): row for row in table}
    assert rows.keys() == GRAINS.keys()
    entity = entity_with(GRAINS[grain])
    row = rows[grain]
    assert (entity.grain or "none") == grain
    assert int(row["Default `deadline_minutes`"]) == entity.deadline
    if entity.grain is None:
        assert (row["Partition key of a run"], row["Default `schedule`"]) == ("-", "none")
    else:
        assert row["Default `schedule`"] == f"`{DEFAULT_CRON[entity.grain]}`"
        key = datetime(2024, 3, 15, 7).strftime(str(entity.partition_key_format))
        assert row["Partition key of a run"] == f"`{key}`"


def entity_with(keys: list[str], **settings: Any) -> Entity:
    entity = {
        "table_name": "t",
        "filename_pattern": r"t_" + r"(\d+)" * len(keys),
        "partition_keys": keys,
        "schema": [{"name": "a", "type": "string"}],
        **settings,
    }
    resources = {
        "source_bucket": "one-source",
        "analytics_bucket": "one-analytics",
        "glue_database": "db",
        "workgroup_name": "wg",
        "sqs_queue": "queue",
    }
    raw = {
        "aws": {"region": "us-east-1", "account_id": "000000000000"},
        "resources": resources,
        "entities": {"t": entity},
    }
    return parse_config(json.dumps(raw), {}).entities["t"]
