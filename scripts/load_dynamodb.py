"""Load sample orders into a DynamoDB table, and let things happen to them.

    python scripts/load_dynamodb.py [--count N] [--updates N] [--deletes N] [--rate ITEMS] [--seed N] [--create]

Without options: the orders of data/sample_dataset.json, into the table that ``tables.orders`` of the configuration
names. More than are in the file are generated, and all of them with another seed. How many are to change is a number
("500") or a share of the orders ("0.2", "20%"). The endpoint and the credentials come from the environment
(AWS_ENDPOINT_URL and so on), as for any AWS tool.

The same options write the same orders and the same changes in the same order, so a load that broke off can be started
again, or gone on with: it ends with the ``--start`` that does. A write that was applied already changes nothing.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import shlex
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

if not __package__:
    # Run by its name: only its own folder is on the path.
    sys.path += [str(Path(__file__).resolve().parents[1] / folder) for folder in ("", "plugins")]

from lakelanes.aws import clients
from lakelanes.aws.failures import error_code
from lakelanes.config.loading import load_config
from lakelanes.errors import ConfigError
from scripts.sample_orders import (
    DATASET,
    DATASET_ORDERS,
    DEFAULT_SEED,
    KEY,
    TTL_ATTRIBUTE,
    Change,
    Changes,
    Item,
    Orders,
    Write,
    from_json,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
BATCH_ITEMS = 25
# What DynamoDB left unprocessed this often in a row is given up.
ATTEMPTS = 12
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 20.0
CREATE_SECONDS = 120


class OrdersError(Exception):
    """The orders cannot be loaded; the text says what was found, what was expected and what to do."""


@dataclass
class Result:
    """What a load has done: writes by kind, those found applied already, and items that had to be sent again."""

    written: Counter[str] = field(default_factory=Counter)
    already: int = 0
    sent_again: int = 0


@dataclass
class Pace:
    """Lets ``rate`` items a second pass; None: any number."""

    rate: float | None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _next: float = field(default=0.0, init=False)

    @property
    def batch(self) -> int:
        """Items to send at once: not more than a quarter of a second's."""
        return BATCH_ITEMS if self.rate is None else max(1, min(BATCH_ITEMS, int(self.rate / 4)))

    def wait(self, items: int) -> None:
        """Returns when ``items`` more may pass. What was missed while somebody else was slow is not made up for."""
        if self.rate is None:
            return
        now = self.clock()
        if self._next > now:
            self.sleep(self._next - now)
        self._next = max(self._next, now) + items / self.rate


def read_dataset(path: Path = DATASET) -> list[Item]:
    """The items of a file: a JSON array of items in DynamoDB JSON. Raises OrdersError."""
    try:
        items = [from_json(item) for item in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise OrdersError(f"{path} is not a JSON array of items in DynamoDB JSON: {error}") from None
    keys = [json.dumps(item.get(KEY)) for item in items]
    for key, count in Counter(keys).items():
        if count > 1 or key == "null":
            raise OrdersError(f"{path}: {count} items have the {KEY} {key}, expected every item to have one of its own")
    return items


def check_table(client: DynamoDBClient, name: str) -> None:
    """Raises OrdersError unless the table is there, is active and has the key of the orders."""
    try:
        table = client.describe_table(TableName=name)["Table"]
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            raise OrdersError(
                f"there is no table {name!r} at {client.meta.endpoint_url}: deploy infrastructure/template.yaml, name "
                "another with --table, or let it be made with --create"
            ) from None
        raise
    types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
    keys = [(key["AttributeName"], types[key["AttributeName"]], key["KeyType"]) for key in table["KeySchema"]]
    if keys != [(KEY, "S", "HASH")]:
        found = ", ".join(f"{key} ({kind}, {role})" for key, kind, role in keys)
        raise OrdersError(
            f"the key of table {name!r} is {found}; orders need {KEY} (S, HASH): name another with --table"
        )
    if table["TableStatus"] not in ("ACTIVE", "UPDATING"):
        raise OrdersError(f"table {name!r} is {table['TableStatus']}, expected ACTIVE: try again when it is")


def create_table(client: DynamoDBClient, name: str) -> bool:
    """Makes the table as infrastructure/template.yaml does, unless there is one; returns whether it did."""
    try:
        client.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": KEY, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": KEY, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            SSESpecification={"Enabled": True},
        )
    except ClientError as error:
        if error_code(error) != "ResourceInUseException":
            raise
        return False
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": CREATE_SECONDS})
    client.update_time_to_live(
        TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL_ATTRIBUTE}
    )
    # A new table refuses this for a moment.
    for _ in range(CREATE_SECONDS):
        try:
            client.update_continuous_backups(
                TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
            )
            return True
        except ClientError as error:
            if error_code(error) != "ContinuousBackupsUnavailableException":
                raise
            time.sleep(1)
    raise OrdersError(f"table {name!r} is made, but its point-in-time recovery could not be switched on")


