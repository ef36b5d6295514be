"""The bytes of a source file: plain or compressed, recognised by their first bytes and never by the file's name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from lakelanes.convert.errors import UnreadableSourceError
from lakelanes.convert.signatures import HEAD_BYTES, format_of
from lakelanes.convert.transcode import Transcoder, encoding_of, marked_encoding
from lakelanes.convert.unpack import packing_of, unpacker

# Small enough that what a full ratio makes of it takes no second.
_COMPRESSED_CHUNK = 64 << 10
UNPACKED_FREELY = 256 << 20
"""So many bytes may come of any packed file, whatever its ratio: they take a second or two."""
HEAD_UNPACKED = 4 << 20
"""How much of a file that unpacks too far is rejected row by row."""


class Readable(Protocol):
    """What a source has to offer: read(n) gives at most n bytes, and none at the end."""

    def read(self, size: int, /) -> Any: ...


Filter = Callable[[Callable[[int], bytes]], Readable]


class ByteSource:
    """A source's uncompressed bytes, in order, in UTF-8 whatever `encoding` they have.

    foreign: the name of a format that cannot be read as CSV text, when the first bytes are of one, or the first that
    come out of the packing, else None; with what to do about it.
    max_ratio: reading a packed source ends with UnreadableSourceError when more than UNPACKED_FREELY came of it, and
    more than so many times those that were read for them; unpacks_too_far then. head_only: it ends after HEAD_UNPACKED.
    misread: why the first bytes show that they are not in `encoding`, else None. encoding: what they are read as, which
    is then what they show.
    filters: what else the bytes go through, one after the other, in UTF-8.
    """

    def __init__(
        self,
        raw: Readable,
        encoding: str = "utf-8",
        filters: Sequence[Filter] = (),
        *,
        max_ratio: int | None = None,
        head_only: bool = False,
    ) -> None:
        self._raw = raw
        self._max_ratio, self._head_only = max_ratio, head_only
        self._packed_bytes = self._unpacked_bytes = 0
        self.unpacks_too_far = False
        self._head = b""
        while len(self._head) < HEAD_BYTES and (more := raw.read(HEAD_BYTES - len(self._head))):
            self._head += bytes(more)
        packing = packing_of(self._head)
        self.foreign = format_of(self._head)
        self._packed = unpacker(packing, self._read_raw) if packing else None
        unpacked = _Peeked(self._read_unpacked, HEAD_BYTES) if packing else None
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
        data = head or bytes(self._raw.read(_COMPRESSED_CHUNK))
        self._packed_bytes += len(data)
        return data

    def _read_unpacked(self, size: int) -> bytes:
        assert self._packed is not None
        if self._head_only and self._unpacked_bytes >= HEAD_UNPACKED:
            raise UnreadableSourceError(f"only the first {HEAD_UNPACKED >> 20} MiB are read")
        allowed = max(UNPACKED_FREELY, (self._max_ratio or 0) * self._packed_bytes)
        if self._max_ratio is not None and self._unpacked_bytes > allowed:
            self.unpacks_too_far = True
            raise UnreadableSourceError(
                f"the file unpacks to more than {self._max_ratio} times its bytes: {self._packed_bytes} became "
                f"{self._unpacked_bytes}; if that is right, raise max_compression_ratio"
            )
        data = self._packed.read(size)
        self._unpacked_bytes += len(data)
        return data


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
