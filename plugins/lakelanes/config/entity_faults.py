"""Faults between the settings of the configuration's ``entities``, found in the raw file.

They are reported beside the faults of single settings, so everything here has to bear a file that is wrong elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lakelanes import names
from lakelanes.config.dialect_faults import dialect_faults
from lakelanes.config.filename_patterns import FilenamePattern
from lakelanes.config.raw_settings import (
    case_faults,
    column_name_faults,
    listed,
    named_columns,
    near_match,
    objects,
    shown,
    table_name_faults,
    type_of,
)
from lakelanes.convert.partition_values import INTEGER_BITS, form_fault
from lakelanes.convert.policy import RESCUED, variant_name
from lakelanes.types import HiveType

# A value of each of the keys that spell a date, with and without its leading zero.
_DATE_SAMPLES = {"year": ("2024",), "month": ("03", "3"), "day": ("05", "5"), "hour": ("07", "7")}
# An escape, a set, the beginning of a group or its end.
_PATTERN_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?P<|\(\?|\(|\)", re.DOTALL)
_REJECTS_COLUMNS = frozenset({"source_file", "record", "line", "column", "reason", "raw"})
_NESTED_TYPE = re.compile(r"\s*(array|map|struct)\s*<", re.IGNORECASE)
_PARTITION_TYPES = re.compile(r"string|varchar\(\d+\)|char\(\d+\)|tinyint|smallint|int|bigint|date")


def entity_faults(entities: dict[str, Any], tables: dict[str, str]) -> Iterator[str]:
    """Faults of ``entities`` as a whole; ``tables`` comes to hold the names of their tables in Glue, each with the path
    of the entity that it belongs to."""
    yield from case_faults(entities, "entities")
    patterns: dict[tuple[str, str], str] = {}
    for _, path, entity in objects(entities, "entities"):
        if isinstance(table := entity.get("table_name"), str):
            yield from table_name_faults(path, (table.lower(), f"{table.lower()}_rejects"), tables)
        pattern, prefix = entity.get("filename_pattern"), entity.get("source_prefix") or ""
        if isinstance(pattern, str) and isinstance(prefix, str):
            if (prefix, pattern) in patterns:
                yield (
                    f"{path}.filename_pattern: {shown(pattern)} is the pattern of {patterns[prefix, pattern]} too; "
                    "every file would match two entities"
                )
            patterns[prefix, pattern] = path
        yield from _column_faults(path, entity)
        yield from _data_key_faults(path, entity)
        yield from dialect_faults(path, entity)
        yield from _order_faults(path, entity)
        yield from _sort_faults(path, entity)
    yield from _example_faults(entities)


def _column_faults(path: str, entity: dict[str, Any]) -> Iterator[str]:
    """Names of columns, headers and partition keys are each there once; the policy's columns are free."""
    seen: dict[str, str] = {}
    yield from column_name_faults(path, entity, seen)
    yield from _header_faults(path, entity)
    yield from _key_faults(path, entity, seen)
    for name, adder in _added_columns(entity).items():
        if name in seen:
            yield f"{seen[name]}: {name!r} is the name of a column that {adder} adds to the table"
        try:
            names.column_name(name)
        except ValueError as error:
            yield f"{path}.schema_policy: the column that {adder} would add to the table: {error}"


def _header_faults(path: str, entity: dict[str, Any]) -> Iterator[str]:
    known: set[str] = set()
    headers: dict[str, str] = {}
    for index, name, column in named_columns(entity):
        where, is_known = f"{path}.schema[{index}]", name in known
        known.add(name)
        header = column.get("header") or name
        if isinstance(header, str):
            header = header.strip().lower()
            # Two columns of one name are a fault of their own.
            if header in headers and not is_known:
                yield f"{where}.header: {header!r} is the header of {headers[header]} already"
            headers.setdefault(header, where)


