"""A source comes back whole, in blocks that end with a record as far as can be told."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.convert import Dialect
from lakelanes.convert.blocks import MAX_RECORD_BYTES, Block, BlockReader
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


def test_a_record_without_an_end_comes_as_an_oversized_block() -> None:
    first = reader(b'"' + b"x" * (MAX_RECORD_BYTES + 100), 1 << 20).next_block()
    assert first is not None and first.oversized and first.length >= MAX_RECORD_BYTES


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
    lines = [line for some in reader(b'a\n"b\r\n\nc', block_bytes).lines() for line in some]
    assert lines == [b"a", b'"b', b"", b"c"]
