"""Polars: scan_ndjson with its schema given, values cast from their texts, streamed into sink_parquet."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import polars as pl

_S = pl.Struct({"S": pl.String})
_N = pl.Struct({"N": pl.String})
_ITEM = pl.Struct({"M": pl.Struct({"sku": _S, "quantity": _N, "unit_price": _N})})
_IMAGE = pl.Struct(
    {
        "order_id": _S,
        "customer_id": _S,
        "status": _S,
        "total": _N,
        "placed_at": _S,
        "address": pl.Struct({"M": pl.Struct({"city": _S, "postcode": _S})}),
        "items": pl.Struct({"L": pl.List(_ITEM)}),
        "tags": pl.Struct({"SS": pl.List(pl.String)}),
        "is_gift": pl.Struct({"BOOL": pl.Boolean}),
        "note": _S,
    }
)
_SCHEMA = {
    "Metadata": pl.Struct({"WriteTimestampMicros": _N}),
    "Keys": pl.Struct({"order_id": _S}),
    "NewImage": _IMAGE,
}


def _field(root: Any, *names: str) -> Any:
    for name in names:
        root = root.struct.field(name)
    return root


def load_all(task: dict[str, Any]) -> Callable[[], list[tuple[int, int]]]:
    image = pl.col("NewImage")
    item = pl.element().struct.field("M")
    columns = [
        _field(pl.col("Keys"), "order_id", "S").alias("order_id"),
        *(_field(image, name, "S").alias(name) for name in ("customer_id", "status")),
        _field(image, "total", "N").cast(pl.Decimal(38, 2)).alias("total"),
        _field(image, "placed_at", "S").str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us").alias("placed_at"),
        *(_field(image, "address", "M", name, "S").alias(name) for name in ("city", "postcode")),
        _field(image, "items", "L")
        .list.eval(
            pl.struct(
                _field(item, "sku", "S").alias("sku"),
                _field(item, "quantity", "N").cast(pl.Int32).alias("quantity"),
                _field(item, "unit_price", "N").cast(pl.Decimal(12, 2)).alias("unit_price"),
            )
        )
        .alias("items"),
        _field(image, "tags", "SS").alias("tags"),
        _field(image, "is_gift", "BOOL").alias("is_gift"),
        _field(image, "note", "S").alias("note"),
        pl.when(image.is_null()).then(pl.lit("delete")).otherwise(pl.lit("put")).alias("_op"),
        _field(pl.col("Metadata"), "WriteTimestampMicros", "N")
        .cast(pl.Int64)
        .cast(pl.Datetime("us"))
        .alias("_written_at"),
    ]
    files = [each["path"] for each in task["files"]]
    target = os.path.join(task["target"], "rows.parquet")

    def convert_all() -> list[tuple[int, int]]:
        pl.scan_ndjson(files, schema=_SCHEMA).select(columns).sink_parquet(target, compression="zstd")
        return [(pl.scan_parquet(target).select(pl.len()).collect().item(), 0)]

    return convert_all
