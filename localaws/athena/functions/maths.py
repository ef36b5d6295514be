"""Mathematical and conditional functions (https://trino.io/docs/current/functions/math.html)."""

from __future__ import annotations

from localaws.athena import types as t
from localaws.athena.casts import Expr, coerce, try_sql
from localaws.athena.functions.aggregates import not_nan
from localaws.athena.functions.registry import Call, function, simple
from localaws.athena.syntax import text_literal
from localaws.athena.types import Type, decimal, to_duckdb

for _name in (
    "acos", "asin", "atan", "cbrt", "cos", "cosh", "degrees", "exp", "ln", "log10", "log2", "radians", "sin", "sinh",
    "sqrt", "tan", "tanh",
):  # fmt: skip
    simple(f"{_name}(double) double", f"{_name}({{0}})")
simple("atan2(double, double) double", "atan2({0}, {1})")
simple("log(double, double) double", "(ln({1}) / ln({0}))")
simple("power pow(double, double) double", "power({0}, {1})")
simple("pi() double", "pi()")
simple("e() double", "exp(1.0::DOUBLE)")
simple("nan() double", "CAST('NaN' AS DOUBLE)")
simple("infinity() double", "CAST('Infinity' AS DOUBLE)")
simple("is_nan(double) boolean", "isnan({0})")
simple("is_finite(double) boolean", "isfinite({0})")
simple("is_infinite(double) boolean", "isinf({0})")
simple("bitwise_and(bigint, bigint) bigint", "({0} & {1})")
simple("bitwise_or(bigint, bigint) bigint", "({0} | {1})")
simple("bitwise_xor(bigint, bigint) bigint", "xor({0}, {1})")
simple("bitwise_not(bigint) bigint", "(~{0})")


@function("width_bucket(double, double, double, bigint) bigint")
def _width_bucket(call: Call) -> str:
    value, low, high, count = call.sql
    return (
        f"CASE WHEN {value} IS NULL OR {low} IS NULL OR {high} IS NULL OR {count} IS NULL THEN NULL "
        f"WHEN {count} <= 0 THEN {call.invalid('bucketCount must be greater than 0')} "
        f"WHEN isnan({value}) THEN {call.invalid('operand must not be NaN')} "
        f"WHEN NOT isfinite({low}) OR NOT isfinite({high}) THEN {call.invalid('bounds must be finite')} "
        f"WHEN {low} = {high} THEN {call.invalid('bounds cannot equal each other')} "
        f"WHEN {low} < {high} AND {value} < {low} OR {low} > {high} AND {value} > {low} THEN 0 "
        f"WHEN {low} < {high} AND {value} >= {high} OR {low} > {high} AND {value} <= {high} THEN {count} + 1 "
        f"ELSE CAST(floor({count} * ({value} - {low}) / ({high} - {low}) + 1) AS BIGINT) END"
    )


simple("abs(N) N", "abs({0})")


@function("sign(N) N")
def _sign(call: Call) -> Expr:
    value = call.args[0]
    kind = decimal(1, 0) if value.type.name == "decimal" else value.type
    if value.type.name in ("double", "real"):
        kept = f"isnan({value.sql}) OR {value.sql} = 0"
        return Expr(f"CASE WHEN {kept} THEN {value.sql} ELSE sign({value.sql}) END", kind)
    return Expr(f"CAST(sign({value.sql}) AS {to_duckdb(kind)})", kind)


def _whole(kind: Type) -> Type:
    """The type of a number without its fraction, rounded."""
    return decimal(kind.precision - kind.scale + min(kind.scale, 1), 0) if kind.name == "decimal" else kind


@function("ceil ceiling floor(N) N")
def _ceil_floor(call: Call) -> Expr:
    value = call.args[0]
    if value.type.is_integer:
        return value
    operation = "floor" if call.name == "floor" else "ceil"
    return Expr(f"CAST({operation}({value.sql}) AS {to_duckdb(_whole(value.type))})", _whole(value.type))


