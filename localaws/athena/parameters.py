"""ExecutionParameters: the values that take the place of a query's question marks.

See https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements-querying-using-parameters.html.
"""

from __future__ import annotations

from collections.abc import Sequence

from localaws.athena.errors import USER_ERROR, QueryFailed


def substitute(sql: str, parameters: Sequence[str]) -> str:
    """The query with each ``?`` replaced by the literal that the parameter at its position is.

    Each value is parsed as one literal and written out anew, so it can only ever be a value. Raises QueryFailed when a
    parameter is no literal, or when there are more or fewer parameters than question marks.
    """
    from sqlglot import tokenize
    from sqlglot.tokenizer_core import TokenType

    marks = [token for token in tokenize(sql, read="trino") if token.token_type == TokenType.PLACEHOLDER]
    if len(marks) != len(parameters):
        raise QueryFailed(
            f"INVALID_PARAMETER_USAGE: line 1:1: Incorrect number of parameters: expected {len(marks)} but found "
            f"{len(parameters)}",
            USER_ERROR,
        )
    pieces = []
    position = 0
    for mark, text in zip(marks, parameters, strict=True):
        pieces += [sql[position : mark.start], _literal(text)]
        position = mark.end + 1
    return "".join([*pieces, sql[position:]])


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
