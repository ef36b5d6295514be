"""Triggers; they run in the triggerer, which imports them from the plugins folder."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from lakelanes.lake import Lake
from lakelanes_airflow import sensing
from lakelanes_airflow.lakes import open_lake

# A look that fails this often in a row is not a passing fault any more.
MAX_FAILED_LOOKS = 5
# Seconds between looks.
FIRST_INTERVAL = 5.0
MAX_INTERVAL = 60.0


class SourceFilesTrigger(BaseTrigger):
    """Waits until the files of a partition are there and have settled, or until ``deadline``.

    Looks ``first_interval`` seconds after it started, then at growing intervals up to ``max_interval`` seconds, so that
    a file due any moment is seen at once and one that is hours late costs about a LIST request a minute. Yields one
    event: ``{"status": "ready"}``, ``{"status": "deadline"}`` or ``{"status": "error", "message": ...}``.

    :param entity: name of the entity.
    :param key: the Airflow partition key, e.g. ``2024-03-15``.
    :param deadline: ISO 8601 with offset.
    :param reload: whether files that are loaded already are to be loaded again, and so have to settle too.
    """

    def __init__(
        self,
        entity: str,
        key: str,
        deadline: str,
        reload: bool = False,
        first_interval: float = FIRST_INTERVAL,
        max_interval: float = MAX_INTERVAL,
    ) -> None:
        super().__init__()
        self.entity = entity
        self.key = key
        self.deadline = deadline
        self.reload = reload
        self.first_interval = first_interval
        self.max_interval = max_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "entity": self.entity,
                "key": self.key,
                "deadline": self.deadline,
                "reload": self.reload,
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
                if await asyncio.to_thread(self._is_complete, lake):
                    yield TriggerEvent({"status": "ready"})
                    return
                failed = 0
            except Exception as error:
                failed += 1
                self.log.warning("Look %s for %s %s failed: %s", failed, self.entity, self.key, error)
                if failed >= MAX_FAILED_LOOKS:
                    yield TriggerEvent({"status": "error", "message": f"{type(error).__name__}: {error}"})
                    return
            else:
                if lake.clock() >= deadline:
                    yield TriggerEvent({"status": "deadline"})
                    return
            interval = min(interval * 1.5, self.max_interval)

    def _is_complete(self, lake: Lake) -> bool:
        return sensing.look(lake, lake.config.entities[self.entity], self.key, reload=self.reload).complete
