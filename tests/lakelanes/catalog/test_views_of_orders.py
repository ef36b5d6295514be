"""The views of orders answer what their first line asks, over orders as the lake has them.

What they should answer is computed here from the orders themselves, in Python, without the engine and without SQL. The
orders become rows as an export's do, with the columns of include/lake.json, and ``orders_current`` is a view of them.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from lakelanes.catalog import athena
from lakelanes.catalog.views import VIEWS, read_views
from lakelanes.lake import Lake
from scripts.sample_orders import Orders
from tests.support.lakes import deploy_lake
from tests.support.localaws import LocalAws
from tests.support.sample_lake import make_views, order_rows, put_orders

ORDERS = 700
NAMES = (
    "orders_customer_cohorts",
    "orders_fulfilment",
    "orders_monthly_trends",
    "orders_revenue_by_category",
)
Row = dict[str, Any]


@dataclass(frozen=True)
class Shop:
    """A lake with orders, and the orders."""

    lake: Lake
    orders: list[Row]


def odd_orders() -> Iterator[Row]:
    """Orders that no shop should have, and every table has sooner or later."""
    orders = Orders(99)
    yield {**orders.order(1), "ordered_at": "last Tuesday"}
    yield {**orders.order(2), "items": []}
    yield {"order_id": "bare"}
    yield {**orders.order(3), "status": None, "currency": None, "customer_id": None}
    yield {**orders.order(4), "status": "shipped", "shipment": {"carrier": None, "shipped_at": "2024-03-01T00:00:00Z"}}
    # What cannot be a timestamp leaves its column, the whole shipment, null.
    yield {**orders.order(5), "status": "shipped", "shipment": {"carrier": "Alpenpost", "shipped_at": "?"}}
    yield {**orders.order(6), "items": [None, {"sku": "x", "quantity": 2}]}


@pytest.fixture(scope="module")
def shop(local_aws: LocalAws) -> Iterator[Shop]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in local_aws.environment.items():
            patch.setenv(name, value)
        lake = deploy_lake(local_aws)
        orders = [*map(Orders(7).order, range(ORDERS)), *odd_orders()]
        put_orders(lake, orders)
        outcomes = make_views(lake)
        assert {outcomes[name] for name in NAMES} == {"created"}
        yield Shop(lake, orders)


def answer(shop: Shop, view: str, *keys: str, decimals: tuple[str, ...] = ()) -> dict[tuple[str | None, ...], Row]:
    """A view's rows by the values of ``keys``; numbers as int, float or Decimal."""
    found = {}
    for row in athena.query(shop.lake, f"SELECT * FROM {view}"):
        values: Row = {name: _number(value, name in decimals) for name, value in row.items() if name not in keys}
        key = tuple(row[name] for name in keys)
        assert key not in found
        found[key] = values
    return found


def _number(text: str | None, exact: bool) -> Any:
    if text is None:
        return None
    return Decimal(text) if exact else float(text) if "." in text or "E" in text else int(text)


def month_of(order: Row) -> str | None:
    try:
        return f"{datetime.fromisoformat(order['ordered_at']):%Y-%m}-01"
    except (KeyError, ValueError):
        return None


