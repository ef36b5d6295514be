"""How many Glue calls the partitions of the low-latency lane cost."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakelanes.catalog import glue_tables
from lakelanes.catalog.registrar import VIEWS_DUE, Registrar
from lakelanes.config.model import Entity
from lakelanes.config.partitions import Partition, partition_of
from lakelanes.errors import OutOfTimeError
from lakelanes.lake import Lake
from tests.support.lakes import SALES


def days(lake: Lake, *numbers: int) -> list[Partition]:
    return [partition_of(lake.config.entities["sales"], ["2024", "03", f"{day:02}"]) for day in numbers]


def register(
    registrar: Registrar, entity: Entity, loaded: Sequence[Partition], rejects: Sequence[Partition] = ()
) -> None:
    """As the low-latency lane for files does."""
    registrar.register(glue_tables.data_table(entity), loaded)
    registrar.register(glue_tables.rejects_table(entity), rejects)


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
    register(Registrar(lake), entity, days(lake, 1))  # makes the tables
    calls = counted(lake)
    registrar = Registrar(lake)
    register(registrar, entity, days(lake, 1))
    assert not calls, "another process has registered it"
    register(registrar, entity, days(lake, 2))
    assert calls == {"BatchCreatePartition": 1}
    register(registrar, entity, days(lake, 1, 2))
    register(Registrar(lake), entity, days(lake, 1, 2))
    assert calls == {"BatchCreatePartition": 1}
    assert registered(lake) == [["2024", "03", "01"], ["2024", "03", "02"]]


def test_rejected_rows_have_their_partition_only_when_there_are_any(lake: Lake) -> None:
    entity = lake.config.entities["sales"]
    registrar = Registrar(lake)
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
    register(Registrar(lake), entity, days(lake, 1))
    calls = counted(lake)
    registrars = [Registrar(lake) for _ in range(16)]
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
        list(pool.map(lambda n: register(Registrar(lake), entity, days(lake, n)), range(1, 9)))
    tables = [statement.split(" (")[0].split(".")[-1] for statement in statements]
    assert tables == ["`sales_data`"]
    assert registered(lake) == [["2024", "03", f"{day:02}"] for day in range(1, 9)]
    assert lake.ledger.read_note(VIEWS_DUE), "the views are told of new tables"


def test_what_failed_is_tried_by_the_next(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    entity = lake.config.entities["sales"]
    register(Registrar(lake), entity, days(lake, 1))

    def fail(*_: Any) -> None:
        raise ConnectionError("lost")

    with monkeypatch.context() as broken:
        broken.setattr(glue_tables, "create_partitions", fail)
        with pytest.raises(ConnectionError):
            register(Registrar(lake), entity, days(lake, 5))
    assert registered(lake) == [["2024", "03", "01"]]
    register(Registrar(lake), entity, days(lake, 5))
    assert registered(lake) == [["2024", "03", "01"], ["2024", "03", "05"]]


def test_whoever_died_before_registering_is_replaced_after_a_while(make_lake: Callable[..., Lake]) -> None:
    now = datetime(2024, 3, 15, tzinfo=UTC)
    lake = make_lake(clock=lambda: now)
    entity = lake.config.entities["sales"]
    register(Registrar(lake), entity, days(lake, 1))

    class Killed(BaseException):
        pass

    class Dying(Registrar):
        def _create(self, *_: Any) -> None:
            raise Killed

    dying = Dying(lake)
    give_up = lake.ledger.give_up_turn
    lake.ledger.give_up_turn = lambda name: None  # type: ignore[method-assign]
    with pytest.raises(Killed):
        register(dying, entity, days(lake, 5))
    lake.ledger.give_up_turn = give_up  # type: ignore[method-assign]

    register(Registrar(lake), entity, days(lake, 5))
    assert ["2024", "03", "05"] not in registered(lake), "it might still be at it"
    now += timedelta(seconds=31)
    register(Registrar(lake), entity, days(lake, 5))
    assert ["2024", "03", "05"] in registered(lake)


def test_a_table_that_was_dropped_is_made_again(lake: Lake) -> None:
    entity = lake.config.entities["sales"]
    registrar = Registrar(lake)
    register(registrar, entity, days(lake, 1))
    lake.glue.delete_table(DatabaseName=lake.config.resources.glue_database, Name="sales_data")
    register(registrar, entity, days(lake, 2))
    assert registered(lake) == [["2024", "03", "02"]]


def test_a_column_that_the_configuration_gained_reaches_the_table(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake()
    register(Registrar(lake), lake.config.entities["sales"], days(lake, 1))
    schema = [*SALES["schema"], {"name": "more", "type": "string"}]
    wider = make_lake({"sales": {**SALES, "schema": schema}}).config.entities["sales"]
    register(Registrar(lake), wider, days(lake, 1))
    found = glue_tables.describe(lake, "sales_data")
    assert found is not None
    assert found["StorageDescriptor"]["Columns"][-1]["Name"] == "more"


def test_a_table_with_projection_has_no_partitions_to_register(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake({"sales": {**SALES, "registration": "projection"}})
    entity = lake.config.entities["sales"]
    registrar = Registrar(lake)
    register(registrar, entity, days(lake, 1), days(lake, 1))
    calls = counted(lake)
    register(registrar, entity, days(lake, 2), days(lake, 2))
    assert not calls


def test_whoever_waits_goes_on_once_the_partition_is_there(lake: Lake) -> None:
    table = glue_tables.data_table(lake.config.entities["sales"])
    Registrar(lake).register(table, days(lake, 1))
    begun, go_on = threading.Event(), threading.Event()

    class Slow(Registrar):
        def _create(self, *arguments: Any) -> None:
            begun.set()
            assert go_on.wait(60)
            super()._create(*arguments)

    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(Slow(lake).register, table, days(lake, 5))
        assert begun.wait(60)
        Registrar(lake).register(table, days(lake, 5))
        with pytest.raises(OutOfTimeError, match="registered/sales_data"):
            Registrar(lake).register(table, days(lake, 5), wait_seconds=0.01)
        waiting = pool.submit(Registrar(lake).register, table, days(lake, 5), wait_seconds=30)
        assert ["2024", "03", "05"] not in registered(lake)
        go_on.set()
        waiting.result()
        assert ["2024", "03", "05"] in registered(lake)
        slow.result()
