"""A cluster in which a test may hold a file in the middle of its load, so that what it does then is not a race."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from benchmarks.proxy import CountingProxy, operation
from tests.support.proxied_cluster import ProxiedCluster

_WRITES = ("s3.PutObject", "s3.UploadPart")
_PAUSE_SECONDS = 0.05


class HoldingProxy(CountingProxy):
    """Holds requests that write an object, or a part of one, for as long as its key is one to be held."""

    # What the key has in it, and what says that a request is held.
    _held: tuple[bytes, threading.Event] | None = None

    @contextlib.contextmanager
    def holding(self, name: str) -> Iterator[threading.Event]:
        """Writes of objects that have ``name`` in their key are held until this ends; the event is set by the first."""
        reached = threading.Event()
        self._held = name.encode(), reached
        try:
            yield reached
        finally:
            self._held = None

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> bool:
        while (held := self._held) and operation(head) in _WRITES and held[0] in head.split(b" ", 2)[1]:
            held[1].set()
            await asyncio.sleep(_PAUSE_SECONDS)
        return False


class HoldingCluster(ProxiedCluster[HoldingProxy]):
    """A cluster behind such a proxy."""

    def make_proxy(self) -> HoldingProxy:
        return HoldingProxy(self.endpoint_url)
