"""``schema`` prints what include/lake.schema.json holds."""

from __future__ import annotations

from pathlib import Path

from tests.lakelanes.commands.terminal import Terminal

SCHEMA = Path(__file__).resolve().parents[3] / "include" / "lake.schema.json"


def test_the_schema_is_that_of_the_repository(terminal: Terminal) -> None:
    assert terminal.text("schema") == SCHEMA.read_text(encoding="utf-8")
    assert terminal.data("schema")["title"]
    assert terminal.code == 0
