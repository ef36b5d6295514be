"""The Parquet files themselves: what Athena prunes by, and how values are stored."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakelanes.convert import ConversionError, ParquetSettings, Tuning
from lakelanes.convert.writer import TableWriter
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


@pytest.mark.parametrize("threads", [1, 3])
def test_columns_of_a_large_file_that_hardly_shrink_are_not_compressed(threads: int) -> None:
    chance = random.Random(3)
    numbers = [chance.randrange(10**12) for _ in range(50_000)]
    text = b"items,number,word\n" + "".join(f"[{n % 9}],{n},no {n % 1000}\n" for n in numbers).encode()
    types = {"items": "array<int>", "number": "bigint", "word": "string"}

    def written(**settings: Any) -> Any:
        tuning = Tuning(
            threads=threads, block_bytes=200_000, row_group_bytes=1_100_000, parquet=ParquetSettings(**settings)
        )
        return load(text, types, tuning)

    outcome, packed = written(), written(compression="all")
    metadata = parquet_of(outcome.target).metadata
    groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    assert groups[0].num_rows >= 40_000 and len(groups) > 1
    for group in groups:
        assert [group.column(leaf).compression for leaf in range(3)] == ["ZSTD", "UNCOMPRESSED", "ZSTD"]
    assert outcome.column("number") == packed.column("number") == numbers
    few = load(text[: text.index(b"\n", len(text) // 2)], types)
    for other in (packed, few):
        group = parquet_of(other.target).metadata.row_group(0)
        assert {group.column(leaf).compression for leaf in range(3)} == {"ZSTD"}


UNSORTED = {"items": "struct<n:int,tags:array<string>>", "shop": "string", "amount": "decimal(10,2)", "id": "int"}


def unsorted_csv(rows: int) -> bytes:
    """Shops and amounts in no order, one in ten of each empty; items a nested column before them; ids count up."""
    chance = random.Random(7)
    lines = ["items,shop,amount,id"]
    for number in range(rows):
        shop = chance.choice(["", *(f"shop {letter}" for letter in "abcdefghi")])
        amount = "" if chance.random() < 0.1 else f"{chance.randrange(-9999, 9999) / 100:.2f}"
        lines.append(f'"{{""n"": {number}, ""tags"": [""x""]}}",{shop},{amount},{number}')
    return "\n".join(lines).encode()


@pytest.mark.parametrize("threads", [1, 3])
def test_rows_are_sorted_within_their_row_group_nulls_last_and_stay_in_it(threads: int) -> None:
    tuning = Tuning(threads=threads, block_bytes=10_000, row_group_bytes=50_000)
    plain = load(unsorted_csv(5000), UNSORTED, tuning)
    outcome = load(unsorted_csv(5000), UNSORTED, tuning, sort_by=["shop", "amount"])
    before, after = parquet_of(plain.target), parquet_of(outcome.target)
    assert after.num_row_groups == before.num_row_groups > 2
    for group in range(before.num_row_groups):
        came = before.read_row_group(group).to_pylist()
        nulls_last = sorted(came, key=lambda row: [(row[name] is None, row[name] or 0) for name in ("shop", "amount")])
        assert after.read_row_group(group).to_pylist() == nulls_last != came


def test_the_footer_tells_what_the_rows_are_sorted_by() -> None:
    sorted_, plain = load(unsorted_csv(10), UNSORTED, sort_by=["amount", "shop"]), load(unsorted_csv(10), UNSORTED)
    metadata = parquet_of(sorted_.target).metadata
    names = [metadata.row_group(0).column(leaf).path_in_schema for leaf in range(metadata.num_columns)]
    assert names[:2] == ["items.n", "items.tags.list.element"]
    assert [
        (names[column.column_index], column.descending, column.nulls_first)
        for column in metadata.row_group(0).sorting_columns
    ] == [("amount", False, False), ("shop", False, False)]
    assert parquet_of(plain.target).metadata.row_group(0).sorting_columns == ()


def test_rows_can_be_sorted_by_every_type_that_is_not_nested() -> None:
    values = {
        **dict.fromkeys(EVERY_TYPE, ("2", "1")),
        "truth": ("true", "false"),
        "day": ("2024-01-02", "2024-01-01"),
        "at": ("2024-01-01 00:00:02", "2024-01-01 00:00:01"),
    }
    rows = [["", *first] for first in ([""] * 13, [high for high, _ in values.values()][1:])]
    rows += [[low for _, low in values.values()]]
    text = "\n".join(",".join(row) for row in [list(EVERY_TYPE), *rows])
    for name in EVERY_TYPE:
        outcome = load(text.encode(), EVERY_TYPE, sort_by=[name])
        keys = [value for value in outcome.column(name) if value is not None]
        assert keys == sorted(keys), name
        assert outcome.column(name)[-1] is None, name


def test_a_dictionary_does_not_depend_on_the_order_that_rows_are_written_in() -> None:
    rows = "".join(f"{number % 20_000},{number}\n" for number in range(0, 200_000, 7))
    outcome = load(b"key,id\n" + rows.encode(), {"key": "string", "id": "int"}, sort_by=["key"])
    assert not parquet_of(outcome.target).metadata.row_group(0).column(0).has_dictionary_page


def test_a_column_to_sort_by_that_is_not_there_is_refused_before_anything_is_read() -> None:
    with pytest.raises(ConversionError, match=r"sort_by names \['shop_id'\], which are no columns of the table"):
        load(unsorted_csv(1), UNSORTED, sort_by=["shop", "shop_id"])


@pytest.mark.parametrize(
    ("settings", "seen"),
    [
        (ParquetSettings(), (True, True, True, False, True)),
        (ParquetSettings(statistics=False), (False, False, True, False, True)),
        (ParquetSettings(page_index=False), (True, False, True, False, True)),
        (ParquetSettings(dictionary="all"), (True, True, True, True, False)),
        (ParquetSettings(dictionary="none"), (True, True, False, False, True)),
        (ParquetSettings(deltas=False), (True, True, True, False, False)),
    ],
)
def test_how_columns_are_stored_can_be_chosen(settings: ParquetSettings, seen: tuple[bool, ...]) -> None:
    text = "kind,id\n" + "".join(f"{number % 7},{number}\n" for number in range(3000))
    outcome = load(text.encode(), {"kind": "string", "id": "int"}, Tuning(parquet=settings))
    kind, number = (parquet_of(outcome.target).metadata.row_group(0).column(place) for place in (0, 1))
    assert (
        kind.is_stats_set,
        kind.has_column_index,
        kind.has_dictionary_page,
        number.has_dictionary_page,
        "DELTA_BINARY_PACKED" in number.encodings,
    ) == seen
    assert outcome.column("id") == list(range(3000))


def test_an_empty_table_keeps_its_columns() -> None:
    outcome = load(b"", EVERY_TYPE)
    assert parquet_of(outcome.target).metadata.num_row_groups == 0
    assert parquet_of(outcome.target).schema_arrow.names == list(EVERY_TYPE)


def test_a_table_of_very_many_columns_has_larger_row_groups_without_a_page_index() -> None:
    def written(columns: int) -> Any:
        schema = pa.schema([(f"c{number}", pa.int32()) for number in range(columns)])
        sinks = Sinks()
        writer = TableWriter(sinks, schema, row_group_bytes=columns * 40)
        for _ in range(4):
            writer.write(pa.RecordBatch.from_arrays([pa.array(range(10), pa.int32())] * columns, schema=schema))
        writer.close()
        return pq.ParquetFile(pa.BufferReader(bytes(sinks[0].data))).metadata

    narrow, wide = written(10), written(1000)
    assert (narrow.num_row_groups, wide.num_row_groups) == (4, 2)
    assert narrow.row_group(0).column(0).has_column_index
    assert not wide.row_group(0).column(0).has_column_index
    assert wide.row_group(0).column(0).statistics.max == 9
