"""Is a tool's output right? Its rows are compared with what the generator knows, type by type and cell by cell."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.digest import Digest
from benchmarks.generate import Truth
from benchmarks.tools.arrow_types import arrow_schema

_BATCH_ROWS = 1 << 16


def read_digest(sources: Iterable[Any], columns: dict[str, str]) -> tuple[Digest, list[str]]:
    """The digest of Parquet files (paths or file objects) as one table, and the columns that have another type."""
    digest, wrong = Digest(), []
    for source in sources:
        with pq.ParquetFile(source) as file:
            faults = _type_faults(file.schema_arrow, columns)
            if faults:
                wrong += [fault for fault in faults if fault not in wrong]
                continue
            for batch in file.iter_batches(_BATCH_ROWS, columns=list(columns)):
                digest.add_arrays(list(columns), [batch.column(name) for name in columns])
    return digest, wrong


def faults_of(
    sources: Iterable[Any], columns: dict[str, str], truth: Truth, rejected: int | None, files: int = 1
) -> list[str]:
    """What is wrong with the Parquet files a tool made of `files` copies of an input; nothing when they are right.

    rejected: the rows it says it set aside, None when that is not asked.
    """
    digest, wrong = read_digest(sources, columns)
    if wrong:
        return wrong
    expected = truth.digest.times(files)
    faults = expected.differences(digest)
    if rejected is not None and rejected != truth.rows_rejected * files:
        faults.append(f"{rejected} rows set aside instead of {truth.rows_rejected * files}")
    return faults


def misplaced(files: Iterable[Path], column: str) -> list[str]:
    """The folders year=/month=/day= whose files hold rows of another date in the column, the first few of them."""
    wrong = []
    for file in files:
        named = dict(part.split("=", 1) for part in file.parts if "=" in part)
        dates = pq.ParquetFile(file).read([column]).column(column).unique().to_pylist()
        if [f"{day:%Y-%m-%d}" for day in dates] != ["-".join(named.get(key, "?") for key in ("year", "month", "day"))]:
            wrong.append(f"{file.parent.name}: rows of {len(dates)} dates, or of another")
    return wrong[:3]


def _type_faults(found: pa.Schema, columns: dict[str, str]) -> list[str]:
    faults = []
    for expected in arrow_schema(columns):
        index = found.get_field_index(expected.name)
        if index < 0:
            faults.append(f"{expected.name}: not there")
            continue
        kind = found.field(index).type
        if _usual(kind) != _usual(expected.type):
            faults.append(f"{expected.name}: {kind} instead of {columns[expected.name]}")
    return faults


def _usual(kind: pa.DataType) -> pa.DataType:
    """The type without what is the writer's choice: widths of offsets, units of time, names of lists' elements."""
    if pa.types.is_dictionary(kind):
        return _usual(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us")
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(pa.field("element", _usual(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(each.name, _usual(each.type)) for each in kind])
    return kind
