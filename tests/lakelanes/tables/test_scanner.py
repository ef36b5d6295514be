"""items.c and the careful reader make the same rows of the same lines, and refuse the same ones for the same reason."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.errors import AttributeValueError
from lakelanes.tables.changes import LineReader
from tests.lakelanes.tables.support import (
    LEAVES,
    ORDERS,
    json_line,
    make_table,
    odd_lines,
    scanned,
    tables_and_items,
)
from tests.support.properties import examples
from tests.support.sanitizer import run_sanitized

ITEM = {
    "order_id": {"S": "o-1"},
    "total": {"N": "-12345678901234567890123456789012345.67"},
    "placed_at": {"S": "2026-01-05T10:11:12.5Z"},
    "address": {"M": {"City": {"S": 'Z\\u00fcrich "West"'}, "zip": {"S": "8000"}}},
    "items": {"L": [{"M": {"SKU": {"S": "a"}, "quantity": {"N": "2"}}}, {"NULL": True}]},
    "tags": {"SS": ["x", "y"]},
    "weights": {"M": {"net": {"N": "0.0000000001"}}},
    "signature": {"B": "3q2+7w=="},
    "note": {"M": {"by": {"L": [{"N": "1.50"}, {"BOOL": False}]}}},
}


def both(table: Any, data: bytes, export_time: int | None) -> Any:
    """What both readers make of the lines; they have to agree."""
    fast, careful = (scanned(table, data, export_time, native=native) for native in (True, False))
    assert fast == careful
    return careful


def change(item: dict[str, Any], keys: list[str], at: int, **images: Any) -> dict[str, Any]:
    metadata = {"WriteTimestampMicros": {"N": str(1_767_600_000_000_000 + at)}}
    return {"Metadata": metadata, "Keys": {name: item[name] for name in keys}, **images}


@pytest.mark.slow
@examples(150)
@given(data=st.data(), pair=tables_and_items())
def test_full_exports_are_read_alike(data: Any, pair: Any) -> None:
    table, items = pair
    lines = [data.draw(json_line({"Item": item})) for item in items]
    assert both(table, b"\n".join(lines) + data.draw(st.sampled_from([b"", b"\n"])), 1)


@pytest.mark.slow
@examples(100)
@given(data=st.data(), pair=tables_and_items())
def test_incremental_exports_are_read_alike(data: Any, pair: Any) -> None:
    table, items = pair
    lines = []
    for at, item in enumerate(items):
        images = data.draw(
            st.sampled_from([{"NewImage": item}, {"OldImage": item}, {"OldImage": item, "NewImage": item}, {}])
        )
        line = change(item, ["id"], at, **images)
        names = data.draw(st.permutations(list(line)))
        lines.append(data.draw(json_line({name: line[name] for name in names})))
    assert both(table, b"\n".join(lines) + b"\n", None)


_BITS = st.sampled_from(
    [
        *(
            b"",
            b'"',
            b"\\",
            b"{",
            b"}",
            b"[",
            b",",
            b":",
            b" ",
            b"\t",
            b"\r",
            b"\n",
            b"\x00",
            b"\x01",
            b"0",
            b"-",
            b"e",
            b"=",
        ),
        *(b'"S"', b'"N"', b'"NULL"', b"true", b"null", b'{"S":"x"}', b',"a":{"N":"1"}'),
        *(b"\xff", b"\xc3", b"\xe2\x84\xaa", b"\\ud800", b"\\u0041"),
    ]
)


@pytest.mark.long
@examples(120)
@given(data=st.data(), pair=tables_and_items(), full=st.booleans())
def test_damaged_lines_are_read_or_refused_alike(data: Any, pair: Any, full: bool) -> None:
    table, items = pair
    lines = []
    for at, item in enumerate(items):
        line = {"Item": item} if full else change(item, ["id"], at, OldImage=item, NewImage=item)
        text = bytearray(data.draw(json_line(line)))
        for _ in range(data.draw(st.integers(0, 2))):
            place = data.draw(st.integers(0, len(text)))
            text[place : place + data.draw(st.integers(0, 3))] = data.draw(_BITS)
        lines.append(bytes(text))
    assert both(table, b"\n".join(lines) + b"\n", 1 if full else None) is not None


# Values as texts, since what matters is how they are written. Each is put wherever a value can be.
_STRINGS = r"""
a a.long.text.of.more.than.sixteen.bytes \ud83d\ude00 \uD83D\uDE00\u00e4\u0800 \ud83d \ude00\ud83d \ud83d\u0041
\u0000\u007f \"\\\/\b\f\n\r\t \x \u12 näh näher 😀😀😀😀😀 😀😀😀😀😀😀 2024-02-29 2023-02-29 0000-01-01 9999-12-31
2024-2-3 2024-03-15T07:08 2024-03-15T07:08:09Z 2024-03-15T07:08:09.123456 2024-03-15T07:08:09.1234567
2024-03-15T07:08:09+02:00 2024-03-15T24:00:00 2024-03-15T07:08:60
"""
_NUMBERS = """
0 -0 00 +5 5. .5 . - 1e 1e+ e5 1E2 1E+2 1e-2 1E400 NaN 0x1 1_0 127 128 -128 -129 32767 32768 2147483647 2147483648
9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809 999.99 1000 1.005 1.500 12.50
999999999999999999 1000000000000000000 0.0000000001 0.00000000001 0.0000000000000000000000000000000000000000 007
9999999999999999999999999999 99999999999999999999999999999 99999999999999999999999999999999999999
999999999999999999999999999999999999999 9999999999999999999999999999.9999999999 1000000000000000000000000000000
123456 1234567 16777217 0.1234567 0.3333333 123456789012345 1234567890123456 9007199254740993 0.1234567890123456
0.12345678901234567 12345678901234567890.5
"""
_BASE64 = r"AA AAA AA== AB== AAA= AAB= AAAA A A=== AAAA==== A=AA +/+/ -_-_ ä \u0041AAA 3q2+7w=="
_OTHERS = r"""
{"S":""} {"N":""} {"B":""} {"N":" 1"} {"S":" 2024-03-15"} {"S":""} { "N" : "7" } {"N":"7"
{"BOOL":true} {"BOOL":false} {"BOOL":"true"} {"BOOL":tru} {"NULL":true} {"NULL":false} {"NULL":null}
{"SS":[]} {"SS":["a","b"]} {"NS":["1","2.5"]} {"NS":["x"]} {"BS":["AA=="]} {"SS":["a",]} {"SS":["a""b"]}
{"L":[]} {"L":[{"N":"1"},{"NULL":true},{"S":"a"}]} {"L":[1]} {"L":[{"N":"1"}} {"L":{}} {"M":{}} {"M":[]} {"M":{"a":1}}
{"M":{"a":{"N":"1"},"b":{"N":"2"}}} {"M":{"a":{"N":"1"},"a":{"N":"2"}}} {"M":{"a":{"N":"1"},"A":{"N":"2"}}}
{"M":{"B":{"S":"x"},"A":{"N":"1"}}} {"M":{"a":{"N":"1"},"z":{"N":"2"}}} {"M":{"z":{"N":"1"},"z":{"N":"2"}}}
{"M":{"\u0061":{"N":"1"}}} {"M":{"a":{"N":"1"},"\u0061":{"N":"2"}}} {"M":{"\u212a":{"N":"1"}}}
{} [] 1 null "x" {"S":"a","N":"1"} {"Q":"x"} {"S":1} {"N":1} {"":""} {'S':'a'}
"""
EDGES = [
    *(f'{{"S":"{text}"}}' for text in _STRINGS.split()),
    *(f'{{"N":"{text}"}}' for text in _NUMBERS.split()),
    *(f'{{"B":"{text}"}}' for text in _BASE64.split()),
    *_OTHERS.split(),
    *('{"N":" 1"}', '{"S":" 2024-03-15"}', '{"S":"\x1f"}', '{ "N" : "7" }', '{"L" :\t[ {"N":"1"} , {"N": "2"}\r]}'),
]


@pytest.mark.parametrize(
    "kind", [*LEAVES, "array<int>", "map<string,int>", "struct<a:int,b:string>", "array<struct<a:int>>"]
)
def test_edges_are_read_alike_wherever_they_are(kind: str) -> None:
    columns = {"x": kind, "l": f"array<{kind}>", "m": f"map<string,{kind}>", "s": f"struct<a:{kind},b:{kind}>"}
    schema = [{"name": "id", "type": "string"}, *({"name": name, "type": text} for name, text in columns.items())]
    table = make_table([*schema, {"name": "y", "type": kind, "attribute": "in.y"}], ["id"])
    places = [
        '"x":%s',
        '"l":{"L":[%s,%s]}',
        '"m":{"M":{"k":%s,"ä":%s}}',
        '"s":{"M":{"b":%s,"A":%s}}',
        '"in":{"M":{"y":%s}}',
    ]
    places += [
        '"s":{"M":{"c":%s,"a":{"NULL":true}}}',
        '"other":%s',
        '"in":{"M":{"other":%s}}',
        '"in":%s',
        '"x":%s,"x":%s',
    ]
    careful = LineReader(table, 1)
    good, refused = [], 0
    for number, (edge, place) in enumerate(itertools.product(EDGES, places)):
        line = f'{{"Item":{{"id":{{"S":"{number}"}},{place.replace("%s", edge)}}}}}'.encode()
        try:
            careful.read(line)
            good.append(line)
        except AttributeValueError as error:
            assert scanned(table, line, 1, native=True) == (0, str(error)), line
            refused += 1
    assert len(both(table, b"\n".join(good), 1)) == len(good)
    assert odd_lines(table, b"\n".join(good), 1) < len(good) / 2
    assert refused > 100


KEY, NEW = '"Keys":{"a":{"S":"x"},"b":{"N":"7"}}', '"NewImage":{"a":{"S":"x"},"b":{"N":"7"},"c":{"S":"y"}}'
AT = '"Metadata":{"WriteTimestampMicros":{"N":"5"}}'


@pytest.mark.parametrize(
    ("parts", "fits"),
    [
        ([AT, KEY, NEW], True),
        ([NEW, KEY, AT], True),
        ([AT, KEY], True),
        ([AT, KEY, '"OldImage":{}'], True),
        ([AT, '"Keys":{"b":{"N":"7"},"a":{"S":"x"}}'], True),
        ([AT, '"Keys":{"a":{"S":"x"}}'], False),
        ([AT, '"Keys":{"a":{"S":"x"}}', NEW], False),
        ([AT, '"Keys":{"a":{"S":"x"},"a":{"S":"x"}}', NEW], False),
        ([AT, '"Keys":{"a":{"S":"x"},"b":{"N":"7"},"c":{"S":"y"}}', NEW], False),
        ([AT, '"Keys":{"a":{"S":"x"},"c":{"S":"y"}}', NEW], False),
        ([AT, '"Keys":{"a":{"S":"x"},"b":{"NULL":true}}'], False),
        ([AT, KEY, '"NewImage":{"a":{"S":"x"},"b":{"NULL":true}}'], False),
        ([AT, KEY, '"NewImage":{"a":{"S":"x"},"b":{"N":"1.5"}}'], False),
        ([AT, KEY, '"NewImage":{}'], False),
        ([AT, KEY, NEW, NEW], False),
        ([AT, KEY, KEY], False),
        ([AT, NEW], False),
        ([KEY, NEW], False),
        ([AT, KEY, NEW, '"Item":{}'], False),
        ([AT, KEY, '"OldImage":{"a":{"S":"x"},"a":{"S":"x"}}'], False),
        ([AT, KEY, '"OldImage":[]'], False),
        ([AT, KEY, '"OldImage":null'], False),
        (['"Metadata":{}', KEY], False),
        (['"Metadata":{"WriteTimestampMicros":{"S":"5"}}', KEY], False),
        (['"Metadata":{"WriteTimestampMicros":{"N":"5.5"}}', KEY], False),
        (['"Metadata":{"WriteTimestampMicros":{"NULL":true}}', KEY], False),
        (['"Metadata":{"WriteTimestampMicros":{"N":"5"},"x":{"N":"5"}}', KEY], False),
    ],
)
def test_the_parts_of_a_line_are_told_alike(parts: list[str], fits: bool) -> None:
    schema = [{"name": "a", "type": "string"}, {"name": "b", "type": "int"}, {"name": "c", "type": "string"}]
    table = make_table(schema, ["a", "b"])
    line = f"{{{','.join(parts)}}}".encode()
    found = both(table, line, None)
    assert isinstance(found, list) == fits, found
    assert odd_lines(table, line) == 0 or not fits
    for end in (b"x", b"}", b",", b" {}"):
        assert not isinstance(both(table, line + end, None), list)


@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_plain_lines_are_read_without_python(ensure_ascii: bool) -> None:
    table = make_table()
    item = json.loads(json.dumps(ITEM))
    lines = [
        change(item, ["order_id"], 1, NewImage=item),
        change(item, ["order_id"], 2, OldImage=item, NewImage=item),
        change(item, ["order_id"], 3, OldImage=item),
        change(item, ["order_id"], 4),
    ]
    data = b"\n".join(json.dumps(line, ensure_ascii=ensure_ascii).encode() for line in lines)
    assert odd_lines(table, data) == 0
    assert len(both(table, data, None)) == 4
    misfits = ITEM | {"total": {"S": "much"}, "items": {"L": [{"M": {"new": {"N": "1"}}}]}, "tags": {"NS": ["1"]}}
    data = json.dumps(change(misfits, ["order_id"], 1, NewImage=misfits), ensure_ascii=ensure_ascii).encode()
    assert odd_lines(table, data) == 0
    assert len(both(table, data, None)) == 1
    data = json.dumps({"Item": item}, ensure_ascii=ensure_ascii).encode()
    assert odd_lines(table, data, 7) == 0
    assert len(both(table, data, 7)) == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "it is not JSON: Expecting value at character 1"),
        (b"[]", "found [], expected Metadata, Keys and images"),
        (b'{"Item":{"order_id":{"S":"a"}}}', "found Item, expected Metadata, Keys and images"),
        (b'{"Keys":{},"Keys":{},"Metadata":{}}', "'Keys' is there twice"),
        (b'{"Metadata":{},"Keys":{"order_id":{"S":"a"}}}', "Metadata: found {}, expected WriteTimestampMicros"),
        (
            b'{"Metadata":{"WriteTimestampMicros":{"N":"1"}},"Keys":{"id":{"S":"a"}}}',
            "the keys are id, the configuration",
        ),
        (
            b'{"Metadata":{"WriteTimestampMicros":{"N":"1"}},"Keys":{"order_id":{"N":"1"}}}',
            "the key column 'order_id' cannot hold {'N': '1'}",
        ),
        (
            b'{"Metadata":{"WriteTimestampMicros":{"N":"1"}},"Keys":{"order_id":{"S":"a"}},"NewImage":{"x":{"S":"a"}}}',
            "the key column 'order_id' is missing",
        ),
        (
            b'{"Metadata":{"WriteTimestampMicros":{"N":"1"}},"Keys":{"order_id":{"S":"a"}},"OldImage":{"x":{"Q":1}}}',
            "OldImage, 'x': found {'Q': 1}, expected an attribute value",
        ),
    ],
)
def test_a_line_that_is_no_change_is_named_with_the_reason(line: bytes, reason: str) -> None:
    good = json.dumps(change(ITEM, ["order_id"], 1, NewImage=ITEM)).encode()
    number, found = both(make_table(), good + b"\n" + line + b"\n" + good + b"\n", None)
    assert number == 1
    assert found.startswith(reason), found


def test_an_item_nested_as_deep_as_dynamodb_allows_is_read() -> None:
    value: Any = {"S": "x"}
    for _ in range(31):
        value = {"M": {"a": value}}
    line = json.dumps({"Item": {"order_id": {"S": "a"}, "deep": value}}).encode()
    assert odd_lines(make_table(), line, 1) == 0
    assert len(both(make_table(), line, 1)) == 1


def test_without_the_library_every_line_is_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from lakelanes.tables import scanner as module

    monkeypatch.setattr(module, "native", lambda source, structures: None)
    scanner = module.Scanner(make_table(), 5)
    line = json.dumps({"Item": ITEM}).encode()
    for data in (line, line + b"\n", line + b"\n" + line):
        batches, lines = scanner.scan(bytearray(data) + bytearray(module.SLACK), len(data))
        assert sum(batch.num_rows for batch in batches) == lines == data.count(b'{"Item')


# Reads mutated lines with a kernel that checks every access; behind the lines there is the slack that is agreed on.
FUZZ = """
import json, random, sys
from lakelanes.tables.scanner import SLACK, LineError, Scanner
from lakelanes.config.model import Table

seed = int(sys.argv[1])
print("seed", seed)
random.seed(seed)
schema, item = json.loads(sys.argv[2])
schema += [{"name": f"c{at}", "type": text} for at, text in enumerate(
    ["float", "double", "tinyint", "smallint", "bigint", "date", "boolean", "array<binary>", "map<string,array<int>>"])]
values = [{"N": "1.5"}, {"N": "7"}, {"N": "1" * 60}, {"S": "2024-03-15"}, {"BOOL": True}, {"BS": ["3q2+7w==", "AA=="]},
          {"M": {"a": {"NS": ["1", "2"]}}}, {"L": [{"S": "x" * 40}]}, {"NULL": True}, {"B": "AAA="}]
table = Table.model_validate({"dynamodb_table": "t-1", "table_name": "t", "keys": ["order_id"], "schema": schema})
marks = [b'"', b"\\\\", b"{", b"}", b"[", b"]", b",", b":", b"\\xff", b"\\\\u", b"\\\\ud83d\\\\ude00", b"\\n", b"="]
rows = refused = 0
# The first text of a column without a byte: there is no buffer yet that it could be copied to.
empty = {name: {"S": ""} if "S" in value else {"B": ""} if "B" in value else value for name, value in item.items()}
data = json.dumps({"Item": empty}).encode()
Scanner(table, 1).scan(bytearray(data + b"\\n" + bytes(SLACK)), len(data) + 1)
for turn in range(300):
    scanner = Scanner(table, 1 if turn % 2 else None)
    assert scanner._native is not None
    lines = []
    for _ in range(random.randint(1, 30)):
        made = item | {f"c{at}": random.choice(values) for at in range(9) if random.random() < 0.8}
        metadata = {"WriteTimestampMicros": {"N": "1767600000000000"}}
        line = {"Item": made} if turn % 2 else {"Metadata": metadata, "Keys": {"order_id": made["order_id"]},
            "OldImage": made, "NewImage": made}
        lines.append(json.dumps(line, ensure_ascii=random.random() < 0.5).encode())
    data = bytearray(b"\\n".join(lines))
    for _ in range(random.choice([0, 1, 3])):
        at = random.randint(0, len(data))
        data[at : at + random.randint(0, 2)] = random.choice(marks)
    del data[random.choice([len(data), len(data), random.randint(1, len(data))]):]
    length = len(data)
    data += bytes(SLACK)
    for _ in range(2):
        try:
            batches, _ = scanner.scan(data, length)
        except LineError:
            refused += 1
            continue
        for batch in batches:
            batch.validate(full=True)
            rows += batch.num_rows
print(rows, "rows", refused, "refused")
assert rows > 1500 and refused > 50
"""


@pytest.mark.long
def test_no_access_is_out_of_bounds(tmp_path: Path) -> None:
    run_sanitized(FUZZ, tmp_path, "1", json.dumps([ORDERS, ITEM]))
