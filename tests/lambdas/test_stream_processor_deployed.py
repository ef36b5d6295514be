"""The deployed function on the local AWS: DynamoDB -> its stream -> Lambda -> Athena, nothing of it replaced."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from lakelanes.catalog import athena
from lakelanes.lake import Lake
from scripts.deploy import DeployError, detach_streams
from tests.localaws.controls import control, now
from tests.support.function import DeployedLake
from tests.support.localaws import LocalAws
from tests.support.queues import Alerts
from tests.support.streams import StreamedTable, as_payload, newest, processes_of
from tests.support.waiting import wait_for

_numbers = itertools.count()


@pytest.fixture
def table(local_aws: LocalAws) -> StreamedTable:
    """A table of its own, not made yet."""
    return StreamedTable(local_aws, f"streamed-orders-{next(_numbers)}")


@pytest.fixture
def stack(deployed: Callable[..., DeployedLake], table: StreamedTable) -> DeployedLake:
    """A lake that knows the table; its stream is to be attached."""
    return deployed(tables={"orders": table.settings})


def caught_up(lake: Lake, table: StreamedTable) -> None:
    """Waits until the newest rows of the stream are the table's items."""
    wait_for(lambda: (visible(lake), table.items()), lambda found: found[0] == found[1], "the stream's lane")


def visible(lake: Lake) -> Any:
    found = lake.glue.get_tables(DatabaseName=lake.config.resources.glue_database)["TableList"]
    return newest(lake) if found else None


def progress(lake: Lake) -> int:
    """How many records have rows, none before there is a table."""
    return rows(lake)[1] if visible(lake) is not None else 0


def rows(lake: Lake) -> tuple[int, int]:
    """Rows of the table of changes, and how many different sequence numbers they have."""
    [answer] = athena.query(lake, 'SELECT count(*) AS n, count(DISTINCT "_sequence") AS d FROM orders_changes')
    return int(answer["n"] or 0), int(answer["d"] or 0)


def write_at_random(table: StreamedTable, rng: random.Random, count: int) -> None:
    for number in range(count):
        key = rng.randrange(30)
        action = rng.choice([table.put, table.put, table.update, None])
        if action:
            action(key, f"{rng.randrange(10**9)}.{number:04}")
        else:
            table.delete(key)


def test_puts_updates_and_deletes_reach_athena(stack: DeployedLake, table: StreamedTable) -> None:
    table.create()
    table.put(1, "0.0000000001")  # before the lane is there
    stack.attach()
    exact = "1234567890123456789012345678.0123456789"
    table.put(2, exact)
    table.put(3, "3")
    table.update(3, "3.5")
    table.delete(3)
    table.put(3, "4")
    caught_up(stack.lake, table)
    wait_for(lambda: rows(stack.lake), lambda found: found == (6, 6), "six rows")
    assert newest(stack.lake) == table.items()
    assert str(newest(stack.lake)["2"]) == exact


def test_what_expires_is_deleted(stack: DeployedLake, table: StreamedTable) -> None:
    table.create()
    stack.attach()
    soon = int(now(stack.aws).timestamp()) - 60
    table.put(1, "1", expires_at={"N": str(soon)})
    table.put(2, "2", expires_at={"N": str(soon + 10**6)})
    caught_up(stack.lake, table)
    wait_for(lambda: control(stack.aws, "dynamodb/ttl-sweep") and table.items(), lambda left: set(left) == {"2"}, "TTL")
    caught_up(stack.lake, table)
    [row] = athena.query(stack.lake, 'SELECT "_op" AS op, total FROM orders_changes WHERE "_op" = \'delete\'')
    assert (row["op"], row["total"]) == ("delete", None)
    assert any("userIdentity" in record for record in table.records())


