"""Window functions (https://trino.io/docs/current/functions/window.html)."""

from __future__ import annotations

from localaws.athena.functions.aggregates import AggregateCall
from localaws.athena.functions.registry import Function, registering

WINDOW_FUNCTIONS: dict[str, Function[AggregateCall]] = {}

_window = registering(WINDOW_FUNCTIONS)


@_window("row_number rank dense_rank() bigint", "percent_rank cume_dist() double")
def _ranking(call: AggregateCall) -> str:
    return call.aggregate(call.name)


@_window("ntile(bigint) bigint")
def _ntile(call: AggregateCall) -> str:
    return call.aggregate("ntile", _at_least(call, 0, 1, "Buckets must be greater than 0"))


@_window("first_value last_value(T) T")
def _value(call: AggregateCall) -> str:
    return call.aggregate(call.name, call.sql[0] + call.order)


@_window("nth_value(T, bigint) T")
def _nth_value(call: AggregateCall) -> str:
    return call.aggregate("nth_value", call.sql[0], _at_least(call, 1, 1, "Offset must be at least 1") + call.order)


def _at_least(call: AggregateCall, index: int, least: int, text: str) -> str:
    """SQL of a whole number that may not be smaller."""
    number, literal = call.sql[index], call.args[index].literal
    if isinstance(literal, int) and literal >= least:
        return number
    return f"CASE WHEN {number} < {least} THEN {call.invalid(text, 'BIGINT')} ELSE {number} END"


@_window("lag lead(T) T", "lag lead(T, bigint) T", "lag lead(T, bigint, T) T")
def _offset(call: AggregateCall) -> str:
    arguments = call.sql
    if len(arguments) > 1:
        offset = _at_least(call, 1, 0, "Offset must be at least 0")
        absent = call.invalid("Offset must not be null", "BIGINT")
        arguments[1] = offset if call.args[1].literal is not None else f"coalesce({offset}, {absent})"
    arguments[-1] += call.order
    return call.aggregate(call.name, *arguments)