def _key_faults(path: str, entity: dict[str, Any], seen: dict[str, str]) -> Iterator[str]:
    """Faults of partition keys' names and types; ``seen``, where each column's name stands, comes to hold theirs."""
    columns_at = f"{path}.schema["
    for index, key in enumerate(listed(entity, "partition_keys")):
        where = f"{path}.partition_keys[{index}]"
        settings = key if isinstance(key, dict) else {"name": key}
        if isinstance(settings.get("name"), str):
            name, source = settings["name"], settings.get("column")
            folded = name.lower()
            is_its_column = isinstance(source, str) and folded == source.lower()
            if folded in seen and not (is_its_column and seen[folded].startswith(columns_at)):
                yield (
                    f"{where}: {name!r} is a column as well ({seen[folded]}); Athena refuses a table where a "
                    "partition key is also a column"
                )
            seen.setdefault(folded, where)
            if folded in _REJECTS_COLUMNS:
                yield f"{where}: {name!r} is a column of the table of rejected rows, so it cannot be a partition key"
        kind = settings.get("type")
        if isinstance(kind, str) and not _PARTITION_TYPES.fullmatch(kind.strip().lower()):
            yield f"{where}.type: {kind!r} cannot be a partition key's type: use string, an integer or date"


def _sort_faults(path: str, entity: dict[str, Any]) -> Iterator[str]:
    """sort_by names columns of the table that have an order, each once."""
    types = {name: str(column.get("type")) for _, name, column in named_columns(entity)}
    keys = {str(key.get("name") if isinstance(key, dict) else key).lower() for key in listed(entity, "partition_keys")}
    seen: set[str] = set()
    for index, name in enumerate(listed(entity, "sort_by")):
        if not isinstance(name, str):
            continue
        where, folded = f"{path}.sort_by[{index}]", name.lower()
        if folded not in types:
            yield f"{where}: {name!r} is no column of schema{near_match(folded, types)}"
        elif folded in keys:
            yield f"{where}: {name!r} is a partition key, the same in all rows of a file; name another column"
        elif _NESTED_TYPE.match(types[folded]):
            yield f"{where}: {name!r} is of type {types[folded]}, which has no order; name another column"
        elif folded in seen:
            yield f"{where}: {name!r} is there twice; once is enough"
        seen.add(folded)


def _added_columns(entity: dict[str, Any]) -> dict[str, str]:
    """Columns that the schema policy can add whatever the files' headers say, and the setting that adds each."""
    policy = entity.get("schema_policy")
    added: dict[str, str] = {}
    if not isinstance(policy, dict):
        return added
    if policy.get("rescue") is True:
        added[RESCUED] = "schema_policy.rescue"
    if policy.get("type_misfits") == "evolve":
        for _, name, column in named_columns(entity):
            # Any text is a string, so there is no misfit that a variant column would take.
            if str(column.get("type")).strip().lower() != "string":
                added[variant_name(name)] = f"schema_policy.type_misfits, for {column['name']!r},"
    return added


def _data_key_faults(path: str, entity: dict[str, Any]) -> Iterator[str]:
    """Faults of partition keys that come from columns."""
    columns = {name: column for _, name, column in named_columns(entity)}
    keys = [(index, key) for index, key in enumerate(listed(entity, "partition_keys")) if isinstance(key, dict)]
    for index, key in keys:
        where, column, form = f"{path}.partition_keys[{index}]", key.get("column"), key.get("format")
        if column is None and form is not None:
            yield f"{where}.format: is of a key whose value comes from a column; name it in 'column'"
        if not isinstance(column, str):
            continue
        if column.lower() not in columns:
            yield f"{where}.column: {column!r} is no column of {path}.schema{near_match(column.lower(), columns)}"
        elif fault := _value_fault(key, columns[column.lower()]):
            yield f"{where}{fault}"
    if not any(key.get("column") for _, key in keys):
        return
    if entity.get("format") == "csv":
        yield f"{path}.format: 'csv' keeps a file as it came, so no partition key can come from a column"
    if entity.get("registration") == "projection":
        yield (
            f"{path}.registration: 'projection' cannot show the rejected rows of a file whose partition keys come from "
            "columns, since they are in a partition without values; use 'add_partition' or 'msck'"
        )
    names_of_both = {
        key["column"].lower()
        for _, key in keys
        if isinstance(key.get("column"), str) and str(key.get("name")).lower() == key["column"].lower()
    }
    if columns and not columns.keys() - names_of_both:
        yield f"{path}.schema: every column is a partition key; a table needs a column of its own"


