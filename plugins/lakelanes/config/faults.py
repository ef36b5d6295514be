"""Faults of the configuration in words: of single settings, and between settings.

Each is one line: the path of the setting, what was found, what was expected (``entities.sales.schema[2].type: ...``).
Faults between settings are found in the raw file, so that they are reported beside those of single settings.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from typing import Any

from lakelanes import names
from lakelanes.config.model import (
    AttributeColumn,
    Aws,
    Column,
    Compaction,
    CsvDialect,
    Entity,
    EntitySchemaPolicy,
    LakeConfig,
    PartitionKey,
    Resources,
    Table,
    TableExport,
)
from lakelanes.config.table_faults import table_faults
from lakelanes.convert.partition_values import INTEGER_BITS, form_fault
from lakelanes.convert.policy import RESCUED, variant_name
from lakelanes.types import HiveType, parse_type

_REJECTS_COLUMNS = frozenset({"source_file", "record", "line", "column", "reason", "raw"})
_NESTED_TYPE = re.compile(r"\s*(array|map|struct)\s*<", re.IGNORECASE)
_PARTITION_TYPES = re.compile(r"string|varchar\(\d+\)|char\(\d+\)|tinyint|smallint|int|bigint|date")


def _dotted(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part != "[key]":
            path += f".{part}" if path else part
    return path


def shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:77] + "..."


def setting_fault(detail: Any) -> str:
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
        name = str(detail["loc"][-1])
        near = difflib.get_close_matches(name, _known_settings(), n=1)
        return f"{path}: unknown setting" + (f"; did you mean {near[0]!r}?" if near else "")
    if kind == "too_short":
        return f"{path}: found {shown(found)}, expected at least one"
    message = detail["msg"].removeprefix("Input should be ")
    return f"{path}: found {shown(found)}, expected {message}"


def _known_settings() -> Iterator[str]:
    for model in (
        LakeConfig,
        Aws,
        Resources,
        Entity,
        Column,
        PartitionKey,
        CsvDialect,
        EntitySchemaPolicy,
        Table,
        AttributeColumn,
        TableExport,
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
        faults.extend(_entity_faults(entities, tables))
    faults.extend(table_faults(raw, tables))
    return faults


def _entity_faults(entities: dict[str, Any], tables: dict[str, str]) -> list[str]:
    """Faults of ``entities`` as a whole; ``tables`` comes to hold their tables' names and whose each is."""
    faults: list[str] = []
    patterns: dict[tuple[str, str], str] = {}
    folded: dict[str, str] = {}
    for name, entity in entities.items():
        path = f"entities.{name}"
        if name.lower() in folded:
            faults.append(f"{path}: differs from entities.{folded[name.lower()]} only in upper and lower case")
        folded.setdefault(name.lower(), name)
        if not isinstance(entity, dict):
            continue
        table = entity.get("table_name")
        if isinstance(table, str):
            for taken in (table.lower(), f"{table.lower()}_rejects"):
                if taken in tables:
                    faults.append(f"{path}.table_name: table {taken!r} belongs to {tables[taken]} already")
                tables[taken] = path
        pattern, prefix = entity.get("filename_pattern"), entity.get("source_prefix") or ""
        if isinstance(pattern, str) and isinstance(prefix, str):
            if (prefix, pattern) in patterns:
                faults.append(
                    f"{path}.filename_pattern: {shown(pattern)} is the pattern of {patterns[prefix, pattern]} too; "
                    "every file would match two entities"
                )
            patterns[prefix, pattern] = path
        faults.extend(_column_faults(path, entity))
        faults.extend(_data_key_faults(path, entity))
        faults.extend(_sort_faults(path, entity))
    faults.extend(_example_faults(entities))
    return faults


