"""``query`` answers as a table, as CSV or as JSON, and never changes anything."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.catalog import athena
from lakelanes.lake import Lake
from tests.lakelanes.commands.terminal import Terminal

SQL = """SELECT 1 AS n, 'x' AS t, true AS b, DECIMAL '1.50' AS d, DATE '2024-03-15' AS day, CAST(NULL AS bigint) AS e,
    nan() AS f, 1e0 AS g"""


def test_an_answer_is_a_table_or_csv_or_json(lake: Lake, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = terminal.text("query", SQL).splitlines()
    assert lines[0].split() == ["n", "t", "b", "d", "day", "e", "f", "g"]
    assert lines[2].split() == ["1", "x", "true", "1.50", "2024-03-15", "null", "NaN", "1.0"]
    assert lines[-1] == "1 row"
    assert terminal.code == 0
    assert terminal.text("query", SQL, "--csv") == "n,t,b,d,day,e,f,g\n1,x,true,1.50,2024-03-15,,NaN,1.0\n"
    assert terminal.data("query", SQL) == [
        {"n": 1, "t": "x", "b": True, "d": "1.50", "day": "2024-03-15", "e": None, "f": "NaN", "g": 1.0}
    ]


def test_a_statement_that_shows_something_has_no_row_too_few(lake: Lake, terminal: Terminal) -> None:
    lake.glue.create_table(
        DatabaseName=lake.config.resources.glue_database,
        TableInput={"Name": "shown", "StorageDescriptor": {"Columns": [{"Name": "a", "Type": "int"}]}},
    )
    assert "shown" in terminal.text("query", "SHOW TABLES")
    assert terminal.data("query", "SELECT 'n' AS n WHERE false") == []


def test_what_sql_gets_wrong_is_one_line(lake: Lake, terminal: Terminal) -> None:
    for wrong in ("SELECT * FROM no_such_table", "SELECT 1 +\nFROM"):
        [line] = terminal.text("query", wrong).splitlines()
        assert line.startswith("Athena: ")
        assert terminal.code == 1


@pytest.mark.parametrize(
    "sql", ["DROP TABLE x", "-- a\nINSERT INTO x SELECT 1", "/* SELECT */ delete from x", " ", ";"]
)
def test_a_statement_that_would_change_something_is_not_sent(
    sql: str, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sent(*_: Any) -> Any:
        raise AssertionError("it was sent")

    monkeypatch.setattr("lakelanes.commands.query.ask", sent)
    assert "changes nothing" in terminal.text("query", sql)
    assert terminal.code == 1


def test_comments_and_parentheses_may_stand_before_a_question(lake: Lake, terminal: Terminal) -> None:
    assert terminal.data("query", "-- why\n/* so */ (SELECT 2 AS n)") == [{"n": 2}]


def test_csv_and_json_exclude_each_other(terminal: Terminal) -> None:
    assert "ask for one" in terminal.data("query", "SELECT 1", "--csv")["error"]


def test_a_query_that_is_interrupted_is_cancelled(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[str] = []

    def interrupted(*_: Any) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(athena, "_wait", interrupted)
    monkeypatch.setattr(lake.athena, "stop_query_execution", lambda QueryExecutionId: stopped.append(QueryExecutionId))
    with pytest.raises(KeyboardInterrupt):
        athena.ask(lake, "SELECT 1")
    assert len(stopped) == 1
