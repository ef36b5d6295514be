"""A DynamoDB table by the scheduler's own run, and the same windows once more by a backfill."""

from __future__ import annotations

import json
import urllib.request
from decimal import Decimal

from scripts.demo_orders import unequal
from scripts.load_dynamodb import Plan, apply_change, load, read_dataset
from scripts.sample_orders import KEY, Orders
from tests.end_to_end.conftest import BEHIND_HOURS, ORDERS
from tests.end_to_end.world import World, wait_for

TABLE = ORDERS["dynamodb_table"]
COUNT = 200
# Recovery is five minutes behind, and exports begin with a whole minute.
RECOVERY_SECONDS = 7 * 60


def let_pass(world: World, seconds: float) -> None:
    """Lets time pass for DynamoDB."""
    url, body = f"{world.stack.endpoint_url}/_localaws/clock", json.dumps({"advance": seconds}).encode()
    urllib.request.urlopen(urllib.request.Request(url, data=body, method="POST"), timeout=30).close()


def in_dynamodb(world: World) -> dict[str, tuple[int, str, Decimal]]:
    pages = world.stack.client("dynamodb").get_paginator("scan").paginate(TableName=TABLE, ConsistentRead=True)
    return {
        item[KEY]["S"]: (int(item["version"]["N"]), item["status"]["S"], Decimal(item["total"]["N"]))
        for page in pages
        for item in page["Items"]
    }


def in_the_lake(world: World) -> dict[str, tuple[int, str, Decimal]]:
    rows = world.query("SELECT order_id, version, status, total FROM orders_current")
    return {str(key): (int(str(version)), str(status), Decimal(str(total))) for key, version, status, total in rows}


def changes_of(world: World, windows: list[str]) -> list[tuple[str | None, ...]]:
    listed = ", ".join(f"'{window}'" for window in windows)
    condition = f"lane = 'export' AND \"window\" IN ({listed})"
    return sorted(world.query(f"SELECT * FROM orders_changes WHERE {condition}"), key=str)


def forget(world: World, windows: list[str]) -> None:
    """Takes the windows out of the lake, as if nobody had exported them."""
    client, ledger = world.stack.client("dynamodb"), world.resources.ledger_table
    bucket, gone = world.resources.analytics_bucket, 0
    for page in client.get_paginator("scan").paginate(TableName=ledger):
        for item in page["Items"]:
            if item["version"]["S"].removeprefix("window#") in windows:
                client.delete_item(TableName=ledger, Key={name: item[name] for name in ("source", "version")})
                gone += 1
    assert gone == len(windows)
    for window in windows:
        prefix = f"orders_changes/lane=export/window={window}/"
        for entry in world.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]:
            world.s3.delete_object(Bucket=bucket, Key=entry["Key"])
    world.delete_partitions("orders_changes", [["export", window] for window in windows])


def test_a_backfill_of_windows_gives_the_rows_that_the_schedule_gave(world: World) -> None:
    client, plan = world.stack.client("dynamodb"), Plan(Orders(), COUNT, read_dataset())
    load(client, TABLE, plan)
    let_pass(world, RECOVERY_SECONDS)
    # The full export, which windows follow from; the scheduled run waits for its own window.
    world.pause("export_orders", False)
    assert world.trigger("export_orders")["state"] == "success"
    wait_for(lambda: world.runs("export_orders", run_type="scheduled"), bool, "the scheduled run")
    hours, each = BEHIND_HOURS - 1, {"update": 20, "delete": 4, "exchange": 2}
    changes = list(Plan(plan.orders, COUNT, plan.dataset, {k: n * hours for k, n in each.items()}).series())
    for hour in range(hours):
        own = changes[len(changes) * hour // hours : len(changes) * (hour + 1) // hours]
        assert all(apply_change(client, TABLE, change) for change in own)
        let_pass(world, 3600)
    # Beyond the machine's time: the last window of the scheduled run has ended, and recovery holds it.
    let_pass(world, 3600 + RECOVERY_SECONDS)
    # One, or two where an hour has begun meanwhile.
    for scheduled in world.runs("export_orders", run_type="scheduled"):
        assert world.ended(scheduled)["state"] == "success", world.states(scheduled)
    assert unequal(in_the_lake(world), in_dynamodb(world)) == []

    windows = [
        str(row[0])
        for row in world.query("SELECT DISTINCT \"window\" FROM orders_changes WHERE lane = 'export' ORDER BY 1")
    ][1:4]
    assert len(windows) == 3
    expected = changes_of(world, windows)
    assert len(expected) > 3 * sum(each.values()) // 2
    forget(world, windows)
    assert changes_of(world, windows) == []
    first, last = (f"{w[:4]}-{w[4:6]}-{w[6:8]}T{w[9:11]}:{w[11:13]}:00Z" for w in (windows[0], windows[-1]))
    backfill = world.api.post(
        "/backfills", {"dag_id": "export_orders", "from_date": first, "to_date": last, "max_active_runs": 3}
    )
    world.completed(backfill)
    runs = world.runs("export_orders", run_type="backfill")
    assert sorted((run["partition_key"], run["state"]) for run in runs) == [
        (f"{w[:4]}-{w[4:6]}-{w[6:8]}T{w[9:11]}:{w[11:13]}", "success") for w in windows
    ]
    assert changes_of(world, windows) == expected
    assert unequal(in_the_lake(world), in_dynamodb(world)) == []
