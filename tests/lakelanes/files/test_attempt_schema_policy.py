"""Tables that grow with their files: through Glue, and asked for in Athena beside the rows of older files."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from lakelanes.catalog import athena, glue_tables
from lakelanes.catalog.evolution import Evolution
from lakelanes.catalog.registrar import Registrar
from lakelanes.config.model import LakeConfig
from lakelanes.config.partitions import Partition
from lakelanes.errors import CatalogError
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_entity
from lakelanes.files.outcomes import FileOutcome
from lakelanes.files.validation import validate
from lakelanes.lake import Lake
from lakelanes.ledger.source_file import SourceFile
from tests.support.lakes import SALES, put

HEADER = "transaction_id,customer_id,amount,transaction_date"
OLD = f"{HEADER}\nt1,c1,1.50,2024-03-14\n"
NEW = f"{HEADER},Sales Channel,note\nt2,c2,2.50,2024-03-15,web,\nt3,c3,3.50,2024-03-15,,hi\n"
DIRTY = f"{HEADER}\nt4,c4,n/a,2024-03-16\nt5,c5,5.50,tomorrow\nt6,c6,6.50,2024-03-16\n"

MakeLake = Callable[..., Lake]


def entity(**policy: Any) -> dict[str, Any]:
    return {"sales": {**SALES, "schema_policy": policy}}


def name_of(day: int) -> str:
    return f"sales_data_2024_03_{day:02}.csv"


def load(lake: Lake, *bodies: str, first_day: int = 14, files: Sequence[SourceFile] | None = None) -> list[FileOutcome]:
    """Puts these files, a day each, and loads, registers and validates what is new."""
    for day, body in enumerate(bodies, first_day):
        put(lake, name_of(day), body)
    sales = lake.config.entities["sales"]
    outcomes = load_batch(lake, sales, files or list_entity(lake, sales), lane="batch", run_id="test")
    partitions = {Partition.from_path(path) for outcome in outcomes for path in outcome.partitions}
    Registrar(lake, "look").register_entity(sales, partitions)
    validate(lake, sales, partitions, pause_seconds=0.05)
    return [outcome for outcome in outcomes if outcome.state != "already_loaded"]


def reconfigured(lake: Lake, settings: dict[str, Any]) -> Lake:
    """The same lake after a change of the configuration of its entity."""
    raw = json.loads(lake.config.model_dump_json(by_alias=True))
    return Lake.open(LakeConfig.model_validate(raw | {"entities": settings}))


def select(lake: Lake, sql: str) -> list[tuple[str | None, ...]]:
    return [tuple(row.values()) for row in athena.query(lake, sql)]


def columns(lake: Lake) -> list[str]:
    found = glue_tables.describe(lake, "sales_data")
    assert found is not None
    return [column["Name"] for column in found["StorageDescriptor"]["Columns"]]


def rejected(lake: Lake) -> list[tuple[str | None, ...]]:
    return select(lake, 'SELECT line, "column" FROM sales_data_rejects ORDER BY source_file, record')


def test_new_columns_join_the_table_and_older_files_go_on_reading(make_lake: MakeLake) -> None:
    lake = make_lake(entity(new_columns="evolve"))
    assert [outcome.added_columns for outcome in load(lake, OLD, NEW)] == [(), ("sales_channel", "note")]
    assert select(lake, "SELECT transaction_id, amount, sales_channel, note FROM sales_data ORDER BY 1") == [
        ("t1", "1.50", None, None),
        ("t2", "2.50", "web", None),
        ("t3", "3.50", None, "hi"),
    ]
    [outcome] = load(lake, f"{HEADER},NOTE\nt4,c4,4.50,2024-03-16,again\n", first_day=16)
    entry = lake.ledger.get(outcome.source)
    assert entry is not None
    assert entry.added_columns == outcome.added_columns == ("note",)
    assert columns(lake)[4:] == ["sales_channel", "note"]
    assert select(lake, "SELECT count(*), count(note), count(sales_channel) FROM sales_data") == [("4", "2", "1")]


def test_a_partition_registered_before_the_table_grew_takes_a_new_file(make_lake: MakeLake) -> None:
    lake = make_lake(entity(new_columns="evolve"))
    load(lake, OLD)
    put(lake, f"late/{name_of(14)}", NEW)
    load(lake)
    sql = "SELECT transaction_id, sales_channel FROM sales_data WHERE day = '14' ORDER BY 1"
    assert select(lake, sql) == [("t1", None), ("t2", "web"), ("t3", None)]


def test_the_first_file_of_a_table_may_bring_new_columns(make_lake: MakeLake) -> None:
    lake = make_lake(entity(new_columns="evolve", rescue=True))
    load(lake, NEW)
    assert columns(lake)[4:] == ["_rescued", "sales_channel", "note"]


def test_new_columns_in_a_frozen_table_refuse_the_file(make_lake: MakeLake) -> None:
    lake = make_lake(entity(new_columns="freeze"))
    old, new = load(lake, OLD, NEW)
    assert (old.state, new.state) == ("loaded", "rejected")
    assert "unexpected columns Sales Channel, note" in str(new.error)
    assert select(lake, "SELECT count(*) FROM sales_data") == [("1",)]
    assert rejected(lake) == [("2", None), ("3", None)]


def test_rows_with_new_columns_are_set_aside(make_lake: MakeLake) -> None:
    lake = make_lake(entity(new_columns="discard_row"))
    load(lake, OLD, NEW + "t9,c9,9.50,2024-03-15,,\n")
    assert select(lake, "SELECT transaction_id FROM sales_data ORDER BY 1") == [("t1",), ("t9",)]
    assert rejected(lake) == [("2", "Sales Channel"), ("3", "note")]
    assert len(columns(lake)) == 4


def test_what_did_not_fit_is_rescued_as_json_that_athena_reads(make_lake: MakeLake) -> None:
    lake = make_lake(entity(type_misfits="discard_value", rescue=True))
    assert [outcome.added_columns for outcome in load(lake, OLD, NEW, DIRTY)] == [(), (), ()]
    sql = """SELECT transaction_id, amount, json_extract_scalar(_rescued, '$["Sales Channel"]') AS channel,
        json_extract_scalar(_rescued, '$.note') AS note, json_extract_scalar(_rescued, '$.amount') AS amount_text,
        json_extract_scalar(_rescued, '$.transaction_date') AS day_text FROM sales_data ORDER BY 1"""
    assert select(lake, sql) == [
        ("t1", "1.50", None, None, None, None),
        ("t2", "2.50", "web", None, None, None),
        ("t3", "3.50", None, "hi", None, None),
        ("t4", None, None, None, "n/a", None),
        ("t5", "5.50", None, None, None, "tomorrow"),
        ("t6", "6.50", None, None, None, None),
    ]
    assert select(lake, "SELECT count(*) FROM sales_data WHERE _rescued IS NULL") == [("2",)]


def test_a_table_without_rescue_gains_the_column_when_it_is_asked_for(make_lake: MakeLake) -> None:
    lake = make_lake(entity())
    load(lake, OLD)
    lake = reconfigured(lake, entity(rescue=True))
    load(lake, NEW, first_day=15)
    assert columns(lake)[4:] == ["_rescued"]
    assert select(
        lake, "SELECT transaction_id, json_extract_scalar(_rescued, '$.note') FROM sales_data ORDER BY 1"
    ) == [
        ("t1", None),
        ("t2", None),
        ("t3", "hi"),
    ]


def test_misfits_are_null_where_they_are_discarded(make_lake: MakeLake) -> None:
    lake = make_lake(entity(type_misfits="discard_value"))
    load(lake, DIRTY)
    assert select(lake, "SELECT transaction_id, amount, transaction_date FROM sales_data ORDER BY 1") == [
        ("t4", None, "2024-03-16"),
        ("t5", "5.50", None),
        ("t6", "6.50", "2024-03-16"),
    ]


def test_misfits_set_their_row_aside(make_lake: MakeLake) -> None:
    lake = make_lake(entity(type_misfits="discard_row"))
    load(lake, DIRTY)
    assert select(lake, "SELECT transaction_id FROM sales_data") == [("t6",)]
    assert rejected(lake) == [("2", "amount"), ("3", "transaction_date")]


def test_misfits_go_to_variant_columns(make_lake: MakeLake) -> None:
    lake = make_lake(entity(type_misfits="evolve"))
    load(lake, OLD)
    assert len(columns(lake)) == 4
    [outcome] = load(lake, DIRTY, first_day=16)
    assert (outcome.rows_loaded, outcome.rows_rejected) == (3, 0)
    assert columns(lake)[4:] == ["amount__v_string", "transaction_date__v_string"]
    sql = "SELECT transaction_id, amount, amount__v_string, transaction_date__v_string FROM sales_data ORDER BY 1"
    assert select(lake, sql) == [
        ("t1", "1.50", None, None),
        ("t4", None, "n/a", None),
        ("t5", "5.50", None, "tomorrow"),
        ("t6", "6.50", None, None),
    ]


def test_a_misfit_refuses_the_file_where_the_types_are_frozen(make_lake: MakeLake) -> None:
    lake = make_lake(entity(type_misfits="freeze"))
    old, dirty = load(lake, OLD, DIRTY)
    assert (old.state, dirty.state, dirty.line, dirty.column) == ("loaded", "rejected", 2, "amount")
    assert select(lake, "SELECT count(*) FROM sales_data") == [("1",)]
    assert rejected(lake) == [("2", "amount"), ("3", "transaction_date"), ("4", None)]


def test_a_variant_that_a_large_file_needs_at_its_end_is_in_one_object_with_all_rows(make_lake: MakeLake) -> None:
    lake = make_lake(entity(type_misfits="evolve"))
    ranges: list[str] = []
    lake.s3.meta.events.register(
        "before-call.s3.GetObject", lambda params, **_: ranges.append(params["headers"]["Range"])
    )
    body = "".join(f"t{n:08},customer {n * 7919 % 1_000_003:07},{n % 1000}.25,2024-03-15\n" for n in range(700_000))
    [outcome] = load(lake, f"{HEADER}\n{body}tlast,c,none,2024-03-15\n")
    assert (outcome.state, outcome.rows_loaded, outcome.added_columns) == ("loaded", 700_001, ("amount__v_string",))
    assert [found.startswith("bytes=0-") for found in ranges].count(True) == 2, "read from the start once more"
    assert select(lake, "SELECT count(*), count(amount), max(amount__v_string) FROM sales_data") == [
        ("700001", "700000", "none")
    ]


def test_the_column_is_in_the_table_before_the_file_is_in_the_ledger(make_lake: MakeLake) -> None:
    lake = make_lake(entity(new_columns="evolve"))
    calls: list[str] = []
    for service in (lake.glue, lake.s3, lake.ledger._db):
        service.meta.events.register("before-call", lambda model, **_: calls.append(model.name))
    put(lake, name_of(14), NEW)
    sales = lake.config.entities["sales"]
    load_batch(lake, sales, list_entity(lake, sales), lane="batch", run_id="test")
    targets = [at for at, name in enumerate(calls) if name == "PutObject"][1:]
    commit = len(calls) - 1 - calls[::-1].index("PutItem")
    assert calls.index("UpdateTable") < targets[0] < commit


def test_files_of_a_batch_ask_glue_once_for_columns_that_are_there(make_lake: MakeLake) -> None:
    lake = make_lake(entity(new_columns="evolve", type_misfits="evolve"))
    load(lake, NEW)
    calls: list[str] = []
    lake.glue.meta.events.register("before-call.glue", lambda model, **_: calls.append(model.name))
    sales = lake.config.entities["sales"]

    def load_files(body: str, days: range) -> None:
        calls.clear()
        for day in days:
            put(lake, name_of(day), body)
        files = [file for file in list_entity(lake, sales) if int(file.name[-6:-4]) in days]
        outcomes = load_batch(lake, sales, files, lane="batch", run_id="test")
        assert [outcome.state for outcome in outcomes] == ["loaded"] * len(days)

    load_files(NEW, range(15, 21))
    assert calls == ["GetTable"]
    load_files(OLD, range(21, 25))
    assert calls == []


def test_many_workers_add_each_column_once_and_lose_none(make_lake: MakeLake) -> None:
    lake = make_lake(entity(new_columns="evolve"))
    workers, wanted = 8, [f"c{number}" for number in range(20)]
    start = Barrier(workers)

    def work(worker: int) -> list[str]:
        # An Evolution of its own each: as in workers that share nothing but Glue.
        own = Evolution(Lake.open(lake.config), lake.config.entities["sales"])
        start.wait(timeout=60)
        added = []
        for step in range(10):
            names = [wanted[(worker * 3 + step * 2 + offset) % 20] for offset in range(3)]
            added += own.add(dict.fromkeys(names, "string"), f"s3://source/{worker}/{step}")
        return added

    with ThreadPoolExecutor(workers) as pool:
        added = [name for names in pool.map(work, range(workers)) for name in names]
    assert sorted(added) == sorted(wanted), "each column was added by one worker"
    assert sorted(columns(lake)[4:]) == sorted(wanted)


def test_a_column_added_between_reading_and_writing_the_table_is_kept(make_lake: MakeLake) -> None:
    lake = make_lake(entity(new_columns="evolve"))
    load(lake, OLD)
    sales, other = lake.config.entities["sales"], Lake.open(lake.config)

    def overtake(**_: Any) -> None:
        lake.glue.meta.events.unregister("before-call.glue.UpdateTable", overtake)
        Evolution(other, sales).add({"theirs": "string", "both": "string"}, "another file")

    lake.glue.meta.events.register("before-call.glue.UpdateTable", overtake)
    assert Evolution(lake, sales).add({"ours": "string", "both": "string"}, "a file") == ["ours"]
    assert columns(lake)[4:] == ["theirs", "both", "ours"]


def test_a_configured_column_added_at_the_same_time_is_kept_too(make_lake: MakeLake) -> None:
    lake = make_lake(entity(new_columns="evolve"))
    load(lake, OLD)
    declared = {"sales": {**SALES, "schema": [*SALES["schema"], {"name": "declared", "type": "int"}]}}
    changed = reconfigured(lake, declared)

    def overtake(**_: Any) -> None:
        changed.glue.meta.events.unregister("before-call.glue.UpdateTable", overtake)
        Evolution(lake, lake.config.entities["sales"]).add({"evolved": "string"}, "a file")

    changed.glue.meta.events.register("before-call.glue.UpdateTable", overtake)
    assert (
        Registrar(changed, "look").register_entity(changed.config.entities["sales"], []).tables_changed
        == ["sales_data", "sales_data_rejects"][:1]
    )
    assert columns(lake)[4:] == ["evolved", "declared"]


def test_an_evolved_column_may_be_declared_as_what_it_is_and_as_nothing_else(make_lake: MakeLake) -> None:
    lake = make_lake(entity(new_columns="evolve"))
    load(lake, NEW)

    def declaring(**column: str) -> Lake:
        return reconfigured(lake, {"sales": {**SALES, "missing_columns": "null", "schema": [*SALES["schema"], column]}})

    other = declaring(name="note", type="bigint")
    with pytest.raises(
        CatalogError, match=r"column note of table .* is string, but .* says bigint.*declare it as string"
    ):
        Registrar(other, "look").register_entity(other.config.entities["sales"], [])
    same = declaring(name="note", type="string")
    load(same, f"{HEADER},note\nt4,c4,4.50,2024-03-16,declared\n", first_day=16)
    assert select(same, "SELECT note FROM sales_data WHERE note IS NOT NULL ORDER BY 1") == [("declared",), ("hi",)]
    renamed = declaring(name="note_number", type="bigint", header="note")
    load(renamed, f"{HEADER},note\nt5,c5,5.50,2024-03-17,17\n", first_day=17)
    assert select(renamed, "SELECT note, note_number FROM sales_data WHERE transaction_id = 't5'") == [(None, "17")]


def test_a_file_whose_new_column_the_table_has_with_another_type_fails_and_leaves_nothing(make_lake: MakeLake) -> None:
    typed = {
        "sales": {**SALES, "missing_columns": "null", "schema": [*SALES["schema"], {"name": "note", "type": "int"}]}
    }
    lake = make_lake(typed)
    load(lake, OLD)
    lake = reconfigured(lake, entity(new_columns="evolve"))
    [outcome] = load(lake, NEW, first_day=15)
    assert (outcome.state, outcome.retryable) == ("failed", False)
    assert "column note of table" in str(outcome.error)
    assert "a file of sales brings a string column of that name" in str(outcome.error)
    assert select(lake, "SELECT transaction_id FROM sales_data") == [("t1",)]
    assert len(columns(lake)) == 5
