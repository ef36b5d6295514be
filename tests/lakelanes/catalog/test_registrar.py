"""What registering costs and does by both strategies, and who registers when many meet on a partition."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakelanes.catalog import glue_tables
from lakelanes.catalog.registrar import VIEWS_DUE, Registrar, unregistered
from lakelanes.config.model import Entity
from lakelanes.config.partitions import HIVE_NULL, Partition, partition_of
from lakelanes.errors import OutOfTimeError
from lakelanes.lake import Lake
from tests.support.lakes import SALES, make_config

CREATE = "before-call.glue.BatchCreatePartition"


def remembering(lake: Lake) -> Registrar:
    return Registrar(lake, "remember")


def days(lake: Lake, *numbers: int) -> list[Partition]:
    return [partition_of(lake.config.entities["sales"], ["2024", "03", f"{day:02}"]) for day in numbers]


def register(
    registrar: Registrar, entity: Entity, loaded: Sequence[Partition], rejects: Sequence[Partition] = ()
) -> None:
    """As the low-latency lane for files does."""
    registrar.register_entity(entity, loaded, rejects)


def counted(lake: Lake) -> Counter[str]:
    """Calls of the lake's Glue client from now on, by operation."""
    calls: Counter[str] = Counter()
    lake.glue.meta.events.register("before-call.glue", lambda model, **_: calls.update([model.name]))
    return calls


def registered(lake: Lake, table: str = "sales_data") -> list[list[str]]:
    answer = lake.glue.get_partitions(DatabaseName=lake.config.resources.glue_database, TableName=table)
    return sorted(partition["Values"] for partition in answer["Partitions"])


def test_a_new_partition_costs_one_call_and_a_known_one_none(lake: Lake) -> None:
    entity = lake.config.entities["sales"]
    register(remembering(lake), entity, days(lake, 1))  # makes the tables
    calls = counted(lake)
    registrar = remembering(lake)
    register(registrar, entity, days(lake, 1))
    assert not calls, "another process has registered it"
    register(registrar, entity, days(lake, 2))
    assert calls == {"BatchCreatePartition": 1}
    register(registrar, entity, days(lake, 1, 2))
    register(remembering(lake), entity, days(lake, 1, 2))
    assert calls == {"BatchCreatePartition": 1}
    assert registered(lake) == [["2024", "03", "01"], ["2024", "03", "02"]]


def test_rejected_rows_have_their_partition_only_when_there_are_any(lake: Lake) -> None:
    entity = lake.config.entities["sales"]
    registrar = remembering(lake)
    register(registrar, entity, days(lake, 1))
    assert glue_tables.describe(lake, entity.rejects_table) is None
    register(registrar, entity, days(lake, 1), days(lake, 1))
    assert registered(lake, entity.rejects_table) == [["2024", "03", "01"]]
    calls = counted(lake)
    register(registrar, entity, days(lake, 1), days(lake, 2))
    assert calls == {"BatchCreatePartition": 1}
    assert registered(lake, entity.rejects_table) == [["2024", "03", "01"], ["2024", "03", "02"]]


def test_many_processes_at_once_make_one_call(lake: Lake) -> None:
    entity = lake.config.entities["sales"]
    register(remembering(lake), entity, days(lake, 1))
    calls = counted(lake)
    registrars = [remembering(lake) for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda registrar: register(registrar, entity, days(lake, 9)), registrars))
    assert calls == {"BatchCreatePartition": 1}
    assert ["2024", "03", "09"] in registered(lake)


def test_many_processes_at_once_make_the_table_once(lake: Lake) -> None:
    entity = lake.config.entities["sales"]
    statements: list[str] = []
    lake.athena.meta.events.register(
        "provide-client-params.athena.StartQueryExecution", lambda params, **_: statements.append(params["QueryString"])
    )
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: register(remembering(lake), entity, days(lake, n)), range(1, 9)))
    tables = [statement.split(" (")[0].split(".")[-1] for statement in statements]
    assert tables == ["`sales_data`"]
    assert registered(lake) == [["2024", "03", f"{day:02}"] for day in range(1, 9)]
    assert lake.ledger.read_note(VIEWS_DUE), "the views are told of new tables"


@contextmanager
def at_creation(lake: Lake, action: Callable[..., None]) -> Iterator[None]:
    """Does something whenever the lake is about to create partitions."""
    lake.glue.meta.events.register(CREATE, action)
    try:
        yield
    finally:
        lake.glue.meta.events.unregister(CREATE, action)


