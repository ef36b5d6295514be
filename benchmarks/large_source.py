"""A source bucket of files that are larger than the local AWS can hold: that one keeps objects in memory.

One file on the disk stands for all of the keys. It is sent by ranges, as S3 sends an object; what S3 would refuse
(another ETag, no such range, no such key) is refused, and what else can be asked of an object is not there.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from pathlib import Path

from benchmarks.listed_source import ETAG, WRITTEN, ListedSource

_RANGE = re.compile(r"bytes=(\d+)-(\d*)$")


class LargeSource(ListedSource):
    """The endpoint of an AWS whose bucket ``bucket`` holds the file ``path`` under each of ``keys``, and nothing
    else."""

    def __init__(self, endpoint_url: str, bucket: str, keys: Iterable[str], path: Path) -> None:
        super().__init__(endpoint_url, bucket, sorted(keys), path.stat().st_size)
        self._path = path

    async def _answer_other(self, asked: str, key: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        if asked != "s3.GetObject":
            return await super()._answer_other(asked, key, headers, writer)
        if not self.has(key):
            await self._send(writer, "404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>")
        elif headers.get("if-match", ETAG) not in (ETAG, ETAG.strip('"')):
            await self._send(writer, "412 Precondition Failed", b"<Error><Code>PreconditionFailed</Code></Error>")
        else:
            await self._get(headers, writer)

    async def _get(self, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        wanted = _RANGE.match(headers.get("range", "bytes=0-"))
        if wanted is None:
            raise NotImplementedError(f"range {headers['range']}")
        first = int(wanted[1])
        last = min(int(wanted[2] or self._size - 1), self._size - 1)
        if first > last:
            await self._send(writer, "416 Range Not Satisfiable", b"<Error><Code>InvalidRange</Code></Error>")
            return
        facts = [f"ETag: {ETAG}", f"Last-Modified: {WRITTEN[1]}", f"Content-Range: bytes {first}-{last}/{self._size}"]
        await self._send(writer, "206 Partial Content", None, *facts, f"Content-Length: {last - first + 1}")
        with self._path.open("rb", buffering=0) as file:
            await asyncio.get_running_loop().sendfile(writer.transport, file, first, last - first + 1)
