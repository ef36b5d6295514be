"""Rows divided by partition: against an independent grouping, in bounded memory, and what belongs to no partition."""

from __future__ import annotations

import io
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.convert import (
    Conversion,
    ConversionError,
    Destination,
    PartitionedTarget,
    Source,
    TargetTable,
    Tuning,
    convert,
    partitioned,
)
from lakelanes.convert.partition_values import PartitionValue
from tests.lakelanes.convert.support import MemorySink, Sinks, csv_text, table_columns
from tests.support.properties import examples

TYPES = {"id": "string", "day": "date", "at": "timestamp", "shop": "string", "number": "int"}
DAY = [PartitionValue("day", "%Y"), PartitionValue("day", "%m"), PartitionValue("day", "%d")]
Values = tuple[str, ...]
Rows = list[tuple[Any, ...]]


class Targets:
    """Keeps what is written to each partition."""

    def __init__(self, fails: Values | None = None) -> None:
        self.sinks: dict[Values, MemorySink] = {}
        self.begun: list[dict[Values, int]] = []
        self.fails = fails

    def open(self, values: Values) -> MemorySink:
        assert values not in self.sinks, "a partition was opened twice"
        if values == self.fails:
            raise OSError("no room")
        self.sinks[values] = MemorySink()
        return self.sinks[values]

    def tables(self) -> dict[Values, pa.Table]:
        assert all(sink.state == "closed" for sink in self.sinks.values())
        return {values: pq.read_table(pa.BufferReader(bytes(sink.data))) for values, sink in self.sinks.items()}


def legal(values: Values) -> tuple[int, str] | None:
    return next(((place, f"{value!r} is empty") for place, value in enumerate(values) if not value), None)


def divide(
    data: bytes,
    keys: list[PartitionValue],
    targets: Targets | None = None,
    tuning: Tuning | None = None,
    sort_by: Sequence[str] = (),
    **options: Any,
) -> tuple[Conversion, dict[Values, Rows], list[dict[str, Any]]]:
    """What convert() says, the rows of each partition, and the rejected ones."""
    targets, rejects = targets or Targets(), Sinks()
    wanted = {"left_out": frozenset[str](), "limit": 1000} | options
    conversion = convert(
        Source(lambda: io.BytesIO(data), "source.csv"),
        Destination(PartitionedTarget(keys, legal, targets.open, targets.begun.append, **wanted), rejects),
        TargetTable(table_columns(TYPES), sort_by),
        tuning=tuning,
    )
    found = {
        values: list(zip(*(column.to_pylist() for column in table.columns), strict=True))
        for values, table in targets.tables().items()
    }
    rejected = rejects.table()
    counts = {values: len(rows) for values, rows in found.items()}
    if conversion.refused is None:
        assert conversion.partitions == counts
        assert targets.begun == [counts]
    assert conversion.records == sum(counts.values()) + conversion.rows_rejected
    return conversion, found, rejected.to_pylist() if rejected is not None else []


def row(name: str, day: str = "2024-01-01", at: str = "2024-01-01 00:00:00", shop: str = "a", number: str = "1") -> Any:
    return (name, day, at, shop, number)


def text(*rows: Any) -> bytes:
    return csv_text(*rows, header=tuple(TYPES))


KEYS: dict[str, tuple[PartitionValue, Any]] = {
    "year": (PartitionValue("day", "%Y"), lambda row: f"{row[1].year:04d}"),
    "month number": (PartitionValue("day", "%m", number=True), lambda row: str(row[1].month)),
    "day": (PartitionValue("day"), lambda row: row[1].isoformat()),
    "week": (PartitionValue("day", "%G-W%V"), lambda row: "{:04d}-W{:02d}".format(*row[1].isocalendar())),
    "hour": (PartitionValue("at", "%Y%m%d%H"), lambda row: f"{row[2].year:04d}" + row[2].isoformat()[5:13].translate(
        str.maketrans("", "", "-T"))),
    "minute": (PartitionValue("at", "%H:%M"), lambda row: row[2].isoformat()[11:16]),
    "shop": (PartitionValue("shop"), lambda row: row[3]),
    "number": (PartitionValue("number", number=True), lambda row: str(row[4])),
}  # fmt: skip
dates = st.dates(date(1, 1, 1), date(9999, 12, 31)) | st.dates(date(2024, 1, 1), date(2024, 1, 5))
times = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)) | st.datetimes(
    datetime(1969, 12, 31), datetime(1970, 1, 2)
)


