"""pyarrow: its JSON reader with every type given, block by block, flattened with its kernels; a thread per core."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pajson
import pyarrow.parquet as pq

from benchmarks.exports import CHANGES
from benchmarks.tools.arrow_types import arrow_schema

_S = pa.struct([("S", pa.string())])
_N = pa.struct([("N", pa.string())])
_ITEM = pa.struct([("M", pa.struct([("sku", _S), ("quantity", _N), ("unit_price", _N)]))])
_IMAGE = pa.struct(
    [
        ("order_id", _S),
        ("customer_id", _S),
        ("status", _S),
        ("total", _N),
        ("placed_at", _S),
        ("address", pa.struct([("M", pa.struct([("city", _S), ("postcode", _S)]))])),
        ("items", pa.struct([("L", pa.list_(_ITEM))])),
        ("tags", pa.struct([("SS", pa.list_(pa.string()))])),
        ("is_gift", pa.struct([("BOOL", pa.bool_())])),
        ("note", _S),
    ]
)
_SCHEMA = pa.schema(
    [
        ("Metadata", pa.struct([("WriteTimestampMicros", _N)])),
        ("Keys", pa.struct([("order_id", _S)])),
        ("NewImage", _IMAGE),
    ]
)
_BLOCK_BYTES = 4 << 20
_GROUP_BYTES = 16 << 20


def _flat(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    image = batch.column("NewImage")

    def text(*names: str) -> Any:
        return pc.struct_field(image, list(names))

    items = text("items", "L")
    members = pc.struct_field(items.flatten(), ["M"])
    kinds = schema.field("items").type.value_type
    structs = pa.StructArray.from_arrays(
        [
            pc.struct_field(members, ["sku", "S"]),
            pc.struct_field(members, ["quantity", "N"]).cast(kinds.field("quantity").type),
            pc.struct_field(members, ["unit_price", "N"]).cast(kinds.field("unit_price").type),
        ],
        fields=list(kinds),
    )
    lengths = pc.fill_null(pc.list_value_length(items), 0)
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])
    written = pc.struct_field(batch.column("Metadata"), ["WriteTimestampMicros", "N"])
    arrays = [
        pc.struct_field(batch.column("Keys"), ["order_id", "S"]),
        text("customer_id", "S"),
        text("status", "S"),
        text("total", "N").cast(schema.field("total").type),
        text("placed_at", "S").cast(pa.timestamp("us")),
        text("address", "M", "city", "S"),
        text("address", "M", "postcode", "S"),
        pa.ListArray.from_arrays(offsets, structs, mask=pc.is_null(items)),
        text("tags", "SS"),
        text("is_gift", "BOOL"),
        text("note", "S"),
        pc.if_else(pc.is_null(image), "delete", "put"),
        written.cast(pa.int64()).cast(pa.timestamp("us")),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def load_all(task: dict[str, Any]) -> Callable[[], list[tuple[int, int]]]:
    schema = arrow_schema(CHANGES)
    parse = pajson.ParseOptions(explicit_schema=_SCHEMA, unexpected_field_behavior="ignore")
    read = pajson.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES)

    def convert(number: int, path: str) -> tuple[int, int]:
        rows, pending, size = 0, [], 0
        target = os.path.join(task["target"], f"{number:05d}.parquet")
        with pa.input_stream(path) as stream, pq.ParquetWriter(target, schema, compression="zstd") as writer:
            for batch in pajson.open_json(stream, read_options=read, parse_options=parse):
                flat = _flat(batch, schema)
                rows, size = rows + flat.num_rows, size + flat.nbytes
                pending.append(flat)
                if size >= _GROUP_BYTES:
                    writer.write_table(pa.Table.from_batches(pending))
                    pending, size = [], 0
            if pending:
                writer.write_table(pa.Table.from_batches(pending))
        return rows, 0

    def convert_all() -> list[tuple[int, int]]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(convert, range(len(task["files"])), [each["path"] for each in task["files"]]))

    return convert_all
