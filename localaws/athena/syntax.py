"""Reading Trino SQL: a sqlglot dialect that keeps what was written, so that Trino's rules can be applied.

sqlglot rewrites functions into neutral nodes and accepts other engines' syntax. Here a function call
stays a call by name, index offsets stay as written, a CAST keeps its type's text, and tokens that Trino's grammar
lacks are refused, with the line and column Athena reports.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import ParseError, TokenError
from sqlglot.parsers.trino import TrinoParser
from sqlglot.tokenizer_core import Token, TokenType

from localaws.athena.errors import InvalidRequest, not_supported

# A node of sqlglot's tree; casts.Expr is a translated one.
Node = exp.Expr

_OWN_SYNTAX = ("CAST", "TRY_CAST", "EXTRACT", "TRIM", "POSITION", "SUBSTRING")
_FOREIGN_TOKENS = {
    TokenType.DCOLON, TokenType.DSTAR, TokenType.CARET, TokenType.AMP, TokenType.PIPE, TokenType.TILDE,
    TokenType.ILIKE, TokenType.GLOB, TokenType.RLIKE, TokenType.DIV, TokenType.HASH, TokenType.DOLLAR,
    TokenType.DQMARK, TokenType.BACKSLASH, TokenType.SIMILAR_TO, TokenType.NULLSAFE_EQ, TokenType.QUALIFY,
    TokenType.ISNULL, TokenType.NOTNULL, TokenType.L_BRACE, TokenType.R_BRACE,
}  # fmt: skip
_FOREIGN_TEXTS = {"==", "!", "&&", "APPLY", "CROSS APPLY", "OUTER APPLY"}
_UNREAD = re.compile(
    r"\b(JSON_(VALUE|QUERY|EXISTS|OBJECT|ARRAY|TABLE)|MATCH_RECOGNIZE|WITH TIES|ON OVERFLOW|UESCAPE|LOCALTIME)\b"
)
_INTERVAL_UNITS = {"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"}
_AFTER_COMMA = {"FROM", "WHERE", "GROUP BY", "HAVING", "ORDER BY", "LIMIT", ")", ",", ";"}
# https://trino.io/docs/current/language/reserved.html
_RESERVED = {
    "ALTER", "AND", "AS", "BETWEEN", "BY", "CASE", "CAST", "CONSTRAINT", "CREATE", "CROSS", "CUBE",
    "CURRENT_CATALOG", "CURRENT_DATE", "CURRENT_PATH", "CURRENT_ROLE", "CURRENT_SCHEMA", "CURRENT_TIME",
    "CURRENT_TIMESTAMP", "CURRENT_USER", "DEALLOCATE", "DELETE", "DESCRIBE", "DISTINCT", "DROP", "ELSE", "END",
    "ESCAPE", "EXCEPT", "EXECUTE", "EXISTS", "EXTRACT", "FALSE", "FOR", "FROM", "FULL", "GROUP", "GROUPING",
    "HAVING", "IN", "INNER", "INSERT", "INTERSECT", "INTO", "IS", "JOIN", "LEFT", "LIKE", "LISTAGG", "LOCALTIME",
    "LOCALTIMESTAMP", "NATURAL", "NORMALIZE", "NOT", "NULL", "ON", "OR", "ORDER", "OUTER", "PREPARE", "RECURSIVE",
    "RIGHT", "ROLLUP", "SELECT", "SKIP", "TABLE", "THEN", "TRIM", "TRUE", "UESCAPE", "UNION", "UNNEST", "USING",
    "VALUES", "WHEN", "WHERE", "WITH",
}  # fmt: skip


class _Parser(TrinoParser):
    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    NO_PAREN_FUNCTIONS: ClassVar[dict[TokenType, Any]] = {
        **TrinoParser.NO_PAREN_FUNCTIONS, TokenType.CURRENT_SCHEMA: exp.CurrentSchema,
    }  # fmt: skip
    FUNCTION_PARSERS = {name: TrinoParser.FUNCTION_PARSERS[name] for name in _OWN_SYNTAX}  # noqa: RUF012

    def _parse_types(self, *args: Any, **kwargs: Any) -> Node | None:
        start = self._curr
        parsed = super()._parse_types(*args, **kwargs)
        if isinstance(parsed, exp.DataType) and start is not None and self._prev is not None:
            parsed.meta["text"] = self.sql[start.start : self._prev.end + 1]
        return parsed

    def _parse_cast(self, *args: Any, **kwargs: Any) -> Node:
        parsed = super()._parse_cast(*args, **kwargs)
        parsed.meta["called"] = True
        return parsed


class AthenaTrino(Trino):
    """Trino as Athena engine version 3 reads it."""

    INDEX_OFFSET = 0
    # A CAST to a type that there is not is for the translation to refuse.
    SUPPORTS_USER_DEFINED_TYPES = True

    class Tokenizer(Trino.Tokenizer):
        # Without this, sqlglot takes what follows EXECUTE and the like for one string.
        COMMANDS = set()  # noqa: RUF012

    Parser = _Parser


def tokens(sql: str) -> list[Token]:
    """The tokens of a text. Raises InvalidRequest when a character in it starts no token."""
    try:
        return AthenaTrino().tokenize(sql)
    except TokenError as error:
        raise InvalidRequest(f"line 1:1: {str(error).splitlines()[0]}") from error


def parse_query(sql: str) -> Node:
    """The one query in `sql`. Raises InvalidRequest, as StartQueryExecution does for text it cannot read."""
    found = tokens(sql)
    for i, token in enumerate(found):
        if _is_unread_number(token, sql):
            raise not_supported(f"the literal at {place_of(token.start, sql)}")
        if _is_foreign(token, found[i - 1] if i else None, found[i + 1 : i + 4], sql):
            raise InvalidRequest(f"{place_of(token.start, sql)}: mismatched input '{token.text}'")
    try:
        parsed = AthenaTrino().parser().parse(_fetches(found), sql)
    except ParseError as error:
        unread = _UNREAD.search(" ".join(token.text.upper() for token in found if token.token_type != TokenType.STRING))
        if unread:
            raise not_supported(f"the syntax of {unread[0]}") from error
        raise InvalidRequest(_parse_message(error, sql)) from error
    if len(parsed) != 1 or parsed[0] is None:
        raise InvalidRequest(f"Only one sql statement is allowed. Got: {sql}")
    for name in parsed[0].find_all(exp.Identifier):
        if not name.args.get("quoted") and name.name.upper() in _RESERVED:
            place = place_of(name.meta.get("start", 0), sql)
            raise InvalidRequest(f"{place}: mismatched input '{name.name}'. Expecting: <identifier>")
    return parsed[0]


def _fetches(found: list[Token]) -> list[Token]:
    """The tokens, with ROW as FETCH and OFFSET have it, which sqlglot takes for the type alone."""
    for i, token in enumerate(found):
        before = {one.text.upper() for one in found[max(0, i - 3) : i]}
        if token.text.upper() == "ROW" and before & {"FETCH", "OFFSET"}:
            token.token_type = TokenType.ROW
    return found


def _is_foreign(token: Token, before: Token | None, after: list[Token], sql: str) -> bool:
    """Whether a token starts something that sqlglot would read and Trino's grammar lacks."""
    kind, text = token.token_type, token.text.upper()
    following = after[0].text.upper() if after else ""
    if kind == TokenType.STRING:
        # AS 'x', 'a' 'b'
        return before is not None and before.token_type in (TokenType.ALIAS, TokenType.STRING)
    if kind == TokenType.IDENTIFIER:
        return not token.text
    if kind in _FOREIGN_TOKENS or text in _FOREIGN_TEXTS:
        return True
    if kind == TokenType.COMMA:
        return not after or (following in _AFTER_COMMA and after[0].token_type != TokenType.STRING)
    if kind == TokenType.L_BRACKET:
        ends = (TokenType.VAR, TokenType.IDENTIFIER, TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.ARRAY)
        if before is None or before.text.upper() in _RESERVED:
            return True
        return before.token_type not in ends and not before.text.replace("_", "a").isalnum()
    if kind in (TokenType.LEFT, TokenType.RIGHT):
        # Words of joins alone.
        return following == "("
    if kind == TokenType.FROM:
        return before is not None and before.token_type == TokenType.L_PAREN
    if kind == TokenType.LIMIT:
        return len(after) > 1 and after[1].token_type == TokenType.COMMA
    if kind == TokenType.INTERVAL and after:
        return _is_foreign_interval(after)
    if kind == TokenType.IN:
        return following == "(" and len(after) > 1 and after[1].token_type == TokenType.R_PAREN
    return False


