"""Samples of files: what is read of each, and the encoding that its bytes are in."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lakelanes.convert.errors import UnreadableSourceError
from lakelanes.convert.header import BYTE_ORDER_MARK
from lakelanes.convert.policy import MAX_COMPRESSION_RATIO
from lakelanes.convert.source import ByteSource
from lakelanes.errors import LakeError

# So much of all samples together is looked at value by value. The converter then tries the whole of each.
LOOKED_AT = 4 << 20
_LEAST, _TAIL, _CHUNK, _SCORED = 256 << 10, 64 << 10, 1 << 20, 1 << 20
# Letters and signs that texts of Western Europe have, which tells what is one encoding's letter and another's noise.
_LETTERS = frozenset(
    "äöüßÄÖÜéèêëàâáíìîïóòôúùûçñãõåæøœÉÈÊÀÂÁÍÎÓÔÚÇÑÃÕÅÆØ€£§°ºª«»\u2018\u2019\u201c\u201d\u201e\u2013\u2014·\xa0"
)


class DraftError(LakeError):
    """Nothing can be proposed of these samples, or it cannot be written; the message says why."""


@dataclass(frozen=True)
class Sample:
    """A file to learn from. name: of the file, without folders. folder: of its key, where it comes from S3."""

    name: str
    open: Callable[[], Any]
    folder: str = ""


@dataclass(frozen=True)
class Looked:
    """What was read of a sample, in UTF-8, without a byte order mark.

    head: its first bytes, whole lines of them. tail: its last ones. size: of all. above: how many lines before the head
    are left out. whole: whether the head goes on to the end.
    """

    sample: Sample
    head: bytes
    tail: bytes
    size: int
    above: int = 0

    @property
    def whole(self) -> bool:
        return len(self.head) == self.size


@dataclass(frozen=True)
class Encoding:
    """An encoding, and how sure it is. example: the first line with a character beyond ASCII."""

    name: str
    is_plain: bool = False
    is_sure: bool = True
    example: str = ""


def encoding_of(samples: Sequence[Sample]) -> tuple[Encoding, bool]:
    """The encoding of all samples, and whether they agree. Raises DraftError for what is no text."""
    found = [_encoding(sample) for sample in samples]
    telling = [one for one in found if not one.is_plain]
    agreed = len({one.name for one in telling}) <= 1
    return (telling or found)[0], agreed


def look(samples: Sequence[Sample], encoding: str) -> list[Looked]:
    """The samples' heads and tails, in bounded memory whatever their sizes. Raises DraftError."""
    most = max(_LEAST, LOOKED_AT // len(samples))
    return [_look(sample, encoding, most) for sample in samples]


def _look(sample: Sample, encoding: str, most: int) -> Looked:
    head, tail, size = b"", b"", 0
    for chunk in _chunks(sample, encoding):
        if not size:
            chunk = chunk.removeprefix(BYTE_ORDER_MARK)
        head += chunk[: most - len(head)]
        tail = (tail + chunk)[-_TAIL:]
        size += len(chunk)
    if len(head) < size:
        cut = max(head.rfind(b"\n"), head.rfind(b"\r", 0, len(head) - 1)) + 1
        if not cut:
            raise DraftError(f"{sample.name}: its first {len(head):,} bytes hold no line end")
        head = head[:cut]
    return Looked(sample, head, tail, size)


def _chunks(sample: Sample, encoding: str) -> Iterator[bytes]:
    source = ByteSource(sample.open(), encoding, max_ratio=MAX_COMPRESSION_RATIO)
    try:
        if source.foreign:
            raise DraftError(f"{sample.name} is no CSV text: {source.foreign}")
        buffer = memoryview(bytearray(_CHUNK))
        while count := source.read_into(buffer):
            yield bytes(buffer[:count])
    except UnreadableSourceError as error:
        raise DraftError(f"{sample.name} cannot be read: {error}") from None
    finally:
        source.close()


def _encoding(sample: Sample) -> Encoding:
    """The encoding of one sample: of its mark, of its zeros, or UTF-8 if all of it is that, or a code page."""
    source = ByteSource(sample.open(), "utf-8")
    found = source.encoding
    source.close()
    if found != "utf-8":
        # The name without a byte order takes files of either, by their mark.
        open_order = found.removesuffix("-le").removesuffix("-be")
        source = ByteSource(sample.open(), open_order)
        source.close()
        return Encoding(open_order if source.misread is None and source.encoding == found else found)
    decoder, is_utf8, beyond = codecs.getincrementaldecoder("utf-8")(), True, bytearray()
    seen: set[int] = set()
    for chunk in _chunks(sample, "utf-8"):
        if chunk.isascii() and not decoder.getstate()[0]:
            continue
        seen.update(set(chunk) - _ASCII)
        if len(beyond) < _SCORED:
            beyond += b"\n".join(line for line in chunk.splitlines() if not line.isascii())
        if is_utf8:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                is_utf8 = False
    if is_utf8 and not decoder.getstate()[0]:
        return Encoding("utf-8", is_plain=not seen)
    return _code_page(bytes(beyond[:_SCORED]), seen)


_ASCII = frozenset(range(128))


def _code_page(text: bytes, seen: set[int]) -> Encoding:
    """The code page in which most bytes beyond ASCII are letters that texts have."""
    scores: dict[str, float] = {}
    for name in ("cp1252", "cp850", "iso8859-1"):
        try:
            table = {byte: bytes([byte]).decode(name) for byte in seen}
        except UnicodeDecodeError:
            continue
        scores[name] = sum(text.count(byte) * (1 if letter in _LETTERS else -1) for byte, letter in table.items())
    best = max(scores, key=lambda name: scores[name])
    line = next((line for line in text.splitlines() if not line.isascii()), b"")
    return Encoding(best, is_sure=False, example=line.decode(best, "replace")[:80])
