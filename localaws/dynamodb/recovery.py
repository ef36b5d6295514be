"""Point-in-time recovery: whether it is on, for which times, and the journal behind it.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from localaws import protocol
from localaws.clock import MICROS, ServiceClock
from localaws.dynamodb import tables
from localaws.dynamodb.journal import Journal
from localaws.dynamodb.tables import Table
from localaws.protocol import AwsError, Request

_DAY = 24 * 3600 * MICROS
# "LatestRestorableDateTime is typically 5 minutes before the current time."
_SETTLING = 5 * 60 * MICROS
_MAXIMUM_DAYS = 35


@dataclass
class Recovery:
    """Point-in-time recovery of one table while it is on; ``since`` is in microseconds since 1970."""

    since: int
    days: int
    journal: Journal

    def earliest(self, now: int) -> int:
        """The first restorable time."""
        return max(self.since, now - self.days * _DAY)

    def latest(self, now: int) -> int:
        """The last restorable time."""
        return max(self.earliest(now), now - _SETTLING)


class Recoveries:
    """The tables with point-in-time recovery, by table id: a table made again under its name has another id."""

    def __init__(self, clock: ServiceClock) -> None:
        self._clock = clock
        self._by_table: dict[str, Recovery] = {}
        # Held over each write and its journal entry: CloudFormation may enable recovery from another thread.
        self.writing = threading.RLock()

    def reset(self) -> None:
        """Forget everything."""
        self._by_table.clear()

    def kept(self) -> dict[str, Recovery]:
        """The journals, by table id."""
        return self._by_table

    def restore(self, kept: dict[str, Recovery]) -> None:
        """Take over the journals of an earlier server."""
        self._by_table.update(kept)

    def of(self, table: Table) -> Recovery | None:
        """The table's recovery, None when it is off."""
        return self._by_table.get(table["TableId"])

    def enable(self, table: Table, days: int | None = None) -> None:
        """Start the journal with what the table holds now, or only change the period when it is on already."""
        with self.writing:
            recovery = self.of(table)
            if recovery is None:
                since = self._clock.mark_millisecond()
                recovery = Recovery(since, _MAXIMUM_DAYS, Journal(tables.items(table)))
                self._by_table[table["TableId"]] = recovery
        # What a shorter period dropped does not come back with a longer one.
        recovery.since = recovery.earliest(self._clock.micros())
        recovery.days = days or _MAXIMUM_DAYS
        tables.module()._pitr_settings[table["TableName"]] = True

    def disable(self, table: Table) -> None:
        """Drop the journal: none of the times before can be restored any more."""
        self._by_table.pop(table["TableId"], None)
        tables.module()._pitr_settings[table["TableName"]] = False

    def update(self, request: Request) -> dict[str, Any]:
        """UpdateContinuousBackups."""
        table = tables.named(request.get("TableName"))
        specification = request.get("PointInTimeRecoverySpecification")
        if not isinstance(specification, dict) or not isinstance(specification.get("PointInTimeRecoveryEnabled"), bool):
            raise protocol.constraint_error(
                "ValidationException",
                "pointInTimeRecoverySpecification.pointInTimeRecoveryEnabled",
                None,
                "Member must not be null",
            )
        days = specification.get("RecoveryPeriodInDays")
        if days is not None:
            member = "pointInTimeRecoverySpecification.recoveryPeriodInDays"
            protocol.check_range("ValidationException", member, days, 1, _MAXIMUM_DAYS)
        if specification["PointInTimeRecoveryEnabled"]:
            self.enable(table, days)
        elif days is not None:
            raise AwsError(
                "ValidationException", "RecoveryPeriodInDays can only be given when point in time recovery is enabled"
            )
        else:
            self.disable(table)
        return self._description(table)

    def describe(self, request: Request) -> dict[str, Any]:
        """DescribeContinuousBackups."""
        return self._description(tables.named(request.get("TableName")))

    def _description(self, table: Table) -> dict[str, Any]:
        described: dict[str, Any] = {"PointInTimeRecoveryStatus": "DISABLED"}
        recovery = self.of(table)
        if recovery is not None:
            now = self._clock.micros()
            described = {
                "PointInTimeRecoveryStatus": "ENABLED",
                "RecoveryPeriodInDays": recovery.days,
                # Whole seconds: the first one that is wholly covered, and the last one.
                "EarliestRestorableDateTime": -(-recovery.earliest(now) // MICROS),
                "LatestRestorableDateTime": max(-(-recovery.earliest(now) // MICROS), recovery.latest(now) // MICROS),
            }
        return {
            "ContinuousBackupsDescription": {
                "ContinuousBackupsStatus": "ENABLED",
                "PointInTimeRecoveryDescription": described,
            }
        }
