"""DynamoDB's form of items says the same as boto3's, with whole numbers as ints, and keeps dataclasses as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.ledger import items

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**37), 10**37) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@dataclass(frozen=True)
class Record:
    name: str
    count: int = 0
    tags: tuple[str, ...] | None = None
    done: bool = False
    note: str | None = "none yet"


@given(values=st.dictionaries(st.text(min_size=1), VALUES, max_size=4))
def test_values_are_as_boto3_writes_and_reads_them(values: dict[str, Any]) -> None:
    item = items.to_item(values)
    there = {name: value for name, value in values.items() if value is not None}
    assert item == {name: TypeSerializer().serialize(value) for name, value in there.items()}
    assert items.from_item(item) == there == {name: TypeDeserializer().deserialize(v) for name, v in item.items()}


def test_numbers_come_back_as_ints() -> None:
    assert type(items.from_item({"n": {"N": "7"}})["n"]) is int


@pytest.mark.parametrize("value", [1.5, b"bytes", {1, 2}, object()])
def test_what_the_table_does_not_hold_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match=type(value).__name__):
        items.to_item({"x": value})


def test_a_type_that_the_table_does_not_hold_is_not_read() -> None:
    with pytest.raises(TypeError, match="SS"):
        items.from_item({"x": {"SS": ["a"]}})


@pytest.mark.parametrize(
    "record", [Record("a"), Record("", 3, ("x", "y"), True, "n"), Record("b", -1, ()), Record("c", tags=("é",))]
)
def test_a_record_comes_back_as_it_was(record: Record) -> None:
    assert items.record_of(Record, items.to_item(items.attributes_of(record))) == record


def test_what_is_none_is_left_out_and_read_as_its_default() -> None:
    item = items.to_item(items.attributes_of(Record("a", note=None)))
    assert "note" not in item
    assert "tags" not in item
    assert items.record_of(Record, item).note == "none yet"


def test_attributes_that_are_no_fields_are_passed_over_and_given_ones_take_precedence() -> None:
    item = {"name": {"S": "a"}, "other": {"SS": ["unreadable"]}, "count": {"N": "1"}}
    assert items.record_of(Record, item, count=2) == Record("a", 2)


def test_fields_may_be_left_out() -> None:
    assert items.attributes_of(Record("a"), without=("tags", "note", "done")) == {"name": "a", "count": 0}


def test_a_key_names_the_current_item_unless_it_says_another() -> None:
    assert items.key("s") == {"source": {"S": "s"}, "version": {"S": "current"}}
    assert items.key("s", "part#x")["version"] == {"S": "part#x"}
