"""Requests that each wait for a server, made at the same time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")
_WORKERS = 16


def map_concurrently(function: Callable[[Argument], Result], arguments: Sequence[Argument]) -> list[Result]:
    """The function's result for each argument, in their order; the first exception is raised.

    The function must not call ``map_concurrently`` itself: it could wait for a thread that waits for it.
    """
    if len(arguments) < 2:
        return [function(argument) for argument in arguments]
    return list(_pool().map(function, arguments))


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    """For the whole process: a page makes a dozen requests, and starting threads takes longer than most of them."""
    return ThreadPoolExecutor(_WORKERS, thread_name_prefix="concurrently")
