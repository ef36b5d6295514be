"""Work that requests of the page start in the background: counting what changed, and asking Athena for the charts.

The page answers from what is counted already, and says when that was; a request a moment later gets more. So no request
waits for this work, and however many requests there are, one thread of the process does one piece of work at a time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

log = logging.getLogger(__name__)


class BackgroundWork:
    """Runs named pieces of work, each at most every ``pause_seconds`` and never twice at once."""

    def __init__(self, pause_seconds: float = 5.0) -> None:
        self._pause = pause_seconds
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="lake-background")
        self._lock = threading.Lock()
        self._busy: set[str] = set()
        self._last: dict[str, float] = {}

    def request(self, name: str, work: Callable[[], object]) -> None:
        """Has ``work`` done soon, unless it was done a moment ago or is being done."""
        with self._lock:
            recent = time.monotonic() - self._last.get(name, -self._pause) < self._pause
            if recent or name in self._busy:
                return
            self._busy.add(name)
        self._pool.submit(self._run, name, work)

    def wait(self) -> None:
        """Waits until everything requested so far is done."""
        self._pool.submit(lambda: None).result()

    def _run(self, name: str, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception:
            log.exception("%s failed; the page shows what it had", name)
        finally:
            with self._lock:
                self._busy.discard(name)
                self._last[name] = time.monotonic()
