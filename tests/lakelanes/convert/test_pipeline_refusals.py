"""Refused files: nothing is loaded, and every row is found among the rejects."""

from __future__ import annotations

import gc
import io
from typing import Any

import pyarrow as pa
import pytest

from lakelanes.convert import (
    ConversionError,
    Destination,
    Dialect,
    Reject,
    Source,
    TargetTable,
    Tuning,
    convert,
)
from lakelanes.convert.blocks import Block
from lakelanes.convert.parse import BlockParser, ParsedBlock
from tests.lakelanes.convert.support import SALES, MemorySink, Sinks, load, table_columns

HEADER = b"id,amount,day\n"
ROWS = b'a,1,2024-01-01\n"b\nb",2,2024-01-02\n\n,,\n'


def where(outcome: Any) -> list[tuple[int, int, str]]:
    return [(reject["record"], reject["line"], reject["raw"]) for reject in outcome.rejects]


def test_a_bad_row_where_none_are_allowed() -> None:
    outcome = load(HEADER + ROWS + b"c,x,\nd,1\n", on_bad_rows="fail")
    assert outcome.conversion.refused == (
        "'x' is not a decimal(10,2): 1 of 5 rows, on line 7; 2 rows are bad in all; "
        "none are allowed (on_bad_rows is 'fail')"
    )
    assert where(outcome) == [
        (1, 2, "a,1,2024-01-01"),
        (2, 3, '"b\nb",2,2024-01-02'),
        (3, 6, ",,"),
        (4, 7, "c,x,"),
        (5, 8, "d,1"),
    ]
    withheld = "the file was refused: too many bad rows: none are allowed (on_bad_rows is 'fail')"
    assert outcome.reasons() == [withheld] * 3 + ["'x' is not a decimal(10,2)", "3 fields expected, 2 found"]
    assert outcome.conversion.rows_withheld == 3
    assert outcome.conversion.first_reject == Reject(7, 4, "amount", "'x' is not a decimal(10,2)", "c,x,")


def test_more_bad_rows_than_are_allowed() -> None:
    data = HEADER + b"a,1,\n" + b"b,x,\n" * 3
    assert load(data, max_bad_rows=3).conversion.rows_loaded == 1
    outcome = load(data, max_bad_rows=2)
    assert outcome.conversion.refused == (
        "'x' is not a decimal(10,2): 3 of 4 rows, from line 3; 2 are allowed (max_bad_rows)"
    )
    assert outcome.conversion.rows_withheld == 1
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
        (None, "the file was refused: too many bad rows: 1 is allowed (max_bad_rows)"),
        ("amount", "'x' is not a decimal(10,2)"),
        ("amount", "'y' is not a decimal(10,2)"),
    }
    assert [reject["line"] for reject in outcome.rejects] == list(range(2, 1004))


def test_a_file_without_one_good_row() -> None:
    outcome = load(HEADER + b"a,1\nb,x,\nc,y,\n")
    assert outcome.conversion.refused == (
        "'x' is not a decimal(10,2): 2 of 3 rows, from line 3; no row of the file could be loaded"
    )
    assert outcome.conversion.rows_withheld == 0, "each is a bad row"
    assert outcome.reasons()[:2] == ["3 fields expected, 2 found", "'x' is not a decimal(10,2)"]


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


@pytest.mark.parametrize(
    ("data", "escape", "reason"),
    [
        (b'"id,amount,day\na,1,\n', None, "the header does not end: a quote in it is never closed"),
        (b"id,amount,day\\", "\\", "the header does not end: an escape in it is the last character of the file"),
        (b'"id"s,amount,day\na,1,\n', None, "the header cannot be read: text after the closing quote"),
    ],
)
def test_a_header_that_cannot_be_read(data: bytes, escape: str | None, reason: str) -> None:
    outcome = load(data, dialect=Dialect(escape=escape))
    assert outcome.conversion.refused == reason
    assert [row["raw"] for row in outcome.rejects] == data.decode().splitlines()


@pytest.mark.parametrize("threads", [1, 2])
def test_what_goes_wrong_while_rows_are_read_is_the_files_fault(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    """Rows have been loaded by then: they go to the rejects with the others, line by line."""

    def fail(parser: BlockParser, block: Block, refusal: str | None = None) -> ParsedBlock | None:
        if b"bad" in block.data[: block.length]:
            raise pa.ArrowInvalid("out of sync")
        return read(parser, block, refusal)

    read = BlockParser.parse_plain
    monkeypatch.setattr(BlockParser, "parse_plain", fail)
    outcome = load(HEADER + b"a,1,\n" * 50 + b"\nbad,1,\n", tuning=Tuning(threads=threads, block_bytes=64))
    assert outcome.conversion.refused == "the rows cannot be read: out of sync"
    assert [(row["line"], row["raw"]) for row in outcome.rejects[:1]] == [(1, "id,amount,day")]
    assert [(row["line"], row["raw"]) for row in outcome.rejects[-2:]] == [(51, "a,1,"), (53, "bad,1,")]
    assert outcome.conversion.rows_rejected == 52


def test_a_header_that_swallowed_rows_is_rejected_with_them() -> None:
    outcome = load(b'\n"id,amount,day\na,1,\nb,2,"\nc,3,\n')
    assert outcome.conversion.refused is not None and outcome.conversion.refused.startswith(
        "none of the table's columns"
    )
    assert [row["line"] for row in outcome.rejects] == [2, 3, 4, 5]
    # One of a line is no row.
    assert [row["line"] for row in load(b"\nid,amount\na,1\n").rejects] == [3]
