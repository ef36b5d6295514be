"""Plain pyarrow: read_csv with every type given, then write_table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from benchmarks.tools.arrow_types import convert_options


def load(task: dict[str, Any]) -> Callable[[str, str, str], tuple[int, int]]:
    options = convert_options(task["columns"])
    # It costs a little, so only where the file needs it.
    parse = pacsv.ParseOptions(newlines_in_values=task["multiline"])

    def convert(source: str, target: str, rejects: str) -> tuple[int, int]:
        table = pacsv.read_csv(source, parse_options=parse, convert_options=options)
        pq.write_table(table, target, compression="zstd")
        return table.num_rows, 0

    return convert
