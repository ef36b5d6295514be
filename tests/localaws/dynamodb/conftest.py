"""A local AWS whose clock these tests move; they keep apart by the tables they make."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.localaws.controls import control, now
from tests.support.localaws import LocalAws


@pytest.fixture(scope="session")
def local_aws(clocked_aws: LocalAws) -> LocalAws:
    """The one whose clock tests move."""
    return clocked_aws


@pytest.fixture
def dynamodb(local_aws: LocalAws) -> Any:
    """A DynamoDB client."""
    return local_aws.client("dynamodb")


class Table:
    """A table with the keys ``id`` and ``line``, and point-in-time recovery on."""

    def __init__(self, aws: LocalAws, name: str, **options: Any) -> None:
        self.aws = aws
        self.name = name
        self.client = aws.client("dynamodb")
        created = self.client.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "line", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "line", "AttributeType": "N"},
            ],
            BillingMode="PAY_PER_REQUEST",
            **options,
        )["TableDescription"]
        self.arn = created["TableArn"]
        self.table_id = created["TableId"]
        self.recovery(True)

    def recovery(self, enabled: bool, **specification: Any) -> dict[str, Any]:
        """Switch point-in-time recovery."""
        return dict(
            self.client.update_continuous_backups(
                TableName=self.name,
                PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": enabled, **specification},
            )["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        )

    def restorable(self) -> dict[str, Any]:
        """What DescribeContinuousBackups says of point-in-time recovery."""
        described = self.client.describe_continuous_backups(TableName=self.name)
        return dict(described["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"])

    def put(self, key: str, line: int = 1, **attributes: Any) -> dict[str, Any]:
        """PutItem; returns the item."""
        item = {**self.key(key, line), **attributes}
        self.client.put_item(TableName=self.name, Item=item)
        return item

    def delete(self, key: str, line: int = 1) -> None:
        """DeleteItem."""
        self.client.delete_item(TableName=self.name, Key=self.key(key, line))

    @staticmethod
    def key(key: str, line: int = 1) -> dict[str, Any]:
        """A key as DynamoDB has it."""
        return {"id": {"S": key}, "line": {"N": str(line)}}


@pytest.fixture
def table(local_aws: LocalAws, unique: Callable[[str], str]) -> Table:
    """A fresh table."""
    return Table(local_aws, unique("table-"))


@pytest.fixture
def hour(local_aws: LocalAws, table: Table) -> Callable[[], tuple[datetime, datetime]]:
    """Closes a window over what was written since the last call, or since the table was made."""
    start = table.restorable()["EarliestRestorableDateTime"]

    def close() -> tuple[datetime, datetime]:
        nonlocal start
        control(local_aws, "clock", advance=3600)
        end = now(local_aws).replace(microsecond=0)
        control(local_aws, "clock", advance=301)
        window, start = (start, end), end
        return window

    control(local_aws, "clock", advance=timedelta(seconds=1).total_seconds())
    return close
