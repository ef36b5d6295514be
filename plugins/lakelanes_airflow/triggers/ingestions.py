"""The trigger that waits for a refresh of a QuickSight data set."""

from __future__ import annotations

from typing import Any

from lakelanes.dashboards import spice
from lakelanes.dashboards.refresh_plan import Refresh
from lakelanes.lake import Lake
from lakelanes_airflow.triggers.polling import PollingTrigger


class IngestionTrigger(PollingTrigger):
    """Waits until an ingestion has ended, well or not.

    :param refresh: what ``Refresh.to_dict`` made of it.
    """

    def __init__(self, refresh: dict[str, str], deadline: str, **intervals: float) -> None:
        super().__init__(deadline, **intervals)
        self.refresh = refresh

    def arguments(self) -> dict[str, Any]:
        return {"refresh": self.refresh}

    def is_ready(self, lake: Lake) -> bool:
        return not spice.is_active(lake, Refresh.from_dict(self.refresh))
