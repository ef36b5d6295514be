"""How windows are laid out in rows, and which days one view shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakelanes.config.model import Table
from lakelanes.overview.tables import TableState, TableStatus, WindowCell
from lakelanes.tables.windows import Window
from lakelanes_airflow.page.window_layout import span_of, window_name, window_rows
from tests.support.lakes import make_config
from tests.support.source_tables import ORDERS

START = datetime(2024, 3, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)


def table(minutes: int) -> Table:
    orders: dict[str, Any] = {"dynamodb_table": "shop-orders", **ORDERS, "export": {"window_minutes": minutes}}
    return make_config(tables={"orders": orders}).tables["orders"]


def stand(base: datetime | None) -> TableStatus:
    state: TableState = "fresh" if base else "empty"
    return TableStatus("orders", "o", "orders_current", ("export",), state, base=base.isoformat() if base else None)


@pytest.mark.parametrize(
    ("minutes", "titles", "texts"),
    [
        (15, ["Fri 15 Mar", "Sat 16 Mar"], ["00:00", "00:15"]),
        (60, ["Fri 15 Mar", "Sat 16 Mar"], ["00", "01"]),
        (1440, ["March 2024", "April 2024"], ["15", "16"]),
    ],
)
def test_windows_stand_by_day_or_by_month(minutes: int, titles: list[str], texts: list[str]) -> None:
    step, count = timedelta(minutes=minutes), 20 if minutes == 1440 else 2 * 1440 // minutes
    cells = [WindowCell(Window(START + n * step, START + (n + 1) * step), "published") for n in range(count)]
    rows = window_rows(table(minutes), cells)
    assert [row.title for row in rows] == titles
    assert [text for text, _ in rows[0].cells][:2] == texts
    assert [cell for row in rows for _, cell in row.cells] == cells


@pytest.mark.parametrize(("minutes", "days"), [(15, 2), (60, 8), (360, 50), (1440, 56)])
def test_a_view_has_as_many_days_as_can_be_taken_in(minutes: int, days: int) -> None:
    span = span_of(table(minutes), "", stand(None), START + 10 * HOUR)
    assert span.last == START + timedelta(days=1)
    assert span.last - span.first == timedelta(days=days)
    assert span.after == ""


def test_views_lead_to_those_before_and_after() -> None:
    now, orders = START + 10 * HOUR, table(60)
    today = span_of(orders, "nonsense", stand(now), now)
    assert today.before == "2024-03-07"
    before = span_of(orders, today.before, stand(now), now)
    assert before.last == today.first and before.after == "2024-03-15"


def test_no_view_ends_in_the_future_or_begins_long_before_the_base() -> None:
    orders = table(60)
    assert span_of(orders, "2030-01-01", stand(START), START).last == START + timedelta(days=1)
    assert span_of(orders, "2024-01-01", stand(START), START).before == ""


@pytest.mark.parametrize(
    ("start", "end", "name"),
    [
        (START, START, "15 March 2024, 00:00"),
        (START + 10 * HOUR, START + 11 * HOUR, "15 March 2024, 10:00 to 11:00"),
        (START + 23 * HOUR, START + 24 * HOUR, "15 March 2024, 23:00 to 24:00"),
        (START + 23 * HOUR, START + 25 * HOUR, "15 March 2024, 23:00 to 16 March 2024, 01:00"),
    ],
)
def test_a_window_is_named_for_people(start: datetime, end: datetime, name: str) -> None:
    assert window_name(Window(start, end)) == name
