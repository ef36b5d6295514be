"""Compressed sources: gzip, bzip2, zstandard and zip, recognised by their first bytes and unpacked as they are read.

Nothing is kept but what the formats need: a window of 32 KiB for gzip and zip, a block of 900 KB for bzip2, and what
the file asks for in the case of zstandard (8 MiB at level 19), up to MAX_WINDOW_BYTES. A zip archive is read from its
beginning, without seeking; its central directory then only has to confirm what was found.
"""

from __future__ import annotations

import bz2
import re
import struct
import zlib
from collections.abc import Callable
from typing import Any, Protocol

import pyarrow as pa

from lakelanes.convert.errors import UnreadableSourceError
from lakelanes.convert.zstandard_frames import ZstandardFrames

MAX_WINDOW_BYTES = 64 << 20
"""The most that a zstandard frame may ask for: what `zstd --ultra -21` and `--long=26` do."""

_GZIP_WINDOW, _DEFLATE_WINDOW = 31, -15
_ZSTD_READ = 64 << 10
ReadRaw = Callable[[], bytes]


class Unpacker(Protocol):
    """read(n) gives 1 to n bytes, none at the end; raises UnreadableSourceError after the last readable byte."""

    def read(self, size: int, /) -> bytes: ...


def packing_of(head: bytes) -> str | None:
    """The compression of a file of these first bytes, ten or more of them unless the file is shorter; None for one that
    is not known."""
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    # A header may well begin with BZh: what follows the level is the number pi, or the square root of pi at the end.
    if head[:3] == b"BZh" and head[3:4] in tuple(b"%d" % level for level in range(1, 10)):
        rest = head[4:10]
        if any(magic.startswith(rest) for magic in (b"1AY&SY", b"\x17rE8P\x90")):
            return "bzip2"
    if head.startswith((b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18")):
        return "zstandard"
    return "zip" if head.startswith((_LOCAL_FILE, _END_OF_ARCHIVE)) else None


def unpacker(packing: str, read_raw: ReadRaw) -> Unpacker:
    """What unpacks a file of this compression.

    read_raw: gives the file's bytes from the first on, in pieces, and none at the end.
    """
    if packing == "gzip":
        return _Members(read_raw, packing, _Inflater)
    if packing == "bzip2":
        return _Members(read_raw, packing, bz2.BZ2Decompressor)
    return _Zstandard(read_raw) if packing == "zstandard" else _Zip(read_raw)


class _Inflater:
    """zlib's decompressor with the face of bz2's."""

    def __init__(self, window: int = _GZIP_WINDOW) -> None:
        self._inflate = zlib.decompressobj(window)

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def needs_input(self) -> bool:
        return not self._inflate.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)


class _Members:
    """Compressed members one after the other; zeros after the last one are padding."""

    def __init__(self, read_raw: ReadRaw, name: str, open_member: Callable[[], Any]) -> None:
        self._read_raw = read_raw
        self._name = name
        self._open_member = open_member
        self._member = open_member()
        self._pending = b""

    def read(self, size: int) -> bytes:
        while True:
            if self._member.eof:
                self._pending = self._member.unused_data.lstrip(b"\0")
                while not self._pending and (more := self._read_raw()):
                    self._pending = more.lstrip(b"\0")
                if not self._pending:
                    return b""
                self._member = self._open_member()
            chunk = b""
            if self._member.needs_input:
                chunk, self._pending = self._pending or self._read_raw(), b""
                if not chunk:
                    raise _cut_off(self._name)
            try:
                data = bytes(self._member.decompress(chunk, size))
            except (zlib.error, OSError, EOFError) as error:
                raise _damaged(self._name, str(error)) from None
            if data:
                return data


class _Zstandard:
    """Frames of zstandard, unpacked by pyarrow, which unlike others notices a frame that ends early."""

    def __init__(self, read_raw: ReadRaw) -> None:
        self._raw = _RawFile(read_raw)
        self._failure: str | None = None
        self._stream: Any = pa.CompressedInputStream(pa.PythonFile(self._raw, mode="r"), "zstd")

    def read(self, size: int) -> bytes:
        if self._failure is not None:
            raise UnreadableSourceError(self._failure)
        buffer = bytearray(min(size, _ZSTD_READ))
        try:
            count = self._stream.readinto(buffer)
        except (OSError, pa.ArrowInvalid) as error:
            if self._raw.error is not None:
                raise self._raw.error from None
            cut_off = "Truncated" in str(error)
            self._failure = str(_cut_off("zstandard") if cut_off else _damaged("zstandard", str(error)))
            # pyarrow does not say how much it had unpacked by then, but it is in the buffer, and zeros after it.
            if readable := bytes(buffer).rstrip(b"\0"):
                return readable
            raise UnreadableSourceError(self._failure) from None
        if not count and self._raw.window is not None:
            raise UnreadableSourceError(
                f"the zstandard data takes a window of {self._raw.window >> 20} MiB to unpack, and it may be "
                f"{MAX_WINDOW_BYTES >> 20} MiB: pack it with a level of 19 or less, without --long"
            )
        return bytes(buffer[:count])


class _RawFile:
    """The file pyarrow reads from. It ends before a frame that takes too large a window.

    error: what reading it raised, which is no fault of the data.
    """

    closed = False

    def __init__(self, read_raw: ReadRaw) -> None:
        self._read_raw = read_raw
        self._pending = b""
        self._frames = ZstandardFrames(MAX_WINDOW_BYTES)
        self.error: BaseException | None = None

    @property
    def window(self) -> int | None:
        return self._frames.window

    def read(self, size: int) -> bytes:
        count = self._frames.follow(self._pending[:size])
        while not count and self.window is None:
            try:
                more = self._read_raw()
            except BaseException as error:
                self.error = error
                raise
            self._pending += more
            # At its end, a part of a header is for pyarrow to complain of.
            count = self._frames.follow(self._pending[:size]) if more else len(self._pending[:size])
            if not more:
                break
        data, self._pending = self._pending[:count], self._pending[count:]
        return data

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        pass


_LOCAL_FILE = b"PK\x03\x04"
_CENTRAL_FILE = b"PK\x01\x02"
_ARCHIVE_EXTRA = b"PK\x06\x08"
_END_OF_ARCHIVE = b"PK\x05\x06"
_DESCRIPTOR = b"PK\x07\x08"
_END_BYTES = 22
_LONGEST_TAIL = _END_BYTES + 0xFFFF
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _SIZES_FOLLOW, _UTF8_NAME = 0x1, 0x8, 0x800
_METHODS = {9: "deflate64", 12: "bzip2", 14: "LZMA", 93: "zstandard", 95: "xz", 98: "PPMd"}
_IN_ZIP64 = 0xFFFFFFFF
_NAMED = 5

# What lies beside the one file of data: what macOS and Windows leave behind, and what is for readers.
_EXTRA = re.compile(
    r"(?:.*/)?(?:"
    r"__macosx/.*|\.ds_store|\._[^/]*|thumbs\.db|desktop\.ini|"
    r"(?:readme|read[ _-]me|licen[cs]e|copying|notice|changelog)(?:[ ._-][^/]*)?|"
    r"[^/]*\.(?:md|rst|pdf|html?|docx?|rtf|odt|json|xml|xsd|ya?ml|md5|sha1|sha256|sig)"
    r")",
    re.IGNORECASE | re.DOTALL,
)


class _Zip:
    """The one file in a zip archive; folders in it do not count, and neither do files whose names say that they are no
    data, such as .DS_Store and README.txt."""

    def __init__(self, read_raw: ReadRaw) -> None:
        self._read_raw = read_raw
        self._pending = b""
        self._entries = 0
        self._name: str | None = None
        self._extras: list[str] = []
        self._reading = ""
        self._is_extra = False
        self._ended = False
        self._inflate: Any = None
        self._stored = 0
        self._open = False

    def read(self, size: int) -> bytes:
        while True:
            if not self._open:
                if self._ended or not self._next_file():
                    return b""
                continue
            if (data := self._read_file(size)) and not self._is_extra:
                return data

    def _next_file(self) -> bool:
        """Goes to the next file; False at the end of the archive."""
        while True:
            signature = self._take(4)
            if signature != _LOCAL_FILE:
                self._end(signature)
                return False
            _, flags, method, _, _, crc, packed, size, name_length, extra_length = struct.unpack(
                "<5H3I2H", self._take(26)
            )
            raw_name = self._take(name_length)
            name = raw_name.decode("utf-8" if flags & _UTF8_NAME else "cp437", errors="replace")
            extra = self._take(extra_length)
            self._reading = name
            self._entries += 1
            folder = name.endswith("/") and not size
            self._is_extra = not folder and _EXTRA.fullmatch(name) is not None
            self._sizes_follow = bool(flags & _SIZES_FOLLOW)
            if _IN_ZIP64 in (packed, size):
                size, packed = _zip64_sizes(extra, size, packed)
            if self._is_extra:
                self._extras.append(name)
                if not self._sizes_follow:
                    self._skip(packed)
                    continue
            if not folder or method != _STORED:
                self._check(name, flags, method, folder)
            if not (folder or self._is_extra):
                self._name = name
            self._expected = (crc, packed, size)
            self._crc = self._packed = self._size = 0
            self._inflate = _Inflater(_DEFLATE_WINDOW) if method == _DEFLATED else None
            self._stored = packed
            self._open = True
            return True

    def _check(self, name: str, flags: int, method: int, folder: bool) -> None:
        if self._name is not None and not (folder or self._is_extra):
            raise UnreadableSourceError(
                f"the zip archive holds more than one file: {name!r} after {self._name!r}; one is expected"
            )
        if flags & _ENCRYPTED:
            raise UnreadableSourceError(f"{name!r} in the zip archive is encrypted")
        if method not in (_STORED, _DEFLATED):
            how = _METHODS.get(method, f"method {method}")
            raise UnreadableSourceError(f"{name!r} in the zip archive is compressed with {how}, expected deflate")
        if method == _STORED and flags & _SIZES_FOLLOW:
            raise UnreadableSourceError(
                f"{name!r} in the zip archive is stored without its size in front: it cannot be read as it comes"
            )

    def _read_file(self, size: int) -> bytes:
        if not self._stored if self._inflate is None else self._inflate.eof:
            self._close_file()
            return b""
        if self._inflate is None:
            data = (self._pending or self._next_chunk())[: min(size, self._stored)]
            self._pending = self._pending[len(data) :]
            self._stored -= len(data)
            self._packed += len(data)
        else:
            chunk = b""
            if self._inflate.needs_input:
                chunk, self._pending = self._pending or self._next_chunk(), b""
                self._packed += len(chunk)
            try:
                data = self._inflate.decompress(chunk, size)
            except zlib.error as error:
                raise _damaged("zip", str(error)) from None
        self._size += len(data)
        self._crc = zlib.crc32(data, self._crc)
        return data

    def _close_file(self) -> None:
        self._open = False
        if self._inflate is not None:
            self._pending = self._inflate.unused_data
            self._packed -= len(self._pending)
        found = (self._crc, self._packed, self._size)
        if self._sizes_follow:
            self._descriptor(found)
        elif found != self._expected:
            raise _damaged(
                "zip", f"the checksum or the size of {self._reading!r} is not what it was when it was packed"
            )

    def _descriptor(self, found: tuple[int, int, int]) -> None:
        """What follows a file whose sizes were unknown before: with or without a signature, of 4 or 8 bytes a size."""
        crc, packed, size = found
        forms = [
            mark + struct.pack(form, crc, packed & mask, size & mask)
            for mark in (_DESCRIPTOR, b"")
            for form, mask in (("<IQQ", (1 << 64) - 1), ("<III", (1 << 32) - 1))
        ]
        self._fill(max(map(len, forms)) + 2, at_most=True)
        for form in forms:
            # The long form of a small file begins with the short one: what comes next decides.
            after = self._pending[len(form) : len(form) + 2]
            if self._pending.startswith(form) and b"PK".startswith(after):
                self._pending = self._pending[len(form) :]
                return
        if len(self._pending) < _END_BYTES:
            raise _cut_off("zip")
        raise _damaged("zip", f"the checksum or the size of {self._reading!r} is not what it was when it was packed")

    def _end(self, signature: bytes) -> None:
        """Reads the archive's directory, which ends with how many entries there are."""
        if signature not in (_CENTRAL_FILE, _ARCHIVE_EXTRA, _END_OF_ARCHIVE):
            raise _damaged("zip", f"found {signature!r} where a file or the directory should begin")
        tail = signature + self._pending
        while more := self._read_raw():
            tail = tail[-_LONGEST_TAIL:] + more
        self._pending, self._ended = b"", True
        at = tail.rfind(_END_OF_ARCHIVE)
        if at < 0 or len(tail) - at < _END_BYTES:
            raise _cut_off("zip")
        (entries,) = struct.unpack_from("<H", tail, at + 10)
        if entries != self._entries & 0xFFFF:
            raise _damaged("zip", f"its directory lists {entries} entries, {self._entries} were found")
        if self._name is None:
            beside = f" but {', '.join(map(repr, self._extras[:_NAMED]))}" if self._extras else ""
            raise UnreadableSourceError(f"the zip archive holds no file{beside}; one of data is expected")

    def _skip(self, count: int) -> None:
        """Leaves out so many bytes of the archive."""
        while count:
            skipped = self._next_chunk()[:count]
            self._pending = self._pending[len(skipped) :]
            count -= len(skipped)

    def _take(self, count: int) -> bytes:
        self._fill(count)
        data, self._pending = self._pending[:count], self._pending[count:]
        return data

    def _fill(self, count: int, at_most: bool = False) -> None:
        while len(self._pending) < count:
            more = self._read_raw()
            if not more:
                if at_most:
                    return
                raise _cut_off("zip")
            self._pending += more

    def _next_chunk(self) -> bytes:
        self._fill(1)
        return self._pending


def _zip64_sizes(extra: bytes, size: int, packed: int) -> tuple[int, int]:
    """The sizes before and after packing, from the extra field of a file that is too large for 32 bits."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            values = (
                list(struct.unpack_from(f"<{length // 8}Q", extra, at + 4)) if at + 4 + length <= len(extra) else []
            )
            size = values.pop(0) if size == _IN_ZIP64 and values else size
            packed = values.pop(0) if packed == _IN_ZIP64 and values else packed
        at += 4 + length
    return size, packed


def _cut_off(name: str) -> UnreadableSourceError:
    return UnreadableSourceError(f"the {name} data ends early: the file was cut off")


def _damaged(name: str, why: str) -> UnreadableSourceError:
    return UnreadableSourceError(f"the {name} data is damaged: {why}")
