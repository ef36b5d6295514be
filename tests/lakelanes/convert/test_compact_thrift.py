"""The compact protocol, by its specification and by what pyarrow writes."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.convert.compact_thrift import (
    BINARY,
    BYTE,
    DOUBLE,
    FALSE,
    I16,
    I32,
    I64,
    LIST,
    STRUCT,
    TRUE,
    List,
    Struct,
    read_struct,
    write_struct,
)
from tests.support.properties import examples

SIMPLE: dict[int, st.SearchStrategy[Any]] = {
    BYTE: st.integers(0, 255),
    I16: st.integers(-(1 << 15), (1 << 15) - 1),
    I32: st.integers(-(1 << 31), (1 << 31) - 1),
    I64: st.integers(-(1 << 63), (1 << 63) - 1),
    DOUBLE: st.binary(min_size=8, max_size=8),
    BINARY: st.binary(max_size=200),
}


def fields(values: st.SearchStrategy[tuple[int, Any]]) -> st.SearchStrategy[Struct]:
    bools = st.booleans().map(lambda value: (TRUE if value else FALSE, value))
    ids = st.integers(1, 40) | st.integers(1, 32767)
    return st.dictionaries(ids, values | bools, max_size=6).map(lambda found: dict(sorted(found.items())))


def lists(kinds: dict[int, st.SearchStrategy[Any]]) -> st.SearchStrategy[List]:
    return st.sampled_from(sorted(kinds)).flatmap(
        lambda kind: st.lists(kinds[kind], max_size=20).map(lambda values: List(kind, values))
    )


def structs(depth: int) -> st.SearchStrategy[Struct]:
    kinds = dict(SIMPLE)
    if depth:
        kinds |= {STRUCT: structs(depth - 1), LIST: lists({**SIMPLE, STRUCT: structs(depth - 1)})}
    one = st.sampled_from(sorted(kinds)).flatmap(lambda kind: kinds[kind].map(lambda value: (kind, value)))
    return fields(one)


@examples(150)
@given(structs(2), st.binary(max_size=3))
def test_what_is_written_is_read_again(struct: Struct, before: bytes) -> None:
    data = write_struct(struct)
    assert read_struct(before + data + b"more", len(before)) == (struct, len(before) + len(data))


@pytest.mark.parametrize(
    ("struct", "data"),
    [
        ({}, "00"),
        ({1: (I32, 0)}, "15 00 00"),
        ({1: (I32, -1), 2: (I64, 150)}, "15 01 16 ac02 00"),
        # More than 15 further on, the field has its own number.
        ({1: (TRUE, True), 17: (FALSE, False)}, "11 02 22 00"),
        ({3: (BINARY, b"ab")}, "38 02 6162 00"),
        ({1: (LIST, List(I32, [1] * 14))}, "19 e5" + " 02" * 14 + " 00"),
        ({1: (LIST, List(I32, [1] * 15))}, "19 f5 0f" + " 02" * 15 + " 00"),
        # A bool in a list is a byte.
        ({1: (LIST, List(TRUE, [1, 2]))}, "19 21 01 02 00"),
        ({1: (STRUCT, {2: (BYTE, 7)}), 4: (DOUBLE, bytes(8))}, "1c 23 07 00 37 0000000000000000 00"),
    ],
)
def test_it_is_the_protocol_of_the_specification(struct: Struct, data: str) -> None:
    assert write_struct(struct) == bytes.fromhex(data)
    assert read_struct(bytes.fromhex(data)) == (struct, len(bytes.fromhex(data)))


def test_a_struct_may_be_given_as_its_bytes() -> None:
    inner: Struct = {1: (I32, 5)}
    as_bytes: Struct = {2: (STRUCT, write_struct(inner))}
    assert write_struct(as_bytes) == write_struct({2: (STRUCT, inner)})


def test_a_footer_of_pyarrow_is_the_same_bytes_again() -> None:
    made = pa.BufferOutputStream()
    table = pa.table({"text": ["a", None, "ü"] * 50, "numbers": [[1], [], None] * 50, "real": [0.5, -1.0, None] * 50})
    pq.write_table(table, made, row_group_size=20, write_page_index=True)
    data = made.getvalue().to_pybytes()
    footer = data[-8 - int.from_bytes(data[-8:-4], "little") : -8]
    struct, end = read_struct(footer)
    assert (end, write_struct(struct)) == (len(footer), footer)
    assert len(struct[4][1].values) == 8


@pytest.mark.parametrize(
    ("data", "error"), [(b"\x1d\x00", ValueError), (b"\x15", IndexError), (b"\x16\x80", IndexError)]
)
def test_what_is_no_struct_is_not_read(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_struct(data)
