"""What belongs to an entity or a table, and what only has to do with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lakelanes import watch
from lakelanes.alerts import incidents, silence
from lakelanes.alerts.messages import Alert, FileFault
from lakelanes.drop.belongings import belongings
from lakelanes.errors import DropError
from lakelanes.lake import Lake
from tests.lakelanes.drop.filled import catalogue, fill, fill_small, items, keys, without


@pytest.fixture
def small(make_lake: Callable[..., Lake]) -> Lake:
    return fill_small(make_lake)


@pytest.fixture
def lake(make_lake: Callable[..., Lake], tmp_path: Path) -> Lake:
    return fill(make_lake, tmp_path)


def test_an_entity_and_a_table_are_known_whether_they_are_configured_or_not(lake: Lake) -> None:
    before = items(lake), catalogue(lake), keys(lake, lake.config.resources.analytics_bucket)
    listed = lake.s3.list_objects_v2(Bucket=lake.config.resources.analytics_bucket, Prefix="sales_data/")["Contents"]
    for there, path in ((lake, "entities.sales"), (without(lake, "sales"), "")):
        found = belongings(there, "sales")
        assert found.configured == path
        assert (found.tables, found.views) == (("sales_data", "sales_data_rejects"), ("sales_days",))
        folders = [(one.prefix, one.objects) for one in found.folders]
        assert folders == [("lake-rejects/sales_data/", 2), ("sales_data/", 2)]
        assert found.folders[1].bytes == sum(one["Size"] for one in listed)
        assert (len(found.files), len(found.entries)) == (2, 3)
        assert [one.cause for one in found.alerts] == ["deadline/sales/2024-03-17"]
        assert "sales.json" in found.dashboards and "orders.json" not in found.dashboards
        assert found.view_files and not found.held
    for there in (lake, without(lake, "orders")):
        found = belongings(there, "orders")
        assert (found.tables, found.views) == (("orders_changes", "orders_snapshot"), ("orders_current",))
        prefixes = [one.prefix for one in found.folders]
        assert prefixes == ["dynamodb-exports/orders/", "orders_changes/", "orders_snapshot/"]
        kinds = {key[1].split("#")[0] for key in found.keys if key[0] == "export#orders"}
        assert kinds == {"chain", "full", "window", "snapshot"}
    assert belongings(lake, "sale").is_nothing and belongings(lake, "sales_data").is_nothing
    after = items(lake), catalogue(lake), keys(lake, lake.config.resources.analytics_bucket)
    assert after == before, "reads only"


def test_its_alerts_are_those_that_the_watch_closes_without_it(small: Lake) -> None:
    """Whichever comes first: those of its runs and files too, and one that somebody has closed."""
    uri = f"s3://{small.config.resources.source_bucket}/sales_data_2024_03_15.csv"
    mine = {"run/load_sales/-": None, "run/maintain_lake/sales": "sales", "drift/sales": "sales"}
    others = {"run/load_sales_2/-": None, "run/maintain_lake/-": None, "dead-letters": None}
    for cause, name in (mine | others).items():
        assert incidents.report(small, cause, Alert("d", "r", name, "it is bad", ""), lambda *_: None)
    alert = Alert("sweep_sources", "r", None, "", "", files=[FileFault(uri, "sales", "rejected", "it is bad")])
    assert incidents.report_all(small, incidents.file_alerts(alert), lambda *_: None)
    closed = next(one for one in incidents.open_incidents(small) if one.cause == "drift/sales")
    silence.close(small, closed, "anna")
    gone = without(small, "sales")
    wanted = {*mine, f"file/{uri}"}
    assert {one.cause for one in belongings(gone, "sales").alerts} == wanted
    assert {one.cause for one, _ in watch.cures(gone, incidents.uncured_incidents(gone))} == wanted


def test_a_table_that_another_entity_fills_now_keeps_the_name_from_being_dropped(small: Lake) -> None:
    shop = small.config.entities["sales"].model_copy()
    object.__setattr__(shop, "name", "shop")
    renamed = Lake(small.config.model_copy(update={"entities": {"shop": shop}}), small.clock)
    with pytest.raises(DropError, match=r"sales_data was filled by sales and is shop's now \(entities\.shop\."):
        belongings(renamed, "sales")


def test_the_table_that_an_entity_had_before_belongs_to_it(small: Lake) -> None:
    sold = small.config.entities["sales"].model_copy(update={"table_name": "sold"})
    moved = Lake(small.config.model_copy(update={"entities": {"sales": sold}}), small.clock)
    assert belongings(moved, "sales").tables == ("sales_data", "sales_data_rejects")


def test_a_copy_of_its_table_that_lies_elsewhere_is_not_its_own(small: Lake) -> None:
    database = small.config.resources.glue_database
    table = small.glue.get_table(DatabaseName=database, Name="sales_data")["Table"]
    copied = {name: table[name] for name in ("StorageDescriptor", "PartitionKeys", "TableType", "Parameters")}
    copied["StorageDescriptor"] |= {"Location": "s3://somewhere/else/"}
    small.glue.create_table(DatabaseName=database, TableInput={"Name": "a_copy", **copied})
    assert belongings(without(small, "sales"), "sales").tables == ("sales_data", "sales_data_rejects")


def test_without_its_tables_in_glue_the_ledger_says_which_folder_was_its_own(small: Lake) -> None:
    for table in ("sales_data", "sales_data_rejects"):
        small.glue.delete_table(DatabaseName=small.config.resources.glue_database, Name=table)
    found = belongings(without(small, "sales"), "sales")
    assert found.tables == ()
    assert [one.prefix for one in found.folders] == ["lake-rejects/sales_data/", "sales_data/"]
