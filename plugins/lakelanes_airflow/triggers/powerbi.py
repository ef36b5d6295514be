"""The trigger that waits for a refresh of a Power BI model, and the connection that names the model."""

from __future__ import annotations

from typing import Any

from lakelanes.dashboards.enhanced_refresh import API, AUTHORITY, PowerBI
from lakelanes.lake import Lake
from lakelanes_airflow.notifications.channels import configured
from lakelanes_airflow.triggers.polling import PollingTrigger

CONNECTION = "lakelanes_powerbi"


def power_bi() -> PowerBI | None:
    """The model of the connection ``lakelanes_powerbi``; None when Airflow has none.

    Login and password are the application's id and secret. The extra names ``tenant``, ``workspace`` and
    ``semantic_model`` by their ids; ``api`` and ``authority`` are for the clouds of other countries.
    """
    connection = configured(CONNECTION)
    if connection is None:
        return None
    extra = connection.extra_dejson
    return PowerBI(
        tenant=str(extra.get("tenant", "")),
        client_id=connection.login or "",
        secret=connection.password or "",
        workspace=str(extra.get("workspace", "")),
        model=str(extra.get("semantic_model", "")),
        api=str(extra.get("api") or API),
        authority=str(extra.get("authority") or AUTHORITY),
    )


class PowerBITrigger(PollingTrigger):
    """Waits until a refresh has ended, well or not.

    :param request: the refresh's id.
    """

    def __init__(self, request: str, deadline: str, **intervals: float) -> None:
        super().__init__(deadline, **intervals)
        self.request = request

    def arguments(self) -> dict[str, Any]:
        return {"request": self.request}

    def is_ready(self, lake: Lake) -> bool:
        model = power_bi()
        # None: the connection was removed meanwhile, which the task says.
        return model is None or not model.is_active(self.request)
