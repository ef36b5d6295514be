"""Faults between the settings of the configuration's ``tables``, found in the raw file.

They are reported beside the faults of single settings, so everything here has to bear a file that is wrong elsewhere.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from lakelanes.convert.policy import RESCUED
from lakelanes.types import HiveType, parse_type

# What a change row has beside the table's columns, and the partition columns of its tables.
CHANGE_COLUMNS = ("_op", "_written_at", "_sequence", "_source")
PARTITION_COLUMNS = ("lane", "window", "as_of")
UNDECLARED = "_attributes"
# Tables and view of a DynamoDB table, by what follows its table_name.
TABLE_SUFFIXES = ("_changes", "_snapshot", "_current")
# A key is compared for equality, which a binary fraction or a text in several forms has no use for.
# A key is a string, a number or binary:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.CoreComponents.html
_KEY_TYPES = frozenset({"string", "tinyint", "smallint", "int", "bigint", "decimal", "binary"})


def table_faults(raw: dict[str, Any], taken: dict[str, str]) -> list[str]:
    """Faults of ``tables`` as a whole.

    taken: names of tables in Glue that are others' already, each with the path of the setting that takes it.
    """
    faults: list[str] = []
    tables = raw.get("tables")
    if not isinstance(tables, dict):
        return faults
    taken, sources, folded = dict(taken), dict[str, str](), dict[str, str]()
    for name, table in tables.items():
        path = f"tables.{name}"
        if name.lower() in folded:
            faults.append(f"{path}: differs from tables.{folded[name.lower()]} only in upper and lower case")
        folded.setdefault(name.lower(), name)
        if not isinstance(table, dict):
            continue
        if isinstance(base := table.get("table_name"), str):
            for own in (base.lower() + suffix for suffix in TABLE_SUFFIXES):
                if own in taken:
                    faults.append(f"{path}.table_name: table {own!r} belongs to {taken[own]} already")
                taken[own] = path
        if isinstance(source := table.get("dynamodb_table"), str):
            if source in sources:
                faults.append(f"{path}.dynamodb_table: {source!r} is the table of {sources[source]} already")
            sources[source] = path
        faults.extend(_column_faults(path, table))
        faults.extend(_key_faults(path, table))
    return faults


def _columns(table: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The columns that have a name, with their positions in ``schema``."""
    columns = table.get("schema")
    for index, column in enumerate(columns if isinstance(columns, list) else ()):
        if isinstance(column, dict) and isinstance(column.get("name"), str):
            yield index, column


def _column_faults(path: str, table: dict[str, Any]) -> Iterator[str]:
    added = dict.fromkeys((*CHANGE_COLUMNS, RESCUED), "a column of every table of changes")
    added |= dict.fromkeys(PARTITION_COLUMNS, "a partition column of the tables of changes and snapshots")
    undeclared = table.get("undeclared", UNDECLARED)
    if isinstance(undeclared, str):
        if undeclared.lower() in added:
            yield f"{path}.undeclared: {undeclared!r} is {added[undeclared.lower()]}"
        added.setdefault(undeclared.lower(), "the column that 'undeclared' names")
    seen: dict[str, str] = {}
    paths: dict[tuple[str, ...], str] = {}
    for index, column in _columns(table):
        where, name = f"{path}.schema[{index}]", column["name"].lower()
        if name in seen:
            yield f"{where}.name: {name!r} is the name of {seen[name]} already"
        seen.setdefault(name, where)
        if name in added:
            yield f"{where}.name: {name!r} is {added[name]}"
        attribute = column.get("attribute") or column["name"]
        if not isinstance(attribute, str):
            continue
        parts = tuple(attribute.split("."))
        for other, at in paths.items():
            if parts == other:
                yield f"{where}.attribute: {attribute!r} is the attribute of {at} already"
            elif parts[: len(other)] == other or other[: len(parts)] == parts:
                inner, outer = (parts, other) if len(parts) > len(other) else (other, parts)
                yield (
                    f"{where}.attribute: {'.'.join(inner)!r} lies within {'.'.join(outer)!r}, the attribute of "
                    f"{at if outer == other else where}; have the map as one column, or its members as columns"
                )
        paths.setdefault(parts, where)
        if (kind := _type(column)) is not None and (unfit := _unfit_map(kind)) is not None:
            yield f"{where}.type: the names of a DynamoDB map are texts, so {unfit.text} needs a key of type string"


def _key_faults(path: str, table: dict[str, Any]) -> Iterator[str]:
    keys = table.get("keys")
    columns = {column["name"].lower(): (index, column) for index, column in _columns(table)}
    seen: set[str] = set()
    for position, key in enumerate(keys if isinstance(keys, list) else ()):
        if not isinstance(key, str):
            continue
        where, key = f"{path}.keys[{position}]", key.lower()
        if key in seen:
            yield f"{where}: {key!r} is there twice"
        seen.add(key)
        if key not in columns:
            near = difflib.get_close_matches(key, columns, n=1)
            yield f"{where}: {key!r} is no column of {path}.schema" + (f"; did you mean {near[0]!r}?" if near else "")
            continue
        index, column = columns[key]
        if isinstance(attribute := column.get("attribute"), str) and "." in attribute:
            yield f"{path}.schema[{index}].attribute: a key of a DynamoDB table is no member of a map"
        kind = _type(column)
        if kind is not None and kind.kind not in _KEY_TYPES:
            yield f"{path}.schema[{index}].type: a key is string, an integer type, decimal(p,s) or binary, not {kind}"


def _type(column: dict[str, Any]) -> HiveType | None:
    """The column's type; None when it is none, which is reported where it stands."""
    try:
        return parse_type(str(column.get("type")), binary=True)
    except ValueError:
        return None


def _unfit_map(kind: HiveType) -> HiveType | None:
    """The first map within the type whose key is no string."""
    if kind.kind == "map" and kind.children[0].kind != "string":
        return kind
    return next((found for child in kind.children if (found := _unfit_map(child)) is not None), None)
