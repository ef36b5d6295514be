"""CSV in, typed Parquet out, in constant memory, with every rejected row explained.

    conversion = convert(
        Source(open_source, "sales_2024_03_15.csv"), Destination(open_target, open_rejects), TargetTable(columns)
    )

Names are imported when first used: a DAG file that only needs the Dialect does not load pyarrow's CSV and Parquet.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakelanes.convert.dialect import Dialect
    from lakelanes.convert.errors import ConversionError
    from lakelanes.convert.partitioned import PartitionedTarget
    from lakelanes.convert.pipeline import Conversion, convert
    from lakelanes.convert.policy import LoadPolicy, SchemaPolicy
    from lakelanes.convert.rejects import REJECTS_SCHEMA, Reject
    from lakelanes.convert.sink import Sink
    from lakelanes.convert.task import Column, Destination, Source, TargetTable, Tuning, threads_for_one_file
    from lakelanes.convert.writer import ParquetSettings

__all__ = [
    "REJECTS_SCHEMA",
    "Column",
    "Conversion",
    "ConversionError",
    "Destination",
    "Dialect",
    "LoadPolicy",
    "ParquetSettings",
    "PartitionedTarget",
    "Reject",
    "SchemaPolicy",
    "Sink",
    "Source",
    "TargetTable",
    "Tuning",
    "convert",
    "threads_for_one_file",
]

_MODULES = {
    "dialect": ("Dialect",),
    "errors": ("ConversionError",),
    "partitioned": ("PartitionedTarget",),
    "pipeline": ("Conversion", "convert"),
    "policy": ("LoadPolicy", "SchemaPolicy"),
    "rejects": ("REJECTS_SCHEMA", "Reject"),
    "sink": ("Sink",),
    "task": ("Column", "Destination", "Source", "TargetTable", "Tuning", "threads_for_one_file"),
    "writer": ("ParquetSettings",),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
