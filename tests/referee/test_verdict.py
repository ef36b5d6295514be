"""What is a difference, and what is none."""

from __future__ import annotations

import re

import pytest

from localaws.athena.functions.library import AGGREGATES, SCALARS, WINDOW_FUNCTIONS
from tests.referee import corpus, known, server
from tests.referee.answers import Answer
from tests.referee.expressions import expressions
from tests.referee.verdict import ANSWERED, ERROR, FAILED, REFUSED, SAME, SAME_ERROR, VALUE, Verdict, judge


def answer(*rows: tuple[str | None, ...], kind: str = "integer", name: str = "x") -> Answer:
    width = len(rows[0]) if rows else 1
    return Answer((name,) * width, (kind,) * width, rows)


ONE, TWO = answer(("1",), ("2",)), answer(("2",), ("1",))
FAILURE = Answer(error="DIVISION_BY_ZERO", text="Division by zero")
REFUSAL = Answer(error="NOT_SUPPORTED", text="not here")

CASES = {
    "the same": (ONE, ONE, SAME),
    "rows in another order, of none": (ONE, TWO, SAME),
    "another value": (ONE, answer(("1",), ("3",)), VALUE),
    "a row less": (ONE, answer(("1",)), VALUE),
    "NULL is no empty text": (answer(("",)), answer((None,)), VALUE),
    "another type": (ONE, answer(("1",), ("2",), kind="bigint"), VALUE),
    "a type that is written with blanks": (
        answer(("1",), kind="decimal(3,2)"),
        answer(("1",), kind="decimal(3, 2)"),
        SAME,
    ),
    "another name": (ONE, answer(("1",), ("2",), name="y"), VALUE),
    "a name in capitals": (answer(("1",), name="X"), answer(("1",)), SAME),
    "the last digit of a double": (
        answer(("0.1",), kind="double"),
        answer(("0.10000000000000002",), kind="double"),
        SAME,
    ),
    "the last digit of a decimal": (answer(("0.10",)), answer(("0.1",)), VALUE),
    "a map in another order": (
        answer(("{a=1, b=2}",), kind="map(x, y)"),
        answer(("{b=2, a=1}",), kind="map(x, y)"),
        SAME,
    ),
    "both fail alike": (FAILURE, FAILURE, SAME_ERROR),
    "both fail": (Answer(error="TYPE_MISMATCH"), FAILURE, ERROR),
    "an answer where there is none": (ONE, FAILURE, ANSWERED),
    "no answer where there is one": (FAILURE, ONE, FAILED),
    "a refusal": (REFUSAL, ONE, REFUSED),
    "a refusal of what fails": (REFUSAL, FAILURE, REFUSED),
}


@pytest.mark.parametrize("case", CASES)
def test_a_difference_is_what_somebody_could_see(case: str) -> None:
    local, trino, kind = CASES[case]
    assert judge("SELECT x FROM t", local, trino).kind == kind


def test_the_order_of_rows_counts_where_it_was_asked_for() -> None:
    assert judge("SELECT x FROM t ORDER BY x", ONE, TWO).kind == VALUE
    assert judge("SELECT array_agg(x ORDER BY x) FROM t", ONE, TWO).kind == SAME


def test_what_is_known_of_one_kind_is_not_known_of_another() -> None:
    sql = "SELECT x FROM read_int_as_date ORDER BY id"
    assert known.unknown([Verdict(sql, FAILED, FAILURE, ONE)]) == []
    assert len(known.unknown([Verdict(sql, VALUE, ONE, TWO)])) == 1


@pytest.mark.parametrize("expression", ["length(c)", "CAST(t AS char(4))", "(i / 2)"])
def test_no_other_value_of_a_random_expression_is_known(expression: str) -> None:
    other = Verdict(f"SELECT TRY({expression}) FROM random_0 ORDER BY id", VALUE, ONE, TWO)
    assert known.unknown([other]) == [other]


def test_an_entry_that_nothing_shows_any_more_is_told() -> None:
    every = known.unused([])
    shown = Verdict("SELECT CAST('0x1p3' AS double)", FAILED, FAILURE, ONE)
    assert len(known.unused([shown])) == len(every) - 1


def test_each_known_difference_has_a_document() -> None:
    assert [
        entry.pattern for entry in known.KNOWN if not (entry.document.startswith("https://") and entry.reason)
    ] == []


def test_the_corpus_has_each_statement_once() -> None:
    every = [sql for lines in corpus.statements().values() for sql in lines]
    assert len(every) > 1800
    assert sorted({sql for sql in every if every.count(sql) > 1}) == []


def test_random_expressions_are_the_same_for_a_seed() -> None:
    assert [*expressions("a", 50)] == [*expressions("a", 50)]
    assert [*expressions("a", 50)] != [*expressions("b", 50)]


def test_without_a_new_java_there_is_no_referee(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(server, "_version", lambda java: 17)
    with pytest.raises(server.NoReferee, match="JDK 25"):
        server.find_java()


def test_the_corpus_asks_for_each_function_that_there_is() -> None:
    asked = "\n".join(sql.lower() for lines in corpus.statements().values() for sql in lines)
    known = {*SCALARS, *AGGREGATES, *WINDOW_FUNCTIONS}
    assert [name for name in sorted(known) if not re.search(rf"\b{name}\b", asked)] == []
