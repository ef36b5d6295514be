"""Mathematical and conditional functions (https://trino.io/docs/current/functions/math.html)."""

from __future__ import annotations

from localaws.athena import types as t
from localaws.athena.casts import Expr, coerce, try_sql
from localaws.athena.functions.aggregates import not_nan
from localaws.athena.functions.registry import Call, function, simple
from localaws.athena.syntax import text_literal
from localaws.athena.types import decimal, to_duckdb

for _name, _sql in {
    "sqrt": "sqrt({0})", "cbrt": "cbrt({0})", "exp": "exp({0})", "ln": "ln({0})", "log2": "log2({0})",
    "log10": "log10({0})", "sin": "sin({0})", "cos": "cos({0})", "tan": "tan({0})", "asin": "asin({0})",
    "acos": "acos({0})", "atan": "atan({0})", "sinh": "sinh({0})", "cosh": "cosh({0})", "tanh": "tanh({0})",
    "degrees": "degrees({0})", "radians": "radians({0})",
}.items():  # fmt: skip
    simple(_name, [t.DOUBLE], t.DOUBLE, _sql)
simple("atan2", [t.DOUBLE, t.DOUBLE], t.DOUBLE, "atan2({0}, {1})")
simple("log", [t.DOUBLE, t.DOUBLE], t.DOUBLE, "(ln({1}) / ln({0}))")
for _name in ("power", "pow"):
    simple(_name, [t.DOUBLE, t.DOUBLE], t.DOUBLE, "power({0}, {1})")
simple("pi", [], t.DOUBLE, "pi()")
simple("e", [], t.DOUBLE, "exp(1.0::DOUBLE)")
simple("nan", [], t.DOUBLE, "CAST('NaN' AS DOUBLE)")
simple("infinity", [], t.DOUBLE, "CAST('Infinity' AS DOUBLE)")
simple("is_nan", [t.DOUBLE], t.BOOLEAN, "isnan({0})")
simple("is_finite", [t.DOUBLE], t.BOOLEAN, "isfinite({0})")
simple("is_infinite", [t.DOUBLE], t.BOOLEAN, "isinf({0})")
simple("bitwise_and", [t.BIGINT, t.BIGINT], t.BIGINT, "({0} & {1})")
simple("bitwise_or", [t.BIGINT, t.BIGINT], t.BIGINT, "({0} | {1})")
simple("bitwise_xor", [t.BIGINT, t.BIGINT], t.BIGINT, "xor({0}, {1})")
simple("bitwise_not", [t.BIGINT], t.BIGINT, "(~{0})")
_BOUND = "CAST(t_fail('INVALID_FUNCTION_ARGUMENT: {0}') AS BIGINT)"
simple(
    "width_bucket", [t.DOUBLE, t.DOUBLE, t.DOUBLE, t.BIGINT], t.BIGINT,
    f"CASE WHEN {{0}} IS NULL OR {{1}} IS NULL OR {{2}} IS NULL OR {{3}} IS NULL THEN NULL "
    f"WHEN {{3}} <= 0 THEN {_BOUND.format('bucketCount must be greater than 0')} "
    f"WHEN isnan({{0}}) THEN {_BOUND.format('operand must not be NaN')} "
    f"WHEN NOT isfinite({{1}}) OR NOT isfinite({{2}}) THEN {_BOUND.format('bounds must be finite')} "
    f"WHEN {{1}} = {{2}} THEN {_BOUND.format('bounds cannot equal each other')} "
    "WHEN {1} < {2} AND {0} < {1} OR {1} > {2} AND {0} > {1} THEN 0 "
    "WHEN {1} < {2} AND {0} >= {2} OR {1} > {2} AND {0} <= {2} THEN {3} + 1 "
    "ELSE CAST(floor({3} * ({0} - {1}) / ({2} - {1}) + 1) AS BIGINT) END",
)  # fmt: skip


def _number(call: Call) -> Expr:
    value = call.args[0]
    if value.type.name == "unknown":
        return coerce(value, t.DOUBLE)
    if not value.type.is_numeric:
        raise call.mismatch()
    return value


@function("abs", takes=(1,))
def _abs(call: Call) -> Expr:
    value = _number(call)
    return Expr(f"abs({value.sql})", value.type)


