"""Waiting for states to come; never for time to pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
# Generous: the machine may be busy. Below the time limit of a test, so that what was waited for is said.
PATIENCE_SECONDS = 120.0
_PAUSE_SECONDS = 0.02


def wait_for(
    look: Callable[[], T],
    good: Callable[[T], Any] = bool,
    what: str = "",
    *,
    seconds: float = PATIENCE_SECONDS,
    pause: float = _PAUSE_SECONDS,
) -> T:
    """What ``look`` finds once it is ``good``, looking again after ``pause`` seconds, by and by up to five times that.

    Raises AssertionError after ``seconds``, with ``what`` was waited for and what was seen last.
    """
    deadline = time.monotonic() + seconds
    longest = 5 * pause
    while True:
        found = look()
        if good(found):
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s for {what or look}; the last seen: {found}")
        time.sleep(pause)
        pause = min(longest, pause * 1.2)