def put_items(
    client: DynamoDBClient, table: str, items: Sequence[Item], sleep: Callable[[float], None] = time.sleep
) -> int:
    """Puts at most 25 items with different keys; returns how many had to be sent again.

    Items that DynamoDB leaves unprocessed are sent again after a pause between nothing and a limit that doubles (full
    jitter). Raises OrdersError when 12 times in a row none of them was taken.
    """
    pending: Any = {table: [{"PutRequest": {"Item": item}} for item in items]}
    again, futile = 0, 0
    while True:
        left = client.batch_write_item(RequestItems=pending).get("UnprocessedItems") or {}
        if not left:
            return again
        count = len(left[table])
        futile = futile + 1 if count == len(pending[table]) else 0
        if futile == ATTEMPTS:
            raise OrdersError(f"table {table!r} left {count} items unprocessed {ATTEMPTS} times in a row: lower --rate")
        again, pending = again + count, left
        sleep(random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**futile)))


def apply_change(client: DynamoDBClient, table: str, change: Change) -> bool:
    """Applies a change, its writes all or none; returns False when it had been applied before.

    Raises OrdersError when an order is not in the state that the change was made for.
    """
    left = list(change.writes)
    while left:
        found = _write(client, table, left)
        if found is None:
            return True
        undone = [write for write in left if write.order_id not in found]
        for write in left:
            key = write.order_id
            if key in found and not write.is_done(found[key]):
                raise OrdersError(
                    f"{change.kind} {change.number}: order {key} is {_state(found[key])}, expected version "
                    f"{write.version - (write.operation != 'Delete')}: somebody else changes the table, or it was not "
                    "loaded with these options; load it again without --start"
                )
        left = undone
    return False


def _write(client: DynamoDBClient, table: str, writes: Sequence[Write]) -> dict[str, Item | None] | None:
    """Tries the writes, as a transaction if they are several; None when they are done.

    Otherwise nothing was written, and the orders whose conditions did not hold are returned as they are in the table.
    """
    retrying = Retrying(
        retry=retry_if_exception(_is_conflict),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=FIRST_PAUSE, max=LONGEST_PAUSE),
        reraise=True,
    )
    try:
        retrying(_send, client, table, writes)
    except ClientError as error:
        response: Any = error.response
        if error_code(error) == "ConditionalCheckFailedException":
            return {writes[0].order_id: response.get("Item")}
        if _cancellations(error) - {"None", "ConditionalCheckFailed"} or not _cancellations(error):
            raise
        return {
            write.order_id: reason.get("Item")
            for write, reason in zip(writes, response["CancellationReasons"], strict=True)
            if reason["Code"] == "ConditionalCheckFailed"
        }
    return None


def _send(client: DynamoDBClient, table: str, writes: Sequence[Write]) -> None:
    """The writes by PutItem, UpdateItem or DeleteItem, or by TransactWriteItems if they are several."""
    if len(writes) > 1:
        every = [{write.operation: {"TableName": table, **_returning(write)}} for write in writes]
        client.transact_write_items(TransactItems=every)  # type: ignore[arg-type]
        return
    [write] = writes
    call = {"Put": client.put_item, "Update": client.update_item, "Delete": client.delete_item}[write.operation]
    call(TableName=table, **_returning(write))  # type: ignore[operator]


