"""Attribute values as values of the lake's types: exact, or null and rescued."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from lakelanes.errors import AttributeValueError
from lakelanes.tables.attributes import ItemReader
from lakelanes.tables.dynamodb_json import json_text
from tests.lakelanes.tables.support import make_table

BIG = "12345678901234567890123456789012345678"


def read(hive_type: str, value: Any) -> tuple[Any, Any]:
    """The value of a column of the type, and what was rescued."""
    table = make_table([{"name": "id", "type": "string"}, {"name": "x", "type": hive_type}], ["id"])
    item = ItemReader(table.columns, table.keys).read({"id": {"S": "a"}, "x": value})
    assert item.undeclared == {}
    return item.values.get("x"), item.rescued.get("x")


@pytest.mark.parametrize(
    ("hive_type", "value", "expected"),
    [
        ("string", {"S": ""}, ""),
        ("string", {"S": "näher 😀\n"}, "näher 😀\n"),
        ("varchar(3)", {"S": "äöü"}, "äöü"),
        ("int", {"N": "-7"}, -7),
        ("int", {"N": "1E+2"}, 100),
        ("int", {"N": "12.00"}, 12),
        ("bigint", {"N": "9223372036854775807"}, 2**63 - 1),
        ("decimal(38,0)", {"N": BIG}, Decimal(BIG)),
        ("decimal(38,38)", {"N": "0." + BIG}, Decimal("0." + BIG)),
        ("decimal(10,2)", {"N": "-0"}, Decimal("0.00")),
        ("decimal(10,2)", {"N": "1.5E+3"}, Decimal("1500.00")),
        ("decimal(10,2)", {"N": "12.500"}, Decimal("12.50")),
        ("double", {"N": "0.1"}, 0.1),
        ("double", {"N": "1E-300"}, 1e-300),
        ("float", {"N": "0.5"}, 0.5),
        ("boolean", {"BOOL": False}, False),
        ("date", {"S": "2024-02-29"}, date(2024, 2, 29)),
        ("timestamp", {"S": "2024-03-15T07:08:09.123456+02:00"}, datetime(2024, 3, 15, 5, 8, 9, 123456)),
        ("binary", {"B": "3q2+7w=="}, b"\xde\xad\xbe\xef"),
        ("array<string>", {"SS": ["b", "a"]}, ["b", "a"]),
        ("array<decimal(38,10)>", {"NS": ["1", "2.5"]}, [Decimal(1), Decimal("2.5")]),
        ("array<binary>", {"BS": ["AA=="]}, [b"\0"]),
        ("array<int>", {"L": [{"N": "1"}, {"NULL": True}]}, [1, None]),
        ("map<string,int>", {"M": {"a": {"N": "1"}, "A": {"N": "2"}}}, [("a", 1), ("A", 2)]),
        ("struct<sku:string,unitprice:int>", {"M": {"unitPrice": {"N": "3"}}}, {"sku": None, "unitprice": 3}),
        ("decimal(10,2)", {"NULL": True}, None),
    ],
)
def test_a_value_that_fits_is_exact(hive_type: str, value: Any, expected: Any) -> None:
    assert read(hive_type, value) == (expected, None)


@pytest.mark.parametrize(
    ("hive_type", "value"),
    [
        ("string", {"N": "1"}),
        ("string", {"S": "half \ud83d"}),
        ("varchar(3)", {"S": "abcd"}),
        ("int", {"S": "1"}),
        ("int", {"N": "1.5"}),
        ("int", {"N": "2147483648"}),
        ("bigint", {"N": "1E+30"}),
        ("decimal(10,2)", {"N": "12.345"}),
        ("decimal(38,2)", {"N": BIG}),
        ("decimal(38,10)", {"N": "1E+999999999999999999999"}),
        ("double", {"N": "0.12345678901234567890"}),
        ("double", {"N": "1E+400"}),
        ("float", {"N": "16777217"}),
        ("boolean", {"S": "true"}),
        ("date", {"S": "2023-02-29"}),
        ("timestamp", {"N": "1700000000"}),
        ("binary", {"S": "3q2+7w=="}),
        ("array<int>", {"SS": ["1"]}),
        ("array<int>", {"L": [{"N": "1"}, {"S": "x"}]}),
        ("map<string,int>", {"M": {"a": {"M": {}}}}),
        ("struct<sku:string>", {"M": {"sku": {"S": "a"}, "SKU": {"S": "b"}}}),
    ],
)
def test_a_misfit_is_null_and_rescued_as_it_is(hive_type: str, value: Any) -> None:
    assert read(hive_type, value) == (None, value)
    text = json_text({"x": value})
    assert text is not None
    text.encode()
    assert json.loads(text) == {"x": value}


def test_names_that_a_struct_lacks_are_rescued_beside_it() -> None:
    value = {"L": [{"M": {"sku": {"S": "a"}, "colour": {"S": "red"}}}]}
    assert read("array<struct<sku:string>>", value) == ([{"sku": "a"}], value)


SCHEMA = [
    {"name": "id", "type": "string"},
    {"name": "city", "type": "string", "attribute": "address.City"},
    {"name": "lat", "type": "double", "attribute": "address.geo.lat"},
]


def undeclared(image: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    table = make_table(SCHEMA, ["id"])
    item = ItemReader(table.columns, table.keys).read({"id": {"S": "a"}, **image})
    return item.values, item.undeclared


def test_attributes_that_are_no_columns_are_kept_with_the_maps_they_are_in() -> None:
    geo = {"M": {"lat": {"N": "47.4"}, "lon": {"N": "8.50"}}}
    address = {"M": {"City": {"S": "Bern"}, "city": {"S": "other"}, "geo": geo}}
    values, others = undeclared({"address": address, "note": {"NULL": True}})
    assert values == {"id": "a", "city": "Bern", "lat": 47.4}
    assert others == {
        "address": {"M": {"city": {"S": "other"}, "geo": {"M": {"lon": {"N": "8.50"}}}}},
        "note": {"NULL": True},
    }


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        # Nothing else says that it was there, or what it was.
        ({"M": {}}, {"M": {}}),
        ({"NULL": True}, {"NULL": True}),
        ({"M": {"geo": {"M": {}}}}, {"M": {"geo": {"M": {}}}}),
        ({"M": {"geo": {"NULL": True}}}, {"M": {"geo": {"NULL": True}}}),
        ({"M": {"geo": {"S": "here"}}}, {"M": {"geo": {"S": "here"}}}),
        # A column's NULL is as if absent, but its map is not.
        ({"M": {"City": {"NULL": True}}}, {"M": {}}),
        ({"M": {"geo": {"M": {"lat": {"NULL": True}}}}}, {"M": {"geo": {"M": {}}}}),
        # A column's value says that its maps were there, also when it was rescued.
        ({"M": {"City": {"S": "Bern"}}}, None),
        ({"M": {"City": {"N": "1"}}}, None),
        ({"M": {"City": {"S": ""}, "geo": {"M": {"lat": {"NULL": True}}}}}, {"M": {"geo": {"M": {}}}}),
        ({"M": {"City": {"NULL": True}, "geo": {"M": {"lat": {"N": "1"}}}}}, None),
        ({"M": {"City": {"S": "Bern"}, "geo": {"NULL": True}}}, {"M": {"geo": {"NULL": True}}}),
    ],
)
def test_a_map_in_which_columns_lie_is_kept_unless_a_column_tells_of_it(address: Any, kept: Any) -> None:
    assert undeclared({"address": address})[1] == ({"address": kept} if kept else {})


def test_what_is_no_map_where_columns_lie_in_one_is_kept() -> None:
    assert undeclared({"address": {"S": "Bern"}}) == ({"id": "a"}, {"address": {"S": "Bern"}})


@pytest.mark.parametrize(
    "image",
    [{}, {"id": {"N": "1"}}, {"id": {"NULL": True}}, {"id": {"S": "\udc00"}}, [], None],
)
def test_an_item_without_its_key_is_refused(image: Any) -> None:
    table = make_table(SCHEMA, ["id"])
    with pytest.raises(AttributeValueError):
        ItemReader(table.columns, table.keys).read(image)
