"""Plain pyarrow: read_csv with every type given, then write_table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from benchmarks.tools.arrow_types import convert_options


def _write_divided(table: Any, target: str, column: str) -> None:
    # Sorted first: as the rows come, it writes a row group per batch and partition and takes five times as long.
    table = table.sort_by(column)
    texts = table.column(column).cast(pa.string())
    for name, (start, stop) in {"year": (0, 4), "month": (5, 7), "day": (8, 10)}.items():
        table = table.append_column(name, pc.utf8_slice_codeunits(texts, start, stop))
    pads.write_dataset(
        table,
        target,
        format="parquet",
        file_options=pads.ParquetFileFormat().make_write_options(compression="zstd"),
        partitioning=["year", "month", "day"],
        partitioning_flavor="hive",
    )


def load(task: dict[str, Any]) -> Callable[[str, str, str], tuple[int, int]]:
    options = convert_options(task["columns"])
    # It costs a little, so only where the file needs it.
    parse = pacsv.ParseOptions(newlines_in_values=task["multiline"])

    def convert(source: str, target: str, rejects: str) -> tuple[int, int]:
        table = pacsv.read_csv(source, parse_options=parse, convert_options=options)
        if by := task.get("partition_by"):
            _write_divided(table, target, by)
        else:
            pq.write_table(table, target, compression="zstd")
        return table.num_rows, 0

    return convert
