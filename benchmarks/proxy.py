"""Counts the requests any AWS client sends, by API operation, on their way to the local AWS.

A client hook would count for one library; this sees what every tool sends. It passes bytes on as they are, and reads
only the heads and lengths of requests. It costs time, so nothing is timed through it.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from types import TracebackType
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

_CHUNK = 1 << 16
_TARGETS = {"DynamoDB": "dynamodb", "AWSGlue": "glue", "AmazonAthena": "athena"}


class CountingProxy:
    """Listens on a free port of 127.0.0.1 while it is entered. counts: requests by "service.Operation"."""

    def __init__(self, endpoint_url: str) -> None:
        target = urlsplit(endpoint_url)
        self._host, self._port = target.hostname, target.port
        self.counts: Counter[str] = Counter()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="counting-proxy", daemon=True)

    def __enter__(self) -> CountingProxy:
        self._thread.start()
        starting = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        self._server = starting.result()
        self.endpoint_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection(self._host, self._port)
        answers = asyncio.create_task(_pump(upstream_reader, writer))
        try:
            while head := await read_head(reader):
                self.counts[operation(head)] += 1
                if await self._answer(head, writer):
                    continue
                upstream_writer.write(head)
                await copy_body(reader, upstream_writer, headers_of(head))
                await upstream_writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            upstream_writer.close()
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)
            writer.close()

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> bool:
        """Whether the request, which has no body, was answered here."""
        return False


def operation(head: bytes) -> str:
    """The service and operation of a request by its head, such as "s3.GetObject"."""
    method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
    headers = headers_of(head)
    if "x-amz-target" in headers:
        prefix, _, name = headers["x-amz-target"].partition(".")
        return f"{_TARGETS.get(prefix.split('_')[0], prefix.lower())}.{name}"
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return "query." + headers.get("authorization", "").split("/aws4_request")[0].rsplit("/", 1)[-1]
    return "s3." + _s3_operation(method, target, headers)


def _s3_operation(method: str, target: str, headers: dict[str, str]) -> str:
    parts = urlsplit(target)
    query = parse_qs(parts.query, keep_blank_values=True)
    _, _, key = parts.path.strip("/").partition("/")
    if method == "GET" and not key:
        return "ListObjectsV2" if "list-type" in query else "Get" + (next(iter(query), "Bucket").title())
    if method == "PUT" and "partNumber" in query:
        return "UploadPart"
    if method == "PUT" and "x-amz-copy-source" in headers:
        return "CopyObject"
    if method == "POST":
        known = {"uploads": "CreateMultipartUpload", "uploadId": "CompleteMultipartUpload", "delete": "DeleteObjects"}
        return next((name for word, name in known.items() if word in query), "Post")
    if method == "DELETE" and "uploadId" in query:
        return "AbortMultipartUpload"
    return method.title() + ("Object" if key else "Bucket")


def headers_of(head: bytes) -> dict[str, str]:
    """The headers of a request by their names in small letters."""
    lines = head.decode("latin-1").split("\r\n")[1:]
    return {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}


async def read_head(reader: asyncio.StreamReader) -> bytes:
    """The head of a request or an answer, with the empty line that ends it; b"" where the connection ended."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


class Sink(Protocol):
    """Where a body goes to."""

    def write(self, data: bytes) -> Any: ...

    async def drain(self) -> Any: ...


async def copy_body(reader: asyncio.StreamReader, writer: Sink, headers: dict[str, str]) -> None:
    """Passes on the body of a message with these headers as it is. Raises ConnectionError where it ends early."""
    if "chunked" in headers.get("transfer-encoding", ""):
        while True:
            line = await reader.readuntil(b"\r\n")
            size = int(line.split(b";")[0], 16)
            writer.write(line)
            await _copy(reader, writer, size + 2)
            if not size:
                return
    await _copy(reader, writer, int(headers.get("content-length", 0)))


async def _copy(reader: asyncio.StreamReader, writer: Sink, size: int) -> None:
    while size:
        data = await reader.read(min(size, _CHUNK))
        if not data:
            raise ConnectionError("the request ended early")
        writer.write(data)
        await writer.drain()
        size -= len(data)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    writer.close()
