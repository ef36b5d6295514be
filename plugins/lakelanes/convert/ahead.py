"""Working ahead of whoever consumes an iterator, in a thread, by a bounded number of items."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")


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
