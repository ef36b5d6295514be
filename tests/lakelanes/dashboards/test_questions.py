"""What is asked of the views for the dashboards: a question per visual and undrawn view, the faulty ones left out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lakelanes.config.model import LakeConfig
from lakelanes.dashboards import questions
from lakelanes.dashboards.questions import Question, view_question, visual_question
from lakelanes.errors import DashboardError
from tests.support.lakes import SALES as ENTITY
from tests.support.lakes import make_config

SALES = "SELECT transaction_date AS day, sum(amount) AS revenue FROM sales_data GROUP BY 1"
SUM: dict[str, Any] = {"aggregation": "sum", "column": "revenue"}


def visual(name: str, dataset: str = "own", **settings: Any) -> dict[str, Any]:
    x = {"column": "day", "unit": "day"}
    return {"id": name, "title": name, "kind": "line", "dataset": dataset, "x": x, "y": [SUM], **settings}


class Files:
    """The dashboards and views of a test."""

    def __init__(self, folder: Path) -> None:
        self.boards, self.views = folder / "boards", folder / "views"
        for path in (self.boards, self.views):
            path.mkdir()
        self._changes = 0

    def view(self, name: str, sql: str) -> None:
        path = self.views / f"{name}.sql"
        path.write_text(sql)
        # The file's time, in whose resolution a test may write twice.
        self._changes += 1
        os.utime(path, ns=(self._changes, self._changes))

    def board(self, name: str, *visuals: dict[str, Any], **datasets: str) -> None:
        board = {
            "title": name.title(),
            "datasets": {key: {"view": view} for key, view in (datasets or {"own": "days"}).items()},
            "sheets": [{"title": "S", "visuals": list(visuals)}],
        }
        (self.boards / f"{name}.json").write_text(json.dumps(board))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    found = Files(tmp_path)
    monkeypatch.setattr(questions, "DASHBOARDS", found.boards)
    monkeypatch.setattr(questions, "VIEWS", found.views)
    questions.asks.cache_clear()
    found.view("days", SALES)
    return found


def lake(config: LakeConfig | None = None, made: tuple[str, ...] = ()) -> Any:
    """A lake as far as questions need one; ``made``: the views that the last refresh noted."""
    notes = {"views": dict.fromkeys(made, "fingerprint")}
    return SimpleNamespace(config=config or make_config(), ledger=SimpleNamespace(read_note=notes.__getitem__))


def test_each_visual_asks_in_order_but_a_faulty_one(files: Files) -> None:
    wrong = visual("wrong", y=[{"aggregation": "sum", "column": "revenu"}])
    files.board("board", visual("one"), wrong, visual("two", "other"), own="days", other="days")
    files.board("second", visual("three", "none"), none="nowhere")
    found = questions.library(lake())
    assert [one.name for one in found.dashboards] == ["board", "second"]
    assert found.faulty == {"board/wrong", "second/three"}
    assert found.faults == (
        "board.json: sheets[0].visuals[1].y[0].column: view days has no column 'revenu'; did you mean 'revenue'?",
        "second.json: datasets.none.view: include/sql/views has no view 'nowhere'",
    )
    board, second = found.dashboards
    assert [(one.id, one.view) for one in found.questions(board)] == [("board/one", "days"), ("board/two", "days")]
    assert found.questions(second) == []
    assert found.dashboard("second") is second and found.dashboard("third") is None
    first = found.questions(board)[0]
    assert first == visual_question(board, board.visuals[0]) and first.dataset == board.datasets["own"]


def test_what_no_dashboard_draws_is_asked_by_itself(files: Files) -> None:
    files.view("weeks", SALES)
    files.board("board", visual("one"))
    found = questions.library(lake())
    assert found.undrawn(["weeks", "days", "other"]) == ["weeks", "other"]
    assert [one.id for one in found.all_questions(["days", "weeks"])] == ["board/one", "view/weeks"]
    assert [one.id for one in found.all_questions(iter(["weeks"]))] == ["view/weeks"], (
        "the view of the visual is not made"
    )
    assert [one.id for one in questions.noted_questions(["days", "weeks"])] == ["board/one", "view/weeks"]
    assert view_question("weeks") == Question("view/weeks", "weeks")


def test_noted_questions_need_no_look_at_columns(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    files.board("board", visual("wrong", y=[{"aggregation": "sum", "column": "nothing"}]))

    def refuse(*_: Any) -> None:
        raise AssertionError("the views were parsed")

    monkeypatch.setattr(questions, "_columns", refuse)
    assert [one.id for one in questions.noted_questions(["days"])] == ["board/wrong"]


def test_without_dashboards_nothing_is_parsed(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "_columns", None)
    found = questions.library(lake())
    assert found.dashboards == () and [one.id for one in found.all_questions(["days"])] == ["view/days"]


def test_a_file_that_is_no_dashboard_is_an_error(files: Files) -> None:
    (files.boards / "board.json").write_text("{")
    with pytest.raises(DashboardError, match=r"board\.json: line 1"):
        questions.library(lake())


def test_the_sql_of_a_question(files: Files) -> None:
    files.board("board", visual("one"))
    where = lake()
    database = where.config.resources.glue_database
    found = questions.library(where)
    [drawn] = found.questions(found.dashboards[0])
    assert f'FROM "{database}"."days"' in drawn.sql(where) and "GROUP BY d1" in drawn.sql(where)
    assert view_question("days").sql(where) == f'SELECT * FROM "{database}"."days" LIMIT 2001'


def test_columns_are_told_anew_when_a_file_or_the_configuration_changed(files: Files) -> None:
    config = make_config()
    first = questions.columns_of(config)
    assert dict(first["days"]) == {"day": "date", "revenue": "decimal"}
    assert questions.columns_of(config) is first
    files.view("days", SALES.replace("sum(amount)", "count(*)"))
    second = questions.columns_of(config)
    assert dict(second["days"]) == {"day": "date", "revenue": "whole"}
    files.view("weeks", SALES)
    assert set(questions.columns_of(config)) == {"days", "weeks"}
    assert questions.columns_of(make_config({"sales": {**ENTITY, "table_name": "other"}})) == {}


def test_a_view_says_what_it_answers_in_its_first_line(files: Files) -> None:
    files.view("told", f"\n--  How much a day?  \n-- More.\n{SALES}")
    assert questions.asks("told") == "How much a day?"
    assert questions.asks("days") == questions.asks("nothing") == ""


def test_the_views_that_exist_are_those_that_are_noted() -> None:
    assert questions.made_views(lake(made=("weeks", "days"))) == ["days", "weeks"]


def test_importing_it_brings_no_parser() -> None:
    """Airflow's processes import it, and sqlglot takes long."""
    code = "import sys, lakelanes.dashboards.questions; sys.exit('sqlglot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
