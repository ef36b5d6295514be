"""items.c and the careful reader make the same rows of the same lines, and refuse the same ones for the same reason."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.build_kernel import build, compiler
from tests.lakelanes.tables.support import (
    ORDERS,
    examples,
    json_line,
    make_table,
    odd_lines,
    scanned,
    tables_and_items,
)

REPOSITORY = Path(__file__).resolve().parents[3]
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


@examples(300)
@given(data=st.data(), pair=tables_and_items())
def test_full_exports_are_read_alike(data: Any, pair: Any) -> None:
    table, items = pair
    lines = [data.draw(json_line({"Item": item})) for item in items]
    assert both(table, b"\n".join(lines) + data.draw(st.sampled_from([b"", b"\n"])), 1)


@examples(150)
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


@examples(500)
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

    monkeypatch.setattr(module, "load_library", lambda: None)
    scanner = module.Scanner(make_table(), 5)
    line = json.dumps({"Item": ITEM}).encode()
    for data in (line, line + b"\n", line + b"\n" + line):
        batches, lines = scanner.scan(bytearray(data) + bytearray(module.SLACK), len(data))
        assert sum(batch.num_rows for batch in batches) == lines == data.count(b'{"Item')


# Reads mutated lines with a kernel that checks every access; behind the lines there is the slack that is agreed on.
FUZZ = """
import json, random, sys
from pathlib import Path
from lakelanes.convert import kernel
kernel.library_path = lambda: Path(sys.argv[1])
from lakelanes.tables.scanner import SLACK, LineError, Scanner
from lakelanes.config import Table

seed = int(sys.argv[2])
print("seed", seed)
random.seed(seed)
schema, item = json.loads(sys.argv[3])
schema += [{"name": f"c{at}", "type": text} for at, text in enumerate(
    ["float", "double", "tinyint", "smallint", "bigint", "date", "boolean", "array<binary>", "map<string,array<int>>"])]
values = [{"N": "1.5"}, {"N": "7"}, {"N": "1" * 60}, {"S": "2024-03-15"}, {"BOOL": True}, {"BS": ["3q2+7w==", "AA=="]},
          {"M": {"a": {"NS": ["1", "2"]}}}, {"L": [{"S": "x" * 40}]}, {"NULL": True}, {"B": "AAA="}]
table = Table.model_validate({"dynamodb_table": "t-1", "table_name": "t", "keys": ["order_id"], "schema": schema})
marks = [b'"', b"\\\\", b"{", b"}", b"[", b"]", b",", b":", b"\\xff", b"\\\\u", b"\\\\ud83d\\\\ude00", b"\\n", b"="]
rows = refused = 0
for turn in range(600):
    scanner = Scanner(table, 1 if turn % 2 else None)
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
assert rows > 5000 and refused
"""


def test_no_access_is_out_of_bounds(tmp_path: Path) -> None:
    library = build(into=tmp_path, sanitize=True)
    command = compiler(None)
    assert library and command, "there is no C compiler"
    asan = subprocess.run([*command, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    environment = {
        **os.environ,
        "LD_PRELOAD": asan.stdout.strip(),
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": str(REPOSITORY / "plugins"),
    }
    done = subprocess.run(
        [sys.executable, "-c", FUZZ, str(library), "1", json.dumps([ORDERS, ITEM])],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
