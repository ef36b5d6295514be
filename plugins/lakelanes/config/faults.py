"""Faults of the configuration in words: of single settings, and between settings.

Each is one line: the path of the setting, what was found, what was expected (``entities.sales.schema[2].type: ...``).
Faults between settings are found in the raw file, so that they are reported beside those of single settings; those of
``entities`` and ``tables`` have a module each.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

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

    known: the names of all settings, from which a near one is named; None for a file of the configuration, whose
    settings have places as well.
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
        if known is not None:
            return f"{path}: unknown setting{near_match(str(detail['loc'][-1]), known)}"
        return f"{path}: {_misplaced(detail['loc'])}"
    if kind == "too_short":
        return f"{path}: found {shown(found)}, expected at least one"
    message = detail["msg"].removeprefix("Input should be ")
    return f"{path}: found {shown(found)}, expected {message}"


# Where the settings of each model stand; NAME is that of an entity or a table, and [] an item of a list. Of several
# places of one name the first is the likeliest that somebody means.
_PLACES: dict[str, type[BaseModel]] = {
    "": LakeConfig,
    "aws": Aws,
    "resources": Resources,
    "deployment": DeploymentSettings,
    "entities.NAME": Entity,
    "entities.NAME.dialect": CsvDialect,
    "entities.NAME.schema_policy": EntitySchemaPolicy,
    "entities.NAME.schema[]": Column,
    "entities.NAME.partition_keys[]": PartitionKey,
    "tables.NAME": Table,
    "tables.NAME.schema[]": AttributeColumn,
    "tables.NAME.export": TableExport,
    "tables.NAME.stream": TableStream,
    "tables.NAME.compaction": Compaction,
}


def _misplaced(location: tuple[int | str, ...]) -> str:
    """What is wrong with a setting that is not known where it stands: where it belongs, or which one is like it."""
    *owner, last = location
    here, name = _place_of(owner), str(last)
    if elsewhere := [place for place in _places(here) if name in _settings_at(place)]:
        return f"belongs into {' or '.join(_path(place, name, owner) for place in elsewhere[:2])}"
    if near := near_match(name, _settings_at(here)):
        return f"unknown setting{near}"
    for place in _places(here):
        if found := difflib.get_close_matches(name, _settings_at(place), n=1):
            return f"unknown setting; did you mean {_path(place, found[0], owner)}?"
    return "unknown setting"


def _place_of(owner: list[int | str]) -> str:
    """Which of _PLACES holds what stands at this location."""
    parts = ["NAME" if at == 1 and owner[0] in ("entities", "tables") else part for at, part in enumerate(owner)]
    return "".join("[]" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".")


def _places(here: str) -> list[str]:
    """The other places, those of the same tree first. An entity's settings are no table's, nor the other way round."""
    tree = here.split(".")[0]
    foreign = {"entities": "tables.", "tables": "entities."}.get(tree, "-")
    others = [place for place in _PLACES if place != here and not place.startswith(foreign)]
    return sorted(others, key=lambda place: tree != place.split(".")[0])


def _settings_at(place: str) -> list[str]:
    model = _PLACES.get(place)
    return [field.alias or name for name, field in model.model_fields.items() if not field.exclude] if model else []


def _path(place: str, name: str, owner: list[int | str]) -> str:
    """The path of a setting in a place, in the very entity or table that another one stands in."""
    is_there = len(owner) > 1 and str(owner[0]) == place.split(".")[0]
    where = place.replace("NAME", str(owner[1])) if is_there else place
    return f"{where}.{name}".removeprefix(".")


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
