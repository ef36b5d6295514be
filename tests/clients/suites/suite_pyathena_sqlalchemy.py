"""PyAthena under SQLAlchemy: what Superset, pandas and many others ask by."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy import types


@pytest.fixture(scope="module")
def engine(written: Any) -> Iterator[sa.Engine]:
    made = sa.create_engine(
        f"awsathena+rest://@athena.us-east-1.amazonaws.com:443/{written.database}",
        connect_args={"work_group": written.workgroup, "poll_interval": 0.05},
    )
    yield made
    made.dispose()


@pytest.fixture(scope="module")
def sales(engine: sa.Engine) -> sa.Table:
    return sa.Table("sales_data", sa.MetaData(), autoload_with=engine)


def test_schemas_tables_and_views_are_listed(engine: sa.Engine, written: Any) -> None:
    found = sa.inspect(engine)
    assert written.database in found.get_schema_names()
    assert {"sales_data", "web_sessions", "store_targets"} <= set(found.get_table_names())
    assert {"revenue_by_day_and_category", "orders_current"} <= set(found.get_view_names())
    assert found.has_table("sales_data")
    assert not found.has_table("no_such_table")


def test_columns_have_types_and_partition_keys(sales: sa.Table) -> None:
    found = {column.name: column.type for column in sales.columns}
    assert isinstance(found["amount"], types.DECIMAL)
    assert (found["amount"].precision, found["amount"].scale) == (10, 2)
    assert isinstance(found["transaction_date"], types.DATE)
    assert isinstance(found["sold_at"], types.TIMESTAMP)
    assert isinstance(found["quantity"], types.INTEGER)
    assert isinstance(found["note"], types.String)
    partitions = [column.name for column in sales.columns if column.dialect_options["awsathena"]["partition"]]
    assert partitions == ["year", "month", "day"]


def test_a_view_tells_how_it_was_made(engine: sa.Engine) -> None:
    definition = sa.inspect(engine).get_view_definition("revenue_by_day_and_category")
    assert "CREATE VIEW" in definition
    assert "sales_data" in definition


def test_an_expression_is_asked_with_bound_values(engine: sa.Engine, sales: sa.Table, written: Any) -> None:
    asked = (
        sa.select(sales.c.store_id, sa.func.count(), sa.func.sum(sales.c.amount))
        .where(sales.c.transaction_date == date(2024, 2, 29), sales.c.note.is_(None), sales.c.amount >= Decimal("0.10"))
        .group_by(sales.c.store_id)
        .order_by(sales.c.store_id)
    )
    expected: dict[str, list[Decimal]] = collections.defaultdict(list)
    for row in written.day("2024-02-29"):
        if row["note"] is None and row["amount"] >= Decimal("0.10"):
            expected[row["store_id"]].append(row["amount"])
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(asked)]
    assert found == [(store, len(amounts), sum(amounts)) for store, amounts in sorted(expected.items())]


def test_moments_and_texts_are_bound(engine: sa.Engine, sales: sa.Table, written: Any) -> None:
    moment, note = datetime(2024, 3, 1, 18, 30), "返品は7日以内、レシート必要"
    asked = sa.select(sa.func.count()).where(sales.c.sold_at < moment, sales.c.note == note)
    with engine.connect() as connection:
        found = connection.execute(asked).scalar_one()
    assert found == sum(row["sold_at"] < moment and row["note"] == note for row in written.sales) > 0


def test_joins_and_windows_are_asked(engine: sa.Engine, sales: sa.Table, written: Any) -> None:
    targets = sa.Table("store_targets", sa.MetaData(), autoload_with=engine)
    names = sa.select(targets.c.store_id, targets.c.store_name).distinct().subquery()
    revenue = sa.func.sum(sales.c.amount)
    asked = (
        sa.select(names.c.store_name, revenue, sa.func.rank().over(order_by=revenue.desc()))
        .join(names, names.c.store_id == sales.c.store_id)
        .group_by(names.c.store_name)
    )
    stores = {row["store_id"]: row["store_name"] for row in written.store_targets}
    sums: collections.Counter[str] = collections.Counter()
    for row in written.sales:
        sums[stores[row["store_id"]]] += row["amount"]
    with engine.connect() as connection:
        found = {name: (amount, rank) for name, amount, rank in connection.execute(asked)}
    assert found == {name: (amount, rank) for rank, (name, amount) in enumerate(sums.most_common(), 1)}


def test_pandas_reads_a_query(engine: sa.Engine, written: Any) -> None:
    frame = pd.read_sql(
        sa.text("SELECT store_id, revenue_target FROM store_targets WHERE month = :month"),
        engine,
        params={"month": "03"},
    )
    march = [row for row in written.store_targets if row["month"] == "03"]
    assert sorted(zip(frame["store_id"], frame["revenue_target"], strict=True)) == sorted(
        (row["store_id"], row["revenue_target"]) for row in march
    )
