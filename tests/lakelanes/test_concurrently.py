"""Calls at the same time, with their results in order."""

from __future__ import annotations

import threading

import pytest

from lakelanes.concurrently import map_concurrently


def test_results_come_in_the_order_of_the_arguments_and_the_calls_run_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=30)

    def square(number: int) -> int:
        meeting.wait()  # passes only when all three calls are under way
        return number * number

    assert map_concurrently(square, [3, 1, 2]) == [9, 1, 4]


def test_one_call_is_made_by_the_caller_itself() -> None:
    assert map_concurrently(lambda _: threading.current_thread(), ["only"]) == [threading.current_thread()]
    assert map_concurrently(str, []) == []


def test_the_first_exception_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        map_concurrently(lambda number: 1 // number, [1, 0, 2])
