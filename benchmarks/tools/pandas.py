"""pandas: read_csv in chunks, decimals as Decimal objects so that they stay exact, written through pyarrow."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.tools.arrow_types import arrow_schema

_CHUNK_ROWS = 200_000
_READ_AS = {"int": "Int32", "smallint": "Int16", "bigint": "Int64", "double": "Float64", "boolean": "boolean"}


def load(task: dict[str, Any]) -> Callable[[str, str, str], tuple[int, int]]:
    columns: dict[str, str] = task["columns"]
    schema = arrow_schema(columns)
    read_as = {name: _READ_AS.get(text, "str") for name, text in columns.items()}

    def convert(source: str, target: str, rejects: str) -> tuple[int, int]:
        rows = 0
        chunks = pd.read_csv(
            source,
            dtype=read_as,
            keep_default_na=False,
            na_values=[""],
            chunksize=_CHUNK_ROWS,
            float_precision="round_trip",
        )
        with pq.ParquetWriter(target, schema, compression="zstd") as writer:
            for chunk in chunks:
                for name, text in columns.items():
                    if text.startswith("decimal"):
                        chunk[name] = chunk[name].astype(object).map(Decimal, na_action="ignore")
                    elif text == "date":
                        chunk[name] = pd.to_datetime(chunk[name], format="%Y-%m-%d").dt.date
                    elif text == "timestamp":
                        chunk[name] = pd.to_datetime(chunk[name], format="%Y-%m-%d %H:%M:%S")
                table = pa.Table.from_pandas(chunk, schema, preserve_index=False)
                writer.write_table(table)
                rows += table.num_rows
        return rows, 0

    return convert
