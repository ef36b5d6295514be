"""The triggers that wait for a DynamoDB table's point-in-time recovery and for its exports."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lakelanes.lake import Lake
from lakelanes.tables.export_requests import is_in_progress
from lakelanes.tables.recovery import describe_recovery
from lakelanes_airflow.triggers.polling import PollingTrigger


class RecoveryTrigger(PollingTrigger):
    """Waits until point-in-time recovery of a table has reached ``moment``, which is some minutes after it.

    :param table: name of the table in the configuration.
    :param moment: ISO 8601 with offset.
    """

    def __init__(self, table: str, moment: str, deadline: str, **intervals: float) -> None:
        super().__init__(deadline, **intervals)
        self.table = table
        self.moment = moment

    def arguments(self) -> dict[str, Any]:
        return {"table": self.table, "moment": self.moment}

    def is_ready(self, lake: Lake) -> bool:
        latest = describe_recovery(lake, lake.config.tables[self.table]).latest
        # None: it was turned off meanwhile, which the task reports.
        return latest is None or latest >= datetime.fromisoformat(self.moment)


class ExportTrigger(PollingTrigger):
    """Waits until an export of DynamoDB has ended, well or not.

    :param export_arn: the export's ARN.
    """

    def __init__(self, export_arn: str, deadline: str, **intervals: float) -> None:
        super().__init__(deadline, **intervals)
        self.export_arn = export_arn

    def arguments(self) -> dict[str, Any]:
        return {"export_arn": self.export_arn}

    def is_ready(self, lake: Lake) -> bool:
        return not is_in_progress(lake, self.export_arn)
