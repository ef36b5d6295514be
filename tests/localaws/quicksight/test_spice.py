"""Copies of rows in SPICE."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from localaws.quicksight.spice import Copy, Spice, outside_window, shown, size

NOON = datetime(2026, 1, 31, 12)
ROWS = ((1, "Köln", Decimal("1.5000"), NOON), (2, None, None, None), (3, "", 0.5, NOON.replace(hour=11)))
COLUMNS = (("id", "INTEGER"), ("city", "STRING"), ("amount", "DECIMAL"), ("sold_at", "DATETIME"))
COPY = Copy(COLUMNS, ROWS, "one", 0.0)


def test_a_window_leaves_what_is_before_it_and_what_has_no_date() -> None:
    assert [row[0] for row in outside_window(COPY, "sold_at", NOON)] == [2, 3]


def test_a_copy_takes_the_place_of_the_one_before() -> None:
    spice = Spice()
    spice.swap("arn", COPY)
    spice.swap("arn", Copy(COLUMNS, ROWS[:1], "two", 1.0))
    found = spice.get("arn")
    assert found is not None
    assert (found.ingestion, len(found.rows)) == ("two", 1)
    spice.drop("arn")
    assert spice.get("arn") is None


def test_rows_are_shown_from_an_offset_on() -> None:
    made = shown(COPY, lambda seconds: f"at {seconds}", 0, 1)
    assert made["rows"] == [[1, "Köln", "1.5000", "2026-01-31T12:00:00"]]
    assert (made["total"], made["completed"], made["columns"][0]) == (3, "at 0.0", {"name": "id", "type": "INTEGER"})
    assert [row[0] for row in shown(COPY, str, 1, None)["rows"]] == [2, 3]
    assert shown(None, str, 0, None)["rows"] == []


def test_a_value_takes_8_bytes_and_a_string_its_utf_8_besides() -> None:
    assert size(ROWS[:1]) == 4 * 8 + 5
