r"""Text in other encodings, turned into UTF-8 as it is read.

A byte that the encoding does not know becomes a character that no UTF-8 can hold, the surrogate U+DC00 + byte in three
bytes: its row is rejected like one that is not UTF-8, alone, and the byte is shown again as \xNN.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable

_UNDECODABLE, _SHOWN = "lakelanes.undecodable", "lakelanes.shown"
_FIRST = 0xDC00
_NOT_FOR_FILES = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"})


def normalised_encoding(name: str) -> str:
    """Python's own name of a text encoding; utf-8 with a byte order mark is utf-8.

    Raises ValueError for what Python does not know, or cannot decode piece by piece.
    """
    try:
        codec = codecs.lookup(name)
        b"text".decode(name, "replace")
    except (LookupError, UnicodeError, TypeError, ValueError):
        raise ValueError(f"encoding is {name!r}, expected the name of a text encoding, e.g. cp1252 or utf-16") from None
    if codec.name.replace("_", "-") in _NOT_FOR_FILES or codec.incrementaldecoder is None:
        raise ValueError(f"encoding is {name!r}, which is no encoding of files")
    return "utf-8" if codec.name == "utf-8-sig" else codec.name


class Transcoder:
    """Reads bytes in an encoding and gives them in UTF-8."""

    def __init__(self, read: Callable[[int], bytes], encoding: str) -> None:
        self._read = read
        self._decoder = codecs.getincrementaldecoder(encoding)(_UNDECODABLE)
        self._pending = b""
        self._ended = False

    def read(self, size: int) -> bytes:
        """1 to `size` bytes, none at the end."""
        while not self._pending and not self._ended:
            data = self._read(size)
            self._ended = not data
            self._pending = self._decoder.decode(data, self._ended).encode("utf-8", "surrogatepass")
        data, self._pending = self._pending[:size], self._pending[size:]
        return data


def shown(data: bytes | bytearray, encoding: str) -> str:
    """Transcoded bytes as text for people; bytes that the encoding does not know appear as \\xNN."""
    return data.decode("utf-8", "backslashreplace" if encoding == "utf-8" else _SHOWN)


def undecodable(data: bytes, start: int, encoding: str) -> str:
    """What is wrong with transcoded bytes that are not UTF-8 from `start` on."""
    byte = data[start] if encoding == "utf-8" else _original(data, start)
    return f"byte 0x{byte:02x} is not valid {'UTF-8' if encoding == 'utf-8' else encoding}"


def _original(data: bytes, start: int) -> int:
    """The byte that became the surrogate at `start`."""
    return ord(data[start : start + 3].decode("utf-8", "surrogatepass")) - _FIRST


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    # Byte by byte, so that no line end is swallowed; UTF-16 and UTF-32 would go on between two characters then.
    end = error.end if error.encoding.startswith("utf") else error.start + 1
    return "".join(chr(_FIRST + byte) for byte in error.object[error.start : end]), end


def _show(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    try:
        return f"\\x{_original(error.object, error.start):02x}", error.start + 3
    except (UnicodeDecodeError, TypeError):
        # Not a mark, or a part of one: a record that was cut there.
        return f"\\x{error.object[error.start]:02x}", error.start + 1


codecs.register_error(_UNDECODABLE, _mark)
codecs.register_error(_SHOWN, _show)
