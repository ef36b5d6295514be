"""Refused files: nothing is loaded, and every row is found among the rejects."""

from __future__ import annotations

import gc
import io
from typing import Any

import pytest

from lakelanes.convert import (
    ConversionError,
    Destination,
    Reject,
    Source,
    TargetTable,
    Tuning,
    convert,
)
from tests.lakelanes.convert.support import SALES, MemorySink, Sinks, load, table_columns

HEADER = b"id,amount,day\n"
ROWS = b'a,1,2024-01-01\n"b\nb",2,2024-01-02\n\n,,\n'


def where(outcome: Any) -> list[tuple[int, int, str]]:
    return [(reject["record"], reject["line"], reject["raw"]) for reject in outcome.rejects]


def test_a_bad_row_where_none_are_allowed() -> None:
    outcome = load(HEADER + ROWS + b"c,x,\nd,1\n", on_bad_rows="fail")
    refused = "a bad row, and none are allowed: line 7, column amount: 'x' is not a decimal(10,2)"
    assert outcome.conversion.refused == refused
    assert where(outcome) == [
        (1, 2, "a,1,2024-01-01"),
        (2, 3, '"b\nb",2,2024-01-02'),
        (3, 6, ",,"),
        (4, 7, "c,x,"),
        (5, 8, "d,1"),
    ]
    assert outcome.reasons() == [refused] * 3 + ["'x' is not a decimal(10,2)", "3 fields expected, 2 found"]
    assert outcome.conversion.first_reject == Reject(7, 4, "amount", "'x' is not a decimal(10,2)", "c,x,")


def test_more_bad_rows_than_are_allowed() -> None:
    data = HEADER + b"a,1,\n" + b"b,x,\n" * 3
    assert load(data, max_bad_rows=3).conversion.rows_loaded == 1
    outcome = load(data, max_bad_rows=2)
    assert outcome.conversion.refused == "more bad rows than the 2 allowed"
    assert outcome.conversion.rows_rejected == 4
    assert outcome.conversion.first_reject is not None
    assert outcome.conversion.first_reject.line == 3


@pytest.mark.parametrize("tuning", [Tuning(threads=1), Tuning(threads=2), Tuning(block_bytes=100)])
def test_a_refusal_late_in_a_file_takes_back_what_was_loaded_and_set_aside(tuning: Tuning) -> None:
    data = HEADER + b"a,1,\n" * 500 + b"b,x,\n" + b"c,2,\n" * 500 + b"d,y,\n"
    outcome = load(data, tuning=tuning, max_bad_rows=1)
    assert outcome.conversion.records == 1002
    assert outcome.rows is None
    assert {(reject["column"], reject["reason"]) for reject in outcome.rejects} == {
        (None, "more bad rows than the 1 allowed"),
        ("amount", "'x' is not a decimal(10,2)"),
        ("amount", "'y' is not a decimal(10,2)"),
    }
    assert [reject["line"] for reject in outcome.rejects] == list(range(2, 1004))


def test_a_file_without_one_good_row() -> None:
    outcome = load(HEADER + b"a,x,\nb,1\n")
    assert outcome.conversion.refused == "no row of the file could be loaded"
    assert outcome.reasons() == ["'x' is not a decimal(10,2)", "3 fields expected, 2 found"]


def test_a_table_without_columns_is_the_callers_mistake() -> None:
    with pytest.raises(ConversionError, match="the table has no columns"):
        convert(Source(io.BytesIO, "s"), Destination(Sinks(), Sinks()), TargetTable([]))


class BrokenSource(io.BytesIO):
    """A source that fails after its first bytes, as a network does."""

    def readinto(self, view: Any) -> int:
        if self.tell() > 2_500_000:
            raise ConnectionResetError("connection reset by peer")
        return super().readinto(view)


class BrokenSink(MemorySink):
    def write(self, data: Any) -> None:
        raise OSError("no space left")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("threads", [1, 2])
def test_a_failing_source_is_no_refusal_and_leaves_no_file(threads: int) -> None:
    target, rejects = Sinks(), Sinks()
    data = HEADER + b"a,1,\nb,x,\n" * 300_000
    with pytest.raises(ConnectionResetError):
        convert(
            Source(lambda: BrokenSource(data), "s"),
            Destination(target, rejects),
            TargetTable(table_columns(SALES)),
            tuning=Tuning(threads=threads, block_bytes=65_536, row_group_bytes=4096),
        )
    assert [sink.state for sink in target] == ["aborted"]
    assert [sink.state for sink in rejects] == ["aborted"]
    gc.collect()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("threads", [1, 2])
def test_a_failing_sink_aborts_the_other_one_too(threads: int) -> None:
    broken, rejects = BrokenSink(), Sinks()
    data = HEADER + b"a,1,\nb,x,\n" * 150_000
    with pytest.raises(OSError, match="no space left"):
        convert(
            Source(lambda: io.BytesIO(data), "s"),
            Destination(lambda: broken, rejects),
            TargetTable(table_columns(SALES)),
            tuning=Tuning(threads=threads, block_bytes=65_536),
        )
    assert broken.state == "aborted"
    assert [sink.state for sink in rejects] == ["aborted"]
    gc.collect()
