"""CSV in, typed Parquet out, in constant memory, with every rejected row explained.

    conversion = convert(open_source, open_target, open_rejects, columns, source_name="sales_2024_03_15.csv")

Names are imported when first used: a DAG file that only needs the Dialect does not load pyarrow's CSV and Parquet.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakelanes.convert.dialect import Dialect
    from lakelanes.convert.errors import ConversionError
    from lakelanes.convert.partitioned import PartitionedTarget
    from lakelanes.convert.pipeline import Column, Conversion, Tuning, convert
    from lakelanes.convert.policy import SchemaPolicy
    from lakelanes.convert.rejects import REJECTS_SCHEMA, Reject
    from lakelanes.convert.sink import Sink
    from lakelanes.convert.writer import ParquetSettings

__all__ = [
    "REJECTS_SCHEMA",
    "Column",
    "Conversion",
    "ConversionError",
    "Dialect",
    "ParquetSettings",
    "PartitionedTarget",
    "Reject",
    "SchemaPolicy",
    "Sink",
    "Tuning",
    "convert",
]


def __getattr__(name: str) -> Any:
    homes = {
        "Column": "pipeline",
        "Conversion": "pipeline",
        "ConversionError": "errors",
        "Dialect": "dialect",
        "ParquetSettings": "writer",
        "PartitionedTarget": "partitioned",
        "REJECTS_SCHEMA": "rejects",
        "Reject": "rejects",
        "SchemaPolicy": "policy",
        "Sink": "sink",
        "Tuning": "pipeline",
        "convert": "pipeline",
    }
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{homes[name]}"), name)
