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


def read_ahead(
    items: Iterator[Item],
    count: int,
    threaded: bool = True,
    *,
    weight: Callable[[Item], int] = lambda item: 0,
    most: int = 0,
) -> Iterator[Item]:
    """Yields the items of an iterator that runs in a thread of its own, at most `count` items ahead.

    Those that it is ahead, and the one that the consumer is at, have a weight of at most `most`, unless it is one item.
    What the iterator raises is raised here. When the consumer stops early the thread ends with the item it is at.
    threaded=False yields the items as they are.
    """
    if not threaded:
        yield from items
        return
    ready: queue.Queue[Item | _Done] = queue.Queue(count)
    stopped = threading.Event()
    room = _Room(most, stopped)

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
                room.take(weight(item))
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
            room.give_back(weight(item))
    finally:
        stopped.set()
        thread.join()


class _Room:
    """For items that weigh so much together, or one that weighs more; without end once `stopped` is set."""

    def __init__(self, most: int, stopped: threading.Event) -> None:
        self._most, self._stopped = most, stopped
        self._taken, self._lighter = 0, threading.Condition()

    def take(self, weight: int) -> None:
        """Waits until there is room for it."""
        with self._lighter:
            while self._taken and self._taken + weight > self._most and not self._stopped.is_set():
                self._lighter.wait(timeout=0.1)
            self._taken += weight

    def give_back(self, weight: int) -> None:
        with self._lighter:
            self._taken -= weight
            self._lighter.notify()


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
    workers: without any the items are worked on in the consumer's thread. is_large: of an item after which none is
    started before its own result was yielded.
    """

    def __init__(
        self,
        work: Callable[[Item], Result],
        next_item: Callable[[], Item | None],
        workers: Workers | None,
        is_large: Callable[[Item], bool] = lambda item: False,
    ) -> None:
        self._work = work
        self._next_item = next_item
        self._workers = workers
        self._is_large = is_large
        self._started: deque[tuple[Item, Future[Result]]] = deque()

    def __enter__(self) -> InOrder[Item, Result]:
        return self

    def __exit__(self, *exception: object) -> None:
        self.take_back()

    def __iter__(self) -> Iterator[tuple[Item, Result]]:
        while True:
            while self._workers is not None and len(self._started) <= self._workers.threads:
                if self._started and self._is_large(self._started[-1][0]):
                    break
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
