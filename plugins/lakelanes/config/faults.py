"""Faults of the configuration in words: of single settings, and between settings.

Each is one line: the path of the setting, what was found, what was expected (``entities.sales.schema[2].type: ...``).
Faults between settings are found in the raw file, so that they are reported beside those of single settings; those of
``entities`` and ``tables`` have a module each.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from lakelanes.config.entity_faults import entity_faults
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
from lakelanes.config.raw_settings import near_match, shown
from lakelanes.config.table_faults import table_faults


def _dotted(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part != "[key]":
            path += f".{part}" if path else part
    return path


def setting_fault(detail: Any, known: Iterable[str] | None = None) -> str:
    """The fault of a single setting, of what pydantic found (an item of ``ValidationError.errors()``).

    known: the names of all settings, from which a near one is named; those of the configuration by default.
    """
    path = _dotted(detail["loc"]) or "the file"
    kind, found = detail["type"], detail["input"]
    if kind == "extra_forbidden" and detail["loc"][-1] == "extra_columns":
        new = json.dumps({"new_columns": {"error": "freeze"}.get(str(found), "discard_value")})
        return f'{path}: is schema_policy.new_columns now; write "schema_policy": {new}'
    if kind == "missing":
        return f"{path}: is missing"
    if kind == "value_error":
        return f"{path}: {detail['ctx']['error']}"
    if kind == "extra_forbidden":
        return f"{path}: unknown setting{near_match(str(detail['loc'][-1]), known or _known_settings())}"
    if kind == "too_short":
        return f"{path}: found {shown(found)}, expected at least one"
    message = detail["msg"].removeprefix("Input should be ")
    return f"{path}: found {shown(found)}, expected {message}"


def _known_settings() -> Iterator[str]:
    for model in (
        LakeConfig,
        Aws,
        Resources,
        DeploymentSettings,
        Entity,
        Column,
        PartitionKey,
        CsvDialect,
        EntitySchemaPolicy,
        Table,
        AttributeColumn,
        TableExport,
        TableStream,
        Compaction,
    ):
        for name, field in model.model_fields.items():
            yield field.alias or name


def cross_faults(raw: dict[str, Any]) -> list[str]:
    """Faults between settings, found in the raw file so that they are reported beside those of single settings."""
    faults: list[str] = []
    resources = raw.get("resources")
    if isinstance(resources, dict):
        source, analytics = resources.get("source_bucket"), resources.get("analytics_bucket")
        if source is not None and source == analytics:
            faults.append(
                f"resources.analytics_bucket: {shown(analytics)} is the source bucket too; what the lake writes "
                "would be taken for new source files, so use two buckets"
            )
    tables: dict[str, str] = {}
    entities = raw.get("entities")
    if isinstance(entities, dict):
        faults.extend(entity_faults(entities, tables))
    faults.extend(table_faults(raw, tables))
    return faults