def grouped(rows: list[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def live(orders: list[Row]) -> list[Row]:
    return [order for order in orders if order.get("status") != "cancelled"]


def cents(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def test_each_view_asks_a_question_and_reads_the_current_orders_alone() -> None:
    views = {view.name: view for view in read_views(VIEWS)}
    assert [name for name, view in views.items() if "orders_current" in view.inputs] == sorted(NAMES)
    for name in NAMES:
        assert views[name].inputs == {"orders_current"}
        assert views[name].sql.splitlines()[0].endswith("?")


def test_revenue_by_category(shop: Shop) -> None:
    lines = [
        {"month": month_of(order), **order, **(line or {}), "category": (line or {}).get("category", "uncategorised")}
        for order in live(shop.orders)
        for line in order.get("items", [])
    ]
    expected = {}
    for key, group in grouped(lines, lambda line: (line["month"], line.get("currency"), line["category"])).items():
        amounts = [(line, line["quantity"] * line["unit_price"]) for line in group if "unit_price" in line]
        expected[key] = {
            "orders": len({line["order_id"] for line in group}),
            "units": sum(line["quantity"] for line in group if "quantity" in line) or None,
            "revenue": sum((amount for _, amount in amounts), Decimal(0)) if amounts else None,
            "returned_revenue": sum((a for line, a in amounts if line["status"] == "returned"), Decimal(0)),
        }
    money = ("revenue", "returned_revenue")
    found = answer(shop, "orders_revenue_by_category", "order_month", "currency", "category", decimals=money)
    assert found == expected
    assert len(expected) > 200
    assert any(row["returned_revenue"] for row in expected.values())


def test_monthly_trends(shop: Shop) -> None:
    found = answer(
        shop, "orders_monthly_trends", "order_month", "currency", decimals=("revenue", "revenue_a_month_before")
    )
    groups = grouped(shop.orders, lambda order: (month_of(order), order.get("currency")))
    assert found.keys() == groups.keys()
    revenues: dict[Any, dict[Any, Decimal]] = defaultdict(dict)
    for (month, currency), group in groups.items():
        revenues[currency][month] = sum((order.get("total", Decimal(0)) for order in live(group)), Decimal(0))
    for (month, currency), group in groups.items():
        row, kept = found[month, currency], live(group)
        units = sum((line or {}).get("quantity", 0) for order in kept for line in order.get("items", []))
        assert row["orders"] == len(kept)
        assert row["cancelled_orders"] == len(group) - len(kept)
        assert row["customers"] == len({order.get("customer_id") for order in kept} - {None})
        assert (row["units"] or 0, row["revenue"] or 0) == (units, revenues[currency][month])
        if kept and row["revenue"] is not None:
            assert row["average_basket"] == pytest.approx(float(row["revenue"]) / len(kept), abs=0.0051)
        # Without a month, a group comes after all months.
        months = sorted(revenues[currency], key=lambda month: (month is None, month))
        place = months.index(month)
        before = revenues[currency][months[place - 1]] if place else None
        assert row["revenue_a_month_before"] == before
        if before and row["revenue"] is not None:
            growth = 100 * (float(row["revenue"]) / float(before) - 1)
            assert row["growth_percent"] == pytest.approx(growth, abs=0.051)
    assert len(found) > 40


def test_customer_cohorts(shop: Shop) -> None:
    orders = [order for order in live(shop.orders) if order.get("customer_id")]
    first: dict[str, str] = {}
    for order in orders:
        month = month_of(order)
        if month:
            first[order["customer_id"]] = min(month, first.get(order["customer_id"], month))

    def place(order: Row) -> tuple[str | None, str | None]:
        start, month = first.get(order["customer_id"]), month_of(order)
        if not month or not start:
            return start, None
        years, months = int(month[:4]) - int(start[:4]), int(month[5:7]) - int(start[5:7])
        return start, str(12 * years + months)

    sizes = Counter(first.values())
    found = answer(shop, "orders_customer_cohorts", "cohort_month", "months_later", decimals=("revenue",))
    groups = grouped(orders, place)
    assert found.keys() == groups.keys()
    for (start, later), group in groups.items():
        row, customers = found[start, later], {order["customer_id"] for order in group}
        assert (row["customers"], row["orders"]) == (len(customers), len(group))
        assert row["revenue"] == cents(sum((order["total_base"] for order in group), Decimal(0)))
        if start and later:
            assert row["cohort_customers"] == sizes[start]
            assert row["retention_percent"] == pytest.approx(100 * len(customers) / sizes[start], abs=0.051)
    assert sum(1 for start, later in found if later not in (None, "0")) > 50, "the sample has customers who come back"


def test_fulfilment(shop: Shop) -> None:
    def shipment(order: Row) -> Row:
        found: Row = order.get("shipment", {})
        return {} if found.get("shipped_at") == "?" else found

    def time_of(order: Row, name: str) -> datetime | None:
        text = shipment(order).get(name)
        return datetime.fromisoformat(text) if text else None

    def minutes(start: datetime, end: datetime) -> int:
        return (end - start) // timedelta(minutes=1)

    found = answer(shop, "orders_fulfilment", "order_month", "carrier")
    groups = grouped(shop.orders, lambda order: (month_of(order), shipment(order).get("carrier") or "not shipped"))
    assert found.keys() == groups.keys()
    for key, group in groups.items():
        row = found[key]
        parcels = [
            tuple(time_of(order, f"{what}_at") for what in ("shipped", "promised", "delivered")) for order in group
        ]
        ways = [minutes(shipped, delivered) / 60 for shipped, _, delivered in parcels if shipped and delivered]
        starts = [
            minutes(datetime.fromisoformat(order["ordered_at"]), shipped) / 60
            for order, (shipped, _, _) in zip(group, parcels, strict=True)
            if shipped and month_of(order)
        ]
        late = sum(1 for _, promised, delivered in parcels if promised and delivered and delivered > promised)
        status = Counter(order.get("status") for order in group)
        assert row["orders"] == len(group)
        assert (row["cancelled_orders"], row["returned_orders"]) == (status["cancelled"], status["returned"])
        assert row["shipped_orders"] == sum(1 for shipped, _, _ in parcels if shipped)
        assert (row["delivered_orders"], row["late_orders"]) == (len(ways), late)
        for name, values in (("hours_to_ship", starts), ("hours_on_the_way", ways)):
            wanted = pytest.approx(sum(values) / len(values), abs=0.051) if values else None
            assert row[name] == wanted, (key, name)
        assert row["longest_hours_on_the_way"] == (pytest.approx(max(ways), abs=0.051) if ways else None)
        assert row["late_percent"] == (pytest.approx(100 * late / len(ways), abs=0.051) if ways else None)
    assert any(row["late_orders"] for row in found.values())
    assert any(row["cancelled_orders"] for row in found.values())


def test_a_column_of_every_order_is_as_exact_as_it_was(shop: Shop) -> None:
    """Among them all 38 digits of a decimal, and what is nested."""
    rows = athena.query(
        shop.lake,
        "SELECT order_id, CAST(co2_kg AS varchar) AS co2_kg, CAST(payment_reference AS varchar) AS payment_reference, "
        "CAST(total_base AS varchar) AS total_base, element_at(adjustments, 'voucher') AS voucher, "
        "to_hex(signature) AS signature, cardinality(device_fingerprints) AS fingerprints FROM orders_current",
    )
    found = {row["order_id"]: row for row in rows}
    for order in shop.orders:
        row = found[order["order_id"]]
        for name in ("co2_kg", "payment_reference", "total_base"):
            assert (Decimal(row[name]) if row[name] else None) == order.get(name)
        voucher = order.get("adjustments", {}).get("voucher")
        assert (Decimal(row["voucher"]) if row["voucher"] else None) == voucher
        signature = order.get("signature")
        assert row["signature"] == (None if signature is None else signature.hex().upper())
        assert int(row["fingerprints"] or 0) == len(order.get("device_fingerprints", ()))
    assert max(len(order["co2_kg"].as_tuple().digits) for order in shop.orders if "co2_kg" in order) == 38


def test_what_the_schema_does_not_name_or_cannot_hold_is_kept(shop: Shop) -> None:
    rows = athena.query(shop.lake, "SELECT order_id, _attributes, _rescued FROM orders_current")
    undeclared = {row["order_id"]: json.loads(row["_attributes"] or "{}") for row in rows}
    rescued = {row["order_id"]: json.loads(row["_rescued"] or "{}") for row in rows}
    for order in shop.orders:
        names = order.keys() & {"utm", "risk_score", "legacy", "Notes ✎"}
        assert undeclared[order["order_id"]].keys() == names
        if "risk_score" in order:
            assert Decimal(undeclared[order["order_id"]]["risk_score"]["N"]) == order["risk_score"]
        points = order.get("loyalty_points")
        assert rescued[order["order_id"]].get("loyalty_points") == ({"S": points} if isinstance(points, str) else None)
    assert {name for names in undeclared.values() for name in names} == {"utm", "risk_score", "legacy", "Notes ✎"}
    assert any("loyalty_points" in names for names in rescued.values())


def test_the_sample_fills_every_column(shop: Shop) -> None:
    """A column that no order fills would show less than it seems to."""
    rows = order_rows(shop.orders)
    assert [name for name in rows.column_names if rows[name].null_count == len(rows)] == ["_sequence"]
