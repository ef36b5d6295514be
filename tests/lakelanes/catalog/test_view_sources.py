"""Which entities and tables a view reads: noted when it is made, through the views that it reads, else unknown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lakelanes.catalog import views
from lakelanes.catalog.registrar import Registrar
from lakelanes.catalog.view_sources import Owner, noted, owners, owners_of, tables_read
from lakelanes.config.partitions import Partition
from lakelanes.lake import Lake
from tests.support.lakes import SALES, make_config
from tests.support.source_tables import ORDERS

DAY = Partition.from_path("year=2024/month=03/day=15")
TABLES = {"orders": {"dynamodb_table": "shop-orders", **ORDERS}}


def inputs(**views: str) -> dict[str, frozenset[str]]:
    return {name: frozenset(read.split()) for name, read in views.items()}


def test_a_view_reads_what_its_views_read() -> None:
    known = inputs(outer="middle stores", middle="inner sales", inner="sales other", constant="")
    assert tables_read(known, "outer") == {"stores", "sales", "other"}
    assert tables_read(known, "constant") == frozenset()
    assert tables_read(known, "unheard_of") is None


def test_views_that_read_each_other_end() -> None:
    """The files cannot, but notes of different times could."""
    assert tables_read(inputs(a="b sales", b="a"), "a") == {"sales"}


def test_each_table_of_the_configuration_has_an_owner() -> None:
    config = make_config({"sales": SALES}, TABLES)
    orders = config.tables["orders"]
    assert owners_of(config, ["sales_data", "sales_data_rejects"]) == {Owner("sales", True)}
    names = [orders.changes_table, orders.snapshot_table, orders.current_view]
    assert owners_of(config, names) == {Owner("orders", False)}
    assert set(owners(config)) == {"sales_data", "sales_data_rejects", *names}
    assert owners_of(config, []) == frozenset()
    assert owners_of(config, ["sales_data", "unheard_of"]) is None
    assert owners_of(config, None) is None


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT amount FROM sales_data WHERE EXISTS (SELECT 1 FROM stores WHERE stores.customer_id = 'a')",
        "SELECT amount FROM sales_data WHERE customer_id IN (SELECT customer_id FROM stores)",
        "SELECT (SELECT max(amount) FROM stores) AS most FROM sales_data",
        "WITH sales_data AS (SELECT amount FROM sales_data) SELECT amount FROM sales_data UNION ALL "
        "SELECT amount FROM stores",
        "SELECT a.amount FROM sales_data AS a CROSS JOIN (SELECT amount FROM STORES) AS b",
        'SELECT amount FROM sales_data UNION ALL (WITH x AS (SELECT amount FROM "stores") SELECT amount FROM x)',
    ],
)
def test_wherever_a_table_is_named_it_is_read(tmp_path: Path, sql: str) -> None:
    (tmp_path / "one.sql").write_text(sql)
    [view] = views.read_views(tmp_path)
    assert view.inputs == {"sales_data", "stores"}


def test_what_a_view_reads_is_noted_as_it_is_made(make_lake: Callable[..., Lake], tmp_path: Path) -> None:
    other = {**SALES, "table_name": "stores", "filename_pattern": r"stores_(\d{4})_(\d{2})_(\d{2})\.csv"}
    lake = make_lake({"sales": SALES, "stores": other})
    for entity in lake.config.entities.values():
        Registrar(lake, "look").register_entity(entity, [DAY])
    (tmp_path / "one.sql").write_text("SELECT amount FROM sales_data")
    views.refresh(lake, tmp_path)
    assert noted(lake) == {"one": {"sales_data"}}
    (tmp_path / "one.sql").write_text("SELECT amount FROM stores")
    views.refresh(lake, tmp_path)
    assert noted(lake) == {"one": {"stores"}}
    lake.ledger.write_note("view-inputs", {})
    assert [outcome.action for outcome in views.refresh(lake, tmp_path)] == ["unchanged"]
    assert noted(lake) == {"one": {"stores"}}, "as a view that an earlier version made"


def test_while_a_view_is_made_both_of_its_definitions_count(
    make_lake: Callable[..., Lake], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = make_lake()
    Registrar(lake, "look").register_entity(lake.config.entities["sales"], [DAY], [DAY])
    (tmp_path / "one.sql").write_text("SELECT amount FROM sales_data")
    views.refresh(lake, tmp_path)
    (tmp_path / "one.sql").write_text("SELECT line FROM sales_data_rejects")

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(views, "_create", die)
    with pytest.raises(KeyboardInterrupt):
        views.refresh(lake, tmp_path)
    assert noted(lake) == {"one": {"sales_data", "sales_data_rejects"}}