@function("round(N) N")
def _round(call: Call) -> Expr:
    value, kind = call.args[0], _whole(call.result)
    if kind.is_integer:
        return value
    if kind.name == "decimal":
        return Expr(f"CAST(round({value.sql}) AS {to_duckdb(kind)})", kind)
    return Expr(f"round({value.sql} + 0)", kind)  # of -0.0 this is 0.0; to zero from below it is -0.0


@function("round(N, integer) N")
def _round_to(call: Call) -> Expr:
    value, digits, kind = call.args[0], call.args[1], call.result
    if kind.name in ("double", "real"):
        return Expr(f"CAST(round({value.sql} + 0, {digits.sql}) AS {to_duckdb(kind)})", kind)
    if not isinstance(digits.literal, int):
        of = "decimal" if kind.name == "decimal" else "integer"
        raise call.fail("NOT_SUPPORTED", f"round({of}, n) with an n that is not a literal")
    if kind.name == "decimal":
        result = decimal(kind.precision + 1, kind.scale)
        rounded = value.sql if digits.literal >= kind.scale else f"round({value.sql}, {digits.literal})"
        return Expr(f"CAST({rounded} AS {to_duckdb(result)})", result)
    if digits.literal >= 0:
        return Expr(value.sql, kind)
    wide = f"CAST({value.sql} AS DECIMAL(38,0))"
    return Expr(f"CAST(round({wide}, {digits.literal}) AS {to_duckdb(kind)})", kind)


@function("truncate(N) N")
def _truncate(call: Call) -> Expr:
    value = call.args[0]
    if value.type.is_integer:
        return coerce(value, t.as_decimal(value.type))
    kind = value.type
    if kind.name == "decimal":
        kind = decimal(kind.precision - kind.scale or 1, 0)
    return Expr(f"CAST(trunc({value.sql}) AS {to_duckdb(kind)})", kind)


@function("mod")
def _mod(call: Call) -> Expr:
    call.count(2)
    return call.translator.arithmetic("%", call.args[0], call.args[1], call.node)


simple("rand random() double", "random()")


@function("greatest", "least")
def _extreme(call: Call) -> Expr:
    if not call.args:
        raise call.mismatch()
    values, kind = call.translator.unify(call.args, call.node)
    # Not by OR, which is content with the first that is NULL: each may fail.
    absent = f"list_count([{', '.join(value.sql for value in values)}]) < {len(values)}"
    if kind.name in ("array", "row"):
        raise call.fail("NOT_SUPPORTED", f"{call.name} of {kind}")
    if kind.name in ("map", "json", "unknown", "interval"):
        raise call.mismatch()
    if call.name == "greatest" and kind.name in ("double", "real"):
        numbers = ", ".join(not_nan(value) for value in values)
        nan = f"CAST('NaN' AS {to_duckdb(kind)})"
        return Expr(f"CASE WHEN {absent} THEN NULL ELSE coalesce(greatest({numbers}), {nan}) END", kind)
    extreme = f"{call.name}({', '.join(value.sql for value in values)})"
    return Expr(f"CASE WHEN {absent} THEN NULL ELSE {extreme} END", kind)


@function("coalesce")
def _coalesce(call: Call) -> Expr:
    if len(call.args) < 2:
        raise call.fail("SYNTAX_ERROR", "The 'coalesce' function must have at least two arguments")
    values, kind = call.translator.unify(call.args, call.node)
    return Expr(f"coalesce({', '.join(value.sql for value in values)})", kind)


@function("nullif")
def _nullif(call: Call) -> Expr:
    call.count(2)
    first = call.args[0]
    equal = call.translator.comparison("=", first, call.args[1], call.node)
    return Expr(f"CASE WHEN {equal.sql} THEN NULL ELSE {first.sql} END", first.type)


@function("try(T) T")
def _try(call: Call) -> str:
    return try_sql(call.sql[0])


@function("typeof(T) varchar")
def _typeof(call: Call) -> Expr:
    text = str(call.args[0].type)
    return Expr(text_literal(text), t.VARCHAR, text)


@function("uuid")
def _uuid(call: Call) -> Expr:
    raise call.fail("NOT_SUPPORTED", "the type uuid")
