"""``schema`` prints what include/lake.schema.json and include/dashboard.schema.json hold."""

from __future__ import annotations

from pathlib import Path

from tests.lakelanes.commands.terminal import Terminal

INCLUDE = Path(__file__).resolve().parents[3] / "include"


def test_the_schema_is_that_of_the_repository(terminal: Terminal) -> None:
    assert terminal.text("schema") == (INCLUDE / "lake.schema.json").read_text(encoding="utf-8")
    assert terminal.data("schema")["title"]
    assert terminal.code == 0


def test_the_schema_of_dashboards_is_that_of_the_repository(terminal: Terminal) -> None:
    found = terminal.text("schema", "--dashboard")
    assert found == (INCLUDE / "dashboard.schema.json").read_text(encoding="utf-8")
    assert terminal.data("schema", "--dashboard")["title"] == "Lakelanes dashboard" and terminal.code == 0
