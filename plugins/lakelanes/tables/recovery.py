"""Point-in-time recovery of a DynamoDB table: what can be exported, and the gaps where it cannot.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lakelanes.aws.failures import is_missing
from lakelanes.errors import GapError

if TYPE_CHECKING:
    from lakelanes.config.model import Table
    from lakelanes.lake import Lake
    from lakelanes.tables.ledger import Chain
    from lakelanes.tables.windows import Window


@dataclass(frozen=True)
class Recovery:
    """What point-in-time recovery holds of a table. ``earliest`` and ``latest`` are None while it is off."""

    table_arn: str
    table_id: str
    earliest: datetime | None = None
    latest: datetime | None = None
    days: int = 35


def describe_recovery(lake: Lake, table: Table) -> Recovery:
    """Asks DynamoDB what can be exported. Raises GapError when the table is not there."""
    db, name = lake.dynamodb, table.dynamodb_table
    try:
        described = db.describe_table(TableName=name)["Table"]
        backups = db.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    except db.exceptions.ClientError as error:
        if not is_missing(error):
            raise
        raise GapError(
            "table_missing",
            f"DynamoDB has no table {name!r} in {lake.config.aws.region}",
            f"Correct tables.{table.name}.dynamodb_table in the configuration, or restore the table and then "
            f"run: {repair_command(table)}",
        ) from None
    recovery = Recovery(described["TableArn"], described["TableId"])
    description = backups.get("PointInTimeRecoveryDescription", {})
    if description.get("PointInTimeRecoveryStatus") != "ENABLED" or "EarliestRestorableDateTime" not in description:
        return recovery
    return replace(
        recovery,
        earliest=description["EarliestRestorableDateTime"],
        latest=description["LatestRestorableDateTime"],
        days=description.get("RecoveryPeriodInDays", recovery.days),
    )


def repair_command(table: Table) -> str:
    """The command that starts the table's exports anew."""
    return f"lakelanes tables repair {table.name}"


def restorable_range(table: Table, recovery: Recovery) -> tuple[datetime, datetime]:
    """The first and the last moment that recovery holds. Raises GapError while it is off."""
    name = table.dynamodb_table
    if recovery.earliest is None or recovery.latest is None:
        raise GapError(
            "recovery_off",
            f"point-in-time recovery of {name} is off, and DynamoDB exports nothing without it",
            f"Turn it on: aws dynamodb update-continuous-backups --table-name {name} "
            f"--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true\n"
            f"Then start anew with a full export: {repair_command(table)}",
        )
    return recovery.earliest, recovery.latest


def check_restorable(table: Table, recovery: Recovery, window: Window, subject: str) -> None:
    """Raises GapError unless recovery holds the start of the window. subject: what is to be exported, for the text."""
    earliest, latest = restorable_range(table, recovery)
    if earliest <= window.start:
        return
    expired = latest - window.start > timedelta(days=recovery.days)
    raise GapError(
        "out_of_range" if expired else "recovery_restarted",
        f"{subject} is not exported, and point-in-time recovery of {table.dynamodb_table} begins at "
        f"{earliest:%Y-%m-%dT%H:%M:%SZ} only" + ("" if expired else ": it was turned off and on again"),
        f"Start anew with a full export: {repair_command(table)}",
    )


def check_incarnation(table: Table, chain: Chain, recovery: Recovery) -> None:
    """Raises GapError when the table was deleted and made again since its exports began."""
    if chain.table_id != recovery.table_id:
        raise GapError(
            "table_recreated",
            f"{table.dynamodb_table} is another table (id {recovery.table_id}) than the one that was exported so far "
            f"(id {chain.table_id})",
            f"Start anew with a full export: {repair_command(table)}",
        )
