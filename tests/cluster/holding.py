"""A cluster in which a test may hold a file in the middle of its load, so that what it does then is not a race."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from benchmarks.proxy import CountingProxy, operation
from tests.end_to_end.world import PATIENCE_SECONDS
from tests.support.proxied_cluster import ProxiedCluster

_WRITES = ("s3.PutObject", "s3.UploadPart")
_PAUSE_SECONDS = 0.05


class HoldingProxy(CountingProxy):
    """Holds requests that write an object, or a part of one, for as long as its key is one to be held."""

    _held: str | None = None

    def __init__(self, endpoint_url: str) -> None:
        super().__init__(endpoint_url)
        self._reached = threading.Event()

    @contextlib.contextmanager
    def holding(self, name: str) -> Iterator[None]:
        """Writes of objects that have ``name`` in their key are held until this ends."""
        self._reached.clear()
        self._held = name
        try:
            yield
        finally:
            self._held = None

    def wait(self) -> None:
        """Until a request is held."""
        assert self._reached.wait(PATIENCE_SECONDS), f"nobody wrote {self._held}"

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> bool:
        while self._held and operation(head) in _WRITES and self._held.encode() in head.split(b" ", 2)[1]:
            self._reached.set()
            await asyncio.sleep(_PAUSE_SECONDS)
        return False


class HoldingCluster(ProxiedCluster[HoldingProxy]):
    """A cluster behind such a proxy."""

    def make_proxy(self) -> HoldingProxy:
        return HoldingProxy(self.endpoint_url)
