"""Data files of an incremental DynamoDB export to measure with, and what is true of their change rows.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html: a line is a change of an item
with both images, as the lake asks for them. Four in ten put a new item, five change one, one deletes one.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.digest import Digest
from benchmarks.tools.arrow_types import arrow_schema

KEY = "order_id"
# The table's columns; each is the attribute of its name, but for those in FLATTENED.
ORDERS = {
    KEY: "string",
    "customer_id": "string",
    "status": "string",
    "total": "decimal(38,2)",
    "placed_at": "timestamp",
    "city": "string",
    "postcode": "string",
    "items": "array<struct<sku:string,quantity:int,unit_price:decimal(12,2)>>",
    "tags": "array<string>",
    "is_gift": "boolean",
    "note": "string",
}
FLATTENED = {"city": "address.city", "postcode": "address.postcode"}
CHANGES = ORDERS | {"_op": "string", "_written_at": "timestamp"}
_ROWS = 5_000
_CITIES = ("Bern", "Zürich", "Genève", "Basel", "Lausanne", "Winterthur")
_NOTES = ('ring "twice"', "second floor", "path\\to\\door", "näher am Tor", "leave it\nwith the neighbour")
_TAGS = ("gift", "fragile", "express", "bulky")
_STATES = ("placed", "paid", "packed", "shipped", "returned")
_START = datetime(2026, 1, 5, 8)
# One total in fifty has more digits than 64 bits hold: DynamoDB's numbers have up to 38.
_LONG_TOTAL = 10**25


def write_export(path: Path, size: int, seed: int, version: int, *, traps: float = 0.0) -> tuple[int, Digest]:
    """Writes a data file of `size` bytes before gzip; returns how many bytes it has, and the digest of its change rows.

    traps: share of new images whose total has a third digit after the point. It is no decimal(38,2), so the column is
    null: a reader that rounds it, or fails, is not correct.
    """
    random = np.random.default_rng([seed, version])
    digest, written, first = Digest(), 0, 0
    schema = arrow_schema(CHANGES)
    with path.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=6, mtime=0) as out:
        while written < size:
            rows, count = _rows(random, first, seed, traps, out, size - written)
            digest.add_arrays(
                schema.names, [pa.array([row.get(field.name) for row in rows], field.type) for field in schema]
            )
            written, first = written + count, first + _ROWS
    return written, digest


def _rows(
    random: Any, first: int, seed: int, traps: float, out: gzip.GzipFile, left: int
) -> tuple[list[dict[str, Any]], int]:
    """Writes lines until there are enough; returns their change rows and bytes."""
    kinds, trapped = random.random(_ROWS), random.random(_ROWS) < traps
    rows, written = [], 0
    for at in range(_ROWS):
        if written >= left:
            break
        new, image = _order(random, seed * 10_000_000 + first + at)
        if trapped[at]:
            image["total"] = {"N": f"{new['total']}5"}
            new["total"] = None
        micros = (first + at) * 137
        line = {
            "Metadata": {"WriteTimestampMicros": {"N": f"{1_767_600_000_000_000 + micros}"}},
            "Keys": {KEY: image[KEY]},
        }
        if kinds[at] < 0.6:
            line["OldImage"] = image | {"status": {"S": "placed"}, "tags": {"SS": ["express"]}}
        if kinds[at] >= 0.1:
            line["NewImage"] = image
        else:
            new = {KEY: new[KEY]}
        new["_op"] = "put" if kinds[at] >= 0.1 else "delete"
        new["_written_at"] = _START + timedelta(microseconds=micros)
        rows.append(new)
        written += out.write(json.dumps(line, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")
    return rows, written


def _order(random: Any, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """An order as a row of the table, and as DynamoDB has it."""
    draw = random.integers(0, 1 << 30, 12).tolist()
    items = []
    for each in range(1 + draw[0] % 4):
        some = draw[1] // (each + 1)
        price = _hundredths(some % 100_000)
        items.append({"sku": f"sku-{some % 5000:05d}", "quantity": 1 + some % 9, "unit_price": price})
    total = _hundredths(draw[2] + (_LONG_TOTAL * draw[3] if draw[3] % 50 == 0 else 0))
    tags = [tag for bit, tag in enumerate(_TAGS) if draw[4] >> bit & 1]
    row: dict[str, Any] = {
        KEY: f"o-{number * 7_368_787 % 9_999_999_967:010d}",
        "customer_id": f"c-{draw[5] % 200_000:06d}",
        "status": _STATES[draw[6] % len(_STATES)],
        "total": total,
        "placed_at": _START - timedelta(seconds=draw[7] % 1_000_000),
        "city": _CITIES[draw[8] % len(_CITIES)],
        "postcode": f"{1000 + draw[9] % 9000}",
        "items": items,
        "tags": tags or None,
        "is_gift": draw[4] % 2 == 0,
        "note": _NOTES[draw[10] % len(_NOTES)] if draw[11] % 5 < 2 else None,
    }
    image: dict[str, Any] = {
        **{name: {"S": row[name]} for name in (KEY, "customer_id", "status")},
        "total": {"N": str(total)},
        "placed_at": {"S": row["placed_at"].isoformat()},
        "address": {"M": {"city": {"S": row["city"]}, "postcode": {"S": row["postcode"]}}},
        "items": {"L": [{"M": _line_item(item)} for item in items]},
        "is_gift": {"BOOL": row["is_gift"]},
    }
    if tags:
        image["tags"] = {"SS": tags}
    if row["note"] is not None:
        image["note"] = {"S": row["note"]}
    return row, image


def _hundredths(number: int) -> Decimal:
    # Not by arithmetic, which rounds to 28 digits.
    return Decimal((0, tuple(map(int, str(number))), -2))


def _line_item(item: dict[str, Any]) -> dict[str, Any]:
    quantity, price = {"N": str(item["quantity"])}, {"N": str(item["unit_price"])}
    return {"sku": {"S": item["sku"]}, "quantity": quantity, "unit_price": price}


def manifest_entry(path: Path) -> dict[str, Any]:
    """What the export's manifest says of a data file, but for where it lies."""
    data = path.read_bytes()
    items = gzip.decompress(data).count(b"\n")
    return {"itemCount": items, "md5Checksum": base64.b64encode(hashlib.md5(data).digest()).decode()}
