"""Faults between the settings of the configuration's ``tables``, found in the raw file.

They are reported beside the faults of single settings, so everything here has to bear a file that is wrong elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lakelanes.config.raw_settings import (
    case_faults,
    column_name_faults,
    listed,
    named_columns,
    near_match,
    objects,
    table_name_faults,
    type_of,
)
from lakelanes.convert.policy import RESCUED
from lakelanes.types import HiveType

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


def table_faults(raw: dict[str, Any], taken: dict[str, str]) -> Iterator[str]:
    """Faults of ``tables`` as a whole.

    taken: names of tables in Glue that are others' already, each with the path of the setting that takes it.
    """
    tables = raw.get("tables")
    if not isinstance(tables, dict):
        return
    yield from case_faults(tables, "tables")
    taken, sources = dict(taken), dict[str, str]()
    for _, path, table in objects(tables, "tables"):
        if isinstance(base := table.get("table_name"), str):
            yield from table_name_faults(path, [base.lower() + suffix for suffix in TABLE_SUFFIXES], taken)
        if isinstance(source := table.get("dynamodb_table"), str):
            if source in sources:
                yield f"{path}.dynamodb_table: {source!r} is the table of {sources[source]} already"
            sources[source] = path
        yield from _column_faults(path, table)
        yield from _attribute_faults(path, table)
        yield from _key_faults(path, table)
        yield from _stream_faults(path, table)


def _column_faults(path: str, table: dict[str, Any]) -> Iterator[str]:
    added = dict.fromkeys((*CHANGE_COLUMNS, RESCUED), "a column of every table of changes")
    added |= dict.fromkeys(PARTITION_COLUMNS, "a partition column of the tables of changes and snapshots")
    undeclared = table.get("undeclared", UNDECLARED)
    if isinstance(undeclared, str):
        if undeclared.lower() in added:
            yield f"{path}.undeclared: {undeclared!r} is {added[undeclared.lower()]}"
        added.setdefault(undeclared.lower(), "the column that 'undeclared' names")
    yield from column_name_faults(path, table, {})
    for index, name, column in named_columns(table):
        where = f"{path}.schema[{index}]"
        if name in added:
            yield f"{where}.name: {name!r} is {added[name]}"
        if (kind := type_of(column, binary=True)) is not None and (unfit := _unfit_map(kind)) is not None:
            yield f"{where}.type: the names of a DynamoDB map are texts, so {unfit.text} needs a key of type string"


def _attribute_faults(path: str, table: dict[str, Any]) -> Iterator[str]:
    """An attribute is one column's, and so is all that lies within it."""
    paths: dict[tuple[str, ...], str] = {}
    for index, _, column in named_columns(table):
        where, attribute = f"{path}.schema[{index}]", column.get("attribute") or column["name"]
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


def _key_faults(path: str, table: dict[str, Any]) -> Iterator[str]:
    columns = {name: (index, column) for index, name, column in named_columns(table)}
    seen: set[str] = set()
    for position, key in enumerate(listed(table, "keys")):
        if not isinstance(key, str):
            continue
        where, key = f"{path}.keys[{position}]", key.lower()
        if key in seen:
            yield f"{where}: {key!r} is there twice"
        seen.add(key)
        if key not in columns:
            yield f"{where}: {key!r} is no column of {path}.schema{near_match(key, columns)}"
            continue
        index, column = columns[key]
        if isinstance(attribute := column.get("attribute"), str) and "." in attribute:
            yield f"{path}.schema[{index}].attribute: a key of a DynamoDB table is no member of a map"
        kind = type_of(column, binary=True)
        if kind is not None and kind.kind not in _KEY_TYPES:
            yield f"{path}.schema[{index}].type: a key is string, an integer type, decimal(p,s) or binary, not {kind}"


def _stream_faults(path: str, table: dict[str, Any]) -> Iterator[str]:
    stream = table.get("stream")
    kept = stream.get("keep_days") if isinstance(stream, dict) else None
    if kept is not None and "lanes" in table and "export" not in listed(table, "lanes"):
        yield (
            f"{path}.stream.keep_days: {kept!r} needs 'export' among {path}.lanes: without exports the rows of the "
            "stream are all that there is of the table's changes"
        )


def _unfit_map(kind: HiveType) -> HiveType | None:
    """The first map within the type whose key is no string."""
    if kind.kind == "map" and kind.children[0].kind != "string":
        return kind
    return next((found for child in kind.children if (found := _unfit_map(child)) is not None), None)
