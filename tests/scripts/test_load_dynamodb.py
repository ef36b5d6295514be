"""The loader of orders, against a real table of the local AWS."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from scripts import load_dynamodb
from scripts.load_dynamodb import (
    OrdersError,
    Pace,
    Plan,
    apply_change,
    check_table,
    create_table,
    load,
    put_items,
    read_dataset,
)
from scripts.sample_orders import DATASET_ORDERS, Changes, Orders
from tests.support.lakes import config_text
from tests.support.localaws import LocalAws

_numbers = itertools.count()
ORDERS = {
    "dynamodb_table": "app-orders",
    "table_name": "orders",
    "keys": ["order_id"],
    "schema": [{"name": "order_id", "type": "string"}],
}
CHANGES = {"update": 120, "delete": 20, "reput": 8, "exchange": 12, "put": 3}


@pytest.fixture
def client(local_aws: LocalAws) -> Any:
    return local_aws.client("dynamodb")


@pytest.fixture
def table(client: Any) -> str:
    """A new table for orders."""
    name = f"sample-orders-{next(_numbers)}"
    assert create_table(client, name)
    return name


@pytest.fixture
def environment(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)


class ExactDeserializer(TypeDeserializer):
    """boto3's own refuses numbers of 38 digits and a large exponent: DynamoDB writes their zeros out."""

    def _deserialize_n(self, value: str) -> Decimal:
        return Decimal(value)


def scan(client: Any, table: str) -> dict[str, dict[str, Any]]:
    """The table's orders as Python values, by key."""
    deserialize = ExactDeserializer().deserialize
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    rows = [{name: deserialize(value) for name, value in item.items()} for page in pages for item in page["Items"]]
    return {row["order_id"]: row for row in rows}


def written(order: Any) -> Any:
    """An order as Python values, as it comes back: whole numbers are Decimals as well."""
    if isinstance(order, dict):
        return {name: written(value) for name, value in order.items()}
    if isinstance(order, list):
        return [written(value) for value in order]
    return Decimal(order) if isinstance(order, int) and not isinstance(order, bool) else order


class Unwilling:
    """A client whose BatchWriteItem leaves items unprocessed: as many in each call as ``refusals`` says."""

    def __init__(self, client: Any, refusals: Iterator[int]) -> None:
        self._client, self._refusals = client, refusals
        self.calls: list[int] = []

    def batch_write_item(self, RequestItems: dict[str, list[Any]]) -> dict[str, Any]:
        [(table, requests)] = RequestItems.items()
        self.calls.append(len(requests))
        refused = next(self._refusals, 0)
        taken = requests[: len(requests) - refused]
        if taken:
            self._client.batch_write_item(RequestItems={table: taken})
        return {"UnprocessedItems": {table: requests[len(taken) :]} if refused else {}}


def test_orders_arrive_to_the_last_digit(client: Any, table: str) -> None:
    result = load(client, table, Plan(Orders(6), 300))
    assert (result.written, result.already, result.sent_again) == (Counter(order=300), 0, 0)
    assert scan(client, table) == {order["order_id"]: written(order) for order in map(Orders(6).order, range(300))}


def test_the_file_comes_first_and_is_continued(client: Any, table: str) -> None:
    file = read_dataset()
    load(client, table, Plan(Orders(), DATASET_ORDERS + 30, file))
    assert scan(client, table) == {
        order["order_id"]: written(order) for order in map(Orders().order, range(DATASET_ORDERS + 30))
    }


def test_unprocessed_items_are_sent_again_after_pauses_that_may_grow(client: Any, table: str) -> None:
    unwilling, pauses = Unwilling(client, iter([5, 5, 5, 2])), list[float]()
    assert put_items(unwilling, table, list(Orders(6).items(0, 20)), pauses.append) == 17
    assert unwilling.calls == [20, 5, 5, 5, 2]
    assert len(scan(client, table)) == 20
    limits = [0.05, 0.1, 0.2, 0.05]
    assert all(0 <= pause <= limit for pause, limit in zip(pauses, limits, strict=True)), pauses


def test_items_that_are_never_taken_are_given_up(client: Any, table: str) -> None:
    unwilling = Unwilling(client, itertools.repeat(3))
    with pytest.raises(OrdersError, match="left 3 items unprocessed 12 times in a row: lower --rate"):
        put_items(unwilling, table, list(Orders(6).items(0, 3)), lambda seconds: None)


def test_changes_do_what_they_say(client: Any, table: str) -> None:
    plan = Plan(Orders(6), 100, changes=CHANGES)
    before = {order["order_id"]: written(order) for order in map(Orders(6).order, range(100))}
    result = load(client, table, plan)
    after = scan(client, table)
    assert sum(result.written.values()) == plan.writes
    deletes, puts = Counter[str](), Counter[str]()
    last: dict[str, int] = {}
    for change in plan.series():
        for write in change.writes:
            key = write.order_id
            deletes[key] += write.operation == "Delete"
            puts[key] += write.operation == "Put"
            last[key] = write.version
    gone = {key for key in before.keys() | puts.keys() if deletes[key] == puts[key] + (key in before)}
    assert after.keys() == (before.keys() | puts.keys() - {key for key, count in puts.items() if not count}) - gone
    for key, order in after.items():
        assert order["version"] == last.get(key, 1)
        if key not in last:
            assert order == before[key]
    assert len(gone) >= 10


