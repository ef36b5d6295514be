"""The trigger that waits for the files of a partition."""

from __future__ import annotations

from typing import Any

from lakelanes.lake import Lake
from lakelanes_airflow.runs import source_look
from lakelanes_airflow.runs.selection import Selection
from lakelanes_airflow.triggers.polling import PollingTrigger


class SourceFilesTrigger(PollingTrigger):
    """Waits until the files of a partition are there and have settled. A file that is due any moment is seen within
    seconds; one that is hours late costs about a LIST request a minute.

    :param entity: name of the entity.
    :param key: the Airflow partition key, e.g. ``2024-03-15``.
    :param reload: whether loaded files are to be loaded again, and so have to settle too.
    """

    def __init__(self, entity: str, key: str, deadline: str, reload: bool = False, **intervals: float) -> None:
        super().__init__(deadline, **intervals)
        self.entity = entity
        self.key = key
        self.reload = reload

    def arguments(self) -> dict[str, Any]:
        return {"entity": self.entity, "key": self.key, "reload": self.reload}

    def is_ready(self, lake: Lake) -> bool:
        selection = Selection(partition=self.key, reload=self.reload, waits=True)
        return source_look.look_at_source(lake, lake.config.entities[self.entity], selection).complete
