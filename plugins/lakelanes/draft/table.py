"""The draft of a DynamoDB table's entry, from a bounded number of its items.

An attribute that has one type in all of them becomes a column. Others stay in the column of undeclared attributes,
where nothing is lost. The engine's own reader then reads every item with the draft.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from lakelanes.aws.failures import is_missing
from lakelanes.config.model import Table
from lakelanes.config.table_faults import CHANGE_COLUMNS, PARTITION_COLUMNS, UNDECLARED
from lakelanes.convert.dialect import RFC_4180
from lakelanes.convert.policy import RESCUED
from lakelanes.convert.values import is_value
from lakelanes.draft.entity import ColumnEvidence, Draft
from lakelanes.draft.file_names import column_name_of
from lakelanes.draft.samples import DraftError
from lakelanes.names import changes_table_name
from lakelanes.tables.attributes import ItemReader
from lakelanes.types import parse_type

_PAGE = 250
ITEMS = 4 * _PAGE
_DIGITS, _WIDEST, _LEAST_SCALE, _MOST_FIELDS = 18, 38, 2, 50
_FIELD = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_SETS = {"SS": "string", "BS": "binary"}


def draft_table(dynamodb: Any, table: str, name: str | None = None) -> Draft:
    """The entry of a table. Raises DraftError where there is no such table, or no item in it."""
    try:
        keys = [key["AttributeName"] for key in dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]]
        items, is_all = _items(dynamodb, table)
    except ClientError as error:
        if not is_missing(error):
            raise
        raise DraftError(f"there is no DynamoDB table {table!r} in region {dynamodb.meta.region_name}") from None
    if not items:
        raise DraftError(f"the DynamoDB table {table!r} has no items: there is nothing to learn from")
    name = name or column_name_of(table.removeprefix("lakelanes-"), 1, set())
    taken = {*CHANGE_COLUMNS, *PARTITION_COLUMNS, UNDECLARED, RESCUED}
    columns: list[dict[str, Any]] = []
    evidence: list[ColumnEvidence] = []
    doubts: list[str] = []
    others = dict.fromkeys(attribute for item in items for attribute in item if attribute not in keys)
    for attribute in (*keys, *others):
        values = [item[attribute] for item in items if attribute in item]
        kind, why = _type_of(values, key=attribute in keys)
        if "." in attribute:
            kind, why = None, "a name with a dot cannot be that of a column"
        if kind is None:
            doubts.append(f"{attribute!r} stays in {UNDECLARED}: {why}")
            continue
        column = column_name_of(attribute, len(columns) + 1, taken)
        taken.add(column)
        columns.append({"name": column, "type": kind} | ({"attribute": attribute} if attribute != column else {}))
        text = f"{len(values):,} of {len(items):,} items have it, as {kind}"
        evidence.append(ColumnEvidence(column, attribute, kind, text, (why,) if why else ()))
    value = {
        "dynamodb_table": table,
        "table_name": changes_table_name(column_name_of(name, 1, set())),
        "keys": [column["name"] for column in columns[: len(keys)]],
        "schema": columns,
    }
    doubts += _misfits(value, items)
    read = (
        "all of its items" if is_all else f"the first {len(items):,} of its items, which may not show every attribute"
    )
    return Draft("tables", name, value, (f"{table}: {read} were read",), (), tuple(evidence), tuple(doubts))


def _items(dynamodb: Any, table: str) -> tuple[list[dict[str, Any]], bool]:
    """Up to ITEMS items, with bytes in base64 as exports have them, and whether these are all."""
    found: list[dict[str, Any]] = []
    start: dict[str, Any] = {}
    while len(found) < ITEMS:
        page = dynamodb.scan(TableName=table, Limit=_PAGE, **start)
        found += [{name: _in_text(value) for name, value in item.items()} for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            return found, True
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    return found, False


def _in_text(value: dict[str, Any]) -> dict[str, Any]:
    [(tag, content)] = value.items()
    if tag == "B":
        return {tag: base64.b64encode(bytes(content)).decode()}
    if tag == "BS":
        return {tag: [base64.b64encode(bytes(one)).decode() for one in content]}
    if tag == "M":
        return {tag: {name: _in_text(one) for name, one in content.items()}}
    return {tag: [_in_text(one) for one in content]} if tag == "L" else value


def _type_of(values: Iterable[dict[str, Any]], *, key: bool = False) -> tuple[str | None, str]:
    """The Hive type of attribute values, and a doubt; None with the reason where they have no one type."""
    found = [next(iter(value.items())) for value in values if "NULL" not in value]
    tags = {tag for tag, _ in found}
    contents = [content for _, content in found]
    if not found:
        return None, "no item has a value"
    if len(tags) > 1:
        return None, f"it is of several types ({', '.join(sorted(tags))})"
    [tag] = tags
    if tag == "N":
        return _number(contents)
    if tag == "S":
        return ("string", "") if key else _text(contents)
    if tag == "NS":
        element, why = _number([one for content in contents for one in content])
        return f"array<{element}>", why
    if tag in _SETS:
        return f"array<{_SETS[tag]}>", ""
    if tag == "L":
        kind, why = _type_of([one for content in contents for one in content])
        return (f"array<{kind}>", why) if kind else (None, f"as to its elements, {why}")
    return _map(contents) if tag == "M" else ({"BOOL": "boolean", "B": "binary"}[tag], "")


def _number(texts: Sequence[str]) -> tuple[str, str]:
    numbers = [Decimal(text).normalize() for text in texts]
    scale = max(0, *(-int(number.as_tuple().exponent) for number in numbers))
    before = max(max(0, number.adjusted() + 1) for number in numbers)
    if not scale and before <= _DIGITS:
        return "bigint", ""
    if before + scale > _WIDEST:
        return "double", "digits that no decimal holds: what a double cannot stand for goes to _rescued"
    return f"decimal({_WIDEST},{min(_WIDEST - before, max(scale, _LEAST_SCALE) if scale else 0)})", ""


def _text(texts: Sequence[str]) -> tuple[str, str]:
    for kind in ("date", "timestamp"):
        if all(is_value(text, parse_type(kind), RFC_4180) for text in texts):
            zone = "zones are turned into UTC" if any(re.search(r"T.*[+-]", text) for text in texts) else ""
            return kind, zone
    return "string", ""


def _map(contents: Sequence[dict[str, Any]]) -> tuple[str | None, str]:
    names = dict.fromkeys(name for content in contents for name in content)
    fits = names and len({name.lower() for name in names}) == len(names) <= _MOST_FIELDS
    if not fits or not all(_FIELD.fullmatch(name) for name in names):
        kind, why = _type_of([one for content in contents for one in content.values()])
        return (f"map<string,{kind}>", why) if kind else (None, f"its members differ, and {why}")
    fields = []
    for name in names:
        kind, why = _type_of([content[name] for content in contents if name in content])
        if kind is None:
            return None, f"as to its member {name!r}, {why}"
        fields.append(f"{name.lower()}:{kind}")
    return f"struct<{','.join(fields)}>", "members that no item had go to _rescued"


def _misfits(value: dict[str, Any], items: Sequence[dict[str, Any]]) -> list[str]:
    """What the engine's reader could not take of these items with the draft."""
    table = Table.model_validate(value)
    reader = ItemReader(table.columns, table.keys)
    misfits = {name for item in items for name in reader.read(item).rescued}
    return [f"{name!r}: some values go to _rescued" for name in sorted(misfits)]
