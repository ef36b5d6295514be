"""What of a compiled library the loader reads: the names of the libraries that it needs.

https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.dynamic.html, for files of 64 bits in little-endian order.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_LOAD, _DYNAMIC = 1, 2
_NEEDED, _STRINGS = 1, 5


def needed(library: bytes) -> set[str]:
    """The libraries that this one asks the loader for (DT_NEEDED)."""
    assert library[:6] == b"\x7fELF\x02\x01"
    headers = list(_program_headers(library))
    [(start, _, size)] = [place for kind, *place in headers if kind == _DYNAMIC]
    entries = list(struct.iter_unpack("<QQ", library[start : start + size]))
    [table] = [value for tag, value in entries if tag == _STRINGS]
    # It is given as an address in memory.
    [(offset, address, _)] = [place for kind, *place in headers if kind == _LOAD and 0 <= table - place[1] < place[2]]
    names = [table - address + offset + value for tag, value in entries if tag == _NEEDED]
    return {library[name : library.index(b"\0", name)].decode() for name in names}


def _program_headers(library: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Kind, offset in the file, address and size of each segment."""
    [first] = struct.unpack_from("<Q", library, 32)
    size, count = struct.unpack_from("<HH", library, 54)
    for number in range(count):
        kind, _, offset, address, _, filled = struct.unpack_from("<IIQQQQ", library, first + number * size)
        yield kind, offset, address, filled
