"""Between the nodes and the local AWS: what goes wrong on the way, and what happens to a process at a named step.

The steps are those of ``tests.faults.points``, told by the requests themselves. Who sent a request is told by the
connection, so that a process can be killed, or be made to stand still, before AWS has the request or before the
process learns of the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType

import psutil
from botocore.awsrequest import AWSResponse

from benchmarks.proxy import CountingProxy, copy_body, headers_of, operation, read_head
from tests.faults.points import BATCHES, Fault, Noise, Raw, Step, file_step, note, partly_done, passing

# As often as a client tries (lakelanes.aws.clients): what meets all tries is at an end for the engine.
TRIES = 8
_END = b"\r\n\r\n"
_NO_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


@dataclass(frozen=True)
class Rates:
    """How often, of a million requests, one is lost on its way there (``cut``), is carried out and its answer is lost
    (``lost``) or ends in the middle (``cut_short``), or takes up to ``DELAY_SECONDS``."""

    cut: int = 4000
    lost: int = 4000
    cut_short: int = 2000
    delayed: int = 10_000


DELAY_SECONDS = 3.0
RATES = Rates()


@dataclass(frozen=True)
class Request:
    """A request, read whole; ``port`` is that of its sender."""

    head: bytes
    body: bytes
    port: int

    @property
    def method(self) -> str:
        return self.head.split(b" ", 1)[0].decode()

    @property
    def url(self) -> str:
        """Without the host."""
        return self.head.split(b" ", 2)[1].decode("latin-1")

    @property
    def headers(self) -> dict[str, str]:
        """Of those that the engine's steps are told by."""
        found = headers_of(self.head)
        return {"Range": found["range"]} if "range" in found else {}

    @property
    def service(self) -> str:
        """As the signature has it, which every request of the engine has; '' without one."""
        return headers_of(self.head).get("authorization", "").split("/aws4_request")[0].rsplit("/", 1)[-1]

    @property
    def operation(self) -> str:
        return operation(self.head).partition(".")[2]


class _Buffer:
    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> None:
        self.data += data

    async def drain(self) -> None:
        pass


