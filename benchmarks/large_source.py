"""A source bucket with one file that is larger than the local AWS can hold: that one keeps objects in memory.

Everything but the reading and listing of the file goes on to the local AWS. The file is sent from the disk by ranges,
as S3 sends an object; what S3 would refuse (another ETag, no such range) is refused, and what else can be asked of an
object is not there.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

from benchmarks.proxy import CountingProxy, headers_of, operation

_ETAG = '"0123456789abcdef0123456789abcdef-1"'
_WRITTEN = ("2024-03-15T00:00:00.000Z", "Fri, 15 Mar 2024 00:00:00 GMT")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)$")


class LargeSource(CountingProxy):
    """The endpoint of an AWS whose bucket ``bucket`` holds the file ``path`` as ``key``, and nothing else."""

    def __init__(self, endpoint_url: str, bucket: str, key: str, path: Path) -> None:
        super().__init__(endpoint_url)
        self._bucket, self._key, self._path = bucket, key, path
        self._size = path.stat().st_size

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> bool:
        target = urlsplit(head.split(b" ", 2)[1].decode("latin-1"))
        bucket, _, key = unquote(target.path).strip("/").partition("/")
        asked = operation(head)
        if bucket != self._bucket:
            return False
        if asked == "s3.ListObjectsV2":
            await self._list(parse_qs(target.query, keep_blank_values=True), writer)
        elif asked == "s3.GetObject" and key == self._key:
            await self._get(headers_of(head), writer)
        else:
            raise NotImplementedError(f"{asked} of s3://{bucket}/{key}")
        return True

    async def _list(self, query: dict[str, list[str]], writer: asyncio.StreamWriter) -> None:
        prefix = query.get("prefix", [""])[0]
        found = ""
        if self._key.startswith(prefix) and "delimiter" not in query:
            found = (
                f"<Contents><Key>{quote(self._key)}</Key><LastModified>{_WRITTEN[0]}</LastModified>"
                f"<ETag>{_ETAG}</ETag><Size>{self._size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            )
        body = (
            '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{self._bucket}</Name><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
            f"{found}</ListBucketResult>"
        )
        await self._send(writer, "200 OK", body.encode(), "Content-Type: application/xml")

    async def _get(self, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        if headers.get("if-match", _ETAG) not in (_ETAG, _ETAG.strip('"')):
            await self._send(writer, "412 Precondition Failed", b"<Error><Code>PreconditionFailed</Code></Error>")
            return
        wanted = _RANGE.match(headers.get("range", "bytes=0-"))
        if wanted is None:
            raise NotImplementedError(f"range {headers['range']}")
        first = int(wanted[1])
        last = min(int(wanted[2] or self._size - 1), self._size - 1)
        if first > last:
            await self._send(writer, "416 Range Not Satisfiable", b"<Error><Code>InvalidRange</Code></Error>")
            return
        facts = [f"ETag: {_ETAG}", f"Last-Modified: {_WRITTEN[1]}", f"Content-Range: bytes {first}-{last}/{self._size}"]
        await self._send(writer, "206 Partial Content", None, *facts, f"Content-Length: {last - first + 1}")
        with self._path.open("rb", buffering=0) as file:
            await asyncio.get_running_loop().sendfile(writer.transport, file, first, last - first + 1)

    async def _send(self, writer: asyncio.StreamWriter, status: str, body: bytes | None, *facts: str) -> None:
        lines = [f"HTTP/1.1 {status}", *facts]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        writer.write("\r\n".join([*lines, "", ""]).encode() + (body or b""))
        await writer.drain()
