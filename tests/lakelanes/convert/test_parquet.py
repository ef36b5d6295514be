"""The Parquet files themselves: what Athena prunes by, and how values are stored."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from lakelanes.convert import REJECTS_SCHEMA, Tuning
from tests.lakelanes.convert.support import Sinks, load


def parquet_of(sinks: Sinks) -> pq.ParquetFile:
    (sink,) = sinks
    return pq.ParquetFile(pa.BufferReader(bytes(sink.data)))


EVERY_TYPE = {
    "text": "string",
    "code": "char(2)",
    "tiny": "tinyint",
    "small": "smallint",
    "whole": "int",
    "large": "bigint",
    "single": "float",
    "real": "double",
    "truth": "boolean",
    "cents": "decimal(9,2)",
    "amount": "decimal(18,2)",
    "huge": "decimal(38,2)",
    "day": "date",
    "at": "timestamp",
}


def test_every_type_is_stored_as_athena_reads_it() -> None:
    outcome = load((",".join(EVERY_TYPE) + "\n").encode(), EVERY_TYPE)
    schema = parquet_of(outcome.target).schema
    stored = {
        name: (schema.column(position).physical_type, str(schema.column(position).logical_type))
        for position, name in enumerate(schema.names)
    }
    assert stored == {
        "text": ("BYTE_ARRAY", "String"),
        "code": ("BYTE_ARRAY", "String"),
        "tiny": ("INT32", "Int(bitWidth=8, isSigned=true)"),
        "small": ("INT32", "Int(bitWidth=16, isSigned=true)"),
        "whole": ("INT32", "None"),
        "large": ("INT64", "None"),
        "single": ("FLOAT", "None"),
        "real": ("DOUBLE", "None"),
        "truth": ("BOOLEAN", "None"),
        "cents": ("INT32", "Decimal(precision=9, scale=2)"),
        "amount": ("INT64", "Decimal(precision=18, scale=2)"),
        "huge": ("FIXED_LEN_BYTE_ARRAY", "Decimal(precision=38, scale=2)"),
        "day": ("INT32", "Date"),
        "at": (
            "INT64",
            "Timestamp(isAdjustedToUTC=false, timeUnit=microseconds, is_from_converted_type=false, "
            "force_set_converted_type=false)",
        ),
    }


def test_row_groups_carry_statistics_and_page_indexes() -> None:
    rows = "".join(f"{number},{number}.50,2024-01-{1 + number // 1000:02d}\n" for number in range(20_000))
    types = {"id": "int", "amount": "decimal(10,2)", "day": "date"}
    outcome = load(
        b"id,amount,day\n" + rows.encode(), types, Tuning(block_bytes=50_000, row_group_bytes=200_000, threads=1)
    )
    metadata = parquet_of(outcome.target).metadata
    groups = range(metadata.num_row_groups)
    assert len(groups) == 3
    ids = [metadata.row_group(group).column(0).statistics for group in groups]
    assert [ids[0].min, ids[1].min, ids[2].min] == [0, ids[0].max + 1, ids[1].max + 1]
    assert ids[2].max == 19_999
    for group in groups:
        for position in range(3):
            column = metadata.row_group(group).column(position)
            assert column.statistics.null_count == 0
            assert column.compression == "ZSTD"
            assert column.has_column_index
            assert column.has_offset_index


def test_only_columns_that_repeat_get_a_dictionary() -> None:
    rows = "".join(f"unique {number},{number % 7},{number}.25\n" for number in range(5000))
    outcome = load(b"id,kind,amount\n" + rows.encode(), {"id": "string", "kind": "string", "amount": "decimal(10,2)"})
    group = parquet_of(outcome.target).metadata.row_group(0)
    assert [group.column(position).has_dictionary_page for position in range(3)] == [False, True, False]


def test_rejects_have_one_schema_for_athena() -> None:
    assert [(field.name, str(field.type)) for field in REJECTS_SCHEMA] == [
        ("source_file", "string"),
        ("record", "int64"),
        ("line", "int64"),
        ("column", "string"),
        ("reason", "string"),
        ("raw", "string"),
    ]


def test_an_empty_table_keeps_its_columns() -> None:
    outcome = load(b"", EVERY_TYPE)
    assert parquet_of(outcome.target).metadata.num_row_groups == 0
    assert parquet_of(outcome.target).schema_arrow.names == list(EVERY_TYPE)
