"""Whether bytes are UTF-8, as Arrow and Python both have it (RFC 3629)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def block_is_utf8(data: bytearray, length: int) -> bool:
    """Whether data[:length] is, without a copy of it."""
    if data.isascii():
        return True
    octets = np.frombuffer(data, np.uint8, length)
    ends = np.array([0, length], np.int32)
    return all_utf8(pa.Array.from_buffers(pa.binary(), 1, [None, pa.py_buffer(ends), pa.py_buffer(octets)]))


def all_utf8(texts: Any) -> bool:
    """Whether every value of a binary or string array is; a string array may hold unchecked bytes."""
    try:
        pa.Array.from_buffers(pa.binary(), len(texts), texts.buffers(), texts.null_count, texts.offset).cast(
            pa.string()
        )
    except pa.ArrowInvalid:
        return False
    return True


def utf8_rows(texts: Any) -> npt.NDArray[np.bool_]:
    """Which values of a binary array without nulls are."""
    if all_utf8(texts):
        return np.ones(len(texts), bool)
    return np.array([is_utf8(text) for text in texts.to_pylist()], bool)
