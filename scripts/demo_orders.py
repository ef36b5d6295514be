"""The demo's orders: a DynamoDB table that changes, by its stream and by exports, held against the table itself.

An export window lasts an hour and ends in the past, so the local AWS starts with DynamoDB's clock some hours behind,
and the demo moves it on (docs/what-runs-where.md). Nothing but the demo knows of that.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from lakelanes.catalog import athena
from lakelanes.lake import Lake
from scripts.console import Stages
from scripts.load_dynamodb import Plan, load, read_dataset
from scripts.sample_orders import KEY, Orders

# By how much DynamoDB's clock is behind when the stack starts.
BEHIND_SECONDS = 4 * 3600
ORDERS = 1_000
CHANGES: Mapping[str, int] = {"update": 200, "delete": 40, "reput": 10, "exchange": 20}
# Point-in-time recovery is five minutes behind, and exports begin with a whole minute.
_RECOVERY_SECONDS = 7 * 60
_POLL_SECONDS = 0.2
# So long the view may take to show the last changes.
_CATCH_UP_SECONDS = 90.0

# Version, status and total of each order.
States = dict[str, tuple[int, str, Decimal]]


class OrdersError(Exception):
    """The lake does not hold what the table does; the text names some orders."""


@dataclass(frozen=True)
class OrdersDemo:
    """The steps, on a running stack. ``run_dag`` triggers a DAG and returns when the run has ended well."""

    lake: Lake
    endpoint_url: str
    stages: Stages
    run_dag: Callable[[str], None]

    def play(self) -> None:
        """Loads orders, exports them, lets them change by the stream, and exports the changes. Raises OrdersError."""
        table = self.lake.config.tables["orders"]
        orders = Plan(Orders(), ORDERS, read_dataset())
        with self.stages.stage("orders", f"writing to DynamoDB's {table.dynamodb_table}"):
            load(self.lake.dynamodb, table.dynamodb_table, orders)
            self.stages.result(f"{ORDERS:,} orders in DynamoDB's {table.dynamodb_table}")
        with self.stages.stage("export", "a full export"):
            self._advance(_RECOVERY_SECONDS)
            self.run_dag("export_orders")
            self.stages.result(f"{self._caught_up():,} orders in {table.current_view}, equal to the table's")
        with self.stages.stage("stream", "changing orders"):
            done = load(self.lake.dynamodb, table.dynamodb_table, replace(orders, changes=CHANGES), start=ORDERS)
            started = time.monotonic()
            count = self._caught_up()
            seconds = time.monotonic() - started
            self.stages.result(
                f"{done.written.total()} changes; {count:,} orders, equal to the table's {seconds:.1f} s after the last"
            )
        with self.stages.stage("windows", "exporting the changes"):
            self._advance(3600 + _RECOVERY_SECONDS)
            self.run_dag("export_orders")
            [changes] = self._ask(
                f"SELECT count(*) AS changes, count(DISTINCT window) AS windows FROM {table.changes_table} "
                "WHERE lane = 'export'"
            )
            self.stages.result(
                f"{changes['changes']} orders changed, by {changes['windows']} window(s) of exports; "
                f"{self._caught_up():,} orders, equal to the table's"
            )
            if not int(changes["changes"] or 0):
                raise OrdersError("no exported window holds a change")
        # Up to now, for the scheduled run, whose window is the last hour, and for whoever goes on using the stack.
        self._advance(BEHIND_SECONDS - 3600 - 2 * _RECOVERY_SECONDS)

    def _advance(self, seconds: int) -> None:
        """Moves DynamoDB's clock forward."""
        request = urllib.request.Request(
            f"{self.endpoint_url}/_localaws/clock", data=json.dumps({"advance": seconds}).encode(), method="POST"
        )
        urllib.request.urlopen(request, timeout=30).close()

    def _caught_up(self) -> int:
        """How many orders the view has, once it has those that the table has, in their last version."""
        deadline = time.monotonic() + _CATCH_UP_SECONDS
        wanted = self._table()
        while (found := self._view()) != wanted:
            if time.monotonic() > deadline:
                raise OrdersError("\n  ".join(["the lake does not hold what the table does:", *unequal(found, wanted)]))
            self.stages.update(f"{len(unequal(found, wanted, None)):,} orders are still to come")
            time.sleep(_POLL_SECONDS)
        return len(found)

    def _table(self) -> States:
        table = self.lake.config.tables["orders"].dynamodb_table
        pages = self.lake.dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        return {
            item[KEY]["S"]: (int(item["version"]["N"]), item["status"]["S"], Decimal(item["total"]["N"]))
            for page in pages
            for item in page["Items"]
        }

    def _view(self) -> States:
        view = self.lake.config.tables["orders"].current_view
        return {
            str(row["order_id"]): (int(row["version"] or 0), str(row["status"]), Decimal(row["total"] or "NaN"))
            for row in self._ask(f"SELECT order_id, version, status, total FROM {view}")
        }

    def _ask(self, sql: str) -> list[dict[str, str | None]]:
        return list(athena.results(self.lake, athena.execute(self.lake, sql)))


def unequal(found: States, wanted: States, most: int | None = 10) -> list[str]:
    """A line for each order, ``most`` at most, that differs between the lake and the table."""
    keys = sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))
    return [f"{key}: the lake has {found.get(key)}, the table {wanted.get(key)}" for key in keys[:most]]
