"""Working ahead of a consumer in other threads, by a bounded number of items, and in order."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass
class _Done:
    """What the thread puts last: the exception that ended it, if any."""

    error: BaseException | None


def read_ahead(items: Iterator[Item], count: int, threaded: bool = True) -> Iterator[Item]:
    """Yields the items of an iterator that runs in a thread of its own, at most `count` items ahead.

    What the iterator raises is raised here. When the consumer stops early the thread ends with the item it is at.
    threaded=False yields the items as they are.
    """
    if not threaded:
        yield from items
        return
    ready: queue.Queue[Item | _Done] = queue.Queue(count)
    stopped = threading.Event()

    def put(item: Item | _Done) -> None:
        while not stopped.is_set():
            try:
                return ready.put(item, timeout=0.1)
            except queue.Full:
                continue

    def run() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                put(item)
                if stopped.is_set():
                    return
        except BaseException as raised:
            error = raised
        put(_Done(error))

    thread = threading.Thread(target=run, name="convert-parse", daemon=True)
    thread.start()
    try:
        while True:
            item = ready.get()
            if isinstance(item, _Done):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        stopped.set()
        thread.join()


class Workers(ThreadPoolExecutor):
    """The threads of one file, for all that is done to it: as many as are to be busy, whatever there is to do.

    None is started before there is something to do.
    """

    def __init__(self, threads: int) -> None:
        super().__init__(threads, "convert-work")
        self.threads = threads


class InOrder(Generic[Item, Result]):
    """Works on items in several threads and yields (item, result) in the items' order, as a context manager.

    next_item gives the items and None at the end; it is called in the consumer's thread, and again after take_back().
    workers: without any the items are worked on in the consumer's thread.
    """

    def __init__(
        self, work: Callable[[Item], Result], next_item: Callable[[], Item | None], workers: Workers | None
    ) -> None:
        self._work = work
        self._next_item = next_item
        self._workers = workers
        self._started: deque[tuple[Item, Future[Result]]] = deque()

    def __enter__(self) -> InOrder[Item, Result]:
        return self

    def __exit__(self, *exception: object) -> None:
        self.take_back()

    def __iter__(self) -> Iterator[tuple[Item, Result]]:
        while True:
            while self._workers is not None and len(self._started) <= self._workers.threads:
                item = self._next_item()
                if item is None:
                    break
                self._started.append((item, self._workers.submit(self._work, item)))
            if self._started:
                item, future = self._started.popleft()
                yield item, future.result()
                continue
            item = self._next_item()
            if item is None:
                return
            yield item, self._work(item)

    def take_back(self) -> list[Item]:
        """The items that were started after the last one yielded; their results are dropped."""
        items = []
        for item, future in self._started:
            future.cancel()
            if not future.cancelled():
                future.exception()
            items.append(item)
        self._started.clear()
        return items
