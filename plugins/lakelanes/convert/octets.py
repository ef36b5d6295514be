"""How often an octet is in a block: compiled where there is a library for this machine, else by numpy."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from lakelanes.native.library import native

_PIECE = 64 << 10


def count_octet(data: bytes | bytearray, length: int, octet: int) -> int:
    """How many bytes of data[:length] are this octet."""
    octets = np.frombuffer(data, np.uint8, length)
    compiled = _compiled()
    return count_by_numpy(octets, octet) if compiled is None else compiled(octets.ctypes.data, length, octet)


def count_by_numpy(octets: Any, octet: int) -> int:
    # In pieces that stay in the processor's cache.
    pieces = (octets[at : at + _PIECE] for at in range(0, octets.size, _PIECE))
    return sum(int(np.count_nonzero(piece == octet)) for piece in pieces)


@cache
def _compiled() -> Callable[[int, int, int], int] | None:
    found = native("kernel", {})
    if found is None:
        return None
    count: Any = found.library.lakelanes_count
    count.restype = ctypes.c_int64
    count.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32]
    return count  # type: ignore[no-any-return]
