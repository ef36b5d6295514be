"""Questions that each wait for a request, asked at the same time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")
_WORKERS = 16


def together(ask: Callable[[Question], Answer], questions: Sequence[Question]) -> list[Answer]:
    """The answers to questions, in their order. A question must not ask ``together`` itself: it might wait for a thread
    that waits for it."""
    if len(questions) < 2:
        return [ask(question) for question in questions]
    return list(_pool().map(ask, questions))


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    """For the whole process: a page asks a dozen questions, and starting threads takes longer than most answers."""
    return ThreadPoolExecutor(_WORKERS, thread_name_prefix="concurrently")
