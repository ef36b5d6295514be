"""What all triggers of the lake have in common: they poll until something is ready."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict

from airflow.triggers.base import BaseTrigger, TriggerEvent
from botocore.exceptions import ClientError

from lakelanes.aws.failures import is_retryable
from lakelanes.aws.reasons import reason_of
from lakelanes.errors import LakeError
from lakelanes.lake import Lake
from lakelanes_airflow.process_lake import open_lake

# Polls that fail this often in a row are no passing fault any more.
MAX_FAILED_POLLS = 5

# Seconds between polls.
FIRST_INTERVAL = 5.0
MAX_INTERVAL = 60.0


def _comes_again(error: Exception) -> bool:
    """Whether AWS, or the engine, says of an error that the next poll would meet it again."""
    return isinstance(error, ClientError | LakeError) and not is_retryable(error)


class PollEvent(TypedDict):
    """What a PollingTrigger yields. message: of an error, what the last poll failed for."""

    status: Literal["ready", "deadline", "error"]
    message: NotRequired[str]


class PollingTrigger(BaseTrigger):
    """Polls until what it waits for is ready, or until ``deadline``; subclasses say what that is.

    The first poll is ``first_interval`` seconds after the start, the next ones come at growing intervals up to
    ``max_interval`` seconds. Yields one PollEvent. It has no state that a restart could lose: it is made again from
    its arguments, and polls again.

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
        """Whether what it waits for is ready; called in a thread."""
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
            # Jitter keeps the runs of a backfill from polling all at the same moment.
            await asyncio.sleep(interval * random.uniform(0.8, 1.0))
            try:
                lake = await asyncio.to_thread(open_lake)
                if await asyncio.to_thread(self.is_ready, lake):
                    yield TriggerEvent(PollEvent(status="ready"))
                    return
                failed = 0
            except Exception as error:
                failed += 1
                self.log.warning("Poll %s of %s failed: %s", failed, self.arguments(), error)
                if failed >= MAX_FAILED_POLLS or _comes_again(error):
                    yield TriggerEvent(PollEvent(status="error", message=reason_of(error)))
                    return
            else:
                if lake.clock() >= deadline:
                    yield TriggerEvent(PollEvent(status="deadline"))
                    return
            interval = min(interval * 1.5, self.max_interval)