def test_a_change_that_was_applied_is_not_applied_again(client: Any, table: str) -> None:
    load(client, table, Plan(Orders(6), 50))
    changes = list(Changes(Orders(6), 50).series(update=60, exchange=10, delete=10, reput=5))
    assert all(apply_change(client, table, change) for change in changes)
    state = scan(client, table)
    for change in changes[-1:]:
        assert not apply_change(client, table, change)
    # Every one but those of orders that were deleted later.
    gone = {write.order_id for change in changes for write in change.writes} - state.keys()
    for change in changes:
        if not gone & {write.order_id for write in change.writes}:
            assert not apply_change(client, table, change)
    assert scan(client, table) == state


def test_a_transaction_of_which_one_part_was_applied_is_completed(client: Any, table: str) -> None:
    load(client, table, Plan(Orders(6), 10))
    exchange = Changes(Orders(6), 10).next("exchange")
    returned, replacement = exchange.writes
    client.put_item(TableName=table, Item=replacement.parameters["Item"])
    assert apply_change(client, table, exchange)
    after = scan(client, table)
    assert len(after) == 11
    assert after[returned.key["order_id"]["S"]]["status"] == "returned"
    assert not apply_change(client, table, exchange)


class Contended:
    """A client that another transaction is in the way of, for the first calls."""

    def __init__(self, client: Any, refusals: int) -> None:
        self._client, self.left = client, refusals

    def transact_write_items(self, **request: Any) -> Any:
        self._refuse("TransactionCanceledException", [{"Code": "TransactionConflict"}, {"Code": "None"}])
        return self._client.transact_write_items(**request)

    def put_item(self, **request: Any) -> Any:
        self._refuse("TransactionConflictException", [])
        return self._client.put_item(**request)

    delete_item = update_item = put_item

    def _refuse(self, code: str, reasons: list[Any]) -> None:
        if self.left:
            self.left -= 1
            raise ClientError({"Error": {"Code": code}, "CancellationReasons": reasons}, "any")


@pytest.mark.parametrize("kind", ["exchange", "put"])
def test_a_write_that_a_transaction_is_in_the_way_of_is_tried_again(client: Any, table: str, kind: Any) -> None:
    load(client, table, Plan(Orders(6), 5))
    change, contended = Changes(Orders(6), 5).next(kind), Contended(client, 2)
    assert apply_change(contended, table, change)
    assert contended.left == 0
    assert len(scan(client, table)) == 6


def test_an_order_that_somebody_else_changed_is_left_alone(client: Any, table: str) -> None:
    load(client, table, Plan(Orders(6), 10))
    changes = Changes(Orders(6), 10)
    first, other = changes.next("update"), changes.next("exchange")
    key = first.writes[0].key
    client.delete_item(TableName=table, Key=key)
    with pytest.raises(OrdersError, match=rf"update 0: order {key['order_id']['S']} is not there, expected version 1"):
        apply_change(client, table, first)
    key = other.writes[0].key
    names, values = {"#v": "version"}, {":v": {"N": "0"}}
    client.update_item(
        TableName=table,
        Key=key,
        UpdateExpression="SET #v = :v",
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=values,
    )
    state = scan(client, table)
    with pytest.raises(OrdersError, match=r"exchange 1: order .* is at version 0, expected version"):
        apply_change(client, table, other)
    assert scan(client, table) == state, "the other part of the transaction was not applied either"


def test_loading_again_ends_in_the_same_state(client: Any, table: str) -> None:
    plan = Plan(Orders(6), 80, changes=CHANGES)
    load(client, table, plan)
    state = scan(client, table)
    load(client, table, plan)
    assert scan(client, table) == state


@pytest.mark.parametrize("stop_after", [26, 81, 150])
def test_a_load_that_broke_off_goes_on_where_it_was(client: Any, table: str, stop_after: int) -> None:
    plan = Plan(Orders(6), 80, changes=CHANGES)

    class Stopped(Exception):
        pass

    done = 0

    def stop(phase: str, count: int) -> None:
        nonlocal done
        done += count
        if done >= stop_after:
            raise Stopped

    with pytest.raises(Stopped):
        load(client, table, plan, on_writes=stop)
    # The last write may have been applied without having been counted.
    result = load(client, table, plan, start=max(0, done - 1))
    assert result.already <= 1
    other = f"{table}-at-once"
    create_table(client, other)
    load(client, other, plan)
    assert scan(client, table) == scan(client, other)


def test_orders_whose_time_is_over_are_marked_and_then_left_alone(client: Any, table: str) -> None:
    load(client, table, Plan(Orders(6), 20))
    now = datetime.now(UTC)
    changes = Changes(Orders(6), 20, clock=lambda: now)
    expiry = changes.next("expire")
    assert apply_change(client, table, expiry)
    [write] = expiry.writes
    assert not apply_change(client, table, expiry)
    client.delete_item(TableName=table, Key=write.key)
    assert not apply_change(client, table, expiry), "TTL may have deleted the order since"


