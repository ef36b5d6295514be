"""Window functions (https://trino.io/docs/current/functions/window.html)."""

from __future__ import annotations

from collections.abc import Callable

from localaws.athena import types as t
from localaws.athena.casts import Expr
from localaws.athena.functions.aggregates import AggregateCall
from localaws.athena.syntax import text_literal

WINDOW_FUNCTIONS: dict[str, Callable[[AggregateCall], Expr]] = {}


def _ranking(name: str) -> None:
    def handler(call: AggregateCall) -> Expr:
        call.count(0)
        kind = t.DOUBLE if name in ("percent_rank", "cume_dist") else t.BIGINT
        return Expr(call.aggregate(name), kind)

    WINDOW_FUNCTIONS[name] = handler


for _name in ("row_number", "rank", "dense_rank", "percent_rank", "cume_dist"):
    _ranking(_name)


def _ntile(call: AggregateCall) -> Expr:
    call.count(1)
    return Expr(call.aggregate("ntile", _at_least(call, 0, 1, "Buckets must be greater than 0")), t.BIGINT)


def _value(call: AggregateCall) -> Expr:
    call.count(1)
    return Expr(call.aggregate(call.name, call.args[0].sql + call.order), call.args[0].type)


def _nth_value(call: AggregateCall) -> Expr:
    call.count(2)
    place = _at_least(call, 1, 1, "Offset must be at least 1")
    return Expr(call.aggregate("nth_value", call.args[0].sql, place + call.order), call.args[0].type)


def _at_least(call: AggregateCall, index: int, least: int, text: str) -> str:
    """SQL of a whole number that may not be smaller."""
    number = call.integer(index)
    if isinstance(call.args[index].literal, int) and call.args[index].literal >= least:
        return number
    return f"CASE WHEN {number} < {least} THEN {call.invalid(text_literal(text), 'BIGINT')} ELSE {number} END"


def _offset(call: AggregateCall) -> Expr:
    call.count(1, 2, 3)
    kind = call.args[0].type
    arguments = [call.args[0].sql]
    if len(call.args) > 1:
        offset = _at_least(call, 1, 0, "Offset must be at least 0")
        absent = call.invalid("'Offset must not be null'", "BIGINT")
        arguments.append(offset if call.args[1].literal is not None else f"coalesce({offset}, {absent})")
    if len(call.args) > 2:
        (first, default), kind = call.translator.unify([call.args[0], call.args[2]], call.node)
        arguments = [first.sql, *arguments[1:], default.sql]
    arguments[-1] += call.order
    return Expr(call.aggregate(call.name, *arguments), kind)


WINDOW_FUNCTIONS.update(ntile=_ntile, first_value=_value, last_value=_value, nth_value=_nth_value)
WINDOW_FUNCTIONS.update(lag=_offset, lead=_offset)
