"""Statements that write: each side carries them out on tables of its own, and then both sides read both's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.referee.play import Match
from tests.referee.verdict import ANSWERED, FAILED, SAME, Verdict, judge

LOCAL, TRINO = "ours", "theirs"
_TABLE = re.compile(r"(?:CREATE TABLE|INSERT INTO) (\S+)")


def statements() -> list[str]:
    """The statements of writing.sql; in each, $ is the side."""
    lines = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("--")]


def verdicts(match: Match, asked: list[str]) -> Iterator[Verdict]:
    """One of each statement; and of each table that both have written alike, three."""
    written: dict[tuple[str, str], bool] = {}
    for sql in asked:
        ours, theirs = sql.replace("$", LOCAL), sql.replace("$", TRINO)
        verdict = judge(sql, match.local(ours), match.trino(theirs))
        yield verdict
        tables = _TABLE.findall(ours)[0], _TABLE.findall(theirs)[0]
        if verdict.kind == SAME:
            written.setdefault(tables, True)
        elif verdict.kind in (ANSWERED, FAILED):
            written[tables] = False
    for (mine, other), alike in written.items():
        if alike:
            yield from _read_back(match, f"SELECT * FROM {mine}", f"SELECT * FROM {other}")


def _read_back(match: Match, mine: str, other: str) -> Iterator[Verdict]:
    yield match.verdict(mine)
    yield match.verdict(other)
    yield judge(f"{mine}; {other}", match.local(mine), match.trino(other))