def test_what_failed_is_tried_by_the_next(lake: Lake) -> None:
    entity = lake.config.entities["sales"]
    register(remembering(lake), entity, days(lake, 1))

    def fail(**_: Any) -> None:
        raise ConnectionError("lost")

    with at_creation(lake, fail), pytest.raises(ConnectionError):
        register(remembering(lake), entity, days(lake, 5))
    assert registered(lake) == [["2024", "03", "01"]]
    register(remembering(lake), entity, days(lake, 5))
    assert registered(lake) == [["2024", "03", "01"], ["2024", "03", "05"]]


def test_whoever_died_before_registering_is_replaced_after_a_while(
    make_lake: Callable[..., Lake], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2024, 3, 15, tzinfo=UTC)
    lake = make_lake(clock=lambda: now)
    entity = lake.config.entities["sales"]
    register(remembering(lake), entity, days(lake, 1))

    class Killed(BaseException):
        pass

    def kill(**_: Any) -> None:
        raise Killed

    with monkeypatch.context() as dead, at_creation(lake, kill):
        dead.setattr(lake.ledger, "give_up_turn", lambda name: None)
        with pytest.raises(Killed):
            register(remembering(lake), entity, days(lake, 5))

    register(remembering(lake), entity, days(lake, 5))
    assert ["2024", "03", "05"] not in registered(lake), "it might still be at it"
    now += timedelta(seconds=31)
    register(remembering(lake), entity, days(lake, 5))
    assert ["2024", "03", "05"] in registered(lake)


def test_a_table_that_was_dropped_is_made_again(lake: Lake) -> None:
    entity = lake.config.entities["sales"]
    registrar = remembering(lake)
    register(registrar, entity, days(lake, 1))
    lake.glue.delete_table(DatabaseName=lake.config.resources.glue_database, Name="sales_data")
    register(registrar, entity, days(lake, 2))
    assert registered(lake) == [["2024", "03", "02"]]