def _column_faults(path: str, entity: dict[str, Any]) -> list[str]:
    faults: list[str] = []
    seen: dict[str, str] = {}
    headers: dict[str, str] = {}
    columns, keys = entity.get("schema"), entity.get("partition_keys")
    columns_at = f"{path}.schema["
    for index, column in enumerate(columns if isinstance(columns, list) else ()):
        if not isinstance(column, dict) or not isinstance(column.get("name"), str):
            continue
        where, name = f"{path}.schema[{index}]", column["name"].lower()
        if name in seen:
            faults.append(f"{where}.name: {name!r} is the name of {seen[name]} already")
        seen.setdefault(name, where)
        header = column.get("header") or name
        if isinstance(header, str):
            header = header.strip().lower()
            if header in headers and name not in headers:
                faults.append(f"{where}.header: {header!r} is the header of {headers[header]} already")
            headers.setdefault(header, where)
    for index, key in enumerate(keys if isinstance(keys, list) else ()):
        where = f"{path}.partition_keys[{index}]"
        name = key.get("name") if isinstance(key, dict) else key
        source = key.get("column") if isinstance(key, dict) else None
        same = isinstance(name, str) and isinstance(source, str) and name.lower() == source.lower()
        if isinstance(name, str) and name.lower() in seen and not (same and seen[name.lower()].startswith(columns_at)):
            faults.append(
                f"{where}: {name!r} is a column as well ({seen[name.lower()]}); Athena refuses a table where a "
                "partition key is also a column"
            )
        if isinstance(name, str):
            seen.setdefault(name.lower(), where)
        if isinstance(name, str) and name.lower() in _REJECTS_COLUMNS:
            faults.append(
                f"{where}: {name!r} is a column of the table of rejected rows, so it cannot be a partition key"
            )
        kind = key.get("type") if isinstance(key, dict) else None
        if isinstance(kind, str) and not _PARTITION_TYPES.fullmatch(kind.strip().lower()):
            faults.append(f"{where}.type: {kind!r} cannot be a partition key's type: use string, an integer or date")
    for name, adder in _added_columns(entity).items():
        if name in seen:
            faults.append(f"{seen[name]}: {name!r} is the name of a column that {adder} adds to the table")
        try:
            names.column_name(name)
        except ValueError as error:
            faults.append(f"{path}.schema_policy: the column that {adder} would add to the table: {error}")
    return faults


def _sort_faults(path: str, entity: dict[str, Any]) -> list[str]:
    """sort_by names columns of the table that have an order, each once."""
    faults: list[str] = []
    columns, wanted = entity.get("schema"), entity.get("sort_by")
    types = {
        column["name"].lower(): str(column.get("type"))
        for column in (columns if isinstance(columns, list) else ())
        if isinstance(column, dict) and isinstance(column.get("name"), str)
    }
    keys = {
        str(key.get("name") if isinstance(key, dict) else key).lower()
        for key in (entity["partition_keys"] if isinstance(entity.get("partition_keys"), list) else ())
    }
    seen: set[str] = set()
    for index, name in enumerate(wanted if isinstance(wanted, list) else ()):
        if not isinstance(name, str):
            continue
        where, folded = f"{path}.sort_by[{index}]", name.lower()
        if folded not in types:
            near = difflib.get_close_matches(folded, types, n=1)
            faults.append(
                f"{where}: {name!r} is no column of schema" + (f"; did you mean {near[0]!r}?" if near else "")
            )
        elif folded in keys:
            faults.append(f"{where}: {name!r} is a partition key, the same in all rows of a file; name another column")
        elif _NESTED_TYPE.match(types[folded]):
            faults.append(f"{where}: {name!r} is of type {types[folded]}, which has no order; name another column")
        elif folded in seen:
            faults.append(f"{where}: {name!r} is there twice; once is enough")
        seen.add(folded)
    return faults


def _added_columns(entity: dict[str, Any]) -> dict[str, str]:
    """Columns that the schema policy can add whatever the files are called in their header, and what adds them."""
    policy, columns = entity.get("schema_policy"), entity.get("schema")
    added: dict[str, str] = {}
    if not isinstance(policy, dict):
        return added
    if policy.get("rescue") is True:
        added[RESCUED] = "schema_policy.rescue"
    if policy.get("type_misfits") == "evolve":
        for column in columns if isinstance(columns, list) else ():
            if not isinstance(column, dict) or not isinstance(column.get("name"), str):
                continue
            # Any text is a string, so there is no misfit that a variant column would take.
            if str(column.get("type")).strip().lower() != "string":
                added[variant_name(column["name"].lower())] = f"schema_policy.type_misfits, for {column['name']!r},"
    return added


