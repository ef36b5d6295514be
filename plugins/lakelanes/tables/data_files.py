"""The data files of an export: gzipped lines of DynamoDB JSON, in blocks of whole lines."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from lakelanes.convert.errors import UnreadableSourceError
from lakelanes.convert.source import ByteSource, Readable
from lakelanes.errors import ExportDataError
from lakelanes.tables.manifests import DataFile, md5_text
from lakelanes.tables.scanner import SLACK

BLOCK_BYTES = 2 << 20
# A line has two images of an item of at most 400 KB, and each byte may be written as an escape of six characters.
MAX_LINE_BYTES = 8 << 20

OpenData = Callable[[DataFile], Readable]


class DataReader:
    """The lines of a data file, in blocks; checked against the manifest after the last block."""

    def __init__(self, file: DataFile, open_data: OpenData, block_bytes: int = BLOCK_BYTES) -> None:
        self._file = file
        self._raw = open_data(file)
        self._block_bytes = block_bytes
        self._digest = hashlib.md5(usedforsecurity=False)
        self.lines = 0
        """Number of lines read so far: the caller adds those of each block."""

    def blocks(self) -> Iterator[tuple[bytearray, int]]:
        """Yields (data, length): whole lines in data[:length], then SLACK bytes. The next block reuses the memory.

        Raises ExportDataError when the file is damaged or differs from the manifest.
        """
        try:
            source = ByteSource(self)
            if found := source.foreign or (source.misread and source.encoding):
                raise ExportDataError(self._file.uri, f"it is {found}, expected lines of JSON, with gzip")
            yield from self._cut(source)
        except UnreadableSourceError as error:
            raise ExportDataError(self._file.uri, str(error)) from None
        finally:
            close = getattr(self._raw, "close", None)
            if close is not None:
                close()
        self._check()

    def read(self, size: int) -> bytes:
        """The object's own bytes, for ByteSource."""
        data = bytes(self._raw.read(size))
        self._digest.update(data)
        return data

    def _cut(self, source: ByteSource) -> Iterator[tuple[bytearray, int]]:
        data, filled, want = bytearray(self._block_bytes + SLACK), 0, self._block_bytes
        while True:
            with memoryview(data) as view:
                while filled < want and (count := source.read_into(view[filled:want])):
                    filled += count
            ended = filled < want
            cut = filled if ended else data.rfind(b"\n", 0, filled) + 1
            if cut:
                # Copied before the caller reads the lines: it may overwrite what follows them.
                rest = bytes(data[cut:filled])
                yield data, cut
                data[: len(rest)], filled, want = rest, len(rest), max(self._block_bytes, len(rest) + 1)
            elif not ended:
                if filled >= MAX_LINE_BYTES:
                    why = f"a line has more than {MAX_LINE_BYTES >> 20} MB, which no item of DynamoDB has"
                    raise ExportDataError(self._file.uri, why, self.lines + 1)
                want = min(2 * filled, MAX_LINE_BYTES)
            if ended:
                return
            if len(data) < want + SLACK:
                data.extend(bytes(want + SLACK - len(data)))

    def _check(self) -> None:
        file = self._file
        if (found := md5_text(self._digest)) != file.md5:
            raise ExportDataError(file.uri, f"its MD5 is {found}, the manifest says {file.md5}")
        etag = getattr(self._raw, "etag", None)
        if file.etag is not None and etag is not None and etag != file.etag:
            raise ExportDataError(file.uri, f"its ETag is {etag}, the manifest says {file.etag}")
        if self.lines != file.items:
            raise ExportDataError(file.uri, f"it has {self.lines} lines, the manifest says {file.items}")
