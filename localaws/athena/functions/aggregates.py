"""Aggregate and window functions (https://trino.io/docs/current/functions/aggregate.html and .../window.html).

A handler writes its DuckDB aggregate calls through `AggregateCall.aggregate`, which adds DISTINCT, ORDER BY, FILTER and
OVER, so that one Trino aggregate may become an expression over several.
"""

from __future__ import annotations

from dataclasses import dataclass

from localaws.athena import types as t
from localaws.athena.casts import Expr, coerce, scaled_sql
from localaws.athena.functions.registry import Call, Function, registering
from localaws.athena.types import array, decimal, to_duckdb


@dataclass
class AggregateCall(Call):
    """An aggregate's call: also DISTINCT, ORDER BY, and the SQL of FILTER and OVER to put after each call."""

    distinct: bool = False
    order: str = ""
    suffix: str = ""
    star: bool = False

    def aggregate(self, name: str, *arguments: str, ordered: bool = False) -> str:
        """SQL of one DuckDB aggregate call with everything that was written around it."""
        distinct = "DISTINCT " if self.distinct else ""
        order = f" {self.order}" if ordered and self.order else ""
        return f"{name}({distinct}{', '.join(arguments)}{order}){self.suffix}"


AGGREGATES: dict[str, Function[AggregateCall]] = {}

_aggregate = registering(AGGREGATES)


def not_nan(value: Expr) -> str:
    """SQL of a floating point value that is NULL instead of NaN."""
    return f"CASE WHEN isnan({value.sql}) THEN NULL ELSE {value.sql} END"


@_aggregate("count")
def _count(call: AggregateCall) -> Expr:
    if call.star or not call.args:
        return Expr(f"count(*){call.suffix}", t.BIGINT)
    call.count(1)
    return Expr(call.aggregate("count", call.args[0].sql), t.BIGINT)


@_aggregate("count_if(boolean) bigint")
def _count_if(call: AggregateCall) -> str:
    return call.aggregate("count", f"CASE WHEN {call.sql[0]} THEN 1 END")


@_aggregate("sum(T) T")
def _sum(call: AggregateCall) -> Expr:
    value = call.args[0]
    if value.type.name.startswith("interval"):
        return Expr(call.aggregate("sum", value.sql), value.type)
    kind = value.type
    if kind.is_integer or kind.name == "unknown":
        return Expr(f"CAST({call.aggregate('sum', coerce(value, t.BIGINT).sql)} AS BIGINT)", t.BIGINT)
    if kind.name == "decimal":
        result = decimal(38, kind.scale)
        return Expr(f"CAST({call.aggregate('sum', value.sql)} AS {to_duckdb(result)})", result)
    if kind.name == "double":
        return Expr(call.aggregate("sum", value.sql), kind)
    if kind.name == "real":
        return Expr(f"CAST({call.aggregate('sum', value.sql)} AS FLOAT)", kind)
    raise call.mismatch()


@_aggregate("avg(T) T")
def _avg(call: AggregateCall) -> Expr:
    value = call.args[0]
    if value.type.name == "decimal":
        scale = value.type.scale
        total = f"t_unscaled(CAST({call.aggregate('sum', value.sql)} AS DECIMAL(38,{scale})))"
        count = f"CAST({call.aggregate('count', value.sql)} AS HUGEINT)"
        quotient = scaled_sql(f"t_div_half_up({total}, {count})", value.type)
        return Expr(f"CASE WHEN {call.aggregate('count', value.sql)} > 0 THEN {quotient} END", value.type)
    if value.type.name == "real":
        return Expr(f"CAST({call.aggregate('avg', value.sql)} AS FLOAT)", t.REAL)
    if value.type.is_numeric or value.type.name == "unknown":
        return Expr(call.aggregate("avg", coerce(value, t.DOUBLE).sql), t.DOUBLE)
    raise call.mismatch()


@_aggregate("min max(T) T")
def _extreme(call: AggregateCall) -> Expr:
    value = call.args[0]
    kind = value.type
    if kind.name in ("map", "json", "unknown"):
        raise call.fail("FUNCTION_NOT_FOUND", f"Unexpected parameters ({kind}) for function {call.name}")
    if kind.name in ("row", "array"):
        raise call.fail("NOT_SUPPORTED", f"{call.name} of {kind}")
    found = call.aggregate(call.name, value.sql)
    if call.name == "max" and kind.name in ("double", "real"):
        # NaN is the largest only where there is nothing else.
        found = f"coalesce({call.aggregate('max', not_nan(value))}, {found})"
    return Expr(found, kind)


