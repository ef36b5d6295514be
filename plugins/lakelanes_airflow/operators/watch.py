"""The operator that watches the lake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from lakelanes.alerts import incidents
from lakelanes_airflow.notifications import channels, import_errors
from lakelanes_airflow.notifications.cure_incidents import cure_incidents
from lakelanes_airflow.process_lake import open_lake
from lakelanes_airflow.runs.xcoms import explained


class WatchLakeOperator(BaseOperator):
    """Looks for faults that no failed run reports, sends their alerts, and closes what is cured (``lakelanes.watch``).

    Returns the causes that are open afterwards. Fails, once all other checks were made, when one could not be made.
    """

    template_fields: Sequence[str] = ()

    def execute(self, context: Any) -> list[str]:
        # Imported here, for no parse of a DAG file needs the catalogue, the views and the exports.
        from lakelanes.watch import watch

        with explained(context):
            lake = open_lake()
            result = watch(lake, channels.send, context["run_id"])
            incidents.cure_all(lake, import_errors.cures(incidents.uncured_incidents(lake)), channels.send)
        cure_incidents(lake, context, complete=not result.failed)
        for incident in (opened := incidents.open_incidents(lake)):
            self.log.info("Open since %s: %s: %s", incident.since, incident.cause, incident.reason)
        if result.failed:
            raise AirflowFailException(f"checks that could not be made: {', '.join(result.failed)}; the log says why")
        return [incident.cause for incident in opened]
