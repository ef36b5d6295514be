"""The raw configuration is read whatever is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.config import raw_settings as raw


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a'b", '"a\'b"'),
        (None, "null"),
        ({"a": 1}, '{"a": 1}'),
        ("x" * 78, f"'{'x' * 78}'"),
        ("x" * 79, f"'{'x' * 76}..."),
    ],
)
def test_a_value_is_quoted_in_eighty_characters(value: Any, text: str) -> None:
    assert raw.shown(value) == text
    assert len(raw.shown(value)) <= 80


@pytest.mark.parametrize("owner", [{}, {"keys": None}, {"keys": "ab"}, {"keys": {"a": 1}}, {"keys": 7}])
def test_what_is_no_list_lists_nothing(owner: dict[str, Any]) -> None:
    assert raw.listed(owner, "keys") == []


@pytest.mark.parametrize("owners", [None, [], "x", 7, {"a": None, "b": []}])
def test_what_is_no_object_has_no_objects(owners: Any) -> None:
    assert list(raw.objects(owners, "tables")) == []


def test_columns_without_a_name_are_passed_over_and_the_others_keep_their_positions() -> None:
    schema = ["a", {"name": 7}, {"name": "ID"}, None, {"type": "int"}, {"name": "x"}]
    found = [(index, name) for index, name, _ in raw.named_columns({"schema": schema})]
    assert found == [(2, "id"), (5, "x")]


def test_a_type_that_is_none_is_none() -> None:
    assert raw.type_of({"type": "binary"}) is None
    assert str(raw.type_of({"type": "binary"}, binary=True)) == "binary"
    assert raw.type_of({"type": 7}) is raw.type_of({}) is None


def test_a_name_that_is_nearly_known_is_offered() -> None:
    assert raw.near_match("amuont", ["amount", "id"]) == "; did you mean 'amount'?"
    assert raw.near_match("zzz", ["amount", "id"]) == ""


def test_names_that_differ_in_case_alone_are_faults() -> None:
    assert list(raw.case_faults({"a": 1, "B": 1, "A": 1, "b": 1}, "tables")) == [
        "tables.A: differs from tables.a only in upper and lower case",
        "tables.b: differs from tables.B only in upper and lower case",
    ]


def test_a_name_that_is_taken_is_a_fault_and_its_next_owner_is_the_last() -> None:
    taken = {"x": "entities.a"}
    assert list(raw.table_name_faults("entities.b", ["x", "y"], taken)) == [
        "entities.b.table_name: table 'x' belongs to entities.a already"
    ]
    assert taken == {"x": "entities.b", "y": "entities.b"}


def test_of_columns_with_one_name_all_but_the_first_are_faults() -> None:
    seen: dict[str, str] = {}
    schema = [{"name": "a"}, {"name": "A"}, {"name": "a"}, {"name": "b"}]
    assert list(raw.column_name_faults("tables.t", {"schema": schema}, seen)) == [
        "tables.t.schema[1].name: 'a' is the name of tables.t.schema[0] already",
        "tables.t.schema[2].name: 'a' is the name of tables.t.schema[0] already",
    ]
    assert seen == {"a": "tables.t.schema[0]", "b": "tables.t.schema[3]"}