@pytest.mark.slow
@examples(100)
@given(
    rows=st.lists(
        st.tuples(
            st.text("xyz", min_size=1),
            dates,
            times,
            st.sampled_from(["Zürich", "Bern, Ost", "a/b=c", 'say "x"', " "]),
            st.integers(-3, 3),
        ),
        max_size=60,
    ),
    keys=st.lists(st.sampled_from(list(KEYS)), min_size=1, max_size=4),
    block_bytes=st.sampled_from([64, 200, 1 << 20]),
    run_bytes=st.sampled_from([1, 700, 1 << 20]),
    threads=st.sampled_from([1, 2]),
)
def test_rows_are_where_an_independent_grouping_puts_them(
    rows: Rows, keys: list[str], block_bytes: int, run_bytes: int, threads: int
) -> None:
    expected = defaultdict(list)
    for one in rows:
        expected[tuple(KEYS[key][1](one) for key in keys)].append(one)
    data = text(*[(one[0], one[1].isoformat(), one[2].isoformat(" "), one[3], str(one[4])) for one in rows])
    before, partitioned.RUN_BYTES = partitioned.RUN_BYTES, run_bytes
    try:
        _, found, rejected = divide(
            data, [KEYS[key][0] for key in keys], tuning=Tuning(threads=threads, block_bytes=block_bytes)
        )
    finally:
        partitioned.RUN_BYTES = before
    assert rejected == []
    assert found == expected


def test_a_large_partition_is_the_same_file_with_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitioned, "_SMALL_BYTES", 2000)
    monkeypatch.setattr(partitioned, "RUN_BYTES", 5000)
    data = text(*[row(str(number), day=f"2024-01-0{1 + (number % 3 == 0)}") for number in range(900)])
    written = []
    for threads in (1, 2):
        targets = Targets()
        tuning = Tuning(threads=threads, block_bytes=1000, row_group_bytes=3000)
        divide(data, [PartitionValue("day")], targets, tuning)
        written.append({values: bytes(sink.data) for values, sink in targets.sinks.items()})
    assert written[0] == written[1]
    groups = [pq.read_metadata(pa.BufferReader(file)).num_row_groups for file in written[0].values()]
    assert len(groups) == 2 and min(groups) > 1


def test_a_row_of_no_partition_is_rejected_with_column_and_reason() -> None:
    data = text(
        row("a"), row("b", day=""), row("c", shop='""'), row("d", number="x"), row("e", day="", shop=""), row("f")
    )
    data = data.replace(b'""""""', b'""')
    conversion, found, rejected = divide(data, [PartitionValue("day"), PartitionValue("shop")])
    assert [name for name, *_ in found["2024-01-01", "a"]] == ["a", "f"]
    assert [(r["line"], r["column"]) for r in rejected] == [(3, "day"), (4, "shop"), (5, "number"), (6, "day")]
    assert "null" in rejected[0]["reason"]
    assert "'' is empty" in rejected[1]["reason"]
    assert (conversion.rows_loaded, conversion.first_reject and conversion.first_reject.line) == (2, 3)


def test_a_column_that_is_a_key_is_not_in_the_files() -> None:
    targets = Targets()
    divide(text(row("a")), [PartitionValue("shop"), PartitionValue("day")], targets, left_out=frozenset({"shop"}))
    [table] = targets.tables().values()
    assert table.column_names == ["id", "day", "at", "number"]


def test_each_partitions_rows_are_sorted_where_that_is_asked_for() -> None:
    data = text(*[row(str(n), day=f"2024-01-0{1 + n % 2}", number=str(n * 7 % 10)) for n in range(10)])
    _, found, _ = divide(data, DAY, sort_by=["number"])
    assert [[row[-1] for row in part] for _, part in sorted(found.items())] == [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]


