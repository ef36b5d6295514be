"""PyAthena by itself: a connection of Python's DB API, with its dictionaries, parameters and errors."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyathena
import pytest
from pyathena.async_cursor import AsyncCursor
from pyathena.cursor import DictCursor

SALES = "transaction_id, customer_id, amount, transaction_date, sold_at, store_id, product_category, quantity, note"
SESSIONS = "session_id, started_at, ended_at, customer_id, page_views, is_mobile, converted, referrer"


@pytest.fixture(scope="module")
def connection(written: Any) -> Iterator[Any]:
    # The workgroup says where results are; endpoint, region and keys are AWS's own variables.
    made = pyathena.connect(work_group=written.workgroup, schema_name=written.database, poll_interval=0.05)
    yield made
    made.close()


def rows(connection: Any, sql: str, parameters: Any = None, **options: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        return list(cursor.execute(sql, parameters, **options))


def in_order(written: list[dict[str, Any]], columns: str, key: str) -> list[tuple[Any, ...]]:
    names = columns.split(", ")
    return [tuple(row[name] for name in names) for row in sorted(written, key=lambda row: str(row[key]))]


def test_every_sale_is_there_with_every_value(connection: Any, written: Any) -> None:
    found = rows(connection, f"SELECT {SALES} FROM sales_data ORDER BY transaction_id")
    assert len(found) > 2000
    assert found == in_order(written.sales, SALES, "transaction_id")


def test_the_values_are_what_is_hard_to_bring_over(written: Any) -> None:
    notes = {row["note"] for row in written.sales} - {None}
    assert any("\n" in note for note in notes)
    assert any(not note.isascii() for note in notes)
    assert any('"' in note for note in notes)
    assert any(row["customer_id"] is None for row in written.sales)
    assert any(row["amount"] < 0 for row in written.sales)
    assert any(row["ended_at"] is None for row in written.web_sessions)
    assert any(row["ended_at"] and row["ended_at"].microsecond for row in written.web_sessions)


def test_every_session_is_there_with_every_value(connection: Any, written: Any) -> None:
    found = rows(connection, f"SELECT {SESSIONS} FROM web_sessions ORDER BY session_id")
    assert found == in_order(written.web_sessions, SESSIONS, "session_id")


def test_values_have_pythons_types(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT amount, transaction_date, sold_at, quantity, note FROM sales_data WHERE note IS NOT NULL LIMIT 1"
        )
        assert [type(value) for value in cursor.fetchone()] == [Decimal, date, datetime, int, str]
        described = [(name, kind, precision, scale) for name, kind, _, _, precision, scale, _ in cursor.description]
        cursor.execute("SELECT is_mobile, page_views, ended_at FROM web_sessions WHERE ended_at IS NULL LIMIT 1")
        assert [type(value) for value in cursor.fetchone()] == [bool, int, type(None)]
    assert described[0] == ("amount", "decimal", 10, 2)
    assert [kind for _, kind, _, _ in described] == ["decimal", "date", "timestamp", "integer", "varchar"]


def test_sums_are_exact(connection: Any, written: Any) -> None:
    [found] = rows(
        connection, "SELECT count(*), sum(amount), min(amount), max(amount), count(customer_id) FROM sales_data"
    )
    amounts = [row["amount"] for row in written.sales]
    known = sum(row["customer_id"] is not None for row in written.sales)
    assert found == (len(amounts), sum(amounts), min(amounts), max(amounts), known)


def test_a_partition_is_chosen_by_its_keys(connection: Any, written: Any) -> None:
    [found] = rows(
        connection,
        "SELECT count(*), sum(amount) FROM sales_data WHERE year = %(year)s AND month = %(month)s AND day = %(day)s",
        {"year": "2024", "month": "02", "day": "29"},
    )
    day = written.day("2024-02-29")
    assert found == (len(day), sum(row["amount"] for row in day))


def test_values_that_are_bound_by_the_client_are_quoted(connection: Any, written: Any) -> None:
    note = "O'Brien & sons, 1st floor"
    [(found,)] = rows(connection, "SELECT count(*) FROM sales_data WHERE note = %(note)s", {"note": note})
    assert found == sum(row["note"] == note for row in written.sales) > 0


def test_values_are_bound_by_athena(connection: Any, written: Any) -> None:
    [(found,)] = rows(
        connection,
        "SELECT count(*) FROM sales_data WHERE transaction_date = ? AND amount > ? AND store_id <> ?",
        ["DATE '2024-02-29'", "100.50", "'WEB'"],
        paramstyle="qmark",
    )
    day = written.day("2024-02-29")
    assert found == sum(row["amount"] > Decimal("100.50") and row["store_id"] != "WEB" for row in day) > 0


def test_a_view_adds_up_what_was_written(connection: Any, written: Any) -> None:
    found = rows(connection, "SELECT sales_date, product_category, revenue FROM revenue_by_day_and_category")
    expected: collections.Counter[Any] = collections.Counter()
    for row in written.sales:
        expected[row["transaction_date"], row["product_category"]] += row["amount"]
    assert {(day, category): revenue for day, category, revenue in found} == expected


def test_names_in_other_scripts_come_back(connection: Any, written: Any) -> None:
    found = rows(connection, "SELECT DISTINCT store_name FROM store_targets")
    assert {name for (name,) in found} == {row["store_name"] for row in written.store_targets}


def test_rows_are_dictionaries_when_asked(connection: Any, written: Any) -> None:
    with connection.cursor(DictCursor) as cursor:
        cursor.execute("SELECT store_id, sum(revenue_target) AS target FROM store_targets GROUP BY store_id")
        found = {row["store_id"]: row["target"] for row in cursor}
    expected: collections.Counter[str] = collections.Counter()
    for row in written.store_targets:
        expected[row["store_id"]] += row["revenue_target"]
    assert found == expected


def test_queries_run_beside_each_other(connection: Any, written: Any) -> None:
    days = sorted({row["transaction_date"] for row in written.sales})
    with connection.cursor(AsyncCursor) as cursor:
        started = [
            cursor.execute(f"SELECT count(*) FROM sales_data WHERE transaction_date = DATE '{day}'") for day in days
        ]
        found = [future.result().fetchone()[0] for _, future in started]
    assert found == [len(written.day(str(day))) for day in days]


def test_nested_values_come_back(connection: Any, written: Any) -> None:
    order = next(one for one in written.orders if len(one["items"]) > 1)
    [(tags, items, total)] = rows(
        connection,
        "SELECT tags, transform(items, i -> i.quantity), total FROM orders_current WHERE order_id = %(id)s",
        {"id": order["order_id"]},
    )
    assert sorted(tags or []) == sorted(order.get("tags") or [])
    assert items == [item["quantity"] for item in order["items"]]
    assert total == Decimal(order["total"])


def test_a_result_is_used_again_when_that_is_asked_for(connection: Any) -> None:
    sql = "SELECT count(*) AS reused FROM sales_data"
    rows(connection, sql)
    with connection.cursor() as cursor:
        cursor.execute(sql, result_reuse_enable=True, result_reuse_minutes=60)
        assert cursor.reused_previous_result
        assert cursor.data_scanned_in_bytes == 0


def test_a_query_that_nobody_waits_for_is_stopped(connection: Any) -> None:
    endless = "SELECT count(*) FROM web_sessions a, web_sessions b, web_sessions c WHERE a.page_views < b.page_views"
    with connection.cursor(AsyncCursor) as cursor:
        identifier, future = cursor.execute(endless)
        cursor.cancel(identifier).result()
        assert future.result().state == "CANCELLED"


def test_what_is_not_there_is_an_error_of_the_query(connection: Any) -> None:
    with pytest.raises(pyathena.OperationalError, match=r"TABLE_NOT_FOUND.*no_such_table"):
        rows(connection, "SELECT * FROM no_such_table")


def test_what_the_user_may_not_read_is_refused(connection: Any) -> None:
    with pytest.raises(pyathena.OperationalError, match=r"(?i)denied"):
        rows(connection, "SELECT count(raw) FROM store_targets_rejects")
