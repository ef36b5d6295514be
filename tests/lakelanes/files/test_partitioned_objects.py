"""Files whose rows are of many partitions, asked for in Athena: every row is there once, whoever died when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from lakelanes.catalog import athena
from lakelanes.catalog.registrar import Registrar
from lakelanes.config.partitions import Partition, date_values, partition_key
from lakelanes.errors import PartitionValueError
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_entity
from lakelanes.files.outcomes import FileOutcome
from lakelanes.files.partitioned_objects import partitions_of_rows
from lakelanes.files.validation import validate
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry
from lakelanes.ledger.source_file import SourceFile
from tests.support.lakes import put

HEADER = "id,amount,day,country\n"
KEY = "orders_north_7.csv"
DAY = [{"name": name, "column": "day", "format": form} for name, form in (("year", "%Y"), ("month", "%m"))]
ORDERS: dict[str, Any] = {
    "table_name": "orders",
    "filename_pattern": r"orders_(?P<region>[a-z]+)_\d+\.csv",
    "partition_keys": ["region", *DAY, {"name": "country", "column": "country"}],
    "schema": [
        {"name": "id", "type": "string"},
        {"name": "amount", "type": "decimal(10,2)"},
        {"name": "day", "type": "date"},
        {"name": "country", "type": "string"},
    ],
    "settle_seconds": 0,
}
Rows = dict[str, int]


def text(*rows: tuple[str, str, str]) -> str:
    """A file of (id, day, country)."""
    return HEADER + "".join(f"{name},1.50,{day},{country}\n" for name, day, country in rows)


OLD = text(("a", "2024-01-05", "CH"), ("b", "2024-01-06", "CH"), ("c", "2024-02-01", "CH"), ("d", "2024-01-07", "DE"))
OLD_ROWS = {"2024-01-CH": 2, "2024-02-CH": 1, "2024-01-DE": 1}
# One partition grows, one goes, one stays, one is new.
NEW = text(*[(f"n{n}", "2024-02-09", "CH") for n in range(3)], ("d", "2024-01-07", "DE"), ("e", "2025-12-31", "FR"))
NEW_ROWS = {"2024-02-CH": 3, "2024-01-DE": 1, "2025-12-FR": 1}


@pytest.fixture
def lake(make_lake: Callable[..., Lake]) -> Lake:
    return make_lake({"orders": ORDERS})


def load(lake: Lake, files: Sequence[SourceFile] | None = None, **options: Any) -> list[FileOutcome]:
    """Loads, registers and validates as the DAG does: the partitions are those that the ledger names."""
    entity = next(iter(lake.config.entities.values()))
    files = list_entity(lake, entity) if files is None else files
    options = {"lane": "batch", "run_id": "test", **options}
    outcomes = load_batch(lake, entity, files, **options)
    publish(lake, outcomes)
    return outcomes


def publish(lake: Lake, outcomes: Sequence[FileOutcome]) -> None:
    entity = next(iter(lake.config.entities.values()))
    spelled = {outcome.source: outcome.partitions[-1] for outcome in outcomes if outcome.partitions}
    partitions = partitions_of_rows(lake, entity, spelled)
    Registrar(lake, "look").register_entity(
        entity, partitions | {Partition.from_path(path) for path in spelled.values()}
    )
    validate(lake, entity, partitions, attempts=1)


def select(lake: Lake, sql: str) -> list[tuple[str | None, ...]]:
    return [tuple(row.values()) for row in athena.query(lake, sql)]


def rows(lake: Lake, region: str = "north") -> Rows:
    sql = f"SELECT year || '-' || month || '-' || country, count(*) FROM orders WHERE region = '{region}' GROUP BY 1"
    return {str(name): int(str(count)) for name, count in select(lake, sql)}


def objects(lake: Lake, prefix: str = "orders/") -> list[str]:
    listed = lake.s3.list_objects_v2(Bucket=lake.config.resources.analytics_bucket, Prefix=prefix)
    return [entry["Key"] for entry in listed.get("Contents", ())]


def later(lake: Lake, hours: int = 1) -> Lake:
    """The lake as a worker sees it for whom every lease of now has run out."""
    return Lake.open(lake.config, clock=lambda: lake.clock() + timedelta(hours=hours))


def entry_of(lake: Lake, source: str) -> Entry:
    entry = lake.ledger.get(source)
    assert entry is not None
    return entry


class Died(BaseException):
    """What a killed worker does not live to see."""


class Calls:
    """The requests of a lake's clients to S3 and DynamoDB; after `allowed` of them the worker is dead."""

    def __init__(self, allowed: int | None) -> None:
        self.allowed = allowed
        self.made: list[str] = []

    def before(self, model: Any, **_: Any) -> None:
        if self.allowed is not None and len(self.made) >= self.allowed:
            raise Died
        self.made.append(model.name)


