"""Reading Trino SQL: a sqlglot dialect that keeps what was written, so that it can be judged as Trino judges it.

sqlglot is generous: it rewrites functions into neutral nodes and accepts other engines' syntax. Here a function call
stays a call by name, index offsets stay as written, a CAST keeps its type's text, and tokens that Trino's grammar
lacks are refused, with the line and column Athena reports.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import ParseError, TokenError
from sqlglot.parsers.trino import TrinoParser
from sqlglot.tokens import Token, TokenType

from localaws.athena.errors import InvalidRequest

_OWN_SYNTAX = ("CAST", "TRY_CAST", "EXTRACT", "TRIM", "POSITION", "SUBSTRING")
_FOREIGN_TOKENS = {
    TokenType.DCOLON, TokenType.DSTAR, TokenType.CARET, TokenType.AMP, TokenType.PIPE, TokenType.TILDE,
    TokenType.ILIKE, TokenType.GLOB, TokenType.RLIKE, TokenType.DIV, TokenType.HASH, TokenType.DOLLAR,
    TokenType.DQMARK, TokenType.ARROW_STRING if hasattr(TokenType, "ARROW_STRING") else TokenType.DQMARK,
    TokenType.BACKSLASH, TokenType.SIMILAR_TO, TokenType.NULLSAFE_EQ, TokenType.QUALIFY,
}  # fmt: skip


class _Parser(TrinoParser):
    FUNCTIONS: dict[str, Any] = {}  # noqa: RUF012
    FUNCTION_PARSERS = {name: TrinoParser.FUNCTION_PARSERS[name] for name in _OWN_SYNTAX}  # noqa: RUF012

    def _parse_types(self, *args: Any, **kwargs: Any) -> exp.Expression | None:
        start = self._curr
        parsed = super()._parse_types(*args, **kwargs)
        if isinstance(parsed, exp.DataType) and start is not None and self._prev is not None:
            parsed.meta["text"] = self.sql[start.start : self._prev.end + 1]
        return parsed

    def _parse_cast(self, *args: Any, **kwargs: Any) -> exp.Expression:
        parsed = super()._parse_cast(*args, **kwargs)
        parsed.meta["called"] = True
        return parsed


class AthenaTrino(Trino):
    """Trino as Athena engine version 3 reads it."""

    INDEX_OFFSET = 0

    class Tokenizer(Trino.Tokenizer):
        pass

    Parser = _Parser


def tokens(sql: str) -> list[Token]:
    """The tokens of a text, or InvalidRequest with the place of the character no token starts with."""
    try:
        return AthenaTrino().tokenize(sql)
    except TokenError as error:
        raise InvalidRequest(f"line 1:1: {str(error).splitlines()[0]}") from error


def parse_query(sql: str) -> exp.Expression:
    """The one query in `sql`. Raises InvalidRequest, as StartQueryExecution does for text it cannot read."""
    for token in tokens(sql):
        if token.token_type in _FOREIGN_TOKENS or (token.token_type == TokenType.EQ and token.text == "=="):
            raise InvalidRequest(f"{place_of(token.start, sql)}: mismatched input '{token.text}'")
    try:
        parsed = AthenaTrino().parse(sql)
    except ParseError as error:
        raise InvalidRequest(_parse_message(error, sql)) from error
    if len(parsed) != 1 or parsed[0] is None:
        raise InvalidRequest(f"Only one sql statement is allowed. Got: {sql}")
    return parsed[0]


def _parse_message(error: ParseError, sql: str) -> str:
    first = error.errors[0] if error.errors else {}
    found = first.get("highlight") or "<EOF>"
    line = first.get("line") or 1
    end = first.get("col") or len(sql)
    column = max(1, end - len(found) + 1) if found != "<EOF>" else end
    return f"line {line}:{column}: mismatched input '{found}'. {first.get('description') or ''}".rstrip()


def position(node: exp.Expression, sql: str) -> tuple[int, int] | tuple[None, None]:
    """Line and column (from 1) of the first character of a node, or (None, None) when sqlglot kept no place."""
    starts = [part.meta["start"] for part in node.walk() if "start" in part.meta]
    return line_column(min(starts), sql) if starts else (None, None)


def line_column(offset: int, sql: str) -> tuple[int, int]:
    """Line and column (from 1) of an offset."""
    before = sql[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def place_of(offset: int, sql: str) -> str:
    """`line 1:8` of an offset."""
    line, column = line_column(offset, sql)
    return f"line {line}:{column}"


def identifier(node: exp.Expression | str | None) -> str:
    """An identifier's name: Athena compares them without case, quoted or not."""
    name = node if isinstance(node, str) else (node.name if node is not None else "")
    return name.lower()


def quote(name: str) -> str:
    """A DuckDB identifier."""
    return '"' + name.replace('"', '""') + '"'


def text_literal(value: str) -> str:
    """A DuckDB string literal."""
    return "'" + value.replace("'", "''") + "'"
