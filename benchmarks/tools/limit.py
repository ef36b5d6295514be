"""The limit of one core: pyarrow's typed parse alone and its Parquet writer alone, in turn, each with its own clock.

It checks nothing and explains nothing. The two clocks added up are what a converter made of these two parts, and of
nothing else, would take on one core.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from benchmarks.tools.arrow_types import convert_options

_GROUP_BYTES = 32 << 20
_BLOCK_BYTES = 1 << 20
# What repeats in the generated files; a dictionary for the others costs time and is thrown away.
_UNIQUE = {"transaction_id", "order_id", "session_number", "amount", "ordered_at", "updated_at", "tax"}

_lock = threading.Lock()
clocks = {"parse_s": 0.0, "write_s": 0.0, "parse_cpu_s": 0.0, "write_cpu_s": 0.0}


def load(task: dict[str, Any]) -> Callable[[str, str, str], tuple[int, int]]:
    pa.set_cpu_count(1)
    options = convert_options(task["columns"])
    parse_options = pacsv.ParseOptions(newlines_in_values=task["multiline"])
    read_options = pacsv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES)
    repeating = [name for name in task["columns"] if name not in _UNIQUE]

    def convert(source: str, target: str, rejects: str) -> tuple[int, int]:
        own = dict.fromkeys(clocks, 0.0)
        rows = 0

        def clocked(name: str, work: Callable[[], Any]) -> Any:
            wall, cpu = time.perf_counter(), time.thread_time()
            result = work()
            own[f"{name}_s"] += time.perf_counter() - wall
            own[f"{name}_cpu_s"] += time.thread_time() - cpu
            return result

        reader = clocked("parse", lambda: pacsv.open_csv(source, read_options, parse_options, options))
        writer = pq.ParquetWriter(
            target,
            reader.schema,
            compression="zstd",
            use_dictionary=repeating,
            write_page_index=True,
            store_decimal_as_integer=True,
            store_schema=False,
        )

        def parse() -> list[Any]:
            batches, size = [], 0
            for batch in reader:
                batches.append(batch)
                size += batch.nbytes
                if size >= _GROUP_BYTES:
                    break
            return batches

        while batches := clocked("parse", parse):
            table = pa.Table.from_batches(batches)
            rows += table.num_rows
            clocked("write", partial(writer.write_table, table, row_group_size=table.num_rows))
        clocked("write", writer.close)
        with _lock:
            for name, seconds in own.items():
                clocks[name] += seconds
        return rows, 0

    return convert


def figures() -> dict[str, float]:
    """Seconds of parsing and of writing, over all files."""
    return dict(clocks)
