"""``dashboard`` says what it proposes, and with --write makes the two files."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakelanes.catalog import athena
from lakelanes.commands.retry import load_and_publish
from lakelanes.files.listing import list_prefix
from lakelanes.lake import Lake
from tests.lakelanes.commands.terminal import GOOD, Terminal
from tests.support.lakes import put


@pytest.fixture
def loaded(lake: Lake) -> Lake:
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    load_and_publish(lake, lake.config.entities["sales"], list(list_prefix(lake, "sales")), reload=False)
    return lake


def test_the_files_and_what_they_rest_on_are_shown(loaded: Lake, terminal: Terminal) -> None:
    text = terminal.text("dashboard", "sales")
    assert terminal.code == 0
    for part in (
        "include/sql/views/sales_data_by_day.sql",
        "include/dashboards/sales.json",
        '"kind": "line"',
        "2 rows",
    ):
        assert part in text
    told = terminal.data("dashboard", "sales")
    assert (told["view"], told["dashboard"], told["written"]) == ("sales_data_by_day", "sales", [])


def test_the_files_are_made_once(
    loaded: Lake, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "include"
    for name in ("VIEWS", "DASHBOARDS"):
        monkeypatch.setattr(f"lakelanes.commands.dashboard.{name}", folder)
    text = terminal.text("dashboard", "sales", "--write")
    assert "the view sales_data_by_day is created" in text
    assert "/lake/dashboards/sales" in text
    [row] = athena.query(loaded, "SELECT sum(amount) AS amount, sum(row_count) AS n FROM sales_data_by_day")
    assert row == {"amount": "3.00", "n": "2"}
    assert sorted(path.name for path in folder.iterdir()) == ["sales.json", "sales_data_by_day.sql"]
    assert "is there already" in terminal.text("dashboard", "sales", "--write")
    assert terminal.code == 1