@_aggregate("max_by min_by(V, K) V")
def _extreme_by(call: AggregateCall) -> Expr:
    if call.distinct:
        raise call.fail("NOT_SUPPORTED", f"DISTINCT in {call.name}")
    value, key = call.args
    if key.type.name in ("map", "json", "row", "array"):
        raise call.fail("NOT_SUPPORTED", f"{call.name} by {key.type}")
    operation = "arg_max_null" if call.name == "max_by" else "arg_min_null"
    found = call.aggregate(operation, value.sql, key.sql)
    if call.name == "max_by" and key.type.name in ("double", "real"):
        numbers = not_nan(key)
        counted = call.aggregate("count", numbers)
        found = f"CASE WHEN {counted} > 0 THEN {call.aggregate(operation, value.sql, numbers)} ELSE {found} END"
    return Expr(found, value.type)


@_aggregate("arbitrary any_value(T) T")
def _any(call: AggregateCall) -> str:
    return call.aggregate("any_value", *call.sql)


@_aggregate("bool_and every bool_or(boolean) boolean")
def _bool(call: AggregateCall) -> str:
    return call.aggregate("bool_or" if call.name == "bool_or" else "bool_and", *call.sql)


@_aggregate("approx_distinct(T) bigint", "approx_distinct(T, double) bigint")
def _approx_distinct(call: AggregateCall) -> str:
    # The exact count is within every error that Trino promises, and is the same on every run.
    if call.suffix.strip().startswith("OVER"):
        raise call.fail("NOT_SUPPORTED", "approx_distinct as a window function")
    return f"count(DISTINCT {call.sql[0]}){call.suffix}"


@_aggregate("approx_percentile")
def _approx_percentile(call: AggregateCall) -> Expr:
    # The exact percentile: Trino's digest approximates it, and it is always a value of the input.
    call.count(2)
    value = call.args[0]
    if not value.type.is_numeric:
        raise call.mismatch()
    if value.type.name == "decimal" or value.type.is_integer:
        value = coerce(value, t.REAL if value.type.name == "decimal" else t.BIGINT)
    if value.type != t.BIGINT:
        finite = call.invalid("value must be finite", to_duckdb(value.type))
        value = Expr(f"CASE WHEN isfinite({value.sql}) THEN {value.sql} WHEN {value.sql} IS NOT NULL THEN {finite} END",
                     value.type)  # fmt: skip
    fraction = call.args[1]
    if fraction.type.name == "array":
        return Expr(call.aggregate("quantile_disc", value.sql, fraction.sql), array(value.type))
    return Expr(call.aggregate("quantile_disc", value.sql, call.arg(1, t.DOUBLE).sql), value.type)


@_aggregate("array_agg(T) array(T)")
def _array_agg(call: AggregateCall) -> str:
    return call.aggregate("list", *call.sql, ordered=True)


@_aggregate("listagg(varchar) varchar", "listagg(varchar, varchar) varchar")
def _listagg(call: AggregateCall) -> str:
    return call.aggregate("string_agg", *[*call.sql, "''"][:2], ordered=True)


@_aggregate("map_agg(K, V) map(K, V)")
def _map_agg(call: AggregateCall) -> str:
    key, value = call.sql
    pairs = call.aggregate("list", f"struct_pack(k := {key}, v := {value})")
    present = f"list_filter({pairs}, lambda t_item: t_item.k IS NOT NULL)"
    keys = f"list_transform({present}, lambda t_x: t_x.k)"
    first = f"list_filter({present}, lambda t_item, t_i: list_position({keys}, t_item.k) = t_i)"
    return f"map_from_entries({first})"


@_aggregate("stddev_samp stddev_pop var_samp var_pop(double) double", "stddev variance(double) double")
def _statistic(call: AggregateCall) -> str:
    return call.aggregate({"stddev": "stddev_samp", "variance": "var_samp"}.get(call.name, call.name), *call.sql)


@_aggregate("corr covar_pop covar_samp regr_slope regr_intercept(T, T) T")
def _paired(call: AggregateCall) -> Expr:
    found = call.aggregate(call.name, call.arg(0, t.DOUBLE).sql, call.arg(1, t.DOUBLE).sql)
    if not call.name.startswith("covar"):
        found = f"CASE WHEN isfinite({found}) THEN {found} END"
    # Of the overloads for real and double, Trino takes the first that fits.
    return Expr(found, t.DOUBLE) if call.result == t.DOUBLE else Expr(f"CAST({found} AS FLOAT)", t.REAL)


# --- window functions

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
