"""Thrift's compact protocol, in which a Parquet file has its footer and its page index.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md

A struct is a dict of its fields by their ids, in the order of the ids: each a pair of the field's type and its value,
an int, a bool, bytes, a struct, or a List. What is read and written again unchanged is the same bytes. A struct that is
written may also be given as its bytes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

Struct = dict[int, tuple[int, Any]]

# The types of fields. A double is kept as its eight bytes; sets and maps are not in Parquet's metadata.
TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, STRUCT = 1, 2, 3, 4, 5, 6, 7, 8, 9, 12
_STOP = 0
_INTEGERS = frozenset({I16, I32, I64})
_LONGEST_SHORT_LIST = 14
_FURTHEST_SHORT_FIELD = 15


class List(NamedTuple):
    """Values of one type; of bools it is TRUE."""

    type: int
    values: list[Any]


def read_struct(data: bytes, at: int = 0) -> tuple[Struct, int]:
    """The struct that begins at a place in the data, and the place where it ends.

    Raises ValueError for a type that is none of these, and IndexError when the data end first.
    """
    found: Struct = {}
    field = 0
    while header := data[at]:
        at += 1
        kind = header & 15
        if header >> 4:
            field += header >> 4
        else:
            number, at = _varint(data, at)
            field = (number >> 1) ^ -(number & 1)
        if kind in (TRUE, FALSE):
            found[field] = (kind, kind == TRUE)
        else:
            value, at = _value(data, at, kind)
            found[field] = (kind, value)
    return found, at + 1


def write_struct(struct: Struct) -> bytes:
    """The bytes of a struct."""
    made = bytearray()
    _put_struct(made, struct)
    return bytes(made)


def _value(data: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind in _INTEGERS:
        number, at = _varint(data, at)
        return (number >> 1) ^ -(number & 1), at
    if kind == BINARY:
        length, at = _varint(data, at)
        return data[at : at + length], at + length
    if kind == STRUCT:
        return read_struct(data, at)
    if kind == LIST:
        return _list(data, at)
    if kind in (TRUE, FALSE, BYTE):  # a bool in a list is a byte
        return data[at], at + 1
    if kind == DOUBLE:
        return data[at : at + 8], at + 8
    raise ValueError(f"{kind} is no type of a field in Parquet's metadata")


def _list(data: bytes, at: int) -> tuple[List, int]:
    size, kind = data[at] >> 4, data[at] & 15
    at += 1
    if size > _LONGEST_SHORT_LIST:
        size, at = _varint(data, at)
    values = []
    for _ in range(size):
        value, at = _value(data, at, kind)
        values.append(value)
    return List(kind, values), at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    at += 1
    if byte < 0x80:
        return byte, at
    number, shift = byte & 0x7F, 7
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7


def _put_struct(made: bytearray, struct: Struct) -> None:
    last = 0
    for field, (kind, value) in struct.items():
        if 0 < field - last <= _FURTHEST_SHORT_FIELD:
            made.append((field - last) << 4 | kind)
        else:
            made.append(kind)
            _put_varint(made, field << 1 ^ field >> 63)
        last = field
        if kind not in (TRUE, FALSE):
            _put(made, kind, value)
    made.append(_STOP)


def _put(made: bytearray, kind: int, value: Any) -> None:
    if kind in _INTEGERS:
        _put_varint(made, value << 1 ^ value >> 63)
    elif kind == BINARY:
        _put_varint(made, len(value))
        made += value
    elif kind == STRUCT:
        if isinstance(value, bytes):
            made += value
        else:
            _put_struct(made, value)
    elif kind == LIST:
        if len(value.values) <= _LONGEST_SHORT_LIST:
            made.append(len(value.values) << 4 | value.type)
        else:
            made.append(15 << 4 | value.type)
            _put_varint(made, len(value.values))
        for each in value.values:
            _put(made, value.type, each)
    elif kind == DOUBLE:
        made += value
    else:
        made.append(value)


def _put_varint(made: bytearray, number: int) -> None:
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
