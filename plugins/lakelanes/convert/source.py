"""The bytes of a source file: plain or compressed, recognised by their first bytes and never by the file's name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from lakelanes.convert.errors import UnreadableSourceError
from lakelanes.convert.signatures import HEAD_BYTES, format_of
from lakelanes.convert.transcode import Transcoder, encoding_of, marked_encoding
from lakelanes.convert.unpack import packing_of, unpacker

_COMPRESSED_CHUNK = 256 << 10


class Readable(Protocol):
    """What a source has to offer: read(n) gives at most n bytes, and none at the end."""

    def read(self, size: int, /) -> Any: ...


Filter = Callable[[Callable[[int], bytes]], Readable]


class ByteSource:
    """A source's uncompressed bytes, in order, in UTF-8 whatever `encoding` they have.

    foreign: the name of a format that cannot be read as CSV text, when the first bytes are of one, or the first that
    come out of the packing, else None; with what to do about it.
    misread: why the first bytes show that they are not in `encoding`, else None. encoding: what they are read as, which
    is then what they show.
    filters: what else the bytes go through, one after the other, in UTF-8.
    """

    def __init__(self, raw: Readable, encoding: str = "utf-8", filters: Sequence[Filter] = ()) -> None:
        self._raw = raw
        self._head = b""
        while len(self._head) < HEAD_BYTES and (more := raw.read(HEAD_BYTES - len(self._head))):
            self._head += bytes(more)
        packing = packing_of(self._head)
        self.foreign = format_of(self._head)
        unpacked = _Peeked(unpacker(packing, self._read_raw).read, HEAD_BYTES) if packing else None
        head = unpacked.head if unpacked else self._head
        if self.foreign is None and packing:
            self.foreign = _format_inside(head, packing)
        self.encoding, self.misread = encoding_of(b"" if self.foreign else head, encoding)
        self._read: Callable[[int], bytes] | None = unpacked.read if unpacked else None
        if self.encoding != "utf-8":
            marked = marked_encoding(head) == self.encoding
            self._read = Transcoder(self._read or self._read_plain, self.encoding, marked=marked).read
        for through in () if self.foreign else filters:
            self._read = through(self._read or self._read_plain).read
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


def _format_inside(head: bytes, packing: str) -> str | None:
    """What a packed file is whose content begins so, with what to do; None if that is text."""
    if (found := format_of(head)) is not None:
        return f"packed with {packing}, and inside it is {found}"
    if (inner := packing_of(head)) is not None:
        return f"packed twice, with {inner} inside {packing} (pack it once)"
    return None


class _Peeked:
    """A reader whose first bytes are known before they are read. What reading them raises comes in its turn."""

    def __init__(self, read: Callable[[int], bytes], count: int) -> None:
        self._read = read
        self._failure: str | None = None
        self.head = b""
        try:
            while len(self.head) < count and (more := read(count - len(self.head))):
                self.head += more
        except UnreadableSourceError as failure:
            self._failure = str(failure)
        self._rest = self.head

    def read(self, size: int) -> bytes:
        if self._rest:
            data, self._rest = self._rest[:size], self._rest[size:]
            return data
        if self._failure is not None:
            raise UnreadableSourceError(self._failure)
        return self._read(size)