@function("sign", takes=(1,))
def _sign(call: Call) -> Expr:
    value = _number(call)
    kind = decimal(1, 0) if value.type.name == "decimal" else value.type
    if value.type.name in ("double", "real"):
        return Expr(f"CASE WHEN isnan({value.sql}) THEN {value.sql} ELSE sign({value.sql}) END", kind)
    return Expr(f"CAST(sign({value.sql}) AS {to_duckdb(kind)})", kind)


@function("ceil", "ceiling", "floor", takes=(1,))
def _ceil_floor(call: Call) -> Expr:
    value = _number(call)
    if value.type.is_integer:
        return value
    kind = value.type
    if kind.name == "decimal":
        kind = decimal(kind.precision - kind.scale + min(kind.scale, 1), 0)
    operation = "floor" if call.name == "floor" else "ceil"
    return Expr(f"CAST({operation}({value.sql}) AS {to_duckdb(kind)})", kind)


@function("round", takes=(1, 2))
def _round(call: Call) -> Expr:
    value = _number(call)
    kind = value.type
    if len(call.args) == 1:
        if kind.is_integer:
            return value
        if kind.name == "decimal":
            result = decimal(kind.precision - kind.scale + min(kind.scale, 1), 0)
            return Expr(f"CAST(round({value.sql}) AS {to_duckdb(result)})", result)
        # To zero from below: -0.0.
        return Expr(f"CASE WHEN {value.sql} < 0 AND {value.sql} > -0.5 THEN -abs(round({value.sql})) "
                    f"ELSE round({value.sql}) END", kind)  # fmt: skip
    digits = call.arg(1, t.INTEGER)
    if kind.name == "decimal":
        if not isinstance(digits.literal, int):
            raise call.fail("NOT_SUPPORTED", "round(decimal, n) with an n that is not a literal")
        result = decimal(kind.precision + 1, kind.scale)
        rounded = value.sql if digits.literal >= kind.scale else f"round({value.sql}, {digits.literal})"
        return Expr(f"CAST({rounded} AS {to_duckdb(result)})", result)
    if kind.is_integer:
        if not isinstance(digits.literal, int):
            raise call.fail("NOT_SUPPORTED", "round(integer, n) with an n that is not a literal")
        if digits.literal >= 0:
            return Expr(value.sql, kind)
        wide = f"CAST({value.sql} AS DECIMAL(38,0))"
        return Expr(f"CAST(round({wide}, {digits.literal}) AS {to_duckdb(kind)})", kind)
    return Expr(f"CAST(round({value.sql}, {digits.sql}) AS {to_duckdb(kind)})", kind)


@function("truncate", takes=(1,))
def _truncate(call: Call) -> Expr:
    value = _number(call)
    if value.type.is_integer:
        return coerce(value, t.as_decimal(value.type))
    kind = value.type
    if kind.name == "decimal":
        kind = decimal(kind.precision - kind.scale or 1, 0)
    return Expr(f"CAST(trunc({value.sql}) AS {to_duckdb(kind)})", kind)


@function("mod", takes=(2,))
def _mod(call: Call) -> Expr:
    return call.translator.arithmetic("%", call.args[0], call.args[1], call.node)


@function("rand", "random")
def _random(call: Call) -> Expr:
    if not call.args:
        return Expr("random()", t.DOUBLE)
    call.count(1, 2)
    values, kind = call.translator.unify(call.args, call.node)
    if not kind.is_integer:
        raise call.mismatch()
    low, high = values[0].sql if len(values) == 2 else "0", values[-1].sql
    return Expr(f"CAST({low} + floor(random() * ({high} - {low})) AS {to_duckdb(kind)})", kind)


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


@function("nullif", takes=(2,))
def _nullif(call: Call) -> Expr:
    first = call.args[0]
    equal = call.translator.comparison("=", first, call.args[1], call.node)
    return Expr(f"CASE WHEN {equal.sql} THEN NULL ELSE {first.sql} END", first.type)


@function("try", takes=(1,))
def _try(call: Call) -> Expr:
    return Expr(try_sql(call.args[0].sql), call.args[0].type)


@function("typeof", takes=(1,))
def _typeof(call: Call) -> Expr:
    if call.args[0].type == t.FUNCTION:
        raise call.mismatch()
    text = str(call.args[0].type)
    return Expr(text_literal(text), t.VARCHAR, text)


@function("uuid")
def _uuid(call: Call) -> Expr:
    raise call.fail("NOT_SUPPORTED", "the type uuid")
