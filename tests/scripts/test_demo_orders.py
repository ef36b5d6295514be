"""The demo's verdict on orders: it must not call a lake right that holds others than the table."""

from __future__ import annotations

from decimal import Decimal

from scripts.demo_orders import States, unequal

TABLE: States = {"a": (1, "paid", Decimal("1.50")), "b": (2, "shipped", Decimal("2")), "c": (1, "paid", Decimal("3"))}


def test_equal_orders_are_no_difference() -> None:
    assert unequal(TABLE, TABLE) == []
    assert unequal({**TABLE, "a": (1, "paid", Decimal("1.5"))}, TABLE) == [], "the same number"


def test_orders_that_the_lake_has_otherwise_are_named() -> None:
    lake: States = {"a": TABLE["a"], "b": (1, "paid", Decimal("2")), "d": (1, "paid", Decimal("4"))}
    assert [line.partition(":")[0] for line in unequal(lake, TABLE)] == ["b", "c", "d"]
    assert len(unequal(lake, TABLE, 2)) == 2
