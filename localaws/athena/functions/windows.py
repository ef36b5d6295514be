"""Window functions (https://trino.io/docs/current/functions/window.html)."""

from __future__ import annotations

from collections.abc import Callable

from localaws.athena import types as t
from localaws.athena.casts import Expr, coerce
from localaws.athena.functions.aggregates import AggregateCall

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
    return Expr(call.aggregate("ntile", call.integer(0)), t.BIGINT)


def _value(call: AggregateCall) -> Expr:
    call.count(1)
    return Expr(call.aggregate(call.name, call.args[0].sql + call.order), call.args[0].type)


def _nth_value(call: AggregateCall) -> Expr:
    call.count(2)
    return Expr(call.aggregate("nth_value", call.args[0].sql, call.integer(1) + call.order), call.args[0].type)


def _offset(call: AggregateCall) -> Expr:
    call.count(1, 2, 3)
    kind = call.args[0].type
    arguments = [call.args[0].sql]
    if len(call.args) > 1:
        arguments.append(call.integer(1))
    if len(call.args) > 2:
        if not t.coercible(call.args[2].type, kind):
            raise call.mismatch()
        arguments.append(coerce(call.args[2], kind).sql)
    arguments[-1] += call.order
    return Expr(call.aggregate(call.name, *arguments), kind)


WINDOW_FUNCTIONS.update(
    {
        "ntile": _ntile,
        "first_value": _value,
        "last_value": _value,
        "nth_value": _nth_value,
        "lag": _offset,
        "lead": _offset,
    }
)
