"""orjson and plain Python: each line parsed, its values taken out one by one, numbers as Decimal."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.exports import CHANGES
from benchmarks.tools.arrow_types import arrow_schema

_ROWS = 20_000


def _row(line: bytes) -> tuple[Any, ...]:
    parts = orjson.loads(line)
    written = int(parts["Metadata"]["WriteTimestampMicros"]["N"])
    key = parts["Keys"]["order_id"]["S"]
    image = parts.get("NewImage")
    if image is None:
        return (key, *[None] * 10, "delete", written)
    address = image["address"]["M"]
    items = [
        {
            "sku": item["M"]["sku"]["S"],
            "quantity": int(item["M"]["quantity"]["N"]),
            "unit_price": Decimal(item["M"]["unit_price"]["N"]),
        }
        for item in image["items"]["L"]
    ]
    return (
        key,
        image["customer_id"]["S"],
        image["status"]["S"],
        Decimal(image["total"]["N"]),
        datetime.fromisoformat(image["placed_at"]["S"]),
        address["city"]["S"],
        address["postcode"]["S"],
        items,
        image["tags"]["SS"] if "tags" in image else None,
        image["is_gift"]["BOOL"],
        image["note"]["S"] if "note" in image else None,
        "put",
        written,
    )


def load_all(task: dict[str, Any]) -> Callable[[], list[tuple[int, int]]]:
    schema = arrow_schema(CHANGES)

    def convert(number: int, path: str) -> tuple[int, int]:
        total = 0
        rows: list[tuple[Any, ...]] = []
        target = os.path.join(task["target"], f"{number:05d}.parquet")
        with gzip.open(path) as file, pq.ParquetWriter(target, schema, compression="zstd") as writer:

            def write() -> None:
                columns = zip(*rows, strict=True)
                arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
                writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))

            for line in file:
                rows.append(_row(line))
                if len(rows) == _ROWS:
                    write()
                    total, rows = total + len(rows), []
            if rows:
                write()
        return total + len(rows), 0

    def convert_all() -> list[tuple[int, int]]:
        # One after the other: all of it holds the interpreter's lock.
        return [convert(number, each["path"]) for number, each in enumerate(task["files"])]

    return convert_all
