"""The kind of a statement, found from its first word: Athena reports it before the query has run."""

from __future__ import annotations

import re

DDL, DML, UTILITY = "DDL", "DML", "UTILITY"

_LEADING = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/|\()*", re.DOTALL)
_WORD = re.compile(r"[A-Za-z]+")
_TABLE_AS = re.compile(r"CREATE\s+TABLE\b", re.IGNORECASE)
_KINDS = {
    **dict.fromkeys(("ALTER", "CREATE", "DROP", "MSCK"), DDL),
    **dict.fromkeys(("DEALLOCATE", "DESC", "DESCRIBE", "EXPLAIN", "PREPARE", "SHOW"), UTILITY),
}


def statement_type(sql: str) -> str:
    """DDL, UTILITY, or DML for everything that is neither."""
    return _KINDS.get(leading_word(sql), DML)


def leading_word(sql: str) -> str:
    """The first word, in capitals."""
    start = _LEADING.match(sql)
    word = _WORD.match(sql, start.end() if start else 0)
    return word[0].upper() if word else ""


def makes_table(sql: str) -> bool:
    """Whether it is a CREATE TABLE AS: without EXTERNAL, there is no other CREATE TABLE here."""
    start = _LEADING.match(sql)
    return bool(_TABLE_AS.match(sql, start.end() if start else 0))


def output_name(sql: str, identifier: str) -> str:
    """A query's file below the output location; what writes tables has none there but its metadata and manifest.

    See https://docs.aws.amazon.com/athena/latest/ug/querying-finding-output-files.html.
    """
    if makes_table(sql):
        return f"tables/{identifier}"
    if leading_word(sql) in ("INSERT", "UNLOAD"):
        return identifier
    return f"{identifier}.{'csv' if statement_type(sql) == DML else 'txt'}"
