"""The table of requests, held against those that are counted on the local AWS, and against the page that has them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from lakelanes import watch
from lakelanes.cost.requests import BILLED, STEPS, billed, requests_of, units_of
from lakelanes.cost.units import file_items, item_bytes
from lakelanes.dashboards import spice
from lakelanes.files import dead_letters
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_partition
from lakelanes.files.publish import Scope, publish
from lakelanes.files.sweep import find_unloaded, finish, register_done
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from lakelanes.ledger.items import to_item
from lakelanes.ledger.source_file import SourceFile
from tests.docs.pages import DOCS
from tests.support.lakes import SALES, put
from tests.support.queues import Queues
from tests.support.requests_made import RequestsMade

GOOD = "transaction_id,customer_id,amount,transaction_date\na,c,1.50,2024-03-15\n"
BAD = GOOD + "b,c,lots,2024-03-15\n"


def later(lake: Lake, **moved: float) -> Lake:
    """The lake so much later, when the counts of what was loaded are over and done."""
    return Lake.open(lake.config, clock=lambda: lake.clock() + timedelta(**moved))


def tomorrow_at(lake: Lake, hour: int) -> Lake:
    """The lake at a full hour of the next day. No day ends between two of these, which the watch would have noted."""
    moment = (lake.clock() + timedelta(days=1)).replace(hour=hour, minute=0, second=0, microsecond=0)
    return Lake.open(lake.config, clock=lambda: moment)


def run(lake: Lake, name: str, files: list[SourceFile]) -> None:
    load_batch(lake, lake.config.entities[name], files, lane="batch", run_id="run")
    publish(lake, [(name, file) for file in files], Scope(entity=name), set())


def first_run(lake: Lake, name: str = "sales", folder: str = "") -> None:
    """Makes the tables, and the count of them."""
    put(lake, f"{folder}sales_data_2024_03_01.csv", GOOD)
    run(lake, name, list_partition(lake, lake.config.entities[name], "2024-03-01"))


def test_a_run_of_the_batch_lane_makes_the_requests_of_its_steps(lake: Lake) -> None:
    first_run(lake)
    summaries.refresh(later(lake, minutes=30).ledger, lake.config.entities.values())
    for number in range(8):
        body = BAD if number < 2 else GOOD
        put(lake, f"sales_data_2024_03_{15 + number % 4}.csv" + (".gz" if number > 3 else ""), body)
    sales, soon = lake.config.entities["sales"], later(lake, hours=1)
    files = [file for day in range(15, 19) for file in list_partition(soon, sales, f"2024-03-{day}")]
    assert len(files) == 8
    made = RequestsMade(soon)
    list_partition(soon, sales, "2024-03-15")
    soon.ledger.get_many(file.uri for file in files)
    run(soon, "sales", files)
    steps = {"owner": 1, "look": 1, "ask": 2, "load": 8, "rejects": 2, "register": 2, "create": 2, "views_due": 1}
    steps |= {"validate": 1, "validate_partition": 4, "refresh": 1, "count": 1, "count_partition": 4}
    assert billed(made.names) == requests_of(steps)


def test_a_file_of_the_low_latency_lane_makes_the_requests_of_its_steps(lake: Lake) -> None:
    queues = Queues(lake)
    lane = queues.lane()
    put(lake, "sales_data_2024_03_01.csv", GOOD)
    queues.deliver(lane)  # makes the tables
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    put(lake, "sales_data_2024_03_15.csv.gz", GOOD)
    [first, second] = queues.receive()
    made = RequestsMade(lake)
    for message, is_new in ((first, 1), (second, 0)):
        lane.process([message], lambda: 60.0)
        queues.delete(message)
        # S3 sends the message, and Lambda receives it and calls the function.
        wanted = requests_of({"message": 1, "load": 1, "new_partition": is_new})
        by_aws = {"SendMessage", "ReceiveMessage", "Invoke"}
        assert billed(made.names) == {name: count for name, count in wanted.items() if name not in by_aws}
        assert {wanted[name] for name in by_aws} == {1}
        made.names.clear()


def test_a_sweep_and_a_watch_make_the_requests_of_their_steps_for_each_entity(make_lake: Callable[..., Lake]) -> None:
    names = ("one", "two")
    entities = {name: {**SALES, "table_name": f"{name}_data", "source_prefix": f"{name}/"} for name in names}
    lake = make_lake(entities)
    for name in names:
        first_run(tomorrow_at(lake, 9), name, f"{name}/")
    watch.watch(tomorrow_at(lake, 10), lambda *_: None)
    soon = tomorrow_at(lake, 11)
    made = RequestsMade(soon)
    dead_letters.receive(soon)
    sweep = find_unloaded(soon)
    register_done(soon, sweep)
    publish(soon, [], Scope(loaded_fast=sweep.loaded_fast, until=sweep.until), set())
    finish(soon, sweep.until)
    swept = requests_of({"owner": 1, "sweep_lake": 1, "sweep": 2, "ask": 1, "register": 4, "refresh": 2})
    assert billed(made.names) == swept
    made.names.clear()
    watch.watch(soon, lambda *_: None)
    datasets = len(spice.datasets(soon))
    assert billed(made.names) == requests_of({"watch_lake": 1, "watch": 2, "refresh": 2, "watch_dataset": datasets})


def test_a_run_that_finds_nothing_new_asks_glue_for_both_tables(lake: Lake) -> None:
    from lakelanes.catalog.registrar import unregistered
    from lakelanes.config.partitions import Partition

    first_run(lake)
    made = RequestsMade(lake)
    partition = Partition.from_path("year=2024/month=03/day=01")
    assert unregistered(lake, lake.config.entities["sales"], [partition]) == []
    assert billed(made.names) == requests_of({"unregistered": 1})


def test_the_ledgers_items_are_as_large_as_the_units_take_them_to_be(lake: Lake) -> None:
    first_run(lake)
    bucket = lake.config.resources.source_bucket
    entry = lake.ledger.get(f"s3://{bucket}/sales_data_2024_03_01.csv")
    assert entry is not None and entry.partition and entry.target
    item = {name: value for name, value in entry.to_item().items() if "NULL" not in value}
    typical = file_items(entry.source, "sales", entry.partition, entry.target)[1]
    assert typical.keys() == item.keys()
    assert abs(item_bytes(typical) - item_bytes(item)) <= 60, "the run's name and small numbers differ"
    assert to_item({"entity_state": "sales#loaded"}).items() <= item.items()


def test_requests_and_units_add_up() -> None:
    assert requests_of({"load": 3, "rejects": 1}) == {"GetObject": 3, "PutObject": 4, "PutItem": 6}
    assert requests_of({"load": 0}) == {}
    assert units_of({"refresh": 2, "count": 1}) == (2 * 4.5 + 3, 2 * 1 + 6)
    assert billed(["GetObject", "GetObject", "GetQueryExecution", "DeleteObject"]) == {"GetObject": 2}


def test_every_step_makes_requests_that_aws_bills_and_says_why() -> None:
    for name, step in STEPS.items():
        assert step.requests and step.requests.keys() <= BILLED, name
        assert step.per and step.why, name


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("load a file", "1 GET for each 4 MB begun, 1 PUT, 1 PUT more if rows were rejected. DynamoDB: 2 PutItem"),
        (
            "the watch, every 5 minutes",
            "{watch.Query} Query, {watch.BatchGetItem} BatchGetItem and 1 PutItem per entity",
        ),
        ("the watch, every 5 minutes", "and {lake} reads besides"),
        ("sweep", "{sweep.Query} Query per entity"),
    ],
)
def test_the_page_says_what_the_table_has(row: str, said: str) -> None:
    page = (DOCS / "what-runs-where.md").read_text(encoding="utf-8").split("## What it costs in requests")[1]
    lines = dict(re.findall(r"^\| ([^|]+) \| (.+) \|$", page, flags=re.MULTILINE))
    watching = requests_of({"watch": 1, "refresh": 1})
    lake = requests_of({"watch_lake": 1})
    reads = sum(lake[name] for name in ("Query", "GetItem", "BatchGetItem"))
    numbers = {"watch.Query": watching["Query"], "watch.BatchGetItem": watching["BatchGetItem"], "lake": reads}
    numbers["sweep.Query"] = requests_of({"sweep": 1})["Query"]
    for name, number in numbers.items():
        said = said.replace("{" + name + "}", str(number))
    assert said in lines[row]