def _is_conflict(error: BaseException) -> bool:
    """Whether another transaction, or a limit, was in the way: botocore leaves these for its caller to try again.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    """
    passing = {"TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError"}
    return error_code(error) == "TransactionConflictException" or bool(_cancellations(error) & passing)


def _cancellations(error: BaseException) -> set[str]:
    """Why a transaction was cancelled; empty for any other error."""
    if not isinstance(error, ClientError) or error_code(error) != "TransactionCanceledException":
        return set()
    response: Any = error.response
    return {reason["Code"] for reason in response.get("CancellationReasons", [])}


def _returning(write: Write) -> dict[str, Any]:
    return {**write.parameters, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


def _state(item: Item | None) -> str:
    return "not there" if item is None else f"at version {item.get('version', {}).get('N', 'none')}"


@dataclass(frozen=True)
class Plan:
    """What to write: ``count`` orders, those of ``dataset`` first, and then so many changes of each kind."""

    orders: Orders
    count: int
    dataset: Sequence[Item] = ()
    changes: Mapping[str, int] = field(default_factory=dict)

    @property
    def writes(self) -> int:
        """Orders and changes in all; a change counts once, however many orders it concerns."""
        return self.count + sum(self.changes.values())

    def items(self, start: int = 0) -> Iterator[Item]:
        """The orders from number ``start`` on."""
        given = self.dataset[start : self.count]
        return itertools.chain(given, self.orders.items(max(start, len(self.dataset)), self.count))

    def series(self, start: int = 0) -> Iterator[Change]:
        """The changes from number ``start`` on."""
        return itertools.islice(Changes(self.orders, self.count).series(**self.changes), start, None)


def load(
    client: DynamoDBClient,
    table: str,
    plan: Plan,
    *,
    start: int = 0,
    pace: Pace | None = None,
    on_writes: Callable[[str, int], None] = lambda phase, count: None,
    result: Result | None = None,
) -> Result:
    """Writes what ``plan`` says, from its write number ``start`` on.

    ``on_writes`` hears of every step: the phase ("orders", "changes") and how many writes are done with it. ``result``
    is filled as the load goes, for one who wants to know of a load that broke off.
    """
    pace, result = pace or Pace(None), result or Result()
    items = plan.items(start)
    while batch := list(itertools.islice(items, pace.batch)):
        pace.wait(len(batch))
        result.sent_again += put_items(client, table, batch)
        result.written["order"] += len(batch)
        on_writes("orders", len(batch))
    for change in plan.series(max(0, start - plan.count)):
        pace.wait(len(change.writes))
        if apply_change(client, table, change):
            result.written[change.kind] += 1
        else:
            result.already += 1
        on_writes("changes", 1)
    return result


def amount(text: str) -> Callable[[int], int]:
    """A number of orders ("500"), or a share of all of them ("0.2", "20%")."""
    try:
        if text.endswith("%") or "." in text:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
            if 0 <= share <= 1:
                return lambda count: round(share * count)
        elif int(text) >= 0:
            return lambda count: int(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is neither a number such as 500 nor a share such as 0.2 or 20%")


def _whole(text: str) -> int:
    try:
        if (number := int(text)) >= 0:
            return number
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")


def _rate(text: str) -> float:
    try:
        if 0 < (rate := float(text)) < float("inf"):
            return rate
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of items per second above 0")


KINDS = {
    "updates": ("update", "orders to update, some of them more than once"),
    "deletes": ("delete", "orders to delete"),
    "reputs": ("reput", "deleted orders to put again, with other content"),
    "exchanges": ("exchange", "orders that come back for another one, in a transaction"),
    "expiries": ("expire", "orders whose time to live ends: DynamoDB deletes them when it comes to it"),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, help="default: $LAKE_CONFIG, else include/lake.json")
    parser.add_argument("--lake-table", default="orders", help="entry of the configuration's tables; default: orders")
    parser.add_argument("--table", help="DynamoDB table, instead of the configuration's")
    parser.add_argument("--create", action="store_true", help="make the table if there is none")
    parser.add_argument("--count", type=_whole, help="orders to put; default: as many as the file has")
    parser.add_argument("--rate", type=_rate, help="items per second; default: as fast as it goes")
    parser.add_argument("--seed", type=_whole, default=DEFAULT_SEED, help="default: that of the file, %(default)s")
    parser.add_argument("--start", type=_whole, default=0, help="write to begin with, of a load that broke off")
    for option, (_, explanation) in KINDS.items():
        parser.add_argument(f"--{option}", type=amount, default="0", metavar="N", help=f"{explanation}; default: none")
    return parser


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(arguments)
    out, screen = Console(highlight=False, soft_wrap=True), Console(stderr=True)
    result, done = Result(), options.start
    try:
        table, region = _table(options)
        # The file is the beginning of this seed's orders; another seed's have other keys.
        dataset = read_dataset() if options.seed == DEFAULT_SEED else []
        count = (len(dataset) or DATASET_ORDERS) if options.count is None else options.count
        changes = {kind: getattr(options, option)(count) for option, (kind, _) in KINDS.items()}
        plan = Plan(Orders(options.seed), count, dataset, changes)
        if options.start > plan.writes:
            raise OrdersError(f"--start is {options.start}, but these options make {plan.writes} writes")
        client = clients.client("dynamodb", region)
        if options.create and create_table(client, table):
            out.print(f"table {table} made")
        check_table(client, table)
        out.print(
            f"seed {options.seed}: {plan.count:,} orders and {plan.writes - plan.count:,} changes to table {table}"
        )
        started = time.monotonic()
        with _progress(screen) as progress:
            bars = {
                "orders": progress.add_task("orders", total=plan.count, completed=min(done, plan.count)),
                "changes": progress.add_task(
                    "changes", total=plan.writes - plan.count, completed=max(0, done - plan.count)
                ),
            }

            def on_writes(phase: str, count: int) -> None:
                nonlocal done
                done += count
                progress.advance(bars[phase], count)

            load(client, table, plan, start=done, pace=Pace(options.rate), on_writes=on_writes, result=result)
        out.print(_summary(result, time.monotonic() - started))
    except (BotoCoreError, ClientError, ConfigError, OrdersError) as error:
        print(f"load_dynamodb: {error}", file=sys.stderr)
        return _broke_off(arguments, done, options.start, 1)
    except KeyboardInterrupt:
        return _broke_off(arguments, done, options.start, 130)
    return 0


def _table(options: argparse.Namespace) -> tuple[str, str]:
    """The DynamoDB table and its region."""
    if options.table:
        region = boto3.session.Session().region_name
        if region is None:
            raise OrdersError("no region: set AWS_DEFAULT_REGION, or leave --table out to use the configuration's")
        return options.table, region
    config = load_config(options.config)
    if options.lake_table not in config.tables:
        known = ", ".join(config.tables) or "none"
        raise OrdersError(
            f"the configuration has no tables.{options.lake_table} (it has: {known}): name one with --lake-table, or "
            "a DynamoDB table with --table"
        )
    return config.tables[options.lake_table].dynamodb_table, config.aws.region


def _progress(console: Console) -> Progress:
    # In a log there is nothing to draw over: the last line, with the totals, is enough.
    return Progress(
        TextColumn("{task.description:8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def _summary(result: Result, seconds: float) -> str:
    written = ", ".join(f"{kind} {count:,}" for kind, count in result.written.items()) or "nothing"
    total = sum(result.written.values())
    speed = f"{total / seconds:,.0f} a second" if seconds > 0 else ""
    return (
        f"written: {written}; applied already: {result.already:,}; sent again: {result.sent_again:,}; "
        f"{seconds:.1f} s, {speed}"
    )


def _broke_off(arguments: Iterable[str], done: int, start: int, code: int) -> int:
    """Says how to go on after a load that broke off while it was writing."""
    if done > start:
        kept = [*_without_start(arguments), "--start", str(done)]
        print(
            f"load_dynamodb: {done:,} writes are done; to go on: python {sys.argv[0]} {shlex.join(kept)}",
            file=sys.stderr,
        )
    return code


def _without_start(arguments: Iterable[str]) -> Iterator[str]:
    rest = iter(arguments)
    for argument in rest:
        if argument == "--start":
            next(rest, None)
        elif not argument.startswith("--start="):
            yield argument


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
