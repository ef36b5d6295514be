"""The kind of a statement, found from its first word: Athena reports it before the query has run."""

from __future__ import annotations

import re

DDL, DML, UTILITY = "DDL", "DML", "UTILITY"

_LEADING = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/|\()*", re.DOTALL)
_WORD = re.compile(r"[A-Za-z]+")
_KINDS = {
    "ALTER": DDL,
    "CREATE": DDL,
    "DROP": DDL,
    "MSCK": DDL,
    "DESC": UTILITY,
    "DESCRIBE": UTILITY,
    "EXPLAIN": UTILITY,
    "SHOW": UTILITY,
}


def statement_type(sql: str) -> str:
    """DDL, UTILITY, or DML for everything that is neither."""
    word = _WORD.match(sql, _leading_end(sql))
    return _KINDS.get(word[0].upper(), DML) if word else DML


def _leading_end(sql: str) -> int:
    match = _LEADING.match(sql)
    return match.end() if match else 0