def test_the_rate_is_kept_without_bursts() -> None:
    now, slept = 100.0, list[float]()

    def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += seconds

    pace = Pace(50, clock=lambda: now, sleep=sleep)
    assert pace.batch == 12
    for _ in range(3):
        pace.wait(10)
    assert slept == pytest.approx([0.2, 0.2])
    now += 60
    pace.wait(10)
    pace.wait(10)
    assert slept == pytest.approx([0.2, 0.2, 0.2])
    assert (Pace(1).batch, Pace(1e6).batch, Pace(None).batch) == (1, 25, 25)


def test_the_command_loads_what_the_configuration_names(
    client: Any, environment: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "lake.json"
    config.write_text(config_text(tables={"orders": ORDERS}))
    options = ["--config", str(config), "--count", "40", "--seed", "11", "--updates", "50%", "--deletes", "0.1"]
    assert load_dynamodb.main([*options, "--exchanges", "3"]) == 1
    assert "there is no table 'app-orders' at http://127.0.0.1:" in capsys.readouterr().err
    assert load_dynamodb.main([*options, "--exchanges", "3", "--create"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == ["table app-orders made", "seed 11: 40 orders and 27 changes to table app-orders"]
    done, again, *_ = printed[2].removeprefix("written: ").split("; ")
    assert {*done.split(", ")} == {"order 40", "update 20", "delete 4", "exchange 3"}
    assert again == "applied already: 0"
    assert len(scan(client, "app-orders")) == 40 - 4 + 3


def test_the_command_says_how_to_go_on(
    table: str, environment: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*arguments: Any) -> bool:
        raise KeyboardInterrupt

    options = ["--table", table, "--count", "30", "--updates", "5", "--start=0"]
    with monkeypatch.context() as patch:
        patch.setattr(load_dynamodb, "apply_change", interrupted)
        assert load_dynamodb.main(options) == 130
    said = capsys.readouterr().err
    assert "30 writes are done; to go on: python " in said
    again = said.strip().partition(f" --table {table}")[2].split()
    assert again == ["--count", "30", "--updates", "5", "--start", "30"]
    assert load_dynamodb.main(["--table", table, *again]) == 0
    assert "written: update 5;" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--config", "CONFIG", "--lake-table", "payments"], r"has no tables\.payments \(it has: orders\)"),
        (["--table", "any", "--count", "5", "--start", "6"], "--start is 6, but these options make 5 writes"),
        (["--config", "missing.json"], r"missing\.json.*cannot be read"),
    ],
)
def test_what_cannot_be_loaded_is_told(
    environment: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    config = tmp_path / "lake.json"
    config.write_text(config_text(tables={"orders": ORDERS}))
    assert load_dynamodb.main([str(config) if option == "CONFIG" else option for option in options]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.search(said, captured.err.replace("\n", " ")), captured.err


def test_a_table_with_another_key_is_refused(client: Any) -> None:
    client.create_table(
        TableName="by-customer",
        KeySchema=[
            {"AttributeName": "customer_id", "KeyType": "HASH"},
            {"AttributeName": "order_number", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "customer_id", "AttributeType": "S"},
            {"AttributeName": "order_number", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    said = r"the key of table 'by-customer' is customer_id \(S, HASH\), order_number \(N, RANGE\); orders need order_id"
    with pytest.raises(OrdersError, match=said):
        check_table(client, "by-customer")


def test_a_table_that_is_there_is_not_made_again(client: Any, table: str) -> None:
    assert not create_table(client, table)
    check_table(client, table)


@pytest.mark.parametrize(
    ("text", "count", "expected"), [("0", 40, 0), ("7", 40, 7), ("0.25", 40, 10), ("25%", 40, 10), ("1.0", 40, 40)]
)
def test_how_many_is_a_number_or_a_share(text: str, count: int, expected: int) -> None:
    assert load_dynamodb.amount(text)(count) == expected


@pytest.mark.parametrize("option", ["--updates=-1", "--deletes=101%", "--updates=many", "--count=1.5", "--rate=0"])
def test_what_is_no_number_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        load_dynamodb.main([option])
    assert option.split("=")[1] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not a JSON array of items"),
        ('[{"order_id": "plain"}]', 'is not a JSON array of items in DynamoDB JSON: "plain" is not an attribute value'),
        ('[{"total": {"N": "1"}}]', "1 items have the order_id null, expected every item to have one of its own"),
        ('[{"order_id": {"S": "a"}}, {"order_id": {"S": "a"}}]', r'2 items have the order_id {"S": "a"}'),
    ],
)
def test_a_file_that_holds_no_orders_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "orders.json"
    path.write_text(text)
    with pytest.raises(OrdersError, match=said):
        read_dataset(path)


def test_it_can_be_run_by_its_name(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, load_dynamodb.__file__, "--help"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--updates" in done.stdout