class FaultyProxy(CountingProxy):
    """A proxy that lets everything pass until it is told otherwise.

    ``bucket``: the source bucket, by which requests are told apart. ``log`` gets a line per fault. ``hang_seconds``:
    how long a process stands still. ``killed`` counts processes that were. What fails in the proxy itself, which its
    client takes for one more fault, is raised when it is left.
    """

    def __init__(self, endpoint_url: str, bucket: str, log: Path, hang_seconds: float, seed: str) -> None:
        super().__init__(endpoint_url)
        self._bucket, self._log, self._hang_seconds = bucket, log, hang_seconds
        self._random = random.Random(f"{seed}/proxy")
        self._noise: Noise | None = None
        self._armed: dict[Fault, int] = {}
        self._cut_until = 0.0
        self._lock = threading.Lock()
        self._own: list[Exception] = []
        self.killed = 0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        if self._own:
            raise ExceptionGroup("the proxy's own", self._own)

    def begin(self, noise: Noise) -> None:
        """From now on requests are disturbed."""
        self._noise = noise

    def calm(self) -> None:
        """From now on everything passes, whatever was armed."""
        with self._lock:
            self._noise, self._cut_until = None, 0.0
            self._armed.clear()

    def arm(self, faults: Iterable[Fault]) -> None:
        """The faults act when a request comes to their point, beside those that wait for that already."""
        with self._lock:
            if self._noise is not None:
                self._armed |= {fault: _times(fault) for fault in faults}

    def cut_off(self, seconds: float) -> None:
        """For so long no request arrives."""
        self._cut_until = time.monotonic() + seconds

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = writer.get_extra_info("peername")[1]
        try:
            while head := await read_head(reader):
                self.counts[operation(head)] += 1
                request = await _whole(head, reader, writer, port)
                if not await self._deal(request, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        except Exception as error:
            self._own.append(error)
        writer.close()

    async def _deal(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Answers a request, or not; whether the connection stays."""
        if time.monotonic() < self._cut_until:
            return False
        if self._noise is None:
            return await _send(writer, await self._exchange(request))
        step = file_step(self._bucket, request.service, request.operation, request)
        if step:
            for when in ("before", "after"):
                if fault := self._take(f"{when}_{step.name}", step):
                    return await self._strike(fault, request, writer)
        return await self._disturb(self._noise, request, writer)

    def _take(self, point: str, step: Step) -> Fault | None:
        """A fault that acts now. Of those that meet several tries the first is noted."""
        with self._lock:
            for fault, left in self._armed.items():
                if fault.is_at(point, step.stem):
                    if left > 1:
                        self._armed[fault] = left - 1
                    else:
                        del self._armed[fault]
                    if left == _times(fault):
                        note(self._log, asdict(fault))
                    return fault
        return None

    async def _strike(self, fault: Fault, request: Request, writer: asyncio.StreamWriter) -> bool:
        answer = await self._exchange(request) if fault.point.startswith("after_") else None
        if fault.kind == "kill":
            await self._signal(request.port, signal.SIGKILL)
            return False
        if fault.kind == "raise":
            return await _send(writer, _bytes(passing(request, request.service, "failed")))
        if fault.kind != "hang":
            return False
        process = await self._signal(request.port, signal.SIGSTOP)
        await asyncio.sleep(self._hang_seconds)
        with contextlib.suppress(psutil.NoSuchProcess):
            if process:
                process.resume()
        return await _send(writer, answer or await self._exchange(request))

    async def _signal(self, port: int, number: int) -> psutil.Process | None:
        """To the process that has the other end of a connection."""
        process = await asyncio.to_thread(_owner, port)
        with contextlib.suppress(psutil.NoSuchProcess):
            if process:
                process.send_signal(number)
                self.killed += number == signal.SIGKILL
                return process
        return None

    async def _disturb(self, noise: Noise, request: Request, writer: asyncio.StreamWriter) -> bool:
        shares = asdict(noise) | asdict(RATES)
        partial = shares.pop("partial")
        if request.operation in BATCHES and self._random.randrange(1_000_000) < partial:
            self._tell(request, "partial")
            answer = _response(request, await self._exchange(request))
            done = partly_done(request, request.operation, answer, random.Random(self._random.random()))
            return await _send(writer, _bytes(done))
        dice = self._random.randrange(1_000_000)
        for kind, share in shares.items():
            if dice < share:
                return await self._act(kind, request, writer)
            dice -= share
        return await _send(writer, await self._exchange(request))

    async def _act(self, kind: str, request: Request, writer: asyncio.StreamWriter) -> bool:
        self._tell(request, kind)
        if kind == "cut":
            return False
        if kind in ("throttled", "failed"):
            return await _send(writer, _bytes(passing(request, request.service, kind)))
        if kind == "delayed":
            await asyncio.sleep(self._random.random() * DELAY_SECONDS)
        answer = await self._exchange(request)
        if kind == "failed_afterwards":
            return await _send(writer, _bytes(passing(request, request.service, kind)))
        if kind == "cut_short":
            head, _, body = answer.partition(_END)
            await _send(writer, head + _END + body[: len(body) // 2] if body else b"")
        return kind == "delayed" and await _send(writer, answer)

    def _tell(self, request: Request, kind: str) -> None:
        note(self._log, {"point": f"{request.service}.{request.operation}", "kind": kind, "key": None})

    async def _exchange(self, request: Request) -> bytes:
        """AWS's whole answer."""
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(request.head + request.body)
            await writer.drain()
            while True:
                head = await read_head(reader)
                if not head:
                    raise ConnectionError("AWS has not answered")
                status = int(head.split(b" ", 2)[1])
                if status >= HTTPStatus.OK:
                    break
            body = _Buffer()
            headers = headers_of(head)
            if request.method != "HEAD" and status not in _NO_BODY:
                if "content-length" in headers or "transfer-encoding" in headers:
                    await copy_body(reader, body, headers)
                else:
                    body.write(await reader.read())
            return head + bytes(body.data)
        finally:
            writer.close()


def _times(fault: Fault) -> int:
    """How many requests it meets."""
    return TRIES if fault.kind in ("silence", "raise") else 1


async def _whole(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> Request:
    headers, body = headers_of(head), _Buffer()
    if "expect" in headers:
        await _send(writer, b"HTTP/1.1 100 Continue\r\n\r\n")
        # No signature has it (SIGNED_HEADERS_BLACKLIST of botocore/auth.py).
        lines = head.split(b"\r\n")
        head = b"\r\n".join(line for line in lines if not line.lower().startswith(b"expect:"))
    await copy_body(reader, body, headers)
    return Request(head, bytes(body.data), port)


async def _send(writer: asyncio.StreamWriter, answer: bytes) -> bool:
    writer.write(answer)
    await writer.drain()
    return True


def _response(request: Request, answer: bytes) -> AWSResponse:
    head, _, body = answer.partition(_END)
    headers = headers_of(head)
    if "chunked" in headers.get("transfer-encoding", ""):
        raise NotImplementedError("a batch's answer in chunks")
    return AWSResponse(request.url, int(head.split(b" ", 2)[1]), {"Content-Type": headers["content-type"]}, Raw(body))


def _bytes(answer: AWSResponse) -> bytes:
    lines = [f"HTTP/1.1 {answer.status_code} {HTTPStatus(answer.status_code).phrase}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    return "\r\n".join([*lines, f"Content-Length: {len(answer.content)}", "", ""]).encode() + answer.content


def _owner(port: int) -> psutil.Process | None:
    """The process that a connection from this port is of."""
    for connection in psutil.net_connections("tcp4"):
        if connection.laddr and connection.laddr.port == port and connection.pid not in (None, os.getpid()):
            return psutil.Process(connection.pid)
    return None
