"""Files made to take memory: packed bombs, records without an end, bad rows without number, columns by the thousand.

Each is written from its first byte to its last, and nothing of it is held.
"""

from __future__ import annotations

import bz2
import gzip
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MB = 1_000_000
_PIECE = 1 << 20
_HEADER = b"id,amount,day\n"
_COLUMNS = {"id": "string", "amount": "decimal(10,2)", "day": "date"}
_GOOD_ROWS = 30_000
_GOOD = b"".join(b"G%08d,%d.25,2024-03-%02d\n" % (number, number, 1 + number % 28) for number in range(_GOOD_ROWS))
_WIDE = 5000
_RECORD = 4 * MB
_ZSTANDARD_BLOCK = 128 << 10


@dataclass(frozen=True)
class Hostile:
    """size: bytes of the whole file in the benchmark, unpacked. parts: of a file of about so many bytes.

    loaded, rejected: how many rows of it become what; None where that depends on the size. refused: whether it is.
    """

    size: int
    parts: Callable[[int], Iterator[bytes]]
    loaded: int | None = None
    rejected: int | None = None
    refused: bool = False
    suffix: str = ".csv"
    columns: dict[str, str] = field(default_factory=lambda: dict(_COLUMNS))


def write(name: str, path: Path, size: int | None = None) -> None:
    """Writes the file of this name, about `size` bytes of it instead of its own number."""
    hostile = HOSTILE[name]
    partial = path.with_name(path.name + ".partial")
    with _opened(partial, hostile.suffix) as out:
        for part in hostile.parts(hostile.size if size is None else size):
            out.write(part)
    os.replace(partial, path)


@contextmanager
def _opened(path: Path, suffix: str) -> Iterator[Any]:
    if suffix == ".csv.zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("rows.csv", "w") as out:
            yield out
        return
    opens: dict[str, Any] = {".csv.gz": gzip.open, ".csv.bz2": bz2.open}
    with opens.get(suffix, open)(path, "wb") as out:
        yield out


def _repeated(text: bytes, size: int) -> Iterator[bytes]:
    """At least one, and as many as there is room for, in large pieces."""
    count = max(size // len(text), 1)
    at_once = max(_PIECE // len(text), 1)
    piece = text * min(at_once, count)
    for _ in range(count // at_once):
        yield piece
    yield text * (count % at_once)


def _zeros(size: int) -> Iterator[bytes]:
    yield _HEADER
    yield from _repeated(b"\0", size)


def _zstandard(window_log: int) -> Callable[[int], Iterator[bytes]]:
    """Zeros as one frame of blocks that say `128 KiB of it`, by RFC 8878, sections 3.1.1.1 and 3.1.1.2."""

    def parts(size: int) -> Iterator[bytes]:
        yield b"\x28\xb5\x2f\xfd\x00" + bytes([(window_log - 10) << 3])
        yield (len(_HEADER) << 3).to_bytes(3, "little") + _HEADER
        block = _ZSTANDARD_BLOCK << 3 | 1 << 1
        yield from _repeated(block.to_bytes(3, "little") + b"\0", size // _ZSTANDARD_BLOCK * 4)
        yield (block | 1).to_bytes(3, "little") + b"\0"

    return parts


def _around(begin: bytes, repeated: bytes, end: bytes) -> Callable[[int], Iterator[bytes]]:
    """A header and a row, then what is repeated between a beginning and an end, then good rows."""

    def parts(size: int) -> Iterator[bytes]:
        yield _HEADER + b"first,1,2024-01-01\n" + begin
        yield from _repeated(repeated, size)
        yield end + _GOOD

    return parts


def _rows(*texts: bytes, header: bytes = _HEADER) -> Callable[[int], Iterator[bytes]]:
    def parts(size: int) -> Iterator[bytes]:
        yield header
        yield from _repeated(b"".join(texts), size)

    return parts


def _wide(*rows: bytes) -> Callable[[int], Iterator[bytes]]:
    return _rows(*rows, header=b",".join(b"c%d" % number for number in range(_WIDE)) + b"\n")


def _records(end: bytes) -> Callable[[int], Iterator[bytes]]:
    """Records of nearly as many bytes as one may have, in lines of two."""

    def parts(size: int) -> Iterator[bytes]:
        yield _HEADER
        for _ in range(max(size // _RECORD, 1)):
            yield b'"'
            yield from _repeated(b"x\n", _RECORD)
            yield end

    return parts


_WIDE_COLUMNS = {f"c{number}": "int" for number in range(_WIDE)}
_WIDE_ROW = b",".join(b"%d" % (number % 977) for number in range(_WIDE)) + b"\n"
_WIDE_BAD = b",".join(b"x%d" % number for number in range(_WIDE)) + b"\n"
_AROUND: dict[str, Any] = {"loaded": _GOOD_ROWS + 1, "rejected": 1}

HOSTILE: dict[str, Hostile] = {
    "zeros_gzip": Hostile(1 << 30, _zeros, 0, refused=True, suffix=".csv.gz"),
    "zeros_bzip2": Hostile(1 << 30, _zeros, 0, refused=True, suffix=".csv.bz2"),
    "zeros_zip": Hostile(1 << 30, _zeros, 0, refused=True, suffix=".csv.zip"),
    "zeros_zstandard": Hostile(1 << 30, _zstandard(26), 0, refused=True, suffix=".csv.zst"),
    "window_zstandard": Hostile(1 << 30, _zstandard(31), 0, 0, refused=True, suffix=".csv.zst"),
    "rows_bzip2": Hostile(300 * MB, _rows(b"a,1,2024-01-01\n"), 0, refused=True, suffix=".csv.bz2"),
    "long_line": Hostile(300 * MB, _around(b"", b"x", b"\n"), **_AROUND),
    "long_field": Hostile(100 * MB, _around(b'"', b"x", b'",1,2024-01-01\n'), **_AROUND),
    "long_record_of_lines": Hostile(100 * MB, _around(b'"', b"x\n", b'",1,2024-01-01\n'), **_AROUND),
    "long_record_of_quotes": Hostile(100 * MB, _around(b'"', b'""', b'",1,2024-01-01\n'), **_AROUND),
    "large_records": Hostile(100 * MB, _records(b'",1,2024-01-01\n'), rejected=0),
    "large_bad_records": Hostile(100 * MB, _records(b'",x,2024-01-01\n'), 0, refused=True),
    "open_quote": Hostile(63 * MB, _rows(b"a,1,xx\n", header=_HEADER + b'"never closed,1,\n'), 0, refused=True),
    "short_rejects": Hostile(20 * MB, _rows(b"x\n"), 0, refused=True),
    "other_rejects": Hostile(
        20 * MB, _rows(b"".join(b"a,x%05d,y\n" % number for number in range(100_000))), 0, refused=True
    ),
    "wide": Hostile(100 * MB, _wide(_WIDE_ROW), rejected=0, columns=_WIDE_COLUMNS),
    "wide_bad": Hostile(50 * MB, _wide(_WIDE_ROW * 8 + _WIDE_BAD + b"1,2\n" * 3), columns=_WIDE_COLUMNS),
    "wide_short": Hostile(5 * MB, _wide(_WIDE_ROW + b"1\n" * 500_000), columns=_WIDE_COLUMNS),
}
