"""Which of the two readers a block is given to; what they read is compared in test_pipeline_properties.py."""

from __future__ import annotations

import io
from typing import Any

import pytest

from lakelanes.convert import Destination, LoadPolicy, Source, TargetTable, Tuning
from lakelanes.convert.blocks import SMALL_ENOUGH, Block
from lakelanes.convert.careful import CarefulReader, Judged
from lakelanes.convert.header import Layout
from lakelanes.convert.parse import BlockParser, ParsedBlock
from lakelanes.convert.task import Task
from tests.lakelanes.convert.support import Sinks, load, table_columns

PLAIN, ODD = b"a,1\n", b"a,+1e2x\n"


class Watched:
    """A parser that tells how often the kernel was asked."""

    def __init__(self) -> None:
        source = Source(lambda: io.BytesIO(b""), "s")
        table = TargetTable(table_columns({"id": "string", "n": "int"}))
        task = Task(source, Destination(Sinks(), Sinks()), table, LoadPolicy(), Tuning())
        self.parser = BlockParser(Layout(2, (0, 1)), task)
        kernel = self.parser._kernel
        assert kernel is not None, "the library is not built: python3 scripts/setup.py"
        read, self.asked = kernel.read, 0

        def counted(*arguments: Any) -> Any:
            self.asked += 1
            return read(*arguments)

        kernel.read = counted  # type: ignore[method-assign]

    def parse(self, data: bytes, refusal: str | None = None) -> ParsedBlock:
        parsed = self.parser.parse(Block(bytearray(data), len(data), False), refusal)
        assert parsed is not None
        return parsed

    def until_the_kernel_is_asked(self) -> int:
        """How many plain blocks are read without it."""
        asked, blocks = self.asked, 0
        while True:
            assert self.parse(PLAIN * 50).rejects is None
            if self.asked > asked:
                return blocks
            blocks += 1
            assert blocks < 2000


@pytest.mark.slow
def test_a_block_of_mostly_odd_records_and_some_after_it_are_read_without_the_kernel() -> None:
    watched = Watched()
    pauses = []
    for _ in range(9):
        parsed = watched.parse(ODD * 51 + PLAIN * 49)
        assert (parsed.records, len(parsed.rejects or ())) == (100, 51)
        pauses.append(watched.until_the_kernel_is_asked())
    assert pauses == [8, 16, 32, 64, 128, 256, 512, 512, 512]


@pytest.mark.parametrize("data", [ODD * 50 + PLAIN * 50, ODD * 31])
def test_a_few_odd_records_do_not_set_the_kernel_aside(data: bytes) -> None:
    watched = Watched()
    assert len(watched.parse(data).rejects or ()) == data.count(ODD)
    assert watched.until_the_kernel_is_asked() == 0


def test_a_refused_files_rows_are_not_for_the_kernel() -> None:
    watched = Watched()
    parsed = watched.parse(PLAIN * 3 + ODD, "no reason")
    assert parsed.rejects is not None
    assert [reason == "no reason" for reason in parsed.rejects.reasons] == [True, True, True, False]
    assert (parsed.batches, watched.asked) == ([], 0)


@pytest.mark.parametrize("fast", [True, False])
def test_a_block_of_too_many_records_for_the_careful_reader_is_crowded(fast: bool) -> None:
    watched = Watched()
    if not fast:
        watched.parser._kernel = None
    bad = b"a,x\n" * 40_000
    block = Block(bytearray(bad), len(bad), False)
    assert watched.parser.parse(block) is None
    assert block.crowded
    small = Block(bytearray(bad), SMALL_ENOUGH, False)
    parsed = watched.parser.parse(small)
    assert parsed is not None and parsed.records == SMALL_ENOUGH // 4


@pytest.mark.parametrize("fast", [True, False])
def test_one_record_of_many_lines_crowds_nothing(fast: bool) -> None:
    watched = Watched()
    if not fast:
        watched.parser._kernel = None
    data = bytearray(b'"' + b"x\n" * 100_000 + b'",y\n')
    parsed = watched.parser.parse(Block(data, len(data), False, single=True))
    assert parsed is not None and parsed.rejects is not None
    assert (parsed.records, parsed.lines, len(parsed.rejects)) == (1, 100_001, 1)


def test_plain_rows_crowd_no_block() -> None:
    assert Watched().parse(b"a,1\n" * 200_000).records == 200_000


GOOD, TAKEN, BAD = b"a,1.5,2024-01-01\n", b"b,1e2,2024-01-02\n", b"c,x,2024-01-03\n"


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("at_odds", [False, True])
def test_odd_records_of_several_blocks_are_judged_at_once(
    monkeypatch: pytest.MonkeyPatch, threads: int, at_odds: bool
) -> None:
    judged, read = list[bytes](), CarefulReader.read

    def noted(self: CarefulReader, data: bytearray, length: int) -> Judged | None:
        judged.append(bytes(data[:length]))
        # Unless it sees whole blocks, it does not find the records that the kernel found.
        return None if at_odds and GOOD not in data else read(self, data, length)

    monkeypatch.setattr(CarefulReader, "read", noted)
    parts = [GOOD * 40, TAKEN, BAD, GOOD * 60, BAD, GOOD * 40, GOOD, TAKEN, TAKEN, GOOD * 30, BAD]
    data = b"id,amount,day\n" + b"".join(parts)
    outcome = load(data, tuning=Tuning(threads=threads, block_bytes=256))
    lines = data.decode().splitlines()
    assert [row[0] for row in outcome.rows or ()] == [line[0] for line in lines[1:] if line[0] != "c"]
    bad = [(number, line) for number, line in enumerate(lines, 1) if line[0] == "c"]
    assert [(row["line"], row["raw"]) for row in outcome.rejects] == bad
    assert [(row["record"] + 1, row["column"]) for row in outcome.rejects] == [(line, "amount") for line, _ in bad]
    assert judged[0] == TAKEN + BAD + BAD + TAKEN + TAKEN + BAD
    assert (len(judged) > 1) == at_odds