def _data_key_faults(path: str, entity: dict[str, Any]) -> list[str]:
    """Faults of partition keys that come from columns."""
    faults: list[str] = []
    columns, keys = entity.get("schema"), entity.get("partition_keys")
    named = [column for column in (columns if isinstance(columns, list) else ()) if isinstance(column, dict)]
    types = {str(column.get("name")).lower(): column.get("type") for column in named}
    taken: set[str] = set()
    for index, key in enumerate(keys if isinstance(keys, list) else ()):
        if not isinstance(key, dict):
            continue
        where, column, form = f"{path}.partition_keys[{index}]", key.get("column"), key.get("format")
        if column is None and form is not None:
            faults.append(f"{where}.format: is of a key whose value comes from a column; name it in 'column'")
        if not isinstance(column, str):
            continue
        if str(key.get("name")).lower() == column.lower():
            taken.add(column.lower())
        if column.lower() not in types:
            near = difflib.get_close_matches(column.lower(), types, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            faults.append(f"{where}.column: {column!r} is no column of {path}.schema{hint}")
            continue
        try:
            kind, wanted = parse_type(str(types[column.lower()])), parse_type(key.get("type", "string"))
        except ValueError:
            continue  # reported where it stands
        if isinstance(form, str) and form:
            if fault := form_fault(form, kind.kind, wanted.kind, INTEGER_BITS.get(wanted.kind)):
                faults.append(f"{where}.format: {fault}")
        elif fault := _unfit(kind, wanted):
            faults.append(f"{where}: {fault}")
    from_rows = [key for key in (keys if isinstance(keys, list) else ()) if isinstance(key, dict) and key.get("column")]
    if not from_rows:
        return faults
    if entity.get("format") == "csv":
        faults.append(f"{path}.format: 'csv' keeps a file as it came, so no partition key can come from a column")
    if entity.get("registration") == "projection":
        faults.append(
            f"{path}.registration: 'projection' cannot show the rejected rows of a file whose partition keys come from "
            "columns, since they are in a partition without values; use 'add_partition' or 'msck'"
        )
    if types and not types.keys() - taken:
        faults.append(f"{path}.schema: every column is a partition key; a table needs a column of its own")
    return faults


def _unfit(column: HiveType, key: HiveType) -> str | None:
    """Why a column's value as it is cannot be a key's; None when it can."""
    if column.kind == "timestamp":
        return "a timestamp needs a 'format' to be a partition key's value, e.g. '%Y-%m-%d'"
    if column.kind not in INTEGER_BITS and not column.is_text and column.kind != "date":
        return f"a column of type {column.text} cannot be a partition key; use text, an integer, a date or a timestamp"
    if key.is_text:
        return None
    if key.kind == column.kind or INTEGER_BITS.get(column.kind, 64) <= INTEGER_BITS.get(key.kind, 0):
        return None
    return f"a key of type {key.text} cannot hold the values of a column of type {column.text}"


def _example_faults(entities: dict[str, Any]) -> list[str]:
    """An entity's example must match its own pattern and no other."""
    faults: list[str] = []
    for name, entity in entities.items():
        example = entity.get("example") if isinstance(entity, dict) else None
        if not isinstance(example, str):
            continue
        for other, settings in entities.items():
            pattern = settings.get("filename_pattern") if isinstance(settings, dict) else None
            if not isinstance(pattern, str) or (
                other != name and (settings.get("source_prefix") or "") != (entity.get("source_prefix") or "")
            ):
                continue
            try:
                matches = re.fullmatch(pattern, example) is not None
            except re.error:
                continue
            if matches != (other == name):
                verb = "also matches" if matches else "does not match"
                faults.append(f"entities.{name}.example: {example!r} {verb} entities.{other}.filename_pattern")
    return faults
