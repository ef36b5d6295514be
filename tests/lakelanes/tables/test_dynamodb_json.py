"""DynamoDB JSON: read strictly, checked value by value, and written to the last digit."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.errors import AttributeValueError
from lakelanes.tables.dynamodb_json import check_members, json_text, parse_json, shown


@pytest.mark.parametrize(
    "value",
    [
        *(None, "x", 1, {}, {"S": 1}, {"S": "a", "N": "1"}, {"Q": "x"}, {"NULL": False}, {"BOOL": "true"}),
        *({"N": 1}, {"N": "x"}, {"N": "NaN"}, {"N": "1_0"}, {"N": " 1"}, {"B": "A"}, {"B": "ä"}),
        *({"SS": "x"}, {"SS": [1]}, {"L": {}}, {"M": []}),
    ],
)
def test_what_is_no_attribute_value_is_refused(value: Any) -> None:
    for inner in (value, {"L": [value]}, {"M": {"a": value}}):
        with pytest.raises(AttributeValueError, match="expected"):
            check_members({"id": {"S": "a"}, "other": inner}, "the item")


@pytest.mark.parametrize("text", [b"{", b"\xff", b'{"a":1,"a":2}', b"NaN", b"[" * 100_000, b'{"a":-Infinity}'])
def test_json_is_read_strictly(text: bytes) -> None:
    with pytest.raises(AttributeValueError):
        parse_json(text)


def test_json_text_keeps_every_digit_and_character() -> None:
    members = {"total": {"N": "1.5000"}, "name": {"S": "näher"}}
    assert json_text(members) == '{"total":{"N":"1.5000"},"name":{"S":"näher"}}'
    assert json_text({"half": {"S": "\ud83d"}}) == '{"half":{"S":"\\ud83d"}}', "which UTF-8 cannot write"
    assert json_text({}) is None


def test_a_value_in_a_message_is_cut_after_60_characters() -> None:
    assert shown("x" * 58) == repr("x" * 58)
    assert shown("x" * 59) == f"'{'x' * 59}..."
