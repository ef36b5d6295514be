"""Arithmetic, concatenation, comparison and CAST with Trino's result types, rounding and errors."""

from __future__ import annotations

import datetime as dt

from sqlglot import exp

from localaws.athena import types as t
from localaws.athena.casts import CannotCast, Expr, cast_sql, coerce, scaled_sql
from localaws.athena.syntax import Node
from localaws.athena.translator import Translator
from localaws.athena.types import Type, array, decimal, to_duckdb

ARITHMETIC: dict[type[Node], str] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%",
}  # fmt: skip
# Types whose values this engine does not compare.
UNORDERED = ("map", "json", "row", "array")


class Operators(Translator):
    """Operators over translated operands."""

    def arithmetic(self, operator: str, a: Expr, b: Expr, node: Node) -> Expr:
        """`a operator b` for + - * / %, with Trino's result types, rounding, and errors for overflow and zero."""
        if a.type.name == "unknown" and b.type.is_numeric:
            a = coerce(a, b.type)
        elif b.type.name == "unknown" and a.type.is_numeric:
            b = coerce(b, a.type)
        if a.type.is_numeric and b.type.is_numeric:
            names = {a.type.name, b.type.name}
            if names & {"double", "real"}:
                kind = t.DOUBLE if "double" in names else t.REAL
                sql = f"({coerce(a, kind).sql} {operator} {coerce(b, kind).sql})"
                return Expr(f"CAST({sql} AS FLOAT)" if kind == t.REAL else sql, kind)
            if "decimal" in names:
                return self._decimal_arithmetic(operator, a, b)
            values, kind = self.unify([a, b], node)
            symbol = "//" if operator == "/" else operator
            if operator == "%" and (not isinstance(b.literal, int) or b.literal == -1):
                # Of the smallest number DuckDB says overflow.
                one, other = values[0].sql, values[1].sql
                return Expr(f"CASE WHEN {other} = -1 THEN {one} - {one} ELSE {one} % {other} END", kind)
            return Expr(f"CAST({values[0].sql} {symbol} {values[1].sql} AS {to_duckdb(kind)})", kind)
        result = self._moment_arithmetic(operator, a, b, node)
        intervals = [x.type.name.startswith("interval") for x in (a, b)]
        if result is None and operator in "*/" and sum(intervals) == 1 and (a if intervals[1] else b).type.is_numeric:
            raise self.unsupported(f"{a.type} {operator} {b.type}", node)
        if result is None:
            raise self.failure("TYPE_MISMATCH", f"Cannot apply operator: {a.type} {operator} {b.type}", node)
        return result

    def _decimal_arithmetic(self, operator: str, a: Expr, b: Expr) -> Expr:
        # Precision and scale: https://trino.io/docs/current/functions/decimal.html
        x, y = t.as_decimal(a.type), t.as_decimal(b.type)
        p1, s1, p2, s2 = x.precision, x.scale, y.precision, y.scale
        scale = max(s1, s2)
        left, right = coerce(a, x).sql, coerce(b, y).sql
        if operator == "/":
            kind = decimal(p1 + s2 + max(0, s2 - s1), scale)
            shift = 10 ** (scale - s1 + s2)
            numerator = f"(t_unscaled({left}) * CAST({shift} AS HUGEINT))"
            return Expr(scaled_sql(f"t_div_half_up({numerator}, t_unscaled({right}))", kind), kind)
        if operator == "*":
            kind = decimal(p1 + p2, s1 + s2)
            if kind.precision > 18:
                left = f"CAST({left} AS DECIMAL({kind.precision},{s1}))" if s1 <= kind.precision else left
        elif operator == "%":
            kind = decimal(max(1, min(p2 - s2, p1 - s1) + scale), scale)
        else:
            kind = decimal(max(p1 - s1, p2 - s2) + scale + 1, scale)
            wide = f"DECIMAL({kind.precision},{scale})"
            left, right = f"CAST({left} AS {wide})", f"CAST({right} AS {wide})"
        return Expr(f"CAST(({left} {operator} {right}) AS {to_duckdb(kind)})", kind)

    def _moment_arithmetic(self, operator: str, a: Expr, b: Expr, node: Node) -> Expr | None:
        if operator == "+" and a.type.name.startswith("interval") and b.type.name in t.MOMENTS:
            a, b = b, a
        if operator in "+-" and a.type.name in t.MOMENTS and b.type.name.startswith("interval"):
            if a.type.name == "date":
                if isinstance(b.literal, dt.timedelta) and b.literal.seconds:
                    raise self.failure(
                        "INVALID_FUNCTION_ARGUMENT", "Cannot add hour, minutes or seconds to a date", node
                    )
                return Expr(f"CAST(({a.sql} {operator} {b.sql}) AS DATE)", t.DATE)
            if a.type.name == "timestamp with time zone":
                if b.type == t.INTERVAL_YEAR and a.type.zone != "UTC":
                    local = f"timezone('{a.type.zone}', {a.sql})"
                    return Expr(f"timezone('{a.type.zone}', {local} {operator} {b.sql})", a.type)
                moment = f"timezone('UTC', {a.sql}) {operator} {b.sql}"
                return Expr(f"timezone('UTC', {moment})", _moved(a.type, b.type))
            return Expr(f"({a.sql} {operator} {b.sql})", _moved(a.type, b.type))
        if operator == "-" and a.type.name in t.MOMENTS and b.type.name in t.MOMENTS:
            values, _ = self.unify([a, b], node)
            ends = [f"CAST({value.sql} AS TIMESTAMP)" if value.type == t.DATE else value.sql for value in values]
            return Expr(f"to_microseconds(epoch_us({ends[0]}) - epoch_us({ends[1]}))", t.INTERVAL_DAY)
        if a.type == b.type and a.type.name.startswith("interval") and operator in "+-":
            return Expr(f"({a.sql} {operator} {b.sql})", a.type)
        if operator == "*" and b.type.name.startswith("interval"):
            a, b = b, a
        if operator == "*" and a.type.name.startswith("interval") and b.type.is_integer:
            return Expr(f"({a.sql} * {b.sql})", a.type)
        return None

    def concatenate(self, a: Expr, b: Expr, node: Node) -> Expr:
        """`a || b` for text, arrays and binary."""
        if "array" in (a.type.name, b.type.name):
            if "unknown" in (a.type.name, b.type.name):
                raise self.unsupported(f"{a.type} || {b.type}", node)
            sides = [x if x.type.name == "array" else Expr(f"[{x.sql}]", array(x.type)) for x in (a, b)]
            values, kind = self.unify(sides, node)
            joined = f"list_concat({values[0].sql}, {values[1].sql})"
            return Expr(f"CASE WHEN {a.sql} IS NULL OR {b.sql} IS NULL THEN NULL ELSE {joined} END", kind)
        if a.type == b.type == t.VARBINARY:
            return Expr(f"({a.sql} || {b.sql})", t.VARBINARY)
        for value in (a, b):
            if not value.type.is_text and value.type.name != "unknown":
                raise self.failure(
                    "FUNCTION_NOT_FOUND", f"Unexpected parameters ({a.type}, {b.type}) for function concat", node
                )
        literal = a.literal + b.literal if isinstance(a.literal, str) and isinstance(b.literal, str) else None
        return Expr(f"({coerce(a, t.VARCHAR).sql} || {coerce(b, t.VARCHAR).sql})", t.VARCHAR, literal)

    def comparison(self, operator: str, a: Expr, b: Expr, node: Node) -> Expr:
        """`a operator b` for = <> < <= > >=."""
        kind = t.common_type(a.type, b.type)
        if operator not in ("=", "<>") and kind is not None and "json" in str(kind):
            raise self.unsupported(f"{operator} between values of type {kind}", node)
        if kind is None or (kind.name == "map" and operator not in ("=", "<>")):
            raise self.failure("TYPE_MISMATCH", f"Cannot apply operator: {a.type} {operator} {b.type}", node)
        if kind.name in ("array", "row") and operator in ("=", "<>"):
            equal = self._nested_equality(coerce(a, kind), coerce(b, kind), node)
            return Expr(equal if operator == "=" else f"(NOT {equal})", t.BOOLEAN)
        if kind.name in UNORDERED:
            raise self.unsupported(f"{operator} between values of type {kind}", node)
        left, right = coerce(a, kind).sql, coerce(b, kind).sql
        if kind.name in ("double", "real"):
            return Expr(self._number_comparison(operator, a, b, left, right), t.BOOLEAN)
        return Expr(f"({left} {operator} {right})", t.BOOLEAN)

    def _nested_equality(self, a: Expr, b: Expr, node: Node) -> str:
        """Equality item by item: false when one pair differs, else NULL when one is unknown."""
        if a.type.name == "row":
            pairs = []
            for i, (_, kind) in enumerate(a.type.args):
                x, y = (Expr(f"struct_extract({side.sql}, '{t.row_field(a.type, i)}')", kind) for side in (a, b))
                pairs.append(self.comparison("=", x, y, node).sql)
            return f"CASE WHEN {a.sql} IS NOT NULL AND {b.sql} IS NOT NULL THEN ({' AND '.join(pairs)}) END"
        place = self.fresh()
        x, y = (Expr(f"({side.sql})[{place}]", a.type.element) for side in (a, b))
        equal = self.comparison("=", x, y, node).sql
        pairs_ = f"list_transform(range(1, len({a.sql}) + 1), lambda {place}: {equal})"
        return (
            f"CASE WHEN {a.sql} IS NULL OR {b.sql} IS NULL THEN NULL WHEN len({a.sql}) <> len({b.sql}) THEN FALSE "
            f"WHEN list_contains({pairs_}, FALSE) THEN FALSE WHEN len({pairs_}) = list_count({pairs_}) THEN TRUE END"
        )

    @staticmethod
    def _number_comparison(operator: str, a: Expr, b: Expr, left: str, right: str) -> str:
        """DuckDB holds NaN for the greatest number and equal to itself; to Trino no comparison with NaN is true."""
        if operator == "<>":
            if a.literal is not None or b.literal is not None:
                return f"({left} <> {right})"
            return f"(NOT {Operators._number_comparison('=', a, b, left, right)})"
        compared = f"{left} {operator} {right}"
        # The one side that, being NaN, would make it true; what is NULL on the other side stays NULL.
        suspect, other, literal = (right, left, b.literal) if operator in ("<", "<=") else (left, right, a.literal)
        if literal is not None or (operator == "=" and b.literal is not None):
            return f"({compared})"
        number = f"{suspect} <= CAST('Infinity' AS DOUBLE)"
        if (a if suspect is right else b).literal is None:
            number = f"({number} OR {other} IS NULL)"
        return f"({compared} AND {number})"

    def cast(self, value: Expr, target: Type, node: Node) -> Expr:
        """CAST(value AS target)."""
        try:
            return Expr(cast_sql(value, target), target)
        except CannotCast as error:
            raise self.failure("TYPE_MISMATCH", f"Cannot cast {value.type} to {target}", node) from error

    def _arithmetic(self, node: exp.Binary) -> Expr:
        return self.arithmetic(ARITHMETIC[type(node)], self.translate(node.this), self.translate(node.expression), node)

    def _concat(self, node: exp.DPipe) -> Expr:
        return self.concatenate(self.translate(node.this), self.translate(node.expression), node)

    def _negative(self, node: exp.Neg) -> Expr:
        inner = node.this.unnest()
        if isinstance(inner, exp.Neg) and not isinstance(inner.this, exp.Literal):
            # Trino takes both away, and so does not fail of the smallest number.
            value = self.translate(inner.this)
            return Expr(value.sql, self._negated(value, node).type)
        if isinstance(inner, exp.Literal) and inner is node.this and inner.name == str(2**63):
            return Expr(f"(-{2**63})", t.BIGINT, -(2**63))
        return self._negated(self.translate(node.this), node)

    def _negated(self, value: Expr, node: exp.Neg) -> Expr:
        if not value.type.is_numeric and not value.type.name.startswith("interval"):
            raise self.failure("TYPE_MISMATCH", f"Cannot negate {value.type}", node)
        constant = isinstance(value.literal, int | float | dt.timedelta) and not isinstance(value.literal, bool)
        literal = -value.literal if constant else None
        negated = f"(-{value.sql})"
        if value.type.is_integer and literal is None:
            # DuckDB works out a constant's negative in a wider type.
            negated = f"CAST({negated} AS {to_duckdb(value.type)})"
        return Expr(negated, value.type, literal)


def _moved(moment: Type, interval: Type) -> Type:
    """A timestamp's type after an interval was added: days to seconds have milliseconds."""
    if interval == t.INTERVAL_YEAR:
        return moment
    return Type(moment.name, (max(3, moment.precision),), moment.zone)
