"""The bytes of a source file: plain or compressed, recognised by their first bytes and never by the file's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from lakelanes.convert.transcode import Transcoder
from lakelanes.convert.unpack import MAGIC_BYTES, unpacker

_COMPRESSED_CHUNK = 256 << 10
_FOREIGN = {
    b"\xfd7zX": "xz",
    b"PAR1": "Parquet",
}
_FOREIGN_TO_UTF8 = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


class Readable(Protocol):
    """What a source has to offer: read(n) gives at most n bytes, and none at the end."""

    def read(self, size: int, /) -> Any: ...


class ByteSource:
    """A source's uncompressed bytes, in order, in UTF-8 whatever `encoding` they have.

    foreign: the name of a format that cannot be read as CSV text, when the first bytes are of one, else None.
    """

    def __init__(self, raw: Readable, encoding: str = "utf-8") -> None:
        self._raw = raw
        self._head = b""
        while len(self._head) < MAGIC_BYTES and (more := raw.read(MAGIC_BYTES - len(self._head))):
            self._head += bytes(more)
        foreign = _FOREIGN | (_FOREIGN_TO_UTF8 if encoding == "utf-8" else {})
        self.foreign = next((name for magic, name in foreign.items() if self._head.startswith(magic)), None)
        packed = unpacker(self._head, self._read_raw)
        self._read: Callable[[int], bytes] | None = packed.read if packed else None
        if encoding != "utf-8":
            self._read = Transcoder(self._read or self._read_plain, encoding).read
        self._read_into = None if self._read else getattr(raw, "readinto", None)

    def read_into(self, view: memoryview) -> int:
        """Fills the view from its start with at least one byte and returns how many; 0 at the end.

        Raises UnreadableSourceError when compressed bytes end early or are damaged.
        """
        if self._head and not self._read:
            count = min(len(self._head), len(view))
            view[:count] = self._head[:count]
            self._head = self._head[count:]
            return count
        if self._read_into is not None:
            return int(self._read_into(view) or 0)
        data = (self._read or self._raw.read)(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        close = getattr(self._raw, "close", None)
        if close is not None:
            close()

    def _read_plain(self, size: int) -> bytes:
        head, self._head = self._head[:size], self._head[size:]
        return head or bytes(self._raw.read(size))

    def _read_raw(self) -> bytes:
        head, self._head = self._head, b""
        return head or bytes(self._raw.read(_COMPRESSED_CHUNK))