def test_a_column_that_the_configuration_gained_reaches_the_table(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake()
    register(remembering(lake), lake.config.entities["sales"], days(lake, 1))
    schema = [*SALES["schema"], {"name": "more", "type": "string"}]
    wider = make_lake({"sales": {**SALES, "schema": schema}}).config.entities["sales"]
    register(remembering(lake), wider, days(lake, 1))
    found = glue_tables.describe(lake, "sales_data")
    assert found is not None
    assert found["StorageDescriptor"]["Columns"][-1]["Name"] == "more"


def test_a_table_with_projection_has_no_partitions_to_register(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake({"sales": {**SALES, "registration": "projection"}})
    entity = lake.config.entities["sales"]
    registrar = remembering(lake)
    register(registrar, entity, days(lake, 1), days(lake, 1))
    calls = counted(lake)
    register(registrar, entity, days(lake, 2), days(lake, 2))
    assert not calls


def test_whoever_waits_goes_on_once_the_partition_is_there(lake: Lake) -> None:
    table = glue_tables.data_table(lake.config.entities["sales"])
    remembering(lake).register(table, days(lake, 1))
    begun, go_on = threading.Event(), threading.Event()

    def wait(**_: Any) -> None:
        begun.set()
        assert go_on.wait(60)

    with ThreadPoolExecutor(2) as pool, at_creation(lake, wait):
        slow = pool.submit(remembering(lake).register, table, days(lake, 5))
        assert begun.wait(60)
        remembering(lake).register(table, days(lake, 5))
        with pytest.raises(OutOfTimeError, match="registered/sales_data"):
            remembering(lake).register(table, days(lake, 5), wait_seconds=0.01)
        waiting = pool.submit(remembering(lake).register, table, days(lake, 5), wait_seconds=30)
        assert ["2024", "03", "05"] not in registered(lake)
        go_on.set()
        waiting.result()
        assert ["2024", "03", "05"] in registered(lake)
        slow.result()


class TestLooking:
    def test_asks_glue_each_time_and_puts_right_what_was_taken_out(self, lake: Lake) -> None:
        registrar, table = Registrar(lake, "look"), glue_tables.data_table(lake.config.entities["sales"])
        done = registrar.register(table, days(lake, 1, 2))
        assert (done.tables_changed, done.created, done.relocated) == (["sales_data"], 2, [])
        where = {"DatabaseName": lake.config.resources.glue_database, "TableName": "sales_data"}
        lake.glue.delete_partition(**where, PartitionValues=["2024", "03", "02"])
        calls = counted(lake)
        done = registrar.register(table, days(lake, 1, 2))
        assert (done.tables_changed, done.created, done.relocated) == ([], 1, [])
        assert calls == {"GetTable": 2, "BatchGetPartition": 1, "BatchCreatePartition": 1}
        assert registered(lake) == [["2024", "03", "01"], ["2024", "03", "02"]]
        calls.clear()
        assert registrar.register(table, days(lake, 1, 2)).created == 0
        assert calls == {"GetTable": 1, "BatchGetPartition": 1}

    def test_counts_no_partition_that_somebody_else_created_meanwhile(self, lake: Lake) -> None:
        table = glue_tables.data_table(lake.config.entities["sales"])
        Registrar(lake, "look").register(table, [])
        other = Lake.open(lake.config)

        def overtake(**_: Any) -> None:
            Registrar(other, "look").register(table, days(lake, 1))

        with at_creation(lake, overtake):
            assert Registrar(lake, "look").register(table, days(lake, 1, 2)).created == 1
        assert registered(lake) == [["2024", "03", "01"], ["2024", "03", "02"]]

    def test_makes_both_tables_of_an_entity_even_without_partitions(self, lake: Lake) -> None:
        entity = lake.config.entities["sales"]
        assert Registrar(lake, "look").register_entity(entity, []).tables_changed == [
            "sales_data",
            "sales_data_rejects",
        ]
        assert Registrar(lake, "look").register_entity(entity, []).tables_changed == []

    def test_reports_the_partitions_of_rows_and_registers_those_of_rejected_rows_too(self, lake: Lake) -> None:
        entity = lake.config.entities["sales"]
        assert unregistered(lake, entity, days(lake, 1)) == ["sales_data", "sales_data_rejects"]
        assert Registrar(lake, "look").register_entity(entity, days(lake, 1)).created == 1
        assert registered(lake, "sales_data_rejects") == [["2024", "03", "01"]]
        assert unregistered(lake, entity, days(lake, 1)) == []
        assert unregistered(lake, entity, days(lake, 1, 2)) == [
            "sales_data/year=2024/month=03/day=02",
            "sales_data_rejects/year=2024/month=03/day=02",
        ]

    def test_says_which_location_it_corrected(self, lake: Lake) -> None:
        table = glue_tables.data_table(lake.config.entities["sales"])
        Registrar(lake, "look").register(table, days(lake, 1))
        where = {"DatabaseName": lake.config.resources.glue_database, "TableName": "sales_data"}
        values = ["2024", "03", "01"]
        storage = lake.glue.get_partition(**where, PartitionValues=values)["Partition"]["StorageDescriptor"]
        moved = {"Values": values, "StorageDescriptor": {**storage, "Location": "s3://elsewhere/"}}
        lake.glue.update_partition(**where, PartitionValueList=values, PartitionInput=moved)
        assert (
            unregistered(lake, lake.config.entities["sales"], days(lake, 1))[0] == f"sales_data/{days(lake, 1)[0].path}"
        )
        done = Registrar(lake, "look").register(table, days(lake, 1))
        right = table.location(lake, days(lake, 1)[0])
        assert done.relocated == [f"sales_data/{days(lake, 1)[0].path}: s3://elsewhere/ -> {right}"]
        found = lake.glue.get_partition(**where, PartitionValues=values)["Partition"]["StorageDescriptor"]["Location"]
        assert found.rstrip("/") == right.rstrip("/")


def test_a_registrar_that_remembers_says_what_it_changed_and_does_nothing_without_partitions(lake: Lake) -> None:
    table, registrar = glue_tables.data_table(lake.config.entities["sales"]), remembering(lake)
    calls = counted(lake)
    assert registrar.register(table, []).tables_changed == []
    assert not calls
    done = registrar.register(table, days(lake, 1, 2))
    assert (done.tables_changed, done.created) == (["sales_data"], 2)
    done = registrar.register(table, days(lake, 1, 2, 3))
    assert (done.tables_changed, done.created) == ([], 1)


def test_a_partition_without_values_of_its_rows_is_one_of_rejected_rows_alone(lake: Lake) -> None:
    raw = {**SALES, "partition_keys": [{"name": "day", "column": "transaction_date", "format": "%Y-%m-%d"}]}
    entity = make_config({"sales": {**raw, "filename_pattern": r"sales.*\.csv"}}).entities["sales"]
    known, unknown = Partition((("day", "2024-03-15"),)), Partition((("day", HIVE_NULL),))
    tables = {table.name: own for table, own in glue_tables.with_partitions(entity, [known, unknown])}
    assert tables == {"sales_data": {known}, "sales_data_rejects": {unknown}}
    assert glue_tables.with_partitions(entity, [unknown], []) == []
