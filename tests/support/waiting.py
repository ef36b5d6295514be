"""Waiting for states to come; never for time to pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
# Generous: the machine may be busy.
PATIENCE_SECONDS = 120.0


def wait_for(look: Callable[[], T], good: Callable[[T], Any], what: str) -> T:
    """What ``look`` finds once it is ``good``."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = look()
        if good(found):
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {PATIENCE_SECONDS:.0f} s for {what}; the last seen: {found}")
        time.sleep(0.1)
