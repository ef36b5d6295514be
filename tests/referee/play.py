"""A whole match: the corpus, and random expressions, asked of both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from tests.referee.answers import Answer, Ask
from tests.referee.expressions import TABLE
from tests.referee.verdict import REFUSED, Verdict, judge

# Asked at the same time, on as many connections.
_THREADS = 3
# Expressions in one SELECT: Trino compiles each anew.
_BATCH = 20
# Trino's own fault, from which nothing can be learnt.
_BROKEN = "GENERIC_INTERNAL_ERROR"


@dataclass(frozen=True)
class Match:
    """Both sides."""

    local: Ask
    trino: Ask

    def verdict(self, sql: str) -> Verdict:
        """One statement, asked of both."""
        return judge(sql, self.local(sql), self.trino(sql))

    def verdicts(self, statements: Iterable[str]) -> list[Verdict]:
        """Statements, each by itself."""
        with ThreadPoolExecutor(_THREADS) as pool:
            return list(pool.map(self.verdict, statements))

    def of_expressions(self, found: Iterable[str], table: str = TABLE) -> list[Verdict]:
        """Expressions over the random rows, in TRY: where one fails, it is the other's turn to fail, too."""
        with ThreadPoolExecutor(_THREADS) as pool:
            batches = pool.map(lambda batch: self._batch(batch, table), _batches(found))
            return [verdict for batch in batches for verdict in batch]

    def _batch(self, batch: tuple[str, ...], table: str) -> list[Verdict]:
        """What the local side refuses, or fails to plan, is left out of the batch and judged by itself."""
        alone: dict[str, Verdict] = {}
        together: list[tuple[str, Answer]] = []
        for expression in batch:
            sql = _one(expression, table)
            answer = self.local(sql)
            if answer.error is None:
                together.append((expression, answer))
            elif answer.error == "NOT_SUPPORTED":
                alone[sql] = Verdict(sql, REFUSED, answer, Answer(error="not asked"))
            else:
                alone[sql] = judge(sql, answer, self.trino(sql))
        alone.update(self._together(together, table))
        return [verdict for verdict in alone.values() if verdict.trino.error != _BROKEN]

    def _together(self, together: list[tuple[str, Answer]], table: str) -> dict[str, Verdict]:
        """One SELECT of them all for Trino, or one of each where it fails at that."""
        found: dict[str, Verdict] = {}
        if together:
            items = ", ".join(f"TRY({expression})" for expression, _ in together)
            whole = self.trino(f"SELECT {items} FROM {table} ORDER BY id")
            for place, (expression, answer) in enumerate(together):
                sql = _one(expression, table)
                theirs = self.trino(sql) if whole.error else _column(whole, place)
                found[sql] = judge(sql, answer, theirs)
        return found


def _batches(found: Iterable[str]) -> Iterator[tuple[str, ...]]:
    remaining = iter(found)
    while batch := tuple(islice(remaining, _BATCH)):
        yield batch


def _one(expression: str, table: str) -> str:
    return f"SELECT TRY({expression}) FROM {table} ORDER BY id"


def _column(answer: Answer, place: int) -> Answer:
    return Answer(("_col0",), (answer.types[place],), tuple((row[place],) for row in answer.rows))
