"""Whether bytes are UTF-8 is answered alike for one text, for a block and for columns."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lakelanes.convert.utf8 import all_utf8, block_is_utf8, is_utf8, utf8_rows
from tests.support.properties import examples

CASES = [b"", b"plain", "Zoë 日本 😀".encode(), b"\xff", b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"]


@examples(100)
@given(texts=st.lists(st.sampled_from(CASES) | st.binary(max_size=5), max_size=6))
@example(CASES)
def test_columns_and_blocks_agree_with_python(texts: list[bytes]) -> None:
    expected = [is_utf8(text) for text in texts]
    array = pa.array(texts, pa.binary())
    assert utf8_rows(array).tolist() == expected
    assert all_utf8(array) == all(expected)
    assert [block_is_utf8(bytearray(text) + b"\xff", len(text)) for text in texts] == expected


@pytest.mark.parametrize("text", CASES)
def test_a_slice_is_asked_about_its_own_values_alone(text: bytes) -> None:
    array = pa.array([b"\xff", text, b"\xff"], pa.binary())
    assert all_utf8(array.slice(1, 1)) == is_utf8(text)


def test_a_string_array_of_unchecked_bytes_is_checked() -> None:
    binary = pa.array([b"a", None, b"\xff"], pa.binary())
    unchecked = pa.Array.from_buffers(pa.string(), 3, binary.buffers())
    assert not all_utf8(unchecked)
    assert all_utf8(unchecked.slice(0, 2))
