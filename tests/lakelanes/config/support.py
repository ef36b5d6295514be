"""A configuration to start from, and what is wrong with one."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from lakelanes.config.loading import parse_config
from lakelanes.config.model import LakeConfig
from lakelanes.errors import ConfigError

# The shape that every configuration starts from, with the names of a small company in it.
SKETCH: dict[str, Any] = {
    "aws": {"region": "us-east-1", "account_id": "${AWS_ACCOUNT_ID}"},
    "resources": {
        "source_bucket": "my-company-data-source",
        "analytics_bucket": "my-company-analytics",
        "glue_database": "analytics_db",
        "workgroup_name": "analytics_workgroup",
        "sqs_queue": "file_processing_queue",
    },
    "entities": {
        "sales": {
            "table_name": "sales_data",
            "filename_pattern": "sales_data_(\\d{4})_(\\d{2})_(\\d{2})\\.csv",
            "partition_keys": ["year", "month", "day"],
            "schema": [
                {"name": "transaction_id", "type": "string"},
                {"name": "customer_id", "type": "string"},
                {"name": "amount", "type": "decimal(10,2)"},
                {"name": "transaction_date", "type": "date"},
            ],
        }
    },
}


ENV = {"AWS_ACCOUNT_ID": "123456789012"}


def parse(raw: Any, env: dict[str, str] | None = None) -> LakeConfig:
    return parse_config(json.dumps(raw), ENV if env is None else env, "lake.json")


def changed(path: str, value: Any, sketch: dict[str, Any] = SKETCH) -> dict[str, Any]:
    """The sketch with one setting replaced or added: ``changed("entities.sales.format", "csv")``."""
    raw = copy.deepcopy(sketch)
    *parents, last = path.split(".")
    at: Any = raw
    for name in parents:
        at = at[int(name)] if isinstance(at, list) else at.setdefault(name, {})
    if isinstance(at, list):
        at[int(last)] = value
    else:
        at[last] = value
    return raw


def faults(raw: Any, env: dict[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as error:
        parse(raw, env)
    return error.value.faults


def with_keys(*keys: Any, **settings: Any) -> dict[str, Any]:
    """The sketch with these partition keys, and no groups in its pattern unless it is given one."""
    raw = changed("entities.sales.partition_keys", list(keys))
    raw["entities"]["sales"] |= {"filename_pattern": r"sales_.*\.csv", **settings}
    return raw


def two_entities(**second: Any) -> dict[str, Any]:
    raw = copy.deepcopy(SKETCH)
    raw["entities"]["returns"] = {**raw["entities"]["sales"], "table_name": "returns_data", **second}
    return raw