def _value_fault(key: dict[str, Any], column: dict[str, Any]) -> str | None:
    """Why a column's values cannot be a key's, after the path of the key; None when they can."""
    kind, wanted = type_of(column), type_of({"type": "string", **key})
    form = key.get("format")
    if kind is None or wanted is None:
        return None
    if isinstance(form, str) and form:
        fault = form_fault(form, kind.kind, wanted.kind, INTEGER_BITS.get(wanted.kind))
        return f".format: {fault}" if fault else None
    fault = _unfit(kind, wanted)
    return f": {fault}" if fault else None


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


def _order_faults(path: str, entity: dict[str, Any]) -> Iterator[str]:
    """Faults of a pattern whose groups without names are in another order than the partition keys: a group that cannot
    be a year, where another can."""
    pattern = entity.get("filename_pattern")
    keys = [key if isinstance(key, dict) else {"name": key} for key in listed(entity, "partition_keys")]
    names = [str(key.get("name")).lower() for key in keys if not key.get("column")]
    groups = _groups(pattern) if isinstance(pattern, str) else []
    if len(groups) != len(names):
        return
    for name, group in zip(names, groups, strict=True):
        fits = [other for other in groups if _takes(other, name)]
        if name in _DATE_SAMPLES and fits and group not in fits:
            named = ", ".join(f"(?P<{key}>...)" for key in names)
            yield (
                f"{path}.filename_pattern: its groups are in another order than partition_keys: ({group}) would be "
                f"the {name}, and ({fits[0]}) can be; name the groups: {named}"
            )
            return


def _groups(pattern: str) -> list[str]:
    """What stands in the groups of a pattern, in order; none of them where one has a name or lies in another."""
    found: list[str] = []
    opened: list[int] = []
    counted = 0
    tokens = list(_PATTERN_TOKEN.finditer(pattern))
    for token in tokens:
        if token[0].startswith("(?P<"):
            return []
        if token[0].startswith("("):
            is_group = token[0] == "("
            counted += is_group
            opened.append(token.end() if is_group else -1)
            if is_group and any(start >= 0 for start in opened[:-1]):
                return []
        elif token[0] == ")" and opened and (start := opened.pop()) >= 0:
            found.append(pattern[start : token.start()])
    return found if len(found) == counted else []


def _takes(group: str, name: str) -> bool:
    """Whether a group can have a value of a key of this name; any can if the name is none of a date's."""
    try:
        expression = FilenamePattern(group)
    except ValueError:
        return True
    return any(expression.fullmatch(sample) for sample in _DATE_SAMPLES.get(name, ("",)))


def _example_faults(entities: dict[str, Any]) -> Iterator[str]:
    """An entity's example must match its own pattern and no other."""
    for name, path, entity in objects(entities, "entities"):
        example = entity.get("example")
        if not isinstance(example, str):
            continue
        for other, other_path, settings in objects(entities, "entities"):
            pattern = settings.get("filename_pattern")
            is_beside = (settings.get("source_prefix") or "") == (entity.get("source_prefix") or "")
            if not isinstance(pattern, str) or not (other == name or is_beside):
                continue
            try:
                matches = FilenamePattern(pattern).fullmatch(example) is not None
            except ValueError:
                continue
            if matches != (other == name):
                verb = "also matches" if matches else "does not match"
                yield f"{path}.example: {example!r} {verb} {other_path}.filename_pattern"