@contextmanager
def counted(lake: Lake, allowed: int | None = None) -> Iterator[Calls]:
    """Counts the requests; the one after the `allowed`-th, and every later one, is not made."""
    calls = Calls(allowed)
    clients = [lake.s3, lake.ledger._db]
    for client in clients:
        client.meta.events.register("before-call.*.*", calls.before)
    try:
        yield calls
    finally:
        for client in clients:
            client.meta.events.unregister("before-call.*.*", calls.before)


def test_rows_are_in_the_partitions_that_they_name(lake: Lake) -> None:
    source = put(lake, KEY, OLD)
    [outcome] = load(lake)
    assert (outcome.state, outcome.rows_loaded, outcome.rows_rejected) == ("loaded", 4, 0)
    assert set(outcome.partitions) == {
        "region=north/year=2024/month=01/country=CH",
        "region=north/year=2024/month=02/country=CH",
        "region=north/year=2024/month=01/country=DE",
        "region=north/year=__HIVE_DEFAULT_PARTITION__/month=__HIVE_DEFAULT_PARTITION__/"
        "country=__HIVE_DEFAULT_PARTITION__",
    }
    assert rows(lake) == OLD_ROWS
    assert select(lake, "SELECT id, amount, day, region, year, month, country FROM orders ORDER BY 1")[2:] == [
        ("c", "1.50", "2024-02-01", "north", "2024", "02", "CH"),
        ("d", "1.50", "2024-01-07", "north", "2024", "01", "DE"),
    ]
    entry = entry_of(lake, source)
    assert (entry.state, entry.parts, entry.partition, entry.target, entry.rows_loaded) == ("loaded", 3, None, None, 4)
    described = lake.glue.get_table(DatabaseName=lake.config.resources.glue_database, Name="orders")["Table"]
    assert [column["Name"] for column in described["StorageDescriptor"]["Columns"]] == ["id", "amount", "day"]


@pytest.mark.parametrize("registration", ["add_partition", "msck"])
def test_rejected_rows_are_where_the_keys_of_the_data_are_null(
    make_lake: Callable[..., Lake], registration: str
) -> None:
    keys = ["region", {**DAY[0], "type": "int"}, {"name": "dt", "column": "day", "type": "date"}]
    lake = make_lake({"orders": {**ORDERS, "partition_keys": keys, "registration": registration}})
    put(lake, KEY, OLD + "x,1.00,,CH\ny,not a number,2024-01-05,CH\nz,2.00,2024-02-30,CH\n")
    [outcome] = load(lake)
    assert (outcome.rows_loaded, outcome.rows_rejected, outcome.line, outcome.column) == (4, 3, 6, "day")
    sql = 'SELECT region, year, dt, line, "column", raw FROM orders_rejects WHERE year IS NULL ORDER BY line'
    assert select(lake, sql) == [
        ("north", None, None, "6", "day", "x,1.00,,CH"),
        ("north", None, None, "7", "amount", "y,not a number,2024-01-05,CH"),
        ("north", None, None, "8", "day", "z,2.00,2024-02-30,CH"),
    ]
    assert "null" in str(select(lake, "SELECT reason FROM orders_rejects WHERE line = 6")[0][0])
    assert select(lake, "SELECT count(*), min(year), max(dt) FROM orders") == [("4", "2024", "2024-02-01")]


