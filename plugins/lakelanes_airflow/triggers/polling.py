"""What all triggers of the lake have in common: they look, and look again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from lakelanes.lake import Lake
from lakelanes_airflow.process_lake import open_lake

# A look that fails this often in a row is not a passing fault any more.
MAX_FAILED_LOOKS = 5

# Seconds between looks.
FIRST_INTERVAL = 5.0

MAX_INTERVAL = 60.0


class PollingTrigger(BaseTrigger):
    """Looks at something until it is so, or until ``deadline``; subclasses say what they look at.

    The first look is ``first_interval`` seconds after the start, the next ones come at growing intervals up to
    ``max_interval`` seconds. Yields one event: ``{"status": "ready"}``, ``{"status": "deadline"}`` or
    ``{"status": "error", "message": ...}``. It holds nothing that a restart could lose: it is made again from its
    arguments, and looks again.

    :param deadline: ISO 8601 with offset.
    """

    def __init__(
        self, deadline: str, first_interval: float = FIRST_INTERVAL, max_interval: float = MAX_INTERVAL
    ) -> None:
        super().__init__()
        self.deadline = deadline
        self.first_interval = first_interval
        self.max_interval = max_interval

    def arguments(self) -> dict[str, Any]:
        """The subclass's own arguments, as JSON."""
        raise NotImplementedError

    def is_ready(self, lake: Lake) -> bool:
        """Looks; called in a thread."""
        raise NotImplementedError

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                **self.arguments(),
                "deadline": self.deadline,
                "first_interval": self.first_interval,
                "max_interval": self.max_interval,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        deadline = datetime.fromisoformat(self.deadline)
        interval, failed = self.first_interval, 0
        while True:
            # Jitter keeps the runs of a backfill from looking all at the same moment.
            await asyncio.sleep(interval * random.uniform(0.8, 1.0))
            try:
                lake = await asyncio.to_thread(open_lake)
                if await asyncio.to_thread(self.is_ready, lake):
                    yield TriggerEvent({"status": "ready"})
                    return
                failed = 0
            except Exception as error:
                failed += 1
                self.log.warning("Look %s at %s failed: %s", failed, self.arguments(), error)
                if failed >= MAX_FAILED_LOOKS:
                    yield TriggerEvent({"status": "error", "message": f"{type(error).__name__}: {error}"})
                    return
            else:
                if lake.clock() >= deadline:
                    yield TriggerEvent({"status": "deadline"})
                    return
            interval = min(interval * 1.5, self.max_interval)
