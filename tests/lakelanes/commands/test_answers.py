"""Rows are shown as a terminal has room for them."""

from __future__ import annotations

import pytest

from lakelanes.commands.answers import answer, cut, visible, wrapped


@pytest.fixture(autouse=True)
def eighty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_rows_stand_side_by_side_with_numbers_to_the_right() -> None:
    assert answer(["name", "n"], [["a", 10], [None, 5]]).splitlines() == [
        "name   n",
        "----  --",
        "a     10",
        "null   5",
    ]


def test_rows_that_are_too_wide_are_a_line_per_value() -> None:
    lines = answer([f"column_{number}" for number in range(9)], [["x" * 200, *"abcdefgh"]]).splitlines()
    assert max(map(len, lines)) == 80
    assert lines[0] == "row 1"
    assert lines[1].endswith("xxx...")
    assert lines[2].split() == ["column_1", "a"]


def test_what_would_steer_the_terminal_is_an_escape() -> None:
    assert visible("a\n\x1b[2J\u200b") == r"a\n\x1b[2J\u200b"
    assert visible(True) == "true"
    assert cut("é" * 100, most=10) == "ééééééé..."


def test_a_text_goes_on_below_its_beginning() -> None:
    lines = wrapped("label  ", "word " * 30)
    assert all(len(line) <= 80 for line in lines)
    assert [line[:7] for line in lines] == ["label  ", *[" " * 7] * (len(lines) - 1)]
    assert len(wrapped("", "x" * 100)) == 2