def _is_unread_number(token: Token, sql: str) -> bool:
    """0x1F, 0b101, 0o17 and 1_000, which Trino reads and sqlglot does not."""
    text = sql[token.start : token.end + 2]
    return text[:1].isdigit() and bool(re.match("0[xXbBoO]|[0-9]+_", text))


def _is_foreign_interval(after: list[Token]) -> bool:
    if after[0].token_type == TokenType.NUMBER:
        return True
    rest = after[1:] if after[0].text in ("+", "-") else after
    if not rest or rest[0].token_type != TokenType.STRING:
        return False
    return len(rest) < 2 or rest[1].text.upper() not in _INTERVAL_UNITS


def _parse_message(error: ParseError, sql: str) -> str:
    first = error.errors[0] if error.errors else {}
    found = first.get("highlight") or "<EOF>"
    line = first.get("line") or 1
    end = first.get("col") or len(sql)
    column = max(1, end - len(found) + 1) if found != "<EOF>" else end
    return f"line {line}:{column}: mismatched input '{found}'. {first.get('description') or ''}".rstrip()


def position(node: Node, sql: str) -> tuple[int, int] | tuple[None, None]:
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


def identifier(node: Node | str | None) -> str:
    """An identifier's name: Athena compares them without case, quoted or not."""
    name = node if isinstance(node, str) else (node.name if node is not None else "")
    return name.lower()


def quote(name: str) -> str:
    """A DuckDB identifier."""
    return '"' + name.replace('"', '""') + '"'


def text_literal(value: str) -> str:
    """A DuckDB string literal."""
    return "'" + value.replace("'", "''") + "'"