def test_values_that_no_partition_can_have_reject_their_rows(make_lake: Callable[..., Lake]) -> None:
    keys = [{"name": "country", "column": "country", "type": "varchar(3)"}]
    lake = make_lake({"orders": {**ORDERS, "filename_pattern": r"orders_.*\.csv", "partition_keys": keys}})
    bad = ['""', "long", "x" * 3000, "a\x01b", "__HIVE_DEFAULT_PARTITION__"]
    good = ["a/b", "x=y", " é ", "%41", "'", ".."]
    put(lake, KEY, text(*[(str(n), "2024-01-01", country) for n, country in enumerate([*good, *bad])]))
    [outcome] = load(lake)
    assert (outcome.rows_loaded, outcome.rows_rejected) == (len(good), len(bad))
    found = select(lake, "SELECT country, id FROM orders ORDER BY id")
    assert [country for country, _ in found] == good
    assert {column for (column,) in select(lake, 'SELECT "column" FROM orders_rejects')} == {"country"}
    assert select(lake, "SELECT max(length(reason)) < 300 FROM orders_rejects") == [("true",)]


def test_a_file_of_too_many_partitions_is_refused(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake({"orders": {**ORDERS, "max_partitions_per_file": 2}})
    put(lake, KEY, OLD)
    [outcome] = load(lake)
    assert outcome.state == "rejected"
    assert "more than 2 partitions" in str(outcome.error)
    assert "max_partitions_per_file" in str(outcome.error)
    assert select(lake, "SELECT count(*) FROM orders_rejects") == [("4",)]
    assert objects(lake) == []


def test_a_new_version_takes_its_rows_out_of_partitions_that_it_no_longer_has(lake: Lake) -> None:
    other = "orders_north_8.csv"
    put(lake, other, text(("o", "2024-01-01", "CH")))
    source = put(lake, KEY, OLD)
    load(lake)
    put(lake, KEY, NEW)
    [_, outcome] = sorted(load(lake), key=lambda outcome: outcome.state == "loaded")
    assert "region=north/year=2024/month=01/country=CH" in outcome.partitions
    assert rows(lake) == NEW_ROWS | {"2024-01-CH": 1}
    assert len(objects(lake)) == 4
    assert entry_of(lake, source).parts == 3
    # What was left is told once more by nobody.
    put(lake, KEY, NEW.replace("1.50", "2.50"))
    load(lake)
    assert set(lake.ledger.parts(source)) == {
        f"{lake.config.resources.analytics_bucket}/orders/region=north/year={name[:4]}/month={name[5:7]}/"
        f"country={name[8:]}"
        for name in NEW_ROWS
    }


def test_a_refused_version_leaves_the_older_rows_of_every_partition(lake: Lake) -> None:
    put(lake, KEY, OLD)
    load(lake)
    put(lake, KEY, "id,day\nx,2024-01-01\n")
    assert [outcome.state for outcome in load(lake)] == ["rejected"]
    assert rows(lake) == OLD_ROWS


@pytest.mark.parametrize("body", ["", HEADER])
def test_a_version_without_rows_empties_every_partition(lake: Lake, body: str) -> None:
    put(lake, KEY, OLD)
    load(lake)
    put(lake, KEY, body)
    assert [outcome.state for outcome in load(lake)] == ["loaded"]
    assert rows(lake) == {}
    assert objects(lake) == []
    put(lake, KEY, NEW)
    load(lake)
    assert rows(lake) == NEW_ROWS


def test_loading_again_doubles_nothing(lake: Lake) -> None:
    put(lake, KEY, OLD)
    load(lake)
    assert [outcome.state for outcome in load(lake)] == ["already_loaded"]
    assert [outcome.state for outcome in load(lake, reload=True)] == ["loaded"]
    assert rows(lake) == OLD_ROWS


def test_more_partitions_than_a_transaction_takes(lake: Lake) -> None:
    many = [(f"i{n}", "2024-01-01", f"c{n % 230}") for n in range(1000)]
    put(lake, KEY, text(*many))
    load(lake)
    assert rows(lake) == dict(Counter(f"2024-01-{country}" for _, _, country in many))
    put(lake, KEY, text(*many[:100]))
    load(lake)
    assert len(rows(lake)) == 100


def test_a_first_load_costs_a_put_per_partition_and_two_transactions(lake: Lake) -> None:
    put(lake, KEY, OLD)
    with counted(lake) as calls:
        entity = lake.config.entities["orders"]
        load_batch(lake, entity, list_entity(lake, entity), lane="batch", run_id="r")
    assert Counter(calls.made) == {
        "ListObjectsV2": 1,
        "BatchGetItem": 1,
        "PutItem": 1,
        "GetObject": 1,
        "TransactWriteItems": 2,
        "PutObject": 3,
    }


def requests_of_a_new_version(make_lake: Callable[..., Lake]) -> int:
    lake = make_lake({"orders": ORDERS})
    put(lake, KEY, OLD)
    load(lake)
    put(lake, KEY, NEW)
    entity = lake.config.entities["orders"]
    files = list_entity(lake, entity)
    with counted(lake) as calls:
        load_batch(lake, entity, files, lane="batch", run_id="r")
    assert Counter(calls.made) == {
        **{"BatchGetItem": 1, "PutItem": 2, "GetObject": 1, "Query": 1},
        **{"TransactWriteItems": 2, "PutObject": 3},
        **{"HeadObject": 3, "DeleteObject": 1},  # no rejected rows to replace; a partition that is left
    }
    return len(calls.made)


def test_whoever_dies_at_whichever_step_the_next_worker_repairs_it(make_lake: Callable[..., Lake]) -> None:
    steps = requests_of_a_new_version(make_lake)
    lake = make_lake({"orders": ORDERS})
    entity = lake.config.entities["orders"]
    middle = text(("m", "2023-05-05", "IT"), ("n", "2024-02-02", "CH"), ("d", "2024-01-07", "DE"))
    for allowed in range(1, steps):
        key = f"orders_r{'abcdefghijklmnopqrstuvwxyz'[allowed]}_7.csv"
        region = key.split("_")[1]
        put(lake, key, OLD)
        [file] = [file for file in list_entity(lake, entity) if file.key == key]
        load(lake, [file])
        put(lake, key, middle)
        [file] = [file for file in list_entity(lake, entity) if file.key == key]
        dying = Lake.open(lake.config)
        with counted(dying, allowed), pytest.raises(Died):
            load_batch(dying, entity, [file], lane="batch", run_id="dies")
        put(lake, key, NEW)
        [file] = [file for file in list_entity(lake, entity) if file.key == key]
        [outcome] = load(later(lake), [file], run_id="repairs")
        assert outcome.state == "loaded", (allowed, outcome)
        assert rows(lake, region) == NEW_ROWS, allowed
        assert entry_of(lake, outcome.source).parts == len(NEW_ROWS)


def test_a_worker_taken_for_dead_adds_nothing_after_its_successor(lake: Lake) -> None:
    """Its lease ends before it writes an object; its successor loads a version of other partitions meanwhile."""
    entity = lake.config.entities["orders"]
    for stalls_at in range(1, 5):
        key = f"orders_s{'abcdefgh'[stalls_at]}_1.csv"
        region = key.split("_")[1]
        for old in (None, text(("z", "2022-01-01", "AT"), ("d", "2024-01-07", "DE"))):
            if old:
                put(lake, key, old)
                load(lake, [file for file in list_entity(lake, entity) if file.key == key], reload=True)
            put(lake, key, OLD)
            [file] = [file for file in list_entity(lake, entity) if file.key == key]
            slow, puts = Lake.open(lake.config), [0]

            def overtake(
                slow: Lake = slow, puts: list[int] = puts, key: str = key, at: int = stalls_at, **_: Any
            ) -> None:
                puts[0] += 1
                if puts[0] == at:
                    put(lake, key, NEW)
                    [newer] = [file for file in list_entity(lake, entity) if file.key == key]
                    assert [o.state for o in load(later(lake), [newer], run_id="successor")] == ["loaded"]

            slow.s3.meta.events.register("before-call.s3.PutObject", overtake)
            [outcome] = load_batch(slow, entity, [file], lane="batch", run_id="slow")
            if puts[0] >= stalls_at:
                assert outcome.state == "claimed_elsewhere", outcome
                assert rows(lake, region) == NEW_ROWS
                publish(lake, [outcome])


def test_a_failed_load_leaves_counts_that_hold(lake: Lake) -> None:
    source = put(lake, KEY, OLD)
    load(lake)
    put(lake, KEY, NEW)
    puts = [0]

    def fail(**_: Any) -> None:
        puts[0] += 1
        if puts[0] == 2:
            raise ConnectionError("cut off")

    lake.s3.meta.events.register("before-call.s3.PutObject", fail)
    entity = lake.config.entities["orders"]
    [outcome] = load_batch(lake, entity, list_entity(lake, entity), lane="batch", run_id="r")
    lake.s3.meta.events.unregister("before-call.s3.PutObject", fail)
    assert (outcome.state, outcome.retryable) == ("failed", True)
    present = partitions_of_rows(lake, entity, {source: ""})
    Registrar(lake, "look").register_entity(entity, present)
    validate(lake, entity, present, attempts=1)
    load(lake)
    assert rows(lake) == NEW_ROWS


BY_NAME = {
    **ORDERS,
    "partition_keys": ["region", "year", "month", "country"],
    "filename_pattern": r"orders_(?P<region>[a-z]+)_(?P<year>\d{4})(?P<month>\d\d)(?P<country>[A-Z]{2})\.csv",
    "schema": [*ORDERS["schema"][:3], {"name": "land", "header": "country", "type": "string"}],
}
BY_ROWS = {
    **BY_NAME,
    "filename_pattern": r"orders_(?P<region>[a-z]+)_\w+\.csv",
    "partition_keys": ["region", *DAY, {"name": "country", "column": "land"}],
}


def test_rows_move_when_the_keys_move_between_name_and_data(make_lake: Callable[..., Lake]) -> None:
    by_name = make_lake({"orders": BY_NAME})
    entities = make_lake({"orders": BY_ROWS}).config.entities
    by_rows = Lake.open(by_name.config.model_copy(update={"entities": entities}))
    key, body = "orders_north_202401CH.csv", OLD + "x,bad,2024-01-01,CH\n"
    source = put(by_name, key, body)
    load(by_name)
    assert rows(by_name) == {"2024-01-CH": 4}
    for _ in range(2):
        assert [outcome.state for outcome in load(by_rows, reload=True)] == ["loaded"]
        assert rows(by_rows) == OLD_ROWS
        assert len(objects(by_name, "lake-rejects/orders/")) == 1
        assert [outcome.state for outcome in load(by_name, reload=True)] == ["loaded"]
        assert rows(by_name) == {"2024-01-CH": 4}
        assert len(objects(by_name)) == 1
        assert len(objects(by_name, "lake-rejects/orders/")) == 1
    load(by_name, reload=True)
    assert (entry_of(by_name, source).parts, by_name.ledger.parts(source)) == (None, {})


def test_a_data_key_gives_the_partition_its_date_and_the_run_none(lake: Lake) -> None:
    entity = lake.config.entities["orders"]
    assert (entity.grain, entity.partition_key_format) == (None, "%Y-%m")
    put(lake, KEY, OLD)
    [outcome] = load(lake)
    keys = {partition_key(entity, Partition.from_path(path)) for path in outcome.partitions}
    assert keys == {"2024-01", "2024-02", None}
    with pytest.raises(PartitionValueError, match="in its rows"):
        date_values(entity, "2024-01")


def test_part_items_are_in_no_index_of_states(lake: Lake) -> None:
    put(lake, KEY, OLD)
    load(lake)
    assert [entry.version for entry in lake.ledger.in_state("orders", "loaded")] == ["current"]
    found = list(lake.ledger.in_partition("orders", "region=north/year=2024/month=01/country=CH"))
    assert [entry.live_rows for entry in found] == [2]
