"""Real tables of the local DynamoDB, with point-in-time recovery, and a clock that tests move."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from lakelanes.config.model import Table
from lakelanes.lake import Lake
from lakelanes.tables.ledger import TableLedger
from lakelanes.tables.windows import Window, next_window
from tests.localaws.controls import control, now
from tests.support.localaws import LocalAws

ORDERS: dict[str, Any] = {
    "table_name": "orders",
    "keys": ["order_id"],
    "schema": [
        {"name": "order_id", "type": "string"},
        {"name": "total", "type": "decimal(38,2)"},
        {"name": "city", "type": "string", "attribute": "address.city"},
    ],
    "export": {"window_minutes": 15},
}
# Recovery is five minutes behind, and holds whole seconds.
SETTLED = timedelta(seconds=301)


@dataclass
class SourceTable:
    """A table of the configuration, as it is in DynamoDB."""

    aws: LocalAws
    lake: Lake
    name: str = "orders"

    @property
    def table(self) -> Table:
        return self.lake.config.tables[self.name]

    @property
    def ledger(self) -> TableLedger:
        return TableLedger(self.lake, self.name)

    def create(self, *, recovery: bool = True) -> None:
        db = self.lake.dynamodb
        db.create_table(
            TableName=self.table.dynamodb_table,
            KeySchema=[{"AttributeName": "order_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "order_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        if recovery:
            self.recovery(True)

    def drop(self) -> None:
        self.lake.dynamodb.delete_table(TableName=self.table.dynamodb_table)

    def recovery(self, enabled: bool) -> None:
        self.lake.dynamodb.update_continuous_backups(
            TableName=self.table.dynamodb_table,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": enabled},
        )

    def put(self, key: str, total: str) -> None:
        item = {"order_id": {"S": key}, "total": {"N": total}}
        self.lake.dynamodb.put_item(TableName=self.table.dynamodb_table, Item=item)

    def delete(self, key: str) -> None:
        self.lake.dynamodb.delete_item(TableName=self.table.dynamodb_table, Key={"order_id": {"S": key}})

    def items(self) -> dict[str, Decimal]:
        """What the table holds: total by key."""
        pages = self.lake.dynamodb.get_paginator("scan").paginate(
            TableName=self.table.dynamodb_table, ConsistentRead=True
        )
        return {item["order_id"]["S"]: Decimal(item["total"]["N"]) for page in pages for item in page["Items"]}

    def now(self) -> datetime:
        return now(self.aws)

    def advance(self, time: timedelta) -> None:
        control(self.aws, "clock", advance=time.total_seconds())

    def settle(self) -> None:
        """Lets recovery hold what was written, and the whole minute after it."""
        self.advance(timedelta(minutes=1) + SETTLED)

    def close(self, window: Window) -> Window:
        """Lets the window end, and recovery hold all of it."""
        self.advance(max(timedelta(), window.end - self.now()) + SETTLED)
        return window

    def next_window(self, after: datetime | None = None) -> Window:
        """The window that follows the base, or another one."""
        chain = self.ledger.chain()
        assert chain is not None
        return next_window(after or chain.start, self.table.export.window_minutes)
