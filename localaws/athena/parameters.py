"""ExecutionParameters: the values that take the place of a query's question marks.

See https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements-querying-using-parameters.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from localaws.athena.errors import USER_ERROR, QueryFailed, not_supported


def substitute(sql: str, parameters: Sequence[str]) -> str:
    """The query with each ``?`` replaced by the literal that the parameter at its position is.

    Each value is parsed as one literal and written out anew, so it can only ever be a value. Raises QueryFailed when a
    parameter is no literal, or when there are more or fewer parameters than question marks.
    """
    marks = list(_marks(sql))
    if len(marks) != len(parameters):
        raise QueryFailed(
            f"INVALID_PARAMETER_USAGE: line 1:1: Incorrect number of parameters: expected {len(marks)} but found "
            f"{len(parameters)}",
            USER_ERROR,
        )
    pieces = []
    position = 0
    for mark, text in zip(marks, parameters, strict=True):
        pieces += [sql[position:mark], _literal(text)]
        position = mark + 1
    return "".join([*pieces, sql[position:]])


def _marks(sql: str) -> Iterator[int]:
    """The places of the question marks. Raises QueryFailed for one outside of WHERE, where AWS documents none.

    See https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements.html.
    """
    from sqlglot import tokenize
    from sqlglot.tokenizer_core import TokenType

    begin = {TokenType.SELECT, TokenType.GROUP_BY, TokenType.ORDER_BY, TokenType.HAVING, TokenType.LIMIT,
             TokenType.UNION, TokenType.EXCEPT, TokenType.INTERSECT}  # fmt: skip
    # Whether a WHERE has begun, for each open bracket.
    within = [False]
    for token in tokenize(sql, read="trino"):
        if token.token_type in begin or token.token_type == TokenType.WHERE:
            within[-1] = token.token_type == TokenType.WHERE
        elif token.token_type == TokenType.L_PAREN:
            within.append(False)
        elif token.token_type == TokenType.R_PAREN and len(within) > 1:
            within.pop()
        elif token.token_type == TokenType.PLACEHOLDER:
            if not any(within):
                raise not_supported("parameters are only for the WHERE clause", token.line, token.col)
            yield token.start


def _literal(text: str) -> str:
    from sqlglot import exp, parse
    from sqlglot.errors import SqlglotError

    try:
        parsed = parse(text, read="trino")
    except SqlglotError:
        parsed = []
    if len(parsed) == 1 and parsed[0] is not None:
        value = parsed[0]
        inner = value.this if isinstance(value, exp.Neg | exp.Cast) else value
        if isinstance(inner, exp.Literal | exp.Boolean | exp.Null):
            return value.sql(dialect="trino", comments=False)
    raise QueryFailed(
        f"SYNTAX_ERROR: line 1:1: the execution parameter {text!r} is not a literal: expected a number, a text in "
        "single quotes, true, false, null, or DATE or TIMESTAMP and a text",
        USER_ERROR,
    )
