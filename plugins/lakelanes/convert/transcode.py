r"""Text in other encodings, turned into UTF-8 as it is read.

A byte that the encoding does not know becomes a character that no UTF-8 can hold, the surrogate U+DC00 + byte in three
bytes: its row is rejected like one that is not UTF-8, alone, and the byte is shown again as \xNN.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

from lakelanes.convert.errors import UnreadableSourceError

_UNDECODABLE, _SHOWN = "lakelanes.undecodable", "lakelanes.shown"
_FIRST = 0xDC00
_NOT_FOR_FILES = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"})

# https://www.unicode.org/versions/Unicode16.0.0/core-spec/chapter-2/#G19273, the longer ones first.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
# Delimiters and digits are below U+0100 in any script: of the first line at least one character in eight.
_ONE_IN = 8
_FIRST_LINE = re.compile(r"[^\r\n]*")
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def marked_encoding(head: bytes) -> str | None:
    """The encoding that a byte order mark says; None without one."""
    return next((encoding for mark, encoding in _MARKS.items() if head.startswith(mark)), None)


def wide_encoding(head: bytes) -> str | None:
    """Which UTF-16 or UTF-32 a text without a mark is in, as its first bytes show; None for other text.

    Its first line has characters below U+0100, whose other bytes are zero, and ends with such a one: so a text in
    another encoding whose rows have zeros (U+0000) is not taken for it.
    """
    for encoding in _WIDE:
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(head)
        except UnicodeDecodeError:
            continue
        text = text.lstrip("\r\n")
        line = str(_FIRST_LINE.match(text)[0])  # type: ignore[index]
        plain = sum(" " <= character < "\u0100" or character == "\t" for character in line)
        ends = len(line) < len(text) or not (b"\n" in head or b"\r" in head)
        if ends and plain and plain * _ONE_IN >= len(line) > 1:
            return encoding
    return None


def encoding_of(head: bytes, encoding: str) -> tuple[str, str | None]:
    """The encoding of text with these first bytes, its byte order included, and why it is not the one expected.

    utf-16 and utf-32 leave the byte order to the mark, and are little-endian without one.
    """
    marked, order_is_open = marked_encoding(head), encoding in ("utf-16", "utf-32")
    if marked is not None:
        if marked == encoding or (order_is_open and marked.startswith(encoding)):
            return marked, None
        name = marked.removesuffix("-le").removesuffix("-be")
        setting = marked if encoding.startswith(name) else name
        return marked, (
            f"looks like {name.upper()}: it begins with the byte order mark of {marked}, "
            f"but dialect.encoding is {encoding!r}; set it to {setting!r}"
        )
    zeros = 1 if encoding == "utf-16" else 3
    if order_is_open and head[:zeros] == bytes(zeros) and head[zeros : zeros + 1] > b"\0":
        return f"{encoding}-be", (
            f"looks like {encoding}-be: its first byte is zero, and without a byte order mark {encoding} is "
            f"little-endian; set dialect.encoding to '{encoding}-be'"
        )
    expected = f"{encoding}-le" if order_is_open else encoding
    if b"\0" in head and (found := wide_encoding(head)) not in (None, expected):
        assert found is not None
        zero = "every other byte is zero" if found.startswith("utf-16") else "three of four bytes are zero"
        return found, (
            f"looks like {found[:6].upper()} without a byte order mark: {zero} where characters are plain, "
            f"but dialect.encoding is {encoding!r}; set it to {found!r}"
        )
    return expected, None


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
    """Reads bytes in an encoding and gives them in UTF-8. marked: whether they begin with a mark, which is left out."""

    def __init__(self, read: Callable[[int], bytes], encoding: str, *, marked: bool = False) -> None:
        self._read = read
        self._mark = "\ufeff" if marked else ""
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)(_UNDECODABLE)
        self._pending = b""
        self._ended = False

    def read(self, size: int) -> bytes:
        """1 to `size` bytes, none at the end. Raises UnreadableSourceError where the encoding cannot go on."""
        while not self._pending and not self._ended:
            data = self._read(size)
            self._ended = not data
            try:
                text = self._decoder.decode(data, self._ended)
            except ValueError as error:
                raise UnreadableSourceError(f"the text cannot be read as {self._encoding}: {error}") from None
            if text and self._mark:
                text, self._mark = text.removeprefix(self._mark), ""
            self._pending = text.encode("utf-8", "surrogatepass")
        data, self._pending = self._pending[:size], self._pending[size:]
        return data


def shown(data: bytes | bytearray, encoding: str) -> str:
    """Transcoded bytes as text for people; bytes that the encoding does not know appear as \\xNN."""
    return data.decode("utf-8", "backslashreplace" if encoding == "utf-8" else _SHOWN)


def without_controls(text: str) -> str:
    """The text of bytes that are no text, with \\xNN for control characters."""
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


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
