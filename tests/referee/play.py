"""A whole match: the corpus, and random expressions, asked of both."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from typing import TypeVar

from tests.referee.answers import Answer, Ask, near
from tests.referee.expressions import TABLE
from tests.referee.verdict import ANSWERED, FAILED, REFUSED, SAME, VALUE, VALUES, Verdict, judge

_T = TypeVar("_T")
_U = TypeVar("_U")

# Asked at the same time, on as many connections.
_THREADS = 3
# Expressions in one SELECT: each costs Trino 4 ms, and each SELECT 300.
_BATCH = 100
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

    def verdicts(self, statements: Iterable[str]) -> Iterator[Verdict]:
        """Statements, each by itself; the verdicts come as they are found."""
        return _in_turn(self.verdict, statements)

    def of_expressions(self, found: Iterable[str], plan: Ask, table: str = TABLE) -> Iterator[Verdict]:
        """Expressions over the random rows, in TRY: where one fails, it is the other's turn to fail, too.

        plan: says what the local side refuses before it reads; the rest is asked together.
        """
        found_out = _in_turn(lambda batch: self._batch(batch, plan, table), _batches(found))
        return chain.from_iterable(found_out)

    def _batch(self, batch: tuple[str, ...], plan: Ask, table: str) -> list[Verdict]:
        """What the local side refuses, or fails to plan, is left out of the batch and judged by itself."""
        verdicts, together = [], []
        for expression in batch:
            sql = _select([expression], table)
            answer = plan(sql)
            if answer.error is None:
                together.append(expression)
            elif answer.error == "NOT_SUPPORTED":
                verdicts.append(Verdict(sql, REFUSED, answer, Answer(error="not asked")))
            else:
                verdicts.append(judge(sql, answer, self.trino(sql)))
        both = zip(together, _each(self.local, together, table), _each(self.trino, together, table), strict=True)
        for expression, ours, theirs in both:
            verdict = judge(_select([expression], table), ours, theirs)
            if verdict.detail.startswith(VALUES):
                verdict = self._why(expression, verdict, table)
            elif verdict.kind == ANSWERED:
                # Trino works some constants out before a TRY around them.
                verdict = judge(verdict.sql, self.local(f"SELECT {expression} FROM {table} ORDER BY id"), theirs)
            verdicts.append(verdict)
        return [verdict for verdict in verdicts if verdict.trino.error != _BROKEN]

    def _why(self, expression: str, verdict: Verdict, table: str) -> Verdict:
        """Another value, or a row for which one side fails: only without TRY do they tell. The worst of all rows."""
        kinds = set()
        for place, ((ours,), (theirs,)) in enumerate(zip(verdict.local.rows, verdict.trino.rows, strict=True)):
            if near(ours, theirs, verdict.trino.types[0]):
                continue
            sql = f"SELECT {expression} FROM {table} WHERE id = {place}"
            mine, other = self.local(sql), self.trino(sql)
            alike = judge(sql, mine, other).kind == SAME
            if ours is None and (mine.error is not None or alike):
                kinds.add(FAILED)
            else:
                kinds.add(ANSWERED if theirs is None and (other.error is not None or alike) else VALUE)
        kind = next(kind for kind in (VALUE, ANSWERED, FAILED) if kind in kinds)
        return Verdict(verdict.sql, kind, verdict.local, verdict.trino, verdict.detail)


def _in_turn(ask: Callable[[_T], _U], items: Iterable[_T]) -> Iterator[_U]:
    """As pool.map, but no item is begun long before its answer is wanted: who stops asking does not wait for all."""
    with ThreadPoolExecutor(_THREADS) as pool:
        begun: deque[Future[_U]] = deque()
        for item in items:
            begun.append(pool.submit(ask, item))
            if len(begun) > _THREADS:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()


def _batches(found: Iterable[str]) -> Iterator[tuple[str, ...]]:
    remaining = iter(found)
    while batch := tuple(islice(remaining, _BATCH)):
        yield batch


def _each(ask: Ask, expressions: list[str], table: str) -> list[Answer]:
    """An answer for each expression, from one SELECT of all; of one that fails, its halves are asked."""
    if not expressions:
        return []
    whole = ask(_select(expressions, table))
    if len(expressions) == 1:
        return [whole]
    if whole.error is not None:
        middle = len(expressions) // 2
        return [*_each(ask, expressions[:middle], table), *_each(ask, expressions[middle:], table)]
    return [
        Answer(("_col0",), (kind,), tuple((row[place],) for row in whole.rows))
        for place, kind in enumerate(whole.types)
    ]


def _select(expressions: list[str], table: str) -> str:
    items = ", ".join(f"TRY({expression})" for expression in expressions)
    return f"SELECT {items} FROM {table} ORDER BY id"