def test_a_poison_record_is_given_up_alone_with_one_alert_and_all_others_arrive(
    stack: DeployedLake, table: StreamedTable
) -> None:
    alerts = Alerts(stack.lake)
    table.create()
    for key in range(20):
        table.put(key, key)
    table.put("6.5", "1")  # a key that the column cannot hold
    for key in range(20, 40):
        table.put(key, key)
    stack.attach()
    wait_for(lambda: stack.messages("StreamFailureQueueUrl"), lambda found: found == (1, 0), "the failure's report")
    table.put(40, "40")
    expected = {str(key): key for key in range(41)}
    wait_for(lambda: newest(stack.lake), lambda found: found == expected, "all others")
    [poison] = [r for r in table.records() if r["dynamodb"]["Keys"]["order_id"]["N"] == "6.5"]
    sqs = stack.aws.client("sqs")
    url = stack.outputs["StreamFailureQueueUrl"]
    [message] = wait_for(lambda: sqs.receive_message(QueueUrl=url).get("Messages"), bool, "the report")
    place = json.loads(message["Body"])["DDBStreamBatchInfo"]
    number = poison["dynamodb"]["SequenceNumber"]
    assert (place["startSequenceNumber"], place["endSequenceNumber"], place["batchSize"]) == (number, number, 1)
    assert place["streamArn"] == table.stream_arn
    [alert] = alerts.wait()
    assert [number in fault["file"] for fault in alert["files"]] == [True]


def test_records_that_come_again_change_nothing(stack: DeployedLake, table: StreamedTable) -> None:
    table.create()
    stack.attach()
    write_at_random(table, random.Random(3), 60)
    caught_up(stack.lake, table)
    wait_for(lambda: rows(stack.lake)[1], lambda found: found == len(table.records()), "all records")
    records = table.records()
    for batch in (records, records[10:30], records[20:50], records):
        answer = stack.aws.client("lambda").invoke(
            FunctionName=stack.outputs["StreamProcessor"], Payload=as_payload(batch)
        )
        assert json.loads(answer["Payload"].read()) == {"batchItemFailures": []}
    count, distinct = rows(stack.lake)
    assert distinct == len(records) < count, "the doubles are there"
    assert newest(stack.lake) == table.items(), "and nobody sees them"


def test_a_function_that_is_killed_loses_nothing(stack: DeployedLake, table: StreamedTable) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    rng = random.Random(seed)
    table.create()
    stack.attach(StreamBatchSize="7")
    name, killed, done = stack.outputs["StreamProcessor"], 0, 0
    for _ in range(6):
        write_at_random(table, rng, 40)
        # At whatever moment of its work the function is killed.
        time.sleep(rng.random() * 0.3)
        for pid in processes_of(name, stack.aws.process.pid):
            os.kill(pid, signal.SIGKILL)
            killed += 1
        # A record that always dies with its function is given up, as it should be.
        done = wait_for(lambda: progress(stack.lake), lambda found, before=done: found > before, "more rows")
    assert killed >= 4
    caught_up(stack.lake, table)
    wait_for(lambda: rows(stack.lake)[1], lambda found: found == len(table.records()), "all records")
    assert stack.messages("StreamFailureQueueUrl") == (0, 0)


def test_the_lane_is_switched_off_and_on_without_loss(stack: DeployedLake, table: StreamedTable) -> None:
    table.create()
    first = stack.attach()
    table.put(1, "1")
    caught_up(stack.lake, table)
    assert stack.attach(StreamLane="off") == first
    mapping = stack.aws.client("lambda").get_event_source_mapping(UUID=first["orders"])
    assert mapping["State"] == "Disabled"
    table.put(2, "2")
    table.delete(1)
    assert set(newest(stack.lake)) == {"1"}
    assert stack.attach() == first
    mapping = stack.aws.client("lambda").get_event_source_mapping(UUID=first["orders"])
    assert mapping["State"] == "Disabled", "a deployment that does not name the switch leaves it as it is"
    assert stack.attach(StreamLane="on") == first
    caught_up(stack.lake, table)
    detach_streams(stack.lake.config, stack.aws.client("cloudformation"), tables=stack.lake.config.tables.values())
    left = stack.aws.client("lambda").list_event_source_mappings(EventSourceArn=table.stream_arn)
    assert left["EventSourceMappings"] == []


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        (None, "has no stream: turn it on with `aws dynamodb update-table --table-name"),
        ("KEYS_ONLY", "has StreamViewType KEYS_ONLY, expected NEW_AND_OLD_IMAGES"),
    ],
)
def test_a_stream_of_no_use_is_refused_when_it_is_to_be_attached(
    stack: DeployedLake, table: StreamedTable, view: str | None, reason: str
) -> None:
    table.create(view)
    with pytest.raises(DeployError, match=reason):
        stack.attach()


def test_a_table_that_is_not_there_cannot_be_attached(stack: DeployedLake) -> None:
    with pytest.raises(DeployError, match=r"tables\.orders\.dynamodb_table: there is no table"):
        stack.attach()
