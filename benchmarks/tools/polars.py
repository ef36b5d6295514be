"""Polars: a lazy scan_csv with its schema given, streamed into sink_parquet."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import polars as pl

_TYPES: dict[str, Any] = {
    "string": pl.String,
    "int": pl.Int32,
    "smallint": pl.Int16,
    "bigint": pl.Int64,
    "double": pl.Float64,
    "boolean": pl.Boolean,
    "date": pl.Date,
    "timestamp": pl.Datetime("us"),
}


_DATE_KEYS = {"year": "%Y", "month": "%m", "day": "%d"}


def polars_type(text: str) -> Any:
    if match := re.fullmatch(r"decimal\((\d+),(\d+)\)", text):
        return pl.Decimal(int(match[1]), int(match[2]))
    return _TYPES[text]


def load(task: dict[str, Any]) -> Callable[[str, str, str], tuple[int, int]]:
    schema = {name: polars_type(text) for name, text in task["columns"].items()}
    # It has no way to set bad rows aside: it fails, or makes null what it cannot read.
    tolerant = {"ignore_errors": True, "truncate_ragged_lines": True} if task["bad"] else {}
    storage = task.get("storage")
    by = task.get("partition_by")

    def divided(target: str) -> Any:
        keys = [pl.col(by).dt.strftime(form).alias(name) for name, form in _DATE_KEYS.items()]
        return pl.PartitionBy(target, key=keys, include_key=False)

    def convert(source: str, target: str, rejects: str) -> tuple[int, int]:
        frame = pl.scan_csv(source, schema=schema, storage_options=storage, **tolerant)
        if by:
            frame.sink_parquet(divided(target), compression="zstd", mkdir=True)
            target = f"{target}/**/*.parquet"
        else:
            frame.sink_parquet(target, compression="zstd", storage_options=storage)
        return pl.scan_parquet(target, storage_options=storage).select(pl.len()).collect().item(), 0

    return convert
