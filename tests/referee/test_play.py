"""How both sides are asked: many expressions in one SELECT, each judged by itself, and told as soon as it is found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.referee.__main__ import Report
from tests.referee.answers import Answer, Ask
from tests.referee.play import Match
from tests.referee.verdict import ANSWERED, ERROR, FAILED, REFUSED, SAME, SAME_ERROR, VALUE, Verdict

FAILURE, REFUSAL = Answer(error="DIVISION_BY_ZERO"), Answer(error="NOT_SUPPORTED")
# What a side gives for each row; a text that begins with ! is a failure, with ? one in TRY alone.
Rows = dict[str, list[str | None]]


def side(rows: Rows, asked: list[str] | None = None) -> Ask:
    """A side that knows these expressions; a SELECT that has another one fails."""

    def ask(sql: str) -> Answer:
        if asked is not None:
            asked.append(sql)
        tried = re.findall(r"TRY\((\w+)\)", sql) or re.findall(r"SELECT (\w+) FROM \w+ ORDER", sql)
        one = re.search(r"SELECT (\w+) FROM \w+ WHERE id = (\d+)", sql)
        if one is not None:
            value = rows[one[1]][int(one[2])]
            failed = value is not None and value.startswith("!")
            return FAILURE if failed else Answer(("_col0",), ("x",), ((value and value.lstrip("?"),),))
        if not set(tried) <= set(rows):
            return FAILURE
        columns = [[None if str(value)[:1] in ("!", "?") else value for value in rows[name]] for name in tried]
        return Answer(("_col0",) * len(tried), ("x",) * len(tried), tuple(zip(*columns, strict=True)))

    return ask


def kinds(local: Rows, trino: Rows, asked: list[str] | None = None) -> dict[str, str]:
    def plan(sql: str) -> Answer:
        return REFUSAL if "refused" in sql else Answer(("_col0",), ("x",))

    names = list({**local, **trino})
    found = Match(side(local, asked), side(trino, asked)).of_expressions(names, plan)
    return {re.findall(r"TRY\((\w+)\)", verdict.sql)[0]: verdict.kind for verdict in found}


def test_one_that_fails_leaves_the_others_of_its_batch_their_answers() -> None:
    trino: Rows = {f"e{number}": [str(number)] for number in range(9)}
    local = {name: rows for name, rows in trino.items() if name != "e4"}
    assert kinds(local, trino) == {**dict.fromkeys(trino, SAME), "e4": FAILED}


def test_most_are_asked_together() -> None:
    asked: list[str] = []
    rows: Rows = {f"e{number}": ["1"] for number in range(250)}
    assert kinds(rows, rows, asked) == dict.fromkeys(rows, SAME)
    assert len(asked) == 6


def test_what_is_refused_is_not_asked() -> None:
    asked: list[str] = []
    assert kinds({"refused": ["1"], "e": ["1"]}, {"refused": ["1"], "e": ["1"]}, asked) == {
        "refused": REFUSED,
        "e": SAME,
    }
    assert "refused" not in "".join(asked)


CASES: dict[str, tuple[list[str | None], list[str | None], str]] = {
    "another value": (["1", "2"], ["1", "3"], VALUE),
    "NULL instead of a value": ([None], ["1"], VALUE),
    "a value instead of NULL": (["1"], [None], VALUE),
    "a failure instead of a value": (["!"], ["1"], FAILED),
    "a value instead of a failure": (["1"], ["!"], ANSWERED),
    "both fail": (["!"], ["!"], SAME),
    "a failure in TRY alone": (["?1"], ["1"], FAILED),
    "a failure of Trino's in TRY alone": (["1"], ["?1"], ANSWERED),
    "the worst of two": (["!", "1"], ["1", "!"], ANSWERED),
    "the worst of three": (["!", "1", "2"], ["1", "!", "1"], VALUE),
}


@pytest.mark.parametrize("case", CASES)
def test_a_failure_inside_try_is_no_value(case: str) -> None:
    ours, theirs, kind = CASES[case]
    assert kinds({"e": ours}, {"e": theirs}) == {"e": kind}


def test_where_trino_fails_in_spite_of_try_the_other_may_fail_without() -> None:
    def failing(sql: str) -> Answer:
        return FAILURE

    def tried(sql: str) -> Answer:
        return Answer(("_col0",), ("x",), ((None,),)) if "TRY" in sql else FAILURE

    plan = side({"e": ["1"]})
    assert [found.kind for found in Match(tried, failing).of_expressions(["e"], plan)] == [SAME_ERROR]
    assert [found.kind for found in Match(plan, failing).of_expressions(["e"], plan)] == [ANSWERED]


def test_an_internal_error_of_trinos_says_nothing() -> None:
    def broken(sql: str) -> Answer:
        return Answer(error="GENERIC_INTERNAL_ERROR")

    assert [*Match(side({"e": ["1"]}), broken).of_expressions(["e"], side({"e": ["1"]}))] == []


def test_findings_and_figures_are_told_when_a_run_is_interrupted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = Report(tmp_path / "build" / "found.txt")

    def verdicts() -> Iterator[Verdict]:
        yield Verdict("SELECT 1", SAME, Answer(), Answer())
        yield Verdict("SELECT 2", ERROR, FAILURE, Answer(error="OTHER"))
        assert "SELECT 2" in report.path.read_text()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        report.take("seed 7", verdicts())
    shown = capsys.readouterr().out
    assert "seed 7: 2 in 0 s" in shown
    assert "     1 same\n" in shown
    assert "     1 other error, 1 not known" in shown
    assert report.faults == 1
