"""Judging: which kind of difference there is between two answers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.referee.answers import Answer, near

SAME = "same"
SAME_ERROR = "same error"
REFUSED = "refused"
VALUE = "different value"
ANSWERED = "answered where Trino fails"
FAILED = "fails where Trino answers"
ERROR = "other error"
# How the detail of a different value begins, where it is not the number of rows or the columns that differ.
VALUES = "values"
# An honest refusal is none of these.
FAULTS = (VALUE, ANSWERED, FAILED, ERROR)
KINDS = (SAME, SAME_ERROR, REFUSED, *FAULTS)


@dataclass(frozen=True)
class Verdict:
    """A statement with both answers."""

    sql: str
    kind: str
    local: Answer
    trino: Answer
    detail: str = ""

    def shown(self) -> str:
        """For people: what was asked, and what both said."""
        return (
            f"[{self.kind}] {self.detail}\n  {self.sql}\n  local: {self.local.shown()}\n  trino: {self.trino.shown()}"
        )


def judge(sql: str, local: Answer, trino: Answer) -> Verdict:
    """The verdict on one statement."""
    if local.error is not None:
        if local.error == "NOT_SUPPORTED":
            kind = SAME_ERROR if trino.error == "NOT_SUPPORTED" else REFUSED
        elif trino.error is None:
            kind = FAILED
        else:
            kind = SAME_ERROR if local.error == trino.error else ERROR
        return Verdict(sql, kind, local, trino)
    if trino.error is not None:
        return Verdict(sql, ANSWERED, local, trino)
    detail = _difference(sql, local, trino)
    return Verdict(sql, VALUE if detail else SAME, local, trino, detail)


def _difference(sql: str, local: Answer, trino: Answer) -> str:
    """What is different in two answers with rows; empty text when nothing is."""
    if len(local.types) != len(trino.types):
        return "columns"
    ours, theirs = list(local.rows), list(trino.rows)
    if not re.search(r"\border by\b(?!.*\))", sql, re.IGNORECASE | re.DOTALL):
        ours, theirs = sorted(ours, key=_sortable), sorted(theirs, key=_sortable)
    if len(ours) != len(theirs):
        return "number of rows"
    for mine, other in zip(ours, theirs, strict=True):
        if not all(near(a, b, kind) for a, b, kind in zip(mine, other, trino.types, strict=True)):
            return f"{VALUES}, first in the row {list(mine)} of the local side, {list(other)} of Trino's"
    if _plain(local.types) != _plain(trino.types):
        return "types"
    # Athena keeps a name as it was written.
    if [name.lower() for name in local.names] != [name.lower() for name in trino.names]:
        return "names"
    return ""


def _plain(types: Sequence[str]) -> list[str]:
    """Types as both write them: Trino's protocol has blanks in them, and capitals, that typeof() has not."""
    return [kind.replace(", ", ",").lower() for kind in types]


def _sortable(row: tuple[str | None, ...]) -> list[tuple[bool, str]]:
    return [(value is None, value or "") for value in row]


def table(verdicts: Iterable[Verdict], unknown: Iterable[Verdict]) -> str:
    """How many of each kind, a line each, and how many of these no entry covers."""
    counted, new = (Counter(verdict.kind for verdict in found) for found in (verdicts, unknown))
    return "\n".join(f"{counted[kind]:6} {kind}{f', {new[kind]} not known' if new[kind] else ''}" for kind in KINDS)
