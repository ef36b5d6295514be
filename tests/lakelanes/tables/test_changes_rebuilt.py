"""Nothing of an item is lost: it is rebuilt from its row by the rule of docs/change-rows.md, whoever read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.config.model import Table
from lakelanes.tables.changes import StreamReader, change_batch
from lakelanes.tables.scanner import SLACK, Scanner
from tests.lakelanes.tables.support import json_line, make_table, odd_lines
from tests.support.properties import examples

# Of types whose values are written in DynamoDB JSON in one way only. Maps in maps, and columns beside them.
SCHEMA = [
    {"name": "id", "type": "string"},
    {"name": "name", "type": "string"},
    {"name": "ort", "type": "string", "attribute": "adr.ort"},
    {"name": "plz", "type": "bigint", "attribute": "adr.nest.plz"},
    {"name": "wahr", "type": "boolean", "attribute": "adr.nest.tief.wahr"},
    {"name": "texte", "type": "map<string,string>", "attribute": "adr.texte"},
    {"name": "zahl", "type": "bigint", "attribute": "mass.zahl"},
]
PATHS = {("adr",), ("adr", "nest"), ("adr", "nest", "tief"), ("mass",)}
Members = dict[str, Any]

_SCALARS = st.sampled_from([{"S": "x"}, {"S": ""}, {"N": "7"}, {"N": "-1"}, {"BOOL": False}, {"NULL": True}])
_VALUES = st.one_of(
    _SCALARS,
    st.sampled_from([{"M": {}}, {"L": []}, {"M": {"a": {"S": "b"}}}, {"M": {"ort": {"NULL": True}}}, {"SS": ["x"]}]),
)


@st.composite
def _members(draw: st.DrawFn, path: tuple[str, ...] = ()) -> Members:
    """Members at the path: of columns and of others, fitting and not, maps where columns lie and anything else."""
    made: Members = {}
    for name in draw(st.permutations(sorted(_names(path) | {"frei"}))):
        if (*path, name) in PATHS and draw(st.integers(0, 3)):
            made[name] = {"M": draw(_members((*path, name)))}
        elif draw(st.booleans()):
            made[name] = draw(_VALUES)
    return made


def _paths(table: Table) -> dict[tuple[str, ...], str]:
    return {tuple(column.path): column.name for column in table.columns}


def _names(path: tuple[str, ...]) -> set[str]:
    paths = [tuple(each.get("attribute", each["name"]).split(".")) for each in SCHEMA if each["name"] != "id"]
    return {each[len(path)] for each in paths if each[: len(path)] == path and len(each) > len(path)}


def rebuilt(table: Table, row: Mapping[str, Any]) -> Members:
    """The item of a row: what its _attributes hold, and in it each column's value at the column's path."""
    item: Members = json.loads(row[table.undeclared] or "{}")
    rescued = json.loads(row["_rescued"] or "{}")
    for column in table.columns:
        value = rescued.get(column.name) or _attribute_value(row[column.name])
        if value is None:
            continue
        at = item
        for name in column.path[:-1]:
            at = at.setdefault(name, {"M": {}})["M"]
        at[column.path[-1]] = value
    return item


def _attribute_value(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, str):
        return {"S": value}
    return {"M": {name: _attribute_value(member) or {"NULL": True} for name, member in value}}


def without_nulls(table: Table, members: Members, path: tuple[str, ...] = ()) -> Members:
    """The item without the NULLs of columns, which are as if absent."""
    columns = _paths(table)
    kept: Members = {}
    for name, value in members.items():
        here = (*path, name)
        if here in columns and value == {"NULL": True}:
            continue
        is_inner = "M" in value and any(each[: len(here)] == here and each != here for each in columns)
        kept[name] = {"M": without_nulls(table, value["M"], here)} if is_inner else value
    return kept


@pytest.mark.slow
@examples(150)
@given(data=st.data(), items=st.lists(_members(), min_size=1, max_size=4))
def test_an_item_is_rebuilt_from_its_row(data: st.DataObject, items: list[Members]) -> None:
    table = make_table(SCHEMA, ["id"])
    for number, item in enumerate(items):
        item["id"] = {"S": str(number)}
    lines = b"\n".join(data.draw(json_line({"Item": item})) for item in items)
    expected = [without_nulls(table, item) for item in items]
    assert odd_lines(table, lines, 1) == 0, "items.c reads all of these itself"
    for native in (True, False):
        scanner = Scanner(table, 1)
        assert scanner._native is not None
        if not native:
            scanner._native = None
        batches, _ = scanner.scan(bytearray(lines) + bytearray(SLACK), len(lines))
        rows = sorted((row for batch in batches for row in batch.to_pylist()), key=lambda row: int(row["id"]))
        assert [rebuilt(table, row) for row in rows] == expected
    records = [
        {"eventName": "INSERT", "dynamodb": {"Keys": {"id": item["id"]}, "NewImage": item, "SequenceNumber": "1",
         "ApproximateCreationDateTime": 1}} for item in items
    ]  # fmt: skip
    reader = StreamReader(table)
    batch = change_batch(table, [reader.read(record) for record in records])
    assert [rebuilt(table, row) for row in batch.to_pylist()] == expected


def test_whether_a_map_was_there_is_told_apart() -> None:
    table = make_table(SCHEMA, ["id"])
    forms: list[Members] = [
        {},
        {"adr": {"NULL": True}},
        {"adr": {"M": {}}},
        {"adr": {"S": "x"}},
        {"adr": {"M": {"nest": {"M": {}}}}},
        {"adr": {"M": {"nest": {"NULL": True}}}},
        {"adr": {"M": {"ort": {"S": "Bern"}}}},
        {"adr": {"M": {"ort": {"S": "Bern"}, "nest": {"M": {}}}}},
        {"adr": {"M": {"ort": {"S": "Bern"}, "nest": {"NULL": True}}}},
        {"adr": {"M": {"nest": {"M": {"plz": {"N": "3000"}}}}}},
        {"adr": {"M": {"nest": {"M": {"plz": {"S": "3000"}}}}}},
        {"adr": {"M": {"nest": {"M": {"plz": {"N": "3000"}, "tief": {"M": {}}}}}}},
    ]
    items = [{"id": {"S": f"{number:02}"}, **form} for number, form in enumerate(forms)]
    lines = b"\n".join(json.dumps({"Item": item}).encode() for item in items)
    for native in (True, False):
        scanner = Scanner(table, 1)
        if not native:
            scanner._native = None
        batches, _ = scanner.scan(bytearray(lines) + bytearray(SLACK), len(lines))
        rows = [row for batch in batches for row in batch.to_pylist()]
        assert [rebuilt(table, row) for row in rows] == items
        assert len({repr({**row, "id": None}) for row in rows}) == len(forms)
