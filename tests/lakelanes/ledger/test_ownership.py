"""One ledger for one bucket: who is refused, who takes over, and what a restored ledger then does."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lakelanes import watch
from lakelanes.alerts import incidents
from lakelanes.alerts.messages import Alert, publish
from lakelanes.drop.belongings import belongings
from lakelanes.drop.removal import drop
from lakelanes.errors import OwnerError
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_entity
from lakelanes.files.sweep import find_unloaded
from lakelanes.lake import Lake
from lakelanes.ledger.notes import note_key
from lakelanes.ledger.ownership import MARKER, NOTE, TOKENS
from tests.lakelanes.drop.filled import without
from tests.lakelanes.files.support import HEADER, KEY, load, rejects, rows, table
from tests.support.lakes import SALES, put
from tests.support.requests_made import RequestsMade

BAD = "x,y,bad,2024-03-15\n"


def over(lake: Lake, **resources: Any) -> Lake:
    """A lake of another configuration with these names."""
    changed = lake.config.resources.model_copy(update=resources)
    return Lake(lake.config.model_copy(update={"resources": changed}), lake.clock)


def table_id(lake: Lake) -> str:
    return str(lake.dynamodb.describe_table(TableName=lake.config.resources.ledger_table)["Table"]["TableId"])


def items(lake: Lake) -> list[Any]:
    pages = lake.dynamodb.get_paginator("scan").paginate(TableName=lake.config.resources.ledger_table)
    return [item for page in pages for item in page["Items"]]


def restored(lake: Lake, kept: list[Any], other: Lake) -> Lake:
    """The lake of whoever restored its ledger: DynamoDB does so into a new table, which is ``other``'s here."""
    name = unclaimed(other).config.resources.ledger_table
    for item in kept:
        lake.dynamodb.put_item(TableName=name, Item=item)
    return over(lake, ledger_table=name, replaces_ledger=table_id(lake))


def load_all(lake: Lake) -> list[Any]:
    sales = lake.config.entities["sales"]
    return load_batch(lake, sales, list_entity(lake, sales), lane="batch", run_id="run")


def marker(lake: Lake) -> dict[str, Any]:
    body = lake.s3.get_object(Bucket=lake.config.resources.analytics_bucket, Key=MARKER)["Body"].read()
    return dict(json.loads(body))


def unclaimed(lake: Lake) -> Lake:
    """The lake as nobody has used it yet."""
    lake.s3.delete_object(Bucket=lake.config.resources.analytics_bucket, Key=MARKER)
    lake.ledger.delete_if(*note_key(NOTE))
    return Lake(lake.config)


def test_a_bucket_is_its_first_ledgers_and_one_process_asks_once(lake: Lake) -> None:
    lake = unclaimed(lake)
    made = RequestsMade(lake)
    lake.check_owner()
    assert made.names == ["GetItem", "DescribeTable", "GetObject", "PutObject", "GetObject", "PutItem"]
    assert marker(lake)["table_id"] == table_id(lake)
    made.names.clear()
    lake.check_owner()
    assert made.names == []
    again = Lake(lake.config)
    made = RequestsMade(again)
    again.check_owner()
    assert made.names == ["GetItem", "DescribeTable", "GetObject"]


def test_of_many_processes_that_are_the_first_all_have_it(lake: Lake) -> None:
    unclaimed(lake)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: Lake(lake.config).check_owner(), range(8)))
    assert marker(lake)["generation"] == 0


def test_of_two_ledgers_that_are_the_first_one_gets_the_bucket(make_lake: Callable[..., Lake]) -> None:
    """Both have found none; the other one is faster."""
    a, b = unclaimed(make_lake()), unclaimed(make_lake())
    b = over(b, analytics_bucket=a.config.resources.analytics_bucket)
    b.s3.meta.events.register("before-call.s3.PutObject", lambda **_: a.check_owner())
    with pytest.raises(OwnerError):
        b.check_owner()
    assert marker(a)["table_id"] == table_id(a)
    assert b.ledger.read_note(NOTE) == {}


def test_another_ledger_over_the_bucket_changes_nothing_and_is_told_why(make_lake: Callable[..., Lake]) -> None:
    """Another environment whose files have the same names: each would replace the other's rows."""
    lake, other = make_lake(), unclaimed(make_lake())
    put(lake, KEY, HEADER + rows(2))
    load(lake)
    stranger = over(other, analytics_bucket=lake.config.resources.analytics_bucket)
    put(stranger, KEY, HEADER + rows(1, 90))
    with pytest.raises(OwnerError) as error:
        load_all(stranger)
    said = str(error.value)
    for name in (lake, stranger):
        assert f"table/{name.config.resources.ledger_table} (TableId {table_id(name)})" in said
    assert "resources.analytics_bucket" in said and f'resources.replaces_ledger to "{table_id(lake)}"' in said
    with pytest.raises(OwnerError):
        find_unloaded(stranger)
    with pytest.raises(OwnerError):
        watch.watch(stranger, publish)
    gone = without(stranger, "sales")
    with pytest.raises(OwnerError):
        drop(gone, belongings(gone, "sales"), publish)
    assert len(table(lake)) == 2 and items(stranger) == []
    load_all(other)
    assert len(load_all(lake)) == 1


