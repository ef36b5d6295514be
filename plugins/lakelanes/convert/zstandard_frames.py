"""The frames of a zstandard file, followed without unpacking them, to know what memory each asks for before it is read.

The format is RFC 8878's (https://www.rfc-editor.org/rfc/rfc8878, sections 3.1.1 and 3.1.2).
"""

from __future__ import annotations

from dataclasses import dataclass

_MAGIC = 0xFD2FB528
_SKIPPABLE = range(0x184D2A50, 0x184D2A60)
_LONGEST_HEADER = 18
_RLE_BLOCK, _RESERVED_BLOCK = 1, 3


@dataclass(frozen=True)
class _Frame:
    """header: bytes of it. content: of a skippable one, which has no blocks. window: bytes that it takes to unpack."""

    header: int
    window: int = 0
    checksum: bool = False
    content: int | None = None


class ZstandardFrames:
    """Follows the bytes of a file piece by piece.

    max_window: the most that a frame may ask for. window: what the frame asks for at which follow() has come to a halt;
    None as long as none asks for more.
    """

    def __init__(self, max_window: int) -> None:
        self._max_window = max_window
        self._frame: _Frame | None = None
        self._skip = 0
        self._lost = False
        self.window: int | None = None

    def follow(self, data: bytes) -> int:
        """How many of the next bytes may be read: fewer when those after them are not all of a header, or come to a
        frame that asks for too much. The others have to come again, with more. What is no frame is not followed."""
        at = 0
        while at < len(data) and not self._lost and self.window is None:
            step = min(self._skip, len(data) - at)
            if step:
                self._skip -= step
                at += step
                continue
            length = self._next_frame(data, at) if self._frame is None else self._next_block(self._frame, data, at)
            if not length:
                break
            at += length
        return len(data) if self._lost else at

    def _next_frame(self, data: bytes, at: int) -> int:
        frame = _read_header(data[at : at + _LONGEST_HEADER])
        if frame is None:
            return 0
        if frame.header == 0:
            self._lost = True
            return 0
        if frame.content is not None:
            self._skip = frame.content
            return frame.header
        if frame.window > self._max_window:
            self.window = frame.window
            return 0
        self._frame = frame
        return frame.header

    def _next_block(self, frame: _Frame, data: bytes, at: int) -> int:
        if len(data) - at < 3:
            return 0
        head = int.from_bytes(data[at : at + 3], "little")
        last, kind, size = head & 1, head >> 1 & 3, head >> 3
        self._lost = kind == _RESERVED_BLOCK
        self._skip = 1 if kind == _RLE_BLOCK else size
        if last:
            self._skip += 4 * frame.checksum
            self._frame = None
        return 3


def _read_header(data: bytes) -> _Frame | None:
    """The frame that begins with these bytes: None when they are too few, one without a header when they are none."""
    if len(data) < 5:
        return None
    magic, descriptor = int.from_bytes(data[:4], "little"), data[4]
    if magic in _SKIPPABLE:
        return _Frame(8, content=int.from_bytes(data[4:8], "little")) if len(data) >= 8 else None
    if magic != _MAGIC:
        return _Frame(0)
    single = bool(descriptor & 0x20)
    window_at = 5
    dictionary_at = window_at + (not single)
    size_at = dictionary_at + (0, 1, 2, 4)[descriptor & 3]
    size_bytes = (int(single), 2, 4, 8)[descriptor >> 6]
    if len(data) < size_at + size_bytes:
        return None
    # Without its size, a frame needs its whole window; with it, no more than that.
    size = int.from_bytes(data[size_at : size_at + size_bytes], "little") + 256 * (size_bytes == 2)
    needed = [size] if size_bytes else []
    if not single:
        base = 1 << (10 + (data[window_at] >> 3))
        needed.append(base + base // 8 * (data[window_at] & 7))
    return _Frame(size_at + size_bytes, min(needed), bool(descriptor & 4))
