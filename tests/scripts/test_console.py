"""Progress and tables as people see them, on a terminal and in a log."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from scripts.console import Stages, shortened, size, table, width_of


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_a_line_at_the_start_and_one_with_the_seconds_at_the_end() -> None:
    out, clock = io.StringIO(), Clock()
    stages = Stages(out, clock)
    with stages.stage("upload", "files"):
        clock.now += 2
        stages.update("12 files")
        clock.now += 0.34
    assert out.getvalue().splitlines() == ["upload    files ...", "upload    12 files (2.3 s)"]
    assert stages.seconds == {"upload": pytest.approx(2.34)}


def test_a_log_is_told_of_progress_now_and_then_only() -> None:
    out, clock = io.StringIO(), Clock()
    stages = Stages(out, clock)
    with stages.stage("load", "files"):
        for number in range(1, 13):
            clock.now += 1
            stages.update(f"{number} files")
    assert out.getvalue().splitlines() == [
        "load      files ...",
        "load      5 files ...",
        "load      10 files ...",
        "load      12 files (12.0 s)",
    ]


def test_a_log_is_told_that_a_stage_still_goes_on() -> None:
    out, clock = io.StringIO(), Clock()
    stages = Stages(out, clock)
    with stages.stage("load", "files"):
        for _ in range(45):
            clock.now += 1
            stages.update("3 files")
        stages.result("all 3 files")
    assert out.getvalue().splitlines() == [
        "load      files ...",
        "load      3 files ...",
        "load      3 files ...",
        "load      all 3 files (45.0 s)",
    ]


def test_a_terminal_shows_progress_in_place() -> None:
    out, clock = Terminal(), Clock()
    stages = Stages(out, clock)
    with stages.stage("load", "files"):
        stages.update("1 file")
        stages.update("1 file")
    clear = "\r\x1b[2K"
    assert out.getvalue() == f"load      files ...{clear}load      1 file ...{clear}load      1 file (0.0 s)\n"


def test_a_stage_that_fails_ends_its_line_and_is_timed() -> None:
    out, clock = io.StringIO(), Clock()
    stages = Stages(out, clock)
    with pytest.raises(RuntimeError), stages.stage("load", "files"):
        clock.now += 3
        raise RuntimeError
    assert out.getvalue().splitlines()[-1] == "load      files (3.0 s)"
    assert stages.seconds == {"load": 3.0}


def test_numbers_stand_to_the_right_and_text_to_the_left() -> None:
    assert table(("city", "revenue"), [("Zürich", "1,234.50"), ("東京", None), ("Rio", -7)]).splitlines() == [
        "  city     revenue",
        "  ------  --------",
        "  Zürich  1,234.50",
        "  東京",
        "  Rio           -7",
    ]


def test_a_cell_with_line_ends_stays_on_its_line() -> None:
    assert table(("raw",), [("one\r\ntwo",)]).splitlines()[-1] == r"  one\r\ntwo"


@pytest.mark.parametrize(
    ("measure", "value", "expected"),
    [(width_of, "東京 e\u0301", 6), (size, 999, "999 B"), (size, 1_234_567, "1.2 MB"), (size, 20_000, "20.0 KB")],
)
def test_measures(measure: Callable[[object], object], value: object, expected: object) -> None:
    assert measure(value) == expected


def test_text_is_cut_by_what_it_takes_on_the_screen() -> None:
    assert shortened("東京東京", 8) == "東京東京"
    assert shortened("東京東京", 7) == "東京東…"
    assert shortened("abcdef", 4) == "abc…"
