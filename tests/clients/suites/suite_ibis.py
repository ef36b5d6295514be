"""ibis: expressions that become SQL, answered by way of UNLOAD and Arrow."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import pandas as pd
import pytest
from ibis.common.exceptions import TableNotFound

SALES = "transaction_id, customer_id, amount, transaction_date, sold_at, store_id, product_category, quantity, note"


@pytest.fixture(scope="module")
def lake(written: Any, arrow_at_endpoint: None) -> Iterator[Any]:
    made = ibis.athena.connect(
        s3_staging_dir=written.results,
        work_group=written.workgroup,
        schema_name=written.database,
        poll_interval=0.05,
    )
    yield made
    made.disconnect()


def test_it_knows_where_it_is(lake: Any, written: Any) -> None:
    assert lake.current_catalog == "awsdatacatalog"
    assert lake.current_database == written.database
    assert written.database in lake.list_databases()
    assert {"sales_data", "web_sessions", "revenue_by_day_and_category"} <= set(lake.list_tables())


def test_a_table_has_types(lake: Any) -> None:
    schema = lake.table("sales_data").schema()
    assert schema["amount"] == dt.Decimal(10, 2)
    assert (schema["transaction_date"], schema["quantity"], schema["note"]) == (dt.date, dt.int32, dt.string)
    assert isinstance(schema["sold_at"], dt.Timestamp)
    assert [*schema][-3:] == ["year", "month", "day"]
    with pytest.raises(TableNotFound):
        lake.table("no_such_table")


def test_every_sale_is_there_with_every_value(lake: Any, written: Any) -> None:
    names = SALES.split(", ")
    table = lake.table("sales_data").select(*names).to_pyarrow().sort_by("transaction_id")
    ordered = sorted(written.sales, key=lambda row: str(row["transaction_id"]))
    for name in names:
        assert table[name].to_pylist() == [row[name] for row in ordered], name


def test_an_aggregate_is_exact(lake: Any, written: Any) -> None:
    sales = lake.table("sales_data")
    chosen = sales.filter(sales.transaction_date == date(2024, 2, 29), sales.note.isnull())
    asked = (
        chosen.group_by("store_id")
        .aggregate(sales=chosen.count(), revenue=chosen.amount.sum(), customers=chosen.customer_id.nunique())
        .order_by("store_id")
    )
    expected: dict[str, list[dict[str, Any]]] = collections.defaultdict(list)
    for row in written.day("2024-02-29"):
        if row["note"] is None:
            expected[row["store_id"]].append(row)
    assert asked.to_pyarrow().to_pylist() == [
        {
            "store_id": store,
            "sales": len(rows),
            "revenue": sum(row["amount"] for row in rows),
            "customers": len({row["customer_id"] for row in rows} - {None}),
        }
        for store, rows in sorted(expected.items())
    ]


def test_a_join_becomes_a_frame(lake: Any, written: Any) -> None:
    sales, targets = lake.table("sales_data"), lake.table("store_targets")
    names = targets.select("store_id", "store_name").distinct()
    frame = (
        sales.join(names, "store_id").group_by("store_name").aggregate(revenue=lambda rows: rows.amount.sum()).execute()
    )
    stores = {row["store_id"]: row["store_name"] for row in written.store_targets}
    expected: collections.Counter[str] = collections.Counter()
    for row in written.sales:
        expected[stores[row["store_id"]]] += row["amount"]
    assert dict(zip(frame["store_name"], frame["revenue"], strict=True)) == expected


def test_dates_texts_and_conditions_are_computed(lake: Any, written: Any) -> None:
    sessions = lake.table("web_sessions")
    asked = (
        sessions.mutate(hour_of_day=sessions.started_at.hour(), known=sessions.customer_id.notnull())
        .group_by("hour_of_day")
        .aggregate(known=lambda rows: rows.known.sum(), views=lambda rows: rows.page_views.sum())
        .order_by("hour_of_day")
    )
    expected: dict[int, list[int]] = collections.defaultdict(lambda: [0, 0])
    for row in written.web_sessions:
        counts = expected[row["started_at"].hour]
        counts[0] += row["customer_id"] is not None
        counts[1] += row["page_views"]
    found = asked.to_pyarrow().to_pylist()
    assert [(row["hour_of_day"], row["known"], row["views"]) for row in found] == [
        (hour, *counts) for hour, counts in sorted(expected.items())
    ]


def test_a_single_value_is_a_value(lake: Any, written: Any) -> None:
    sales = lake.table("sales_data")
    assert sales.count().execute() == len(written.sales)
    most = sales.amount.max().execute()
    assert (most, type(most)) == (max(row["amount"] for row in written.sales), Decimal)


def test_no_rows_are_an_empty_frame(lake: Any) -> None:
    sales = lake.table("sales_data")
    frame = sales.filter(sales.amount > 99999999).select("store_id", "amount").execute()
    assert isinstance(frame, pd.DataFrame)
    assert (len(frame), [*frame.columns]) == (0, ["store_id", "amount"])


def test_what_the_user_may_not_read_is_refused(lake: Any) -> None:
    with pytest.raises(Exception, match=r"(?i)denied"):
        lake.table("store_targets_rejects").raw.count().execute()
