"""Working ahead: in order, bounded, and without a thread that outlives its consumer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lakelanes.convert.read_ahead import InOrder, Workers, read_ahead


def running() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("convert-")]


@contextmanager
def workers(threads: int) -> Iterator[Workers | None]:
    if threads == 1:
        yield None
        return
    with Workers(threads) as made:
        yield made


@pytest.mark.parametrize("threaded", [True, False])
def test_items_come_in_order(threaded: bool) -> None:
    assert list(read_ahead(iter(range(100)), 3, threaded)) == list(range(100))
    assert running() == []


@pytest.mark.parametrize("threaded", [True, False])
def test_what_the_iterator_raises_is_raised_after_the_items_before_it(threaded: bool) -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise LookupError("gone")

    items = read_ahead(failing(), 3, threaded)
    assert next(items) == 1
    with pytest.raises(LookupError, match="gone"):
        next(items)
    assert running() == []


def test_no_more_is_made_than_so_many_ahead_and_a_consumer_may_stop() -> None:
    made, full = [], threading.Event()

    def counting() -> Iterator[int]:
        for number in range(1000):
            made.append(number)
            if number == 5:
                full.set()
            yield number

    items = read_ahead(counting(), 4)
    assert next(items) == 0
    assert full.wait(10)
    # One handed out, four waiting, and the one that waits for a place.
    assert len(made) <= 6
    items.close()  # type: ignore[attr-defined]
    assert running() == []


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_the_items_order_whatever_takes_long(threads: int) -> None:
    second = threading.Event()

    def work(item: int) -> int:
        if item == 0 and threads > 1:
            assert second.wait(10), "the second item is not worked on at the same time"
        second.set()
        return item * item

    items = iter(range(10))
    with workers(threads) as pool, InOrder(work, lambda: next(items, None), pool) as results:
        assert list(results) == [(item, item * item) for item in range(10)]


@pytest.mark.parametrize("threads", [1, 3])
def test_items_that_were_taken_back_can_come_again(threads: int) -> None:
    waiting = list(range(6))
    seen = []

    def next_item() -> int | None:
        return waiting.pop(0) if waiting else None

    with workers(threads) as pool, InOrder(lambda item: -item, next_item, pool) as results:
        for item, result in results:
            seen.append((item, result))
            if len(seen) == 2:
                waiting[:0] = results.take_back()
    assert seen == [(item, -item) for item in range(6)]


def test_who_stops_drops_what_waits_and_waits_for_what_runs() -> None:
    begun, go_on = threading.Event(), threading.Event()
    worked: list[int] = []

    def work(item: int) -> int:
        if item:
            begun.set()
            assert go_on.wait(10)
        worked.append(item)
        return item

    with Workers(2) as pool:
        items = iter(range(100))
        with InOrder(work, lambda: next(items, None), pool) as results:
            assert next(iter(results)) == (0, 0)
            assert begun.wait(10)
            threading.Timer(0.05, go_on.set).start()
        assert worked[0] == 0 and 2 <= len(worked) <= 4
        done = list(worked)
        pool.submit(int).result(10)
        assert worked == done, "nothing of it runs afterwards"


def test_an_error_of_the_work_is_raised_at_its_item() -> None:
    items = iter(range(4))
    with workers(2) as pool, InOrder(lambda item: 1 // (item - 2), lambda: next(items, None), pool) as results:
        found = []
        with pytest.raises(ZeroDivisionError):
            for item, _ in results:
                found.append(item)
    assert found == [0, 1]
    assert running() == []


@pytest.mark.parametrize(("weight", "ahead"), [(4, 3), (11, 2), (1, 8)])
def test_what_is_ahead_weighs_no_more_than_it_may_unless_it_is_one_item(weight: int, ahead: int) -> None:
    """With what the consumer is at, and the one that waits for room."""
    made, enough, too_many = [], threading.Event(), threading.Event()

    def counting() -> Iterator[int]:
        for number in range(50):
            made.append(number)
            if len(made) == ahead:
                enough.set()
            if len(made) > ahead + (weight == 1):
                too_many.set()
            yield number

    items = read_ahead(counting(), 6, weight=lambda item: weight, most=10)
    assert next(items) == 0
    assert enough.wait(10)
    assert not too_many.wait(0.2)
    too_many.clear()
    assert list(items) == list(range(1, 50))


def test_nothing_is_started_beside_an_item_that_is_large() -> None:
    started: list[int] = []
    waits = threading.Event()

    def work(item: int) -> int:
        started.append(item)
        assert item != 2 or waits.wait(10)
        return item

    items = iter([1, 2, 3, 4])
    with Workers(4) as pool, InOrder(work, lambda: next(items, None), pool, lambda item: item == 2) as results:
        found = iter(results)
        assert next(found) == (1, 1)
        assert started in ([1], [1, 2])
        assert next(items) == 3, "which is not started while the large one is worked on"
        waits.set()
        assert [item for item, _ in found] == [2, 4]
