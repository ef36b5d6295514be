"""Pauses before another try of what others were in the way of."""

from __future__ import annotations

import random
import time

_LONGEST_PAUSE = 3.2


def pause(attempt: int) -> None:
    """Waits before trying again what others were in the way of: at random, up to twice as long after each attempt."""
    time.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.05 * 2**attempt)))
