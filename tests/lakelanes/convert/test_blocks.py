"""A source comes back whole, in blocks that end with a record as far as can be told."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.convert import Dialect
from lakelanes.convert.blocks import SMALL_ENOUGH, Block, BlockReader
from lakelanes.convert.rejects import RAW_BYTES
from lakelanes.convert.source import ByteSource
from tests.lakelanes.convert.generated import structure
from tests.support.properties import examples


def reader(data: bytes, block_bytes: int = 16) -> BlockReader:
    return BlockReader(ByteSource(io.BytesIO(data)), Dialect(), block_bytes)


def blocks(of: BlockReader) -> list[Block]:
    return list(iter(of.next_block, None))


@examples(100)
@given(text=structure, block_bytes=st.integers(1, 40), recycled=st.booleans())
def test_the_blocks_are_the_source(text: str, block_bytes: int, recycled: bool) -> None:
    whole, found = reader(text.encode(), block_bytes), []
    while (block := whole.next_block()) is not None:
        found.append(bytes(block.data[: block.length]))
        if recycled:
            whole.recycle(block)
    assert b"".join(found) == text.encode()
    assert all(found), "no block is empty"


def test_a_block_ends_with_a_line_outside_quotes() -> None:
    found = blocks(reader(b'a,b\nc,"d\ne\nf"\n' * 50, 30))
    texts = [bytes(block.data[: block.length]) for block in found]
    assert len(texts) > 10
    assert all(text.endswith(b"\n") and text.count(b'"') % 2 == 0 for text in texts)
    assert [block.final for block in found] == [False] * (len(found) - 1) + [True]


def test_a_record_longer_than_a_block_comes_alone() -> None:
    record = b'"' + b"x\n" * 100 + b'"\n'
    found = blocks(reader(b"a\n" + record + b"b\nc\n", 16))
    assert [bytes(block.data[: block.length]) for block in found] == [b"a\n", record, b"b\nc\n"]
    assert [block.single for block in found] == [False, True, False]


@pytest.mark.parametrize("misleading", [False, True])
def test_a_quote_that_misleads_the_guess_costs_no_long_block(misleading: bool) -> None:
    """A single quote in a row makes all line ends after it look quoted."""
    whole = reader(b'5" pipe,1\n' + b"good,1\n" * 1000, 64)
    if misleading:
        whole.distrust()
    found = blocks(whole)
    assert b"".join(bytes(block.data[: block.length]) for block in found).count(b"good") == 1000
    assert max(block.length for block in found) <= 128


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r", b""])
@pytest.mark.parametrize(
    ("record", "lines"), [(b"x" * 999, 1), (b'"' + b"x\n" * 400 + b'"', 401), (b'"' + b'x"" ' * 300 + b'", ' * 9, 1)]
)
def test_a_record_that_is_too_long_is_read_over(
    monkeypatch: pytest.MonkeyPatch, record: bytes, lines: int, line_end: bytes
) -> None:
    monkeypatch.setattr("lakelanes.convert.blocks.MAX_RECORD_BYTES", 64)
    after = b"a,b\n" if line_end else b""
    whole = reader(b"1\n" + record + line_end + after, 16)
    first, block = whole.next_block(), whole.next_block()
    assert first is not None and block is not None and block.oversized and block.large
    assert (block.start, block.length) == (2, 64)
    found = whole.read_rest(block)
    assert (found.size, found.ended, found.head) == (len(record), True, record[:64])
    assert (found.lines, found.several_lines) == (lines - (line_end == b""), lines > 1)
    assert b"".join(bytes(block.data[: block.length]) for block in blocks(whole)) == after


def test_a_long_record_that_does_not_end_is_told_with_where_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakelanes.convert.blocks.MAX_RECORD_BYTES", 64)
    data = b"1\n" + b'"' + b"x\n" * 400
    whole = reader(data, 16)
    whole.next_block()
    block = whole.next_block()
    assert block is not None
    found = whole.read_rest(block)
    assert (found.ended, found.in_quotes, whole.exhausted) == (False, True, True)
    again = reader(data, 16)
    again.skip_bytes(block.start)
    assert b"".join(bytes(block.data[: block.length]) for block in blocks(again)) == data[2:]


def test_smaller_blocks_come_on_request_for_a_while() -> None:
    whole = reader(b"1\n" * (1 << 20), 1 << 20)
    assert [len_of(whole) for _ in range(2)] == [128 << 10, 1 << 20]
    whole.make_smaller()
    sizes = [len_of(whole) for _ in range(14)]
    assert set(sizes[:-1]) == {64 << 10}
    assert max(sizes) <= SMALL_ENOUGH


def len_of(whole: BlockReader) -> int:
    block = whole.next_block()
    assert block is not None
    return block.length


@pytest.mark.parametrize(("data", "rest"), [(b"\xef\xbb\xbfa\n", b"a\n"), (b"\xef\xbb", b"\xef\xbb"), (b"", b"")])
def test_a_byte_order_mark_is_left_out(data: bytes, rest: bytes) -> None:
    whole = reader(data)
    whole.skip_mark(b"\xef\xbb\xbf")
    assert b"".join(bytes(block.data[: block.length]) for block in blocks(whole)) == rest


def test_what_is_pushed_back_comes_again_in_front_of_the_rest() -> None:
    whole = reader(b"1\n2\n3\n4\n5\n6\n7\n8\n9\n", 4)
    first, second = whole.next_block(), whole.next_block()
    assert first is not None and second is not None
    whole.push_back([first, second], 2)
    rest = b"".join(bytes(block.data[: block.length]) for block in blocks(whole))
    assert rest == b"2\n3\n4\n5\n6\n7\n8\n9\n"


@pytest.mark.parametrize("block_bytes", [3, 5, 100])
@pytest.mark.parametrize(("count", "skipped", "rest"), [(0, 0, b"a\r\nb\rc\nd"), (2, 2, b"c\nd"), (9, 4, b"")])
def test_lines_are_skipped_whatever_ends_them(count: int, skipped: int, rest: bytes, block_bytes: int) -> None:
    whole = reader(b"a\r\nb\rc\nd", block_bytes)
    assert whole.skip_lines(count) == skipped
    assert b"".join(bytes(block.data[: block.length]) for block in blocks(whole)) == rest


@pytest.mark.parametrize("block_bytes", [1, 3, 100])
def test_the_rest_comes_as_lines(block_bytes: int) -> None:
    [(lines, last)] = reader(b'a\n"b\r\n\nc', block_bytes).lines()
    assert (lines, last) == ([b"a", b'"b', b"", b"c"], 1)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r", b""])
@pytest.mark.parametrize("size", [RAW_BYTES - 1, RAW_BYTES, RAW_BYTES + 1, RAW_BYTES + 2, RAW_BYTES + 3, 5 * RAW_BYTES])
def test_of_a_long_line_the_beginning_comes_and_its_size(size: int, line_end: bytes) -> None:
    data = b"a\n" + b"x" * size + line_end + (b"b" if line_end else b"")
    found = []
    for lines, last in reader(data, 1000).lines():
        found += [(line, len(line)) for line in lines[:-1]] + [(lines[-1], last)]
    assert [(line[:1], count) for line, count in found] == [(b"a", 1), (b"x", size), (b"b", 1)][: 3 if line_end else 2]
    assert found[1][0][:RAW_BYTES] == b"x" * min(size, RAW_BYTES)
    assert len(found[1][0]) <= RAW_BYTES + 3