def test_one_ledger_over_another_bucket_changes_nothing_and_is_told_why(make_lake: Callable[..., Lake]) -> None:
    """It would take for loaded what that bucket lacks, and delete from the first one what it moves."""
    lake, other = make_lake(), unclaimed(make_lake())
    put(lake, KEY, HEADER + rows(2))
    load(lake)
    stranger = over(lake, analytics_bucket=other.config.resources.analytics_bucket)
    put(lake, KEY, HEADER + rows(3))
    with pytest.raises(OwnerError) as error:
        load_all(stranger)
    said = str(error.value)
    assert f"s3://{lake.config.resources.analytics_bucket}" in said
    assert other.config.resources.analytics_bucket in said
    assert "resources.ledger_table" in said and "resources.analytics_bucket" in said
    assert "Contents" not in other.s3.list_objects_v2(Bucket=other.config.resources.analytics_bucket)
    load(lake)
    assert len(table(lake)) == 3


def test_another_lakes_configuration_closes_no_alert(make_lake: Callable[..., Lake]) -> None:
    """It has not got the entity, and the entity has not left."""
    lake = make_lake()
    lake.check_owner()
    alert = Alert("load_sales", "run-1", "sales", "it failed", "")
    assert incidents.report(lake, "run/load_sales/-", alert, lambda *_: None)
    other = without(over(make_lake(), ledger_table=lake.config.resources.ledger_table), "sales")
    shop = lake.config.entities["sales"].model_copy()
    object.__setattr__(shop, "name", "shop")
    other = Lake(other.config.model_copy(update={"entities": {"shop": shop}}))
    with pytest.raises(OwnerError):
        watch.cures(other, incidents.uncured_incidents(other))
    assert [one.cause for one in incidents.open_incidents(lake)] == ["run/load_sales/-"]


def test_a_restored_ledger_is_refused_until_the_configuration_says_so_and_then_the_old_one_is(
    make_lake: Callable[..., Lake],
) -> None:
    lake, other = make_lake(), make_lake()
    put(lake, KEY, HEADER + rows(2))
    load(lake)
    back = restored(lake, items(lake), other)
    with pytest.raises(OwnerError, match=r"resources\.replaces_ledger"):
        load_all(over(back, replaces_ledger=None))
    with pytest.raises(OwnerError, match=r"resources\.replaces_ledger"):
        load_all(over(back, replaces_ledger="another-id"))
    back.check_owner()
    assert (back.ledger.token_floor, marker(back)["generation"]) == (TOKENS, 1)
    with pytest.raises(OwnerError):
        Lake(lake.config).check_owner()
    Lake(back.config).check_owner()
    over(back, replaces_ledger=None).check_owner()
    assert marker(back)["generation"] == 1
    assert {outcome.state for outcome in load_all(back)} == {"already_loaded"}


def test_what_a_restored_ledger_forgot_is_loaded_once_and_leaves_nothing_behind(make_lake: Callable[..., Lake]) -> None:
    """A new file, and rejected rows of a version that no longer is, after the moment of the backup."""
    lake, other = make_lake(), make_lake()
    put(lake, KEY, HEADER + rows(2))
    load(lake)
    kept = items(lake)
    put(lake, KEY, HEADER + rows(2) + BAD)
    late = "sales_data_2024_03_16.csv"
    put(lake, late, HEADER + rows(1, 60) + BAD)
    load(lake)
    assert (len(table(lake)), len(rejects(lake))) == (3, 2)
    put(lake, KEY, HEADER + rows(4))
    put(lake, late, HEADER + rows(2, 60))
    back = restored(lake, kept, other)
    assert {outcome.state for outcome in load(back, find_unloaded(back).files["sales"])} == {"loaded"}
    assert (len(table(back)), len(rejects(back))) == (6, 0)
    assert find_unloaded(back).files == {}
    entry = back.ledger.get(f"s3://{back.config.resources.source_bucket}/{KEY}")
    assert entry is not None and entry.token == TOKENS + 1


@pytest.mark.parametrize("known", [True, False])
def test_partitions_that_a_restored_ledger_forgot_lose_the_rows_that_the_file_has_no_more(
    make_lake: Callable[..., Lake], known: bool
) -> None:
    """Of a file with rows of many partitions; known: whether the backup knew the file, in one of them."""
    keyed = {
        **SALES,
        "filename_pattern": r"sales_data_.*\.csv",
        "partition_keys": [{"name": "buyer", "column": "customer_id"}],
    }
    lake, other = make_lake({"sales": keyed}), make_lake({"sales": keyed})
    kept: list[Any] = []
    one, two = "t1,A,1.00,2024-03-15\n", "t2,B,1.00,2024-03-15\n"
    if known:
        put(lake, KEY, HEADER + one)
        load(lake)
        kept = items(lake)
    put(lake, KEY, HEADER + one + two)
    load(lake)
    lake.check_owner()
    put(lake, KEY, HEADER + one.replace("1.00", "3.00"))
    back = restored(lake, kept, other)
    assert [outcome.state for outcome in load(back)] == ["loaded"]
    assert [row[0] for row in table(back)] == ["t1"]
    put(lake, KEY, HEADER + one + two)
    assert [outcome.state for outcome in load(back)] == ["loaded"]
    assert [row[0] for row in table(back)] == ["t1", "t2"]
