"""The demo's verdict: it must not call a lake right that holds other numbers than the generator wrote."""

from __future__ import annotations

import io
import os
import signal
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lakelanes.catalog.views import read_views
from scripts import demo
from scripts.console import Stages
from scripts.demo import Found, TimeLimitReached, differences, misplaced_rejects, time_limit
from scripts.sample_data import DEFAULT_END, Defect, Totals

WRITTEN = Totals("sales", "sales_data", "amount", files=3, good=100, bad=2, total=Decimal("1234.50"))
RIGHT = Found(3, 100, 2, 100, 2, Decimal("1234.5"), {})


def test_equal_numbers_are_no_difference() -> None:
    assert differences(WRITTEN, RIGHT) == []


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"files": 2}, "sales: files in the ledger as loaded: 2, expected 3"),
        ({"ledger_loaded": 99}, "sales: rows loaded by the ledger: 99, expected 100"),
        ({"ledger_rejected": 3}, "sales: rows rejected by the ledger: 3, expected 2"),
        ({"athena_loaded": 101}, "sales: rows of sales_data by Athena: 101, expected 100"),
        ({"athena_rejected": 0}, "sales: rows of sales_data_rejects by Athena: 0, expected 2"),
        ({"total": Decimal("1234.51")}, "sales: sum of sales_data.amount by Athena: 1234.51, expected 1234.50"),
        ({"other_files": {"failed": 1}}, "sales: 1 files failed"),
    ],
)
def test_every_other_number_is_named(wrong: dict[str, Any], line: str) -> None:
    assert differences(WRITTEN, replace(RIGHT, **wrong)) == [line]


def test_rejected_rows_are_held_against_the_broken_ones_by_line_and_column() -> None:
    broken = [Defect("a.csv", 7, "amount", "text"), Defect("a.csv", 9, None, "a field missing")]
    found = [("s3://b/a.csv", "7", "amount"), ("s3://b/a.csv", "9", None)]
    assert misplaced_rejects(broken, "b", found) == []
    assert misplaced_rejects(broken, "b", [*found[:1], ("s3://b/a.csv", "10", None)]) == [
        "broken, but not rejected: s3://b/a.csv, line 9, column None",
        "rejected, but not broken: s3://b/a.csv, line 10, column None",
    ]
    assert misplaced_rejects(broken, "b", [*found, found[0]]) == [
        "rejected, but not broken: s3://b/a.csv, line 7, column amount"
    ]


def test_the_time_limit_says_where_it_was_reached() -> None:
    stages = Stages(io.StringIO())
    with (
        pytest.raises(TimeLimitReached, match="not finished after 60 s; it was in the stage 'load'"),
        time_limit(60, stages),
        stages.stage("load", "files"),
    ):
        # What the alarm does, without waiting for it.
        os.kill(os.getpid(), signal.SIGALRM)
        signal.pause()
    assert signal.alarm(0) == 0


def test_every_view_has_a_question_that_reads_it() -> None:
    views = {view.name for view in read_views()}
    assert demo.QUESTIONS.keys() == views
    for name, sql in demo.QUESTIONS.items():
        assert f"FROM {name} " in sql.format(end=DEFAULT_END)


class StackThatFails:
    """Stands for a Stack whose start or stop goes a certain way."""

    stopped = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.airflow_url = "http://127.0.0.1:1"

    def start(self, *, guarded: bool) -> bool:
        return True

    def stop(self) -> bool:
        type(self).stopped += 1
        return True


@pytest.mark.parametrize(
    ("raised", "code", "text"),
    [
        (demo.DemoError("the lake does not hold"), 1, "demo: the lake does not hold"),
        (KeyboardInterrupt(), 130, "demo: interrupted"),
        (TimeLimitReached("not finished"), 1, "demo: not finished"),
    ],
)
@pytest.mark.parametrize("options", [[], ["--keep"]])
def test_whatever_ends_the_demo_early_stops_the_stack(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    raised: BaseException,
    code: int,
    text: str,
    options: list[str],
) -> None:
    def run(*arguments: Any) -> None:
        raise raised

    class OneStack(StackThatFails):
        stopped = 0

    monkeypatch.setattr(demo, "Stack", OneStack)
    monkeypatch.setattr(demo, "run", run)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert demo.main(options) == code
    finally:
        signal.signal(signal.SIGTERM, before)
    assert OneStack.stopped == 1
    assert text in capsys.readouterr().out


def test_a_stack_of_somebody_else_is_not_stopped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    class RunsAlready(StackThatFails):
        stopped = 0

        def start(self, *, guarded: bool) -> bool:
            return False

    monkeypatch.setattr(demo, "Stack", RunsAlready)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert demo.main(["--keep"]) == 1
    finally:
        signal.signal(signal.SIGTERM, before)
    assert RunsAlready.stopped == 0
    assert "a stack runs in" in capsys.readouterr().out
