"""Arrays, maps and structs from JSON text."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.convert import Dialect, Tuning
from lakelanes.convert.rejects import raw_text
from tests.lakelanes.convert.support import load
from tests.support.properties import examples

TEXT = Dialect(delimiter="\t", quote=None)
ORDER = "struct<id:bigint,lines:array<struct<sku:string,price:decimal(10,2)>>,tags:map<string,double>>"


def one(text: str, hive_type: str, **dialect: Any) -> Any:
    """The value, or the reason why there is none."""
    data = f"x\tn\n{text}\t1\n\t2\n".encode()
    outcome = load(data, {"x": hive_type, "n": "int"}, dialect=Dialect(delimiter="\t", quote=None, **dialect))
    if outcome.rejects:
        (reject,) = outcome.rejects
        raw = raw_text(f"{text}\t1".encode(), "utf-8")
        assert (reject["line"], reject["column"], reject["raw"]) == (2, "x", raw)
        return reject["reason"]
    assert outcome.column("x")[1] is None
    return outcome.column("x")[0]


@pytest.mark.parametrize(
    ("hive_type", "text", "value"),
    [
        ("array<int>", "[1, null, -3]", [1, None, -3]),
        ("array<int>", " [] ", []),
        ("array<int>", "null", None),
        ("array<decimal(38,2)>", "[" + "9" * 36 + ".99, 1.5e2]", [Decimal("9" * 36 + ".99"), Decimal("150.00")]),
        ("array<array<boolean>>", "[[true],[],null]", [[True], [], None]),
        ("array<double>", "[0.1, 1e-400]", [0.1, 0.0]),
        ("map<string,int>", '{"b": 1, "a": null}', [("b", 1), ("a", None)]),
        ("map<int,string>", '{"7": "\\u00e9"}', [(7, "é")]),
        ("map<date,int>", '{"2024-01-02": 1}', [(date(2024, 1, 2), 1)]),
        ("struct<a:int,b:date>", '{"B": "2024-01-02"}', {"a": None, "b": date(2024, 1, 2)}),
        ("struct<t:timestamp>", '{"t": "2024-01-02T03:04:05Z"}', {"t": datetime(2024, 1, 2, 3, 4, 5)}),
        ("struct<c:varchar(2)>", '{"c": "né"}', {"c": "né"}),
    ],
)
def test_accepted(hive_type: str, text: str, value: Any) -> None:
    assert one(text, hive_type) == value


@pytest.mark.parametrize(
    ("hive_type", "text", "reason"),
    [
        ("array<int>", '["1"]', '$[0]: found the string "1", expected a number'),
        ("array<int>", "[1, 2.0]", "$[1]: '2.0' is not an int"),
        ("array<int>", "[1,", "it is not JSON: Expecting value at character 4"),
        ("array<int>", "1", "$: found the number 1, expected an array"),
        ("array<double>", "[NaN]", "it is not JSON: NaN is no JSON value"),
        ("array<double>", "[1e400]", "$[0]: '1e400' is not a double: it is beyond the range of double"),
        ("array<string>", "[1]", "$[0]: found the number 1, expected a string"),
        ("array<string>", '["\\ud800"]', "$[0]: half of a surrogate pair is no text"),
        ("array<boolean>", "[1]", "$[0]: found the number 1, expected true or false"),
        ("array<int>", "[true]", "$[0]: found true, expected a number"),
        ("array<int>", "[" * 100_000, "it is nested too deep"),
        ("map<int,int>", '{"x": 1}', "$.x: 'x' is not an int"),
        ("map<int,int>", '{"1": 1, "01": 2}', '$["01"]: this key is there twice'),
        ("map<string,int>", "[]", "$: found an array, expected an object"),
        ("struct<a:int>", '{"b": 1}', "$.b: the struct has no such field"),
        ("struct<a:int>", '{"a": 1, "A": 2}', "$.A: this field is there twice"),
        ("struct<a:array<int>>", '{"a": {}}', "$.a: found an object, expected an array"),
        (ORDER, '{"lines": [{}, {"price": 1.234}]}', "$.lines[1].price: '1.234' is not a decimal(10,2): 3 digits"),
        (ORDER, '{"tags": {"a b": "1"}}', '$.tags["a b"]: found the string "1", expected a number'),
        ("struct<d:date>", '{"d": "2024-02-30"}', "$.d: '2024-02-30' is not a date: there is no such day"),
    ],
)
def test_refused_with_the_place(hive_type: str, text: str, reason: str) -> None:
    found = one(text, hive_type)
    assert isinstance(found, str)
    assert reason in found
    assert hive_type in found


def test_dates_in_json_are_iso_8601_whatever_the_dialect() -> None:
    assert one('["2024-01-02"]', "array<date>", date_format="%d.%m.%Y") == [date(2024, 1, 2)]
    assert one("[1.5]", "array<double>", decimal_separator=",") == [1.5]


def test_beside_other_columns_quoted_as_csv_does() -> None:
    data = b'id,items\na,"[{""n"":1},{""n"":2}]"\nb,"[{""n"":""2""}]"\nc,\nd,"{"\ne,[]\n'
    outcome = load(data, {"id": "string", "items": "array<struct<n:int>>"}, Tuning(block_bytes=20))
    assert outcome.rows == [("a", [{"n": 1}, {"n": 2}]), ("c", None), ("e", [])]
    assert [(row["line"], row["column"]) for row in outcome.rejects] == [(3, "items"), (5, "items")]


@st.composite
def orders(draw: st.DrawFn) -> tuple[str, Any]:
    """JSON text and the value that it means as an ORDER."""
    prices = draw(st.lists(st.decimals(-(10**7), 10**7, places=2) | st.none(), max_size=3))
    skus = draw(st.lists(st.text(max_size=4) | st.none(), min_size=len(prices), max_size=len(prices)))
    tags = draw(st.dictionaries(st.text(max_size=3), st.floats(allow_nan=False, allow_infinity=False), max_size=3))
    number = draw(st.integers(-(2**63), 2**63 - 1))
    lines = ",".join(
        f'{{"sku":{json.dumps(sku)},"price":{"null" if price is None else price}}}'
        for sku, price in zip(skus, prices, strict=True)
    )
    text = f'{{"tags":{json.dumps(tags)},"lines":[{lines}],"id":{number}}}'
    value = {
        "id": number,
        "lines": [{"sku": sku, "price": price} for sku, price in zip(skus, prices, strict=True)],
        "tags": list(tags.items()),
    }
    return text, value


@examples(40)
@given(st.lists(orders() | st.none(), min_size=1, max_size=6))
def test_what_json_says_is_loaded(values: list[tuple[str, Any] | None]) -> None:
    data = "n\tx\n" + "".join(f"{at}\t{value[0] if value else ''}\n" for at, value in enumerate(values))
    outcome = load(data.encode(), {"n": "int", "x": ORDER}, dialect=TEXT)
    assert outcome.column("x") == [value[1] if value else None for value in values]


def test_a_text_that_is_too_long_is_refused_unread() -> None:
    text = "[" + "1," * (1 << 19) + "1]"
    assert one(text, "array<int>").endswith("is not an array<int>: it has 1048579 characters, 1048576 are allowed")
    assert len(one("[" + "1," * 1000 + "1]", "array<int>")) == 1001
