"""The local Athena answers as Trino does, or not at all: a part of `make referee`, where a JDK and Maven are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from localaws.athena.casts import Expr
from localaws.athena.functions.aggregates import AGGREGATES
from localaws.athena.functions.registry import SCALARS, Call
from tests.referee import corpus, lake, writing
from tests.referee.answers import ask_local, ask_trino, plan_local
from tests.referee.expressions import expressions, make_rows
from tests.referee.known import unknown
from tests.referee.play import Match
from tests.referee.server import NoReferee, Referee, running_trino
from tests.referee.tables import DATABASE, Maker, make_tables
from tests.referee.verdict import Verdict
from tests.support.localaws import LocalAws, running_localaws

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

# Of the corpus every so many-th statement is asked here; `make referee` asks them all.
STRIDE = 6
SEED, EXPRESSIONS = "1", 200
DOWNLOAD_SECONDS = 100.0


@dataclass(frozen=True)
class Hall:
    """A local AWS with the corpus's tables, and a Trino over it."""

    aws: LocalAws
    referee: Referee

    def match(self, database: str = DATABASE) -> Match:
        local = ask_local(database, self.aws.client("glue"), self.aws.client("s3"))
        return Match(local, ask_trino(self.referee.address, database))


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with running_localaws(tmp_path_factory.mktemp("referee")) as aws:
        make_tables(aws.client("glue"), aws.client("s3"))
        try:
            with running_trino(aws, DOWNLOAD_SECONDS) as referee:
                yield Hall(aws, referee)
        except NoReferee as error:
            pytest.skip(str(error))


def shown(verdicts: Iterable[Verdict]) -> str:
    return "\n".join(verdict.shown() for verdict in unknown([*verdicts]))


def test_the_corpus_shows_no_difference_that_is_not_known(hall: Hall) -> None:
    every = [sql for lines in corpus.statements().values() for sql in lines]
    assert shown(hall.match().verdicts(every[::STRIDE])) == ""


def test_the_views_and_what_the_engine_sends_are_answered_as_by_trino(hall: Hall) -> None:
    with lake.sampled(hall.aws) as (database, statements):
        found = [*hall.match(database).verdicts(statements)]
    assert [verdict.shown() for verdict in found if verdict.kind != "same"] == []
    assert any("row_count" in verdict.sql for verdict in found)


def test_what_one_writes_the_other_reads(hall: Hall) -> None:
    asked = [sql for sql in writing.statements() if re.search(r"\$_(parts|types|order)\b.*(AS SELECT|DATE)", sql)]
    found = list(writing.verdicts(hall.match(), asked))
    assert (shown(found), sum(verdict.kind == "same" for verdict in found) >= len(asked)) == ("", True)


def test_random_expressions_have_the_values_that_trino_gives(hall: Hall) -> None:
    make_rows(Maker(hall.aws.client("glue"), hall.aws.client("s3")), SEED)
    plan = plan_local(DATABASE, hall.aws.client("glue"))
    found = [*hall.match().of_expressions(expressions(SEED, EXPRESSIONS), plan)]
    assert len(found) > EXPRESSIONS * 0.9
    assert shown(found) == "", f"seed {SEED}"


def _instead(find: str, put: str) -> Callable[[Any], Callable[[Call], Expr]]:
    """A handler that translates as another does, with one part of the SQL replaced."""

    def mutated(original: Any) -> Callable[[Call], Expr]:
        def handler(call: Call) -> Expr:
            right = original(call)
            assert find in right.sql
            return Expr(right.sql.replace(find, put), right.type)

        return handler

    return mutated


MUTATIONS = {
    "substr": (SCALARS, _instead("t_substr", "substr"), "SELECT substr('banana', 0, 2)"),
    "array_sort": (SCALARS, _instead("NULLS LAST", "NULLS FIRST"), "SELECT array_sort(ARRAY[3, NULL, 1])"),
    "date_diff": (
        SCALARS,
        _instead("date_sub", "date_diff"),
        "SELECT date_diff('month', DATE '2024-01-15', DATE '2024-02-14')",
    ),
    "round": (SCALARS, _instead("round(", "round_even("), "SELECT round(2.5e0, 0)"),
    "max": (AGGREGATES, _instead("coalesce(", "greatest("), "SELECT max(x) FROM (VALUES 1e0, nan()) t(x)"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_translation_is_found_out(name: str, hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    functions, mutation, sql = MUTATIONS[name]
    assert hall.match().verdict(sql).kind == "same"
    monkeypatch.setitem(functions, name, mutation(functions[name]))
    assert unknown([*hall.match().verdicts([sql])]) != []
