"""The bytes of a source file: plain or gzip, told apart by their first bytes and never by the file's name."""

from __future__ import annotations

import zlib
from typing import Any, Protocol

from lakelanes.convert.errors import UnreadableSourceError

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31
_COMPRESSED_CHUNK = 256 << 10
_FOREIGN = {
    b"BZh": "bzip2",
    b"PK\x03\x04": "zip",
    b"\x28\xb5\x2f\xfd": "zstandard",
    b"\xfd7zX": "xz",
    b"PAR1": "Parquet",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


class Readable(Protocol):
    """What a source has to offer: read(n) gives at most n bytes, and none at the end."""

    def read(self, size: int, /) -> Any: ...


class ByteSource:
    """A source's uncompressed bytes, in order.

    foreign: the name of a format that cannot be read as CSV text, when the first bytes are of one, else None.
    """

    def __init__(self, raw: Readable) -> None:
        self._raw = raw
        self._head = b""
        while len(self._head) < 4 and (more := raw.read(4 - len(self._head))):
            self._head += bytes(more)
        self.foreign = next((name for magic, name in _FOREIGN.items() if self._head.startswith(magic)), None)
        self._gzip = _Gzip(self._read_raw) if self._head.startswith(_GZIP_MAGIC) else None
        self._read_into = None if self._gzip else getattr(raw, "readinto", None)

    def read_into(self, view: memoryview) -> int:
        """Fills the view from its start with at least one byte and returns how many; 0 at the end.

        Raises UnreadableSourceError when compressed bytes end early or are damaged.
        """
        if self._head and not self._gzip:
            count = min(len(self._head), len(view))
            view[:count] = self._head[:count]
            self._head = self._head[count:]
            return count
        if self._read_into is not None:
            return int(self._read_into(view) or 0)
        data = self._gzip.read(len(view)) if self._gzip else self._raw.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        close = getattr(self._raw, "close", None)
        if close is not None:
            close()

    def _read_raw(self) -> bytes:
        head, self._head = self._head, b""
        return head or bytes(self._raw.read(_COMPRESSED_CHUNK))


class _Gzip:
    """Gzip members one after the other, as RFC 1952 allows; zeros after the last one are padding."""

    def __init__(self, read_raw: Any) -> None:
        self._read_raw = read_raw
        self._member = zlib.decompressobj(_GZIP_WINDOW)
        self._pending = b""

    def read(self, size: int) -> bytes:
        while True:
            if self._member.eof:
                self._pending = (self._member.unused_data or self._pending).lstrip(b"\0")
                while not self._pending and (more := self._read_raw()):
                    self._pending = more.lstrip(b"\0")
                if not self._pending:
                    return b""
                self._member = zlib.decompressobj(_GZIP_WINDOW)
            chunk = self._pending or self._read_raw()
            if not chunk:
                raise UnreadableSourceError("the gzip data ends early: the file was cut off")
            try:
                data = self._member.decompress(chunk, size)
            except zlib.error as error:
                raise UnreadableSourceError(f"the gzip data is damaged: {error}") from None
            self._pending = self._member.unconsumed_tail
            if data:
                return data