def test_a_file_of_more_partitions_than_allowed_is_refused_and_every_row_told() -> None:
    names = [str(n) for n in range(30)]
    data = text(*[row(name, shop=name) for name in names], row("bad", number="x"))
    for limit in (29, 30):
        targets = Targets()
        conversion, found, rejected = divide(
            data, [PartitionValue("shop")], targets, limit=limit, tuning=Tuning(block_bytes=100)
        )
        if limit == 30:
            assert (conversion.refused, len(found)) == (None, 30)
        else:
            assert "more than 29 partitions" in str(conversion.refused)
            assert (found, targets.begun, len(rejected)) == ({}, [], 31)
            assert rejected[-1]["column"] == "number"


def test_partitions_of_rejected_rows_do_not_count() -> None:
    data = text(*[row(str(n), shop=str(n), number="x") for n in range(5)], row("good"))
    conversion, found, _ = divide(data, [PartitionValue("shop")], limit=1)
    assert (conversion.refused, list(found)) == (None, [("a",)])


def test_a_file_without_rows_has_no_partitions() -> None:
    assert divide(text(), DAY)[1] == {}
    assert divide(b"", DAY)[0].partitions == {}


def test_a_file_that_ends_with_bad_rows_alone_is_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitioned, "RUN_BYTES", 1)
    bad = [row(str(n), number="x") for n in range(200)]
    conversion, found, _ = divide(text(row("a"), row("b"), *bad), DAY, tuning=Tuning(block_bytes=512))
    assert (conversion.rows_loaded, conversion.rows_rejected, len(found)) == (2, 200, 1)


def test_a_partition_that_cannot_be_written_fails_the_file_and_leaves_no_sink_open() -> None:
    data = text(*[row(str(n), shop=str(n)) for n in range(20)])
    targets = Targets(fails=("7",))
    with pytest.raises(OSError, match="no room"):
        divide(data, [PartitionValue("shop")], targets)
    assert {sink.state for sink in targets.sinks.values()} <= {"closed", "aborted"}


def test_rows_that_get_lost_on_the_way_fail_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(self: Any) -> Any:
        yield from [(number, rows.slice(1)) for number, rows in whole(self)]

    whole = partitioned.PartitionedWriter._run
    monkeypatch.setattr(partitioned.PartitionedWriter, "_run", lose)
    with pytest.raises(ConversionError, match="2 rows were divided into partitions, 1 were written"):
        divide(text(row("a"), row("b")), DAY)


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(partitioned, "RUN_BYTES", 1)
    seen: list[int] = []

    class Watching(Targets):
        def open(self, values: Values) -> MemorySink:
            seen.append(len(list(tmp_path.iterdir())))
            return super().open(values)

    data = text(*[row(str(n), shop=str(n % 3)) for n in range(3000)])
    targets = Watching(fails=("2",) if fails else None)
    if fails:
        with pytest.raises(OSError, match="no room"):
            divide(data, [PartitionValue("shop")], targets, tuning=Tuning(block_bytes=4096))
    else:
        divide(data, [PartitionValue("shop")], targets, tuning=Tuning(block_bytes=4096))
    assert set(seen) == {0}, "the file has a name while it is there"
    assert list(tmp_path.iterdir()) == []


def test_a_partition_has_as_few_row_groups_as_a_file_of_its_own() -> None:
    targets = Targets()
    data = text(*[row(str(n), shop=str(n % 7)) for n in range(20_000)])
    divide(data, [PartitionValue("shop")], targets, tuning=Tuning(block_bytes=10_000))
    for sink in targets.sinks.values():
        assert pq.read_metadata(pa.BufferReader(bytes(sink.data))).num_row_groups == 1


@pytest.mark.parametrize("kept", [0, 10**9])
def test_the_last_run_may_go_to_the_temporary_file_too(monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    monkeypatch.setattr(partitioned, "_KEPT_COLUMNS", kept)
    data = text(*[row(str(n), shop=str(n % 7)) for n in range(5000)])
    conversion, found, _ = divide(data, [PartitionValue("shop")], tuning=Tuning(block_bytes=10_000))
    assert conversion.rows_loaded == 5000
    assert sum(map(len, found.values())) == 5000
    assert len(found) == 7
